//! Which functions an instruction of optimised code is in, and where in each of them: what V8 would need to go on in bytecode.
//!
//! ```text
//!   safepoint table     where a call returns to --> number of an entry
//!   DeoptimizationData  entry --> place among the translations;  literals;  inlining positions
//!   translation         BEGIN frame value value ... frame value ... (outermost function first)
//! ```
//!
//! A translation is a list of bytes: an opcode, and its operands in groups of seven bits, least significant first. A number with a
//! sign has it in the lowest bit. What two translations have in common is in the first of them only: an instruction of the other
//! says how many follow from there (V8: `src/objects/deoptimization-data.cc`, `DeoptTranslationIterator`;
//! `src/deoptimizer/translated-state.cc`).
//!
//! Some calls of V8's own have no entry. There the source position table tells the place, of a neighbouring call maybe.

use std::cell::RefCell;

use crate::layout::machine_code::Opcode;
use crate::layout::{DeoptimizationLayout, Kind};
use crate::objects::baseline::unsigned;
use crate::objects::machine_code::{MachineCode, Tier};
use crate::objects::source_position::RawPosition;
use crate::objects::value::HeapObject;
use crate::view::View;
use crate::{Result, Tagged};

/// Operands that are kept; no instruction has more.
const MOST_OPERANDS: usize = 6;
/// Objects in objects that were never allocated: deeper ones are not read.
const DEEPEST: usize = 16;
/// More functions are never merged.
const MOST_FRAMES: usize = 1 << 10;

/// What is known of a value that a frame holds.
#[derive(Clone, Debug, PartialEq)]
pub enum FrameValue {
    /// It is there.
    Value(Tagged),
    /// A number that is not in the heap.
    Number(f64),
    /// `true` or `false`, not in the heap.
    Boolean(bool),
    /// A `BigInt` that is not in the heap.
    BigInt(i128),
    /// An object that was never allocated: its map and fields.
    Unallocated(Vec<FrameValue>),
    /// The object of that number again, counted over all frames of the function.
    Again(usize),
    /// Nothing needs it any more, so that it is not kept.
    OptimizedOut,
    /// V8 knows where it is; this program does not.
    Unknown,
}

impl FrameValue {
    /// The value, if it is in the heap or a small integer.
    pub fn tagged(&self) -> Option<Tagged> {
        match self {
            FrameValue::Value(value) => Some(*value),
            _ => None,
        }
    }
}

/// A function that an instruction of optimised code is in.
#[derive(Clone, Debug)]
pub(super) struct OptimizedFrame {
    /// Its closure; nothing if that was never allocated.
    pub function: Option<Tagged>,
    /// Its `SharedFunctionInfo`.
    pub shared: Tagged,
    /// Where in its bytecode, or in the source of its script.
    pub place: Place,
    /// Called with `new` by optimised code; the outermost may be called so by others.
    pub is_constructor: bool,
    /// A builtin, which has no place.
    pub is_builtin: bool,
    /// `this`, the arguments that it declares, its context and registers; nothing where that is not known.
    pub values: Option<Values>,
}

/// Where a function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At a bytecode.
    Bytecode(u32),
    /// Near a position in the source.
    Near(u32),
    /// It has just begun.
    Entry,
}

/// The values of a frame in bytecode.
#[derive(Clone, Debug)]
pub(super) struct Values {
    pub receiver: FrameValue,
    pub arguments: Vec<FrameValue>,
    pub context: FrameValue,
    pub registers: Vec<FrameValue>,
}

/// An instruction of a translation.
type Instruction = (Opcode, [u32; MOST_OPERANDS]);

/// Reads a translation.
struct Translation<'a> {
    layout: &'a DeoptimizationLayout,
    bytes: &'a [u8],
    at: usize,
    /// Where the translation goes on that this one repeats parts of.
    previous: usize,
    /// Instructions to take from there.
    copies: u32,
    /// Instructions read here since the last that was taken from there.
    since: u32,
}

