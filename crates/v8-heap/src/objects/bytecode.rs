//! The bytecode of a function, instruction by instruction.
//!
//! ```text
//!   BytecodeArray   length, constant pool, handler table, source position table, frame size, bytes:
//!                   [prefix] bytecode operand operand ...  [prefix] bytecode ...
//! ```
//!
//! Operands are little-endian; a prefix makes most of them two or four bytes wide. One that names a register is where its word is in the
//! frame, in words from the frame pointer: arguments lie above it, `this` first, the context, the function and the registers below it. A
//! jump is counted from the bytecode itself, behind its prefix (V8: `src/interpreter/bytecode-array-iterator.cc`,
//! `bytecode-register.cc`). The handler table has the ranges that a `try` covers, four numbers of 32 bits each (V8:
//! `src/codegen/handler-table.h`).

use crate::layout::native::frame;
use crate::layout::{Bytecodes, Jump, OperandKind, Scale};
use crate::objects::place::FieldValue;
pub use crate::objects::source_position::PlacedBytecode;
use crate::objects::value::HeapObject;
use crate::view::View;
use crate::{Result, Tagged};

/// A word of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Register {
    /// Variables and intermediate results: `r0`
    Number(u32),
    /// `this`
    This,
    /// An argument, from 0 on.
    Argument(u32),
    /// The context.
    Context,
    /// The function.
    Function,
    /// How many arguments there are.
    ArgumentCount,
    /// Another word, so many from the frame pointer.
    Word(i32),
}

impl std::fmt::Display for Register {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Register::Number(number) => write!(f, "r{number}"),
            Register::This => write!(f, "<this>"),
            Register::Argument(index) => write!(f, "a{index}"),
            Register::Context => write!(f, "<context>"),
            Register::Function => write!(f, "<closure>"),
            Register::ArgumentCount => write!(f, "<argc>"),
            Register::Word(word) => write!(f, "<frame word {word}>"),
        }
    }
}

/// What an instruction works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A register, or so many from it on that belong together.
    Registers(Register, u32),
    /// A list of registers: so many from this one on, maybe none.
    RegisterList(Register, u32),
    /// A constant, by its number in the pool.
    Constant(u32),
    /// A slot of the feedback vector.
    Feedback(u32),
    /// A number: of a slot, of a depth, or as such.
    Number(i64),
    /// Flags.
    Flags(u32),
    /// A function of V8's runtime.
    Runtime(u32),
    /// A function of the native context.
    NativeContextFunction(u32),
    /// Feedback that lies in the bytecode.
    EmbeddedFeedback(u32),
}

/// An instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// How many bytes lie before it.
    pub offset: u32,
    /// Its bytes, with its prefix.
    pub bytes: Vec<u8>,
    /// `LdaSmi`
    pub name: &'static str,
    /// How wide its operands are.
    pub scale: Scale,
    /// What it works on.
    pub operands: Vec<Operand>,
    /// Where else it may go on.
    pub targets: Vec<Target>,
}

/// Where an instruction may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// For which number it does, if that decides.
    pub case: Option<i64>,
    /// Offset of an instruction.
    pub offset: u32,
}

/// A part of the bytecode whose exceptions are caught.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handler {
    /// Its first byte.
    pub start: u32,
    /// The first behind it.
    pub end: u32,
    /// Where it goes on after an exception.
    pub handler: u32,
    /// The register with the context that is current there.
    pub context: Register,
}

/// The bytecode of a function.
#[derive(Clone, Debug)]
pub struct FunctionBytecode {
    /// The `BytecodeArray`.
    pub array: Tagged,
    /// How many registers it has.
    pub registers: u32,
    /// All of it, in order.
    pub instructions: Vec<Instruction>,
    /// Bytes at its end that are no instruction of this version.
    pub unread: usize,
    /// The pool of constants.
    pub constants: Vec<Tagged>,
    /// What catches exceptions.
    pub handlers: Vec<Handler>,
    /// Where instructions come from in the source, those that have a place of their own, in order; nothing if V8 has not kept that.
    pub positions: Option<Vec<PlacedBytecode>>,
}

