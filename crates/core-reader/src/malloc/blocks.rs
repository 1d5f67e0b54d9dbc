//! All blocks of the allocator, by address.
//!
//! A block takes five bytes here ([`super::chunks`]): it ends where the next one of its run begins. For every page of a run the first block that begins
//! in it or behind it is kept, so that the block at an address is found among the few of a page.

use std::ops::Range;

use super::PAGE;
use super::block_state::BlockState;
use super::chunks::Chunks;
use super::run::Run;
use crate::Address;

/// A block by number: they are numbered by address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockId(pub u32);

/// A block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its number.
    pub id: BlockId,
    /// What the program was given: behind the chunk's header.
    pub start: Address,
    /// Bytes that may be used from there on; of a free block, up to the next chunk.
    pub bytes: u64,
    /// Bytes with the header, what the allocator accounts for.
    pub chunk_bytes: u64,
    /// What it is.
    pub state: BlockState,
    /// The run it lies in.
    pub run: usize,
}

impl Block {
    /// First address behind what may be used.
    pub fn end(&self) -> Address {
        Address(self.start.0.saturating_add(self.bytes))
    }

    /// Whether an address is in what the program was given.
    pub fn contains(&self, address: u64) -> bool {
        (self.start.0..self.end().0).contains(&address)
    }
}

/// All blocks of a process, in runs.
#[derive(Debug, Default)]
pub struct Blocks {
    runs: Vec<Run>,
    /// The chunks of all runs.
    chunks: Chunks,
    /// For each page of each run, one after the other, and one more: the first block that begins in it or behind it.
    pages: Vec<u32>,
    /// Where the pages of each run begin.
    first_pages: Vec<usize>,
}

/// Most blocks that are numbered: two bits of a number are left for what else is said of a block.
pub(super) const MOST: usize = (1 << 30) - 1;

impl Blocks {
    /// Blocks of runs: each with its chunks in order.
    pub(super) fn new(mut walked: Vec<(Run, Chunks)>) -> Blocks {
        walked.sort_by_key(|(run, _)| run.start);
        let mut blocks = Blocks::default();
        let mut before = 0;
        for (mut run, chunks) in walked {
            // Runs that overlap are damage; the first is kept.
            if run.start.0 < before || blocks.chunks.len() + chunks.len() > MOST {
                continue;
            }
            before = run.end.0;
            run.first = blocks.chunks.len();
            run.count = chunks.len();
            blocks.first_pages.push(blocks.pages.len());
            let (mut next, base) = (0, run.base);
            let page_count = (run.end.0 - run.start.0).div_ceil(PAGE);
            // No chunk lies behind the last one.
            let last = chunks
                .len()
                .checked_sub(1)
                .map_or(0, |last| (base + chunks.place(last) - run.start.0) / PAGE + 1);
            for page in 0..last.min(page_count) {
                let start = run.start.0 + page * PAGE;
                while next < chunks.len() && base + chunks.place(next) < start {
                    next += 1;
                }
                blocks.pages.push((run.first + next) as u32);
            }
            blocks.pages.push((run.first + chunks.len()) as u32);
            blocks.chunks.append(&chunks, 0, 0);
            blocks.runs.push(run);
        }
        blocks.chunks.shrink_to_fit();
        blocks
    }

    /// Number of blocks.
    pub fn len(&self) -> usize {
        self.chunks.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// The runs they lie in, by address.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The block with a number.
    pub fn get(&self, id: BlockId) -> Option<Block> {
        let index = id.0 as usize;
        let run = self.runs.partition_point(|run| run.first + run.count <= index);
        (index < self.chunks.len()).then(|| self.in_run(run, index))
    }

    /// The blocks of a run, in the order of addresses.
    pub fn of_run(&self, run: usize) -> impl Iterator<Item = Block> + '_ {
        let (first, count) = self.runs.get(run).map_or((0, 0), |run| (run.first, run.count));
        (first..first + count).map(move |index| self.in_run(run, index))
    }

