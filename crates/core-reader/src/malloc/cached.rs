//! Blocks that are free though their chunks are marked as in use: those in the caches of threads and in fast bins.
//!
//! The cache of a thread, a `tcache_perthread_struct`, is a block in use as any other, with counts and the heads of as many lists:
//!
//! ```text
//!   2.26 - 2.29   u8  counts[64],    entries[64]     chunk of 0x250 bytes
//!   2.30 - 2.41   u16 counts[64],    entries[64]     0x290
//!   2.42          u16 num_slots[76], entries[76]     0x300; how many more a list may take
//! ```
//!
//! It is known by what is in it: each list is as long as its count says, and all of its blocks have the size of the list. Since 2.32 a
//! link is kept mangled: exclusive or with its own address less twelve bits (`PROTECT_PTR`).

use super::arena::Arena;
use super::block_state::BlockState;
use super::blocks::Blocks;
use super::words::Words;
use super::{HEADER, SMALLEST_CHUNK};
use crate::address_space::AddressSpace;

/// Lists of fast bins.
const FAST_BINS: u64 = 10;
/// From the bins of an arena back to its fast bins.
const FAST_BINS_BEFORE: u64 = 0x60;
/// A list is no longer: counts have no more bits.
const LONGEST: usize = 1 << 16;
/// The lists of a cache for blocks of one size each; those behind them take several.
const SMALL_LISTS: u64 = 64;

/// What a cache looks like.
struct Shape {
    chunk_bytes: u64,
    lists: u64,
    count_bytes: u64,
    /// Counts say how many more a list may take.
    counts_down: bool,
}

const SHAPES: [Shape; 3] = [
    Shape { chunk_bytes: 0x290, lists: 64, count_bytes: 2, counts_down: false },
    Shape { chunk_bytes: 0x250, lists: 64, count_bytes: 1, counts_down: false },
    Shape { chunk_bytes: 0x300, lists: 76, count_bytes: 2, counts_down: true },
];

/// How links are kept.
#[derive(Clone, Copy)]
enum Links {
    Mangled,
    Plain,
}

impl Links {
    fn next(self, words: &mut Words<'_>, at: u64) -> Option<u64> {
        let word = words.word(at)?;
        Some(match self {
            Links::Mangled => word ^ at >> 12,
            Links::Plain => word,
        })
    }
}

/// Marks blocks that lists say are free.
pub(super) fn mark(memory: &AddressSpace, arenas: &[Arena], blocks: &mut Blocks) {
    let mut words = Words::of(memory);
    let mut own = Vec::new();
    let mut cached = Vec::new();
    // A block is in one list at most: more steps than that are taken in vain.
    let mut steps = 4 * blocks.len() + LONGEST;
    for run in 0..blocks.runs().len() {
        for block in blocks.of_run(run) {
            if block.state != BlockState::Used {
                continue;
            }
            let Some(shape) = SHAPES.iter().find(|shape| shape.chunk_bytes == block.chunk_bytes) else {
                continue;
            };
            let lists = [Links::Mangled, Links::Plain]
                .into_iter()
                .find_map(|links| cache(&mut words, blocks, block.start.0, (shape, links), &mut steps));
            if let Some(mut found) = lists {
                // One with nothing in it cannot be told from any other block, nor need it be.
                if !found.is_empty() {
                    own.push(block.id.0 as usize);
                    cached.append(&mut found);
                }
            }
        }
    }
    let mut fast = Vec::new();
    for arena in arenas.iter().filter(|arena| arena.has_fast_bins) {
        for number in 0..FAST_BINS {
            let head = words.word(arena.bins - FAST_BINS_BEFORE + 8 * number).unwrap_or(0);
            let lists = [Links::Mangled, Links::Plain].into_iter();
            let found =
                lists.map(|links| fast_bin(&mut words, blocks, head, links)).find(|(_, whole)| *whole);
            fast.extend(found.map(|(found, _)| found).unwrap_or_default());
        }
    }
    for (list, state) in [(own, BlockState::Own), (cached, BlockState::Cached), (fast, BlockState::Fast)] {
        for index in list {
            if blocks.state(index) == BlockState::Used {
                blocks.set_state(index, state);
            }
        }
    }
}

/// The blocks in the lists of a cache, if `start` is one.
fn cache(
    words: &mut Words<'_>,
    blocks: &Blocks,
    start: u64,
    (shape, links): (&Shape, Links),
    steps: &mut usize,
) -> Option<Vec<usize>> {
    let entries = start + shape.lists * shape.count_bytes;
    // Of all lists that count down: what a full one holds.
    let mut full = None;
    let mut found = Vec::new();
    for list in 0..shape.lists {
        let count = words.word(start + list * shape.count_bytes)? & ((1 << (8 * shape.count_bytes)) - 1);
        let mut entry = words.word(entries + 8 * list)?;
        if !shape.counts_down && (count == 0) != (entry == 0) {
            return None;
        }
        let mut length = 0;
        while entry != 0 {
            length += 1;
            *steps = steps.checked_sub(1)?;
            let index = blocks.starting_at(entry)?;
            let block = blocks.block(index);
            let fits = if list < SMALL_LISTS {
                block.chunk_bytes == SMALLEST_CHUNK + 16 * list
            } else {
                block.chunk_bytes > SMALLEST_CHUNK + 16 * SMALL_LISTS
            };
            let is_too_long = length > LONGEST as u64 || (!shape.counts_down && length > count);
            if !fits || block.state != BlockState::Used || is_too_long {
                return None;
            }
            found.push(index);
            entry = links.next(words, entry)?;
        }
        if shape.counts_down {
            // Lists of large blocks may have another limit.
            let holds = length + count;
            if list < SMALL_LISTS && *full.get_or_insert(holds) != holds {
                return None;
            }
        } else if length != count {
            return None;
        }
    }
    Some(found)
}

/// The blocks of a fast bin, and whether its list ends as it should.
fn fast_bin(words: &mut Words<'_>, blocks: &Blocks, head: u64, links: Links) -> (Vec<usize>, bool) {
    let mut found = Vec::new();
    let mut chunk = head;
    while chunk != 0 {
        let Some(start) = chunk.checked_add(HEADER) else { return (found, false) };
        let Some(index) = blocks.starting_at(start).filter(|_| found.len() < LONGEST) else {
            return (found, false);
        };
        found.push(index);
        let Some(next) = links.next(words, start) else { return (found, false) };
        chunk = next;
    }
    (found, true)
}