impl FunctionBytecode {
    /// The place in the source of the instruction at an offset, if it has one of its own.
    pub fn position(&self, offset: u32) -> Option<u32> {
        let positions = self.positions.as_ref()?;
        let behind = positions.partition_point(|(code, _)| *code <= offset);
        positions[..behind].last().filter(|(code, _)| *code == offset)?.1
    }
}

/// Targets of one instruction that are kept.
const MOST_TARGETS: u64 = 1 << 16;

impl View<'_> {
    /// The bytecode of a function, a `SharedFunctionInfo`; nothing if it has none.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn bytecode_of(
        &self,
        shared: HeapObject<'_>,
        bytecodes: &Bytecodes,
    ) -> Result<Option<FunctionBytecode>> {
        let Some(array) = self.bytecode_array(shared)? else { return Ok(None) };
        let (start, end) = self.bytecode_range(array)?;
        let bytes = self.words().slice(start, (end - start) as usize, "bytecodes")?;
        let tagged = |name| match self.named_field(array, name) {
            Ok(FieldValue::Tagged(value)) => self.object(value).ok(),
            _ => None,
        };
        let constants =
            tagged("constant_pool").and_then(|pool| self.array_words(pool).ok()).unwrap_or_default();
        let first_register = self.layout().frames.registers;
        let mut instructions = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let Some(found) = instruction(bytecodes, bytes, at, first_register, &constants) else { break };
            at += found.bytes.len();
            instructions.push(found);
        }
        let size = self.words().word32(array.address + self.fields().bytecode_frame_size, "registers")?;
        let table = tagged("handler_table").and_then(|table| self.bytes_of_array(table).ok()?).unwrap_or(&[]);
        let shift = self.layout().facts.handler_offset_shift;
        Ok(Some(FunctionBytecode {
            array: array.value(),
            registers: (u64::from(size) / frame::SLOT) as u32,
            instructions,
            unread: bytes.len().saturating_sub(at),
            constants,
            handlers: handlers(table, shift),
            positions: self.source_positions(array)?,
        }))
    }
}

/// The entries of a handler table: start, end, flags below the offset of the handler, register.
pub(super) fn handlers(table: &[u8], shift: u32) -> Vec<Handler> {
    const ENTRY: usize = 16;
    let numbers = |entry: &[u8]| {
        let number = |index: usize| {
            entry
                .get(4 * index..)
                .and_then(|bytes| bytes.first_chunk())
                .map_or(0, |four| u32::from_le_bytes(*four))
        };
        [number(0), number(1), number(2), number(3)]
    };
    let handlers = table.chunks_exact(ENTRY).map(numbers);
    handlers
        .map(|[start, end, handler, context]| Handler {
            start,
            end,
            handler: handler >> shift,
            context: Register::Number(context),
        })
        .collect()
}