impl<'a> Translation<'a> {
    /// That which begins at an index of all of them.
    fn begin(layout: &'a DeoptimizationLayout, bytes: &'a [u8], index: usize) -> Option<Translation<'a>> {
        let mut at = index;
        let (opcode, operands) = read(layout, bytes, &mut at)?;
        if opcode != Opcode::Begin {
            return None;
        }
        let back = if layout.repeats { operands[0] as usize } else { 0 };
        let previous = index.checked_sub(back)?;
        Some(Translation { layout, bytes, at, previous, copies: 0, since: 1 })
    }

    fn next(&mut self) -> Option<Instruction> {
        if self.copies == 0 {
            let (opcode, operands) = read(self.layout, self.bytes, &mut self.at)?;
            if opcode != Opcode::MatchPrevious {
                self.since += 1;
                return Some((opcode, operands));
            }
            self.copies = operands[0];
            for _ in 0..std::mem::take(&mut self.since) {
                read(self.layout, self.bytes, &mut self.previous)?;
            }
        }
        self.copies = self.copies.checked_sub(1)?;
        read(self.layout, self.bytes, &mut self.previous)
    }
}

/// The instruction at an index, which moves behind it.
fn read(layout: &DeoptimizationLayout, bytes: &[u8], at: &mut usize) -> Option<Instruction> {
    let byte = *bytes.get(*at)?;
    *at += 1;
    let mut operands = [0; MOST_OPERANDS];
    // All opcodes are so small that one byte has them.
    let number = byte >> (u32::from(layout.signed_opcodes) + u32::from(layout.lowest_bit_continues));
    let Some((opcode, count)) = layout.opcodes.get(usize::from(number)) else {
        if !layout.repeats {
            return None;
        }
        // A short form: the number is in the opcode.
        operands[0] = u32::from(byte) - layout.opcodes.len() as u32;
        return Some((Opcode::MatchPrevious, operands));
    };
    let mut rest = bytes[*at..].iter().copied();
    let before = rest.len();
    for operand in operands.iter_mut().take(usize::from(*count)) {
        *operand = if layout.lowest_bit_continues {
            unsigned_by_lowest_bit(&mut rest)
        } else {
            unsigned(&mut rest)
        }?;
    }
    *at += before - rest.len();
    Some((*opcode, operands))
}

/// A number in groups of seven bits, least significant first, each above the bit that says whether another follows.
fn unsigned_by_lowest_bit(bytes: &mut impl Iterator<Item = u8>) -> Option<u32> {
    let (mut value, mut shift) = (0_u32, 0);
    loop {
        let byte = bytes.next()?;
        value |= u32::from(byte >> 1).checked_shl(shift).unwrap_or(0);
        shift += 7;
        if byte & 1 == 0 {
            return Some(value);
        }
    }
}

/// The number whose sign is in the lowest bit.
fn signed(raw: u32) -> i64 {
    let magnitude = i64::from(raw >> 1);
    if raw & 1 == 0 { magnitude } else { -magnitude }
}

/// A frame as a translation has it: the instruction that begins it, and those of its values.
struct RawFrame {
    begin: Instruction,
    values: Vec<Instruction>,
}

/// The frames of the translation at an index, outermost first.
fn frames_at(layout: &DeoptimizationLayout, bytes: &[u8], index: usize) -> Option<Vec<RawFrame>> {
    let mut translation = Translation::begin(layout, bytes, index)?;
    let mut frames: Vec<RawFrame> = Vec::new();
    while let Some(instruction) = translation.next() {
        match instruction.0 {
            Opcode::Begin => break,
            Opcode::Feedback => {}
            Opcode::InterpretedFrame
            | Opcode::BuiltinFunctionFrame
            | Opcode::ConstructFrame
            | Opcode::OtherFrame => {
                if frames.len() == MOST_FRAMES {
                    break;
                }
                frames.push(RawFrame { begin: instruction, values: Vec::new() });
            }
            _ => frames.last_mut()?.values.push(instruction),
        }
    }
    Some(frames)
}

