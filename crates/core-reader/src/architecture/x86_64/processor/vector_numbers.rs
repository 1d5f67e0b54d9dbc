//! Floating-point numbers in vectors: sums, comparisons, conversions. Rounding is to the nearest, as programs have it.

use iced_x86::{Instruction, Mnemonic, OpKind};

use super::X86Processor;
use super::operands::signed;
use crate::architecture::halt::Halt;
use crate::architecture::private_memory::PrivateMemory;

const SINGLE: u128 = u32::MAX as u128;
const DOUBLE: u128 = u64::MAX as u128;

/// What an instruction does with two numbers.
#[derive(Clone, Copy)]
enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Least,
    Greatest,
    /// Of the second alone.
    Root,
}

impl Arithmetic {
    fn of_doubles(self, one: f64, other: f64) -> f64 {
        match self {
            Arithmetic::Add => one + other,
            Arithmetic::Subtract => one - other,
            Arithmetic::Multiply => one * other,
            Arithmetic::Divide => one / other,
            // The second where they cannot be compared.
            Arithmetic::Least => {
                if one < other {
                    one
                } else {
                    other
                }
            }
            Arithmetic::Greatest => {
                if one > other {
                    one
                } else {
                    other
                }
            }
            Arithmetic::Root => other.sqrt(),
        }
    }

    fn of_singles(self, one: f32, other: f32) -> f32 {
        match self {
            Arithmetic::Add => one + other,
            Arithmetic::Subtract => one - other,
            Arithmetic::Multiply => one * other,
            Arithmetic::Divide => one / other,
            Arithmetic::Least => {
                if one < other {
                    one
                } else {
                    other
                }
            }
            Arithmetic::Greatest => {
                if one > other {
                    one
                } else {
                    other
                }
            }
            Arithmetic::Root => other.sqrt(),
        }
    }
}

/// What an instruction does, to numbers of so many bytes, and to how many of them.
fn arithmetic(mnemonic: Mnemonic) -> Option<(Arithmetic, u32, u32)> {
    let what = match mnemonic {
        Mnemonic::Addss | Mnemonic::Addsd | Mnemonic::Addps | Mnemonic::Addpd => Arithmetic::Add,
        Mnemonic::Subss | Mnemonic::Subsd | Mnemonic::Subps | Mnemonic::Subpd => Arithmetic::Subtract,
        Mnemonic::Mulss | Mnemonic::Mulsd | Mnemonic::Mulps | Mnemonic::Mulpd => Arithmetic::Multiply,
        Mnemonic::Divss | Mnemonic::Divsd | Mnemonic::Divps | Mnemonic::Divpd => Arithmetic::Divide,
        Mnemonic::Minss | Mnemonic::Minsd | Mnemonic::Minps | Mnemonic::Minpd => Arithmetic::Least,
        Mnemonic::Maxss | Mnemonic::Maxsd | Mnemonic::Maxps | Mnemonic::Maxpd => Arithmetic::Greatest,
        Mnemonic::Sqrtss | Mnemonic::Sqrtsd | Mnemonic::Sqrtps | Mnemonic::Sqrtpd => Arithmetic::Root,
        _ => return None,
    };
    let (size, count) = match mnemonic {
        Mnemonic::Addss | Mnemonic::Subss | Mnemonic::Mulss | Mnemonic::Divss => (4, 1),
        Mnemonic::Minss | Mnemonic::Maxss | Mnemonic::Sqrtss => (4, 1),
        Mnemonic::Addsd | Mnemonic::Subsd | Mnemonic::Mulsd | Mnemonic::Divsd => (8, 1),
        Mnemonic::Minsd | Mnemonic::Maxsd | Mnemonic::Sqrtsd => (8, 1),
        Mnemonic::Addps | Mnemonic::Subps | Mnemonic::Mulps | Mnemonic::Divps => (4, 4),
        Mnemonic::Minps | Mnemonic::Maxps | Mnemonic::Sqrtps => (4, 4),
        _ => (8, 2),
    };
    Some((what, size, count))
}

/// As an integer of 4 or 8 bytes; what fits into none is the least of them.
fn integer(value: f64, size: usize) -> u64 {
    let least = 1 << (8 * size - 1);
    let limit = least as f64;
    if size == 4 {
        let inside = value > -limit - 1.0 && value < limit;
        return if inside { u64::from(value as i32 as u32) } else { least };
    }
    if value >= -limit && value < limit { value as i64 as u64 } else { least }
}

