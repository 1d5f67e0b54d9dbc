//! Registers, memory and numbers that instructions name.

use iced_x86::{Instruction, OpKind, Register};

use super::{X86Processor, is_vector};
use crate::architecture::halt::Halt;
use crate::architecture::private_memory::PrivateMemory;

/// All bits of a number of so many bytes.
pub(super) fn mask(size: usize) -> u64 {
    match size {
        1 => 0xff,
        2 => 0xffff,
        4 => 0xffff_ffff,
        _ => u64::MAX,
    }
}

/// A number of so many bytes with its sign.
pub(super) fn signed(value: u64, size: usize) -> i64 {
    match size {
        1 => i64::from(value as i8),
        2 => i64::from(value as i16),
        4 => i64::from(value as i32),
        _ => value as i64,
    }
}

/// `ah`, `ch`, `dh`, `bh`: the second byte of a register.
fn is_second_byte(register: Register) -> bool {
    matches!(register, Register::AH | Register::CH | Register::DH | Register::BH)
}

impl X86Processor {
    /// What is in a general register, or part of one; of any other nothing.
    pub(super) fn register(&self, register: Register) -> u64 {
        if !register.is_gpr() {
            return 0;
        }
        let whole = self.general[register.full_register().number() % super::GENERAL];
        let value = if is_second_byte(register) { whole >> 8 } else { whole };
        value & mask(register.size())
    }

    /// A part of 4 bytes sets the rest to zero, smaller ones leave it.
    pub(super) fn set_register(&mut self, register: Register, value: u64) {
        if !register.is_gpr() {
            return;
        }
        let whole = &mut self.general[register.full_register().number() % super::GENERAL];
        *whole = match register.size() {
            8 => value,
            4 => value & mask(4),
            2 => *whole & !mask(2) | value & mask(2),
            _ if is_second_byte(register) => *whole & !0xff00 | (value & 0xff) << 8,
            _ => *whole & !mask(1) | value & mask(1),
        };
    }

    /// The address of the memory that an instruction names.
    pub(super) fn address(&self, instruction: &Instruction) -> u64 {
        let start = match instruction.memory_segment() {
            Register::FS => self.thread_pointer,
            _ => 0,
        };
        start.wrapping_add(self.offset(instruction))
    }

    /// The same without the segment.
    pub(super) fn offset(&self, instruction: &Instruction) -> u64 {
        let displacement = instruction.memory_displacement64();
        let base = instruction.memory_base();
        if base == Register::RIP {
            return displacement;
        }
        let index = self.register(instruction.memory_index());
        let scaled = index.wrapping_mul(u64::from(instruction.memory_index_scale()));
        let sum = self.register(base).wrapping_add(scaled).wrapping_add(displacement);
        let is_short = base.is_gpr32() || instruction.memory_index().is_gpr32() || base == Register::EIP;
        if is_short { sum & mask(4) } else { sum }
    }

    /// Bytes of an operand; of a number those of the first operand.
    pub(super) fn size(&self, instruction: &Instruction, number: u32) -> Result<usize, Halt> {
        let size = match instruction.op_kind(number) {
            OpKind::Register if instruction.op_register(number).is_gpr() => {
                instruction.op_register(number).size()
            }
            OpKind::Memory => instruction.memory_size().size(),
            _ if number > 0 => self.size(instruction, 0)?,
            _ => 0,
        };
        if matches!(size, 1 | 2 | 4 | 8) { Ok(size) } else { self.unknown() }
    }

    /// An operand as a number.
    pub(super) fn value(
        &self,
        instruction: &Instruction,
        number: u32,
        memory: &mut PrivateMemory<'_>,
    ) -> Result<u64, Halt> {
        let size = self.size(instruction, number)?;
        match instruction.op_kind(number) {
            OpKind::Register => Ok(self.register(instruction.op_register(number))),
            OpKind::Memory => memory.number(self.address(instruction), size),
            OpKind::Immediate8
            | OpKind::Immediate16
            | OpKind::Immediate32
            | OpKind::Immediate64
            | OpKind::Immediate8to16
            | OpKind::Immediate8to32
            | OpKind::Immediate8to64
            | OpKind::Immediate32to64 => Ok(instruction.immediate(number) & mask(size)),
            _ => self.unknown(),
        }
    }

    /// Sets an operand.
    pub(super) fn set(
        &mut self,
        instruction: &Instruction,
        number: u32,
        value: u64,
        memory: &mut PrivateMemory<'_>,
    ) -> Result<(), Halt> {
        match instruction.op_kind(number) {
            OpKind::Register if instruction.op_register(number).is_gpr() => {
                self.set_register(instruction.op_register(number), value);
                Ok(())
            }
            OpKind::Memory => {
                let size = self.size(instruction, number)?;
                memory.set_number(self.address(instruction), size, value)
            }
            _ => self.unknown(),
        }
    }

    /// An operand of up to 16 bytes, with zeros behind what is shorter in memory.
    pub(super) fn wide(
        &self,
        instruction: &Instruction,
        number: u32,
        memory: &mut PrivateMemory<'_>,
    ) -> Result<u128, Halt> {
        match instruction.op_kind(number) {
            OpKind::Register if is_vector(instruction.op_register(number)) => {
                Ok(self.vectors[instruction.op_register(number).number()])
            }
            OpKind::Memory => {
                let mut bytes = [0; 16];
                let size = instruction.memory_size().size();
                let Some(wanted) = bytes.get_mut(..size) else { return self.unknown() };
                memory.read(self.address(instruction), wanted)?;
                Ok(u128::from_le_bytes(bytes))
            }
            _ => self.unknown(),
        }
    }

    /// The vector register that is an operand.
    pub(super) fn vector_register(&self, instruction: &Instruction, number: u32) -> Result<usize, Halt> {
        let register = instruction.op_register(number);
        if instruction.op_kind(number) == OpKind::Register && is_vector(register) {
            Ok(register.number())
        } else {
            self.unknown()
        }
    }
}
