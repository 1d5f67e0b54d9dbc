//! Vectors of integers, and moves of any vector.

use iced_x86::{Instruction, Mnemonic, OpKind};

use super::X86Processor;
use crate::architecture::halt::Halt;
use crate::architecture::private_memory::PrivateMemory;

/// The lower half.
const LOW: u128 = u64::MAX as u128;

/// Makes a vector of what `lane` makes of each pair of lanes of so many bytes.
fn lanes(one: u128, other: u128, size: u32, lane: impl Fn(u64, u64) -> u64) -> u128 {
    let bits = 8 * size;
    let mask = LOW >> (64 - bits);
    (0..128 / bits).map(|number| number * bits).fold(0, |whole, at| {
        let result = lane((one >> at & mask) as u64, (other >> at & mask) as u64);
        whole | (u128::from(result) & mask) << at
    })
}

/// Alternating lanes of the lower or upper halves.
fn interleaved(one: u128, other: u128, size: u32, upper: bool) -> u128 {
    let bits = 8 * size;
    let mask = LOW >> (64 - bits);
    let first = if upper { 64 } else { 0 };
    (0..64 / bits).fold(0, |whole, number| {
        let from = first + number * bits;
        let pair = (one >> from & mask) | (other >> from & mask) << bits;
        whole | pair << (2 * number * bits)
    })
}

/// Lanes of 16 or 32 bits in the order that two bits each say.
fn shuffled(source: u128, order: u64, bits: u32, count: u32) -> u128 {
    let mask = LOW >> (64 - bits);
    (0..count).fold(0, |whole, number| {
        let from = (order >> (2 * number) & 3) as u32;
        whole | (source >> (from * bits) & mask) << (number * bits)
    })
}

/// A bit of each lane: its highest.
fn signs(value: u128, size: u32) -> u64 {
    let bits = 8 * size;
    (0..128 / bits).fold(0, |all, number| all | ((value >> (number * bits + bits - 1) & 1) as u64) << number)
}

fn signed(value: u64, size: u32) -> i64 {
    super::operands::signed(value, size as usize)
}

impl X86Processor {
    /// Does what an instruction of these does; says whether it is one.
    pub(super) fn vector(
        &mut self,
        instruction: &Instruction,
        memory: &mut PrivateMemory<'_>,
    ) -> Result<bool, Halt> {
        if self.move_vector(instruction, memory)? {
            return Ok(true);
        }
        let mnemonic = instruction.mnemonic();
        // A general register gets a bit of each lane.
        if let Some(size) = match mnemonic {
            Mnemonic::Pmovmskb => Some(1),
            Mnemonic::Movmskps => Some(4),
            Mnemonic::Movmskpd => Some(8),
            _ => None,
        } {
            let bits = signs(self.vectors[self.vector_register(instruction, 1)?], size);
            self.set(instruction, 0, bits, memory)?;
            return Ok(true);
        }
        if mnemonic == Mnemonic::Pextrw && instruction.op1_kind() == OpKind::Register {
            let source = self.vectors[self.vector_register(instruction, 1)?];
            let lane = source >> (16 * (instruction.immediate(2) & 7));
            self.set(instruction, 0, lane as u64 & 0xffff, memory)?;
            return Ok(true);
        }
        if instruction.op_count() < 2 || self.vector_register(instruction, 0).is_err() {
            return Ok(false);
        }
        let register = self.vector_register(instruction, 0)?;
        let one = self.vectors[register];
        if let Some(result) = self.by_count(instruction, one, memory)? {
            self.vectors[register] = result;
            return Ok(true);
        }
        if mnemonic == Mnemonic::Pinsrw {
            let value = match instruction.op1_kind() {
                OpKind::Register => self.register(instruction.op1_register()),
                _ => memory.number(self.address(instruction), 2)?,
            };
            let at = 16 * (instruction.immediate(2) & 7);
            self.vectors[register] = one & !(0xffff << at) | u128::from(value & 0xffff) << at;
            return Ok(true);
        }
        let Some(size) = lane_size(mnemonic) else { return Ok(false) };
        let other = self.wide(instruction, 1, memory)?;
        self.vectors[register] = match mnemonic {
            Mnemonic::Pxor | Mnemonic::Xorps | Mnemonic::Xorpd => one ^ other,
            Mnemonic::Por | Mnemonic::Orps | Mnemonic::Orpd => one | other,
            Mnemonic::Pand | Mnemonic::Andps | Mnemonic::Andpd => one & other,
            Mnemonic::Pandn | Mnemonic::Andnps | Mnemonic::Andnpd => !one & other,
            Mnemonic::Punpcklbw | Mnemonic::Punpcklwd | Mnemonic::Punpckldq | Mnemonic::Punpcklqdq => {
                interleaved(one, other, size, false)
            }
            Mnemonic::Unpcklps | Mnemonic::Unpcklpd => interleaved(one, other, size, false),
            Mnemonic::Punpckhbw | Mnemonic::Punpckhwd | Mnemonic::Punpckhdq | Mnemonic::Punpckhqdq => {
                interleaved(one, other, size, true)
            }
            Mnemonic::Unpckhps | Mnemonic::Unpckhpd => interleaved(one, other, size, true),
            Mnemonic::Paddb | Mnemonic::Paddw | Mnemonic::Paddd | Mnemonic::Paddq => {
                lanes(one, other, size, u64::wrapping_add)
            }
            Mnemonic::Psubb | Mnemonic::Psubw | Mnemonic::Psubd | Mnemonic::Psubq => {
                lanes(one, other, size, u64::wrapping_sub)
            }
            Mnemonic::Pcmpeqb | Mnemonic::Pcmpeqw | Mnemonic::Pcmpeqd => {
                lanes(one, other, size, |one, other| if one == other { u64::MAX } else { 0 })
            }
            Mnemonic::Pcmpgtb | Mnemonic::Pcmpgtw | Mnemonic::Pcmpgtd => lanes(
                one,
                other,
                size,
                |one, other| {
                    if signed(one, size) > signed(other, size) { u64::MAX } else { 0 }
                },
            ),
            Mnemonic::Pminub => lanes(one, other, size, u64::min),
            Mnemonic::Pmaxub => lanes(one, other, size, u64::max),
            Mnemonic::Pminsw => {
                lanes(one, other, size, |one, other| signed(one, size).min(signed(other, size)) as u64)
            }
            Mnemonic::Pmaxsw => {
                lanes(one, other, size, |one, other| signed(one, size).max(signed(other, size)) as u64)
            }
            Mnemonic::Pmullw => lanes(one, other, size, u64::wrapping_mul),
            Mnemonic::Pmuludq => {
                lanes(one, other, size, |one, other| (one & 0xffff_ffff).wrapping_mul(other & 0xffff_ffff))
            }
            Mnemonic::Pshufd => shuffled(other, instruction.immediate(2), 32, 4),
            Mnemonic::Pshuflw => other & !LOW | shuffled(other, instruction.immediate(2), 16, 4),
            Mnemonic::Pshufhw => other & LOW | shuffled(other >> 64, instruction.immediate(2), 16, 4) << 64,
            Mnemonic::Shufps => {
                let order = instruction.immediate(2);
                shuffled(one, order, 32, 2) | shuffled(other, order >> 4, 32, 2) << 64
            }
            // `Shufpd`
            _ => {
                let order = instruction.immediate(2);
                let half = |whole: u128, bit: u64| if order & bit == 0 { whole & LOW } else { whole >> 64 };
                half(one, 1) | half(other, 2) << 64
            }
        };
        Ok(true)
    }

