//! Iterators over arrays and strings. (Those over Maps and Sets are beside their tables.)
//!
//! ```text
//!   JSArrayIterator          +24 iterated object   +32 next index   +40 kind, Smi
//!   JSStringIterator         +24 string            +32 next index, Smi
//!   JSRegExpStringIterator   +24 regexp            +32 string       +40 flags
//! ```
//!
//! (V8: `src/objects/js-array.tq`, `js-string-iterator`, `js-regexp-string-iterator.tq`.)

use crate::heap::Heap;
use crate::layout::offset;
use crate::objects::value::HeapObject;
use crate::{Result, Tagged};

const SECOND_FIELD: u64 = offset::FIRST_FIELD + 8;

impl Heap<'_> {
    /// What an array or string iterator goes over and where it is, under the names that the language's specification gives
    /// these slots. Empty for anything else.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn iterator_slots(&self, object: HeapObject<'_>) -> Result<Vec<(&'static str, Tagged)>> {
        let names = match self.class_name(object.value()) {
            "JSArrayIterator" => ["IteratedArrayLike", "ArrayLikeNextIndex"],
            "JSStringIterator" => ["IteratedString", "StringNextIndex"],
            "JSRegExpStringIterator" => ["IteratingRegExp", "IteratedString"],
            _ => return Ok(Vec::new()),
        };
        let words = self.words();
        let first = words.tagged(object.address + offset::FIRST_FIELD, "field of an iterator")?;
        let second = words.tagged(object.address + SECOND_FIELD, "field of an iterator")?;
        Ok(vec![(names[0], first), (names[1], second)])
    }
}
