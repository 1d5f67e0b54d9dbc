//! All strings of the heap: by how they are stored, by length, by what they say, and those that say the same.
//!
//! Pages are looked at on all processors. A string that has its characters to itself is searched where they lie, and so is what a
//! slice shows of another; a rope is written out first. Ropes share their parts, and each part is searched once (`ropes`). Slices and
//! ropes together can be far longer than the heap is large: what is searched of them is bounded, and what is left out is counted.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use memchr::memmem;

use crate::code_units::{Piece, Units};
use crate::heap::Heap;
use crate::index::MapSet;
use crate::index::parallel::in_turns;
use crate::isolate::PageState;
use crate::layout::{Kind, StringShape};
use crate::questions::string_entry::{Representation, StringEntry};
use crate::questions::texts::{LONG, Member};
use crate::shape::map::Map;
use crate::{Monitor, Result, Tagged};

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

/// Bytes of slices that are searched, and of ropes that are written out for it: more than the strings of a large heap.
const SEARCH_LIMIT: u64 = 4 << 30;
/// Code units of ropes that are matched against a pattern, which looks at each rope anew.
const MATCH_LIMIT: u64 = 1 << 30;
/// A longer slice is not searched, in code units.
const LONGEST_SLICE: usize = 1 << 26;

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
        let of_strings = MapSet::of_kind(self, Kind::String);
        let workers = in_turns(
            table.page_count(),
            monitor,
            <(Strings, Vec<StringEntry>)>::default,
            |(found, ropes), page| {
                if self.spaces().pages()[page].state == PageState::InUse {
                    for (_, string) in of_strings.on_page(self, table, page) {
                        self.meet_string(string.address, string.map, &search, &copied, found, ropes);
                        // One page of ropes can take seconds. The next turn ends the search.
                        if search.looks_at_text() && monitor.cancelled() {
                            break;
                        }
                    }
                }
                table.page_maps(page).1.len() as u64
            },
        )?;
        let (mut all, mut long_ropes) = (Strings::default(), Vec::new());
        for (found, ropes) in workers {
            all.entries.extend(found.entries);
            all.unreadable += found.unreadable;
            all.unsearched += found.unsearched;
            long_ropes.extend(ropes);
        }
        if !long_ropes.is_empty() {
            monitor.begin("searching ropes", long_ropes.len() as u64);
            let (mut hits, mut matched, mut unmatched) = (Vec::new(), 0, 0);
            let left_out = self.for_each_text(long_ropes, SEARCH_LIMIT / 2, monitor, |text, members| {
                unmatched += search.members_in(text, members, &mut matched, &mut hits);
            })?;
            all.entries.extend(hits);
            all.unreadable += left_out.unreadable;
            all.unsearched += left_out.too_long + unmatched;
        }
        all.entries.sort_unstable_by_key(|entry| entry.value);
        Ok(all)
    }

    fn meet_string(
        &self,
        address: u64,
        map: &Map,
        search: &Search<'_>,
        searched: &AtomicU64,
        found: &mut Strings,
        long_ropes: &mut Vec<StringEntry>,
    ) {
        let (Some(representation), Ok(length)) = (
            Representation::of(map),
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
        let word = self.fields().words.tagged;
        let in_heap = map.size.map_or(0, |size| size.apply(length, word)).try_into().unwrap_or(u32::MAX);
        let entry = StringEntry { value: Tagged::pointer(address), length, in_heap, representation };
        if !search.looks_at_text() {
            found.entries.push(entry);
            return;
        }
        // Most strings cannot contain a text that is longer than they are.
        if search.least_length() > length as usize {
            return;
        }
        if representation == Representation::Cons && length > LONG {
            long_ropes.push(entry);
            return;
        }
        let is_match = if representation.has_characters() {
            self.characters(entry).map(|piece| search.is_in(piece))
        } else {
            let cost = u64::from(length).saturating_mul(2);
            if length as usize > LONGEST_SLICE
                || searched.fetch_add(cost, Ordering::Relaxed).saturating_add(cost) > SEARCH_LIMIT
            {
                found.unsearched += 1;
                return;
            }
            self.is_in_pieces(entry, search)
        };
        match is_match {
            Ok(true) => found.entries.push(entry),
            Ok(false) => {}
            Err(_) => found.unreadable += 1,
        }
    }

    /// Whether a slice, a short rope, or what stands for another string has what is sought.
    fn is_in_pieces(&self, entry: StringEntry, search: &Search<'_>) -> Result<bool> {
        // All that is in one piece is looked at where it is.
        let (mut found, mut units) = (None, Units::OneByte(Vec::new()));
        self.for_each_piece(entry.value, LONGEST_SLICE, |piece| {
            match found {
                None if piece.len() == entry.length as usize => found = Some(search.is_in(piece)),
                _ => units.push(piece),
            }
            true
        })?;
        Ok(found.unwrap_or_else(|| match &units {
            Units::OneByte(units) => search.is_in(Piece::OneByte(units)),
            Units::TwoByte(units) => {
                let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
                search.is_in(Piece::TwoByte(&bytes))
            }
        }))
    }

    /// The characters of a string that has its own, where they lie.
    pub(crate) fn characters(&self, entry: StringEntry) -> Result<Piece<'_>> {
        let object = entry.value.0 & !3;
        let (_, map) = self.map_at(object)?;
        let data = match map.string_shape() {
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
        self.find(piece).is_some() && self.query.matching.is_none_or(|matching| matching(&text_of(piece)))
    }

    /// The first unit of the text sought in a piece.
    fn find(&self, piece: Piece<'_>) -> Option<usize> {
        match (&self.wide, piece) {
            (None, _) => Some(0),
            (Some(_), Piece::OneByte(bytes)) => self.narrow.as_ref()?.find(bytes),
            // A hit that begins in the middle of a unit is none.
            (Some(wide), Piece::TwoByte(bytes)) => {
                let mut from = 0;
                loop {
                    match from + wide.find(&bytes[from..])? {
                        at if at.is_multiple_of(2) => return Some(at / 2),
                        at => from = at + 1,
                    }
                }
            }
        }
    }

    /// Of the ropes in a text, in the order in which they begin, adds those that have what is sought to `hits`. Each part of the text is
    /// searched once; what is matched against a pattern is counted in `matched`, and how many were not is the result.
    fn members_in(
        &self,
        text: Piece<'_>,
        members: &[Member],
        matched: &mut u64,
        hits: &mut Vec<StringEntry>,
    ) -> u64 {
        let mut unmatched = 0;
        // The first place of the text sought from where a rope begins; behind all, if there is none.
        let mut next: Option<usize> = None;
        for member in members {
            let at = match next {
                Some(at) if at >= member.from => at,
                _ => self.find(text.behind(member.from)).map_or(usize::MAX, |at| member.from + at),
            };
            next = Some(at);
            // No text sought: it is in everything.
            if self.wide.is_some() && at.saturating_add(self.units) > member.to {
                continue;
            }
            let is_match = match self.query.matching {
                None => true,
                Some(matching) => {
                    let length = (member.to - member.from) as u64;
                    if matched.saturating_add(length) > MATCH_LIMIT {
                        unmatched += 1;
                        continue;
                    }
                    *matched += length;
                    matching(&text_of(text.between(member.from, member.to)))
                }
            };
            if is_match {
                hits.push(member.entry);
            }
        }
        unmatched
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