    /// Shifts, by a number in the instruction or in a vector.
    fn by_count(
        &self,
        instruction: &Instruction,
        one: u128,
        memory: &mut PrivateMemory<'_>,
    ) -> Result<Option<u128>, Halt> {
        let mnemonic = instruction.mnemonic();
        let size = match mnemonic {
            Mnemonic::Psllw | Mnemonic::Psrlw | Mnemonic::Psraw => 2,
            Mnemonic::Pslld | Mnemonic::Psrld | Mnemonic::Psrad => 4,
            Mnemonic::Psllq | Mnemonic::Psrlq => 8,
            Mnemonic::Pslldq | Mnemonic::Psrldq => 16,
            _ => return Ok(None),
        };
        let count = match instruction.op1_kind() {
            OpKind::Immediate8 => instruction.immediate(1),
            _ => self.wide(instruction, 1, memory)? as u64,
        };
        if size == 16 {
            let bits = 8 * count.min(16) as u32;
            let shifted =
                if mnemonic == Mnemonic::Pslldq { one.checked_shl(bits) } else { one.checked_shr(bits) };
            return Ok(Some(shifted.unwrap_or(0)));
        }
        let bits = u64::from(8 * size);
        Ok(Some(lanes(one, 0, size, |lane, _| match mnemonic {
            Mnemonic::Psraw | Mnemonic::Psrad => (signed(lane, size) >> count.min(bits - 1)) as u64,
            _ if count >= bits => 0,
            Mnemonic::Psllw | Mnemonic::Pslld | Mnemonic::Psllq => lane << count,
            _ => lane >> count,
        })))
    }

