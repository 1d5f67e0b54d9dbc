//! JavaScript functions that run: frames of the stack, read by their frame pointers.
//!
//! ```text
//!   fp + 24 + 8i  argument i                       builtin in C++ (exit frame):
//!   fp + 16       receiver                           fp + 24  function, further up receiver and arguments
//!   fp + 8        return address                     fp - 8   twice its type
//!   fp            the caller's fp
//!   fp - 8        context
//!   fp - 16       function
//!   fp - 24       number of arguments, from V8 10 on with the receiver
//!   fp - 32       BytecodeArray                    interpreted or baseline code only
//!   fp - 40       place in it                      interpreted code only
//!   ...           registers
//! ```
//!
//! Which frames a stack has is for an unwinder to say. That a frame is one of JavaScript is seen by what lies where such frames keep
//! their context and their function; a word that is neither makes it another frame. What runs the function is told by the code in
//! which the frame is, not by these slots: code that took over in a loop leaves them as they were. In optimised code several
//! functions can be in one frame.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::layout::native::frame;
use crate::layout::{ArgumentCount, Kind};
pub use crate::objects::deoptimization::FrameValue;
use crate::objects::deoptimization::{OptimizedFrame, Place};
use crate::objects::error::CallSite;
use crate::objects::machine_code::MachineCode;
pub use crate::objects::machine_code::Tier;
use crate::objects::shared_function_info::FunctionCode;
use crate::objects::value::Value;
pub use crate::objects::wasm_frame::WasmFunction;
use crate::view::View;
use crate::{Result, Tagged};

/// No call passes more arguments.
const MOST_ARGUMENTS: u64 = 1 << 16;
/// No function has more registers.
const MOST_REGISTERS: u64 = 1 << 16;
/// A weak pointer whose target is gone: no value of a program.
const NO_VALUE: Tagged = Tagged(3);
/// Frames of stubs between a function and what calls it with `new`.
const MOST_STUBS: usize = 4;

/// A frame of the stack, as an unwinder finds it.
#[derive(Clone, Copy, Debug)]
pub struct PhysicalFrame {
    /// Where the caller's frame pointer is saved, if that is known.
    pub pointer: Option<u64>,
    /// The instruction that runs next.
    pub instruction: u64,
    /// It was stopped there, not in a call before it.
    pub is_interrupted: bool,
}

/// A JavaScript function that runs.
#[derive(Clone, Debug)]
pub struct JavaScriptFrame {
    /// The function; its `SharedFunctionInfo` if optimised code has not allocated the closure.
    pub function: Tagged,
    /// The function with its place; nothing if that is not known.
    pub site: Option<CallSite>,
    /// The place is that of the call, not of something near it.
    pub is_exact: bool,
    /// What runs it.
    pub tier: Tier,
    /// Optimised code has it merged into its caller.
    pub is_inlined: bool,
    /// Called with `new`.
    pub is_constructor: bool,
    /// Its `this`.
    pub receiver: FrameValue,
    /// The arguments that it was called with, and those that it declares beyond them.
    pub arguments: Vec<FrameValue>,
    /// How many it was called with, if that is known.
    pub passed: Option<usize>,
    /// Its context.
    pub context: FrameValue,
    /// The registers of its bytecode: variables that no closure captures, and intermediate results. Nothing if they are not known.
    pub registers: Option<Vec<FrameValue>>,
    /// What it is, if it is one of WebAssembly: then `function` is the instance, and there is no `site`.
    pub wasm: Option<WasmFunction>,
}

/// The stack of a thread, as V8 reads it.
#[derive(Debug)]
pub struct JavaScriptStack<'v, 't> {
    view: &'v View<'t>,
    /// Innermost first.
    frames: Vec<PhysicalFrame>,
    /// The code of instructions, which a recursion meets again and again.
    code: RefCell<HashMap<u64, Option<MachineCode<'v>>>>,
}

