//! Blocks that nothing in the process leads to: leaked.
//!
//! Conservative, as a collector for C must be: any word that is an address inside of a block in use counts as a reference to it,
//! wherever it points to. It starts from the registers and stacks of all threads and from all memory that the process can write and
//! that is not the allocator's: data of libraries, variables of threads, V8's pages, its other mappings. What is known to hold nothing
//! any more, as V8's unused semispaces, is left out. From there it goes on
//! through blocks in use. Free blocks neither lead anywhere nor can be led to: what is in them is old.
//!
//! ```text
//!   registers, stacks, data, V8's pages ---> block ---> block
//!                                                        block (nothing leads to it) ---> block
//!                                                          ^ a head                        ^ hangs on it
//! ```
//!
//! Of the blocks that are not reached, those that no other of them leads to are the *heads*; of a ring, the one with the lowest
//! address. All others are counted with the head that leads to them first.

use std::ops::ControlFlow;

use super::block_state::BlockState;
use super::blocks::{Block, BlockId};
use super::links::{Links, Reach};
use super::marks::BlockMarks;
use super::{Malloc, Run};
use crate::scan::{Chunk, ScanEnd, Watch};
use crate::{Address, Contents, Core, Memory};

/// Bytes below the stack pointer that a function may use (System V ABI for x86-64: the red zone).
const RED_ZONE: u64 = 128;

/// What nothing leads to.
#[derive(Debug)]
pub struct Unreached {
    /// The blocks that nothing leads to.
    leaked: BlockMarks,
    /// The heads among them.
    heads: BlockMarks,
    /// The heads that others hang on, by number, each with the number and the bytes of these, itself included.
    structures: Vec<(BlockId, u64, u64)>,
    /// For each block the head it hangs on; [`Unreached::NOTHING`] for a head that nothing hangs on, and for what is not leaked. Empty if
    /// nothing hangs on any head.
    hangs_on: Vec<u32>,
    /// Number and bytes of all leaked blocks.
    total: (u64, u64),
}

/// A leaked block that no other leaked one leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leak {
    /// The block.
    pub block: Block,
    /// Number of the blocks that hang on it, itself included.
    pub blocks: u64,
    /// Bytes of these.
    pub bytes: u64,
}

impl Unreached {
    const NOTHING: u32 = u32::MAX;

    /// Whether nothing leads to a block.
    pub fn is_leaked(&self, block: BlockId) -> bool {
        self.leaked.has(block.0 as usize)
    }

    /// The head that a leaked block hangs on; itself if it is one.
    pub fn head_of(&self, block: BlockId) -> Option<BlockId> {
        let head = self.hangs_on.get(block.0 as usize).copied().filter(|head| *head != Unreached::NOTHING);
        self.is_leaked(block).then(|| head.map_or(block, BlockId))
    }

    /// The heads, by address.
    pub fn heads<'a>(&'a self, malloc: &'a Malloc) -> impl Iterator<Item = Leak> + 'a {
        let mut structures = self.structures.iter().peekable();
        let heads = malloc.blocks.iter().filter(|block| self.heads.has(block.id.0 as usize));
        heads.map(move |block| match structures.next_if(|(head, ..)| *head == block.id) {
            Some((_, blocks, bytes)) => Leak { block, blocks: *blocks, bytes: *bytes },
            None => Leak { block, blocks: 1, bytes: block.bytes },
        })
    }

    /// Number and bytes of all leaked blocks.
    pub fn total(&self) -> (u64, u64) {
        self.total
    }
}

impl Malloc {
    /// The blocks in use that nothing leads to; `None` if `watch` has stopped it. The memory in `left_out`, sorted, is not looked at.
    pub fn unreached(&self, core: &Core, left_out: &[(u64, u64)], watch: &dyn Watch) -> Option<Unreached> {
        let mut marks = BlockMarks::new(self.blocks.len());
        let mut work = self.roots(core, &mut marks, left_out, watch)?;
        let links = self.links(core, watch)?;
        follow(links, &mut work, &mut marks, watch, &mut |_| {})?;
        self.heads(links, marks, watch)
    }

