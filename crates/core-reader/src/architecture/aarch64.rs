//! arm64 (Procedure Call Standard for the Arm 64-bit Architecture; DWARF for the Arm 64-bit Architecture).

mod constant;

use super::{Architecture, Registers, ReturnAddress, Roles, SignalFrame, ThreadLocals, Unwinding, Variant};
use crate::floating_point::FloatingPoint;

/// `struct user_pt_regs` (`arch/arm64/include/uapi/asm/ptrace.h`), and `NT_ARM_TLS`.
const REGISTERS: &[&str] = &[
    "x0",
    "x1",
    "x2",
    "x3",
    "x4",
    "x5",
    "x6",
    "x7",
    "x8",
    "x9",
    "x10",
    "x11",
    "x12",
    "x13",
    "x14",
    "x15",
    "x16",
    "x17",
    "x18",
    "x19",
    "x20",
    "x21",
    "x22",
    "x23",
    "x24",
    "x25",
    "x26",
    "x27",
    "x28",
    "x29",
    "x30",
    "sp",
    "pc",
    "pstate",
    "tpidr_el0",
];

const FIRST_PRESERVED: usize = 19;
const X29: usize = 29;
/// The link register.
const X30: usize = 30;
const SP: usize = 31;
const PC: usize = 32;

const NUMBERS: &[usize] = &[
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
    X29, X30, SP, PC,
];

/// 64-bit ARM.
pub static AARCH64: Architecture = Architecture {
    machine: 183,
    name: "arm64",
    registers: REGISTERS,
    listed: REGISTERS,
    part,
    in_prstatus: 34,
    // NT_ARM_TLS
    thread_pointer_note: Some(0x401),
    roles: Roles {
        instruction_pointer: PC,
        stack_pointer: SP,
        frame_pointer: X29,
        thread_pointer: 34,
        general: NUMBERS.split_at(SP + 1).0,
        preserved: NUMBERS.split_at(X29 + 1).0.split_at(FIRST_PRESERVED).1,
    },
    unwinding: Unwinding {
        dwarf: NUMBERS,
        instruction_pointer: PC,
        stack_pointer: SP,
        frame_pointer: X29,
        link: Some(X30),
        preserved: &[19, 20, 21, 22, 23, 24, 25, 26, 27, 28, X29, SP],
        has_frame_records: true,
        plain,
        longest_call: 4,
        ends_with_call,
        return_address,
        by_instructions: None,
        signal_frame: SignalFrame {
            // mov x8, 139; svc 0
            code: &[0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4],
            // `struct rt_sigframe`: `siginfo_t`, 128 bytes, then `ucontext_t`, in which `struct sigcontext` is aligned to 16: behind 176 and
            // the address of the fault (`arch/arm64/include/uapi/asm/sigcontext.h`, `ucontext.h`).
            saved: 128 + 176 + 8,
            order: NUMBERS,
        },
    },
    thread_locals: ThreadLocals {
        // tcbhead_t: dtv, private
        variant: Variant::Above(16),
        descriptor: 4096,
        vector: 0,
        // R_AARCH64_TLS_DTPMOD64, R_AARCH64_TLS_TPREL64
        module_relocation: 1028,
        offset_relocation: 1030,
    },
    floating_point: FloatingPoint::of_arm64,
    constant: constant::constant,
    processor: None,
    // R_AARCH64_GLOB_DAT, R_AARCH64_JUMP_SLOT
    import_relocations: [1025, 1026],
    red_zone: 0,
};

/// `w0`: the low half; `fp` and `lr`: what two of them are for.
fn part(registers: &Registers, name: &str) -> Option<u64> {
    match name {
        "fp" => registers.get("x29"),
        "lr" => registers.get("x30"),
        "cpsr" => registers.get("pstate"),
        _ => registers.get(&format!("x{}", name.strip_prefix('w')?)).map(|value| value & 0xffff_ffff),
    }
}

/// Linux gives a process 48 bits of addresses, unless it asks for more. A signed return address has its signature above them.
fn plain(address: u64) -> u64 {
    address & ((1 << 48) - 1)
}

/// `bl`, `blr`, or `blr` with a check of the address's signature.
fn ends_with_call(before: &[u8], address: u64) -> bool {
    let Some(code) = before.last_chunk().filter(|_| address.is_multiple_of(4)) else { return false };
    let code = u32::from_le_bytes(*code);
    let is_relative = code >> 26 == 0b10_0101;
    let is_by_register = code & 0xffff_fc1f == 0xd63f_0000;
    let is_authenticated = code & 0xfeff_f800 == 0xd63f_0800;
    is_relative || is_by_register || is_authenticated
}

/// Before `stp x29, x30, [sp, #-16]!`, perhaps with `paciasp` in front; between it and `mov x29, sp`; and at `ret`.
fn return_address(code: &[u8]) -> Option<ReturnAddress> {
    match u32::from_le_bytes(*code.first_chunk()?) {
        0xa9bf_7bfd | 0xd503_233f | 0xd65f_03c0 | 0xd65f_0bff => Some(ReturnAddress::Register(X30)),
        0x9100_03fd => Some(ReturnAddress::Stack(1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_have_halves_and_other_names() {
        let values = [("x0", 0x1122_3344_5566_7788), ("x29", 1), ("x30", 2), ("sp", 3)];
        let registers = AARCH64.registers_of(&values);
        for (name, value) in
            [("x0", 0x1122_3344_5566_7788), ("w0", 0x5566_7788), ("fp", 1), ("lr", 2), ("sp", 3)]
        {
            assert_eq!(registers.called(name), Some(value), "{name}");
        }
        for name in ["", "w", "w31", "wsp", "x31", "rax"] {
            assert_eq!(registers.called(name), None, "{name}");
        }
    }
}
