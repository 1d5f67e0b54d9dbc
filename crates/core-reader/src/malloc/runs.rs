//! Runs of chunks: what an arena has from the system, each run without a gap.
//!
//! ```text
//!   main arena     [sbrk_base ... top]                       what brk gave
//!                  [chunk ... fence post fence post]         where brk could not go on: what it gave before,
//!                  [chunk ... top]                           and runs of mmap, anywhere
//!   other arenas   [heap_info][malloc_state][chunk ... top]  the first heap, or the only one
//!                  [heap_info][chunk ... fence posts]        older and newer heaps, linked backwards from the one with the top
//!   mappings       [chunk]                                   a large block each
//! ```

use std::collections::HashSet;

use super::arena::Arena;
use super::block_state::BlockState;
use super::chunks::{Chunks, REACH, base_of};
use super::parameters::Parameters;
use super::run::{Run, RunKind};
use super::words::Words;
use super::{FLAGS, HEADER, IS_MAPPED, PAGE, PREVIOUS_IN_USE, SMALLEST_CHUNK};
use crate::address_space::AddressSpace;
use crate::malloc::blocks::Blocks;
use crate::scan::Watch;
use crate::{Address, Contents, Memory, MemoryRange};

/// `HEAP_MAX_SIZE`: alignment and largest size of a heap; larger where huge pages are used for them.
const HEAP_SIZES: [u64; 4] = [64 << 20, 128 << 20, 32 << 20, 4 << 20];
/// `sizeof (heap_info)`: from 2.35 on, and before.
const HEAP_INFO: [u64; 2] = [0x30, 0x20];
/// So many chunks are followed in vain where the memory of the main arena is looked for, before the search is given up.
const MOST_STRAYS: usize = 1 << 26;
/// An arena has hardly more heaps.
const MOST_HEAPS: usize = 1 << 16;

/// A run, as a walk found it.
fn found_run((start, end): (u64, u64), kind: RunKind, taken: u64, walked: &Walked) -> Run {
    Run {
        start: Address(start),
        end: Address(end),
        kind,
        taken,
        broken_at: (walked.ended == Ended::Broken).then_some(Address(walked.end)),
        base: walked.base,
        first: 0,
        count: 0,
        last_end: walked.end,
    }
}

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// With the arena's top.
    Top,
    /// At a fence post.
    FencePost,
    /// What is there is no chunk.
    Broken,
    /// Where it was to.
    Stopped,
}

/// Where a walk ended: behind its last chunk.
struct Walked {
    /// What the places of its chunks are counted from.
    base: u64,
    chunks: Chunks,
    end: u64,
    ended: Ended,
}

/// A longer stretch is followed from several places at once, in bytes.
const LONG: u64 = 64 << 20;
/// So far it is looked for a place that chunks lead on from, in bytes, and for so many chunks there.
const NEAR: u64 = 4 << 20;
const SEVERAL: usize = 64;

