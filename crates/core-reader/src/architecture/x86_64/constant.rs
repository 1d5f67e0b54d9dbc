//! What a function returns that does nothing else.

use iced_x86::{Decoder, DecoderOptions, Mnemonic, OpKind, Register};

/// No such function has more instructions.
const MOST_STEPS: usize = 8;

/// The number or address that the function with this code, at this address, returns; nothing if it does anything besides.
pub(super) fn constant(code: &[u8], at: u64) -> Option<u64> {
    let mut value = None;
    for instruction in Decoder::with_ip(64, code, at, DecoderOptions::NONE).iter().take(MOST_STEPS) {
        let is_of = |register: Register| {
            instruction.op0_kind() == OpKind::Register
                && instruction.op0_register().full_register() == register
        };
        match instruction.mnemonic() {
            // What begins and ends a frame.
            Mnemonic::Endbr64 | Mnemonic::Nop => {}
            Mnemonic::Push | Mnemonic::Pop | Mnemonic::Mov if is_of(Register::RBP) => {}
            Mnemonic::Mov if is_of(Register::RAX) => {
                value = Some(match instruction.op1_kind() {
                    OpKind::Immediate32 => u64::from(instruction.immediate32()),
                    // Sign-extended.
                    OpKind::Immediate32to64 => instruction.immediate32to64() as u64,
                    OpKind::Immediate64 => instruction.immediate64(),
                    _ => return None,
                });
            }
            Mnemonic::Xor
                if is_of(Register::RAX) && instruction.op1_register() == instruction.op0_register() =>
            {
                value = Some(0);
            }
            Mnemonic::Lea if is_of(Register::RAX) && instruction.is_ip_rel_memory_operand() => {
                value = Some(instruction.ip_rel_memory_address());
            }
            Mnemonic::Ret => return value,
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::constant;

    #[test]
    fn functions_that_return_a_constant_are_told_from_others() {
        let framed = [0x55, 0x48, 0x89, 0xe5, 0xb8, 0x78, 0x56, 0x34, 0x12, 0x5d, 0xc3];
        assert_eq!(constant(&framed, 0x40_0000), Some(0x1234_5678));
        // endbr64; lea rax, [rip + 16]; ret
        let relative = [0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x8d, 0x05, 0x10, 0, 0, 0, 0xc3];
        assert_eq!(constant(&relative, 0x1000), Some(0x1000 + 11 + 16));
        // xor eax, eax; ret
        assert_eq!(constant(&[0x31, 0xc0, 0xc3], 0), Some(0));
        // mov rax, [rdi + 8]; ret
        assert_eq!(constant(&[0x48, 0x8b, 0x47, 8, 0xc3], 0), None);
        // mov eax, 1, and the code ends
        assert_eq!(constant(&framed[4..9], 0), None);
        assert_eq!(constant(&[0xc3], 0), None, "nothing is returned");
    }
}
