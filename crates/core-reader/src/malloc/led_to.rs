//! What leads to each block, of places that the caller tells apart by numbers.
//!
//! Whose a block is that no owner has ([`super::owners`]) is written nowhere. What it is for shows where the ways to it begin: in a variable of a
//! library, in an object of a known class, on a stack. All ways go one step at a time, and a block gets the number of the
//! first that comes to it; of several that come at once the least. This is an estimate.
//!
//! Places take turns: what the places of one turn lead to is not looked for from later ones. Words that lead to the start of a block, or little
//! behind it, come before those that hardly are addresses and those that lead further inside ([`super::links`]), of whatever turn: a
//! number that looks like an address leads inside of some block most often. Only words which may be old come after all others.
//!
//! ```text
//!   variable of a library (2) ---> block 2 ---> block 2
//!   object of a class (1) ---> block 1 ---'
//!   stack, a later turn (7) ---> block 7        only what no variable and no object leads to
//! ```

use super::blocks::BlockId;
use super::links::{Links, Reach};
use super::marks::BlockMarks;
use super::{Malloc, words};
use crate::scan::Watch;
use crate::{Address, Core};

/// Where ways begin.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beginnings<'a> {
    /// Blocks whose number is known.
    pub known: &'a [(BlockId, u32)],
    /// Blocks that get no number, and lead nowhere; none if nothing is said.
    pub apart: Option<&'a BlockMarks>,
    /// Stretches of memory with their numbers, by turn.
    pub turns: &'a [Vec<(u64, u64, u32)>],
    /// Stretches whose words may be old: for what nothing else leads to.
    pub old: &'a [Vec<(u64, u64, u32)>],
}

/// The number of what leads to each block.
#[derive(Debug)]
pub struct LedTo {
    tags: Vec<u32>,
}

impl LedTo {
    /// Of a block; nothing if no way leads to it.
    pub fn number(&self, block: BlockId) -> Option<u32> {
        self.tags.get(block.0 as usize).copied().filter(|tag| *tag != NONE)
    }
}

/// No way leads to it.
const NONE: u32 = u32::MAX;

impl Malloc {
    /// What leads to each block in use. `None` if `watch` has stopped it.
    pub fn led_to(&self, core: &Core, beginnings: &Beginnings<'_>, watch: &dyn Watch) -> Option<LedTo> {
        let mut ways = Ways {
            malloc: self,
            core,
            watch,
            links: self.links(core, watch)?,
            bounds: self.bounds(),
            tags: vec![NONE; self.blocks().len()],
            apart: beginnings.apart,
            now: BlockMarks::new(self.blocks().len()),
            next: Vec::new(),
        };
        let mut begun = Vec::new();
        for (block, tag) in beginnings.known {
            let index = block.0 as usize;
            if ways.tags[index] == NONE && !ways.is_apart(index) {
                ways.tags[index] = *tag;
                begun.push(block.0);
            }
        }
        for turns in [beginnings.turns, beginnings.old] {
            let mut before = None;
            for reach in [Reach::Start, Reach::Doubtful, Reach::Anything] {
                if reach != Reach::Start {
                    let is_known = |index: &&u32| ways.tags[**index as usize] != NONE;
                    begun = ways.links.odd().iter().filter(is_known).copied().collect();
                }
                for stretches in turns {
                    let mut frontier = std::mem::take(&mut begun);
                    // Of words outside of blocks none is more doubtful than another.
                    for (from, to, tag) in stretches.iter().filter(|_| reach != Reach::Doubtful) {
                        ways.follow((*from, *to), *tag, reach)?;
                    }
                    while !frontier.is_empty() || !ways.next.is_empty() {
                        ways.follow_blocks(&frontier, (before.take(), reach))?;
                        frontier.clear();
                        std::mem::swap(&mut frontier, &mut ways.next);
                        // What lies together is read together.
                        frontier.sort_unstable();
                        frontier.iter().for_each(|index| ways.now.clear(*index as usize));
                    }
                }
                before = Some(reach);
            }
        }
        Some(LedTo { tags: ways.tags })
    }
}

struct Ways<'a> {
    malloc: &'a Malloc,
    core: &'a Core,
    watch: &'a dyn Watch,
    links: &'a Links,
    bounds: (u64, u64),
    tags: Vec<u32>,
    apart: Option<&'a BlockMarks>,
    /// The blocks that were come to in this step, and the same in their order.
    now: BlockMarks,
    next: Vec<u32>,
}

/// Blocks that are followed between two looks at the watch.
const TOLD_AT_ONCE: usize = 1 << 16;
/// Bytes that are read between two.
const READ_AT_ONCE: u64 = 1 << 22;

impl Ways<'_> {
    fn is_apart(&self, index: usize) -> bool {
        self.apart.is_some_and(|apart| apart.has(index))
    }

    /// A way leads to a block. What several come to at once has the least number of theirs.
    fn come_to(&mut self, target: usize, tag: u32) {
        let known = self.tags[target];
        if known == NONE && !self.is_apart(target) {
            self.tags[target] = tag;
            self.now.set(target);
            self.next.push(target as u32);
        } else if tag < known && self.now.has(target) {
            self.tags[target] = tag;
        }
    }

    /// Comes to the blocks that these blocks lead to; not to those that they have led to `before`.
    fn follow_blocks(&mut self, blocks: &[u32], (before, reach): (Option<Reach>, Reach)) -> Option<()> {
        let links = self.links;
        for some in blocks.chunks(TOLD_AT_ONCE) {
            for index in some {
                let tag = self.tags[*index as usize];
                for target in links.added(*index as usize, before, reach) {
                    self.come_to(target, tag);
                }
            }
            if self.watch.cancelled() {
                return None;
            }
        }
        Some(())
    }

    /// Comes to the blocks that `[from, to)` leads to.
    fn follow(&mut self, (from, to): (u64, u64), tag: u32, reach: Reach) -> Option<()> {
        let (malloc, core, bounds) = (self.malloc, self.core, self.bounds);
        for (start, length) in core.memory().stored(Address(from.next_multiple_of(8)), Address(to)) {
            for part in (0..length).step_by(READ_AT_ONCE as usize) {
                let end = length.min(part + READ_AT_ONCE);
                words::each(core.memory(), start.0 + part, start.0 + end, |_, words| {
                    if let Some(target) = malloc.led_by(u64::from_le_bytes(words[0]), reach, bounds) {
                        self.come_to(target, tag);
                    }
                });
                self.watch.advance(end - part);
                if self.watch.cancelled() {
                    return None;
                }
            }
        }
        Some(())
    }
}
