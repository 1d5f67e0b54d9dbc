//! Strings of every representation.
//!
//! ```text
//!   any         +8 hash u32   +12 length u32
//!   sequential  +16 characters, one or two bytes each
//!   cons        +16 first     +24 second
//!   sliced      +16 parent    +24 offset, Smi
//!   thin        +16 actual
//!   external    +16 resource  +24 address of the characters (not in uncached ones)
//! ```
//!
//! (V8: `src/objects/string.tq`.) Ropes can be as deep as they are long, so they are read with a stack of our own.

use std::hash::Hasher;

use crate::heap::Heap;
use crate::layout::native::STRING_RESOURCE_DATA;
use crate::layout::{Kind, StringShape};
use crate::{Error, Result, Tagged};

/// `String::kMaxLength` on 64-bit builds.
const MAX_LENGTH: u32 = (1 << 29) - 24;

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

/// Where the characters of a string are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StringStorage {
    /// Behind the header.
    Sequential {
        /// One byte each (else two).
        one_byte: bool,
        /// Address of the first.
        data: u64,
    },
    /// In two strings, one behind the other.
    Cons {
        /// `ConsString::first_`
        first: Tagged,
        /// `ConsString::second_`
        second: Tagged,
    },
    /// In part of another string.
    Sliced {
        /// `SlicedString::parent_`
        parent: Tagged,
        /// `SlicedString::offset_`, in code units.
        offset: i32,
    },
    /// In another string that says the same.
    Thin {
        /// `ThinString::actual_`
        actual: Tagged,
    },
    /// Outside the heap.
    External {
        /// One byte each (else two).
        one_byte: bool,
        /// The embedder's object that owns them.
        resource: u64,
        /// Address of the first.
        data: u64,
    },
}

/// What a part of a string can be. Ropes get shorter downwards, and what is no rope refers to flat strings only; so
/// reading ends, whatever the memory holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Allowed {
    /// Anything.
    Rope,
    /// A flat string, or one that stands for it.
    Thin,
    /// A flat string.
    Flat,
}

fn cycle(value: Tagged) -> Error {
    Error::Implausible { what: "structure", object: value, found: "a cycle".to_owned() }
}

