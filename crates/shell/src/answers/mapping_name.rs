//! What a range of memory is called.

use core_reader::{Address, AuxiliaryVector, Core, MemoryRange};

use crate::output::escape;

/// The file; `[ stack ]` for a range that holds the stack pointer of a thread, `[ heap ]` for what ends at the program break,
/// `[ vdso ]` for the functions of the kernel, `[ anon ]` otherwise.
pub(crate) fn mapping_name(core: &Core, range: &MemoryRange) -> String {
    if let Some(file) = &range.file {
        return escape(file).into_owned();
    }
    let holds = |address| (range.start..range.end).contains(&address);
    if core.threads_with_stack_in(range.start, range.end).next().is_some() {
        return "[ stack ]".to_owned();
    }
    let has_break =
        || core.program_break().is_some_and(|end| end.0.checked_sub(1).map(Address).is_some_and(holds));
    if range.permissions.write && has_break() {
        "[ heap ]".to_owned()
    } else if core.auxv().address(AuxiliaryVector::VDSO).is_some_and(holds) {
        "[ vdso ]".to_owned()
    } else {
        "[ anon ]".to_owned()
    }
}
