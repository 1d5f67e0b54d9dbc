//! JavaScript functions that run: a frame of the stack, read by its frame pointer.
//!
//! Which frames a stack has is for an unwinder to say. That a frame is one of JavaScript is seen by what lies where such frames keep
//! their context and their function; a word that is neither makes it another frame.

use crate::layout::Kind;
use crate::layout::frame::{
    BYTECODE_BELOW, BYTECODE_OFFSET_BELOW, CONTEXT_BELOW, FUNCTION_BELOW, RECEIVER_ABOVE,
};
use crate::objects::error::CallSite;
use crate::view::View;
use crate::{Result, Tagged};

/// A JavaScript function that runs.
#[derive(Clone, Debug)]
pub struct JavaScriptFrame {
    /// The function.
    pub function: Tagged,
    /// Its `this`.
    pub receiver: Tagged,
    /// The function with the place in its bytecode, if it is interpreted; of machine code, the place is not known.
    pub site: Option<CallSite>,
}

impl View<'_> {
    /// The JavaScript function whose frame has this frame pointer; nothing if the frame is another one.
    pub fn javascript_frame(&self, frame_pointer: u64) -> Option<JavaScriptFrame> {
        let word = |at: Option<u64>| -> Option<Tagged> { self.words().tagged(at?, "word of a frame").ok() };
        let below = |bytes: u64| word(frame_pointer.checked_sub(bytes));
        let function = below(FUNCTION_BELOW)?;
        if self.object(function).ok()?.kind() != Kind::JsFunction {
            return None;
        }
        let context = below(CONTEXT_BELOW)?;
        if !self.class_name(context).ends_with("Context") {
            return None;
        }
        let receiver = word(frame_pointer.checked_add(RECEIVER_ABOVE))?;
        let code = below(BYTECODE_BELOW);
        let offset = below(BYTECODE_OFFSET_BELOW).and_then(|offset| self.bytecode_offset(offset));
        let site = match (code, offset) {
            (Some(code), Some(offset)) if self.class_name(code) == "BytecodeArray" => {
                Some(site(function, receiver, code, offset, true))
            }
            _ => None,
        };
        Some(JavaScriptFrame { function, receiver, site })
    }

    /// How many bytes of bytecode lie before the place that the interpreter has kept.
    fn bytecode_offset(&self, stored: Tagged) -> Option<u32> {
        let stored = u32::try_from(stored.smi()?).ok()?;
        let header = u32::try_from(self.fields().bytecode_data.checked_sub(1)?).ok()?;
        stored.checked_sub(header)
    }

    /// What V8 keeps of an exception that it was about to report: the exception, and the script and position where it was thrown, if they
    /// can be read. `message` is a `JSMessageObject`.
    ///
    /// # Errors
    /// It is none.
    pub fn thrown(&self, message: Tagged) -> Result<Thrown> {
        let object = self.object(message)?;
        if self.class_name(message) != "JSMessageObject" {
            return Err(self.wrong_type(message, "JSMessageObject"));
        }
        let field = |name: &'static str| match self.named_field(object, name) {
            Ok(crate::objects::place::FieldValue::Tagged(value)) => Some(value),
            _ => None,
        };
        Ok(Thrown {
            exception: field("argument").ok_or_else(|| self.wrong_type(message, "JSMessageObject"))?,
            script: field("script"),
            position: field("start_position")
                .and_then(|position| position.smi())
                .and_then(|position| u32::try_from(position).ok()),
        })
    }
}

/// A function at a place in its code: so many bytes of bytecode, or of machine code, lie before it.
fn site(function: Tagged, receiver: Tagged, code: Tagged, offset: u32, is_in_bytecode: bool) -> CallSite {
    CallSite {
        function,
        code,
        receiver,
        offset,
        is_position: false,
        is_in_bytecode,
        is_constructor: false,
        is_async: false,
        is_wasm: false,
        is_builtin: false,
    }
}

impl JavaScriptFrame {
    /// The frame at a place in the machine code of its function, so many bytes behind its start: of code without optimisations V8
    /// knows what it was made from.
    pub fn in_machine_code(&self, code: Tagged, offset: u32) -> CallSite {
        site(self.function, self.receiver, code, offset, false)
    }
}

/// An exception that was about to be reported.
#[derive(Clone, Copy, Debug)]
pub struct Thrown {
    /// What was thrown: mostly an error.
    pub exception: Tagged,
    /// The script that threw it.
    pub script: Option<Tagged>,
    /// Where in the source of the script, in UTF-16 code units; V8 may not have computed it.
    pub position: Option<u32>,
}
