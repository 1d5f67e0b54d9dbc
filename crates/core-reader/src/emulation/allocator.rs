//! Memory that followed code asks for.

use std::collections::HashMap;
use std::ops::Range;

use crate::architecture::{Halt, PrivateMemory};

/// In front of each block: its size.
const HEAD: u64 = 16;

/// Blocks in a range of addresses.
pub(super) struct Allocator {
    room: Range<u64>,
    next: u64,
    /// Blocks that are free again, by size.
    free: HashMap<u64, Vec<u64>>,
}

impl Allocator {
    pub fn new(room: Range<u64>) -> Allocator {
        Allocator { next: room.start, room, free: HashMap::new() }
    }

    /// A block at a multiple of `alignment`, which is a power of two; it may have been in use before.
    ///
    /// # Errors
    /// [`Halt::Room`]
    pub fn allocate(
        &mut self,
        memory: &mut PrivateMemory<'_>,
        bytes: u64,
        alignment: u64,
    ) -> Result<u64, Halt> {
        let size = bytes.max(1).checked_next_multiple_of(HEAD).ok_or(Halt::Room)?;
        let free = self.free.get_mut(&size).filter(|_| alignment <= HEAD).and_then(Vec::pop);
        match free {
            Some(block) => Ok(block),
            None => self.allocate_zeros(memory, size, alignment),
        }
    }

    /// A block of zeros.
    ///
    /// # Errors
    /// [`Halt::Room`]
    pub fn allocate_zeros(
        &mut self,
        memory: &mut PrivateMemory<'_>,
        bytes: u64,
        alignment: u64,
    ) -> Result<u64, Halt> {
        let size = bytes.max(1).checked_next_multiple_of(HEAD).ok_or(Halt::Room)?;
        let start =
            self.next.checked_add(HEAD).and_then(|at| at.checked_next_multiple_of(alignment.max(HEAD)));
        let end = start.and_then(|start| start.checked_add(size)).filter(|end| *end <= self.room.end);
        let (Some(start), Some(end)) = (start, end) else { return Err(Halt::Room) };
        memory.set_number(start - 8, 8, size)?;
        self.next = end;
        Ok(start)
    }

    /// Bytes of a block; nothing of one that is not ours.
    ///
    /// # Errors
    /// That of memory.
    pub fn size(&self, memory: &mut PrivateMemory<'_>, block: u64) -> Result<Option<u64>, Halt> {
        if !self.room.contains(&block) || !block.is_multiple_of(HEAD) || block - self.room.start < HEAD {
            return Ok(None);
        }
        let size = memory.number(block - 8, 8)?;
        let is_inside = size <= self.next - self.room.start && size > 0 && size.is_multiple_of(HEAD);
        Ok(is_inside
            .then_some(size)
            .filter(|size| block.checked_add(*size).is_some_and(|end| end <= self.next)))
    }

    /// The process's own blocks stay as they are.
    ///
    /// # Errors
    /// That of memory.
    pub fn free(&mut self, memory: &mut PrivateMemory<'_>, block: u64) -> Result<(), Halt> {
        if let Some(size) = self.size(memory, block)? {
            self.free.entry(size).or_default().push(block);
        }
        Ok(())
    }
}
