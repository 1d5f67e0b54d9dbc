//! Promises.
//!
//! ```text
//!   JSPromise   +24 reactions or result   +32 flags, Smi: bits 0-1 state
//! ```
//!
//! (V8: `src/objects/js-promise.tq`, `JSPromise`; `v8::Promise::PromiseState`.)

use crate::heap::Heap;
use crate::layout::{Kind, offset};
use crate::objects::value::HeapObject;
use crate::{Error, Result, Tagged};

const FLAGS: u64 = 32;

/// What has become of a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// Nothing yet.
    Pending,
    /// It has this value.
    Fulfilled(Tagged),
    /// It failed for this reason.
    Rejected(Tagged),
}

impl Heap<'_> {
    /// The state of a promise.
    ///
    /// # Errors
    /// If it is none, or cannot be read.
    pub fn promise(&self, object: HeapObject<'_>) -> Result<Promise> {
        if object.kind() != Kind::JsPromise {
            return Err(self.wrong_type(object.value(), "JSPromise"));
        }
        let flags = self.words().tagged(object.address + FLAGS, "flags of a JSPromise")?;
        let result = self.words().tagged(object.address + offset::FIRST_FIELD, "result of a JSPromise")?;
        match flags.smi().map(|flags| flags & 3) {
            Some(0) => Ok(Promise::Pending),
            Some(1) => Ok(Promise::Fulfilled(result)),
            Some(2) => Ok(Promise::Rejected(result)),
            _ => Err(Error::Implausible { what: "state", object: object.value(), found: flags.to_string() }),
        }
    }
}
