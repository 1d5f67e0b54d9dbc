//! Generators, and the suspended calls of async functions.
//!
//! ```text
//!   JSGeneratorObject   +24 function  +32 context  +40 receiver  ...  +64 continuation, Smi  +72 registers
//! ```
//!
//! (V8: `src/objects/js-generator.tq`, `JSGeneratorObject::kGeneratorClosed`, `kGeneratorExecuting`.)

use crate::heap::Heap;
use crate::layout::{Kind, offset};
use crate::objects::value::HeapObject;
use crate::{Error, Result, Tagged};

const CONTINUATION: u64 = 64;
const CLOSED: i32 = -1;
const EXECUTING: i32 = -2;

/// How far a generator is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeneratorState {
    /// Waits to be resumed.
    Suspended,
    /// Was running when the core was taken.
    Executing,
    /// Has ended.
    Closed,
}

/// A generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generator {
    /// The function whose call it is.
    pub function: Tagged,
    /// How far it is.
    pub state: GeneratorState,
}

impl Heap<'_> {
    /// Function and state of a generator.
    ///
    /// # Errors
    /// If it is none, or cannot be read.
    pub fn generator(&self, object: HeapObject<'_>) -> Result<Generator> {
        if object.kind() != Kind::JsGenerator {
            return Err(self.wrong_type(object.value(), "JSGeneratorObject"));
        }
        let function =
            self.words().tagged(object.address + offset::FIRST_FIELD, "function of a generator")?;
        let continuation = self.words().tagged(object.address + CONTINUATION, "state of a generator")?;
        let state = match continuation.smi() {
            Some(CLOSED) => GeneratorState::Closed,
            Some(EXECUTING) => GeneratorState::Executing,
            Some(0..) => GeneratorState::Suspended,
            _ => {
                return Err(Error::Implausible {
                    what: "state",
                    object: object.value(),
                    found: continuation.to_string(),
                });
            }
        };
        Ok(Generator { function, state })
    }
}
