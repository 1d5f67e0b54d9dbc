//! What owners have in memory that is not the C library's allocator's, and leads back into it.
//!
//! Add-ons may bring an allocator of their own, as those written in Rust often do. What it has given out has no borders here; but it
//! begins where something leads to, and ends before the next such place:
//!
//! ```text
//!   owner, a block ---> piece ---> piece ---> block of malloc
//!                       [.......)[....)[.....)          other anonymous memory; every place that a word there, or of an owner, leads to
//!                       '        '     '                begins a piece
//! ```
//!
//! A piece is an owner's if no other owner comes to it in as many steps. What it leads to counts for its owner as if it were a block.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::ControlFlow;

use super::claims::SEVERAL;
use super::owners::OwnerBlock;
use super::{Malloc, words};
use crate::scan::{Chunk, ScanEnd, Watch};
use crate::{Address, Core};

/// Steps from an owner that are followed.
const MOST_STEPS: u32 = 4;
/// No piece is taken for larger, in bytes.
const LARGEST_PIECE: u64 = 1 << 14;
/// So much of an owner's block is looked at, in bytes.
const LARGEST_OWNER: u64 = 1 << 10;
/// Places that pieces may begin at. Where there are more, nothing of this is told.
const MOST_STARTS: usize = 1 << 22;

/// What owners have beyond the allocator.
#[derive(Debug, Default)]
pub(super) struct Beyond {
    /// Their pieces, by address.
    pub pieces: Vec<(u64, u64)>,
    /// The step in which a block is come to through them, its index, and the owner.
    pub claims: Vec<(u32, u32, u32)>,
}

impl Malloc {
    /// What owners have in `data`, sorted, as far as that is of no file. `None` if `watch` has stopped it.
    pub(super) fn beyond(
        &self,
        core: &Core,
        owners: &[OwnerBlock],
        data: &[(u64, u64)],
        watch: &dyn Watch,
    ) -> Option<Beyond> {
        let memory = core.memory();
        let is_anonymous = |(from, _): &&(u64, u64)| {
            memory.range_at(Address(*from)).is_some_and(|range| range.file.is_none())
        };
        let parts: Vec<(u64, u64)> = data.iter().filter(is_anonymous).copied().collect();
        let part_of = |word: u64| {
            let index = parts.partition_point(|(from, _)| *from <= word).checked_sub(1)?;
            Some(parts[index]).filter(|(_, to)| word < *to && word.is_multiple_of(8))
        };
        let mut frontier: Vec<(u64, u32)> = Vec::new();
        for owner in owners.iter().filter(|owner| owner.leads_on && owner.leads_beyond) {
            let Some(block) = self.blocks().get(owner.block) else { continue };
            let end = block.end().0.min(block.start.0.saturating_add(LARGEST_OWNER));
            words::each(memory, block.start.0, end, |_, words| {
                let word = u64::from_le_bytes(words[0]);
                frontier.extend(part_of(word).map(|_| (word, owner.of)));
            });
        }
        if frontier.is_empty() {
            return Some(Beyond::default());
        }
        let mut starts: Vec<u64> = frontier.iter().map(|(start, _)| *start).collect();
        for (from, length) in parts.iter().flat_map(|(from, to)| memory.stored(Address(*from), Address(*to)))
        {
            let find = |chunk: Chunk<'_>, found: &mut Vec<u64>| {
                found.extend(chunk.words().filter(|word| part_of(*word).is_some()));
            };
            let range = (from, Address(from.0 + length));
            let ended = memory.scan(range, 8, watch, &find, &mut |start: u64| {
                starts.push(start);
                if starts.len() > MOST_STARTS { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            if ended == ScanEnd::Cancelled {
                return None;
            }
        }
        if starts.len() > MOST_STARTS {
            return Some(Beyond::default());
        }
        starts.sort_unstable();
        starts.dedup();
        let end_of = |start: u64| {
            let next = starts.get(starts.partition_point(|other| *other <= start)).copied();
            let part = part_of(start).map_or(start, |(_, to)| to);
            part.min(next.unwrap_or(u64::MAX)).min(start.saturating_add(LARGEST_PIECE))
        };
        // The step and the owner of each piece, by where it begins.
        let mut pieces: HashMap<u64, (u32, u32)> = HashMap::new();
        for step in 1..=MOST_STEPS {
            let mut fresh = Vec::new();
            for (start, tag) in frontier.drain(..) {
                match pieces.entry(start) {
                    Entry::Vacant(free) => {
                        free.insert((step, tag));
                        fresh.push(start);
                    }
                    Entry::Occupied(mut known) if *known.get() != (step, tag) && known.get().0 == step => {
                        known.insert((step, SEVERAL));
                    }
                    Entry::Occupied(_) => {}
                }
            }
            for start in fresh {
                let tag = pieces[&start].1;
                if tag != SEVERAL {
                    words::each(memory, start, end_of(start), |_, words| {
                        let word = u64::from_le_bytes(words[0]);
                        frontier.extend(part_of(word).map(|_| (word, tag)));
                    });
                }
            }
        }
        let bounds = self.bounds();
        let mut found = Beyond::default();
        for (start, (step, tag)) in pieces.into_iter().filter(|(_, (_, tag))| *tag != SEVERAL) {
            let end = end_of(start);
            found.pieces.push((start, end));
            words::each(memory, start, end, |_, words| {
                let word = u64::from_le_bytes(words[0]);
                found.claims.extend(self.near(word, bounds).map(|index| (step + 1, index as u32, tag)));
            });
        }
        found.pieces.sort_unstable();
        // The last stands first.
        found.claims.sort_unstable_by(|a, b| b.cmp(a));
        Some(found)
    }
}
