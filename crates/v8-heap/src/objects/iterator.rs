//! Array iterators.
//!
//! ```text
//!   JSArrayIterator   +24 iterated object   +32 next index   +40 kind, Smi
//! ```
//!
//! (V8: `src/objects/js-array.tq`.)

use crate::heap::Heap;
use crate::layout::{Kind, offset};
use crate::objects::value::HeapObject;
use crate::{Result, Tagged};

const NEXT_INDEX: u64 = 32;

/// Where an array iterator is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArrayIterator {
    /// The array or array-like object; `undefined` at the end of typed arrays.
    pub iterated: Tagged,
    /// The index that comes next, a number; far beyond the length when the end was reached.
    pub next_index: Tagged,
}

impl Heap<'_> {
    /// Where an array iterator is.
    ///
    /// # Errors
    /// If it is none, or cannot be read.
    pub fn array_iterator(&self, object: HeapObject<'_>) -> Result<ArrayIterator> {
        if object.kind() != Kind::JsArrayIterator {
            return Err(self.wrong_type(object.value(), "JSArrayIterator"));
        }
        let words = self.words();
        Ok(ArrayIterator {
            iterated: words.tagged(object.address + offset::FIRST_FIELD, "object of a JSArrayIterator")?,
            next_index: words.tagged(object.address + NEXT_INDEX, "index of a JSArrayIterator")?,
        })
    }
}
