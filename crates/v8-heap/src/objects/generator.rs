//! Generators, and the suspended calls of async functions.
//!
//! ```text
//!   JSGeneratorObject        +24 function  +32 context  +40 receiver  +48 input, or where it stopped, Smi
//!                            +56 resume mode  +64 continuation, Smi  +72 parameters and registers
//!   JSAsyncFunctionObject    +80 promise
//!   JSAsyncGeneratorObject   +80 queue of requests
//!   AsyncGeneratorRequest    +8 next  +16 resume mode, Smi  +24 value  +32 promise
//! ```
//!
//! A suspended call keeps its parameters and registers in an array; variables that closures capture are in its context. V8 does
//! not keep the names of what is in registers (V8: `src/objects/js-generator.tq`, `JSGeneratorObject::kGeneratorClosed`,
//! `kGeneratorExecuting`, `source_position`).

use crate::layout::Kind;
use crate::objects::context::Variable;
use crate::objects::value::HeapObject;
use crate::view::View;
use crate::{Error, Result, Tagged};

/// Nobody looks at more requests of one generator, or scopes of one function.
const MOST: usize = 1 << 12;
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

/// What a suspended call still has.
#[derive(Clone, Debug, Default)]
pub struct Suspension {
    /// `this`
    pub receiver: Tagged,
    /// Where in its script it stopped, if that is known.
    pub position: Option<u32>,
    /// The parameters as they are now; those that closures capture are among the variables.
    pub parameters: Vec<Tagged>,
    /// The registers.
    pub registers: Vec<Tagged>,
    /// The variables of its scopes that closures capture, the innermost scope first.
    pub variables: Vec<Variable>,
}

/// Something that a program has asked of an async generator.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// `next`, `return` or `throw`
    pub method: &'static str,
    /// What it was given.
    pub value: Tagged,
    /// What it returned.
    pub promise: Tagged,
}

impl View<'_> {
    /// Function and state of a generator.
    ///
    /// # Errors
    /// If it is none, or cannot be read.
    pub fn generator(&self, object: HeapObject<'_>) -> Result<Generator> {
        if object.kind() != Kind::JsGenerator {
            return Err(self.wrong_type(object.value(), "JSGeneratorObject"));
        }
        let fields = self.fields();
        let field = |at: u64, what| self.words().tagged(object.address + at, what);
        let function = field(fields.generator_function, "function of a generator")?;
        let continuation = field(fields.generator_continuation, "state of a generator")?;
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

    /// The `SharedFunctionInfo` of a suspended call, and how far it has come in its bytecode: a small integer of V8's, for
    /// [`View::suspended_position`]. `None` if it is not suspended, or that is not known.
    pub fn suspended_in(&self, object: HeapObject<'_>) -> Option<(Tagged, i32)> {
        let generator = self.generator(object).ok()?;
        if generator.state != GeneratorState::Suspended {
            return None;
        }
        let shared = self.shared_function_info(self.object(generator.function).ok()?).ok()?.value();
        let at = object.address + self.fields().generator_input_or_position;
        Some((shared, self.words().tagged(at, "field of a generator").ok()?.smi()?))
    }

    /// Where in its script a call stopped, of what [`View::suspended_in`] gives.
    pub fn suspended_position(&self, shared: Tagged, offset: i32) -> Option<u32> {
        // The stored offset counts from the tagged pointer to the BytecodeArray.
        let header = u32::try_from(self.fields().bytecode_data.saturating_sub(1)).unwrap_or(0);
        let offset = u32::try_from(offset).ok()?.checked_sub(header)?;
        self.source_position(self.object(shared).ok()?, offset).ok()?
    }

    /// What a suspended generator still has; `None` if it is not suspended.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn suspension(&self, object: HeapObject<'_>) -> Result<Option<Suspension>> {
        let generator = self.generator(object)?;
        if generator.state != GeneratorState::Suspended {
            return Ok(None);
        }
        let (words, fields) = (self.words(), self.fields());
        let field = |at: u64| words.tagged(object.address + at, "field of a generator");
        let function = self.object(generator.function)?;
        let shared = self.shared_function_info(function)?;
        let count = u64::from(self.shared_function(shared)?.parameters.unwrap_or(0));
        let array = self.object(field(fields.generator_registers)?)?;
        if array.kind() != Kind::FixedArray {
            return Err(self.wrong_type(array.value(), "FixedArray"));
        }
        let length = self.fixed_array_length(array.address)?;
        let (mut parameters, mut registers) = (Vec::new(), Vec::new());
        for index in 0..length {
            let at = self.fields().element(array.address, index);
            let word = words.tagged(at, "register of a generator")?;
            if index < count { &mut parameters } else { &mut registers }.push(word);
        }
        // The stored offset counts from the tagged pointer to the BytecodeArray.
        let stored =
            field(fields.generator_input_or_position)?.smi().and_then(|stored| u32::try_from(stored).ok());
        let header = u32::try_from(fields.bytecode_data.saturating_sub(1)).unwrap_or(0);
        let position = match stored.and_then(|stored| stored.checked_sub(header)) {
            Some(offset) => self.source_position(shared, offset)?,
            None => None,
        };
        Ok(Some(Suspension {
            receiver: field(fields.generator_receiver)?,
            position,
            parameters,
            registers,
            variables: self
                .variables_down_to(field(fields.generator_context)?, self.function_context(function)?)?,
        }))
    }

    /// The variables of a context and of those around it, up to that which the function closes over.
    fn variables_down_to(&self, innermost: Tagged, outer: Tagged) -> Result<Vec<Variable>> {
        let mut variables = Vec::new();
        let mut context = innermost;
        for _ in 0..MOST {
            let object = self.object(context)?;
            if context == outer || object.kind() != Kind::Context {
                break;
            }
            variables.extend(self.context_variables(object)?);
            match self.previous_context(object)? {
                Some(previous) => context = previous.value(),
                None => break,
            }
        }
        Ok(variables)
    }

    /// The promise that the call of an async function returned; `None` for anything else.
    pub fn async_function_promise(&self, object: HeapObject<'_>) -> Option<Tagged> {
        self.is_async_function_call(object)
            .then(|| {
                self.words().tagged(object.address + self.fields().async_function_promise, "promise").ok()
            })
            .flatten()
    }

    /// What has been asked of an async generator and not been answered, in that order; `None` for anything else.
    ///
    /// # Errors
    /// If a request cannot be read.
    pub fn generator_requests(&self, object: HeapObject<'_>) -> Result<Option<Vec<Request>>> {
        if self.layout().type_name(object.map.instance_type) != "JSAsyncGeneratorObject" {
            return Ok(None);
        }
        let (words, fields) = (self.words(), self.fields());
        let mut next = words.tagged(object.address + fields.async_generator_queue, "queue of a generator")?;
        let mut requests = Vec::new();
        while let Ok(request) = self.object(next)
            && self.layout().type_name(request.map.instance_type) == "AsyncGeneratorRequest"
            && requests.len() < MOST
        {
            let field = |at: u64| words.tagged(request.address + at, "AsyncGeneratorRequest");
            let method = match field(fields.request_mode)?.smi() {
                Some(0) => "next",
                Some(1) => "return",
                _ => "throw",
            };
            let (value, promise) = (field(fields.request_value)?, field(fields.request_promise)?);
            requests.push(Request { method, value, promise });
            next = field(fields.request_next)?;
        }
        Ok(Some(requests))
    }
}
