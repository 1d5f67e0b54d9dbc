//! The memory of the dumped process, as far as the core and the binaries beside it still hold it.

use std::fmt;
use std::sync::Arc;

use crate::Address;
use crate::architecture::Architecture;

/// What is known of the bytes of one range of the address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// The core holds them.
    Dumped,
    /// The core leaves them out; they are read from the executable or library that was mapped here.
    FromBinary,
    /// Mapped in the process, left out of the core (`p_filesz` < `p_memsz`), and in no binary at hand.
    NotDumped,
    /// Mapped without access (`PROT_NONE`) and never written to: address space that is reserved, or a guard. The process
    /// itself could read nothing there, so that nothing is lost.
    NoAccess,
    /// Part of the core by its program header, but the file ends before them.
    Truncated,
}

/// `r`, `w`, `x` of a mapping (`p_flags`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// `PF_R`
    pub read: bool,
    /// `PF_W`
    pub write: bool,
    /// `PF_X`
    pub execute: bool,
}

impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flag = |on: bool, letter: char| if on { letter } else { '-' };
        write!(f, "{}{}{}", flag(self.read, 'r'), flag(self.write, 'w'), flag(self.execute, 'x'))
    }
}

/// A run of addresses whose bytes come from one place. Ranges never overlap and are sorted by address.
#[derive(Clone, Debug)]
pub struct MemoryRange {
    /// First address.
    pub start: Address,
    /// First address behind the range.
    pub end: Address,
    /// Permissions of the mapping.
    pub permissions: Permissions,
    /// Where the bytes are, if anywhere.
    pub contents: Contents,
    /// Path of the mapped file (`NT_FILE`), or `None` for anonymous memory.
    pub file: Option<Arc<str>>,
}

/// Why memory could not be read. They differ in what the user can do about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// Never part of the process.
    #[error("no mapping for address {0:#x}")]
    Unmapped(Address),
    /// Mapped, but left out of the core and in no binary at hand.
    #[error("memory at {0:#x} is mapped but was not dumped into the core")]
    NotDumped(Address),
    /// Mapped without access: the process could not have read it either.
    #[error("memory at {0:#x} was reserved or a guard: the process itself had no access to it")]
    NoAccess(Address),
    /// The core file ends before these bytes.
    #[error("memory at {0:#x} lies beyond the end of the truncated core file")]
    Truncated(Address),
}

impl MemoryError {
    /// The first address that could not be read.
    pub fn address(&self) -> Address {
        match *self {
            MemoryError::Unmapped(at)
            | MemoryError::NotDumped(at)
            | MemoryError::NoAccess(at)
            | MemoryError::Truncated(at) => at,
        }
    }
}

/// Memory of a dumped process: real (`AddressSpace`), or built by a test.
pub trait Memory: Sync {
    /// The processor whose process it is the memory of.
    fn architecture(&self) -> &'static Architecture;

    /// The bytes from `at` to the end of the contiguous piece that holds it, without copying; never empty.
    ///
    /// # Errors
    /// Why the byte at `at` cannot be read.
    fn bytes_from(&self, at: Address) -> Result<&[u8], MemoryError>;

    /// All ranges of the address space, sorted, without overlap.
    fn ranges(&self) -> &[MemoryRange];

    /// Bytes of memory that lie beyond the end of a truncated core file; 0 if the file is whole.
    fn truncated_bytes(&self) -> u64 {
        let lost = self.ranges().iter().filter(|range| range.contents == Contents::Truncated);
        lost.map(|range| range.end.0 - range.start.0).sum()
    }

    /// [`Memory::read_into`] for a few bytes here and there: what is around them is not made ready for reading, which a
    /// sparse look over gigabytes would pay for.
    ///
    /// # Errors
    /// As [`Memory::read_into`].
    fn peek(&self, at: Address, buffer: &mut [u8]) -> Result<(), MemoryError> {
        self.read_into(at, buffer)
    }

    /// Says that `len` bytes from `at` on will all be read soon. Changes nothing but speed.
    fn will_read(&self, _at: Address, _len: usize) {}

    /// Exactly `len` bytes without copying, or `None` if they are not all present in one contiguous piece.
    fn slice(&self, at: Address, len: usize) -> Option<&[u8]> {
        self.bytes_from(at).ok()?.get(..len)
    }

    /// Copies `buffer.len()` bytes, across pieces where need be.
    ///
    /// # Errors
    /// Why the first missing byte is missing.
    fn read_into(&self, at: Address, buffer: &mut [u8]) -> Result<(), MemoryError> {
        let mut done = 0;
        while done < buffer.len() {
            let from = at.checked_add(done as u64).ok_or(MemoryError::Unmapped(at))?;
            let piece = self.bytes_from(from)?;
            let take = piece.len().min(buffer.len() - done);
            buffer[done..done + take].copy_from_slice(&piece[..take]);
            done += take;
        }
        Ok(())
    }

    /// The little-endian 64-bit word at `at`.
    ///
    /// # Errors
    /// As [`Memory::read_into`].
    fn read_u64(&self, at: Address) -> Result<u64, MemoryError> {
        if let Some(word) = self.bytes_from(at)?.first_chunk() {
            return Ok(u64::from_le_bytes(*word));
        }
        let mut word = [0; 8];
        self.read_into(at, &mut word)?;
        Ok(u64::from_le_bytes(word))
    }

    /// The little-endian 32-bit word at `at`.
    ///
    /// # Errors
    /// As [`Memory::read_into`].
    fn read_u32(&self, at: Address) -> Result<u32, MemoryError> {
        let mut word = [0; 4];
        self.read_into(at, &mut word)?;
        Ok(u32::from_le_bytes(word))
    }
}