/// Turns instructions of values into values.
struct Reader<'v, 'a> {
    view: &'v View<'a>,
    frame_pointer: u64,
    literals: HeapObject<'v>,
    /// The maps of the objects met so far, by their numbers; nothing of what has none (V8: `TranslatedState::object_positions_`).
    maps: RefCell<Vec<Option<Tagged>>>,
}

impl Reader<'_, '_> {
    /// The next value of those left.
    fn value(&self, left: &mut std::slice::Iter<'_, Instruction>, depth: usize) -> Option<FrameValue> {
        let (opcode, operands) = left.next()?;
        let number = signed(operands[0]);
        let slot = || self.slot(number);
        Some(match opcode {
            Opcode::CapturedObject | Opcode::StringConcat => {
                let count = if *opcode == Opcode::StringConcat { 2 } else { number };
                let own = self.number_object(None);
                let mut fields = Vec::new();
                for _ in 0..count {
                    let field = if depth == DEEPEST { None } else { self.value(left, depth + 1) };
                    fields.push(field?);
                }
                match opcode {
                    Opcode::StringConcat => FrameValue::Unknown,
                    _ => {
                        self.maps.borrow_mut()[own] = fields.first().and_then(FrameValue::tagged);
                        FrameValue::Unallocated(fields)
                    }
                }
            }
            Opcode::DuplicatedObject => {
                let first = usize::try_from(number).ok()?;
                self.number_object(self.map_of(first));
                FrameValue::Again(first)
            }
            Opcode::ArgumentsElements => {
                self.number_object(None);
                FrameValue::Unknown
            }
            Opcode::OptimizedOut => FrameValue::OptimizedOut,
            Opcode::Literal => match self.literal(number) {
                Some(literal) if self.view.is_optimized_out(literal) => FrameValue::OptimizedOut,
                literal => literal.map_or(FrameValue::Unknown, FrameValue::Value),
            },
            Opcode::TaggedSlot => slot().map_or(FrameValue::Unknown, |word| {
                FrameValue::Value(self.view.spaces().encoding().outside(word))
            }),
            Opcode::Int32Slot => number_of(slot(), |word| f64::from(word as i32)),
            Opcode::Uint32Slot => number_of(slot(), |word| f64::from(word as u32)),
            Opcode::Int64Slot => number_of(slot(), |word| word as i64 as f64),
            Opcode::FloatSlot => number_of(slot(), |word| f64::from(f32::from_bits(word as u32))),
            Opcode::DoubleSlot => number_of(slot(), f64::from_bits),
            // The hole is not told from `NaN`.
            Opcode::HoleyDoubleSlot => number_of(slot(), f64::from_bits),
            Opcode::BoolSlot => {
                slot().map_or(FrameValue::Unknown, |word| FrameValue::Boolean(word as u32 != 0))
            }
            Opcode::SignedBigIntSlot => {
                slot().map_or(FrameValue::Unknown, |word| FrameValue::BigInt(i128::from(word as i64)))
            }
            Opcode::UnsignedBigIntSlot => {
                slot().map_or(FrameValue::Unknown, |word| FrameValue::BigInt(i128::from(word)))
            }
            _ => FrameValue::Unknown,
        })
    }

    /// Gives the next number to an object.
    fn number_object(&self, map: Option<Tagged>) -> usize {
        let mut maps = self.maps.borrow_mut();
        maps.push(map);
        maps.len() - 1
    }

    /// The map of an object that was met.
    fn map_of(&self, number: usize) -> Option<Tagged> {
        *self.maps.borrow().get(number)?
    }

    /// The same value, but an object that was met before by its map, which is all that a receiver is asked for.
    fn by_map(&self, value: FrameValue) -> FrameValue {
        match value {
            FrameValue::Again(number) => {
                self.map_of(number).map_or(value, |map| FrameValue::Unallocated(vec![FrameValue::Value(map)]))
            }
            _ => value,
        }
    }

    /// A word of the frame: those with a negative number are arguments.
    fn slot(&self, number: i64) -> Option<u64> {
        let top = self.frame_pointer.checked_add(crate::layout::native::frame::RECEIVER_ABOVE)?;
        let at = top.checked_add_signed(number.checked_add(1)?.checked_mul(-8)?)?;
        self.view.words().word(at, "word of a frame").ok()
    }

