//! Errors and their stack traces.
//!
//! A `JSError` is an ordinary object: `message`, `cause`, and whatever the program adds, are properties. Its stack trace is
//! kept under a private symbol, `error_stack_symbol`: as the frames that were captured until a program first reads `stack`,
//! then as the string it got; either directly or inside an `ErrorStackData` (V8: `src/execution/messages.cc`,
//! `ErrorUtils::GetFormattedStack`; `src/objects/debug-objects.tq`). `Error.captureStackTrace` gives any object one.
//! Private symbols of V8's own have no description to know them by; V8 sets this one when it makes the error, before any
//! other of them.

use crate::layout::Kind;
use crate::objects::properties::PropertyValue;
use crate::objects::value::{HeapObject, Value};
use crate::view::View;
use crate::{Result, Tagged};

/// `Error.stackTraceLimit` is a number of the program's own; nobody looks at more frames.
const MOST_FRAMES: u64 = 1 << 12;
/// Longer prototype chains are taken for cycles.
const LONGEST_CHAIN: usize = 1000;

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

impl View<'_> {
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

    /// The frames that an object keeps under symbols of V8's own: those of a stack that nobody has read, with their numbers; the
    /// one frame of a call site (`Error.prepareStackTrace`).
    pub(crate) fn hidden_frames(&self, object: HeapObject<'_>) -> Vec<(Option<u64>, CallSite)> {
        let mut found = Vec::new();
        for value in self.hidden_values(object) {
            let info = self.object(value).ok().filter(|info| {
                self.layout().facts.call_site_class == Some(self.layout().type_name(info.map.instance_type))
            });
            match info.map(|info| self.call_site_info(info)) {
                Some(site) => found.extend(site.ok().map(|site| (None, site))),
                None => {
                    if let Some(ErrorStack::Captured(frames)) = self.captured_stack(value) {
                        found.extend((0..).map(Some).zip(frames));
                    }
                }
            }
        }
        found
    }

    fn captured_stack(&self, stack: Tagged) -> Option<ErrorStack> {
        if self.is_string(stack) {
            return Some(ErrorStack::Value(stack));
        }
        let mut object = self.object(stack).ok()?;
        if self.layout().type_name(object.map.instance_type) == "ErrorStackData" {
            let inner =
                self.words().tagged(object.address + self.fields().error_stack, "ErrorStackData").ok()?;
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
        let element =
            |index: u64| words.tagged(self.fields().element(array.address, index), "frame of a stack trace");
        let mut frames = Vec::new();
        if let Some(class) = self.layout().facts.call_site_class {
            for index in 0..length.min(MOST_FRAMES) {
                let info = self.object(element(index)?)?;
                if self.layout().type_name(info.map.instance_type) != class {
                    return Err(self.wrong_type(info.value(), class));
                }
                frames.push(self.call_site_info(info)?);
            }
        } else {
            // Code, receiver, function, offset, parameters, flags.
            const WORDS: u64 = 6;
            if !length.is_multiple_of(WORDS) {
                return Err(self.wrong_type(array.value(), "frames of a stack trace"));
            }
            for frame in 0..(length / WORDS).min(MOST_FRAMES) {
                let word = |index: u64| element(WORDS * frame + index);
                frames.push(self.call_site([word(0)?, word(1)?, word(2)?, word(3)?, word(5)?])?);
            }
        }
        Ok(frames)
    }

    /// A `CallSiteInfo`.
    fn call_site_info(&self, info: HeapObject<'_>) -> Result<CallSite> {
        let fields = self.fields();
        let field = |at: Option<u64>| match at {
            Some(at) => self.words().tagged(info.address + at, "CallSiteInfo"),
            None => Err(self.wrong_type(info.value(), "CallSiteInfo")),
        };
        if fields.stack_frame_array.is_some() {
            return self.frame_of_array(field(fields.stack_frame_array)?, field(fields.stack_frame_index)?);
        }
        let code = match fields.call_site_code {
            Some(at) => self.words().trusted(info.address + at, "CallSiteInfo")?,
            None => return Err(self.wrong_type(info.value(), "CallSiteInfo")),
        };
        self.call_site([
            code,
            field(fields.call_site_receiver)?,
            field(fields.call_site_function)?,
            field(fields.call_site_offset)?,
            field(fields.call_site_flags)?,
        ])
    }

    /// A frame in a `FrameArray`, which begins with their number (V8 8: `src/objects/frame-array.h`): receiver, function, code, offset,
    /// flags, parameters.
    fn frame_of_array(&self, array: Tagged, index: Tagged) -> Result<CallSite> {
        const FIRST: u64 = 1;
        const WORDS: u64 = 6;
        let array = self.object(array)?;
        let index = index.smi().and_then(|index| u64::try_from(index).ok());
        let start = index.and_then(|index| index.checked_mul(WORDS)).map(|start| start + FIRST);
        let length = self.fixed_array_length(array.address)?;
        let Some(start) = start.filter(|start| start + WORDS <= length) else {
            return Err(self.wrong_type(array.value(), "FrameArray"));
        };
        let word = |place: u64| {
            self.words().tagged(self.fields().element(array.address, start + place), "frame of a stack trace")
        };
        self.call_site([word(2)?, word(0)?, word(1)?, word(3)?, word(4)?])
    }

    fn call_site(&self, [code, receiver, function, offset, flags]: [Tagged; 5]) -> Result<CallSite> {
        let implausible = |found: Tagged| crate::Error::Implausible {
            what: "frame of a stack trace",
            object: function,
            found: found.to_string(),
        };
        let number = |word: Tagged| word.smi().and_then(|number| u32::try_from(number).ok());
        let set = number(flags).ok_or_else(|| implausible(flags))?;
        let bits = self.bits();
        let is_wasm = bits.call_site_wasm.is_set(set);
        let is_builtin = bits.call_site_builtin.is_set(set);
        if !(is_wasm || is_builtin) && self.object(function)?.kind() != Kind::JsFunction {
            return Err(self.wrong_type(function, "JSFunction"));
        }
        Ok(CallSite {
            function,
            code,
            receiver,
            offset: number(offset).ok_or_else(|| implausible(offset))?,
            is_position: bits.call_site_position_computed.is_set(set),
            is_in_bytecode: matches!(self.class_name(code), "BytecodeArray" | "BytecodeWrapper"),
            is_constructor: bits.call_site_constructor.is_set(set),
            is_async: bits.call_site_async.is_set(set),
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
