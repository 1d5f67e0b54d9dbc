//! Iterators over arrays and strings, iterator helpers, and other objects that stand for one of another kind. (Iterators over
//! Maps and Sets are beside their tables.)
//!
//! ```text
//!   JSArrayIterator          +24 iterated object   +32 next index   +40 kind, Smi
//!   JSStringIterator         +24 string            +32 next index, Smi
//!   JSRegExpStringIterator   +24 regexp            +32 string       +40 flags
//!   JSValidIteratorWrapper   +24 iterator          +32 its next
//!   JSAsyncFromSyncIterator  +24 iterator          +32 its next
//!   JSWrappedFunction        +24 target
//!   iterator helpers         [state], iterator, its next, then the helper's own: function and counter, or what remains
//! ```
//!
//! (V8: `src/objects/js-array.tq`, `js-string-iterator`, `js-regexp-string-iterator.tq`, `js-iterator-helpers.tq`,
//! `js-objects.tq`.)

use crate::layout::Kind;
use crate::objects::value::HeapObject;
use crate::view::View;
use crate::{Result, Tagged};

impl View<'_> {
    /// What an iterator goes over and where it is, under the names that the language's specification gives these slots; those
    /// of iterator helpers have none there. Empty for anything else.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn iterator_slots(&self, object: HeapObject<'_>) -> Result<Vec<(&'static str, Tagged)>> {
        let fields = self.fields();
        let underlying = ("UnderlyingIterator", fields.iterator_helper_underlying);
        let slots: &[(&'static str, u64)] = match self.class_name(object.value()) {
            "JSArrayIterator" => &[
                ("IteratedArrayLike", fields.array_iterator_object),
                ("ArrayLikeNextIndex", fields.array_iterator_next),
            ],
            "JSStringIterator" => &[
                ("IteratedString", fields.string_iterator_string),
                ("StringNextIndex", fields.string_iterator_index),
            ],
            "JSRegExpStringIterator" => &[
                ("IteratingRegExp", fields.regexp_string_iterator_regexp),
                ("IteratedString", fields.regexp_string_iterator_string),
            ],
            "JSValidIteratorWrapper" => &[("Iterated", fields.valid_iterator_underlying)],
            "JSAsyncFromSyncIterator" => &[("SyncIterator", fields.async_from_sync_iterator)],
            "JSWrappedFunction" => &[("WrappedTargetFunction", fields.wrapped_function_target)],
            "WasmSuspendingObject" => &[("WrappedFunction", fields.suspending_callable)],
            "JSIteratorMapHelper" => &[
                underlying,
                ("Mapper", fields.iterator_map_mapper),
                ("Counter", fields.iterator_map_counter),
            ],
            "JSIteratorFilterHelper" => &[
                underlying,
                ("Predicate", fields.iterator_filter_predicate),
                ("Counter", fields.iterator_filter_counter),
            ],
            "JSIteratorTakeHelper" => &[underlying, ("Remaining", fields.iterator_take_remaining)],
            "JSIteratorDropHelper" => &[underlying, ("Remaining", fields.iterator_drop_remaining)],
            "JSIteratorFlatMapHelper" => &[
                underlying,
                ("Mapper", fields.iterator_flat_map_mapper),
                ("Counter", fields.iterator_flat_map_counter),
                ("InnerIterator", fields.iterator_flat_map_inner),
            ],
            "JSIteratorConcatHelper" => &[underlying],
            _ => return Ok(Vec::new()),
        };
        slots
            .iter()
            .map(|(name, at)| Ok((*name, self.words().tagged(object.address + at, "field of an iterator")?)))
            .collect()
    }

    /// The iterables that `Iterator.concat` goes over; `None` for anything else.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn concatenated(&self, object: HeapObject<'_>) -> Result<Option<Vec<Tagged>>> {
        if self.class_name(object.value()) != "JSIteratorConcatHelper" {
            return Ok(None);
        }
        let at = object.address + self.fields().iterator_concat_iterables;
        let array = self.object(self.words().tagged(at, "iterables")?)?;
        // Each with the method that makes its iterator.
        Ok(Some(self.array_words(array)?.into_iter().step_by(2).collect()))
    }

    /// The words of a `FixedArray`.
    ///
    /// # Errors
    /// If it is none, or cannot be read.
    pub(crate) fn array_words(&self, array: HeapObject<'_>) -> Result<Vec<Tagged>> {
        if array.kind() != Kind::FixedArray {
            return Err(self.wrong_type(array.value(), "FixedArray"));
        }
        (0..self.fixed_array_length(array.address)?)
            .map(|index| {
                let at = self.fields().element(array.address, index);
                self.words().tagged(at, "element of a FixedArray")
            })
            .collect()
    }
}
