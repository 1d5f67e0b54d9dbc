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

use super::blocks::{BlockId, BlockState};
use super::links::{Links, Reach};
use super::marks::Marks;
use super::{Malloc, Run};
use crate::scan::{Chunk, ScanEnd, Watch};
use crate::{Address, Contents, Core, Memory};

/// Bytes below the stack pointer that a function may use (System V ABI for x86-64: the red zone).
const RED_ZONE: u64 = 128;

/// What nothing leads to.
#[derive(Debug, Default)]
pub struct Unreached {
    /// The heads, by address, each with the number and the bytes of the blocks that hang on it, itself included.
    pub heads: Vec<(BlockId, u64, u64)>,
    /// For each block its head; [`Unreached::REACHED`] if it is not leaked.
    head_of: Vec<u32>,
}

impl Unreached {
    const REACHED: u32 = u32::MAX;

    /// The head that a leaked block hangs on.
    pub fn head_of(&self, block: BlockId) -> Option<BlockId> {
        self.head_of
            .get(block.0 as usize)
            .filter(|head| **head != Unreached::REACHED)
            .map(|head| BlockId(*head))
    }

    /// Number and bytes of all leaked blocks.
    pub fn total(&self) -> (u64, u64) {
        self.heads.iter().fold((0, 0), |(count, bytes), head| (count + head.1, bytes + head.2))
    }
}

impl Malloc {
    /// The blocks in use that nothing leads to; `None` if `watch` has stopped it. The memory in `left_out`, sorted, is not looked at.
    pub fn unreached(&self, core: &Core, left_out: &[(u64, u64)], watch: &dyn Watch) -> Option<Unreached> {
        let mut marks = Marks::new(self.blocks.len());
        let mut work = self.roots(core, &mut marks, left_out, watch)?;
        let links = self.links(core, watch)?;
        follow(links, &mut work, &mut marks, watch, &mut |_| {})?;
        self.heads(links, marks, watch)
    }

    /// The blocks that something outside of the allocator's memory leads to.
    fn roots(
        &self,
        core: &Core,
        marks: &mut Marks,
        left_out: &[(u64, u64)],
        watch: &dyn Watch,
    ) -> Option<Vec<u32>> {
        let bounds = self.bounds();
        let mut work = Vec::new();
        let mut found = |index: usize, marks: &mut Marks| {
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
    fn heads(&self, links: &Links, reached: Marks, watch: &dyn Watch) -> Option<Unreached> {
        let leaked: Vec<u32> = (0..self.blocks.len())
            .filter(|index| self.blocks.state(*index) == BlockState::Used && !reached.has(*index))
            .map(|index| index as u32)
            .collect();
        // What another leaked block leads to is no head.
        let mut led_to = Marks::new(self.blocks.len());
        for index in &leaked {
            for target in links.of_block(*index as usize, Reach::Anything) {
                led_to.set(target);
            }
        }
        let mut result = Unreached { heads: Vec::new(), head_of: Vec::new() };
        if leaked.is_empty() {
            return Some(result);
        }
        result.head_of = vec![Unreached::REACHED; self.blocks.len()];
        let mut seen = reached;
        let heads = leaked.iter().filter(|index| !led_to.has(**index as usize));
        // Rings, and what hangs on them, are left: each begins with the lowest address.
        for head in heads.chain(&leaked) {
            if !seen.set(*head as usize) {
                continue;
            }
            let (mut count, mut bytes) = (0, 0);
            let head_of = &mut result.head_of;
            follow(links, &mut vec![*head], &mut seen, watch, &mut |index| {
                head_of[index as usize] = *head;
                count += 1;
                bytes += self.blocks.block(index as usize).bytes;
            })?;
            result.heads.push((BlockId(*head), count, bytes));
        }
        result.heads.sort_unstable_by_key(|(head, ..)| *head);
        Some(result)
    }
}

/// Blocks that are followed between two looks at the watch.
const TOLD_AT_ONCE: u64 = 1 << 16;

/// Follows the blocks of `work`, and all that they lead to and nobody has seen; calls `found` for each. `None` if `watch` has stopped it.
fn follow(
    links: &Links,
    work: &mut Vec<u32>,
    seen: &mut Marks,
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
