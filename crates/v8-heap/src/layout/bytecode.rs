//! The bytecodes of each version: what they are called and which operands they have (V8: `src/interpreter/bytecodes.h`).
//!
//! Their lengths are in every binary (`Bytecodes::kBytecodeSizes`), and the numbers of their operands (`kOperandCount`): a list that
//! differs from those is not used.

use core_reader::Symbols;

use super::versions::Version;

/// The bytecodes of all versions.
static TABLE: &str = include_str!("tables/bytecodes.txt");

/// Where binaries have lengths and numbers of operands.
const SIZES: &str = "_ZN2v88internal11interpreter9Bytecodes14kBytecodeSizesE";
const OPERANDS: &str = "_ZN2v88internal11interpreter9Bytecodes13kOperandCountE";

/// What an operand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperandKind {
    /// One register, or so many in a row.
    Registers(u32),
    /// The first of registers whose number the next operand is.
    RegisterList,
    /// How many registers the list before it has.
    RegisterCount,
    /// A value of the pool of constants.
    Constant,
    /// A slot of the feedback vector.
    Feedback,
    /// A slot of a context.
    ContextSlot,
    /// A number with a sign.
    Signed,
    /// A number without one.
    Unsigned,
    /// Flags.
    Flags,
    /// A function of V8's runtime, by number.
    Runtime,
    /// A function of the native context, by number.
    NativeContextFunction,
    /// Feedback that lies in the bytecode.
    EmbeddedFeedback,
}

impl OperandKind {
    /// By its letter in the table.
    fn of(letter: char) -> Option<OperandKind> {
        use OperandKind::*;
        Some(match letter {
            'r' | 'o' | 'b' => Registers(1),
            'p' | 'P' => Registers(2),
            'T' => Registers(3),
            'l' | 'O' => RegisterList,
            '#' => RegisterCount,
            'k' => Constant,
            's' => Feedback,
            'c' => ContextSlot,
            'm' => Signed,
            'u' | 'v' | 'x' | 'i' | 'a' => Unsigned,
            'f' | 'F' => Flags,
            'R' => Runtime,
            'n' => NativeContextFunction,
            'e' => EmbeddedFeedback,
            _ => return None,
        })
    }
}

/// Bytes of an operand behind a prefix that makes them `scale` times as long.
fn bytes_of(letter: char, scale: u8) -> u8 {
    match letter {
        'f' | 'i' | 'n' | 'a' => 1,
        'F' | 'R' | 'e' => 2,
        _ => scale,
    }
}

/// A bytecode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytecode {
    /// `LdaSmi`
    pub name: &'static str,
    /// A letter of the table each.
    operands: &'static str,
}

impl Bytecode {
    /// Its operands in order, each with how many bytes it has.
    pub fn operands(self, scale: Scale) -> impl Iterator<Item = (OperandKind, u8)> {
        self.operands
            .chars()
            .filter_map(move |letter| Some((OperandKind::of(letter)?, bytes_of(letter, scale.factor()))))
    }

    /// Whether it goes on elsewhere: where that is says its first operand.
    pub fn jump(self) -> Option<Jump> {
        match self.name {
            "JumpLoop" => Some(Jump::Back),
            name if !name.starts_with("Jump") => None,
            name if name.ends_with("Constant") => Some(Jump::Constant),
            _ => Some(Jump::Forward),
        }
    }

    /// Whether it goes on at one of several places: which operands are the first of them among the constants and their number, and which
    /// number leads to the first.
    pub fn jump_table(self) -> Option<(usize, usize, Option<usize>)> {
        match self.name {
            "SwitchOnSmiNoFeedback" => Some((0, 1, Some(2))),
            "SwitchOnGeneratorState" => Some((1, 2, None)),
            _ => None,
        }
    }
}

/// How the target of a jump is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jump {
    /// So many bytes behind it.
    Forward,
    /// So many bytes before it.
    Back,
    /// By a constant, which is the number of bytes.
    Constant,
}