/// The instruction at an offset.
fn instruction(
    bytecodes: &Bytecodes,
    bytes: &[u8],
    at: usize,
    first_register: u64,
    constants: &[Tagged],
) -> Option<Instruction> {
    let rest = bytes.get(at..)?;
    let (bytecode, scale, before) = bytecodes.at(rest)?;
    let own = rest.get(..bytecodes.length(rest)?)?;
    let mut operands: Vec<Operand> = Vec::new();
    let mut from = before + 1;
    for (kind, size) in bytecode.operands(scale) {
        let field = own.get(from..from + usize::from(size))?;
        from += usize::from(size);
        let unsigned = field.iter().rev().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        let unused = 32 - 8 * u32::from(size);
        let signed = (unsigned << unused) as i32 >> unused;
        let register = || register(signed, first_register);
        let operand = match kind {
            OperandKind::Registers(count) => Operand::Registers(register(), count),
            // The next operand tells.
            OperandKind::RegisterList => Operand::RegisterList(register(), 0),
            OperandKind::RegisterCount => {
                if let Some(Operand::RegisterList(_, count)) = operands.last_mut() {
                    *count = unsigned;
                }
                continue;
            }
            OperandKind::Constant => Operand::Constant(unsigned),
            OperandKind::Feedback => Operand::Feedback(unsigned),
            OperandKind::ContextSlot | OperandKind::Unsigned => Operand::Number(unsigned.into()),
            OperandKind::Signed => Operand::Number(signed.into()),
            OperandKind::Flags => Operand::Flags(unsigned),
            OperandKind::Runtime => Operand::Runtime(unsigned),
            OperandKind::NativeContextFunction => Operand::NativeContextFunction(unsigned),
            OperandKind::EmbeddedFeedback => Operand::EmbeddedFeedback(unsigned),
        };
        operands.push(operand);
    }
    let constant = |number: u64| constants.get(usize::try_from(number).ok()?)?.smi().map(i64::from);
    // Counted from the bytecode itself.
    let target = |distance: i64| u32::try_from((at + before) as i64 + distance).ok();
    let mut targets = Vec::new();
    if let Some(jump) = bytecode.jump() {
        let distance = match (jump, operands.first()?) {
            (Jump::Forward, Operand::Number(distance)) => Some(*distance),
            (Jump::Back, Operand::Number(distance)) => Some(-*distance),
            (Jump::Constant, Operand::Constant(number)) => constant((*number).into()),
            _ => None,
        };
        targets.extend(distance.and_then(target).map(|offset| Target { case: None, offset }));
    }
    if let Some((first, count, base)) = bytecode.jump_table() {
        let number = |index: usize| match operands.get(index) {
            Some(Operand::Constant(number)) => Some(i64::from(*number)),
            Some(Operand::Number(number)) => Some(*number),
            _ => None,
        };
        let (first, count) = (number(first)?, u64::try_from(number(count)?).ok()?.min(MOST_TARGETS));
        let base = base.map_or(Some(0), number)?;
        targets.extend((0..count as i64).filter_map(|index| {
            // Cases that do not occur have no place.
            let offset = target(constant(u64::try_from(first + index).ok()?)?)?;
            Some(Target { case: Some(base + index), offset })
        }));
    }
    Some(Instruction {
        offset: u32::try_from(at).ok()?,
        bytes: own.to_vec(),
        name: bytecode.name,
        scale,
        operands,
        targets,
    })
}

/// The register at so many words from the frame pointer.
fn register(word: i32, first_register: u64) -> Register {
    let words = |bytes: u64| i32::try_from(bytes / frame::SLOT).unwrap_or(i32::MAX);
    let (first, this) = (-words(first_register), words(frame::RECEIVER_ABOVE));
    match word {
        _ if word <= first => Register::Number(first.abs_diff(word)),
        _ if word == this => Register::This,
        _ if word > this => Register::Argument(word.abs_diff(this) - 1),
        _ if word == -words(frame::CONTEXT) => Register::Context,
        _ if word == -words(frame::FUNCTION) => Register::Function,
        _ if word == -words(frame::ARGUMENTS) => Register::ArgumentCount,
        _ => Register::Word(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_are_words_of_the_frame() {
        let names = [3, 2, -1, -2, -3, -4, -6, -9].map(|word| register(word, 48).to_string());
        assert_eq!(
            names,
            ["a0", "<this>", "<context>", "<closure>", "<argc>", "<frame word -4>", "r0", "r3"]
        );
        assert_eq!(register(-7, 56), Register::Number(0));
        assert_eq!(register(i32::MIN, 56), Register::Number(i32::MAX as u32 - 6));
    }

    #[test]
    fn a_handler_table_has_four_numbers_each() {
        let mut table = Vec::new();
        for number in [3_u32, 48, 48 << 4 | 9, 5, 6, 22, 24 << 4, 2] {
            table.extend(number.to_le_bytes());
        }
        table.push(7);
        let context = Register::Number(5);
        assert_eq!(handlers(&table, 4)[0], Handler { start: 3, end: 48, handler: 48, context });
        assert_eq!(handlers(&table, 4).len(), 2);
    }
}
