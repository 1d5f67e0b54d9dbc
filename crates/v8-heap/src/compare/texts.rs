//! Strings by what they say: texts that have multiplied, and texts that are new.
//!
//! A string that stands for another (V8's `ThinString`, a rope that has been flattened) is none of its own. Long ropes are read
//! together, each part once (`index::ropes`). How much is read of ropes and slices is bounded, and what was left out is counted.

use std::sync::atomic::{AtomicU64, Ordering};

use super::text_hash::{TextHash, Values};
use super::{Change, Counted, Fingerprints, Sum, changes};
use crate::code_units::Piece;
use crate::heap::Heap;
use crate::index::parallel::in_turns;
use crate::questions::{LONG, Member, Representation, StringEntry, StringQuery};
use crate::{Monitor, Result, Tagged};

/// Bytes that are read of slices, and of ropes, all together; and of one slice in code units.
const READ_LIMIT: u64 = 4 << 30;
const LONGEST_SLICE: usize = 1 << 26;

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
        let read = AtomicU64::new(0);
        let workers = in_turns(
            entries.len().div_ceil(TURN),
            monitor,
            <(Vec<Saying>, Vec<StringEntry>, u64)>::default,
            |(sayings, ropes, unread), turn| {
                let part = &entries[turn * TURN..entries.len().min((turn + 1) * TURN)];
                for entry in part {
                    let id = entry.value.strong().and_then(|address| table.id_at(self.spaces(), address));
                    if !id.is_some_and(|id| counts(id.0)) || self.stands_for_another(entry) {
                        continue;
                    }
                    if entry.representation == Representation::Cons && entry.length > LONG {
                        ropes.push(*entry);
                        continue;
                    }
                    match self.values(entry, &fingerprints.2, &read) {
                        Some(values) => sayings.push(Saying::of(entry, values)),
                        None => *unread += 1,
                    }
                }
                part.len() as u64
            },
        )?;
        let mut texts = Texts { sayings: Vec::new(), unread: found.unreadable };
        let mut long_ropes = Vec::new();
        for (sayings, ropes, unread) in workers {
            texts.sayings.extend(sayings);
            texts.unread += unread;
            long_ropes.extend(ropes);
        }
        let hash = &fingerprints.2;
        let left_out = self.for_each_text(long_ropes, READ_LIMIT / 2, monitor, |text, members| {
            let sayings = values_of(hash, text, members).into_iter();
            texts.sayings.extend(sayings.map(|(entry, values)| Saying::of(&entry, values)));
        })?;
        texts.unread += left_out.unreadable + left_out.too_long;
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

    /// The values of what a string says, unless it is a long rope; nothing if it cannot be read or is too long.
    fn values(&self, entry: &StringEntry, hash: &TextHash, read: &AtomicU64) -> Option<Values> {
        if entry.representation.has_characters() {
            return Some(hash.add(Values::default(), self.characters(*entry).ok()?));
        }
        let cost = 2 * u64::from(entry.length);
        if entry.length as usize > LONGEST_SLICE
            || read.fetch_add(cost, Ordering::Relaxed).saturating_add(cost) > READ_LIMIT
        {
            return None;
        }
        let mut values = Values::default();
        let all = self.for_each_piece(entry.value, LONGEST_SLICE, |piece| {
            values = hash.add(values, piece);
            true
        });
        all.ok().map(|_| values)
    }
}

impl Saying {
    fn of(entry: &StringEntry, values: Values) -> Saying {
        Saying {
            fingerprint: values.fingerprint(),
            length: entry.length,
            example: entry.value,
            sum: Sum { count: 1, bytes: entry.total(), retained: entry.total() },
        }
    }
}

/// The values of ropes in a text.
fn values_of(hash: &TextHash, text: Piece<'_>, members: &[Member]) -> Vec<(StringEntry, Values)> {
    // The values of the text up to where ropes begin and end.
    let mut ends: Vec<usize> = members.iter().flat_map(|member| [member.from, member.to]).collect();
    ends.sort_unstable();
    ends.dedup();
    let (mut values, mut at) = (Values::default(), 0);
    let known: Vec<Values> = ends
        .iter()
        .map(|end| {
            values = hash.add(values, text.between(at, *end));
            at = *end;
            values
        })
        .collect();
    let up_to = |end: usize| ends.binary_search(&end).ok().map_or(Values::default(), |at| known[at]);
    let of = |member: &Member| {
        let values = hash.last(up_to(member.to), up_to(member.from), member.to - member.from);
        (member.entry, values)
    };
    members.iter().map(of).collect()
}
