//! Lengths of bytecodes, which each version has its own of (V8: `src/interpreter/bytecodes.h`).

use core_reader::Symbols;

use super::versions::Version;

/// The lengths of all versions.
static TABLE: &str = include_str!("tables/bytecode_sizes.txt");

/// Where binaries have them.
const SIZES: &str = "_ZN2v88internal11interpreter9Bytecodes14kBytecodeSizesE";

/// Lengths of bytecodes by their number, with operands of one, two and four bytes; prefixes are not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BytecodeSizes {
    scales: [Vec<u8>; 3],
}

/// One bytecode.
#[derive(Clone, Copy, Debug)]
pub struct Instruction<'b> {
    /// Its number, without prefix.
    pub number: u8,
    /// Bytes of its prefix.
    pub prefix: usize,
    /// Its whole length.
    pub length: usize,
    /// Bytes of an operand that grows with the prefix, as all that [`Instruction::unsigned`] reads do.
    width: usize,
    operands: &'b [u8],
}

impl Instruction<'_> {
    /// An operand, of those that grow with the prefix, without a sign.
    pub fn unsigned(&self, index: usize) -> Option<u32> {
        let bytes = self.operands.get(index * self.width..)?.get(..self.width)?;
        Some(bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }

    /// A register: which word of the frame it is, counted from the frame pointer.
    pub fn register(&self, index: usize) -> Option<i64> {
        let unused = 32 - 8 * self.width as u32;
        Some(i64::from((self.unsigned(index)? << unused) as i32 >> unused))
    }
}

impl BytecodeSizes {
    /// Prefixes of a bytecode whose operands have two and four bytes, and the same for a debugger.
    const PREFIXES: [(u8, usize); 4] = [(0, 1), (1, 2), (2, 1), (3, 2)];

    /// Those of a version.
    pub(super) fn of(version: Version) -> BytecodeSizes {
        let mut sizes = BytecodeSizes::default();
        let wanted = format!("sizes {}.{} ", version.0, version.1);
        let mut into: Option<usize> = None;
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let mut numbers = line;
            if let Some((head, rest)) = line.split_once(':') {
                into = match head.strip_prefix(&wanted) {
                    Some("1") => Some(0),
                    Some("2") => Some(1),
                    Some("4") => Some(2),
                    _ => None,
                };
                numbers = rest;
            }
            if let Some(scale) = into {
                sizes.scales[scale]
                    .extend(numbers.split_whitespace().filter_map(|number| number.parse::<u8>().ok()));
            }
        }
        sizes
    }

    /// Whether the binary says the same, or nothing.
    pub(super) fn agrees(&self, symbols: &dyn Symbols, read_int: &dyn Fn(u64) -> Option<i32>) -> bool {
        let Some(symbol) = symbols.find(SIZES) else { return true };
        let ours: Vec<u8> = self.scales.concat();
        if symbol.size != ours.len() as u64 {
            return false;
        }
        (0..).zip(ours.chunks_exact(4)).all(|(index, four)| {
            let four: [u8; 4] = four.try_into().unwrap_or_default();
            read_int(symbol.address.0 + 4 * index).is_none_or(|found| found.to_le_bytes() == four)
        })
    }

    /// The bytecode at the start of `bytes`.
    pub fn instruction<'b>(&self, bytes: &'b [u8]) -> Option<Instruction<'b>> {
        let first = *bytes.first()?;
        let prefix = BytecodeSizes::PREFIXES.iter().find(|(number, _)| *number == first);
        let (number, width, before) = match prefix {
            Some((_, scale)) => (*bytes.get(1)?, 1 << scale, 1),
            None => (first, 1, 0),
        };
        let length = self.length(bytes)?;
        Some(Instruction { number, prefix: before, width, length, operands: bytes.get(before + 1..length)? })
    }

    /// The whole length of the bytecode at the start of `bytes`, with its prefix.
    pub fn length(&self, bytes: &[u8]) -> Option<usize> {
        let first = *bytes.first()?;
        let prefix = BytecodeSizes::PREFIXES.iter().find(|(number, _)| *number == first);
        let (number, scale, before) = match prefix {
            Some((_, scale)) => (*bytes.get(1)?, *scale, 1),
            None => (first, 0, 0),
        };
        let length = *self.scales[scale].get(usize::from(number))?;
        Some(before + usize::from(length.max(1)))
    }

    /// Lengths made up, for tests.
    #[cfg(test)]
    pub(crate) fn made_up(scales: [Vec<u8>; 3]) -> BytecodeSizes {
        BytecodeSizes { scales }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::tables::TABLES;

    #[test]
    fn every_version_has_its_lengths_in_all_three_widths() {
        for (table, count) in TABLES.iter().zip([198, 199, 203, 204, 208, 212, 212]) {
            let sizes = BytecodeSizes::of(table.v8);
            assert_eq!(sizes.scales.each_ref().map(Vec::len), [count; 3], "{:?}", table.v8);
            // Wide and ExtraWide, LdaZero; then LdaSmi grows with its operand.
            assert_eq!(sizes.length(&[0, 12, 0]), Some(2), "{:?}", table.v8);
            let smi = (4..20).find(|number| sizes.length(&[*number]) == Some(2)).unwrap();
            assert_eq!(sizes.length(&[0, smi]), Some(4), "{:?}", table.v8);
            assert_eq!(sizes.length(&[1, smi]), Some(6), "{:?}", table.v8);
        }
        assert_eq!(BytecodeSizes::of((9, 9)).length(&[7]), None);
        let sizes = BytecodeSizes::made_up([vec![1, 1, 0, 0, 0, 3], vec![1, 1, 0, 0, 0, 5], vec![]]);
        let narrow = sizes.instruction(&[5, 0xff, 0x80, 9]).unwrap();
        assert_eq!((narrow.length, narrow.register(0), narrow.unsigned(1)), (3, Some(-1), Some(0x80)));
        let wide = sizes.instruction(&[0, 5, 0xfe, 0xff, 1, 2, 9]).unwrap();
        assert_eq!((wide.number, wide.length, wide.register(0)), (5, 6, Some(-2)));
        assert_eq!((wide.unsigned(1), wide.unsigned(2)), (Some(0x201), None));
        assert!(sizes.instruction(&[5, 1]).is_none());
    }
}
