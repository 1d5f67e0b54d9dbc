//! All strings of the heap: by how they are stored, by length, by what they say, and those that say the same.
//!
//! Pages are looked at on all processors. A string that has its characters to itself is searched where they lie; a rope, a slice or
//! one that stands for another is copied out first. Ropes share their parts, so that all of them together can be far longer than
//! the heap is large: what is copied is bounded, and what is left out is counted.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use memchr::memmem;

use crate::heap::Heap;
use crate::index::parallel::in_turns;
use crate::isolate::PageState;
use crate::layout::{Kind, StringShape};
use crate::map::Map;
use crate::objects::string::{Piece, Units};
use crate::{Monitor, Result, Tagged};

/// How a string is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // V8's own names
pub enum Representation {
    SequentialOneByte,
    SequentialTwoByte,
    InternalizedOneByte,
    InternalizedTwoByte,
    Cons,
    Sliced,
    Thin,
    ExternalOneByte,
    ExternalTwoByte,
}

/// `kIsNotInternalizedMask` of `instance-type.h`.
const NOT_INTERNALIZED: u16 = 1 << 5;

impl Representation {
    /// All, in the order of their numbers.
    pub const ALL: [Representation; 9] = [
        Representation::SequentialOneByte,
        Representation::SequentialTwoByte,
        Representation::InternalizedOneByte,
        Representation::InternalizedTwoByte,
        Representation::Cons,
        Representation::Sliced,
        Representation::Thin,
        Representation::ExternalOneByte,
        Representation::ExternalTwoByte,
    ];

    /// For users.
    pub fn name(self) -> &'static str {
        match self {
            Representation::SequentialOneByte => "sequential, one byte",
            Representation::SequentialTwoByte => "sequential, two bytes",
            Representation::InternalizedOneByte => "internalized, one byte",
            Representation::InternalizedTwoByte => "internalized, two bytes",
            Representation::Cons => "cons",
            Representation::Sliced => "sliced",
            Representation::Thin => "thin",
            Representation::ExternalOneByte => "external, one byte",
            Representation::ExternalTwoByte => "external, two bytes",
        }
    }

    /// Characters outside the heap.
    pub fn is_external(self) -> bool {
        matches!(self, Representation::ExternalOneByte | Representation::ExternalTwoByte)
    }

    /// Characters of its own, not those of other strings.
    pub fn has_characters(self) -> bool {
        !matches!(self, Representation::Cons | Representation::Sliced | Representation::Thin)
    }

    fn of(instance_type: u16) -> Option<Representation> {
        let internalized = instance_type & NOT_INTERNALIZED == 0;
        Some(match StringShape::of(instance_type)? {
            StringShape::Sequential { one_byte: true } if internalized => Representation::InternalizedOneByte,
            StringShape::Sequential { one_byte: false } if internalized => {
                Representation::InternalizedTwoByte
            }
            StringShape::Sequential { one_byte: true } => Representation::SequentialOneByte,
            StringShape::Sequential { one_byte: false } => Representation::SequentialTwoByte,
            StringShape::Cons => Representation::Cons,
            StringShape::Sliced => Representation::Sliced,
            StringShape::Thin => Representation::Thin,
            StringShape::External { one_byte: true, .. } => Representation::ExternalOneByte,
            StringShape::External { one_byte: false, .. } => Representation::ExternalTwoByte,
        })
    }
}

/// One string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StringEntry {
    /// The string.
    pub value: Tagged,
    /// Number of UTF-16 code units.
    pub length: u32,
    /// Bytes in the heap.
    pub in_heap: u32,
    /// How it is stored.
    pub representation: Representation,
}

impl StringEntry {
    /// Bytes in the heap, and bytes outside.
    pub fn bytes(&self) -> (u64, u64) {
        let outside = match self.representation {
            Representation::ExternalOneByte => u64::from(self.length),
            Representation::ExternalTwoByte => 2 * u64::from(self.length),
            _ => 0,
        };
        (u64::from(self.in_heap), outside)
    }

    /// Bytes in the heap and outside together.
    pub fn total(&self) -> u64 {
        let (inside, outside) = self.bytes();
        inside + outside
    }
}

/// Which strings are wanted. All conditions must hold.
#[derive(Default)]
pub struct StringQuery<'q> {
    /// These UTF-16 code units somewhere in it.
    pub containing: Option<Vec<u16>>,
    /// What the whole text must be like.
    pub matching: Option<&'q (dyn Fn(&str) -> bool + Sync)>,
    /// At least so many code units.
    pub least: u32,
    /// At most so many code units.
    pub most: Option<u32>,
    /// Only those whose characters are outside the heap.
    pub external: bool,
}

