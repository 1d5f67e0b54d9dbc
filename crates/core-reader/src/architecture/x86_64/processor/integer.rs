//! Moves, sums, comparisons, bits and shifts.

use iced_x86::{ConditionCode, Instruction, Mnemonic, OpKind, Register};

use super::operands::{mask, signed};
use super::{RAX, RDX, RSP, X86Processor};
use crate::architecture::halt::Halt;
use crate::architecture::private_memory::PrivateMemory;

/// Register number of `rbp`.
const RBP: usize = 5;

impl X86Processor {
    /// Whether the flags say what a condition asks.
    pub(super) fn holds(&self, condition: ConditionCode) -> bool {
        let flags = &self.flags;
        match condition {
            ConditionCode::o => flags.overflow,
            ConditionCode::no => !flags.overflow,
            ConditionCode::b => flags.carry,
            ConditionCode::ae => !flags.carry,
            ConditionCode::e => flags.zero,
            ConditionCode::ne => !flags.zero,
            ConditionCode::be => flags.carry || flags.zero,
            ConditionCode::a => !flags.carry && !flags.zero,
            ConditionCode::s => flags.sign,
            ConditionCode::ns => !flags.sign,
            ConditionCode::p => flags.parity,
            ConditionCode::np => !flags.parity,
            ConditionCode::l => flags.sign != flags.overflow,
            ConditionCode::ge => flags.sign == flags.overflow,
            ConditionCode::le => flags.zero || flags.sign != flags.overflow,
            ConditionCode::g => !flags.zero && flags.sign == flags.overflow,
            ConditionCode::None => true,
        }
    }

    /// Flags that a result alone decides.
    fn result_flags(&mut self, result: u64, size: usize) {
        self.flags.zero = result & mask(size) == 0;
        self.flags.sign = signed(result, size) < 0;
        self.flags.parity = (result as u8).count_ones().is_multiple_of(2);
    }

    /// `one + other + carry`
    pub(super) fn sum(&mut self, one: u64, other: u64, carry: bool, size: usize) -> u64 {
        let whole = u128::from(one) + u128::from(other) + u128::from(carry);
        let result = whole as u64 & mask(size);
        self.flags.carry = whole > u128::from(mask(size));
        self.flags.overflow = signed((one ^ result) & (other ^ result), size) < 0;
        self.flags.adjust = (one ^ other ^ result) & 0x10 != 0;
        self.result_flags(result, size);
        result
    }

    /// `one - other - borrow`
    pub(super) fn difference(&mut self, one: u64, other: u64, borrow: bool, size: usize) -> u64 {
        let result = one.wrapping_sub(other).wrapping_sub(u64::from(borrow)) & mask(size);
        self.flags.carry = u128::from(one) < u128::from(other) + u128::from(borrow);
        self.flags.overflow = signed((one ^ other) & (one ^ result), size) < 0;
        self.flags.adjust = (one ^ other ^ result) & 0x10 != 0;
        self.result_flags(result, size);
        result
    }

    fn bitwise(&mut self, result: u64, size: usize) -> u64 {
        (self.flags.carry, self.flags.overflow, self.flags.adjust) = (false, false, false);
        self.result_flags(result, size);
        result
    }

