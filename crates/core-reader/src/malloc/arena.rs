//! Finding arenas (`struct malloc_state`).
//!
//! An arena that has been used knows itself: its `bins` are 127 pairs of words, the ends of as many circular lists. A list that is
//! empty leads to itself: both words are the address of the pair less 16, where a chunk would be whose `fd` and `bk` the pair is.
//! The first chunk of any other list leads back to the pair. A few lists may be broken. Around the bins (B is the address of the first pair):
//!
//! ```text
//!   B - 0x60  fastbinsY[10]    (not in those versions whose structure begins at B - 0x18)
//!   B - 0x10  top
//!   B - 0x8   last_remainder
//!   B         bins[254]
//!   B + 0x7f0 binmap
//!   B + 0x800 next             the arenas are a ring
//!   B + 0x808 next_free
//!   B + 0x810 attached_threads
//!   B + 0x818 system_mem
//!   B + 0x820 max_system_mem
//! ```
//!
//! Only the right distance from the start of the structure to the bins closes the ring.

use super::block_state::BlockState;
use super::blocks::Blocks;
use super::words::Words;
use crate::address_space::AddressSpace;
use crate::{Address, Contents, Memory as _};

/// Pairs of `bins`.
const PAIRS: u64 = 127;
/// So many of them may lead elsewhere: a thread was stopped while it changed a list, or the program has written to a block that it had given
/// back.
const MOST_BROKEN: u64 = 4;
/// From the start of the structure to its bins: 2.27 to 2.42, up to 2.26, later than 2.42.
const BINS: [u64; 3] = [0x70, 0x68, 0x18];
const NEXT: u64 = 0x800;
const SYSTEM: u64 = 0x818;
const MOST_SYSTEM: u64 = 0x820;
/// Behind it comes the first chunk of an arena in its own heap.
const END: u64 = 0x828;
/// So often something looks like the end of a list and is no bin, before the search is given up.
const MOST_TRIES: u32 = 1 << 12;
/// A process has hardly more.
const MOST_ARENAS: usize = 1 << 16;

/// An arena.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arena {
    /// Its `malloc_state`.
    pub address: Address,
    /// The one of the C library's own data, whose memory is below the program break.
    pub is_main: bool,
    /// `system_mem`: bytes that it has from the system.
    pub system: u64,
    /// `max_system_mem`: the most that they ever were.
    pub most_system: u64,
    /// Bytes of the runs that were found of it: as many as [`Arena::system`], or some are missing.
    pub walked: u64,
    /// Blocks in use, and their bytes with their headers.
    pub used: (u64, u64),
    /// Blocks in its bins.
    pub free: (u64, u64),
    /// Blocks in its fast bins.
    pub fast: (u64, u64),
    /// Blocks in caches of threads.
    pub cached: (u64, u64),
    /// Bytes of what is left at the ends of its runs.
    pub top: u64,
    /// `top`
    pub(super) top_chunk: u64,
    pub(super) bins: u64,
    /// It has a `fastbinsY`.
    pub(super) has_fast_bins: bool,
}

impl Arena {
    /// First address behind the structure.
    pub(super) fn end(&self) -> u64 {
        self.bins + END
    }

    /// Adds up the blocks of the arena with this number.
    pub(super) fn count(&mut self, blocks: &Blocks, number: usize) {
        let of_arena = |run: &usize| blocks.runs()[*run].kind.arena() == Some(number);
        let runs = || (0..blocks.runs().len()).filter(of_arena);
        self.walked = runs().map(|run| blocks.runs()[run].taken).sum();
        for block in runs().flat_map(|run| blocks.of_run(run)) {
            let bytes = block.chunk_bytes;
            let sum = match block.state {
                BlockState::Used | BlockState::Own => &mut self.used,
                BlockState::Free => &mut self.free,
                BlockState::Fast => &mut self.fast,
                BlockState::Cached => &mut self.cached,
                BlockState::Top => {
                    self.top += bytes;
                    continue;
                }
            };
            *sum = (sum.0 + 1, sum.1 + bytes);
        }
    }
}