/// Follows the chunks of `[start, end)` that a run can have, as [`follow`] does; a long stretch on all processors.
///
/// Each begins at a place that looks like a chunk. Where the chunks from the start come to one that was found from such a place, what was found
/// there is what they lead to.
///
/// ```text
///   start --> chunk --> chunk --> chunk --> chunk --> end
///                            '-----------^ found before
///                  place --> ? ---> chunk --> chunk ...
/// ```
fn follow_long(memory: &AddressSpace, start: u64, end: u64, top: u64, watch: &dyn Watch) -> Walked {
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let base = base_of(start);
    let stop = base.saturating_add(REACH);
    let each = end.min(stop).saturating_sub(start) / threads;
    let places = (1..threads).filter(|_| each >= LONG).filter_map(|part| {
        let near = (start + part * each).next_multiple_of(16);
        let words = &mut Words::of(memory);
        (near..end.min(near + NEAR)).step_by(16).find(|at| {
            let mut chunk = Some(*at);
            let lead_on = (0..SEVERAL).take_while(|_| {
                chunk = chunk.and_then(|chunk| next_chunk(words, chunk, end));
                chunk.is_some()
            });
            lead_on.count() == SEVERAL
        })
    });
    let mut starts: Vec<u64> = std::iter::once(start).chain(places).collect();
    starts.dedup();
    let mut parts: Vec<Walked> = std::thread::scope(|scope| {
        let stops = starts.iter().skip(1).copied().chain([stop]);
        let walks = starts.iter().zip(stops).map(|(from, stop)| {
            scope.spawn(move || follow(&mut Words::of(memory), *from, (stop, end), top, watch))
        });
        let walks: Vec<_> = walks.collect();
        walks.into_iter().map(|walk| walk.join().expect("following does not panic")).collect()
    });
    let later = parts.split_off(1);
    let mut all = parts.remove(0);
    let words = &mut Words::of(memory);
    for (part, stop) in later.into_iter().zip(starts.into_iter().skip(2).chain([stop])) {
        // What the part before led to may lie between two chunks of this one.
        while all.ended == Ended::Stopped && all.end < stop {
            let met = all.end.checked_sub(part.base).and_then(|place| part.chunks.at(place));
            if let Some(met) = met {
                mark_free(words, all.end, &mut all.chunks);
                all.chunks.append(&part.chunks, met, part.base - base);
                (all.end, all.ended) = (part.end, part.ended);
            } else {
                let one = follow(words, all.end, (all.end + 1, end), top, watch);
                mark_free(words, all.end, &mut all.chunks);
                all.chunks.append(&one.chunks, 0, one.base - base);
                (all.end, all.ended) = (one.end, one.ended);
            }
        }
    }
    all
}

/// The chunk behind another, if that is one in a run that ends at `end`.
fn next_chunk(words: &mut Words<'_>, chunk: u64, end: u64) -> Option<u64> {
    let word = chunk.checked_add(8).filter(|at| at + 8 <= end).and_then(|at| words.word(at))?;
    let size = word & !FLAGS;
    let is_one = size >= SMALLEST_CHUNK && size.is_multiple_of(16) && word & IS_MAPPED == 0;
    chunk.checked_add(size).filter(|next| is_one && *next <= end)
}

/// The chunk before is free, if the one at `chunk` says so.
fn mark_free(words: &mut Words<'_>, chunk: u64, chunks: &mut Chunks) {
    if words.word(chunk.saturating_add(8)).is_some_and(|word| word & PREVIOUS_IN_USE == 0) {
        chunks.set_last(BlockState::Free);
    }
}

/// Follows the chunks from `start` on, up to `end` at most; not those from `stop` on.
fn follow(words: &mut Words<'_>, start: u64, (stop, end): (u64, u64), top: u64, watch: &dyn Watch) -> Walked {
    let (mut chunks, base) = (Chunks::default(), base_of(start));
    let stop = stop.min(base.saturating_add(REACH));
    let mut chunk = start;
    let mut told = start;
    let ended = loop {
        if chunk >= stop {
            break Ended::Stopped;
        }
        let Some(word) = chunk.checked_add(8).filter(|at| at + 8 <= end).and_then(|at| words.word(at)) else {
            break Ended::Broken;
        };
        if word & PREVIOUS_IN_USE == 0 {
            chunks.set_last(BlockState::Free);
        }
        let size = word & !FLAGS;
        if size == HEADER || (size == 0 && word == PREVIOUS_IN_USE) {
            break Ended::FencePost;
        }
        let Some(next) = chunk.checked_add(size).filter(|next| *next <= end) else { break Ended::Broken };
        if size < SMALLEST_CHUNK || !size.is_multiple_of(16) || word & IS_MAPPED != 0 {
            break Ended::Broken;
        }
        if chunk == top {
            chunks.push(chunk - base, BlockState::Top);
            chunk = next;
            break Ended::Top;
        }
        chunks.push(chunk - base, BlockState::Used);
        chunk = next;
        if chunk - told > 1 << 22 {
            watch.advance(chunk - told);
            told = chunk;
            if watch.cancelled() {
                break Ended::Broken;
            }
        }
    };
    Walked { base, chunks, end: chunk, ended }
}

