//! Who has come to which block, and what decides where several come to one at once.
//!
//! ```text
//!   block of 600 bytes ---- word 73 ----> block of 856 bytes <---- word 14 ---- block of 600 bytes
//!        all blocks of 600 bytes lead to one of 856 bytes by word 73, and fewer by word 14: the left one has it
//! ```

use std::collections::HashMap;

use super::Malloc;
use super::blocks::{Block, BlockId};
use super::links::Reach;
use super::marks::BlockMarks;
use crate::{Address, Core, Memory};

/// Whose a block is that nobody has come to, and one that several have come to, of whom none is nearer.
pub(super) const NOBODY: u32 = u32::MAX;
pub(super) const SEVERAL: u32 = u32::MAX - 2;

const NO_BLOCK: u32 = u32::MAX;
/// Where more come to a block at once, none of them has it.
const MOST_RIVALS: usize = 16;

/// The block whose word leads to another; nothing if the word is in no block.
pub(super) type Source = Option<u32>;

/// Blocks that have been come to.
#[derive(Debug)]
pub(super) struct Claims {
    /// Whose each is.
    tags: Vec<u32>,
    /// Those that somebody has come to, before or in this step.
    taken: BlockMarks,
    /// Those that were come to in this step.
    now: BlockMarks,
    /// The same, in their order.
    pub next: Vec<u32>,
    /// Where from, in the same order.
    sources: Vec<u32>,
    /// Who else has come to a block in this step, each with where from.
    rivals: Vec<(u32, u32, Source)>,
    /// The blocks that these have come to.
    contested: BlockMarks,
}

impl Claims {
    pub fn new(count: usize) -> Claims {
        Claims {
            tags: vec![NOBODY; count],
            taken: BlockMarks::new(count),
            now: BlockMarks::new(count),
            next: Vec::new(),
            sources: Vec::new(),
            rivals: Vec::new(),
            contested: BlockMarks::new(count),
        }
    }

    /// A block belongs to somebody, whoever comes.
    pub fn fix(&mut self, block: BlockId, tag: u32) {
        self.taken.set(block.0 as usize);
        self.tags[block.0 as usize] = tag;
    }

    /// Whether nobody has come to a block.
    pub fn is_free(&self, block: BlockId) -> bool {
        (block.0 as usize) < self.tags.len() && !self.taken.has(block.0 as usize)
    }

    /// Whose a block is.
    pub fn tag(&self, index: u32) -> u32 {
        self.tags[index as usize]
    }

    /// Somebody comes to a block.
    pub fn claim(&mut self, target: usize, tag: u32, source: Source) {
        if self.taken.set(target) {
            self.tags[target] = tag;
            self.now.set(target);
            self.next.push(target as u32);
            self.sources.push(source.unwrap_or(NO_BLOCK));
        } else if self.now.has(target) && self.tags[target] != tag {
            self.contested.set(target);
            self.rivals.push((target as u32, tag, source));
        }
    }

    /// At the end of a step: whose the blocks are that several have come to. `one_of` says so of a block, by who has come and where from.
    pub fn settle(&mut self, mut one_of: impl FnMut(u32, &[(u32, Source)]) -> Option<u32>) {
        let mut all = std::mem::take(&mut self.rivals);
        // In the order in which they came, who was first before them.
        let firsts =
            self.next.iter().zip(&self.sources).filter(|(block, _)| self.contested.has(**block as usize));
        let mut firsts: Vec<(u32, u32)> = firsts.map(|(block, source)| (*block, *source)).collect();
        firsts.sort_unstable();
        all.sort_by_key(|(target, ..)| *target);
        for (of_target, (_, source)) in all.chunk_by(|one, other| one.0 == other.0).zip(firsts) {
            let target = of_target[0].0;
            let first = (self.tags[target as usize], (source != NO_BLOCK).then_some(source));
            let others = of_target.iter().map(|(_, tag, source)| (*tag, *source));
            let rivals: Vec<(u32, Source)> = std::iter::once(first).chain(others.take(MOST_RIVALS)).collect();
            let one = if rivals.len() > MOST_RIVALS { None } else { one_of(target, &rivals) };
            self.tags[target as usize] = one.unwrap_or(SEVERAL);
            self.contested.clear(target as usize);
        }
        for block in &self.next {
            self.now.clear(*block as usize);
        }
        self.sources.clear();
        all.clear();
        self.rivals = all;
    }

    pub fn into_tags(self) -> Vec<u32> {
        self.tags
    }
}

/// Fields of objects, as far as sizes tell: which words of blocks of one size lead to blocks of another.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// Some of the blocks in use by size in words, as evenly as they lie: those that are looked at.
    by_size: Vec<Vec<u32>>,
    /// How many of the blocks of a size have been looked at, and in how many of them the word of a number leads to a block of another size.
    known: HashMap<(u64, u32, u64), Option<Share>>,
}

/// Of so many blocks, so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Share {
    all: usize,
    such: usize,
}

/// Blocks of a size that are looked at.
const SAMPLE: usize = 128;
/// Fewer say nothing.
const LEAST_ALIKE: usize = 8;
/// Of no larger block it is looked for which word leads somewhere, in bytes.
const LARGEST: u64 = 1 << 16;

impl Share {
    fn percent(self) -> usize {
        100 * self.such / self.all.max(1)
    }

