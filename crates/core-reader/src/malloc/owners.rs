//! To whom of some owners each block belongs: the one that fewest steps lead from.
//!
//! A C++ object holds the blocks that its fields lead to, and those hold others. Who frees a block is written nowhere, so this is
//! an estimate, though a good one: all owners, and everything else that is not V8's (data of libraries), go one step at a time.
//! A block belongs to who comes first; to nobody if several come at once. What threads have on their stacks, old words among it, they have
//! for as long as a call takes: it counts for blocks that nobody else comes to. Only words that lead to the start of a block, or to
//! 8 or 16 bytes behind it (where allocators of libraries put what they give out), count as steps, for those further inside are mostly
//! links of lists. No step leads into an owner. Only what no such step comes to is looked for by words that lead further inside: SQLite knows a
//! page by what stands behind it.
//!
//! Objects of one class have the same field in the same place; a word that is left over stands anywhere. So of several owners that come to a
//! block at once, the one has it whose word stands where other blocks of that size have such a word, too, if that of no other does ([`super::claims`]).
//!
//! What all owners belong to (a process's one environment) leads to all of them: what it leads to is nobody's, unless an owner is nearer.
//!
//! An owner may have other memory than blocks, by which it has blocks ([`super::beyond`]).
//!
//! A `std::vector` says how much of its block it uses, and so does a `std::deque` with one block; the words behind that are of who had the memory before: they lead nowhere. Words
//! that hardly are addresses lead nowhere either, as long as others do ([`super::links`]).
//!
//! ```text
//!   owner A ---> block ---> block           A's
//!   owner A ---> block <--- owner B         nobody's: both are as near
//!   owner A ---> block ---> block <--- data  the last one is not A's
//! ```

use std::ops::ControlFlow;

use super::blocks::{Block, BlockId};
use super::claims::{Claims, Fields, NOBODY, SEVERAL};
use super::links::Reach;
use super::marks::BlockMarks;
use super::{Malloc, words};
use crate::scan::{Chunk, ScanEnd, Watch};
use crate::{Address, Core};

/// Blocks that are followed between two looks at the watch.
const TOLD_AT_ONCE: usize = 1 << 16;

/// A block that others can belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerBlock {
    /// The block.
    pub block: BlockId,
    /// The number of the owner, which may have several such blocks.
    pub of: u32,
    /// It owns what its words lead to. One that is room for data, which nobody has cleared, has words of who had that memory before.
    pub leads_on: bool,
    /// It may have memory of another allocator, and by that further blocks.
    pub leads_beyond: bool,
    /// Blocks that are known to be its own, however near others are. They are all of a known way, and lead no further.
    pub certain: Vec<BlockId>,
}

/// What is no owner, where owners are looked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Others<'a> {
    /// Blocks that belong to nobody here, and lead nowhere.
    pub apart: &'a [BlockId],
    /// Blocks that belong to nobody here, and lead on: what they lead to is [`Owner::Elsewhere`].
    pub common: &'a [BlockId],
    /// Memory, sorted, that is not looked at.
    pub left_out: &'a [(u64, u64)],
}

/// Whose a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// Of the owner with this number.
    Of(u32),
    /// Several come to it at once.
    Several,
    /// Of something that is no owner: data, stacks, other memory.
    Elsewhere,
    /// Nothing leads to it but the memory that was left out.
    Nobody,
}

/// Whose the blocks are.
#[derive(Debug)]
pub struct Owners {
    tags: Vec<u32>,
}

const ELSEWHERE: u32 = u32::MAX - 1;

impl Owners {
    /// Whose a block is; an owner is its own.
    pub fn of(&self, block: BlockId) -> Owner {
        match self.tags.get(block.0 as usize).copied().unwrap_or(NOBODY) {
            NOBODY => Owner::Nobody,
            ELSEWHERE => Owner::Elsewhere,
            SEVERAL => Owner::Several,
            number => Owner::Of(number),
        }
    }
}

