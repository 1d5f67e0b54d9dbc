//! The instructions of arm64, decoded by the `yaxpeax-arm` crate.

use core_reader::{AARCH64, Registers};
use yaxpeax_arch::{Decoder as _, U8Reader};
use yaxpeax_arm::armv8::a64::{InstDecoder, Instruction, Opcode, Operand};

use super::{Decoded, Decoder};

/// Of every instruction, in bytes.
const LENGTH: usize = 4;
/// Columns of a mnemonic.
const MNEMONIC: usize = 7;
/// The number that an address is computed from may be that of the stack pointer.
const STACK_POINTER: u16 = 31;

pub(super) static DECODER: Decoder = Decoder {
    of: &AARCH64,
    shortest: LENGTH,
    // svc 0
    kernel_call: &[0x01, 0x00, 0x00, 0xd4],
    decode,
    length: |bytes, _| (bytes.len() >= LENGTH).then_some(LENGTH),
    accessed,
};

fn decoded(bytes: &[u8]) -> Option<Instruction> {
    InstDecoder::default().decode(&mut U8Reader::new(bytes)).ok()
}

fn decode(bytes: &[u8], address: u64) -> Option<Decoded> {
    let decoded = decoded(bytes)?;
    let mut text = decoded.to_string();
    if let Some((mnemonic, operands)) = text.split_once(' ') {
        text =
            format!("{mnemonic:<width$}{}", operands.trim_start(), width = MNEMONIC.max(mnemonic.len() + 1));
    }
    let offset = decoded.operands.iter().find_map(|operand| match operand {
        Operand::PCOffset(offset) => Some(*offset),
        _ => None,
    });
    let (mut target, mut refers) = (None, None);
    if let Some(offset) = offset {
        let is_page = decoded.opcode == Opcode::ADRP;
        let base = if is_page { address & !0xfff } else { address };
        let place = base.wrapping_add_signed(offset);
        // It writes the distance last: `$+0x10`.
        if let Some(at) = text.find('$') {
            text.truncate(at);
            text.push_str(&format!("{place:#x}"));
        }
        match decoded.opcode {
            Opcode::ADR | Opcode::ADRP | Opcode::LDR | Opcode::LDRSW | Opcode::PRFM => refers = Some(place),
            _ => target = Some(place),
        }
    }
    Some(Decoded { text, length: LENGTH, target, refers })
}

fn accessed(bytes: &[u8], registers: &Registers) -> Option<u64> {
    let decoded = decoded(bytes)?;
    let register = |number: u16| match number {
        STACK_POINTER => Some(registers.stack_pointer()),
        number => registers.get(&format!("x{number}")),
    };
    decoded.operands.iter().find_map(|operand| match operand {
        Operand::RegPreIndex(base, offset, _) => Some(register(*base)?.wrapping_add_signed((*offset).into())),
        Operand::RegPostIndex(base, _) | Operand::RegPostIndexReg(base, _) => register(*base),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(code: u32, address: u64) -> (String, Option<u64>, Option<u64>) {
        let decoded = decode(&code.to_le_bytes(), address).unwrap();
        (decoded.text, decoded.target, decoded.refers)
    }

    /// What GNU objdump says of the same words, but for spaces and the sign of numbers.
    #[test]
    fn branches_and_places_are_absolute() {
        assert_eq!(text(0xa9bf_7bfd, 0).0, "stp    x29, x30, [sp, #-0x10]!");
        assert_eq!(text(0x9400_0004, 0x1000), ("bl     0x1010".to_owned(), Some(0x1010), None));
        assert_eq!(text(0x17ff_ffff, 0x1000), ("b      0xffc".to_owned(), Some(0xffc), None));
        assert_eq!(text(0xb000_0000, 0x1234), ("adrp   x0, 0x2000".to_owned(), None, Some(0x2000)));
        assert!(decode(&[0, 0, 0], 0).is_none());
    }

    #[test]
    fn the_address_that_is_accessed_comes_of_a_register() {
        let registers = AARCH64.registers_of(&[("x1", 0x100), ("sp", 0x200)]);
        let accessed = |code: u32| accessed(&code.to_le_bytes(), &registers);
        assert_eq!(accessed(0xf940_0420), Some(0x108), "ldr x0, [x1, #8]");
        assert_eq!(accessed(0xf81f_0fe0), Some(0x1f0), "str x0, [sp, #-16]!");
        assert_eq!(accessed(0xd503_201f), None, "nop");
    }
}
