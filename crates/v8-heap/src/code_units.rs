//! UTF-16 code units, as strings hold them.

use std::hash::Hasher;

/// The characters of a string, all or the first of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsString {
    /// Number of UTF-16 code units of the whole string.
    pub length: u32,
    /// The units read: all, or as many as were asked for.
    pub units: Units,
}

/// Code units of a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Units {
    /// All below 256: Latin-1.
    OneByte(Vec<u8>),
    /// UTF-16; surrogates need not be paired.
    TwoByte(Vec<u16>),
}

/// Adjacent code units of a string, as they lie in memory.
#[derive(Clone, Copy, Debug)]
pub enum Piece<'a> {
    /// Latin-1: a byte each.
    OneByte(&'a [u8]),
    /// UTF-16, little-endian: two bytes each.
    TwoByte(&'a [u8]),
}

impl Piece<'_> {
    /// Number of code units.
    pub fn len(&self) -> usize {
        match self {
            Piece::OneByte(bytes) => bytes.len(),
            Piece::TwoByte(bytes) => bytes.len() / 2,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Those behind the first `count`.
    #[must_use]
    pub fn behind(self, count: usize) -> Self {
        match self {
            Piece::OneByte(bytes) => Piece::OneByte(bytes.get(count..).unwrap_or(&[])),
            Piece::TwoByte(bytes) => Piece::TwoByte(bytes.get(2 * count..).unwrap_or(&[])),
        }
    }

    /// Those from `from` to `to`.
    #[must_use]
    pub(crate) fn between(self, from: usize, to: usize) -> Self {
        let (from, to) = (from.min(to).min(self.len()), to.min(self.len()));
        match self {
            Piece::OneByte(bytes) => Piece::OneByte(&bytes[from..to]),
            Piece::TwoByte(bytes) => Piece::TwoByte(&bytes[2 * from..2 * to]),
        }
    }

    /// Hashes how many code units there are, and which: the same whether they take one byte each or two.
    pub(crate) fn hash_units(&self, hasher: &mut dyn Hasher) {
        hasher.write_usize(self.len());
        match self {
            Piece::OneByte(bytes) => hasher.write(bytes),
            Piece::TwoByte(bytes) if bytes.iter().skip(1).step_by(2).all(|high| *high == 0) => {
                let low: Vec<u8> = bytes.iter().copied().step_by(2).collect();
                hasher.write(&low);
            }
            Piece::TwoByte(bytes) => hasher.write(bytes),
        }
    }

    /// The code units.
    pub fn units(&self) -> impl Iterator<Item = u16> + '_ {
        let (one, two): (&[u8], &[u8]) = match self {
            Piece::OneByte(bytes) => (bytes, &[]),
            Piece::TwoByte(bytes) => (&[], bytes),
        };
        let two = two.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        one.iter().map(|byte| u16::from(*byte)).chain(two)
    }
}

impl Units {
    /// Number of code units.
    pub fn len(&self) -> usize {
        match self {
            Units::OneByte(units) => units.len(),
            Units::TwoByte(units) => units.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a piece at the end.
    pub(crate) fn push(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::OneByte(bytes) => self.push_one_byte(bytes),
            Piece::TwoByte(bytes) => self.push_two_byte(bytes),
        }
    }

    fn push_one_byte(&mut self, bytes: &[u8]) {
        match self {
            Units::OneByte(units) => units.extend_from_slice(bytes),
            Units::TwoByte(units) => units.extend(bytes.iter().map(|b| u16::from(*b))),
        }
    }

    fn push_two_byte(&mut self, bytes: &[u8]) {
        if let Units::OneByte(units) = self {
            *self = Units::TwoByte(units.iter().map(|b| u16::from(*b)).collect());
        }
        if let Units::TwoByte(units) = self {
            units.extend(bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])));
        }
    }
}

impl JsString {
    /// Whether units were left out.
    pub fn is_cut(&self) -> bool {
        self.units.len() < self.length as usize
    }

    /// The characters; a surrogate without its partner is given as the error.
    pub fn chars(&self) -> impl Iterator<Item = Result<char, u16>> + '_ {
        let (one, two): (&[u8], &[u16]) = match &self.units {
            Units::OneByte(units) => (units, &[]),
            Units::TwoByte(units) => (&[], units),
        };
        let one = one.iter().map(|b| Ok(char::from(*b)));
        let two = char::decode_utf16(two.iter().copied()).map(|c| c.map_err(|e| e.unpaired_surrogate()));
        one.chain(two)
    }

    /// As text; surrogates without a partner become U+FFFD.
    pub fn to_text(&self) -> String {
        self.chars().map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    }
}
