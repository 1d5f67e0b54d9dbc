//! A stretch of memory that is full of blocks: see [`super::runs`] for how they are found.

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
    /// Number of its first block, and how many they are.
    pub(super) first: usize,
    pub(super) count: usize,
    /// Where the last block ends.
    pub(super) last_end: u64,
}
