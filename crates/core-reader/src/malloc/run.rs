//! A stretch of memory that is full of blocks: see [`super::runs`] and [`super::slots`] for how they are found.

use super::HEADER;
use crate::Address;

/// What a run is, and the number of the arena it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunKind {
    /// What `brk` gave the main arena.
    Break(usize),
    /// What `mmap` gave the main arena where `brk` could not.
    Extension(usize),
    /// A heap of another arena.
    Heap(usize),
    /// A mapping with one block.
    Mapped,
    /// Slots of a group of musl's allocator.
    Slots,
}

/// What musl keeps at the end of a slot, in front of the next one (`IB`).
pub(super) const SLOT_FOOTER: u64 = 4;

/// How a chunk is parted between the allocator and the program, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    /// The allocator's, at its start.
    pub header: u64,
    /// The allocator's, at its end.
    pub footer: u64,
    /// The program's of the next chunk, if this one is in use.
    pub of_next: u64,
}

impl RunKind {
    /// The number of the arena it belongs to. A mapping with one block belongs to none; musl's groups are of the only one there is.
    pub fn arena(self) -> Option<usize> {
        match self {
            RunKind::Break(arena) | RunKind::Extension(arena) | RunKind::Heap(arena) => Some(arena),
            RunKind::Mapped => None,
            RunKind::Slots => Some(0),
        }
    }

    pub(super) fn parts(self) -> Parts {
        match self {
            RunKind::Break(_) | RunKind::Extension(_) | RunKind::Heap(_) => {
                Parts { header: HEADER, footer: 0, of_next: 8 }
            }
            RunKind::Mapped => Parts { header: HEADER, footer: 0, of_next: 0 },
            RunKind::Slots => Parts { header: 0, footer: SLOT_FOOTER, of_next: 0 },
        }
    }
}

/// A stretch of memory that is full of blocks.
#[derive(Clone, Debug)]
pub struct Run {
    /// First address; of a heap, that of its `heap_info`.
    pub start: Address,
    /// First address behind what the allocator has from the system.
    pub end: Address,
    /// Whose it is.
    pub kind: RunKind,
    /// Bytes of it that the arena has accounted for.
    pub taken: u64,
    /// Its blocks do not reach to its end: where the words of the heap stopped making sense.
    pub broken_at: Option<Address>,
    /// What the places of its chunks are counted from.
    pub(super) base: u64,
    /// Number of its first block, and how many they are.
    pub(super) first: usize,
    pub(super) count: usize,
    /// Where the last block ends.
    pub(super) last_end: u64,
}
