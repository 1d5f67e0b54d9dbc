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
//! (V8: `src/objects/string.tq`.) Ropes can be as deep as they are long, so they are read with a stack of our own, and long
//! ones as in [`super::rope`].

use std::sync::PoisonError;

pub use crate::code_units::{JsString, Piece, Units};
use crate::layout::native::STRING_RESOURCE_DATA;
use crate::layout::{Kind, StringShape};
use crate::view::View;
use crate::{Error, Result, Tagged};

/// `String::kMaxLength` on 64-bit builds.
const MAX_LENGTH: u32 = (1 << 29) - 24;
/// Parts of a rope that are read where they are, and as many for each code unit that is wanted, if few are; what has more is written out
/// (`rope`).
const FEW_STEPS: usize = 64;
const FEW_UNITS: usize = 80;

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
pub(crate) enum Allowed {
    /// Anything.
    Rope,
    /// A flat string, or one that stands for it.
    Thin,
    /// A flat string.
    Flat,
}

pub(crate) fn cycle(value: Tagged) -> Error {
    Error::Implausible { what: "structure", object: value, found: "a cycle".to_owned() }
}

impl View<'_> {
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
            units.push(piece);
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
        let shape = map.string_shape().ok_or_else(|| self.wrong_type(value, "String"))?;
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
                resource: words
                    .shared_external(string + fields.external_resource, "resource of an ExternalString")?,
                data: self.external_data(string, uncached)?,
            },
        })
    }

    /// Calls `visit` with the first `limit` code units of the string at `value`, from left to right, until it returns false: with the
    /// pieces in which they are stored, without copying, or, of a rope with many, with them written out. Gives the length of the whole
    /// string.
    ///
    /// # Errors
    /// If it is no string, or part of it cannot be read.
    pub fn for_each_piece(
        &self,
        value: Tagged,
        limit: usize,
        mut visit: impl FnMut(Piece<'_>) -> bool,
    ) -> Result<u32> {
        let length = self.string_length(value)?;
        let root = value.strong().ok_or(Error::NotAnObject(value))?;
        let wanted = limit.min(length as usize);
        let is_long = length as usize > FEW_STEPS && self.is_rope(root)?;
        if is_long && self.visit_written(root, 0, wanted, false, &mut visit)? {
            return Ok(length);
        }
        let steps = if is_long { FEW_STEPS + 2 * wanted.min(FEW_UNITS) } else { usize::MAX };
        if let Some(done) = self.walk_pieces(root, 0, wanted, Allowed::Rope, steps, &mut visit)?
            && !self.visit_written(root, done, wanted, true, &mut visit)?
        {
            // Longer than is written out: its parts are few, or it takes its time.
            self.walk_pieces(root, done, wanted, Allowed::Rope, usize::MAX, &mut visit)?;
        }
        Ok(length)
    }

    fn is_rope(&self, string: u64) -> Result<bool> {
        let (_, map) = self.map_at(string)?;
        Ok(map.string_shape() == Some(StringShape::Cons))
    }

    /// Calls `visit` with code units of a rope that is written out, or if `write` says so is to be; false if it is not.
    ///
    /// # Errors
    /// That of the part that cannot be read, behind those that can.
    fn visit_written(
        &self,
        root: u64,
        from: usize,
        to: usize,
        write: bool,
        visit: &mut dyn FnMut(Piece<'_>) -> bool,
    ) -> Result<bool> {
        let (units, damage) = {
            let mut ropes = self.ropes.lock().unwrap_or_else(PoisonError::into_inner);
            let place = match write {
                true => {
                    let root = self.beginning(&mut ropes, root, to)?;
                    self.write_out(&mut ropes, root).ok()
                }
                false => ropes.place(root).cloned(),
            };
            let Some(place) = place else { return Ok(false) };
            let damage = place.damage.as_ref().filter(|_| place.len < to).cloned();
            // Copied, so that whoever is called may read other ropes.
            let units = match ropes.piece(&place, from, to) {
                Piece::OneByte(bytes) => Units::OneByte(bytes.to_vec()),
                Piece::TwoByte(bytes) if bytes.iter().skip(1).step_by(2).all(|high| *high == 0) => {
                    Units::OneByte(bytes.iter().step_by(2).copied().collect())
                }
                piece @ Piece::TwoByte(_) => Units::TwoByte(piece.units().collect()),
            };
            (units, damage)
        };
        let wants_more = match &units {
            _ if units.is_empty() => true,
            Units::OneByte(bytes) => visit(Piece::OneByte(bytes)),
            Units::TwoByte(units) => {
                let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
                visit(Piece::TwoByte(&bytes))
            }
        };
        match damage {
            Some(error) if wants_more => Err(*error),
            _ => Ok(true),
        }
    }

    /// Calls `visit` with the pieces of code units `from` to `to` of the string at `root`, until it returns false or after `most` parts
    /// of ropes; gives the number of the unit to go on with in the latter case.
    ///
    /// # Errors
    /// As [`View::for_each_piece`].
    pub(crate) fn walk_pieces(
        &self,
        root: u64,
        from: usize,
        to: usize,
        allowed: Allowed,
        most: usize,
        visit: &mut dyn FnMut(Piece<'_>) -> bool,
    ) -> Result<Option<usize>> {
        let (words, fields) = (self.words(), self.fields());
        let value = Tagged::pointer(root);
        let (mut steps, mut done) = (0, from);
        // Parts still to be read, last first: a string, the range of units wanted of it, and what it may be; or why it cannot be read.
        let mut parts: Vec<Result<(u64, usize, usize, Allowed)>> = vec![Ok((root, from, to, allowed))];
        while let Some(part) = parts.pop() {
            let (string, from, to, allowed) = part?;
            if from >= to {
                continue;
            }
            steps += 1;
            if steps > most {
                return Ok(Some(done));
            }
            let (_, map) = self.map_at(string)?;
            let shape =
                map.string_shape().ok_or_else(|| self.wrong_type(Tagged::pointer(string), "String"))?;
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
                    done += to - from;
                }
                StringShape::External { one_byte, uncached } => {
                    let data = self.external_data(string, uncached)?;
                    if !visit(self.piece(data, one_byte, from, to)?) {
                        break;
                    }
                    done += to - from;
                }
                StringShape::Sliced | StringShape::Cons if allowed != Allowed::Rope => {
                    return Err(cycle(value));
                }
                StringShape::Thin => {
                    let allowed =
                        if allowed == Allowed::Flat { return Err(cycle(value)) } else { Allowed::Flat };
                    parts.push(Ok((inner(fields.thin_actual)?, from, to, allowed)));
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
                    parts.push(Ok((inner(fields.sliced_parent)?, start + from, start + to, Allowed::Thin)));
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
                        let range = (from.saturating_sub(first_length), to - first_length);
                        // What is in front of it is read all the same.
                        parts.push(
                            inner(fields.cons_second).and_then(|second| {
                                Ok((second, range.0, range.1, allowed(length_of(second)?)))
                            }),
                        );
                    }
                    parts.push(Ok((first, from, to.min(first_length), allowed(first_length))));
                }
            }
        }
        Ok(None)
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
            return words.shared_external(string + self.fields().external_data, "data of an ExternalString");
        }
        // Without a cached address it is the first data word of the embedder's resource.
        let resource = words
            .shared_external(string + self.fields().external_resource, "resource of an ExternalString")?;
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
