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
//! A `std::vector` says how much of its block it uses, and the words behind that are of who had the memory before: they lead nowhere. A place
//! in a `std::deque` looks alike, but has a fourth word, which leads to what leads to the block. Two such places, one behind the other, that are in
//! one block say how much of it is used.
//!
//! ```text
//!   owner A ---> block ---> block           A's
//!   owner A ---> block <--- owner B         nobody's: both are as near
//!   owner A ---> block ---> block <--- data  the last one is not A's
//! ```

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use super::Malloc;
use super::blocks::{Block, BlockId};
use super::claims::{Claims, Fields, NOBODY, Reach, SEVERAL};
use crate::scan::{Chunk, ScanEnd, Watch};
use crate::{Address, Core, Memory};

/// How far behind the start of a block a step may lead.
const FARTHEST: u64 = 16;

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
        let mut silent: HashSet<u32> = others.apart.iter().map(|block| block.0).collect();
        // What a vector uses of its block, where that is less than all of it.
        let mut used: HashMap<u32, u64> = HashMap::new();
        for block in others.apart {
            claims.fix(*block, NOBODY);
        }
        for OwnerBlock { block, of, leads_on, .. } in owners {
            claims.fix(*block, *of);
            if *leads_on {
                frontier.push(block.0);
            } else {
                silent.insert(block.0);
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
                    silent.insert(block.0);
                }
            }
        }
        let outside = self.outside(core, others.left_out);
        let is_stack =
            |part: &(u64, u64)| core.threads_with_stack_in(Address(part.0), Address(part.1)).next().is_some();
        let (stacks, data): (Vec<_>, Vec<_>) = outside.into_iter().partition(is_stack);
        let mut beyond = self.beyond(core, owners, &data, watch)?;
        let data = without(&data, &beyond.pieces);
        let mut sources =
            [(Reach::Start, &data), (Reach::Inside, &data), (Reach::Inside, &stacks)].into_iter();
        let mut fields = Fields::default();
        let mut reach = Reach::Start;
        let mut told = 0;
        for step in 1.. {
            while let Some(&(at, target, tag)) = beyond.claims.last()
                && at <= step
            {
                beyond.claims.pop();
                claims.claim(target as usize, tag, step, None);
            }
            // All that can be come to so has been.
            if frontier.is_empty() && claims.next.is_empty() && beyond.claims.is_empty() {
                let Some((now, places)) = sources.next() else { break };
                if now != reach {
                    frontier = claims.owned().filter(|index| !silent.contains(index)).collect();
                }
                reach = now;
                for target in self.targets_of(core, (places, reach), watch)? {
                    claims.claim(target as usize, ELSEWHERE, step, None);
                }
            } else if step == 1 {
                let Some((_, places)) = sources.next() else { break };
                for target in self.targets_of(core, (places, reach), watch)? {
                    claims.claim(target as usize, ELSEWHERE, step, None);
                }
            }
            for index in frontier.drain(..) {
                let tag = claims.tag(index);
                let bytes = used.get(&index).copied();
                told +=
                    self.each_target(core, (index as usize, bytes), reach, &mut |target, bytes, place| {
                        claims.claim(target, tag, step, Some((index, place)));
                        if let Some(bytes) = bytes {
                            used.insert(target as u32, bytes);
                        }
                    });
                if told > 1 << 22 {
                    watch.advance(told);
                    told = 0;
                    if watch.cancelled() {
                        return None;
                    }
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
        if (block.0 as usize) < self.blocks().len() {
            let from = (block.0 as usize, used);
            self.each_target(core, from, Reach::Start, &mut |target, used, _| targets.push((target, used)));
        }
        // Of several words that lead to one block the one that is a vector's tells most.
        targets.sort_unstable_by_key(|(target, used)| (*target, used.is_none()));
        targets.dedup_by_key(|(target, _)| *target);
        targets.into_iter().map(|(target, used)| (self.blocks().block(target), used)).collect()
    }

    /// The block in use that a word leads to, if to its start or little behind it.
    pub(super) fn near(&self, word: u64, bounds: (u64, u64)) -> Option<usize> {
        let index = self.target(word, bounds)?;
        let behind = word.checked_sub(self.blocks().block(index).start.0)?;
        (behind <= FARTHEST && word.is_multiple_of(8)).then_some(index)
    }

    /// The block in use that a word leads to.
    pub(super) fn led_by(&self, word: u64, reach: Reach, bounds: (u64, u64)) -> Option<usize> {
        match reach {
            Reach::Start => self.near(word, bounds),
            Reach::Inside => self.target(word, bounds),
        }
    }

    /// Calls `found` for the blocks that a block leads to, each with how much of it is used if it is a vector's, and with the number of the word
    /// that leads there; gives the bytes that were read. Only `used` bytes of the block are read, if that is given.
    fn each_target(
        &self,
        core: &Core,
        (index, used): (usize, Option<u64>),
        reach: Reach,
        found: &mut dyn FnMut(usize, Option<u64>, u32),
    ) -> u64 {
        let bounds = self.bounds();
        let block = self.blocks().block(index);
        let (mut at, end) = (block.start.0, block.end().0);
        let end = used.map_or(end, |used| end.min(at.saturating_add(used)));
        while at < end {
            let Ok(bytes) = core.memory().bytes_from(Address(at)) else { break };
            let length = (bytes.len() as u64).min(end - at);
            let words = bytes[..length as usize].as_chunks::<8>().0;
            for (place, word) in words.iter().enumerate() {
                if let Some(target) = self.led_by(u64::from_le_bytes(*word), reach, bounds) {
                    let three = words[place..].first_chunk().map(|three| three.map(u64::from_le_bytes));
                    let used = three.and_then(|three| used_by_vector(three, &self.blocks().block(target)));
                    let node = words.get(place + 3).map(|node| u64::from_le_bytes(*node));
                    let is_deque = || {
                        let first = core.memory().read_u64(Address(node?)).ok()?;
                        Some(Some(first) == three.map(|[_, first, _]| first))
                    };
                    let behind = (at - block.start.0) / 8 + place as u64;
                    let used = match is_deque() {
                        Some(true) => None,
                        _ => used,
                    };
                    let used = used.or_else(|| {
                        let leads_to = |at: u64| core.memory().read_u64(Address(at)).ok();
                        used_by_deque(words.get(place..)?, &self.blocks().block(target), leads_to)
                    });
                    found(target, used, behind as u32);
                }
            }
            at += length;
        }
        block.bytes
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

/// How many bytes of a block a vector uses, if three words are one that has the block: where its elements begin, where they end, and
/// where there is room to (`_M_start`, `_M_finish`, `_M_end_of_storage` in libstdc++'s `stl_vector.h`).
fn used_by_vector([start, finish, end_of_storage]: [u64; 3], block: &Block) -> Option<u64> {
    let is_one = start == block.start.0
        && start <= finish
        && finish <= end_of_storage
        && end_of_storage <= block.end().0
        && start < end_of_storage;
    is_one.then(|| finish - start)
}

/// How many bytes of a block a deque uses, if words are such that it has no other block: from the second word on of the place where its elements
/// begin, and then the place where they end, which is in the same block (`_M_cur`, `_M_first`, `_M_last` and `_M_node` of both in libstdc++'s
/// `stl_deque.h`).
fn used_by_deque(words: &[[u8; 8]], block: &Block, leads_to: impl Fn(u64) -> Option<u64>) -> Option<u64> {
    let [first, last, node, end, first_of_end, last_of_end, node_of_end] =
        words.first_chunk()?.map(u64::from_le_bytes);
    let is_one = first == block.start.0
        && (first, last, node) == (first_of_end, last_of_end, node_of_end)
        && (first..=last).contains(&end)
        && last <= block.end().0
        && leads_to(node) == Some(first);
    is_one.then(|| end - first)
}

#[cfg(test)]
mod tests {
    use super::super::blocks::{Block, BlockId, BlockState};
    use super::{used_by_deque, used_by_vector, without};
    use crate::Address;

    #[test]
    fn pieces_are_taken_out_of_stretches() {
        let all = [(0, 100), (200, 300)];
        assert_eq!(without(&all, &[]), all);
        assert_eq!(without(&all, &[(0, 8), (50, 60), (90, 100)]), [(8, 50), (60, 90), (200, 300)]);
        assert_eq!(without(&all, &[(200, 300)]), [(0, 100)]);
        assert_eq!(without(&all, &[(240, 248), (248, 256)]), [(0, 100), (200, 240), (256, 300)]);
    }

    #[test]
    fn a_vector_uses_what_is_before_its_end() {
        let block = Block {
            id: BlockId(0),
            start: Address(0x1000),
            bytes: 40,
            chunk_bytes: 48,
            state: BlockState::Used,
            run: 0,
        };
        let used = |words| used_by_vector(words, &block);
        assert_eq!(used([0x1000, 0x1008, 0x1008]), Some(8));
        assert_eq!(used([0x1000, 0x1000, 0x1028]), Some(0), "an empty one with room");
        assert_eq!(used([0x1000, 0x1028, 0x1028]), Some(40));
        assert_eq!(used([0x1000, 0x1000, 0x1000]), None, "no room at all is three equal words");
        assert_eq!(used([0x1000, 0x1010, 0x1030]), None, "room beyond the block");
        assert_eq!(used([0x1000, 0x1010, 0x1008]), None);
        assert_eq!(used([0x1008, 0x1010, 0x1018]), None, "not at its start");
        assert_eq!(used([0x1000, 0, 0]), None);
    }

    #[test]
    fn a_deque_with_one_block_uses_what_is_before_its_end() {
        let block = Block {
            id: BlockId(0),
            start: Address(0x1000),
            bytes: 520,
            chunk_bytes: 528,
            state: BlockState::Used,
            run: 0,
        };
        let used = |words: [u64; 7]| {
            let words = words.map(u64::to_le_bytes);
            used_by_deque(&words, &block, |at| (at == 0x2018).then_some(0x1000))
        };
        assert_eq!(used([0x1000, 0x1200, 0x2018, 0x1000, 0x1000, 0x1200, 0x2018]), Some(0), "an empty one");
        assert_eq!(used([0x1000, 0x1200, 0x2018, 0x1040, 0x1000, 0x1200, 0x2018]), Some(0x40));
        assert_eq!(used([0x1000, 0x1200, 0x2018, 0x3040, 0x3000, 0x3200, 0x2020]), None, "two blocks");
        assert_eq!(used([0x1000, 0x1200, 0x2018, 0x1240, 0x1000, 0x1200, 0x2018]), None, "behind the block");
        assert_eq!(
            used([0x1000, 0x1200, 0x2020, 0x1000, 0x1000, 0x1200, 0x2020]),
            None,
            "no list leads here"
        );
    }
}