impl std::fmt::Debug for StringQuery<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StringQuery")
            .field("containing", &self.containing)
            .field("least", &self.least)
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}

/// Strings that a query found.
#[derive(Clone, Debug, Default)]
pub struct Strings {
    /// In the order of addresses.
    pub entries: Vec<StringEntry>,
    /// Strings whose characters could not be read.
    pub unreadable: u64,
    /// Ropes, slices and long strings that were not searched, because all of them together are too long.
    pub unsearched: u64,
}

/// Strings that say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The copies, in the order of addresses.
    pub copies: Vec<Tagged>,
    /// Number of UTF-16 code units.
    pub length: u32,
    /// Bytes of all copies but the smallest.
    pub wasted: u64,
}

/// Bytes that may be copied out of the heap to search ropes and slices, all together: more than the strings of a large heap.
const COPY_LIMIT: u64 = 4 << 30;
/// A longer rope is not copied, in code units.
const LONGEST_COPY: usize = 1 << 26;

impl Heap<'_> {
    /// The strings that a query wants.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] if the monitor says so; what fails when the heap is indexed.
    pub fn strings(&self, query: &StringQuery<'_>, monitor: &dyn Monitor) -> Result<Strings> {
        let table = self.objects(monitor)?;
        monitor.begin("searching strings", table.len() as u64);
        let search = Search::new(query);
        let copied = AtomicU64::new(0);
        let workers = in_turns(table.page_count(), monitor, Strings::default, |found, page| {
            let (_, maps) = table.page_maps(page);
            if self.spaces().pages()[page].state == PageState::InUse
                && maps.iter().any(|map| self.map(*map).kind == Kind::String)
            {
                for (address, map) in table.page_objects(page) {
                    let map = self.map(map);
                    if map.kind == Kind::String {
                        self.meet_string(address, map, &search, &copied, found);
                        // One page of ropes can take seconds. The next turn ends the search.
                        if search.looks_at_text() && monitor.cancelled() {
                            break;
                        }
                    }
                }
            }
            maps.len() as u64
        })?;
        let mut all = Strings::default();
        for found in workers {
            all.entries.extend(found.entries);
            all.unreadable += found.unreadable;
            all.unsearched += found.unsearched;
        }
        all.entries.sort_unstable_by_key(|entry| entry.value);
        Ok(all)
    }

    fn meet_string(
        &self,
        address: u64,
        map: &Map,
        search: &Search<'_>,
        copied: &AtomicU64,
        found: &mut Strings,
    ) {
        let (Some(representation), Ok(length)) = (
            Representation::of(map.instance_type),
            self.words().word32(address + self.fields().string_length, "length of a String"),
        ) else {
            found.unreadable += 1;
            return;
        };
        let query = search.query;
        let fits = length >= query.least
            && query.most.is_none_or(|most| length <= most)
            && (!query.external || representation.is_external());
        if !fits {
            return;
        }
        let in_heap = map.size.map_or(0, |size| size.apply(length)).try_into().unwrap_or(u32::MAX);
        let entry = StringEntry { value: Tagged::pointer(address), length, in_heap, representation };
        if !search.looks_at_text() {
            found.entries.push(entry);
            return;
        }
        // Most strings cannot contain a text that is longer than they are.
        if search.least_length() > length as usize {
            return;
        }
        if !representation.has_characters() {
            let cost = u64::from(length).saturating_mul(2);
            if length as usize > LONGEST_COPY
                || copied.fetch_add(cost, Ordering::Relaxed).saturating_add(cost) > COPY_LIMIT
            {
                found.unsearched += 1;
                return;
            }
        }
        let is_match = match representation.has_characters() {
            true => self.characters(entry).map(|piece| search.is_in(piece)),
            false => self.string(entry.value, LONGEST_COPY).map(|string| match &string.units {
                Units::OneByte(units) => search.is_in(Piece::OneByte(units)),
                Units::TwoByte(units) => {
                    let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
                    search.is_in(Piece::TwoByte(&bytes))
                }
            }),
        };
        match is_match {
            Ok(true) => found.entries.push(entry),
            Ok(false) => {}
            Err(_) => found.unreadable += 1,
        }
    }

    /// The characters of a string that has its own, where they lie.
    pub(crate) fn characters(&self, entry: StringEntry) -> Result<Piece<'_>> {
        let object = entry.value.0 & !3;
        let (_, map) = self.map_at(object)?;
        let data = match StringShape::of(map.instance_type) {
            Some(StringShape::External { uncached, .. }) => self.external_data(object, uncached)?,
            _ => object + self.fields().string_characters,
        };
        let length = entry.length as usize;
        let slice = |len| self.words().slice(data, len, "characters of a String");
        Ok(match entry.representation {
            Representation::SequentialTwoByte
            | Representation::InternalizedTwoByte
            | Representation::ExternalTwoByte => Piece::TwoByte(slice(2 * length)?),
            _ => Piece::OneByte(slice(length)?),
        })
    }

    /// Strings that say the same, of those with characters of their own; what wastes most comes last.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] if the monitor says so.
    pub fn duplicate_strings(
        &self,
        entries: &[StringEntry],
        monitor: &dyn Monitor,
    ) -> Result<Vec<Duplicate>> {
        const TURN: usize = 4096;
        let entries: Vec<StringEntry> =
            entries.iter().copied().filter(|entry| entry.representation.has_characters()).collect();
        monitor.begin("comparing strings", entries.len() as u64);
        let turns = entries.len().div_ceil(TURN);
        let workers =
            in_turns(turns, monitor, Vec::new, |hashed: &mut Vec<(u64, u32, StringEntry)>, turn| {
                let part = &entries[turn * TURN..entries.len().min((turn + 1) * TURN)];
                for entry in part {
                    // What cannot be read is no copy of anything.
                    if let Ok(characters) = self.characters(*entry) {
                        hashed.push((hash(&characters), entry.length, *entry));
                    }
                }
                part.len() as u64
            })?;
        let mut hashed = workers.concat();
        hashed.sort_unstable_by_key(|(hash, length, entry)| (*hash, *length, entry.value));
        let mut duplicates = Vec::new();
        for run in hashed.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).filter(|run| run.len() > 1) {
            if monitor.cancelled() {
                return Err(crate::Error::Interrupted);
            }
            // Equal hashes are next to always equal strings: but only next to.
            let mut classes: Vec<Vec<StringEntry>> = Vec::new();
            for (_, _, entry) in run {
                match classes.iter().position(|class| self.say_the_same(class[0], *entry)) {
                    Some(class) => classes[class].push(*entry),
                    None if classes.len() < MOST_COLLISIONS => classes.push(vec![*entry]),
                    None => {}
                }
            }
            for class in classes.into_iter().filter(|class| class.len() > 1) {
                let (sum, least) = class.iter().fold((0u64, u64::MAX), |(sum, least), entry| {
                    (sum.saturating_add(entry.total()), least.min(entry.total()))
                });
                duplicates.push(Duplicate {
                    length: class[0].length,
                    copies: class.into_iter().map(|entry| entry.value).collect(),
                    wasted: sum - least,
                });
            }
        }
        duplicates.sort_unstable_by_key(|same| (same.wasted, same.copies.len(), same.copies[0]));
        Ok(duplicates)
    }

    fn say_the_same(&self, one: StringEntry, other: StringEntry) -> bool {
        match (self.characters(one), self.characters(other)) {
            (Ok(Piece::OneByte(one)), Ok(Piece::OneByte(other)))
            | (Ok(Piece::TwoByte(one)), Ok(Piece::TwoByte(other))) => one == other,
            (Ok(one), Ok(other)) => one.units().eq(other.units()),
            _ => false,
        }
    }
}

