//! Frames of native stacks as text.

use std::io::Write;

use core_reader::{FoundBy, Frame, Stack, StackEnd};

use v8_heap::Heap;
use v8_heap::objects::frame::{JavaScriptStack, Tier};

use crate::answers::javascript_stack::{javascript_stack, text_of};
use crate::context::Context;
use crate::error::DcmdError;
use crate::output::escape;
use crate::stage::Out;

impl Context {
    /// The place of a frame: `node::Start(int, char**)+0x1c`, or its address. Escaped.
    pub fn show_frame(&self, frame: &Frame) -> String {
        let at = frame.instruction.0;
        match self.symbolic_from(frame.lookup_address().0, at) {
            Some(symbol) => escape(&symbol).into_owned(),
            None => format!("{at:#x}"),
        }
    }
}

/// What stands before the place of each frame.
#[derive(Clone, Copy, Debug, Default)]
pub struct Columns {
    /// Its frame pointer.
    pub frame_pointer: bool,
    /// The address of its instruction.
    pub address: bool,
}

impl Columns {
    /// Of a function that has no frame of its own.
    fn blank(self, indent: &str, out: &mut Out<'_>) -> Result<(), DcmdError> {
        const WIDTH: usize = 17;
        let width = WIDTH * (usize::from(self.frame_pointer) + usize::from(self.address));
        Ok(write!(out.text(), "{indent}{:width$}", "")?)
    }
}

/// The JavaScript on a stack, if code of V8's or code without a symbol is on it.
fn javascript<'c>(
    context: &'c Context,
    stack: &Stack,
) -> Option<(&'c Heap<'static>, JavaScriptStack<'c, 'static>)> {
    let is_of_v8 = |frame: &Frame| {
        let name = context.symbolic_from(frame.lookup_address().0, frame.instruction.0);
        name.is_none_or(|name| name.starts_with("Builtins_"))
    };
    if !stack.frames.iter().any(is_of_v8) {
        return None;
    }
    let heap = context.heap().ok()?;
    Some((heap, javascript_stack(heap, stack)))
}

/// Prints a stack, innermost frame first, each line behind `indent`.
///
/// # Errors
/// As the output's.
pub fn print(
    context: &Context,
    stack: &Stack,
    indent: &str,
    columns: Columns,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let javascript = javascript(context, stack);
    for (index, frame) in stack.frames.iter().enumerate() {
        context.check_interrupt()?;
        let names = javascript.as_ref().map_or_else(Vec::new, |(heap, stack)| {
            let functions = stack.functions(index).into_iter().filter(|frame| frame.tier != Tier::Builtin);
            functions.map(|frame| escape(&text_of(heap, &frame)).into_owned()).collect()
        });
        let place = match names.split_last() {
            None => context.show_frame(frame) + "()",
            // Innermost first; the outermost has the frame, the others are merged into it.
            Some((own, merged)) => {
                for name in merged {
                    columns.blank(indent, out)?;
                    writeln!(out.text(), "{name} [merged]")?;
                }
                own.clone()
            }
        };
        let mut text = out.text();
        write!(text, "{indent}")?;
        if columns.frame_pointer {
            match frame.frame_pointer {
                Some(pointer) => write!(text, "{:016x} ", pointer.0)?,
                None => write!(text, "{:16} ", "?")?,
            }
        }
        if columns.address {
            write!(text, "{:016x} ", frame.instruction.0)?;
        }
        write!(text, "{place}")?;
        match frame.found {
            FoundBy::Registers | FoundBy::UnwindTable | FoundBy::Instructions | FoundBy::FramePointer => {
                writeln!(text)?
            }
            FoundBy::Signal => writeln!(text, " [interrupted by a signal]")?,
            FoundBy::TopOfStack => writeln!(text, " [from the top of the stack]")?,
            FoundBy::Scan => writeln!(text, " [a guess: found by searching the stack]")?,
        }
    }
    Ok(())
}

/// Tells the user why a stack ends before its beginning; nothing if it does not.
pub fn warn_of_end(context: &Context, stack: &Stack, limit: usize) {
    if stack.end != StackEnd::Outermost && stack.frames.len() < limit {
        context.warn(&format!("the stack ends here: {}", stack.end));
    }
}
