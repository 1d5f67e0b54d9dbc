//! What leads to each block, of places that the caller tells apart by numbers.
//!
//! Whose a block is that no owner has ([`super::owners`]) is written nowhere. What it is for shows where the ways to it begin: in a variable of a
//! library, in an object of a known class, on a stack. All ways go one step at a time, and a block gets the number of the
//! first that comes to it; of several that come at once the least. This is an estimate.
//!
//! Places take turns: what the places of one turn lead to is not looked for from later ones, so that words which may be old come last. In
//! each turn words that lead to the start of a block, or little behind it, come before those that lead further inside.
//!
//! ```text
//!   variable of a library (2) ---> block 2 ---> block 2
//!   object of a class (1) ---> block 1 ---'
//!   stack, a later turn (7) ---> block 7        only what no variable and no object leads to
//! ```

use super::Malloc;
use super::blocks::BlockId;
use super::claims::Reach;
use crate::scan::Watch;
use crate::{Address, Core, Memory};

/// Where ways begin.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beginnings<'a> {
    /// Blocks whose number is known.
    pub known: &'a [(BlockId, u32)],
    /// Blocks that get no number, and lead nowhere.
    pub apart: &'a [BlockId],
    /// Stretches of memory with their numbers, by turn.
    pub turns: &'a [Vec<(u64, u64, u32)>],
}

/// No way leads to it.
const NONE: u32 = u32::MAX;

impl Malloc {
    /// The number of each block in use, by the numbers of blocks; nothing where no way leads. `None` if `watch` has stopped it.
    pub fn led_to(
        &self,
        core: &Core,
        beginnings: &Beginnings<'_>,
        watch: &dyn Watch,
    ) -> Option<Vec<Option<u32>>> {
        let mut ways = Ways {
            malloc: self,
            core,
            watch,
            bounds: self.bounds(),
            tags: vec![NONE; self.blocks().len()],
            is_apart: vec![false; self.blocks().len()],
        };
        for block in beginnings.apart {
            ways.is_apart[block.0 as usize] = true;
        }
        let mut begun = Vec::new();
        for (block, tag) in beginnings.known {
            let index = block.0 as usize;
            if ways.tags[index] == NONE && !ways.is_apart[index] {
                ways.tags[index] = *tag;
                begun.push(block.0);
            }
        }
        let mut inside = Vec::new();
        let in_use: u64 =
            self.blocks().iter().filter(|block| block.state.is_used()).map(|block| block.bytes).sum();
        for (turn, stretches) in beginnings.turns.iter().enumerate() {
            let mut fresh = if turn == 0 { std::mem::take(&mut begun) } else { Vec::new() };
            for reach in [Reach::Start, Reach::Inside] {
                // All is read again for what only words that lead further inside come to: not for next to nothing.
                if reach == Reach::Inside && ways.left() < in_use / SMALL_PART {
                    continue;
                }
                let mut frontier = match reach {
                    Reach::Start => std::mem::take(&mut fresh),
                    Reach::Inside => std::mem::take(&mut inside),
                };
                let mut next = Vec::new();
                for (from, to, tag) in stretches {
                    for (start, length) in core.memory().stored(Address(*from), Address(*to)) {
                        ways.follow((start.0, start.0 + length), *tag, reach, &mut next)?;
                    }
                }
                while !frontier.is_empty() || !next.is_empty() {
                    ways.follow_blocks(&frontier, reach, &mut next)?;
                    if reach == Reach::Start {
                        inside.append(&mut frontier);
                    }
                    // What several have come to at once has the least number of theirs.
                    for (index, tag) in &next {
                        let known = &mut ways.tags[*index as usize];
                        *known = (*known).min(*tag);
                    }
                    frontier = next.drain(..).map(|(index, _)| index).collect();
                    frontier.sort_unstable();
                    frontier.dedup();
                }
            }
        }
        Some(ways.tags.into_iter().map(|tag| (tag != NONE).then_some(tag)).collect())
    }
}

struct Ways<'a> {
    malloc: &'a Malloc,
    core: &'a Core,
    watch: &'a dyn Watch,
    bounds: (u64, u64),
    tags: Vec<u32>,
    is_apart: Vec<bool>,
}

/// A part of all bytes in use that is not worth reading them all again: so much that it is this many times in them.
const SMALL_PART: u64 = 1000;
/// So many blocks at a time are worth all processors.
const MANY_BLOCKS: usize = 4096;
/// Bytes between two reports to the watch.
const TOLD_AT_ONCE: u64 = 1 << 22;

impl Ways<'_> {
    /// Bytes of the blocks in use that have no number and may get one.
    fn left(&self) -> u64 {
        let blocks = self.malloc.blocks().iter().filter(|block| block.state.is_used());
        let is_left = |id: BlockId| self.tags[id.0 as usize] == NONE && !self.is_apart[id.0 as usize];
        blocks.filter(|block| is_left(block.id)).map(|block| block.bytes).sum()
    }

    /// Puts the blocks without a number that these blocks lead to into `next`; of many on all processors.
    fn follow_blocks(&self, blocks: &[u32], reach: Reach, next: &mut Vec<(u32, u32)>) -> Option<()> {
        let one_by_one = |blocks: &[u32], next: &mut Vec<(u32, u32)>| {
            let mut told = 0;
            for index in blocks {
                let block = self.malloc.blocks().block(*index as usize);
                self.follow((block.start.0, block.end().0), self.tags[*index as usize], reach, next)?;
                told += block.bytes;
                if told > TOLD_AT_ONCE {
                    self.watch.advance(std::mem::take(&mut told));
                    if self.watch.cancelled() {
                        return None;
                    }
                }
            }
            Some(())
        };
        if blocks.len() < MANY_BLOCKS {
            return one_by_one(blocks, next);
        }
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let parts: Vec<Option<Vec<(u32, u32)>>> = std::thread::scope(|scope| {
            let parts = blocks.chunks(blocks.len().div_ceil(threads)).map(|part| {
                scope.spawn(move || {
                    let mut found = Vec::new();
                    one_by_one(part, &mut found).map(|()| found)
                })
            });
            let parts: Vec<_> = parts.collect();
            parts.into_iter().map(|part| part.join().expect("following does not panic")).collect()
        });
        for part in parts {
            next.append(&mut part?);
        }
        Some(())
    }

    /// Puts the blocks without a number that `[from, to)` leads to into `next`.
    fn follow(
        &self,
        (from, to): (u64, u64),
        tag: u32,
        reach: Reach,
        next: &mut Vec<(u32, u32)>,
    ) -> Option<()> {
        let mut at = from.next_multiple_of(8);
        while at < to {
            let Ok(bytes) = self.core.memory().bytes_from(Address(at)) else { break };
            let length = (bytes.len() as u64).min(to - at);
            for word in bytes[..length as usize].as_chunks::<8>().0 {
                let word = u64::from_le_bytes(*word);
                if let Some(target) = self.malloc.led_by(word, reach, self.bounds)
                    && self.tags[target] == NONE
                    && !self.is_apart[target]
                {
                    next.push((target as u32, tag));
                }
            }
            if length < 8 {
                break;
            }
            at += length / 8 * 8;
            if length > TOLD_AT_ONCE {
                self.watch.advance(length);
                if self.watch.cancelled() {
                    return None;
                }
            }
        }
        Some(())
    }
}