/// Different strings with one hash: more than this happens only in memory made for it.
const MOST_COLLISIONS: usize = 8;

/// Of the code units: see [`Piece::hash_units`].
fn hash(characters: &Piece<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    characters.hash_units(&mut hasher);
    hasher.finish()
}

/// A query, prepared.
struct Search<'q> {
    query: &'q StringQuery<'q>,
    /// The text sought in one byte a unit, if it has such a form.
    narrow: Option<memmem::Finder<'q>>,
    wide: Option<memmem::Finder<'q>>,
    units: usize,
}

impl<'q> Search<'q> {
    fn new(query: &'q StringQuery<'q>) -> Search<'q> {
        let units = query.containing.as_deref().filter(|units| !units.is_empty());
        let narrow = units
            .and_then(|units| units.iter().map(|unit| u8::try_from(*unit).ok()).collect::<Option<Vec<u8>>>());
        let wide = units.map(|units| units.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<u8>>());
        let finder = |bytes: Vec<u8>| memmem::Finder::new(&bytes).into_owned();
        Search {
            query,
            narrow: narrow.map(finder),
            wide: wide.map(finder),
            units: units.map_or(0, <[u16]>::len),
        }
    }

    fn looks_at_text(&self) -> bool {
        self.wide.is_some() || self.query.matching.is_some()
    }

    fn least_length(&self) -> usize {
        self.units
    }

    fn is_in(&self, piece: Piece<'_>) -> bool {
        let contains = match (&self.wide, piece) {
            (None, _) => true,
            (Some(_), Piece::OneByte(bytes)) => {
                self.narrow.as_ref().is_some_and(|narrow| narrow.find(bytes).is_some())
            }
            // A hit that begins in the middle of a unit is none.
            (Some(wide), Piece::TwoByte(bytes)) => {
                let mut from = 0;
                loop {
                    match wide.find(&bytes[from..]) {
                        None => break false,
                        Some(at) if (from + at).is_multiple_of(2) => break true,
                        Some(at) => from += at + 1,
                    }
                }
            }
        };
        contains && self.query.matching.is_none_or(|matching| matching(&text_of(piece)))
    }
}

