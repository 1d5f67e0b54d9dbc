//! Threads and their registers at the moment of the dump.

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
    /// Top of the stack in use.
    pub fn stack_pointer(&self) -> Address {
        Address(self.registers.rsp)
    }
}