impl<'v> JavaScriptStack<'v, '_> {
    /// The JavaScript functions in a frame, innermost first; none if it is no frame of JavaScript.
    pub fn functions(&self, index: usize) -> Vec<JavaScriptFrame> {
        let Some(frame) = self.frames.get(index) else { return Vec::new() };
        let Some(pointer) = frame.pointer else { return Vec::new() };
        let view = self.view;
        if let Some(builtin) = view.builtin_exit(pointer) {
            return vec![builtin];
        }
        let found = view.wasm_frames(pointer, frame.instruction);
        if !found.is_empty() {
            return found;
        }
        let Some(mut found) = view.physical_frame(pointer, self.caller(index)) else { return Vec::new() };
        found.is_constructor = self.is_construct_call(index);
        match self.code_of(frame) {
            Some(code) if code.is_optimized() => view.in_optimized_code(found, code, frame, pointer),
            Some(code) if code.tier == Tier::Baseline => {
                vec![view.in_baseline_code(found, code, frame, pointer)]
            }
            _ => vec![view.in_builtin(found, frame, pointer)],
        }
    }

    /// The function of the frame, if it is one of a function that has a frame of its own: the outermost of those merged.
    pub fn function(&self, index: usize) -> Option<Tagged> {
        let pointer = self.frames.get(index)?.pointer?;
        let exit = self.view.builtin_exit(pointer);
        let wasm = || self.view.wasm_frames(pointer, self.frames[index].instruction).pop();
        exit.or_else(wasm).or_else(|| self.view.physical_frame(pointer, None)).map(|frame| frame.function)
    }

    /// The frame pointer of the frame in front of one.
    fn caller(&self, index: usize) -> Option<u64> {
        self.frames.get(index + 1)?.pointer
    }

    /// The code in which a frame is.
    fn code_of(&self, frame: &PhysicalFrame) -> Option<MachineCode<'v>> {
        // A call may be the last instruction.
        let lookup = frame.instruction.saturating_sub(u64::from(!frame.is_interrupted));
        let mut known = self.code.borrow_mut();
        *known.entry(lookup).or_insert_with(|| self.view.machine_code_at(lookup))
    }

    /// Whether the nearest caller of a frame is what calls a function with `new`: a builtin, or what optimised code has made of it.
    fn is_construct_call(&self, index: usize) -> bool {
        let frames = self.view.layout().frames;
        for caller in self.frames[index + 1..].iter().take(MOST_STUBS) {
            let Some(pointer) = caller.pointer else { return false };
            match self.view.frame_type(pointer) {
                Some(kind) if kind == frames.stub || Some(kind) == frames.adaptor => {}
                Some(kind) => return frames.construct.contains(&kind),
                None => {
                    let code = self.code_of(caller).filter(|code| code.is_optimized());
                    return code.is_some_and(|code| {
                        self.view.calls_with_new(code, caller.instruction, !caller.is_interrupted)
                    });
                }
            }
        }
        false
    }
}

impl<'t> View<'t> {
    /// The JavaScript on a stack whose frames an unwinder has found, innermost first.
    pub fn javascript_stack(&self, frames: Vec<PhysicalFrame>) -> JavaScriptStack<'_, 't> {
        JavaScriptStack { view: self, frames, code: RefCell::default() }
    }

    /// The type of the frame, if it says so where functions have their context.
    fn frame_type(&self, pointer: u64) -> Option<u64> {
        let marker = self.words().word(pointer.checked_sub(frame::MARKER)?, "type of a frame").ok()?;
        (marker & 1 == 0 && (1..=frame::MOST_TYPES).contains(&(marker / 2))).then_some(marker / 2)
    }

    fn is_function(&self, value: Tagged) -> bool {
        self.object(value).is_ok_and(|object| object.kind() == Kind::JsFunction)
    }

    fn word_of_frame(&self, at: Option<u64>) -> Option<Tagged> {
        self.words().tagged(at?, "word of a frame").ok()
    }