    fn literal(&self, number: i64) -> Option<Tagged> {
        self.view.element_of_data(self.literals, u64::try_from(number).ok()?)
    }
}

fn number_of(word: Option<u64>, number: impl Fn(u64) -> f64) -> FrameValue {
    word.map_or(FrameValue::Unknown, |word| FrameValue::Number(number(word)))
}

impl View<'_> {
    /// The functions that an instruction of optimised code is in, outermost first; nothing if they cannot be told.
    /// `is_return` says that a call returns to it.
    pub(super) fn optimized_frames(
        &self,
        code: MachineCode<'_>,
        instruction: u64,
        is_return: bool,
        frame_pointer: u64,
    ) -> Option<Vec<OptimizedFrame>> {
        let layout = self.layout().deoptimization?;
        let data =
            self.words().protected(code.object.address + self.fields().code_data, "data of a Code").ok()?;
        let data = self.object(data).ok()?;
        let offset = u32::try_from(instruction.checked_sub(code.start)?).ok()?;
        let entry = if is_return {
            self.deoptimization_index(layout, code, offset).ok()?
        } else {
            Safepoint::Missing
        };
        if let Safepoint::Entry(index) = entry {
            return self.translated(layout, data, index, frame_pointer);
        }
        // V8 looks up the instruction before: that of the call.
        let before = if is_return { offset.checked_sub(1)? } else { offset };
        let table = code.object.address + self.fields().code_position_table;
        match self.raw_position(table, before).ok()? {
            Some(raw) => self.inlined_at(layout, data, raw),
            None => None,
        }
    }

    /// The places in the source that an instruction of optimised code comes from, outermost first: each with the function that was merged,
    /// nothing for that of the code itself.
    pub(crate) fn source_of_instruction(
        &self,
        code: MachineCode<'_>,
        instruction: u64,
    ) -> Vec<(Option<Tagged>, u32)> {
        let frames = self.optimized_frames(code, instruction, false, 0).unwrap_or_default();
        let place = |frame: OptimizedFrame| match frame.place {
            Place::Near(position) => {
                Some(((frame.shared != Tagged::default()).then_some(frame.shared), position))
            }
            Place::Bytecode(_) | Place::Entry => None,
        };
        frames.into_iter().filter_map(place).collect()
    }

    /// The number of the deoptimisation entry for a return address, so many bytes behind the first instruction.
    fn deoptimization_index(
        &self,
        layout: &DeoptimizationLayout,
        code: MachineCode<'_>,
        offset: u32,
    ) -> Result<Safepoint> {
        /// No code has more calls.
        const MOST_ENTRIES: u32 = 1 << 20;
        let header = match (code.tier, layout.maglev_header) {
            (Tier::Turbofan, _) => layout.turbofan_header,
            (Tier::Maglev, Some(header)) => header,
            _ => return Ok(Safepoint::Missing),
        };
        let words = self.words();
        let behind = match self.fields().code_safepoint_table {
            Some(at) => words.word32(code.object.address + at, "place of the safepoint table")?,
            // It is the first of what follows the instructions.
            None => code.size,
        };
        let table = code.start + u64::from(behind);
        let word32 = |index: u64| words.word32(table + 4 * index, "safepoint table");
        let (length, configuration) =
            (word32(layout.safepoint_length)?, word32(layout.safepoint_length + 1)?);
        let shape = if layout.wide_safepoints {
            SafepointShape::WIDE
        } else {
            SafepointShape::of(configuration, code.tier == Tier::Maglev)
        };
        let bytes = length.min(MOST_ENTRIES) as usize * shape.entry;
        let entries = words.slice(table + 4 * header, bytes, "safepoint table")?;
        Ok(shape.find(entries, offset))
    }

    /// An element of an array that goes with code, whatever its class.
    fn element_of_data(&self, array: HeapObject<'_>, index: u64) -> Option<Tagged> {
        let length = self.fixed_array_length(array.address).ok()?;
        if index >= length {
            return None;
        }
        let word = self.words().tagged(self.fields().element(array.address, index), "data of a Code").ok()?;
        // Literals may be weak.
        Some(word.object().map_or(word, Tagged::pointer))
    }

    /// Whether the call that returns to an instruction of optimised code is one with `new`: what V8 does for it comes last in the
    /// translation.
    pub(super) fn calls_with_new(&self, code: MachineCode<'_>, instruction: u64, is_return: bool) -> bool {
        let last = || {
            let layout = self.layout().deoptimization.filter(|_| is_return)?;
            let data = self
                .words()
                .protected(code.object.address + self.fields().code_data, "data of a Code")
                .ok()?;
            let offset = u32::try_from(instruction.checked_sub(code.start)?).ok()?;
            match self.deoptimization_index(layout, code, offset).ok()? {
                Safepoint::Entry(index) => self.translation(layout, self.object(data).ok()?, index)?.pop(),
                _ => None,
            }
        };
        last().is_some_and(|frame| frame.begin.0 == Opcode::ConstructFrame)
    }

    /// The frames of a deoptimisation entry, outermost first.
    fn translation(
        &self,
        layout: &DeoptimizationLayout,
        data: HeapObject<'_>,
        index: u32,
    ) -> Option<Vec<RawFrame>> {
        let element = |index| self.element_of_data(data, index);
        let entry = layout.first_entry + layout.entry_size * u64::from(index);
        let place = usize::try_from(element(entry + layout.entry_translation)?.smi()?).ok()?;
        let translations = self.object(element(layout.translations)?).ok()?;
        frames_at(layout, self.bytes_of_array(translations).ok()??, place)
    }

    fn translated(
        &self,
        layout: &DeoptimizationLayout,
        data: HeapObject<'_>,
        index: u32,
        frame_pointer: u64,
    ) -> Option<Vec<OptimizedFrame>> {
        let literals = self.object(self.element_of_data(data, layout.literals)?).ok()?;
        let reader = Reader { view: self, frame_pointer, literals, maps: RefCell::default() };
        let mut frames = Vec::new();
        let mut is_constructor = false;
        for frame in self.translation(layout, data, index)? {
            let (opcode, operands) = frame.begin;
            // Objects are numbered over all frames.
            let mut left = frame.values.iter();
            let mut values = Vec::new();
            while let Some(value) = reader.value(&mut left, 0) {
                values.push(value);
            }
            let is_builtin = match opcode {
                Opcode::InterpretedFrame => false,
                Opcode::BuiltinFunctionFrame => true,
                Opcode::ConstructFrame => {
                    is_constructor = true;
                    continue;
                }
                _ => continue,
            };
            let shared = reader.literal(signed(operands[1]))?;
            if let Some(receiver) = values.get_mut(1) {
                *receiver = reader.by_map(std::mem::replace(receiver, FrameValue::Unknown));
            }
            // Of the merged call of a builtin, the literal may be its caller's.
            let function = values.first().and_then(FrameValue::tagged).filter(|function| {
                self.object(*function).is_ok_and(|function| function.kind() == Kind::JsFunction)
            });
            if is_builtin && function.is_none()
                || !self.object(shared).is_ok_and(|shared| shared.kind() == Kind::SharedFunctionInfo)
            {
                return None;
            }
            let height = operands[layout.height_operand];
            let height = if layout.height_is_signed { signed(height) } else { i64::from(height) };
            // A function that has not executed its first bytecode is at -1.
            let place = u32::try_from(signed(operands[0])).map_or(Place::Entry, Place::Bytecode);
            frames.push(OptimizedFrame {
                function,
                shared,
                place,
                is_constructor: std::mem::take(&mut is_constructor),
                is_builtin,
                values: if is_builtin {
                    builtin_values(values)
                } else {
                    usize::try_from(height).ok().and_then(|height| bytecode_values(values, height))
                },
            });
        }
        (!frames.is_empty()).then_some(frames)
    }

    /// The functions that a position is in, by the calls that were merged.
    fn inlined_at(
        &self,
        layout: &DeoptimizationLayout,
        data: HeapObject<'_>,
        mut raw: RawPosition,
    ) -> Option<Vec<OptimizedFrame>> {
        let element = |index| self.element_of_data(data, index);
        let literals = self.object(element(layout.literals)?).ok()?;
        let positions = self.object(element(layout.inlining_positions)?).ok();
        let positions = positions.and_then(|positions| self.bytes_of_array(positions).ok()?).unwrap_or(&[]);
        let frame = |shared, raw: RawPosition| {
            Some(OptimizedFrame {
                function: None,
                shared,
                place: Place::Near(raw.script_offset()?),
                is_constructor: false,
                is_builtin: false,
                values: None,
            })
        };
        let mut frames = Vec::new();
        // Innermost first; a call lies in an earlier one.
        let mut last = usize::MAX;
        while let Some(inlining) = raw.inlining() {
            if inlining >= last {
                return None;
            }
            last = inlining;
            let entry = positions
                .chunks_exact(DeoptimizationLayout::INLINING_POSITION)
                .nth(inlining)
                .map(|entry| entry.split_at(DeoptimizationLayout::INLINED_FUNCTION));
            let (position, function) = entry?;
            let function = i32::from_le_bytes(function.get(..4)?.try_into().ok()?);
            let shared = self.element_of_data(literals, u64::try_from(function).ok()?)?;
            if !self.object(shared).is_ok_and(|shared| shared.kind() == Kind::SharedFunctionInfo) {
                return None;
            }
            frames.push(frame(shared, raw)?);
            raw = RawPosition(i64::from_le_bytes(position.try_into().ok()?));
        }
        // The outermost is the function of the frame, which its caller knows.
        frames.push(frame(Tagged::default(), raw)?);
        frames.reverse();
        Some(frames)
    }
}

