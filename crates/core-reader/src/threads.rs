//! Threads and their registers at the moment of the dump.

use std::collections::HashMap;

use crate::Address;
use crate::architecture::Registers;

/// One thread (`NT_PRSTATUS`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Kernel thread id; the main thread's equals the process id.
    pub id: u32,
    /// Current signal (`pr_cursig`), 0 if none.
    pub signal: u16,
    /// Registers when the core was taken.
    pub registers: Registers,
}

impl Thread {
    /// Whether it ever ran code of the process. The kernel lists its own workers for the process, those of io_uring, among the
    /// threads: they have no instruction pointer and no stack, and the thread pointer of the thread that made them,
    /// whose thread-local variables are not theirs.
    pub fn has_user_stack(&self) -> bool {
        !self.registers.are_of_kernel_worker()
    }

    /// Top of the stack in use.
    pub fn stack_pointer(&self) -> Address {
        Address(self.registers.stack_pointer())
    }
}

/// All threads of a process, and ways to find one among very many.
#[derive(Debug, Default)]
pub(crate) struct Threads {
    pub all: Vec<Thread>,
    /// Where in the file what follows a thread's `NT_PRSTATUS` begins, and where the notes end.
    pub notes: Vec<(usize, usize)>,
    by_id: HashMap<u32, usize>,
    /// Stack pointers, sorted, with the threads they belong to.
    by_stack: Vec<(Address, usize)>,
}

impl Threads {
    /// `all` in the order of the notes.
    pub fn new(all: Vec<Thread>, notes: Vec<(usize, usize)>) -> Threads {
        let mut by_id = HashMap::with_capacity(all.len());
        for (index, thread) in all.iter().enumerate() {
            by_id.entry(thread.id).or_insert(index);
        }
        let own = all.iter().enumerate().filter(|(_, thread)| thread.has_user_stack());
        let mut by_stack: Vec<_> = own.map(|(index, thread)| (thread.stack_pointer(), index)).collect();
        by_stack.sort_unstable();
        Threads { all, notes, by_id, by_stack }
    }

    /// The index of the first thread with this id.
    pub fn with_id(&self, id: u32) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    /// The threads whose stack pointers lie in `[start, end)`, by address.
    pub fn with_stack_in(&self, start: Address, end: Address) -> impl Iterator<Item = &Thread> {
        let first = self.by_stack.partition_point(|(at, _)| *at < start);
        let inside = self.by_stack[first..].iter().take_while(move |(at, _)| *at < end);
        inside.map(|(_, index)| &self.all[*index])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::X86_64;

    #[test]
    fn threads_are_found_by_id_and_by_stack() {
        let thread = |id: u32, rsp: u64| {
            let registers = X86_64.registers_of(&[("rip", u64::from(rsp != 0)), ("rsp", rsp)]);
            Thread { id, signal: 0, registers }
        };
        let threads = Threads::new(
            vec![thread(7, 0x3000), thread(5, 0x1000), thread(9, 0), thread(5, 0x2fff)],
            vec![(0, 0); 4],
        );
        assert_eq!([5, 7, 9, 4].map(|id| threads.with_id(id)), [Some(1), Some(0), Some(2), None]);
        let ids = |start, end| {
            let found = threads.with_stack_in(Address(start), Address(end));
            found.map(|thread| thread.stack_pointer().0).collect::<Vec<_>>()
        };
        assert_eq!(ids(0, u64::MAX), [0x1000, 0x2fff, 0x3000]);
        assert_eq!(ids(0x1001, 0x3000), [0x2fff]);
        assert_eq!(ids(0x3001, 0x4000), [] as [u64; 0]);
    }
}