    /// All blocks, by address.
    pub fn iter(&self) -> impl Iterator<Item = Block> + '_ {
        self.some(0..self.len())
    }

    /// The blocks with these numbers.
    pub fn some(&self, numbers: Range<usize>) -> impl Iterator<Item = Block> + '_ {
        let mut run = self.runs.partition_point(|run| run.first + run.count <= numbers.start);
        (numbers.start..numbers.end.min(self.len())).map(move |index| {
            while index >= self.runs[run].first + self.runs[run].count {
                run += 1;
            }
            self.in_run(run, index)
        })
    }

    fn in_run(&self, run: usize, index: usize) -> Block {
        let of = &self.runs[run];
        let (chunk, state) = (self.chunk(of, index), self.chunks.state(index));
        let is_last = index + 1 == of.first + of.count;
        let next = if is_last { of.last_end } else { self.chunk(of, index + 1) };
        let chunk_bytes = next.saturating_sub(chunk);
        // A block in use may also use the first word of the next chunk, unless nothing follows.
        let parts = of.kind.parts();
        let (offset, spare) = self.chunks.inside(index);
        let header = parts.header + offset;
        let bytes = chunk_bytes.saturating_sub(header + parts.footer + spare)
            + if state.is_used() { parts.of_next } else { 0 };
        Block { id: BlockId(index as u32), start: Address(chunk + header), bytes, chunk_bytes, state, run }
    }

    /// Where a chunk of a run begins.
    fn chunk(&self, run: &Run, index: usize) -> u64 {
        run.base + self.chunks.place(index)
    }

    /// The block that an address lies in, its header included: what is before [`Block::start`] is the allocator's.
    pub fn around(&self, address: u64) -> Option<Block> {
        let run = self.run_at(address)?;
        let of = &self.runs[run];
        if address >= of.last_end {
            return None;
        }
        let index = self.index_at(run, address)?;
        let block = self.in_run(run, index);
        // The first word of a chunk belongs to a block in use before it.
        if index > of.first && address < self.chunk(of, index) + 8 {
            let before = self.in_run(run, index - 1);
            if before.contains(address) {
                return Some(before);
            }
        }
        Some(block)
    }

    /// The number of the block with `address` in what the program was given, whatever its state.
    pub(super) fn holding(&self, address: u64) -> Option<usize> {
        self.holding_near(&mut 0, address)
    }

    /// As [`Blocks::holding`]. Looks into the run that was found for the address before first.
    pub(super) fn holding_near(&self, last: &mut usize, address: u64) -> Option<usize> {
        let is_in = |run: &Run| (run.start.0..run.end.0).contains(&address);
        if !self.runs.get(*last).is_some_and(is_in) {
            *last = self.run_at(address)?;
        }
        let run = *last;
        let index = self.index_at(run, address)?;
        let of = &self.runs[run];
        let chunk = self.chunk(of, index);
        let parts = of.kind.parts();
        if address >= chunk + parts.header {
            return (address < of.last_end).then_some(index);
        }
        let shares =
            index > of.first && address < chunk + parts.of_next && self.chunks.state(index - 1).is_used();
        shares.then(|| index - 1)
    }

    fn run_at(&self, address: u64) -> Option<usize> {
        let run = self.runs.partition_point(|run| run.start.0 <= address).checked_sub(1)?;
        (address < self.runs[run].end.0).then_some(run)
    }

    /// The last block of a run whose chunk begins at or before `address`.
    fn index_at(&self, run: usize, address: u64) -> Option<usize> {
        let of = &self.runs[run];
        let pages = &self.pages
            [self.first_pages[run]..self.first_pages.get(run + 1).copied().unwrap_or(self.pages.len())];
        let page = ((address - of.start.0) / PAGE) as usize;
        let from = pages.get(page).or(pages.last()).map_or(of.first, |first| *first as usize);
        let to = pages.get(page + 1).or(pages.last()).map_or(of.first + of.count, |first| *first as usize);
        let within = self.chunks.up_to(from..to, address.checked_sub(of.base)?);
        (from + within).checked_sub(1).filter(|index| *index >= of.first)
    }

    /// The block that the program was given at exactly `address`.
    pub(super) fn starting_at(&self, address: u64) -> Option<usize> {
        let run = self.run_at(address)?;
        let chunk = address.checked_sub(self.runs[run].kind.parts().header)?;
        let run = self.run_at(chunk)?;
        let index = self.index_at(run, chunk)?;
        (self.chunk(&self.runs[run], index) == chunk).then_some(index)
    }

    /// Runs in which there should be more at one of these addresses: where the first of them begins to make no sense.
    pub(super) fn mark_broken(&mut self, places: &[u64]) {
        for place in places {
            let run = self.runs.partition_point(|run| run.start.0 <= *place).saturating_sub(1);
            if let Some(run) = self.runs.get_mut(run) {
                run.broken_at.get_or_insert(Address(*place));
            }
        }
    }

    pub(super) fn state(&self, index: usize) -> BlockState {
        self.chunks.state(index)
    }

    pub(super) fn set_state(&mut self, index: usize, state: BlockState) {
        self.chunks.set_state(index, state);
    }

    /// Where the program's memory of a block of a run begins.
    pub(super) fn start_in(&self, run: usize, index: usize) -> u64 {
        let of = &self.runs[run];
        self.chunk(of, index) + of.kind.parts().header + self.chunks.inside(index).0
    }

    /// The block with an index that is known to be one.
    pub(super) fn block(&self, index: usize) -> Block {
        let run = self.runs.partition_point(|run| run.first + run.count <= index);
        self.in_run(run, index)
    }
}
