//! Errors and their stack traces.
//!
//! A `JSError` is an ordinary object: `message`, `cause`, and whatever the program adds, are properties. Its stack trace is
//! kept under a private symbol, `error_stack_symbol`: as the frames that were captured until a program first reads `stack`,
//! then as the string it got; either directly or inside an `ErrorStackData` (V8: `src/execution/messages.cc`,
//! `ErrorUtils::GetFormattedStack`; `src/objects/debug-objects.tq`). `Error.captureStackTrace` gives any object one.
//! Private symbols of V8's own have no description to know them by; V8 sets this one when it makes the error, before any
//! other of them.

use crate::heap::Heap;
use crate::layout::{CallSiteLayout, Kind, offset};
use crate::objects::value::{HeapObject, Value};
use crate::properties::PropertyValue;
use crate::{Result, Tagged};

/// `ErrorStackData::call_site_infos_or_formatted_stack_`
const CALL_SITES_OR_TEXT: u64 = 8;
/// `Error.stackTraceLimit` is a number of the program's own; nobody looks at more frames.
const MOST_FRAMES: u64 = 1 << 12;
/// Longer prototype chains are taken for cycles.
const LONGEST_CHAIN: usize = 1000;

/// Bits of `CallSiteInfo::flags_` that are the same in every version.
mod flag {
    pub const WASM: u32 = 1;
    pub const CONSTRUCTOR: u32 = 1 << 3;
    pub const ASYNC: u32 = 1 << 5;
}

/// The stack trace of an error.
#[derive(Clone, Debug)]
pub enum ErrorStack {
    /// The text that programs get when they read `stack`, a string; or whatever a program has put in its place.
    Value(Tagged),
    /// Nobody has read it yet: the frames, innermost first.
    Captured(Vec<CallSite>),
}

/// A frame of a captured stack trace (V8: `CallSiteInfo`).
#[derive(Clone, Copy, Debug)]
pub struct CallSite {
    /// The function; a number for WebAssembly and some builtins.
    pub function: Tagged,
    /// What runs: bytecode or machine code.
    pub code: Tagged,
    /// `this`, or the instance of a WebAssembly module.
    pub receiver: Tagged,
    /// Where in its code; of a combinator such as `Promise.all`, the index of the promise.
    pub offset: u32,
    /// The offset is a position in the source.
    pub is_position: bool,
    /// The offset counts bytes of bytecode (else of machine code).
    pub is_in_bytecode: bool,
    /// Called with `new`.
    pub is_constructor: bool,
    /// Not running, but waiting for the frame before it.
    pub is_async: bool,
    /// WebAssembly.
    pub is_wasm: bool,
    /// Machine code of V8's own that has no function object.
    pub is_builtin: bool,
}

impl Heap<'_> {
    /// The stack trace of an error, or of an object that `Error.captureStackTrace` gave one; `None` if it has none.
    pub fn error_stack(&self, error: HeapObject<'_>) -> Option<ErrorStack> {
        let hidden = self.hidden_values(error);
        if error.kind() == Kind::JsError {
            // An error may have been given anything for a stack.
            let first = *hidden.first()?;
            return self.captured_stack(first).or(Some(ErrorStack::Value(first)));
        }
        hidden.iter().find_map(|stack| self.captured_stack(*stack))
    }

    fn captured_stack(&self, stack: Tagged) -> Option<ErrorStack> {
        if self.is_string(stack) {
            return Some(ErrorStack::Value(stack));
        }
        let mut object = self.object(stack).ok()?;
        if self.layout().type_name(object.map.instance_type) == "ErrorStackData" {
            let inner = self.words().tagged(object.address + CALL_SITES_OR_TEXT, "ErrorStackData").ok()?;
            if self.is_string(inner) {
                return Some(ErrorStack::Value(inner));
            }
            object = self.object(inner).ok()?;
        }
        (object.kind() == Kind::FixedArray).then(|| self.call_sites(object).ok().map(ErrorStack::Captured))?
    }

    /// The frames in a `FixedArray`.
    fn call_sites(&self, array: HeapObject<'_>) -> Result<Vec<CallSite>> {
        let words = self.words();
        let length = self.fixed_array_length(array.address)?;
        let element = |index: u64| {
            words.tagged(array.address + offset::ARRAY_ELEMENTS + 8 * index, "frame of a stack trace")
        };
        let layout = self.layout().fields.call_sites;
        let mut frames = Vec::new();
        match layout {
            CallSiteLayout::Objects { code, receiver, function, offset, flags, computed, builtin } => {
                for index in 0..length.min(MOST_FRAMES) {
                    let info = self.object(element(index)?)?;
                    if self.layout().type_name(info.map.instance_type) != "CallSiteInfo" {
                        return Err(self.wrong_type(info.value(), "CallSiteInfo"));
                    }
                    let field = |at: u64| words.tagged(info.address + at, "CallSiteInfo");
                    frames.push(self.call_site(
                        [field(code)?, field(receiver)?, field(function)?, field(offset)?, field(flags)?],
                        computed,
                        builtin,
                    )?);
                }
            }
            CallSiteLayout::Words { computed, builtin } => {
                const WORDS: u64 = 6;
                if !length.is_multiple_of(WORDS) {
                    return Err(self.wrong_type(array.value(), "frames of a stack trace"));
                }
                for frame in 0..(length / WORDS).min(MOST_FRAMES) {
                    let word = |index: u64| element(WORDS * frame + index);
                    // Code, receiver, function, offset, parameters, flags.
                    frames.push(self.call_site(
                        [word(0)?, word(1)?, word(2)?, word(3)?, word(5)?],
                        computed,
                        builtin,
                    )?);
                }
            }
        }
        Ok(frames)
    }

    fn call_site(
        &self,
        [code, receiver, function, offset, flags]: [Tagged; 5],
        computed: u32,
        builtin: u32,
    ) -> Result<CallSite> {
        let implausible = |found: Tagged| crate::Error::Implausible {
            what: "frame of a stack trace",
            object: function,
            found: found.to_string(),
        };
        let number = |word: Tagged| word.smi().and_then(|number| u32::try_from(number).ok());
        let bits = number(flags).ok_or_else(|| implausible(flags))?;
        let is_wasm = bits & flag::WASM != 0;
        let is_builtin = bits & builtin != 0;
        if !(is_wasm || is_builtin) && self.object(function)?.kind() != Kind::JsFunction {
            return Err(self.wrong_type(function, "JSFunction"));
        }
        Ok(CallSite {
            function,
            code,
            receiver,
            offset: number(offset).ok_or_else(|| implausible(offset))?,
            is_position: bits & computed != 0,
            is_in_bytecode: matches!(self.class_name(code), "BytecodeArray" | "BytecodeWrapper"),
            is_constructor: bits & flag::CONSTRUCTOR != 0,
            is_async: bits & flag::ASYNC != 0,
            is_wasm,
            is_builtin,
        })
    }

    /// What a property holds that an object has or inherits, found without running anything: `Ok(None)` if there is none,
    /// an accessor as it is.
    ///
    /// # Errors
    /// If an object on the way cannot be read.
    pub fn inherited_property(&self, object: HeapObject<'_>, name: &str) -> Result<Option<PropertyValue>> {
        let mut address = object.address;
        for _ in 0..LONGEST_CHAIN {
            let current = self.object(Tagged::pointer(address))?;
            if let Some(found) = self.own_property(current, name)? {
                return Ok(Some(found));
            }
            match self.value(current.map.prototype)? {
                Value::Object(prototype) if prototype.kind() != Kind::JsProxy => address = prototype.address,
                _ => break,
            }
        }
        Ok(None)
    }
}
