//! What is at an address that V8 has nothing to do with: a function, a stack, a file.

use core_reader::{Address, Symbols};

use crate::context::Context;
use crate::error::DcmdError;
use crate::output::escape;

/// What is at an address that V8 has nothing to do with.
pub(crate) fn elsewhere(context: &Context, address: u64) -> Result<String, DcmdError> {
    let target = context.target()?;
    let memory = context.memory()?;
    let Some(range) = memory.range_at(Address(address)) else { return Ok("not mapped".to_owned()) };
    if let Some(symbol) = target.symbols().at(Address(address)) {
        return Ok(format!("{}+0x{:x}", escape(&symbol.name), address - symbol.address.0));
    }
    let stack = target
        .core()
        .threads_with_stack_in(range.start, range.end)
        .filter(|_| range.file.is_none())
        .min_by_key(|thread| thread.stack_pointer().0.abs_diff(address));
    if let Some(thread) = stack {
        let pointer = thread.stack_pointer().0;
        let side = if address >= pointer { "above" } else { "below" };
        let distance = address.abs_diff(pointer);
        return Ok(format!("stack of thread {}, 0x{distance:x} {side} its stack pointer", thread.id));
    }
    Ok(match &range.file {
        Some(file) => format!("mapping of {}, +0x{:x}", escape(file), address - range.start.0),
        None => format!("anonymous memory [{:x}, {:x})", range.start.0, range.end.0),
    })
}