impl Malloc {
    /// Whose each block in use is. `None` if `watch` has stopped it.
    pub fn owners(
        &self,
        core: &Core,
        owners: &[OwnerBlock],
        others: &Others<'_>,
        watch: &dyn Watch,
    ) -> Option<Owners> {
        let count = self.blocks().len();
        let mut claims = Claims::new(count);
        let mut frontier: Vec<u32> = Vec::new();
        // Blocks that lead nowhere.
        let mut silent = BlockMarks::new(count);
        for block in others.apart {
            claims.fix(*block, NOBODY);
            silent.set(block.0 as usize);
        }
        for OwnerBlock { block, of, leads_on, .. } in owners {
            claims.fix(*block, *of);
            if *leads_on {
                frontier.push(block.0);
            } else {
                silent.set(block.0 as usize);
            }
        }
        for block in others.common {
            if claims.is_free(*block) {
                claims.fix(*block, ELSEWHERE);
                frontier.push(block.0);
            }
        }
        for owner in owners {
            for block in &owner.certain {
                if claims.is_free(*block) {
                    claims.fix(*block, owner.of);
                    silent.set(block.0 as usize);
                }
            }
        }
        let outside = self.outside(core, others.left_out);
        let is_stack =
            |part: &(u64, u64)| core.threads_with_stack_in(Address(part.0), Address(part.1)).next().is_some();
        let (stacks, data): (Vec<_>, Vec<_>) = outside.into_iter().partition(is_stack);
        let mut beyond = self.beyond(core, owners, &data, watch)?;
        let data = without(&data, &beyond.pieces);
        let nowhere = Vec::new();
        let mut sources = [
            (Reach::Start, &data),
            (Reach::Doubtful, &nowhere),
            (Reach::Inside, &data),
            (Reach::Inside, &stacks),
        ]
        .into_iter();
        let links = self.links(core, watch)?;
        let mut fields = Fields::default();
        let mut reach = Reach::Start;
        // What those that are followed again have been followed by.
        let mut before = None;
        let mut told = 0;
        for step in 1.. {
            while let Some(&(at, target, tag)) = beyond.claims.last()
                && at <= step
            {
                beyond.claims.pop();
                claims.claim(target as usize, tag, None);
            }
            // All that can be come to so has been.
            if frontier.is_empty() && claims.next.is_empty() && beyond.claims.is_empty() {
                let Some((now, places)) = sources.next() else { break };
                if now != reach {
                    before = Some(reach);
                    let again =
                        |index: &&u32| !claims.is_free(BlockId(**index)) && !silent.has(**index as usize);
                    frontier = links.odd().iter().filter(again).copied().collect();
                }
                reach = now;
                for target in self.targets_of(core, (places, reach), watch)? {
                    claims.claim(target as usize, ELSEWHERE, None);
                }
            } else if step == 1 {
                let Some((_, places)) = sources.next() else { break };
                for target in self.targets_of(core, (places, reach), watch)? {
                    claims.claim(target as usize, ELSEWHERE, None);
                }
            }
            told += frontier.len();
            for index in frontier.drain(..) {
                let tag = claims.tag(index);
                for target in links.added(index as usize, before, reach) {
                    claims.claim(target, tag, Some(index));
                }
            }
            before = None;
            if told > TOLD_AT_ONCE {
                told = 0;
                if watch.cancelled() {
                    return None;
                }
            }
            claims.settle(|target, rivals| fields.one_of(self, core, reach, (target, rivals)));
            std::mem::swap(&mut frontier, &mut claims.next);
        }
        for block in others.apart {
            claims.fix(*block, NOBODY);
        }
        Some(Owners { tags: claims.into_tags() })
    }

    /// The blocks that a block leads to, as steps go, each with how many bytes of it a vector there uses. Only so many bytes of the block
    /// are read, if it is a vector's.
    pub fn leads_to(&self, core: &Core, block: BlockId, used: Option<u64>) -> Vec<(Block, Option<u64>)> {
        let mut targets: Vec<(usize, Option<u64>)> = Vec::new();
        if let Some(block) = self.blocks().get(block) {
            let to = used.map_or(block.end().0, |used| block.end().0.min(block.start.0.saturating_add(used)));
            let bounds = self.bounds();
            words::each(core.memory(), block.start.0, to, |_, words| {
                if let Some(target) = self.near(u64::from_le_bytes(words[0]), bounds) {
                    targets.push((target, self.used_by_container(core, words, target)));
                }
            });
        }
        // Of several words that lead to one block the one that is a vector's tells most.
        targets.sort_unstable_by_key(|(target, used)| (*target, used.is_none()));
        targets.dedup_by_key(|(target, _)| *target);
        targets.into_iter().map(|(target, used)| (self.blocks().block(target), used)).collect()
    }

    /// Blocks that these parts of memory lead to.
    fn targets_of(
        &self,
        core: &Core,
        (parts, reach): (&[(u64, u64)], Reach),
        watch: &dyn Watch,
    ) -> Option<Vec<u32>> {
        let bounds = self.bounds();
        let mut targets = Vec::new();
        let memory = core.memory();
        for (from, length) in parts.iter().flat_map(|(from, to)| memory.stored(Address(*from), Address(*to)))
        {
            let find = |chunk: Chunk<'_>, found: &mut Vec<u32>| {
                found.extend(
                    chunk
                        .words()
                        .filter_map(|word| self.led_by(word, reach, bounds))
                        .map(|index| index as u32),
                );
            };
            let range = (from, Address(from.0 + length));
            let ended = memory.scan(range, 8, watch, &find, &mut |index: u32| {
                targets.push(index);
                ControlFlow::Continue(())
            });
            if ended == ScanEnd::Cancelled {
                return None;
            }
        }
        targets.sort_unstable();
        targets.dedup();
        Some(targets)
    }
}

/// Stretches without others that lie within them; both sorted.
fn without(all: &[(u64, u64)], others: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut left = Vec::new();
    for (from, to) in all {
        let mut at = *from;
        let first = others.partition_point(|(_, end)| *end <= at);
        for (start, end) in others[first..].iter().take_while(|(start, _)| start < to) {
            if at < *start {
                left.push((at, *start));
            }
            at = at.max(*end);
        }
        if at < *to {
            left.push((at, *to));
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::without;

    #[test]
    fn pieces_are_taken_out_of_stretches() {
        let all = [(0, 100), (200, 300)];
        assert_eq!(without(&all, &[]), all);
        assert_eq!(without(&all, &[(0, 8), (50, 60), (90, 100)]), [(8, 50), (60, 90), (200, 300)]);
        assert_eq!(without(&all, &[(200, 300)]), [(0, 100)]);
        assert_eq!(without(&all, &[(240, 248), (248, 256)]), [(0, 100), (200, 240), (256, 300)]);
    }
}