    /// Moves between registers and memory.
    fn move_vector(
        &mut self,
        instruction: &Instruction,
        memory: &mut PrivateMemory<'_>,
    ) -> Result<bool, Halt> {
        let mnemonic = instruction.mnemonic();
        let into_memory = instruction.op0_kind() == OpKind::Memory;
        match mnemonic {
            Mnemonic::Movaps
            | Mnemonic::Movups
            | Mnemonic::Movapd
            | Mnemonic::Movupd
            | Mnemonic::Movdqa
            | Mnemonic::Movdqu
            | Mnemonic::Lddqu
            | Mnemonic::Movntdq
            | Mnemonic::Movntps
            | Mnemonic::Movntpd => {
                let value = self.wide(instruction, 1, memory)?;
                if into_memory {
                    memory.write(self.address(instruction), &value.to_le_bytes())?;
                } else {
                    let register = self.vector_register(instruction, 0)?;
                    self.vectors[register] = value;
                }
            }
            Mnemonic::Movd | Mnemonic::Movq => {
                let size = if mnemonic == Mnemonic::Movd { 4 } else { 8 };
                let is_general = |number| {
                    instruction.op_kind(number) == OpKind::Register
                        && instruction.op_register(number).is_gpr()
                };
                let value = match is_general(1) {
                    true => self.register(instruction.op1_register()),
                    false => self.wide(instruction, 1, memory)? as u64,
                };
                let value = value & super::operands::mask(size);
                if is_general(0) {
                    self.set_register(instruction.op0_register(), value);
                } else if into_memory {
                    memory.set_number(self.address(instruction), size, value)?;
                } else {
                    let register = self.vector_register(instruction, 0)?;
                    self.vectors[register] = u128::from(value);
                }
            }
            Mnemonic::Movss | Mnemonic::Movsd => {
                let size = if mnemonic == Mnemonic::Movss { 4 } else { 8 };
                let mask = LOW >> (64 - 8 * size);
                let value = self.wide(instruction, 1, memory)? & mask;
                if into_memory {
                    memory.set_number(self.address(instruction), size, value as u64)?;
                } else {
                    let register = self.vector_register(instruction, 0)?;
                    // Between registers the rest stays.
                    let rest = if instruction.op1_kind() == OpKind::Memory { 0 } else { !mask };
                    self.vectors[register] = self.vectors[register] & rest | value;
                }
            }
            Mnemonic::Movlps | Mnemonic::Movlpd | Mnemonic::Movhps | Mnemonic::Movhpd => {
                let shift = if matches!(mnemonic, Mnemonic::Movhps | Mnemonic::Movhpd) { 64 } else { 0 };
                if into_memory {
                    let value = self.wide(instruction, 1, memory)? >> shift;
                    memory.set_number(self.address(instruction), 8, value as u64)?;
                } else {
                    let value = self.wide(instruction, 1, memory)? & LOW;
                    let register = self.vector_register(instruction, 0)?;
                    self.vectors[register] = self.vectors[register] & !(LOW << shift) | value << shift;
                }
            }
            Mnemonic::Movhlps | Mnemonic::Movlhps | Mnemonic::Movddup => {
                let value = self.wide(instruction, 1, memory)?;
                let register = self.vector_register(instruction, 0)?;
                let held = self.vectors[register];
                self.vectors[register] = match mnemonic {
                    Mnemonic::Movhlps => held & !LOW | value >> 64,
                    Mnemonic::Movlhps => held & LOW | value << 64,
                    _ => value & LOW | value << 64,
                };
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Bytes of a lane of an instruction that works on two vectors; of those for which it does not matter any.
fn lane_size(mnemonic: Mnemonic) -> Option<u32> {
    match mnemonic {
        Mnemonic::Pxor | Mnemonic::Xorps | Mnemonic::Xorpd => Some(8),
        Mnemonic::Por | Mnemonic::Orps | Mnemonic::Orpd => Some(8),
        Mnemonic::Pand | Mnemonic::Andps | Mnemonic::Andpd => Some(8),
        Mnemonic::Pandn | Mnemonic::Andnps | Mnemonic::Andnpd => Some(8),
        Mnemonic::Punpcklbw | Mnemonic::Punpckhbw | Mnemonic::Paddb | Mnemonic::Psubb => Some(1),
        Mnemonic::Pcmpeqb | Mnemonic::Pcmpgtb | Mnemonic::Pminub | Mnemonic::Pmaxub => Some(1),
        Mnemonic::Punpcklwd | Mnemonic::Punpckhwd | Mnemonic::Paddw | Mnemonic::Psubw => Some(2),
        Mnemonic::Pcmpeqw | Mnemonic::Pcmpgtw | Mnemonic::Pminsw | Mnemonic::Pmaxsw => Some(2),
        Mnemonic::Pmullw | Mnemonic::Pshuflw | Mnemonic::Pshufhw => Some(2),
        Mnemonic::Punpckldq | Mnemonic::Punpckhdq | Mnemonic::Paddd | Mnemonic::Psubd => Some(4),
        Mnemonic::Pcmpeqd | Mnemonic::Pcmpgtd | Mnemonic::Pshufd | Mnemonic::Shufps => Some(4),
        Mnemonic::Unpcklps | Mnemonic::Unpckhps => Some(4),
        Mnemonic::Punpcklqdq | Mnemonic::Punpckhqdq | Mnemonic::Paddq | Mnemonic::Psubq => Some(8),
        Mnemonic::Unpcklpd | Mnemonic::Unpckhpd | Mnemonic::Pmuludq | Mnemonic::Shufpd => Some(8),
        _ => None,
    }
}