/// How wide operands are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// A byte.
    Single,
    /// Two.
    Double,
    /// Four.
    Quadruple,
}

impl Scale {
    /// What the bytes of an operand are multiplied with.
    pub fn factor(self) -> u8 {
        1 << self as u8
    }
}

/// One bytecode of a function.
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

/// The bytecodes of a version by their number, and their lengths with operands of one, two and four bytes; prefixes are not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytecodes {
    list: Vec<Bytecode>,
    lengths: [Vec<u8>; 3],
}

impl Bytecodes {
    /// Prefixes of a bytecode whose operands have two and four bytes, and the same for a debugger.
    const PREFIXES: [(u8, Scale); 4] =
        [(0, Scale::Double), (1, Scale::Quadruple), (2, Scale::Double), (3, Scale::Quadruple)];

    /// Those of a version.
    pub(super) fn of(version: Version) -> Bytecodes {
        let rows = TABLE.lines().filter(|line| !line.starts_with('#'));
        let list: Vec<Bytecode> = rows.filter_map(|row| of_row(row, version)).collect();
        let lengths = [Scale::Single, Scale::Double, Scale::Quadruple].map(|scale| {
            let length =
                |bytecode: &Bytecode| 1 + bytecode.operands(scale).map(|(_, bytes)| bytes).sum::<u8>();
            list.iter().map(length).collect()
        });
        Bytecodes { list, lengths }
    }

    /// Whether the binary says the same, or nothing.
    pub(super) fn agrees(&self, symbols: &dyn Symbols, read_int: &dyn Fn(u64) -> Option<i32>) -> bool {
        let same = |name: &str, ours: Vec<u8>| {
            let Some(symbol) = symbols.find(name) else { return true };
            symbol.size == ours.len() as u64
                && (0..).zip(ours.chunks_exact(4)).all(|(index, four)| {
                    let four: [u8; 4] = four.try_into().unwrap_or_default();
                    read_int(symbol.address.0 + 4 * index).is_none_or(|found| found.to_le_bytes() == four)
                })
        };
        let counts = self.list.iter().map(|bytecode| bytecode.operands.len() as u32);
        same(SIZES, self.lengths.concat()) && same(OPERANDS, counts.flat_map(u32::to_le_bytes).collect())
    }

    /// What they are called, by number.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.list.iter().map(|bytecode| bytecode.name)
    }

    /// The number of the bytecode at the start of `bytes`, how wide its operands are, and how many bytes stand in front of it.
    fn head(bytes: &[u8]) -> Option<(u8, Scale, usize)> {
        let first = *bytes.first()?;
        match Bytecodes::PREFIXES.iter().find(|(number, _)| *number == first) {
            Some((_, scale)) => Some((*bytes.get(1)?, *scale, 1)),
            None => Some((first, Scale::Single, 0)),
        }
    }

    /// The whole length of the bytecode at the start of `bytes`, with its prefix.
    pub fn length(&self, bytes: &[u8]) -> Option<usize> {
        let (number, scale, before) = Bytecodes::head(bytes)?;
        let length = *self.lengths[scale as usize].get(usize::from(number))?;
        Some(before + usize::from(length.max(1)))
    }

    /// The bytecode at the start of `bytes`, with its operands.
    pub fn instruction<'b>(&self, bytes: &'b [u8]) -> Option<Instruction<'b>> {
        let (number, scale, prefix) = Bytecodes::head(bytes)?;
        let length = self.length(bytes)?;
        let operands = bytes.get(prefix + 1..length)?;
        Some(Instruction { number, prefix, width: usize::from(scale.factor()), length, operands })
    }

    /// The bytecode at the start of `bytes`, how wide its operands are, and how many bytes stand in front of it.
    pub fn at(&self, bytes: &[u8]) -> Option<(Bytecode, Scale, usize)> {
        let (number, scale, before) = Bytecodes::head(bytes)?;
        Some((*self.list.get(usize::from(number))?, scale, before))
    }

    /// Lengths made up, for tests.
    #[cfg(test)]
    pub(crate) fn made_up(lengths: [Vec<u8>; 3]) -> Bytecodes {
        Bytecodes { list: Vec::new(), lengths }
    }
}