/// Walks all runs of all arenas.
pub(super) fn walk(
    memory: &AddressSpace,
    arenas: &mut [Arena],
    parameters: Option<&Parameters>,
    watch: &dyn Watch,
) -> Blocks {
    let mut all = Vec::new();
    for (number, arena) in arenas.iter().enumerate() {
        if arena.is_main {
            main_runs(memory, (number, arena), parameters, watch, &mut all);
        } else {
            heaps(memory, (number, arena), watch, &mut all);
        }
    }
    mappings(memory, parameters, watch, &mut all);
    Blocks::new(all)
}

fn is_memory(range: &MemoryRange) -> bool {
    range.file.is_none() && range.permissions.write && range.contents == Contents::Dumped
}

/// The end of the memory without a gap that `at` is in, and that the program may write.
fn end_of_memory(memory: &AddressSpace, at: u64) -> Option<u64> {
    let ranges = memory.ranges();
    let first = ranges.partition_point(|range| range.end.0 <= at);
    let mut end = None;
    for range in &ranges[first..] {
        let joined = end.map_or(range.start.0 <= at, |end| range.start.0 == end);
        if !joined || !is_memory(range) {
            break;
        }
        end = Some(range.end.0);
    }
    end
}

type All = Vec<(Run, Chunks)>;

/// What the main arena has: below the program break, and elsewhere if that is less than it accounts for.
fn main_runs(
    memory: &AddressSpace,
    (number, arena): (usize, &Arena),
    parameters: Option<&Parameters>,
    watch: &dyn Watch,
    all: &mut All,
) {
    let mut words = Words::of(memory);
    let mut missing = arena.system;
    let base = parameters
        .map(|known| known.break_start.0)
        // Without it: the mapping of the top, which begins with the run unless brk could not go on.
        .or_else(|| memory.range_at(Address(arena.top_chunk)).map(|range| range.start.0));
    if let Some(base) = base
        && let Some(end) = end_of_memory(memory, base)
    {
        let mut at = base;
        loop {
            let walked = follow_long(memory, at.next_multiple_of(16), end, arena.top_chunk, watch);
            let ended = walked.ended;
            let run_end = match ended {
                Ended::FencePost => (walked.end + 2 * HEADER).min(end),
                Ended::Broken => walked.end.max(end.min(at.saturating_add(missing))),
                Ended::Top | Ended::Stopped => walked.end,
            };
            let taken = if ended == Ended::Broken { walked.end - at } else { run_end - at };
            missing = missing.saturating_sub(taken);
            all.push((found_run((at, run_end), RunKind::Break(number), taken, &walked), walked.chunks));
            // What is too long for one run goes on in the next.
            if ended != Ended::Stopped || run_end <= at || watch.cancelled() {
                break;
            }
            at = run_end;
        }
    }
    if missing == 0 || watch.cancelled() {
        return;
    }
    let mut strays = 0;
    let known: Vec<(u64, u64)> = all.iter().map(|(run, _)| (run.start.0, run.end.0)).collect();
    // mmap gives whole pages; neighbours may have become one mapping.
    for range in memory.ranges().iter().filter(|range| is_memory(range)) {
        let mut at = range.start.0.next_multiple_of(PAGE);
        while at < range.end.0 {
            if let Some((_, end)) = known.iter().find(|(start, end)| (*start..*end).contains(&at)) {
                at = end.next_multiple_of(PAGE);
                continue;
            }
            let plausible = words.word(at + 8).is_some_and(|word| {
                let size = word & !FLAGS;
                word & FLAGS == PREVIOUS_IN_USE
                    && size >= SMALLEST_CHUNK
                    && size.is_multiple_of(16)
                    && size <= missing
            });
            if plausible {
                let walked = follow(&mut words, at, (u64::MAX, range.end.0), arena.top_chunk, watch);
                let end = match walked.ended {
                    Ended::Top => walked.end,
                    Ended::FencePost => (walked.end + 2 * HEADER).min(range.end.0),
                    Ended::Broken | Ended::Stopped => 0,
                };
                if end > at && end - at <= missing && end.is_multiple_of(PAGE) {
                    missing -= end - at;
                    let run = found_run((at, end), RunKind::Extension(number), end - at, &walked);
                    all.push((run, walked.chunks));
                    if missing == 0 {
                        return;
                    }
                    at = end;
                    continue;
                }
                strays += walked.chunks.len();
                if strays > MOST_STRAYS {
                    return;
                }
            }
            at += PAGE;
        }
        if watch.cancelled() {
            return;
        }
    }
}