    /// Does what an instruction of these does; says whether it is one.
    pub(super) fn integer(
        &mut self,
        instruction: &Instruction,
        memory: &mut PrivateMemory<'_>,
    ) -> Result<bool, Halt> {
        let mnemonic = instruction.mnemonic();
        match mnemonic {
            Mnemonic::Nop | Mnemonic::Endbr64 | Mnemonic::Pause => {}
            Mnemonic::Mfence | Mnemonic::Lfence | Mnemonic::Sfence => {}
            Mnemonic::Prefetcht0 | Mnemonic::Prefetcht1 | Mnemonic::Prefetcht2 => {}
            Mnemonic::Prefetchnta | Mnemonic::Prefetchw => {}
            Mnemonic::Mov | Mnemonic::Movzx => {
                let value = self.value(instruction, 1, memory)?;
                self.set(instruction, 0, value, memory)?;
            }
            Mnemonic::Movsx | Mnemonic::Movsxd => {
                let value = signed(self.value(instruction, 1, memory)?, self.size(instruction, 1)?);
                self.set(instruction, 0, value as u64, memory)?;
            }
            Mnemonic::Lea => self.set(instruction, 0, self.offset(instruction), memory)?,
            Mnemonic::Push => {
                if instruction.stack_pointer_increment() != -8 {
                    return Ok(false);
                }
                let value = match instruction.op0_kind() {
                    OpKind::Register | OpKind::Memory => self.value(instruction, 0, memory)?,
                    _ => instruction.immediate(0),
                };
                self.push(memory, value)?;
            }
            Mnemonic::Pop => {
                if instruction.stack_pointer_increment() != 8 {
                    return Ok(false);
                }
                let value = self.pop(memory)?;
                self.set(instruction, 0, value, memory)?;
            }
            Mnemonic::Leave => {
                self.general[RSP] = self.general[RBP];
                self.general[RBP] = self.pop(memory)?;
            }
            Mnemonic::Add | Mnemonic::Adc | Mnemonic::Sub | Mnemonic::Sbb | Mnemonic::Cmp => {
                let size = self.size(instruction, 0)?;
                let (one, other) = (self.value(instruction, 0, memory)?, self.value(instruction, 1, memory)?);
                let carry = self.flags.carry;
                let result = match mnemonic {
                    Mnemonic::Add => self.sum(one, other, false, size),
                    Mnemonic::Adc => self.sum(one, other, carry, size),
                    Mnemonic::Sbb => self.difference(one, other, carry, size),
                    _ => self.difference(one, other, false, size),
                };
                if mnemonic != Mnemonic::Cmp {
                    self.set(instruction, 0, result, memory)?;
                }
            }
            Mnemonic::And | Mnemonic::Or | Mnemonic::Xor | Mnemonic::Test => {
                let size = self.size(instruction, 0)?;
                let (one, other) = (self.value(instruction, 0, memory)?, self.value(instruction, 1, memory)?);
                let result = match mnemonic {
                    Mnemonic::Or => one | other,
                    Mnemonic::Xor => one ^ other,
                    _ => one & other,
                };
                let result = self.bitwise(result, size);
                if mnemonic != Mnemonic::Test {
                    self.set(instruction, 0, result, memory)?;
                }
            }
            Mnemonic::Inc | Mnemonic::Dec => {
                let size = self.size(instruction, 0)?;
                let value = self.value(instruction, 0, memory)?;
                // These leave it.
                let carry = self.flags.carry;
                let result = match mnemonic {
                    Mnemonic::Inc => self.sum(value, 1, false, size),
                    _ => self.difference(value, 1, false, size),
                };
                self.flags.carry = carry;
                self.set(instruction, 0, result, memory)?;
            }
            Mnemonic::Neg => {
                let size = self.size(instruction, 0)?;
                let value = self.value(instruction, 0, memory)?;
                let result = self.difference(0, value, false, size);
                self.set(instruction, 0, result, memory)?;
            }
            Mnemonic::Not => {
                let value = self.value(instruction, 0, memory)?;
                self.set(instruction, 0, !value, memory)?;
            }
            Mnemonic::Cbw => self.set_register(Register::AX, self.general[RAX] as i8 as u64),
            Mnemonic::Cwde => self.set_register(Register::EAX, self.general[RAX] as i16 as u64),
            Mnemonic::Cdqe => self.general[RAX] = self.general[RAX] as i32 as u64,
            Mnemonic::Cdq => {
                let sign = (self.general[RAX] as i32) >> 31;
                self.set_register(Register::EDX, sign as u64);
            }
            Mnemonic::Cqo => self.general[RDX] = ((self.general[RAX] as i64) >> 63) as u64,
            Mnemonic::Xchg => {
                let (one, other) = (self.value(instruction, 0, memory)?, self.value(instruction, 1, memory)?);
                self.set(instruction, 0, other, memory)?;
                self.set(instruction, 1, one, memory)?;
            }
            Mnemonic::Xadd => {
                let size = self.size(instruction, 0)?;
                let (one, other) = (self.value(instruction, 0, memory)?, self.value(instruction, 1, memory)?);
                let result = self.sum(one, other, false, size);
                self.set(instruction, 1, one, memory)?;
                self.set(instruction, 0, result, memory)?;
            }
            Mnemonic::Cmpxchg => {
                let size = self.size(instruction, 0)?;
                let (held, new) = (self.value(instruction, 0, memory)?, self.value(instruction, 1, memory)?);
                let expected = self.general[RAX] & mask(size);
                self.difference(expected, held, false, size);
                if expected == held {
                    self.set(instruction, 0, new, memory)?;
                } else {
                    let part = [Register::AL, Register::AX, Register::EAX, Register::RAX];
                    self.set_register(part[size.ilog2() as usize], held);
                }
            }
            Mnemonic::Bswap => {
                let size = self.size(instruction, 0)?;
                let value = self.value(instruction, 0, memory)?;
                self.set(instruction, 0, value.swap_bytes() >> (64 - 8 * size), memory)?;
            }
            Mnemonic::Shl | Mnemonic::Sal | Mnemonic::Shr | Mnemonic::Sar | Mnemonic::Rol | Mnemonic::Ror => {
                self.shift(instruction, memory)?;
            }
            Mnemonic::Shld | Mnemonic::Shrd => self.double_shift(instruction, memory)?,
            Mnemonic::Bt | Mnemonic::Bts | Mnemonic::Btr | Mnemonic::Btc => self.bit(instruction, memory)?,
            Mnemonic::Bsf | Mnemonic::Bsr | Mnemonic::Tzcnt | Mnemonic::Lzcnt | Mnemonic::Popcnt => {
                self.count_bits(instruction, memory)?;
            }
            Mnemonic::Cld => self.flags.direction = false,
            Mnemonic::Stc => self.flags.carry = true,
            Mnemonic::Clc => self.flags.carry = false,
            _ if instruction.condition_code() != ConditionCode::None => {
                return self.conditional(instruction, memory);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// `setcc` and `cmovcc`
    fn conditional(
        &mut self,
        instruction: &Instruction,
        memory: &mut PrivateMemory<'_>,
    ) -> Result<bool, Halt> {
        let holds = self.holds(instruction.condition_code());
        if instruction.op_count() == 1 {
            self.set(instruction, 0, u64::from(holds), memory)?;
        } else if instruction.op_count() == 2 {
            // The other operand is read in any case, and four bytes clear the rest.
            let (kept, other) = (self.value(instruction, 0, memory)?, self.value(instruction, 1, memory)?);
            self.set(instruction, 0, if holds { other } else { kept }, memory)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn shift(&mut self, instruction: &Instruction, memory: &mut PrivateMemory<'_>) -> Result<(), Halt> {
        let size = self.size(instruction, 0)?;
        let value = self.value(instruction, 0, memory)?;
        let count = self.count(instruction, 1, size, memory)?;
        if count == 0 {
            // Four bytes clear the rest all the same.
            return self.set(instruction, 0, value, memory);
        }
        let bits = 8 * size as u32;
        let flags = self.flags;
        let result = match instruction.mnemonic() {
            Mnemonic::Shl | Mnemonic::Sal => {
                let whole = u128::from(value) << count;
                self.flags.carry = whole >> bits & 1 == 1;
                let result = whole as u64 & mask(size);
                self.flags.overflow = (signed(result, size) < 0) != self.flags.carry;
                result
            }
            Mnemonic::Shr => {
                self.flags.carry = value >> (count - 1) & 1 == 1;
                self.flags.overflow = signed(value, size) < 0;
                value >> count
            }
            Mnemonic::Sar => {
                let whole = signed(value, size);
                self.flags.carry = whole >> (count - 1) & 1 == 1;
                self.flags.overflow = false;
                (whole >> count) as u64 & mask(size)
            }
            mnemonic => {
                let count = count % bits;
                let to_left = if mnemonic == Mnemonic::Rol { count } else { (bits - count) % bits };
                let whole = u128::from(value) << to_left;
                let result = (whole | whole >> bits) as u64 & mask(size);
                self.flags.carry = match mnemonic {
                    Mnemonic::Rol => result & 1 == 1,
                    _ => signed(result, size) < 0,
                };
                let second = result >> (bits - 2) & 1 == 1;
                let top = signed(result, size) < 0;
                self.flags.overflow =
                    if mnemonic == Mnemonic::Rol { top != self.flags.carry } else { top != second };
                self.set(instruction, 0, result, memory)?;
                // Rotations change these two alone.
                self.flags = super::Flags { carry: self.flags.carry, overflow: self.flags.overflow, ..flags };
                return Ok(());
            }
        };
        self.result_flags(result, size);
        self.set(instruction, 0, result, memory)
    }

    /// By how many bits an operand says that something is shifted.
    fn count(
        &self,
        instruction: &Instruction,
        number: u32,
        size: usize,
        memory: &mut PrivateMemory<'_>,
    ) -> Result<u32, Halt> {
        let count = match instruction.op_kind(number) {
            OpKind::Register => self.value(instruction, number, memory)?,
            _ => instruction.immediate(number),
        };
        Ok(count as u32 & if size == 8 { 63 } else { 31 })
    }

    fn double_shift(
        &mut self,
        instruction: &Instruction,
        memory: &mut PrivateMemory<'_>,
    ) -> Result<(), Halt> {
        let size = self.size(instruction, 0)?;
        let bits = 8 * size as u32;
        let (value, other) = (self.value(instruction, 0, memory)?, self.value(instruction, 1, memory)?);
        let count = self.count(instruction, 2, size, memory)?;
        if count == 0 || count > bits {
            return self.set(instruction, 0, value, memory);
        }
        let (value_wide, other_wide) = (u128::from(value), u128::from(other));
        let result = if instruction.mnemonic() == Mnemonic::Shld {
            self.flags.carry = value >> (bits - count) & 1 == 1;
            (value_wide << count | other_wide >> (bits - count)) as u64 & mask(size)
        } else {
            self.flags.carry = value >> (count - 1) & 1 == 1;
            (value_wide >> count | other_wide << (bits - count)) as u64 & mask(size)
        };
        self.flags.overflow = signed(result ^ value, size) < 0;
        self.result_flags(result, size);
        self.set(instruction, 0, result, memory)
    }

    fn bit(&mut self, instruction: &Instruction, memory: &mut PrivateMemory<'_>) -> Result<(), Halt> {
        let size = self.size(instruction, 0)?;
        let bits = 8 * size as u64;
        let place = self.value(instruction, 1, memory)?;
        let in_memory = instruction.op0_kind() == OpKind::Memory;
        // A register counts bits from the address on, in both directions.
        let far = in_memory && instruction.op1_kind() == OpKind::Register;
        let at = in_memory.then(|| {
            let words = if far { signed(place, size).div_euclid(bits as i64) } else { 0 };
            self.address(instruction).wrapping_add((words as u64).wrapping_mul(size as u64))
        });
        let bit = 1_u64 << (place % bits);
        let value = match at {
            Some(at) => memory.number(at, size)?,
            None => self.value(instruction, 0, memory)?,
        };
        self.flags.carry = value & bit != 0;
        let result = match instruction.mnemonic() {
            Mnemonic::Bts => value | bit,
            Mnemonic::Btr => value & !bit,
            Mnemonic::Btc => value ^ bit,
            _ => return Ok(()),
        };
        match at {
            Some(at) => memory.set_number(at, size, result),
            None => self.set(instruction, 0, result, memory),
        }
    }

    fn count_bits(&mut self, instruction: &Instruction, memory: &mut PrivateMemory<'_>) -> Result<(), Halt> {
        let size = self.size(instruction, 0)?;
        let bits = 8 * size as u32;
        let value = self.value(instruction, 1, memory)?;
        let leading = value.leading_zeros().saturating_sub(64 - bits);
        let trailing = value.trailing_zeros().min(bits);
        let result = match instruction.mnemonic() {
            Mnemonic::Bsf | Mnemonic::Bsr => {
                self.flags.zero = value == 0;
                if value == 0 {
                    return Ok(());
                }
                if instruction.mnemonic() == Mnemonic::Bsf { trailing } else { bits - 1 - leading }
            }
            Mnemonic::Popcnt => {
                self.bitwise(value, size);
                value.count_ones()
            }
            mnemonic => {
                let result = if mnemonic == Mnemonic::Tzcnt { trailing } else { leading };
                self.flags.carry = value == 0;
                self.flags.zero = result == 0;
                result
            }
        };
        self.set(instruction, 0, u64::from(result), memory)
    }
}
