//! The stacks of threads, one by one.

use core_reader::{Core, Memory};

use super::bytes_in_core;

/// The stack of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThreadStack {
    /// The number of the thread in the system.
    pub(crate) thread: u32,
    /// Where its address space begins and ends.
    pub(super) start: u64,
    pub(super) end: u64,
    /// Bytes from the stack pointer on, with the thread's own variables, which lie at the end.
    pub(crate) used: u64,
    /// Bytes that the core has, if its holes tell.
    pub(crate) in_core: Option<u64>,
}

impl ThreadStack {
    /// Bytes of address space.
    pub(crate) fn bytes(&self) -> u64 {
        self.end - self.start
    }
}

/// All stacks, those that use most first. What lies behind one in the same mapping is not of it: the kernel joins what can be read and written
/// alike. Of two in one mapping the upper one begins where the lower one ends.
pub(super) fn of(core: &Core) -> Vec<ThreadStack> {
    let memory = core.memory();
    let mut found = Vec::new();
    for range in memory.ranges().iter().filter(|range| range.file.is_none()) {
        let mut threads: Vec<(u64, u64, u32)> = core
            .threads_with_stack_in(range.start, range.end)
            .map(|thread| (thread.stack_pointer().0, thread.registers.thread_pointer(), thread.id))
            .collect();
        threads.sort_unstable();
        let mut start = range.start.0;
        for (index, (pointer, own, thread)) in threads.iter().enumerate() {
            let most = threads.get(index + 1).map_or(range.end.0, |(above, ..)| *above);
            let end = end_of(*pointer, *own, most);
            let in_core = memory.has_holes().then(|| bytes_in_core(memory, start, end));
            found.push(ThreadStack { thread: *thread, start, end, used: end - pointer, in_core });
            start = end;
        }
    }
    found.sort_by_key(|stack| (std::cmp::Reverse((stack.used, stack.bytes())), stack.thread));
    found
}

/// Where the stack ends that a stack pointer is in, `most` at most. The C library puts what it knows of a thread, to which the thread pointer
/// leads, at the end of the stack that it makes for it (glibc: `allocate_stack` in `nptl/allocatestack.c`; musl: `src/thread/pthread_create.c`).
/// That of the main thread lies elsewhere.
fn end_of(pointer: u64, own: u64, most: u64) -> u64 {
    const PAGE: u64 = 4096;
    /// Of what it knows of a thread there is more than this (glibc has 0x900 bytes), and less than a page and this.
    const OWN: u64 = 0x100;
    if !(pointer..most).contains(&own) {
        return most;
    }
    own.saturating_add(OWN).checked_next_multiple_of(PAGE).unwrap_or(most).min(most)
}

#[cfg(test)]
mod tests {
    use super::end_of;

    #[test]
    fn a_stack_ends_behind_what_the_library_knows_of_its_thread() {
        assert_eq!(end_of(0x10_000, 0x1f_700, 0x40_000), 0x20_000);
        assert_eq!(end_of(0x10_000, 0x7000_0000, 0x40_000), 0x40_000, "of the main thread");
        assert_eq!(end_of(0x10_000, 0x8000, 0x40_000), 0x40_000);
        assert_eq!(end_of(0x10_000, u64::MAX, u64::MAX), u64::MAX);
    }
}
