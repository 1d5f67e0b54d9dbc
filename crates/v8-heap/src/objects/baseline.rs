//! Machine code without optimisations, and the bytecode that each piece of it was made from.
//!
//! ```text
//!   CodeWrapper   +8 Code
//!   Code          bytecode   +8 behind it: TrustedByteArray, the length of the machine code of each bytecode
//! ```
//!
//! The lengths are unsigned numbers in groups of seven bits, least significant first; the first is of what comes before the
//! first bytecode (V8: `src/baseline/bytecode-offset-iterator.h`).

use crate::layout::Bytecodes;
use crate::objects::shared_function_info::Maker;
use crate::objects::value::HeapObject;
use crate::view::View;
use crate::{Result, Tagged};

impl View<'_> {
    /// The offset of the bytecode that the machine code at `pc`, counted from its start, was made from: of a call, where it
    /// returns to. `None` if `code` is no code without optimisations, or the lengths of bytecodes are not known. Up to V8 9 the code does
    /// not say which bytecode it was made from: that is `bytecode` then.
    ///
    /// # Errors
    /// If the code cannot be read.
    pub fn baseline_offset(&self, code: Tagged, bytecode: Option<Tagged>, pc: u32) -> Result<Option<u32>> {
        let Some(sizes) = &self.layout().bytecodes else { return Ok(None) };
        let (words, fields) = (self.words(), self.fields());
        let mut object = self.object(code)?;
        if self.class_name(object.value()) == "CodeWrapper" {
            object =
                self.object(words.trusted(object.address + fields.code_wrapper_code, "wrapped code")?)?;
        }
        if self.class_name(object.value()) != "Code" {
            return Ok(None);
        }
        let table = object.address + fields.code_position_table;
        let own = match self.maker_of_code(object.value())? {
            Maker::Bytecode(bytecode) => Some(bytecode),
            Maker::Function(_) | Maker::Unknown => None,
        };
        let Some(Ok(bytecode)) = own.or(bytecode).map(|bytecode| self.object(bytecode)) else {
            return Ok(None);
        };
        let Ok(table) = self.object(words.protected(table, "table of a Code")?) else {
            return Ok(None);
        };
        if self.class_name(bytecode.value()) != "BytecodeArray" {
            return Ok(None);
        }
        let Some(lengths) = self.bytes_of_array(table)? else { return Ok(None) };
        if self.layout().facts.baseline_tables_have_pairs {
            return Ok(bytecode_of_pairs(lengths, pc));
        }
        let (start, end) = self.bytecode_range(bytecode)?;
        let bytecodes = words.slice(start, (end - start) as usize, "bytecodes")?;
        Ok(bytecode_at(lengths, bytecodes, sizes, pc))
    }

    /// The bytes of a `ByteArray` or a `TrustedByteArray`; nothing of another object.
    pub(super) fn bytes_of_array(&self, array: HeapObject<'_>) -> Result<Option<&[u8]>> {
        let fields = self.fields();
        let (length, first) = match self.class_name(array.value()) {
            "ByteArray" => (fields.array_length, fields.byte_array_bytes),
            "TrustedByteArray" => (fields.trusted_byte_array_length, fields.trusted_byte_array_bytes),
            _ => return Ok(None),
        };
        let length = self.words().count(array.address, length, "length of a ByteArray")?.unwrap_or(0);
        let length = usize::try_from(length).unwrap_or(0);
        self.words().slice(array.address + first, length, "bytes of a ByteArray").map(Some)
    }
}

/// The offset of the bytecode whose machine code `pc` is in or right behind.
fn bytecode_at(lengths: &[u8], bytecodes: &[u8], sizes: &Bytecodes, pc: u32) -> Option<u32> {
    let mut lengths = lengths.iter().copied();
    let mut end = u64::from(unsigned(&mut lengths)?);
    if u64::from(pc) <= end {
        return None;
    }
    let mut at = 0;
    while at < bytecodes.len() {
        end += u64::from(unsigned(&mut lengths)?);
        if u64::from(pc) <= end {
            return u32::try_from(at).ok();
        }
        at += sizes.length(bytecodes.get(at..)?)?;
    }
    None
}

/// The same by a table whose pairs tell how far machine code and bytecode are from one call to the next: that of the call that returns to
/// `pc`, or of the next one behind it.
fn bytecode_of_pairs(table: &[u8], pc: u32) -> Option<u32> {
    let mut table = table.iter().copied();
    let (mut end, mut bytecode) = (0_u64, 0_u32);
    while end < u64::from(pc) {
        end += u64::from(unsigned(&mut table)?);
        bytecode = bytecode.checked_add(unsigned(&mut table)?)?;
    }
    Some(bytecode)
}

pub(super) fn unsigned(bytes: &mut impl Iterator<Item = u8>) -> Option<u32> {
    let (mut value, mut shift) = (0_u32, 0);
    loop {
        let byte = bytes.next()?;
        value |= u32::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        shift += 7;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_return_address_belongs_to_the_bytecode_before_it() {
        let mut sizes = [vec![1; 10], vec![1; 10], vec![1; 10]];
        sizes[0][7] = 3;
        sizes[1][7] = 5;
        let sizes = Bytecodes::made_up(sizes);
        // Twenty bytes of prologue; then a short bytecode, a call, a wide call and a return.
        let lengths = [20, 4, 0x80 | 2, 1, 30, 6];
        let bytecodes = [9, 7, 0, 0, 0, 7, 0, 0, 0, 0, 8];
        let at = |pc| bytecode_at(&lengths, &bytecodes, &sizes, pc);
        assert_eq!(at(20), None, "before the first");
        assert_eq!(at(24), Some(0));
        assert_eq!(at(25), Some(1));
        assert_eq!(at(24 + 130), Some(1));
        assert_eq!(at(24 + 131), Some(4));
        assert_eq!(at(24 + 130 + 30 + 6), Some(10));
        assert_eq!(at(10_000), None, "behind the last");
        assert_eq!(bytecode_at(&[0x80; 9], &bytecodes, &sizes, 3), None, "a number that never ends");
    }

    #[test]
    fn pairs_tell_the_bytecode_of_a_call() {
        // Calls that return 20 and 20 + 130 bytes from the start, of bytecodes at 0 and 5; the second table ends within a number.
        let table = [20, 0, 0x80 | 2, 1, 5];
        assert_eq!([20, 150, 149].map(|pc| bytecode_of_pairs(&table, pc)), [Some(0), Some(5), Some(5)]);
        assert_eq!(bytecode_of_pairs(&table, 151), None, "behind the last");
        assert_eq!(bytecode_of_pairs(&[20, 0x80], 20), None);
    }
}