    /// Whether a word with this share is a field and one with the other is not: it is in most blocks, and the other in half as many at most, or,
    /// where many were looked at, in a tenth of all fewer. A field of an object always leads somewhere.
    fn is_of_field_beside(self, other: Share) -> bool {
        const MOST: usize = 50;
        const LESS: usize = 10;
        const MANY: usize = 64;
        let (own, other_percent) = (self.percent(), other.percent());
        let is_less = other_percent + LESS <= own && self.all.min(other.all) >= MANY;
        own >= MOST && (2 * other_percent <= own || is_less)
    }
}

impl Fields {
    /// Who of several that come to a block at once comes by a field, if all others do not.
    pub fn one_of(
        &mut self,
        malloc: &Malloc,
        core: &Core,
        reach: Reach,
        (target, rivals): (u32, &[(u32, Source)]),
    ) -> Option<u32> {
        let shares: Option<Vec<(u32, Share)>> = rivals
            .iter()
            .map(|(tag, source)| Some((*tag, self.share(malloc, core, reach, (target, (*source)?))?)))
            .collect();
        let shares = shares?;
        let (tag, best) = shares.iter().max_by_key(|(_, share)| share.percent())?;
        let mut others = shares.iter().filter(|(other, _)| other != tag);
        others.all(|(_, other)| best.is_of_field_beside(*other)).then_some(*tag)
    }

    /// Of the blocks as large as that of a word: in how many the same word leads to a block as large as the target. Nothing if there are
    /// few.
    fn share(
        &mut self,
        malloc: &Malloc,
        core: &Core,
        reach: Reach,
        (target, source): (u32, u32),
    ) -> Option<Share> {
        let blocks = malloc.blocks();
        if self.by_size.is_empty() {
            self.by_size = samples(malloc);
        }
        let from = blocks.block(source as usize).bytes;
        let to = blocks.block(target as usize).bytes;
        let alike = self.by_size.get((from / 8) as usize).filter(|alike| alike.len() >= LEAST_ALIKE)?;
        let word = malloc.place_of(core, (source as usize, target as usize), reach)?;
        if let Some(known) = self.known.get(&(from, word, to)) {
            return *known;
        }
        let bounds = malloc.bounds();
        let leads = |index: &&u32| {
            let at = blocks.block(**index as usize).start.0 + 8 * u64::from(word);
            let led =
                core.memory().read_u64(Address(at)).ok().and_then(|word| malloc.led_by(word, reach, bounds));
            led.is_some_and(|led| blocks.block(led).bytes == to)
        };
        let (all, such) = (alike.len(), alike.iter().filter(leads).count());
        let share = Some(Share { all, such });
        self.known.insert((from, word, to), share);
        share
    }
}

/// For each size in words some of the blocks in use: every n-th, so that they are at most [`SAMPLE`].
fn samples(malloc: &Malloc) -> Vec<Vec<u32>> {
    let place = |block: &Block| (block.bytes / 8) as usize;
    let used = || malloc.blocks().iter().filter(|block| block.state.is_used());
    let mut counts = vec![0_usize; (LARGEST / 8) as usize + 1];
    for block in used() {
        counts.get_mut(place(&block)).into_iter().for_each(|count| *count += 1);
    }
    let mut by_size = vec![Vec::new(); counts.len()];
    let mut met = vec![0_usize; counts.len()];
    for block in used().filter(|block| place(block) < counts.len()) {
        let place = place(&block);
        if met[place].is_multiple_of(counts[place].div_ceil(SAMPLE)) {
            by_size[place].push(block.id.0);
        }
        met[place] += 1;
    }
    by_size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_first_has_a_block_and_a_field_decides_between_several() {
        let mut claims = Claims::new(4);
        claims.fix(BlockId(3), 7);
        claims.claim(0, 1, Some(3));
        claims.claim(0, 1, Some(3));
        claims.claim(1, 1, Some(2));
        claims.claim(1, 2, Some(3));
        claims.claim(2, 1, None);
        claims.claim(2, 2, Some(1));
        claims.claim(3, 1, None);
        let mut asked = Vec::new();
        claims.settle(|target, rivals| {
            asked.push(target);
            rivals.iter().find(|(_, source)| *source == Some(3)).map(|(tag, _)| *tag)
        });
        asked.sort_unstable();
        assert_eq!(asked, [1, 2]);
        claims.claim(0, 2, None);
        assert_eq!(claims.next, [0, 1, 2]);
        assert_eq!(claims.into_tags(), [1, 2, SEVERAL, 7]);
    }

    #[test]
    fn a_crowd_has_nothing() {
        let mut claims = Claims::new(1);
        for tag in 0..100 {
            claims.claim(0, tag, Some(0));
        }
        claims.settle(|_, _| Some(0));
        assert_eq!(claims.into_tags(), [SEVERAL]);
    }

    #[test]
    fn a_field_is_in_most_blocks_and_what_is_left_over_in_fewer() {
        let share = |such| Share { all: 128, such };
        assert!(share(126).is_of_field_beside(share(20)));
        assert!(share(126).is_of_field_beside(share(110)));
        assert!(!share(126).is_of_field_beside(share(120)), "two fields");
        assert!(!share(40).is_of_field_beside(share(2)), "in few");
        let few = |such| Share { all: 10, such };
        assert!(!few(10).is_of_field_beside(few(8)), "of ten, two fewer say nothing");
        assert!(few(10).is_of_field_beside(few(5)));
    }
}
