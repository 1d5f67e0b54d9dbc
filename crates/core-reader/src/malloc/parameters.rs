//! What the allocator counts of itself (`struct malloc_par`, `mp_`), in the same data of the C library as the main arena.
//!
//! It is known by `sbrk_base`, where the memory of the main arena starts, and by the settings of the caches of threads behind it:
//!
//! ```text
//!   -0x24  n_mmaps, int       mappings with one block each
//!   -0x20  n_mmaps_max, int   65536
//!   -0x10  mmapped_mem        bytes of them
//!   -0x8   max_mmapped_mem
//!   0      sbrk_base
//!   +0x8   tcache_bins        64 (2.42: 64 small ones)
//!   +0x10  tcache_max_bytes   0x408
//!   +0x18  tcache_count       7 (2.42: 16)
//! ```

use super::arena::Arena;
use super::words::Words;
use crate::address_space::AddressSpace;
use crate::{Address, Contents};

/// As far as the other end of the library's data is from its main arena.
const REACH: u64 = 1 << 20;

/// What the allocator counts of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// `sbrk_base`: start of the main arena's memory.
    pub break_start: Address,
    /// `n_mmaps`: mappings with one block each.
    pub mappings: u64,
    /// `mmapped_mem`: bytes of them.
    pub mapped_bytes: u64,
}

pub(super) fn find(memory: &AddressSpace, arenas: &[Arena]) -> Option<Parameters> {
    let main = arenas.iter().find(|arena| arena.is_main)?;
    let range = memory.range_at(main.address)?;
    let mut words = Words::of(memory);
    let from = range.start.0.max(main.address.0.saturating_sub(REACH)).next_multiple_of(8);
    let to = range.end.0.min(main.address.0.saturating_add(REACH));
    let mut at = from;
    while at < to {
        if let Some(found) = at_base(memory, &mut words, at) {
            return Some(found);
        }
        at += 8;
    }
    None
}

/// The parameters, if `sbrk_base` is at `at`.
fn at_base(memory: &AddressSpace, words: &mut Words<'_>, at: u64) -> Option<Parameters> {
    let start = words.word(at)?;
    if start == 0 || !start.is_multiple_of(8) {
        return None;
    }
    let (bins, most, count) = (words.word(at + 8)?, words.word(at + 16)?, words.word(at + 24)?);
    // `tcache_max_bytes` is the largest size that a block of the last bin can hold.
    if !(1..=128).contains(&bins) || !(24..=1 << 22).contains(&most) || count > 1 << 16 {
        return None;
    }
    let range = memory.range_at(Address(start))?;
    let is_memory = range.file.is_none() && range.permissions.write && range.contents == Contents::Dumped;
    let counts = words.word(at.checked_sub(0x24)?)?;
    let (mappings, most_mappings) = (counts & 0xffff_ffff, counts >> 32);
    let mapped_bytes = words.word(at.checked_sub(0x10)?)?;
    let most_mapped = words.word(at.checked_sub(8)?)?;
    let consistent = is_memory
        && mappings <= most_mappings
        && mapped_bytes <= most_mapped
        && mapped_bytes.is_multiple_of(4096)
        && (mappings == 0) == (mapped_bytes == 0);
    consistent.then_some(Parameters { break_start: Address(start), mappings, mapped_bytes })
}
