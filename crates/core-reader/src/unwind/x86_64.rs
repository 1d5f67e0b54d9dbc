//! What unwinding must know of x86-64.

use crate::address_space::AddressSpace;
use crate::{Address, Memory, Registers};

/// DWARF numbers (System V ABI, figure 3.36): rax rdx rcx rbx rsi rdi rbp rsp r8 ... r15, return address.
pub(super) const REGISTERS: usize = 17;
const RBX: usize = 3;
pub(super) const RBP: usize = 6;
pub(super) const RSP: usize = 7;
/// The return address: in a frame, its instruction.
pub(super) const RIP: usize = 16;

pub(super) fn of_thread(r: &Registers) -> [Option<u64>; REGISTERS] {
    [
        r.rax, r.rdx, r.rcx, r.rbx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8, r.r9, r.r10, r.r11, r.r12, r.r13,
        r.r14, r.r15, r.rip,
    ]
    .map(Some)
}

/// A function need not give these back to its caller (all but rbx, rbp, rsp, r12 to r15).
pub(super) fn forget_scratch(registers: &mut [Option<u64>; REGISTERS]) {
    for (number, register) in registers.iter_mut().enumerate() {
        if !matches!(number, RBX | RBP | RSP | 12..=15) {
            *register = None;
        }
    }
}

/// The code before `address` is a call: `e8` with four bytes, or `ff /2` with up to six, perhaps with prefixes.
pub(super) fn follows_a_call(memory: &AddressSpace, address: u64) -> bool {
    let mut before = [0; 7];
    let Some(start) = address.checked_sub(7) else { return false };
    if memory.read_into(Address(start), &mut before).is_err() {
        return false;
    }
    // Length of `ff /2` by its ModRM byte: with SIB byte and displacement.
    let indirect = |length: usize| {
        let code = &before[7 - length..];
        let (opcode, modrm) = (code[0], code[1]);
        let (mode, operation, register) = (modrm >> 6, modrm >> 3 & 7, modrm & 7);
        let sib = usize::from(mode != 3 && register == 4);
        let displacement = match mode {
            0 if register == 5 => 4,
            0 if sib == 1 && code.get(2).is_some_and(|sib| sib & 7 == 5) => 4,
            1 => 1,
            2 => 4,
            _ => 0,
        };
        opcode == 0xff && operation == 2 && length == 2 + sib + displacement
    };
    before[2] == 0xe8 || [2, 3, 4, 6, 7].into_iter().any(indirect)
}

/// How many words above the stack pointer the return address is, in code that keeps frame pointers, where the frame pointer
/// is not that of the function: before `push rbp`, between it and `mov rbp, rsp`, and at `ret`.
pub(super) fn words_above_return_address(memory: &AddressSpace, pc: u64) -> Option<u64> {
    let code = memory.bytes_from(Address(pc)).ok()?;
    let begins = |bytes: &[u8]| code.starts_with(bytes);
    let move_stack_pointer = || begins(&[0x48, 0x89, 0xe5]) || begins(&[0x48, 0x8b, 0xec]);
    if begins(&[0x55]) || begins(&[0xc3]) || begins(&[0xc2]) {
        Some(0)
    } else if move_stack_pointer() {
        Some(1)
    } else {
        None
    }
}

/// The registers that the kernel saved when it called a signal handler which returns to `pc`: `mov rax, 15; syscall`
/// (`rt_sigreturn`). They are in the `ucontext_t` at the stack pointer (`struct sigcontext`,
/// `arch/x86/include/uapi/asm/sigcontext.h`). For C libraries without unwind tables for that place.
pub(super) fn signal_frame(memory: &AddressSpace, pc: u64, sp: u64) -> Option<[Option<u64>; REGISTERS]> {
    const RETURN_FROM_SIGNAL: [u8; 9] = [0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05];
    /// `uc_flags`, `uc_link`, `uc_stack`.
    const SAVED: u64 = 40;
    if !memory.bytes_from(Address(pc)).ok()?.starts_with(&RETURN_FROM_SIGNAL) {
        return None;
    }
    let word = |index: u64| memory.read_u64(Address(sp.checked_add(SAVED + 8 * index)?)).ok();
    // r8 ... r15 rdi rsi rbp rbx rdx rax rcx rsp rip
    let order = [8, 9, 10, 11, 12, 13, 14, 15, 5, 4, RBP, RBX, 1, 0, 2, RSP, RIP];
    let mut registers = [None; REGISTERS];
    for (index, register) in order.into_iter().enumerate() {
        registers[register] = Some(word(index as u64)?);
    }
    Some(registers)
}
