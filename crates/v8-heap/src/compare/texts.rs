//! Strings by what they say: texts that have multiplied, and texts that are new.
//!
//! A string that stands for another (V8's `ThinString`, a rope that has been flattened) is none of its own. Ropes and slices are
//! copied out to be read; how much is, is bounded, and what was left out is counted.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Change, Counted, Fingerprints, Sum, changes};
use crate::heap::Heap;
use crate::index::parallel::in_turns;
use crate::index::{Representation, StringEntry, StringQuery};
use crate::objects::string::{Piece, Units};
use crate::{Monitor, Result, Tagged};

/// Bytes that may be copied out of a heap to read ropes and slices, all together, and of one of them in code units.
const COPY_LIMIT: u64 = 4 << 30;
const LONGEST_COPY: usize = 1 << 26;

/// Strings looked at in one go.
const TURN: usize = 4096;

/// Strings of one heap that say the same.
#[derive(Clone, Copy, Debug)]
struct Saying {
    fingerprint: u128,
    length: u32,
    example: Tagged,
    sum: Sum,
}

/// The strings of a heap by what they say.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    /// Sorted by fingerprint.
    sayings: Vec<Saying>,
    /// Strings whose text could not be read, or was left out as all ropes together are too long.
    pub unread: u64,
}

/// A text, and where to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    /// Number of UTF-16 code units.
    pub length: u32,
    /// The last of the heaps that has it, by its place among them.
    pub heap: usize,
    /// A string there that says it.
    pub example: Tagged,
}

impl Texts {
    /// How often each text is there in each of the heaps, those left out that are the same in all.
    pub fn changes(all: &[Texts]) -> Vec<Change<Text>> {
        let list = |texts: &Texts| {
            texts.sayings.iter().map(|saying| (saying.fingerprint, saying.sum)).collect::<Vec<_>>()
        };
        let with_example = |change: Change<u128>| {
            let heap = change.sums.iter().rposition(|sum| sum.count > 0)?;
            let sayings = &all[heap].sayings;
            let at = sayings.binary_search_by_key(&change.group, |saying| saying.fingerprint).ok()?;
            let group = Text { length: sayings[at].length, heap, example: sayings[at].example };
            Some(Change { group, sums: change.sums })
        };
        changes(all.iter().map(list).collect()).into_iter().filter_map(with_example).collect()
    }
}

impl Heap<'_> {
    /// The strings of the heap by what they say.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn string_texts(
        &self,
        counted: Counted,
        fingerprints: &Fingerprints,
        monitor: &dyn Monitor,
    ) -> Result<Texts> {
        let table = self.objects(monitor)?;
        let counts = self.counts(counted, monitor)?;
        let found = self.strings(&StringQuery::default(), monitor)?;
        let entries = &found.entries;
        monitor.begin("reading strings", entries.len() as u64);
        let copied = AtomicU64::new(0);
        let workers = in_turns(
            entries.len().div_ceil(TURN),
            monitor,
            <(Vec<Saying>, u64)>::default,
            |(sayings, unread), turn| {
                let part = &entries[turn * TURN..entries.len().min((turn + 1) * TURN)];
                for entry in part {
                    let id = entry.value.strong().and_then(|address| table.id_at(self.spaces(), address));
                    if !id.is_some_and(|id| counts(id.0)) || self.stands_for_another(entry) {
                        continue;
                    }
                    match self.fingerprint(entry, fingerprints, &copied) {
                        Some(fingerprint) => sayings.push(Saying {
                            fingerprint,
                            length: entry.length,
                            example: entry.value,
                            sum: Sum { count: 1, bytes: entry.total(), retained: entry.total() },
                        }),
                        None => *unread += 1,
                    }
                }
                part.len() as u64
            },
        )?;
        let mut texts = Texts { sayings: Vec::new(), unread: found.unreadable };
        for (sayings, unread) in workers {
            texts.sayings.extend(sayings);
            texts.unread += unread;
        }
        texts.sayings.sort_unstable_by_key(|saying| (saying.fingerprint, saying.example));
        texts.sayings.dedup_by(|next, first| {
            let is_same = next.fingerprint == first.fingerprint;
            if is_same {
                first.sum.add(next.sum);
            }
            is_same
        });
        texts.sayings.shrink_to_fit();
        Ok(texts)
    }

    /// Whether the string only leads to one that has the characters.
    fn stands_for_another(&self, entry: &StringEntry) -> bool {
        match entry.representation {
            Representation::Thin => true,
            Representation::Cons => {
                let second = entry.value.strong().and_then(|address| {
                    self.words()
                        .tagged(address + self.fields().cons_second, "second part of a ConsString")
                        .ok()
                });
                second.is_some_and(|second| self.string_length(second).is_ok_and(|length| length == 0))
            }
            _ => false,
        }
    }

    fn fingerprint(
        &self,
        entry: &StringEntry,
        fingerprints: &Fingerprints,
        copied: &AtomicU64,
    ) -> Option<u128> {
        if entry.representation.has_characters() {
            let characters = self.characters(*entry).ok()?;
            return Some(fingerprints.of(|hasher| characters.hash_units(hasher)));
        }
        let cost = 2 * u64::from(entry.length);
        if entry.length as usize > LONGEST_COPY
            || copied.fetch_add(cost, Ordering::Relaxed).saturating_add(cost) > COPY_LIMIT
        {
            return None;
        }
        let string = self.string(entry.value, LONGEST_COPY).ok()?;
        Some(match &string.units {
            Units::OneByte(units) => fingerprints.of(|hasher| Piece::OneByte(units).hash_units(hasher)),
            Units::TwoByte(units) => {
                let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
                fingerprints.of(|hasher| Piece::TwoByte(&bytes).hash_units(hasher))
            }
        })
    }
}
