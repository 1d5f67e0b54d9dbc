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

use crate::heap::Heap;
use crate::layout::{Kind, offset};
use crate::objects::value::HeapObject;
use crate::{Result, Tagged};

const FIRST: u64 = offset::FIRST_FIELD;
const SECOND: u64 = FIRST + 8;

/// Fields of an iterator helper behind the iterator that it goes over.
mod helper {
    pub const OWN: u64 = 16;
    pub const SECOND_OWN: u64 = 24;
    pub const INNER: u64 = 32;
}

impl Heap<'_> {
    /// What an iterator goes over and where it is, under the names that the language's specification gives these slots; those
    /// of iterator helpers have none there. Empty for anything else.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn iterator_slots(&self, object: HeapObject<'_>) -> Result<Vec<(&'static str, Tagged)>> {
        let underlying = self.layout().fields.iterator_helper_underlying;
        let fields: &[(&'static str, u64)] = match self.class_name(object.value()) {
            "JSArrayIterator" => &[("IteratedArrayLike", FIRST), ("ArrayLikeNextIndex", SECOND)],
            "JSStringIterator" => &[("IteratedString", FIRST), ("StringNextIndex", SECOND)],
            "JSRegExpStringIterator" => &[("IteratingRegExp", FIRST), ("IteratedString", SECOND)],
            "JSValidIteratorWrapper" => &[("Iterated", FIRST)],
            "JSAsyncFromSyncIterator" => &[("SyncIterator", FIRST)],
            "JSWrappedFunction" => &[("WrappedTargetFunction", FIRST)],
            "WasmSuspendingObject" => &[("WrappedFunction", FIRST)],
            "JSIteratorMapHelper" => &[
                ("UnderlyingIterator", underlying),
                ("Mapper", underlying + helper::OWN),
                ("Counter", underlying + helper::SECOND_OWN),
            ],
            "JSIteratorFilterHelper" => &[
                ("UnderlyingIterator", underlying),
                ("Predicate", underlying + helper::OWN),
                ("Counter", underlying + helper::SECOND_OWN),
            ],
            "JSIteratorTakeHelper" | "JSIteratorDropHelper" => {
                &[("UnderlyingIterator", underlying), ("Remaining", underlying + helper::OWN)]
            }
            "JSIteratorFlatMapHelper" => &[
                ("UnderlyingIterator", underlying),
                ("Mapper", underlying + helper::OWN),
                ("Counter", underlying + helper::SECOND_OWN),
                ("InnerIterator", underlying + helper::INNER),
            ],
            "JSIteratorConcatHelper" => &[("UnderlyingIterator", underlying)],
            _ => return Ok(Vec::new()),
        };
        fields
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
        let at = object.address + self.layout().fields.iterator_helper_underlying + helper::OWN;
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
                let at = array.address + offset::ARRAY_ELEMENTS + 8 * index;
                self.words().tagged(at, "element of a FixedArray")
            })
            .collect()
    }
}
