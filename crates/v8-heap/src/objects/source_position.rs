//! Which place in the source a bytecode belongs to.
//!
//! ```text
//!   BytecodeArray --> source position table, bytes: code offset, position, code offset, position, ...
//! ```
//!
//! Both are differences to the entry before, the first offset to -1, in groups of seven bits, least significant first, with the sign in the lowest
//! bit. Up to V8 13 the code offset of an expression is `-1 - offset`; from V8 14 on it has no sign, and two flags below it:
//! whether a debugger can stop there, and whether it is a statement. A position in the script's source is kept plus one in
//! bits 1-30 (V8: `src/codegen/source-position-table.cc`, `source-position.h`). V8 makes the table when something first
//! asks for it, so many functions have none.

use crate::Result;
use crate::objects::value::HeapObject;
use crate::view::View;

impl View<'_> {
    /// The place in the source that the bytecode at `code_offset` of a function (a `SharedFunctionInfo`) was made from;
    /// `None` if V8 has not kept it.
    ///
    /// # Errors
    /// If the function or its bytecode cannot be read.
    pub fn source_position(&self, shared: HeapObject<'_>, code_offset: u32) -> Result<Option<u32>> {
        let Some(bytecode) = self.bytecode_array(shared)? else { return Ok(None) };
        let fields = self.fields();
        let at = bytecode.address + fields.bytecode_source_positions;
        let Some(raw) = self.raw_position(at, code_offset)? else { return Ok(None) };
        Ok(raw.script_offset())
    }

    /// Which bytecodes of a `BytecodeArray` have a place in the source of their own, and which: each by its offset, in order; nothing if V8
    /// has not kept that.
    pub(super) fn source_positions(&self, bytecode: HeapObject<'_>) -> Result<Option<Vec<PlacedBytecode>>> {
        let at = bytecode.address + self.fields().bytecode_source_positions;
        let Ok(table) = self.object(self.words().protected(at, "source position table")?) else {
            return Ok(None);
        };
        let Some(bytes) = self.bytes_of_array(table)? else { return Ok(None) };
        let entries = entries(bytes, self.layout().facts.source_positions_have_two_flags);
        let of_bytecodes =
            entries.filter_map(|(code, raw)| Some((u32::try_from(code).ok()?, raw.script_offset())));
        Ok(Some(of_bytecodes.collect()))
    }

    /// The last entry that is not behind `code_offset` in the source position table to which the word at `at` points.
    pub(super) fn raw_position(&self, at: u64, code_offset: u32) -> Result<Option<RawPosition>> {
        let table = self.words().tagged(at, "source position table")?;
        let Ok(table) = self.object(table) else { return Ok(None) };
        let Some(bytes) = self.bytes_of_array(table)? else { return Ok(None) };
        Ok(position_at(bytes, code_offset, self.layout().facts.source_positions_have_two_flags))
    }
}

/// Offset of a bytecode that has a place in the source of its own, and that, if it is in the source of its script.
pub type PlacedBytecode = (u32, Option<u32>);

/// A position as V8 keeps it: in the source of a function, which may be one that was merged into another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RawPosition(pub i64);

impl RawPosition {
    /// Where in the script, in code units.
    pub fn script_offset(self) -> Option<u32> {
        // Bit 0 marks positions outside of JavaScript.
        let offset = (self.0 & 1 == 0).then_some(self.0 >> 1 & 0x3fff_ffff)?;
        u32::try_from(offset - 1).ok()
    }

    /// Which of the calls that were merged it is in; none if it is in the function itself.
    pub fn inlining(self) -> Option<usize> {
        usize::try_from((self.0 >> 31 & 0xffff) - 1).ok()
    }
}

/// The position of the last entry that is not behind `code_offset`.
pub(super) fn position_at(bytes: &[u8], code_offset: u32, two_flags: bool) -> Option<RawPosition> {
    entries(bytes, two_flags).take_while(|(code, _)| *code <= i64::from(code_offset)).last().map(|(_, at)| at)
}

/// The entries of a source position table: code offset and position. The first may be that of the function, at -1.
fn entries(bytes: &[u8], two_flags: bool) -> impl Iterator<Item = (i64, RawPosition)> {
    let mut bytes = bytes.iter().copied();
    // The entry of the function comes before its first bytecode: `kFunctionEntryBytecodeOffset`.
    let (mut code, mut position) = (-1_i64, 0_i64);
    std::iter::from_fn(move || {
        let step = unsigned(&mut bytes)?;
        let step = if two_flags {
            step >> 2
        } else {
            let step = signed(step);
            (if step < 0 { -1 - step } else { step }) as u64
        };
        code = code.saturating_add(i64::try_from(step).unwrap_or(i64::MAX));
        position = position.wrapping_add(signed(unsigned(&mut bytes)?));
        Some((code, RawPosition(position)))
    })
}

fn unsigned(bytes: &mut impl Iterator<Item = u8>) -> Option<u64> {
    let (mut value, mut shift) = (0_u64, 0);
    loop {
        let byte = bytes.next()?;
        if shift < 64 {
            value |= u64::from(byte & 0x7f) << shift;
        }
        shift += 7;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
}

/// The number whose sign is in the lowest bit.
fn signed(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Statement at the entry, source 10; expression at code 4, source 3; statement at code 199, source 100.
    const PLACES: [(u32, Option<u32>); 5] =
        [(0, Some(10)), (3, Some(10)), (4, Some(3)), (198, Some(3)), (199, Some(100))];

    // Raw positions are twice the source position plus one: 22, 8, 202. Differences: 22, -14, 194.
    #[test]
    fn the_last_entry_before_an_offset_counts() {
        let table = [
            0x00, 44, // +0; 22 -> zigzag 44
            0x0b, 27, // -1-5 = -6 -> zigzag 11; -14 -> zigzag 27
            0x86, 0x03, 0x84, 0x03, // 195 -> 390; 194 -> 388
        ];
        for (offset, position) in PLACES {
            assert_eq!(
                position_at(&table, offset, false).and_then(RawPosition::script_offset),
                position,
                "{offset}"
            );
        }
        assert_eq!(position_at(&[], 0, false), None);
        assert_eq!(position_at(&[0x80; 40], 7, false), None, "a number that never ends");
    }

    #[test]
    fn a_position_says_which_call_it_was_merged_from() {
        let raw = RawPosition(4 << 31 | 101 << 1);
        assert_eq!((raw.script_offset(), raw.inlining()), (Some(100), Some(3)));
        assert_eq!(RawPosition(101 << 1).inlining(), None);
        assert_eq!(RawPosition(101 << 1 | 1).script_offset(), None, "outside of JavaScript");
    }

    #[test]
    fn code_offsets_stand_above_two_flags_from_v8_14_on() {
        let table = [
            0b011, 44, // 0 << 2 | breakable | statement
            0b10110, 27, // 5 << 2 | breakable
            0x8d, 0x06, 0x84, 0x03, // 195 << 2 | statement = 781
        ];
        for (offset, position) in PLACES {
            assert_eq!(
                position_at(&table, offset, true).and_then(RawPosition::script_offset),
                position,
                "{offset}"
            );
        }
        assert_eq!(position_at(&[0x80; 40], 7, true), None, "a number that never ends");
    }
}
