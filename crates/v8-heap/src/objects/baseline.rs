//! Machine code without optimisations, and the bytecode that each piece of it was made from.
//!
//! ```text
//!   CodeWrapper   +8 Code
//!   Code          bytecode   +8 behind it: TrustedByteArray, the length of the machine code of each bytecode
//! ```
//!
//! The lengths are unsigned numbers in groups of seven bits, least significant first; the first is of what comes before the
//! first bytecode (V8: `src/baseline/bytecode-offset-iterator.h`).

use crate::view::View;
use crate::{Result, Tagged};

/// Prefixes of a bytecode whose operands have two and four bytes.
const WIDE: u8 = 0;
const EXTRA_WIDE: u8 = 1;

impl View<'_> {
    /// The offset of the bytecode that the machine code at `pc`, counted from its start, was made from: of a call, where it
    /// returns to. `None` if `code` is no code without optimisations, or the lengths of bytecodes are not known.
    ///
    /// # Errors
    /// If the code cannot be read.
    pub fn baseline_offset(&self, code: Tagged, pc: u32) -> Result<Option<u32>> {
        let Some(sizes) = self.layout().facts.bytecode_sizes else { return Ok(None) };
        let (words, fields) = (self.words(), self.fields());
        let mut object = self.object(code)?;
        if self.class_name(object.value()) == "CodeWrapper" {
            object = self.object(words.tagged(object.address + fields.code_wrapper_code, "wrapped code")?)?;
        }
        if self.class_name(object.value()) != "Code" {
            return Ok(None);
        }
        let (data, table) = (object.address + fields.code_data, object.address + fields.code_position_table);
        let Ok(bytecode) = self.object(words.tagged(data, "bytecode of a Code")?) else { return Ok(None) };
        let Ok(table) = self.object(words.tagged(table, "table of a Code")?) else {
            return Ok(None);
        };
        if self.class_name(bytecode.value()) != "BytecodeArray"
            || self.class_name(table.value()) != "TrustedByteArray"
        {
            return Ok(None);
        }
        let bytes_of = |array: u64, length: u64, first: u64, what| -> Result<&[u8]> {
            let length = words.tagged(array + length, what)?.smi().unwrap_or(0);
            words.slice(array + first, usize::try_from(length).unwrap_or(0), what)
        };
        let lengths = bytes_of(
            table.address,
            fields.trusted_byte_array_length,
            fields.trusted_byte_array_bytes,
            "table of a Code",
        )?;
        let bytecodes =
            bytes_of(bytecode.address, fields.bytecode_length, fields.bytecode_data, "bytecodes")?;
        Ok(bytecode_at(lengths, bytecodes, sizes, pc))
    }
}

/// The offset of the bytecode whose machine code `pc` is in or right behind.
fn bytecode_at(lengths: &[u8], bytecodes: &[u8], sizes: &[[u8; 212]; 3], pc: u32) -> Option<u32> {
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
        let (scale, prefix) = match bytecodes[at] {
            WIDE => (1, 1),
            EXTRA_WIDE => (2, 1),
            _ => (0, 0),
        };
        let number = usize::from(*bytecodes.get(at + prefix)?);
        at += prefix + usize::from(*sizes[scale].get(number)?).max(1);
    }
    None
}

fn unsigned(bytes: &mut impl Iterator<Item = u8>) -> Option<u32> {
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
        let mut sizes = [[1; 212]; 3];
        sizes[0][7] = 3;
        sizes[1][7] = 5;
        // Twenty bytes of prologue; then a short bytecode, a call, a wide call and a return.
        let lengths = [20, 4, 0x80 | 2, 1, 30, 6];
        let bytecodes = [9, 7, 0, 0, WIDE, 7, 0, 0, 0, 0, 8];
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
}
