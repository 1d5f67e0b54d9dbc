//! Products and quotients.

use iced_x86::{Instruction, Mnemonic, Register};

use super::operands::{mask, signed};
use super::{RAX, X86Processor};
use crate::Address;
use crate::architecture::halt::Halt;
use crate::architecture::private_memory::PrivateMemory;

/// The parts of `rax` and `rdx` of a size.
fn parts(size: usize) -> (Register, Register) {
    match size {
        1 => (Register::AL, Register::AH),
        2 => (Register::AX, Register::DX),
        4 => (Register::EAX, Register::EDX),
        _ => (Register::RAX, Register::RDX),
    }
}

impl X86Processor {
    /// Does what an instruction of these does; says whether it is one.
    pub(super) fn multiply(
        &mut self,
        instruction: &Instruction,
        memory: &mut PrivateMemory<'_>,
    ) -> Result<bool, Halt> {
        match instruction.mnemonic() {
            Mnemonic::Imul if instruction.op_count() > 1 => {
                let size = self.size(instruction, 0)?;
                let first = instruction.op_count() - 2;
                let one = signed(self.value(instruction, first, memory)?, size);
                let other = signed(self.value(instruction, first + 1, memory)?, size);
                let whole = i128::from(one) * i128::from(other);
                let result = whole as u64 & mask(size);
                self.overflows(i128::from(signed(result, size)) != whole);
                self.set(instruction, 0, result, memory)?;
            }
            Mnemonic::Imul => {
                let size = self.size(instruction, 0)?;
                let other = signed(self.value(instruction, 0, memory)?, size);
                let whole = i128::from(signed(self.general[RAX], size)) * i128::from(other);
                self.set_pair(whole as u128, size);
                self.overflows(i128::from(signed(whole as u64, size)) != whole);
            }
            Mnemonic::Mul => {
                let size = self.size(instruction, 0)?;
                let other = self.value(instruction, 0, memory)?;
                let whole = u128::from(self.general[RAX] & mask(size)) * u128::from(other);
                self.set_pair(whole, size);
                self.overflows(whole > u128::from(mask(size)));
            }
            Mnemonic::Div => {
                let size = self.size(instruction, 0)?;
                let other = u128::from(self.value(instruction, 0, memory)?);
                let whole = self.pair(size);
                let trap = Halt::Trap(Address(self.at));
                let quotient = whole.checked_div(other).ok_or(trap)?;
                if quotient > u128::from(mask(size)) {
                    return Err(trap);
                }
                self.set_quotient(quotient as u64, (whole % other) as u64, size);
            }
            Mnemonic::Idiv => {
                let size = self.size(instruction, 0)?;
                let other = i128::from(signed(self.value(instruction, 0, memory)?, size));
                let unused = 128 - 16 * size as u32;
                let whole = (self.pair(size) << unused) as i128 >> unused;
                let trap = Halt::Trap(Address(self.at));
                let (quotient, rest) =
                    (whole.checked_div(other).ok_or(trap)?, whole.checked_rem(other).ok_or(trap)?);
                if i128::from(signed(quotient as u64, size)) != quotient {
                    return Err(trap);
                }
                self.set_quotient(quotient as u64, rest as u64, size);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn overflows(&mut self, overflows: bool) {
        (self.flags.carry, self.flags.overflow) = (overflows, overflows);
    }

    /// `rdx:rax`, or the parts of it for smaller numbers: those of bytes are both in `ax`.
    fn pair(&self, size: usize) -> u128 {
        let (low, high) = parts(size);
        u128::from(self.register(high)) << (8 * size) | u128::from(self.register(low))
    }

    fn set_pair(&mut self, whole: u128, size: usize) {
        let (low, high) = parts(size);
        self.set_register(low, whole as u64 & mask(size));
        self.set_register(high, (whole >> (8 * size)) as u64 & mask(size));
    }

    fn set_quotient(&mut self, quotient: u64, rest: u64, size: usize) {
        let (low, high) = parts(size);
        self.set_register(low, quotient & mask(size));
        self.set_register(high, rest & mask(size));
    }
}