    /// A builtin written in C++, or a function of the embedder.
    fn builtin_exit(&self, pointer: u64) -> Option<JavaScriptFrame> {
        let kind = self.frame_type(pointer)?;
        let exit = self.layout().frames.exits.into_iter().flatten().find(|exit| exit.kind == kind)?;
        let word = |distance| self.word_of_frame(pointer.checked_add(distance));
        let function = word(exit.function).filter(|function| self.is_function(*function))?;
        let new_target = exit.new_target.and_then(word);
        let is_constructor =
            new_target.is_some_and(|target| !matches!(self.value(target), Ok(Value::Undefined)));
        let passed = match exit.arguments {
            ArgumentCount::Above(distance, more) => {
                word(distance).and_then(|count| u64::try_from(count.smi()?).ok()?.checked_sub(more))
            }
            ArgumentCount::Below(distance) => {
                self.word_of_frame(pointer.checked_sub(distance)).map(|count| count.0)
            }
        };
        let passed = passed.filter(|passed| *passed < MOST_ARGUMENTS);
        let count = passed.unwrap_or(0);
        // The arguments are above the receiver, or below it, the first of them the nearest.
        let (receiver_at, is_below) = match self.layout().frames.adaptor {
            Some(_) => (exit.receiver + frame::SLOT * count, true),
            None => (exit.receiver, false),
        };
        let receiver = word(receiver_at)?;
        let site = site(function, receiver, Tagged::default(), 0, true);
        let argument = |index: u64| {
            let distance = frame::SLOT * (index + 1);
            let at = if is_below { receiver_at - distance } else { receiver_at + distance };
            word(at).map(FrameValue::Value)
        };
        Some(JavaScriptFrame {
            function,
            site: Some(CallSite { is_constructor, ..site }),
            is_exact: true,
            tier: Tier::Builtin,
            is_inlined: false,
            is_constructor,
            receiver: FrameValue::Value(receiver),
            arguments: (0..count).map_while(argument).collect(),
            passed: passed.and_then(|passed| usize::try_from(passed).ok()),
            context: FrameValue::Unknown,
            registers: None,
            wasm: None,
        })
    }

    /// The functions of WebAssembly in a frame, innermost first; none if it is no frame of that.
    fn wasm_frames(&self, pointer: u64, instruction: u64) -> Vec<JavaScriptFrame> {
        if self.frame_type(pointer) != Some(self.layout().frames.wasm.kind) {
            return Vec::new();
        }
        let functions = self.wasm_functions(pointer, instruction).unwrap_or_default();
        let frame = |wasm: WasmFunction| JavaScriptFrame {
            function: wasm.instance,
            site: None,
            is_exact: wasm.offset.is_some(),
            tier: Tier::WebAssembly,
            is_inlined: wasm.is_inlined,
            is_constructor: false,
            receiver: FrameValue::Unknown,
            arguments: Vec::new(),
            passed: None,
            context: FrameValue::Unknown,
            registers: None,
            wasm: Some(wasm),
        };
        functions.into_iter().map(frame).collect()
    }

    /// What every frame of a function has; nothing of one by which JavaScript has called WebAssembly, whose own frame lies below. `caller`
    /// is the frame pointer of the frame in front of it.
    fn physical_frame(&self, pointer: u64, caller: Option<u64>) -> Option<JavaScriptFrame> {
        let below = |bytes: u64| self.word_of_frame(pointer.checked_sub(bytes));
        let function = below(frame::FUNCTION).filter(|function| self.is_function(*function))?;
        let context = below(frame::CONTEXT)?;
        if !self.class_name(context).ends_with("Context") {
            return None;
        }
        let shared = self
            .object(function)
            .and_then(|function| self.shared_function(self.shared_function_info(function)?));
        if let Ok(FunctionCode::Other(data)) = shared.as_ref().map(|shared| shared.code)
            && self.class_name(data) == "WasmExportedFunctionData"
        {
            return None;
        }
        let declared = shared.ok().and_then(|shared| shared.parameters).map(u64::from);
        let (receiver, passed, arguments) = match self.layout().frames.adaptor {
            None => self.counted_arguments(pointer, declared)?,
            Some(adaptor) => {
                let adaptor = caller.filter(|caller| self.frame_type(*caller) == Some(adaptor));
                self.adapted_arguments(pointer, declared, adaptor)?
            }
        };
        Some(JavaScriptFrame {
            function,
            site: None,
            is_exact: false,
            tier: Tier::Unknown,
            is_inlined: false,
            is_constructor: false,
            receiver: FrameValue::Value(receiver),
            arguments,
            passed: passed.and_then(|passed| usize::try_from(passed).ok()),
            context: FrameValue::Value(context),
            registers: None,
            wasm: None,
        })
    }

