//! `DisposableStack` and `AsyncDisposableStack`.
//!
//! ```text
//!   JSDisposableStackBase   +24 stack: FixedArray of value, method, how   +32 status, Smi
//! ```
//!
//! (V8: `src/objects/js-disposable-stack.tq`, `JSDisposableStackBase`, `DisposableStackStatus`.)

use crate::objects::value::HeapObject;
use crate::view::View;
use crate::{Result, Tagged};

/// Value, method, how.
const RESOURCE_WORDS: usize = 3;

/// A stack of resources.
#[derive(Clone, Debug)]
pub struct DisposableStack {
    /// Its resources have been disposed of.
    pub is_disposed: bool,
    /// Value and method of each resource, in the order of their arrival.
    pub resources: Vec<(Tagged, Tagged)>,
}

impl View<'_> {
    /// The resources of a disposable stack; `None` if the object is none.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn disposable_stack(&self, object: HeapObject<'_>) -> Result<Option<DisposableStack>> {
        if !matches!(self.class_name(object.value()), "JSSyncDisposableStack" | "JSAsyncDisposableStack") {
            return Ok(None);
        }
        let (words, fields) = (self.words(), self.fields());
        let status =
            words.tagged(object.address + fields.disposable_status, "status of a DisposableStack")?;
        let status = status.smi().unwrap_or(0) as u32;
        let stack =
            self.object(words.tagged(object.address + fields.disposable_stack, "DisposableStack")?)?;
        let mut resources = Vec::new();
        let used = self.bits().disposable_length.of(status.into()) as usize;
        if used > 0 {
            let all = self.array_words(stack)?;
            resources.extend(
                all[..used.min(all.len())]
                    .chunks_exact(RESOURCE_WORDS)
                    .map(|resource| (resource[0], resource[1])),
            );
        }
        // Pending, else disposed.
        let is_disposed = !self.bits().disposable_state.is_set(status);
        Ok(Some(DisposableStack { is_disposed, resources }))
    }
}