/// As text; surrogates without a partner become U+FFFD.
fn text_of(piece: Piece<'_>) -> String {
    match piece {
        Piece::OneByte(bytes) => bytes.iter().map(|byte| char::from(*byte)).collect(),
        Piece::TwoByte(_) => char::decode_utf16(piece.units())
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect(),
    }
}

/// How many strings of each representation, and how many bytes they take in the heap and outside.
pub fn totals(entries: &[StringEntry]) -> Vec<(Representation, u64, u64, u64)> {
    let mut sums: HashMap<Representation, (u64, u64, u64)> = HashMap::new();
    for entry in entries {
        let (inside, outside) = entry.bytes();
        let sum = sums.entry(entry.representation).or_default();
        sum.0 += 1;
        sum.1 = sum.1.saturating_add(inside);
        sum.2 = sum.2.saturating_add(outside);
    }
    Representation::ALL
        .into_iter()
        .filter_map(|of| sums.get(&of).map(|(count, inside, outside)| (of, *count, *inside, *outside)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> StringQuery<'static> {
        StringQuery { containing: Some(text.encode_utf16().collect()), ..StringQuery::default() }
    }

    fn wide(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn a_text_is_found_whatever_the_width_of_its_characters() {
        let query = query("bcd");
        let search = Search::new(&query);
        assert!(search.is_in(Piece::OneByte(b"abcde")));
        assert!(!search.is_in(Piece::OneByte(b"abde")));
        assert!(search.is_in(Piece::TwoByte(&wide("abcde"))));
        assert!(!search.is_in(Piece::TwoByte(&wide("acbd"))));
    }

    #[test]
    fn a_hit_in_the_middle_of_a_unit_is_none() {
        // U+0141 U+4100 in memory: 41 01 00 41; "A" is 41 00.
        let query = query("\u{4101}");
        let search = Search::new(&query);
        assert!(!search.is_in(Piece::TwoByte(&[0x00, 0x01, 0x41, 0x01])));
        assert!(search.is_in(Piece::TwoByte(&[0x00, 0x01, 0x41, 0x01, 0x01, 0x41])));
        assert!(!search.is_in(Piece::OneByte(&[0x01, 0x41])), "no such character in one byte");
    }

    #[test]
    fn equal_characters_have_equal_hashes_in_either_width() {
        assert_eq!(hash(&Piece::OneByte(b"abc")), hash(&Piece::TwoByte(&wide("abc"))));
        assert_ne!(hash(&Piece::OneByte(b"abc")), hash(&Piece::OneByte(b"abd")));
    }

    #[test]
    fn external_characters_count_apart() {
        let entry = |representation| StringEntry { value: Tagged(1), length: 5, in_heap: 32, representation };
        assert_eq!(entry(Representation::SequentialTwoByte).bytes(), (32, 0));
        assert_eq!(entry(Representation::ExternalOneByte).bytes(), (32, 5));
        assert_eq!(entry(Representation::ExternalTwoByte).bytes(), (32, 10));
        assert_eq!(totals(&[entry(Representation::Cons); 3]), [(Representation::Cons, 3, 96, 0)]);
    }
}