/// What a row of the table says of a version.
fn of_row(row: &'static str, version: Version) -> Option<Bytecode> {
    let mut words = row.split_whitespace();
    let (name, operands) = (words.next()?, words.next()?);
    let number = |text: &str| {
        let (major, minor) = text.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    if let Some(versions) = words.next() {
        let (first, last) = versions.split_once("..")?;
        if !(number(first)?..=number(last)?).contains(&version) {
            return None;
        }
    }
    Some(Bytecode { name, operands: operands.trim_matches('-') })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::tables::TABLES;

    #[test]
    fn every_version_has_its_lengths_in_all_three_widths() {
        // As the binaries count them (`kOperandCount`); those of V8 15.0 are stripped.
        let counts = [183, 182, 200, 200, 200, 197, 197, 198, 198, 199, 203, 204, 208, 212, 212];
        assert_eq!(counts.len() + 1, TABLES.len());
        for (table, count) in TABLES.iter().zip(counts) {
            let bytecodes = Bytecodes::of(table.v8);
            assert_eq!(bytecodes.list.len(), count, "{:?}", table.v8);
            assert_eq!(bytecodes.lengths.each_ref().map(Vec::len), [count; 3], "{:?}", table.v8);
            // Wide and ExtraWide; LdaSmi grows with its operand.
            let number =
                |name| bytecodes.list.iter().position(|bytecode| bytecode.name == name).unwrap() as u8;
            let (zero, smi) = (number("LdaZero"), number("LdaSmi"));
            assert_eq!(bytecodes.length(&[0, zero, 0]), Some(2), "{:?}", table.v8);
            assert_eq!(bytecodes.length(&[smi]), Some(2), "{:?}", table.v8);
            assert_eq!(bytecodes.length(&[0, smi]), Some(4), "{:?}", table.v8);
            assert_eq!(bytecodes.length(&[1, smi]), Some(6), "{:?}", table.v8);
        }
        assert_eq!(Bytecodes::of((9, 9)).length(&[250]), None);
    }

    #[test]
    fn operands_are_as_wide_as_their_prefix_says() {
        let made_up = Bytecodes::made_up([vec![1, 1, 0, 0, 0, 3], vec![1, 1, 0, 0, 0, 5], vec![]]);
        let narrow = made_up.instruction(&[5, 0xff, 0x80, 9]).unwrap();
        assert_eq!((narrow.length, narrow.register(0), narrow.unsigned(1)), (3, Some(-1), Some(0x80)));
        let wide = made_up.instruction(&[0, 5, 0xfe, 0xff, 1, 2, 9]).unwrap();
        assert_eq!((wide.number, wide.length, wide.register(0)), (5, 6, Some(-2)));
        assert_eq!((wide.unsigned(1), wide.unsigned(2)), (Some(0x201), None));
        assert!(made_up.instruction(&[5, 1]).is_none());
    }

    #[test]
    fn every_operand_and_every_version_of_the_table_is_known() {
        for row in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let words: Vec<&str> = row.split_whitespace().collect();
            assert!(
                words[1] == "-" || words[1].chars().all(|letter| OperandKind::of(letter).is_some()),
                "{row}"
            );
            let versions: Vec<Version> = TABLES.iter().map(|table| table.v8).collect();
            assert!(versions.iter().any(|version| of_row(row, *version).is_some()), "{row}");
        }
    }

    #[test]
    fn jumps_say_where_they_go() {
        let jump = |name| Bytecode { name, operands: "" }.jump();
        assert_eq!(jump("JumpLoop"), Some(Jump::Back));
        assert_eq!(jump("JumpIfTrue"), Some(Jump::Forward));
        assert_eq!(jump("JumpIfToBooleanFalseConstant"), Some(Jump::Constant));
        assert_eq!(jump("LdaConstant"), None);
    }
}
