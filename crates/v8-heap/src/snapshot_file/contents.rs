//! The bytes of a snapshot.

use std::ops::Deref;
use std::sync::Arc;

use core_reader::FileMap;

/// The bytes of a snapshot, in a file or in memory.
#[derive(Debug)]
pub enum Contents {
    /// A file, paged in where it is read.
    Mapped(Arc<FileMap>),
    /// Memory.
    Owned(Vec<u8>),
}

impl Deref for Contents {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Contents::Mapped(map) => map,
            Contents::Owned(bytes) => bytes,
        }
    }
}

impl Contents {
    const PAGE: usize = 4096;

    /// Says that `[from, to)` is read next.
    pub(super) fn populate(&self, from: usize, to: usize) {
        if let Contents::Mapped(map) = self {
            let from = from - from % Self::PAGE;
            map.populate(from, to.saturating_sub(from));
        }
    }

    /// Gives back the pages of `[from, to)`: who reads them again gets them from the file.
    pub(super) fn release(&self, from: usize, to: usize) {
        if let Contents::Mapped(map) = self {
            let (from, to) = (from.next_multiple_of(Self::PAGE), to - to % Self::PAGE);
            map.release(from, to.saturating_sub(from));
        }
    }
}
