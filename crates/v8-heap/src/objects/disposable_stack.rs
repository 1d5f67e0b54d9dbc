//! `DisposableStack` and `AsyncDisposableStack`.
//!
//! ```text
//!   JSDisposableStackBase   +24 stack: FixedArray of value, method, how   +32 status, Smi
//! ```
//!
//! (V8: `src/objects/js-disposable-stack.tq`, `JSDisposableStackBase`, `DisposableStackStatus`.)

use crate::heap::Heap;
use crate::layout::offset;
use crate::objects::value::HeapObject;
use crate::{Result, Tagged};

const STATUS: u64 = 32;
/// `DisposableStackStatus::state`: pending, else disposed.
const PENDING: i32 = 1;
/// `DisposableStackStatus::length` is in the bits above: words of the stack in use.
const LENGTH_SHIFT: u32 = 4;
const RESOURCE_WORDS: usize = 3;

/// A stack of resources.
#[derive(Clone, Debug)]
pub struct DisposableStack {
    /// Its resources have been disposed of.
    pub is_disposed: bool,
    /// Value and method of each resource, in the order of their arrival.
    pub resources: Vec<(Tagged, Tagged)>,
}

impl Heap<'_> {
    /// The resources of a disposable stack; `None` if the object is none.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn disposable_stack(&self, object: HeapObject<'_>) -> Result<Option<DisposableStack>> {
        if !matches!(self.class_name(object.value()), "JSSyncDisposableStack" | "JSAsyncDisposableStack") {
            return Ok(None);
        }
        let words = self.words();
        let status = words.tagged(object.address + STATUS, "status of a DisposableStack")?.smi().unwrap_or(0);
        let stack = self.object(words.tagged(object.address + offset::FIRST_FIELD, "DisposableStack")?)?;
        let mut resources = Vec::new();
        let used = usize::try_from(status >> LENGTH_SHIFT).unwrap_or(0);
        if used > 0 {
            let all = self.array_words(stack)?;
            resources.extend(
                all[..used.min(all.len())]
                    .chunks_exact(RESOURCE_WORDS)
                    .map(|resource| (resource[0], resource[1])),
            );
        }
        Ok(Some(DisposableStack { is_disposed: status & PENDING == 0, resources }))
    }
}