    /// The blocks that something outside of the allocator's memory leads to.
    fn roots(
        &self,
        core: &Core,
        marks: &mut BlockMarks,
        left_out: &[(u64, u64)],
        watch: &dyn Watch,
    ) -> Option<Vec<u32>> {
        let bounds = self.bounds();
        let mut work = Vec::new();
        let mut found = |index: usize, marks: &mut BlockMarks| {
            if marks.set(index) {
                work.push(index as u32);
            }
        };
        for thread in core.threads() {
            for word in thread.registers.general() {
                if let Some(index) = self.target(word, bounds) {
                    found(index, marks);
                }
            }
        }
        let memory = core.memory();
        // Holes are zeros, of which V8 reserves gigabytes.
        let stored = |(from, to): (u64, u64)| memory.stored(Address(from), Address(to));
        for (from, length) in self.outside(core, left_out).into_iter().flat_map(stored) {
            let to = Address(from.0 + length);
            let find = |chunk: Chunk<'_>, found: &mut Vec<u32>| {
                let mut last = u32::MAX;
                for word in chunk.words() {
                    if let Some(index) = self.target(word, bounds)
                        && index as u32 != last
                    {
                        last = index as u32;
                        found.push(last);
                    }
                }
            };
            let ended = memory.scan((from, to), 8, watch, &find, &mut |index: u32| {
                found(index as usize, marks);
                ControlFlow::Continue(())
            });
            if ended == ScanEnd::Cancelled {
                return None;
            }
        }
        Some(work)
    }

    /// The memory that ways to blocks begin in, by address: what the process can write, but for the allocator's runs, for what lies
    /// below the stacks in use, which is old, and for what is `left_out`, sorted.
    pub fn outside(&self, core: &Core, left_out: &[(u64, u64)]) -> Vec<(u64, u64)> {
        // What lies behind the place where a run stopped making sense may be anything.
        let end = |run: &Run| run.broken_at.unwrap_or(run.end).0;
        let mut taken: Vec<(u64, u64)> =
            self.blocks.runs().iter().map(|run| (run.start.0, end(run))).collect();
        taken.extend(left_out);
        let ranges = core.memory().ranges();
        for (number, range) in ranges.iter().enumerate().filter(|(_, range)| range.permissions.write) {
            // Below a stack lies its guard. What is joined to the memory before may be more than a stack.
            let is_guarded =
                number == 0 || ranges[number - 1].end != range.start || !ranges[number - 1].permissions.write;
            let stack =
                core.threads_with_stack_in(range.start, range.end).find(|thread| thread.has_user_stack());
            if let Some(lowest) = stack.filter(|_| is_guarded) {
                let in_use = lowest.stack_pointer().0.saturating_sub(RED_ZONE);
                taken.push((range.start.0, in_use.max(range.start.0)));
            }
        }
        taken.sort_unstable();
        let mut outside = Vec::new();
        for range in core.memory().ranges() {
            if !range.permissions.write || range.contents != Contents::Dumped {
                continue;
            }
            let mut at = range.start.0;
            let first = taken.partition_point(|(_, end)| *end <= at);
            for (start, end) in &taken[first..] {
                if *start >= range.end.0 {
                    break;
                }
                if at < *start {
                    outside.push((at, *start));
                }
                at = at.max(*end);
            }
            if at < range.end.0 {
                outside.push((at, range.end.0));
            }
        }
        outside
    }

    /// Sorts what is not reached into heads and what hangs on them.
    fn heads(&self, links: &Links, reached: BlockMarks, watch: &dyn Watch) -> Option<Unreached> {
        let count = self.blocks.len();
        let mut result = Unreached {
            leaked: BlockMarks::new(count),
            heads: BlockMarks::new(count),
            structures: Vec::new(),
            hangs_on: Vec::new(),
            total: (0, 0),
        };
        // What another leaked block leads to is no head.
        let mut led_to = BlockMarks::new(count);
        for block in self.blocks.iter() {
            let index = block.id.0 as usize;
            if block.state == BlockState::Used && !reached.has(index) {
                result.leaked.set(index);
                result.total = (result.total.0 + 1, result.total.1 + block.bytes);
                links.of_block(index, Reach::Anything).for_each(|target| {
                    led_to.set(target);
                });
            }
        }
        let (mut seen, mut work) = (reached, Vec::new());
        // Rings, and what hangs on them, are left when those that nothing leads to are done: each begins with the lowest address.
        for is_left in [false, true] {
            for head in 0..count {
                if !result.leaked.has(head) || (!is_left && led_to.has(head)) || !seen.set(head) {
                    continue;
                }
                if head.is_multiple_of(TOLD_AT_ONCE as usize) && watch.cancelled() {
                    return None;
                }
                result.heads.set(head);
                let (mut blocks, mut bytes) = (0, 0);
                let (leaked, hangs_on) = (&result.leaked, &mut result.hangs_on);
                work.push(head as u32);
                follow(links, &mut work, &mut seen, watch, &mut |index| {
                    if !leaked.has(index as usize) {
                        return;
                    }
                    if index as usize != head {
                        // Most leaks are single blocks.
                        hangs_on.resize(count, Unreached::NOTHING);
                        hangs_on[index as usize] = head as u32;
                    }
                    blocks += 1;
                    bytes += self.blocks.block(index as usize).bytes;
                })?;
                if blocks > 1 {
                    result.structures.push((BlockId(head as u32), blocks, bytes));
                }
            }
        }
        result.structures.sort_unstable_by_key(|(head, ..)| *head);
        Some(result)
    }
}

/// Blocks that are followed between two looks at the watch.
const TOLD_AT_ONCE: u64 = 1 << 16;

/// Follows the blocks of `work`, and all that they lead to and nobody has seen; calls `found` for each. `None` if `watch` has stopped it.
fn follow(
    links: &Links,
    work: &mut Vec<u32>,
    seen: &mut BlockMarks,
    watch: &dyn Watch,
    found: &mut dyn FnMut(u32),
) -> Option<()> {
    for step in 1_u64.. {
        let Some(block) = work.pop() else { break };
        found(block);
        for target in links.of_block(block as usize, Reach::Anything) {
            if seen.set(target) {
                work.push(target as u32);
            }
        }
        if step.is_multiple_of(TOLD_AT_ONCE) && watch.cancelled() {
            return None;
        }
    }
    Some(())
}
