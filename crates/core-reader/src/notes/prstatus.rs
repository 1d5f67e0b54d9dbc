//! `NT_PRSTATUS`: one thread's signal and general registers.
//!
//! Source: `struct elf_prstatus`, `include/uapi/linux/elfcore.h`, in which the registers are those of the processor: `struct
//! user_regs_struct`, `arch/x86/include/asm/user_64.h`; `struct user_pt_regs`, `arch/arm64/include/uapi/asm/ptrace.h`. 336 bytes
//! on x86-64, 392 on arm64.

use crate::Thread;
use crate::architecture::{Architecture, Registers};
use crate::fields::Fields;

/// `pr_cursig`
const CURRENT_SIGNAL: usize = 12;
/// `pr_pid`: the thread's own id, in the namespace of the process that wrote the core.
const THREAD_ID: usize = 32;
/// `pr_reg`
const REGISTERS: usize = 112;

/// Decodes the note, or `None` if it is too short.
pub(crate) fn decode(architecture: &'static Architecture, data: &[u8]) -> Option<Thread> {
    let fields = Fields(data);
    Some(Thread {
        id: fields.u32(THREAD_ID)?,
        signal: fields.u16(CURRENT_SIGNAL)?,
        registers: Registers::decode(architecture, |index| fields.u64(REGISTERS + 8 * index))?,
    })
}