    /// Receiver, number of passed arguments, and arguments of a frame that says how many they are.
    fn counted_arguments(
        &self,
        pointer: u64,
        declared: Option<u64>,
    ) -> Option<(Tagged, Option<u64>, Vec<FrameValue>)> {
        let receiver = self.word_of_frame(pointer.checked_add(frame::RECEIVER_ABOVE))?;
        // As it is.
        let counted = u64::from(self.layout().facts.counts_receivers);
        let passed = self.word_of_frame(pointer.checked_sub(frame::ARGUMENTS))?.0.checked_sub(counted);
        let passed = passed.filter(|passed| *passed < MOST_ARGUMENTS);
        let first = pointer.checked_add(frame::RECEIVER_ABOVE + frame::SLOT)?;
        let argument = |index| self.word_of_frame(first.checked_add(frame::SLOT * index));
        let count = passed.unwrap_or(0).max(declared.unwrap_or(0));
        let arguments = (0..count).map_while(|index| argument(index).map(FrameValue::Value)).collect();
        Some((receiver, passed, arguments))
    }

    /// The same where a function gets as many arguments as it declares, and the frame of an adaptor in front of it has those that were
    /// passed. A builtin that takes any number says how many it got.
    fn adapted_arguments(
        &self,
        pointer: u64,
        declared: Option<u64>,
        adaptor: Option<u64>,
    ) -> Option<(Tagged, Option<u64>, Vec<FrameValue>)> {
        let plausible = |count: u64| Some(count).filter(|count| *count < MOST_ARGUMENTS);
        let count_of = |frame: u64| self.word_of_frame(frame.checked_sub(frame::ARGUMENTS));
        let own = declared.or_else(|| plausible(count_of(pointer)?.0))?;
        let adapted = adaptor.and_then(|adaptor| {
            let count = u64::try_from(count_of(adaptor)?.smi()?).ok().and_then(plausible)?;
            Some((adaptor, count))
        });
        // The last argument is the nearest.
        let word = |frame: u64, above_last: u64| {
            self.word_of_frame(frame.checked_add(frame::RECEIVER_ABOVE + frame::SLOT * above_last))
        };
        let receiver = word(pointer, own)?;
        let passed = adapted.map_or(own, |(_, count)| count);
        let argument = |index: u64| match adapted {
            Some((adaptor, count)) if index >= own => word(adaptor, count - 1 - index),
            _ => word(pointer, own - 1 - index),
        };
        let arguments = (0..passed.max(own)).map_while(|index| argument(index).map(FrameValue::Value));
        Some((receiver, Some(passed), arguments.collect()))
    }

    /// In the interpreter, or a builtin that is called as a function.
    fn in_builtin(&self, found: JavaScriptFrame, frame: &PhysicalFrame, pointer: u64) -> JavaScriptFrame {
        let frames = &self.layout().frames;
        let below = |bytes: u64| self.word_of_frame(pointer.checked_sub(bytes));
        let code = below(frames.bytecode).filter(|code| self.class_name(*code) == "BytecodeArray");
        let Some(code) = code else {
            let site = found.site_at(Tagged::default(), 0, true);
            return JavaScriptFrame { site: Some(site), is_exact: true, tier: Tier::Builtin, ..found };
        };
        let offset = below(frames.bytecode_offset).and_then(|offset| self.bytecode_offset(offset));
        let site = offset.map(|offset| found.site_at(code, offset, true));
        JavaScriptFrame {
            site,
            // The interpreter keeps the place when it calls something.
            is_exact: offset.is_some() && !frame.is_interrupted,
            tier: Tier::Interpreted,
            registers: self.registers(code, pointer),
            ..found
        }
    }

    fn in_baseline_code(
        &self,
        found: JavaScriptFrame,
        code: MachineCode<'_>,
        frame: &PhysicalFrame,
        pointer: u64,
    ) -> JavaScriptFrame {
        let frames = &self.layout().frames;
        let below = |bytes: u64| self.word_of_frame(pointer.checked_sub(bytes));
        let offset = u32::try_from(frame.instruction.saturating_sub(code.start)).ok();
        let bytecode = below(frames.bytecode).filter(|code| self.class_name(*code) == "BytecodeArray");
        let offset =
            offset.and_then(|offset| self.baseline_offset(code.object.value(), bytecode, offset).ok()?);
        JavaScriptFrame {
            site: offset.map(|offset| found.site_at(bytecode.unwrap_or_default(), offset, true)),
            is_exact: offset.is_some(),
            tier: Tier::Baseline,
            registers: bytecode.and_then(|code| self.registers(code, pointer)),
            ..found
        }
    }