impl X86Processor {
    /// Does what an instruction of these does; says whether it is one.
    pub(super) fn vector_number(
        &mut self,
        instruction: &Instruction,
        memory: &mut PrivateMemory<'_>,
    ) -> Result<bool, Halt> {
        let mnemonic = instruction.mnemonic();
        if let Some((what, size, count)) = arithmetic(mnemonic) {
            let register = self.vector_register(instruction, 0)?;
            let other = self.wide(instruction, 1, memory)?;
            let (bits, mask) = (8 * size, if size == 4 { SINGLE } else { DOUBLE });
            for at in (0..count).map(|number| number * bits) {
                let one = self.vectors[register] >> at & mask;
                let other = other >> at & mask;
                let result = if size == 4 {
                    let single = |bits: u128| f32::from_bits(bits as u32);
                    u128::from(what.of_singles(single(one), single(other)).to_bits())
                } else {
                    let double = |bits: u128| f64::from_bits(bits as u64);
                    u128::from(what.of_doubles(double(one), double(other)).to_bits())
                };
                self.vectors[register] = self.vectors[register] & !(mask << at) | result << at;
            }
            return Ok(true);
        }
        match mnemonic {
            Mnemonic::Ucomiss | Mnemonic::Comiss | Mnemonic::Ucomisd | Mnemonic::Comisd => {
                let is_single = matches!(mnemonic, Mnemonic::Ucomiss | Mnemonic::Comiss);
                let one = number(self.wide(instruction, 0, memory)?, is_single);
                let other = number(self.wide(instruction, 1, memory)?, is_single);
                let unordered = one.is_nan() || other.is_nan();
                self.flags.zero = unordered || one == other;
                self.flags.parity = unordered;
                self.flags.carry = unordered || one < other;
                (self.flags.overflow, self.flags.sign, self.flags.adjust) = (false, false, false);
            }
            Mnemonic::Cvtsi2sd | Mnemonic::Cvtsi2ss => {
                let size = self.size(instruction, 1)?;
                let value = signed(self.value(instruction, 1, memory)?, size);
                let (bits, mask) = match mnemonic {
                    Mnemonic::Cvtsi2sd => (u128::from((value as f64).to_bits()), DOUBLE),
                    _ => (u128::from((value as f32).to_bits()), SINGLE),
                };
                self.set_low(instruction, bits, mask)?;
            }
            Mnemonic::Cvttsd2si | Mnemonic::Cvttss2si | Mnemonic::Cvtsd2si | Mnemonic::Cvtss2si => {
                let is_single = matches!(mnemonic, Mnemonic::Cvttss2si | Mnemonic::Cvtss2si);
                let value = number(self.wide(instruction, 1, memory)?, is_single);
                let cuts = matches!(mnemonic, Mnemonic::Cvttss2si | Mnemonic::Cvttsd2si);
                let value = if cuts { value } else { value.round_ties_even() };
                let size = self.size(instruction, 0)?;
                self.set(instruction, 0, integer(value, size), memory)?;
            }
            Mnemonic::Cvtss2sd => {
                let value = number(self.wide(instruction, 1, memory)?, true);
                self.set_low(instruction, u128::from(value.to_bits()), DOUBLE)?;
            }
            Mnemonic::Cvtsd2ss => {
                let value = number(self.wide(instruction, 1, memory)?, false) as f32;
                self.set_low(instruction, u128::from(value.to_bits()), SINGLE)?;
            }
            Mnemonic::Cvtdq2pd if instruction.op0_kind() == OpKind::Register => {
                let source = self.wide(instruction, 1, memory)?;
                let register = self.vector_register(instruction, 0)?;
                let lane = |at: u32| u128::from(f64::from((source >> at) as i32).to_bits());
                self.vectors[register] = lane(0) | lane(32) << 64;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Sets the low bits of the first operand; the rest stays.
    fn set_low(&mut self, instruction: &Instruction, bits: u128, mask: u128) -> Result<(), Halt> {
        let register = self.vector_register(instruction, 0)?;
        self.vectors[register] = self.vectors[register] & !mask | bits;
        Ok(())
    }
}

/// The first number of a vector.
fn number(vector: u128, is_single: bool) -> f64 {
    if is_single { f64::from(f32::from_bits(vector as u32)) } else { f64::from_bits(vector as u64) }
}
