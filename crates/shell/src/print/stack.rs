//! Frames of native stacks as text.

use std::io::Write;

use core_reader::{FoundBy, Frame, Stack, StackEnd};

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
    for frame in &stack.frames {
        context.check_interrupt()?;
        let place = context.show_frame(frame);
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
        write!(text, "{place}()")?;
        match frame.found {
            FoundBy::Registers | FoundBy::UnwindTable | FoundBy::FramePointer => writeln!(text)?,
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