/// Function, `this`, arguments, ...
fn builtin_values(values: Vec<FrameValue>) -> Option<Values> {
    let receiver = values.get(1)?.clone();
    Some(Values { receiver, arguments: Vec::new(), context: FrameValue::Unknown, registers: Vec::new() })
}

/// Function, `this`, arguments, context, registers, accumulator.
fn bytecode_values(values: Vec<FrameValue>, height: usize) -> Option<Values> {
    let arguments = values.len().checked_sub(height)?.checked_sub(4)?;
    let mut values = values.into_iter().skip(1);
    let receiver = values.next()?;
    let arguments = values.by_ref().take(arguments).collect();
    let context = values.next()?;
    Some(Values { receiver, arguments, context, registers: values.take(height).collect() })
}

/// What a safepoint table says of a return address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Safepoint {
    /// The deoptimisation entry of that number.
    Entry(u32),
    /// A call without one.
    NoEntry,
    /// No call.
    Missing,
}

/// How entries of a safepoint table look.
#[derive(Clone, Copy, Debug)]
struct SafepointShape {
    has_deoptimization: bool,
    pc: usize,
    index: usize,
    entry: usize,
    /// What is not there has all bits (else numbers are one more than they stand for, and 0 is none).
    is_wide: bool,
}

impl SafepointShape {
    /// The entries that have no configuration.
    const WIDE: SafepointShape = SafepointShape {
        has_deoptimization: true,
        pc: size_of::<u32>(),
        index: size_of::<u32>(),
        entry: 3 * size_of::<u32>(),
        is_wide: true,
    };