/// The arenas of a process: rings, each with the one first that lies in a library's data.
pub(super) fn find(memory: &AddressSpace) -> Vec<Arena> {
    let mut found: Vec<Arena> = Vec::new();
    let mut words = Words::of(memory);
    let mut tries = 0;
    let of_file = memory.ranges().iter().filter(|range| {
        range.permissions.write && range.file.is_some() && range.contents == Contents::Dumped
    });
    for range in of_file {
        let mut at = range.start.0.next_multiple_of(8);
        while let Some(next) = at.checked_add(8).filter(|end| *end <= range.end.0) {
            // Cheap, and true of few words.
            if words.word(at) == Some(at.wrapping_sub(16)) && tries < MOST_TRIES {
                tries += 1;
                let known = found.iter().find(|arena| (arena.bins..arena.bins + 16 * PAIRS).contains(&at));
                if let Some(arena) = known {
                    at = arena.bins + 16 * PAIRS;
                    continue;
                }
                found.extend(ring_around(&mut words, at).unwrap_or_default());
            }
            at = next;
        }
    }
    found
}

/// Whether there is the end of a list at `at`.
fn is_pair(words: &mut Words<'_>, at: u64) -> bool {
    let own = at.wrapping_sub(16);
    let mut word = |at: Option<u64>| at.and_then(|at| words.word(at));
    let (Some(first), Some(last)) = (word(Some(at)), word(at.checked_add(8))) else { return false };
    let is_empty = (first, last) == (own, own);
    // A list of blocks leads back.
    is_empty
        || (first != own
            && last != own
            && first.is_multiple_of(8)
            && word(first.checked_add(24)) == Some(own)
            && word(last.checked_add(16)) == Some(own))
}

/// The arenas of the ring of the one that has one of its bins at `at`.
fn ring_around(words: &mut Words<'_>, at: u64) -> Option<Vec<Arena>> {
    let before = (0..PAIRS).map_while(|pairs| at.checked_sub(16 * pairs));
    // The first of them is the likeliest to be empty.
    before.filter(|bins| *bins > BINS[0]).find_map(|bins| {
        are_bins(words, bins).then(|| BINS.iter().find_map(|to_bins| ring(words, bins, *to_bins)))?
    })
}

/// Whether the bins of an arena begin at `bins`.
fn are_bins(words: &mut Words<'_>, bins: u64) -> bool {
    let mut broken = 0;
    (0..PAIRS).all(|number| {
        let is_sound = bins.checked_add(16 * number).is_some_and(|at| is_pair(words, at));
        broken += u64::from(!is_sound);
        broken <= MOST_BROKEN
    })
}

/// The arenas of the ring of the one with its bins at `first`.
fn ring(words: &mut Words<'_>, first: u64, to_bins: u64) -> Option<Vec<Arena>> {
    let mut ring = Vec::new();
    let start = first.checked_sub(to_bins)?;
    let mut address = start;
    loop {
        let bins = address.checked_add(to_bins)?;
        if ring.len() >= MOST_ARENAS || !address.is_multiple_of(8) || !are_bins(words, bins) {
            return None;
        }
        let mut at = |offset: u64| words.word(bins.checked_add(offset)?);
        let arena = Arena {
            address: Address(address),
            is_main: ring.is_empty(),
            system: at(SYSTEM)?,
            most_system: at(MOST_SYSTEM)?,
            bins,
            has_fast_bins: to_bins >= 0x60,
            ..Arena::default()
        };
        let next = at(NEXT)?;
        let top_chunk = words.word(bins.checked_sub(16)?)?;
        ring.push(Arena { top_chunk, ..arena });
        address = next;
        if address == start {
            return Some(ring);
        }
    }
}
