//! Threads and their registers at the moment of the dump.

use std::collections::HashMap;

use crate::Address;

/// General registers of an x86-64 thread (`struct user_regs_struct`, `sys/user.h`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // the processor's own names
pub struct Registers {
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub rbp: u64,
    pub rbx: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub rax: u64,
    pub rcx: u64,
    pub rdx: u64,
    pub rsi: u64,
    pub rdi: u64,
    pub orig_rax: u64,
    pub rip: u64,
    pub cs: u64,
    pub rflags: u64,
    pub rsp: u64,
    pub ss: u64,
    pub fs_base: u64,
    pub gs_base: u64,
    pub ds: u64,
    pub es: u64,
    pub fs: u64,
    pub gs: u64,
}

impl Registers {
    /// Those that may hold addresses of data.
    pub(crate) fn general(&self) -> [u64; 16] {
        [
            self.rax, self.rbx, self.rcx, self.rdx, self.rsi, self.rdi, self.rbp, self.rsp, self.r8, self.r9,
            self.r10, self.r11, self.r12, self.r13, self.r14, self.r15,
        ]
    }

    /// Neither instruction nor stack pointer: see [`Thread::has_user_stack`].
    pub(crate) fn are_of_kernel_worker(&self) -> bool {
        (self.rip, self.rsp) == (0, 0)
    }
}

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
    /// threads: they have no instruction pointer and no stack, and the thread pointer (`fs_base`) of the thread that made them,
    /// whose thread-local variables are not theirs.
    pub fn has_user_stack(&self) -> bool {
        !self.registers.are_of_kernel_worker()
    }

    /// Top of the stack in use.
    pub fn stack_pointer(&self) -> Address {
        Address(self.registers.rsp)
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

    #[test]
    fn threads_are_found_by_id_and_by_stack() {
        let thread = |id: u32, rsp: u64| {
            let registers = Registers { rip: u64::from(rsp != 0), rsp, ..Registers::default() };
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