    /// By the configuration in front of them.
    fn of(configuration: u32, is_maglev: bool) -> SafepointShape {
        let bits = |shift: u32, mask: u32| (configuration >> shift & mask) as usize;
        let has_deoptimization = configuration & 1 != 0;
        let (registers, pc, index) = (bits(1, 7), bits(4, 7), bits(7, 7));
        let deoptimization = if has_deoptimization { index + pc } else { 0 };
        // Maglev's have one byte for spilled registers.
        let entry = pc + deoptimization + registers + usize::from(is_maglev);
        SafepointShape { has_deoptimization, pc, index, entry, is_wide: false }
    }

    /// The entry of a return address, which may have been led to the code that leaves this one.
    fn find(&self, entries: &[u8], offset: u32) -> Safepoint {
        if self.entry == 0 {
            return Safepoint::Missing;
        }
        let number =
            |bytes: &[u8]| bytes.iter().rev().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        let optional = |number: u32| match self.is_wide {
            true => Some(number).filter(|number| *number != u32::MAX),
            false => number.checked_sub(1),
        };
        // One whose address has all bits is that of all calls.
        let is_only = |pc: u32| self.is_wide && entries.len() == self.entry && pc == u32::MAX;
        for entry in entries.chunks_exact(self.entry) {
            let (pc, rest) = entry.split_at(self.pc);
            let (index, rest) = rest.split_at(if self.has_deoptimization { self.index } else { 0 });
            let trampoline = if self.has_deoptimization { optional(number(&rest[..self.pc])) } else { None };
            if number(pc) == offset || is_only(number(pc)) || trampoline == Some(offset) {
                return optional(number(index)).map_or(Safepoint::NoEntry, Safepoint::Entry);
            }
        }
        Safepoint::Missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::machine_code::{V9_0, V11_3, V13_6};

    /// Numbers of opcodes in V8 13.6, and the first byte that is none.
    const INTERPRETED: u8 = 1;
    const CONSTRUCT: u8 = 4;
    const BEGIN: u8 = 14;
    const LITERAL: u8 = 38;
    const SLOT: u8 = 40;
    const MATCH: u8 = 44;
    const NONE: u8 = 45;

    fn opcodes(frames: &[RawFrame]) -> Vec<(Opcode, Vec<(Opcode, i64)>)> {
        let values = |frame: &RawFrame| {
            frame.values.iter().map(|(opcode, operands)| (*opcode, signed(operands[0]))).collect()
        };
        frames.iter().map(|frame| (frame.begin.0, values(frame))).collect()
    }

    #[test]
    fn a_translation_repeats_parts_of_the_one_before() {
        #[rustfmt::skip]
        let bytes = [
            BEGIN, 0, 2, 2,                    // at 0
            INTERPRETED, 14, 4, 0, 1,          // bytecode 7, literal 2, one register
            LITERAL, 6, SLOT, 3, SLOT, 8,      // 3, -1, 4
            BEGIN, 15, 2, 2,                   // at 15
            NONE + 2,                          // the frame, and the literal
            SLOT, 10,                          // 5 in place of -1
            MATCH, 1,                          // 4
            LITERAL, 0x81, 0x01,               // 128 + 1: -64
            BEGIN, 0, 0, 0,
        ];
        let first = frames_at(&V13_6, &bytes, 0).unwrap();
        let values = |middle, more: &[(Opcode, i64)]| {
            let mut values =
                vec![(Opcode::Literal, 3), (Opcode::TaggedSlot, middle), (Opcode::TaggedSlot, 4)];
            values.extend(more);
            vec![(Opcode::InterpretedFrame, values)]
        };
        assert_eq!(opcodes(&first), values(-1, &[]));
        assert_eq!(first[0].begin.1[..4], [14, 4, 0, 1]);
        let second = frames_at(&V13_6, &bytes, 15).unwrap();
        assert_eq!(opcodes(&second), values(5, &[(Opcode::Literal, -64)]));
        assert_eq!(second[0].begin.1[..4], [14, 4, 0, 1]);
        assert!(frames_at(&V13_6, &bytes, 4).is_none(), "nothing begins there");
    }

    #[test]
    fn the_frame_of_a_constructor_stands_before_the_constructor() {
        let bytes = [BEGIN, 0, 4, 2, INTERPRETED, 2, 0, 0, 0, CONSTRUCT, 0, 0, INTERPRETED, 4, 2, 0, 0];
        let frames = frames_at(&V13_6, &bytes, 0).unwrap();
        let frames: Vec<_> = frames.iter().map(|frame| frame.begin.0).collect();
        assert_eq!(frames, [Opcode::InterpretedFrame, Opcode::ConstructFrame, Opcode::InterpretedFrame]);
    }

    #[test]
    fn numbers_can_go_on_by_their_lowest_bit() {
        // Opcodes 3, 18 and 24 of V8 9, each with a bit for the sign and one that nothing follows; -1, 0, 100 and 8192, with their signs.
        let bytes = [3 << 2, 4, 4, 0, 18 << 2, 6, 0, 0x91, 2, 0x01, 0x01, 2, 0, 24 << 2, 12];
        let frames = frames_at(&V9_0, &bytes, 0).unwrap();
        assert_eq!(frames[0].begin.0, Opcode::InterpretedFrame);
        assert_eq!(frames[0].begin.1.map(signed)[..5], [-1, 0, 100, 8192, 0]);
        assert_eq!(opcodes(&frames)[0].1, [(Opcode::TaggedSlot, 3)]);
        assert_eq!(unsigned_by_lowest_bit(&mut [1; 9].into_iter()), None, "a number that never ends");
    }

    #[test]
    fn what_is_no_translation_ends() {
        for byte in 0..=u8::MAX {
            for layout in [&V9_0, &V11_3, &V13_6] {
                let mut bytes = vec![byte; 40];
                let _ = frames_at(layout, &bytes, 0);
                bytes.splice(..4, [BEGIN, 0, 0, 0]);
                let _ = frames_at(layout, &bytes, 0);
            }
        }
        assert!(
            frames_at(&V13_6, &[BEGIN, 9, 0, 0], 0).is_none(),
            "the one before would begin before the first"
        );
        assert!(frames_at(&V13_6, &[], 0).is_none());
    }

    #[test]
    fn values_of_bytecode_stand_in_order() {
        let value = |number| FrameValue::Number(f64::from(number));
        // Function, this, two arguments, context, three registers, accumulator.
        let values = bytecode_values((0..9).map(value).collect(), 3).unwrap();
        assert_eq!((values.receiver, values.context), (value(1), value(4)));
        assert_eq!(values.arguments, [value(2), value(3)]);
        assert_eq!(values.registers, [value(5), value(6), value(7)]);
        assert!(bytecode_values((0..3).map(value).collect(), 0).is_none());
    }

    #[test]
    fn a_return_address_has_a_safepoint_of_its_own() {
        // Deoptimisation data, one byte of registers, two of the place, one of the number.
        let configuration = 1 | 1 << 1 | 2 << 4 | 1 << 7;
        let entries = [
            0x10, 0x00, 0, 0x00, 0x00, 0xff, // no entry
            0x34, 0x02, 3, 0x01, 0x03, 0xff, // entry 2, left by 0x300
        ];
        let shape = SafepointShape::of(configuration, false);
        assert_eq!(shape.entry, 6);
        assert_eq!(shape.find(&entries, 0x10), Safepoint::NoEntry);
        assert_eq!(shape.find(&entries, 0x234), Safepoint::Entry(2));
        assert_eq!(shape.find(&entries, 0x300), Safepoint::Entry(2));
        assert_eq!(shape.find(&entries, 0x235), Safepoint::Missing);
        assert_eq!(SafepointShape::of(configuration, true).entry, 7);
        assert_eq!(SafepointShape::of(0, false).find(&entries, 0), Safepoint::Missing);
    }

    #[test]
    fn safepoints_of_three_words_say_what_is_missing_with_all_bits() {
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        let none = u32::MAX;
        let entries = words(&[0x10, none, none, 0x234, 2, 0x300, 0x400, 0, none]);
        let find = |offset| SafepointShape::WIDE.find(&entries, offset);
        assert_eq!([find(0x10), find(0x235)], [Safepoint::NoEntry, Safepoint::Missing]);
        assert_eq!([find(0x234), find(0x300)], [Safepoint::Entry(2); 2]);
        assert_eq!(find(0x400), Safepoint::Entry(0));
        // V8 keeps one entry where all calls have the same (`RemoveDuplicates`).
        let same = words(&[none, none, none]);
        assert_eq!(SafepointShape::WIDE.find(&same, 0x777), Safepoint::NoEntry);
        assert_eq!(SafepointShape::WIDE.find(&[same.clone(), same].concat(), 0x777), Safepoint::Missing);
    }
}