impl Heap<'_> {
    /// Whether a string is this text.
    pub fn is_text(&self, value: Tagged, text: &str) -> bool {
        let Ok(length) = self.string_length(value) else { return false };
        length as usize == text.encode_utf16().count()
            && self.string(value, length as usize).is_ok_and(|string| string.to_text() == text)
    }

    /// The string at `value`, up to `limit` code units of it.
    ///
    /// # Errors
    /// If it is no string, or part of it cannot be read.
    pub fn string(&self, value: Tagged, limit: usize) -> Result<JsString> {
        let mut units = Units::OneByte(Vec::new());
        let length = self.for_each_piece(value, limit, |piece| {
            match piece {
                Piece::OneByte(bytes) => units.push_one_byte(bytes),
                Piece::TwoByte(bytes) => units.push_two_byte(bytes),
            }
            true
        })?;
        Ok(JsString { length, units })
    }

    /// Number of UTF-16 code units of the string at `value`.
    ///
    /// # Errors
    /// If it is no string, or its length is impossible.
    pub fn string_length(&self, value: Tagged) -> Result<u32> {
        let root = value.strong().ok_or(Error::NotAnObject(value))?;
        let (_, map) = self.map_at(root)?;
        if map.kind != Kind::String {
            return Err(self.wrong_type(value, "String"));
        }
        let length = self.words().word32(root + self.fields().string_length, "length of a String")?;
        if length > MAX_LENGTH {
            return Err(Error::Implausible { what: "length", object: value, found: length.to_string() });
        }
        Ok(length)
    }

    /// Where the characters of the string at `value` are.
    ///
    /// # Errors
    /// If it is no string, or cannot be read.
    pub fn string_storage(&self, value: Tagged) -> Result<StringStorage> {
        let words = self.words();
        let string = value.strong().ok_or(Error::NotAnObject(value))?;
        let (_, map) = self.map_at(string)?;
        let shape = StringShape::of(map.instance_type).ok_or_else(|| self.wrong_type(value, "String"))?;
        let fields = self.fields();
        let part = |at: u64| words.tagged(string + at, "part of a String");
        Ok(match shape {
            StringShape::Sequential { one_byte } => {
                StringStorage::Sequential { one_byte, data: string + fields.string_characters }
            }
            StringShape::Cons => {
                StringStorage::Cons { first: part(fields.cons_first)?, second: part(fields.cons_second)? }
            }
            StringShape::Sliced => {
                let start = part(fields.sliced_offset)?;
                let offset = start.smi().ok_or_else(|| Error::Implausible {
                    what: "offset",
                    object: value,
                    found: start.to_string(),
                })?;
                StringStorage::Sliced { parent: part(fields.sliced_parent)?, offset }
            }
            StringShape::Thin => StringStorage::Thin { actual: part(fields.thin_actual)? },
            StringShape::External { one_byte, uncached } => StringStorage::External {
                one_byte,
                resource: part(fields.external_resource)?.0,
                data: self.external_data(string, uncached)?,
            },
        })
    }

    /// Calls `visit` with the pieces that the first `limit` code units of the string at `value` are stored in, from left to
    /// right and without copying, until it returns false. Gives the length of the whole string.
    ///
    /// # Errors
    /// If it is no string, or part of it cannot be read.
    pub fn for_each_piece(
        &self,
        value: Tagged,
        limit: usize,
        mut visit: impl FnMut(Piece<'_>) -> bool,
    ) -> Result<u32> {
        let (words, fields) = (self.words(), self.fields());
        let length = self.string_length(value)?;
        let root = value.strong().ok_or(Error::NotAnObject(value))?;
        let wanted = limit.min(length as usize);
        // Parts still to be read, last first: a string, the range of units wanted of it, and what it may be.
        let mut parts: Vec<(u64, usize, usize, Allowed)> = vec![(root, 0, wanted, Allowed::Rope)];
        while let Some((string, from, to, allowed)) = parts.pop() {
            if from >= to {
                continue;
            }
            let (_, map) = self.map_at(string)?;
            let shape = StringShape::of(map.instance_type)
                .ok_or_else(|| self.wrong_type(Tagged::pointer(string), "String"))?;
            let own_length = words.word32(string + fields.string_length, "length of a String")? as usize;
            if to > own_length {
                return Err(Error::Implausible {
                    what: "length",
                    object: Tagged::pointer(string),
                    found: format!("{own_length}, although {to} characters of it are in use"),
                });
            }
            let inner = |at: u64| -> Result<u64> {
                let part = words.tagged(string + at, "part of a String")?;
                part.strong().ok_or(Error::NotAnObject(part))
            };
            match shape {
                StringShape::Sequential { one_byte } => {
                    let data = string + fields.string_characters;
                    if !visit(self.piece(data, one_byte, from, to)?) {
                        break;
                    }
                }
                StringShape::External { one_byte, uncached } => {
                    let data = self.external_data(string, uncached)?;
                    if !visit(self.piece(data, one_byte, from, to)?) {
                        break;
                    }
                }
                StringShape::Sliced | StringShape::Cons if allowed != Allowed::Rope => {
                    return Err(cycle(value));
                }
                StringShape::Thin => {
                    let allowed =
                        if allowed == Allowed::Flat { return Err(cycle(value)) } else { Allowed::Flat };
                    parts.push((inner(fields.thin_actual)?, from, to, allowed));
                }
                StringShape::Sliced => {
                    let start = words.tagged(string + fields.sliced_offset, "offset of a SlicedString")?;
                    let start =
                        start.smi().and_then(|start| usize::try_from(start).ok()).ok_or_else(|| {
                            Error::Implausible {
                                what: "offset",
                                object: Tagged::pointer(string),
                                found: format!("{start}"),
                            }
                        })?;
                    parts.push((inner(fields.sliced_parent)?, start + from, start + to, Allowed::Thin));
                }
                StringShape::Cons => {
                    let first = inner(fields.cons_first)?;
                    let length_of = |part: u64| -> Result<usize> {
                        Ok(words.word32(part + fields.string_length, "length of a String")? as usize)
                    };
                    // Parts are shorter than the whole; only a rope that was flattened is all in its first part.
                    let allowed = |part_length: usize| {
                        if part_length < own_length { Allowed::Rope } else { Allowed::Thin }
                    };
                    let first_length = length_of(first)?;
                    if to > first_length {
                        let second = inner(fields.cons_second)?;
                        let allowed = allowed(length_of(second)?);
                        parts.push((second, from.saturating_sub(first_length), to - first_length, allowed));
                    }
                    parts.push((first, from, to.min(first_length), allowed(first_length)));
                }
            }
        }
        Ok(length)
    }

    /// Units `from` to `to` of the characters at `data`.
    fn piece(&self, data: u64, one_byte: bool, from: usize, to: usize) -> Result<Piece<'_>> {
        let width = if one_byte { 1 } else { 2 };
        let start = data.checked_add((from * width) as u64).ok_or_else(|| Error::Implausible {
            what: "data pointer of a String",
            object: Tagged(data),
            found: format!("{data:#x}"),
        })?;
        let bytes = self.words().slice(start, (to - from) * width, "characters of a String")?;
        Ok(if one_byte { Piece::OneByte(bytes) } else { Piece::TwoByte(bytes) })
    }

    /// Address of the characters of an external string.
    pub(crate) fn external_data(&self, string: u64, uncached: bool) -> Result<u64> {
        let words = self.words();
        if !uncached {
            return words.word(string + self.fields().external_data, "data of an ExternalString");
        }
        // Without a cached address it is the first data word of the embedder's resource.
        let resource =
            words.word(string + self.fields().external_resource, "resource of an ExternalString")?;
        words.word(resource.saturating_add(STRING_RESOURCE_DATA), "data of an external string resource")
    }

    /// The text of a name: a string, or a symbol as `Symbol(description)`; `None` if it is neither.
    pub fn name_text(&self, name: Tagged) -> Option<String> {
        /// Longer names are cut; they are for people.
        const LONGEST: usize = 1 << 12;
        let address = name.strong()?;
        let (_, map) = self.map_at(address).ok()?;
        match map.kind {
            Kind::String => Some(self.string(name, LONGEST).ok()?.to_text()),
            Kind::Symbol => {
                let words = self.words();
                let description = words
                    .tagged(address + self.fields().symbol_description, "description of a Symbol")
                    .ok()?;
                let text = self.string(description, LONGEST).map(|s| s.to_text()).unwrap_or_default();
                let flags = words.word32(address + self.fields().symbol_flags, "flags of a Symbol").ok()?;
                // Private names are spelt as in the program: #name.
                if self.bits().symbol_private.is_set(flags) {
                    Some(text)
                } else {
                    Some(format!("Symbol({text})"))
                }
            }
            _ => None,
        }
    }
}