/// The heaps of another arena, from the newest to the oldest.
fn heaps(memory: &AddressSpace, (number, arena): (usize, &Arena), watch: &dyn Watch, all: &mut All) {
    let mut words = Words::of(memory);
    // heap_info: mstate ar_ptr; heap_info *prev; size_t size; size_t mprotect_size; ...
    let mut heap_of = |alignment: u64| {
        let heap = arena.top_chunk & !(alignment - 1);
        (heap != 0 && words.word(heap) == Some(arena.address.0)).then_some((heap, alignment))
    };
    let Some((mut heap, alignment)) = HEAP_SIZES.into_iter().find_map(&mut heap_of) else { return };
    let mut seen = HashSet::new();
    for _ in 0..MOST_HEAPS {
        let word =
            |words: &mut Words<'_>, index: u64| heap.checked_add(8 * index).and_then(|at| words.word(at));
        let (Some(of), Some(previous), Some(size)) =
            (word(&mut words, 0), word(&mut words, 1), word(&mut words, 2))
        else {
            return;
        };
        if of != arena.address.0 || size == 0 || size > alignment || !seen.insert(heap) {
            return;
        }
        let Some(end) = heap.checked_add(size) else { return };
        let holds_arena = (heap..end).contains(&arena.address.0);
        let candidates = if holds_arena {
            [arena.end().next_multiple_of(16), 0]
        } else {
            HEAP_INFO.map(|bytes| (heap + bytes).next_multiple_of(16))
        };
        let walks = candidates.into_iter().filter(|first| *first > heap).map(|first| {
            let walked = follow(&mut words, first, (u64::MAX, end), arena.top_chunk, watch);
            (walked.ended == Ended::Broken, std::cmp::Reverse(walked.end), walked)
        });
        // The one that leads on is right.
        let best = walks.min_by_key(|(is_broken, end, _)| (*is_broken, *end));
        if let Some((.., walked)) = best {
            all.push((found_run((heap, end), RunKind::Heap(number), size, &walked), walked.chunks));
        }
        if previous == 0 || !previous.is_multiple_of(alignment) || watch.cancelled() {
            return;
        }
        heap = previous;
    }
}

/// Mappings with one block each: the start of a page, a size of whole pages, and but one flag.
fn mappings(memory: &AddressSpace, parameters: Option<&Parameters>, watch: &dyn Watch, all: &mut All) {
    let mut missing = parameters.map_or(u64::MAX, |known| known.mappings);
    let mut bytes = parameters.map_or(u64::MAX, |known| known.mapped_bytes);
    let mut words = Words::of(memory);
    let mut covered: Vec<(u64, u64)> = all.iter().map(|(run, _)| (run.start.0, run.end.0)).collect();
    covered.sort_unstable();
    for range in memory.ranges().iter().filter(|range| is_memory(range)) {
        let mut at = range.start.0.next_multiple_of(PAGE);
        while missing > 0 && at < range.end.0 {
            let run =
                covered.partition_point(|(start, _)| *start <= at).checked_sub(1).map(|run| covered[run]);
            if let Some((_, end)) = run.filter(|(_, end)| at < *end) {
                at = end.next_multiple_of(PAGE);
                continue;
            }
            let size = match (words.word(at), words.word(at + 8)) {
                (Some(0), Some(word)) if word & FLAGS == IS_MAPPED => word & !FLAGS,
                _ => 0,
            };
            let end = at.checked_add(size).filter(|end| *end <= range.end.0);
            if let Some(end) = end
                && size > 0
                && size.is_multiple_of(PAGE)
                && size <= bytes
            {
                let mut chunks = Chunks::default();
                chunks.push(0, BlockState::Used);
                let walked = Walked { base: at, chunks, end, ended: Ended::Top };
                all.push((found_run((at, end), RunKind::Mapped, size, &walked), walked.chunks));
                missing -= 1;
                bytes -= size;
                at = end;
            } else {
                at += PAGE;
            }
        }
        if missing == 0 || watch.cancelled() {
            return;
        }
    }
}