    fn in_optimized_code(
        &self,
        found: JavaScriptFrame,
        code: MachineCode<'_>,
        frame: &PhysicalFrame,
        pointer: u64,
    ) -> Vec<JavaScriptFrame> {
        let found = JavaScriptFrame { tier: code.tier, ..found };
        let frames = self.optimized_frames(code, frame.instruction, !frame.is_interrupted, pointer);
        let Some(frames) = frames.filter(|frames| !frames.is_empty()) else { return vec![found] };
        let last = frames.len() - 1;
        let frames = frames.into_iter().enumerate().rev();
        frames.map(|(depth, merged)| self.merged_frame(&found, merged, depth, depth == last)).collect()
    }

    /// One of the functions in a frame of optimised code; the outermost has depth 0.
    fn merged_frame(
        &self,
        found: &JavaScriptFrame,
        merged: OptimizedFrame,
        depth: usize,
        is_innermost: bool,
    ) -> JavaScriptFrame {
        let is_outermost = depth == 0;
        let mut frame = JavaScriptFrame { is_inlined: !is_outermost, ..found.clone() };
        if !is_outermost {
            frame.function = merged.function.unwrap_or(merged.shared);
            frame.is_constructor = merged.is_constructor;
            // Only the arguments that it declares are among the values.
            frame.passed = None;
            (frame.receiver, frame.arguments, frame.context) =
                (FrameValue::Unknown, Vec::new(), FrameValue::Unknown);
        }
        if let Some(values) = merged.values {
            (frame.receiver, frame.context) = (values.receiver, values.context);
            if is_outermost {
                // What the code has made of its parameters; those that it no longer needs are still what was passed.
                for (own, value) in frame.arguments.iter_mut().zip(values.arguments) {
                    if !matches!(value, FrameValue::OptimizedOut | FrameValue::Unknown) {
                        *own = value;
                    }
                }
            } else {
                frame.arguments = values.arguments;
            }
            frame.registers = Some(values.registers);
        }
        if merged.is_builtin {
            frame.tier = Tier::Builtin;
        }
        let (offset, is_position, is_exact) = match merged.place {
            Place::Bytecode(offset) => (offset, false, true),
            // A call that led to another merged function is known.
            Place::Near(position) => (position, true, !is_innermost),
            Place::Entry => (0, false, false),
        };
        let mut site = frame.site_at(Tagged::default(), offset, true);
        site.is_position = is_position;
        (frame.site, frame.is_exact) = (Some(site), is_exact);
        frame
    }

    /// The registers of bytecode that runs.
    fn registers(&self, code: Tagged, pointer: u64) -> Option<Vec<FrameValue>> {
        let code = self.object(code).ok()?;
        let size = self.words().word32(code.address + self.fields().bytecode_frame_size, "registers").ok()?;
        let count = (u64::from(size) / frame::SLOT).min(MOST_REGISTERS);
        let first = pointer.checked_sub(self.layout().frames.registers)?;
        let registers = (0..count).map_while(|index| {
            self.word_of_frame(first.checked_sub(frame::SLOT * index)).map(FrameValue::Value)
        });
        Some(registers.collect())
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
    /// The function at a place in its code.
    fn site_at(&self, code: Tagged, offset: u32, is_in_bytecode: bool) -> CallSite {
        let receiver = match self.receiver {
            FrameValue::Value(receiver) => receiver,
            // Any number has the same name.
            FrameValue::Number(_) => Tagged::from_smi(0),
            // The first of the fields of an object that was never allocated is its map, which has its type.
            FrameValue::Unallocated(ref fields) => {
                fields.first().and_then(FrameValue::tagged).unwrap_or(NO_VALUE)
            }
            _ => NO_VALUE,
        };
        let site = site(self.function, receiver, code, offset, is_in_bytecode);
        CallSite { is_constructor: self.is_constructor, ..site }
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
