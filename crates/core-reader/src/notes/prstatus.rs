//! `NT_PRSTATUS`: one thread's signal and general registers.
//!
//! Source: `struct elf_prstatus`, `include/uapi/linux/elfcore.h`, and `struct user_regs_struct`,
//! `arch/x86/include/asm/user_64.h`. 336 bytes on x86-64.

use crate::fields::Fields;
use crate::{Registers, Thread};

/// `pr_cursig`
const CURRENT_SIGNAL: usize = 12;
/// `pr_pid`: the thread's own id, in the namespace of the process that wrote the core.
const THREAD_ID: usize = 32;
/// `pr_reg`
const REGISTERS: usize = 112;

/// Decodes the note, or `None` if it is too short.
pub(crate) fn decode(data: &[u8]) -> Option<Thread> {
    let fields = Fields(data);
    let register = |index: usize| fields.u64(REGISTERS + 8 * index);
    Some(Thread {
        id: fields.u32(THREAD_ID)?,
        signal: fields.u16(CURRENT_SIGNAL)?,
        registers: Registers {
            r15: register(0)?,
            r14: register(1)?,
            r13: register(2)?,
            r12: register(3)?,
            rbp: register(4)?,
            rbx: register(5)?,
            r11: register(6)?,
            r10: register(7)?,
            r9: register(8)?,
            r8: register(9)?,
            rax: register(10)?,
            rcx: register(11)?,
            rdx: register(12)?,
            rsi: register(13)?,
            rdi: register(14)?,
            orig_rax: register(15)?,
            rip: register(16)?,
            cs: register(17)?,
            rflags: register(18)?,
            rsp: register(19)?,
            ss: register(20)?,
            fs_base: register(21)?,
            gs_base: register(22)?,
            ds: register(23)?,
            es: register(24)?,
            fs: register(25)?,
            gs: register(26)?,
        },
    })
}
