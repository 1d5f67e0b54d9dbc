//! x86-64 (System V ABI, AMD64 supplement).

mod constant;
mod processor;
mod returns;

use super::{Architecture, Registers, ReturnAddress, Roles, SignalFrame, ThreadLocals, Unwinding, Variant};
use crate::floating_point::FloatingPoint;

/// Names of `struct user_regs_struct` (`sys/user.h`), but for the bases of segments, which are called as debuggers call them.
const REGISTERS: &[&str] = &[
    "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi",
    "orig_rax", "rip", "cs", "rflags", "rsp", "ss", "fsbase", "gsbase", "ds", "es", "fs", "gs",
];

// DWARF numbers (System V ABI, figure 3.36).
const RBX: usize = 3;
const RBP: usize = 6;
const RSP: usize = 7;
/// The return address: in a frame, its instruction.
const RIP: usize = 16;

const LONGEST_CALL: usize = 7;

/// 64-bit x86.
pub static X86_64: Architecture = Architecture {
    machine: 62,
    name: "x86-64",
    registers: REGISTERS,
    listed: &[
        "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13",
        "r14", "r15", "rip", "rflags", "cs", "ss", "ds", "es", "fs", "gs", "fsbase", "gsbase",
    ],
    part,
    in_prstatus: REGISTERS.len(),
    thread_pointer_note: None,
    roles: Roles {
        instruction_pointer: 16,
        stack_pointer: 19,
        frame_pointer: 4,
        // fs_base
        thread_pointer: 21,
        // rax rbx rcx rdx rsi rdi rbp rsp r8 ... r15
        general: &[10, 5, 11, 12, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0],
        // rbx rbp r12 ... r15
        preserved: &[5, 4, 3, 2, 1, 0],
    },
    unwinding: Unwinding {
        // rax rdx rcx rbx rsi rdi rbp rsp r8 ... r15, return address
        dwarf: &[10, 12, 11, 5, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0, 16],
        instruction_pointer: RIP,
        stack_pointer: RSP,
        frame_pointer: RBP,
        link: None,
        preserved: &[RBX, RBP, RSP, 12, 13, 14, 15],
        has_frame_records: false,
        plain: |address| address,
        longest_call: LONGEST_CALL,
        ends_with_call,
        return_address,
        by_instructions: Some(returns::caller),
        signal_frame: SignalFrame {
            // mov rax, 15; syscall
            code: &[0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05],
            // In `ucontext_t`: `uc_flags`, `uc_link`, `uc_stack` (`struct sigcontext`,
            // `arch/x86/include/uapi/asm/sigcontext.h`).
            saved: 40,
            // r8 ... r15 rdi rsi rbp rbx rdx rax rcx rsp rip
            order: &[8, 9, 10, 11, 12, 13, 14, 15, 5, 4, RBP, RBX, 1, 0, 2, RSP, RIP],
        },
    },
    thread_locals: ThreadLocals {
        variant: Variant::Below,
        descriptor: 0,
        // tcbhead_t: tcb, dtv
        vector: 8,
        // R_X86_64_DTPMOD64, R_X86_64_TPOFF64
        module_relocation: 16,
        offset_relocation: 18,
    },
    floating_point: FloatingPoint::of_x86,
    constant: constant::constant,
    processor: Some(processor::new),
    // R_X86_64_GLOB_DAT, R_X86_64_JUMP_SLOT
    import_relocations: [6, 7],
    red_zone: 128,
};

/// `eax`, `ax`, `al`, `ah`, `r9d`, `r9w`, `r9b`: the low bits of registers.
fn part(registers: &Registers, name: &str) -> Option<u64> {
    let whole = |name: &str| registers.get(name).filter(|_| name != "orig_rax");
    if let Some(rest) = name.strip_prefix('e') {
        return whole(&format!("r{rest}")).map(|value| value & 0xffff_ffff);
    }
    let letter = |suffix| name.strip_suffix(suffix).filter(|rest| matches!(*rest, "a" | "b" | "c" | "d"));
    let of_letter = |letter: &str| whole(&format!("r{letter}x"));
    if let Some(letter) = letter('x') {
        return of_letter(letter).map(|value| value & 0xffff);
    }
    if let Some(letter) = letter('l') {
        return of_letter(letter).map(|value| value & 0xff);
    }
    if let Some(letter) = letter('h') {
        return of_letter(letter).map(|value| value >> 8 & 0xff);
    }
    let number = name.strip_prefix('r')?.strip_suffix(['d', 'w', 'b'])?;
    let mask = match name.as_bytes().last() {
        _ if !number.bytes().all(|byte| byte.is_ascii_digit()) => return None,
        Some(b'd') => 0xffff_ffff,
        Some(b'w') => 0xffff,
        _ => 0xff,
    };
    whole(&name[..name.len() - 1]).map(|value| value & mask)
}

/// `e8` with four bytes, or `ff /2` with up to six, perhaps with prefixes.
fn ends_with_call(before: &[u8], _: u64) -> bool {
    let Some(before) = before.last_chunk::<LONGEST_CALL>() else { return false };
    // Length of `ff /2` by its ModRM byte: with SIB byte and displacement.
    let indirect = |length: usize| {
        let code = &before[LONGEST_CALL - length..];
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

/// Before `push rbp`, between it and `mov rbp, rsp`, and at `ret`.
fn return_address(code: &[u8]) -> Option<ReturnAddress> {
    let begins = |bytes: &[u8]| code.starts_with(bytes);
    let move_stack_pointer = || begins(&[0x48, 0x89, 0xe5]) || begins(&[0x48, 0x8b, 0xec]);
    if begins(&[0x55]) || begins(&[0xc3]) || begins(&[0xc2]) {
        Some(ReturnAddress::Stack(0))
    } else if move_stack_pointer() {
        Some(ReturnAddress::Stack(1))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_registers_are_their_low_bits() {
        let registers = X86_64.registers_of(&[("rax", 0x1122_3344_5566_7788), ("r9", 0x99)]);
        for (name, value) in [
            ("rax", 0x1122_3344_5566_7788),
            ("eax", 0x5566_7788),
            ("ax", 0x7788),
            ("al", 0x88),
            ("ah", 0x77),
            ("r9d", 0x99),
        ] {
            assert_eq!(registers.called(name), Some(value), "{name}");
        }
        for name in ["", "r", "e", "eeax", "x", "l", "rx", "r16", "rd", "ex"] {
            assert_eq!(registers.called(name), None, "{name}");
        }
    }
}
