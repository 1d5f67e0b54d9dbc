//! Reading words of the heap: pages first, without searching, then the rest of memory.

use core_reader::{Address, Memory};

use crate::isolate::Spaces;
use crate::layout::Count;
use crate::{Error, Result, Tagged};

/// Memory as the heap sees it.
#[derive(Clone, Copy)]
pub(crate) struct Words<'a> {
    pub memory: &'a dyn Memory,
    pub spaces: &'a Spaces<'a>,
}

impl<'a> Words<'a> {
    /// The tagged word at `address` if it lies in the object area of a page.
    #[inline]
    pub fn heap_tagged(&self, address: u64) -> Option<Tagged> {
        let (page, bytes) = self.spaces.bytes_from(address)?;
        page.encoding.first(bytes)
    }

    /// The eight bytes at `address`: an address, a number, or what lies outside of the pages.
    pub fn word(&self, address: u64, what: &'static str) -> Result<u64> {
        Ok(u64::from_le_bytes(self.bytes::<8>(address, what)?))
    }

    /// The tagged word at `address`, in a page or outside.
    pub fn tagged(&self, address: u64, what: &'static str) -> Result<Tagged> {
        match self.heap_tagged(address) {
            Some(word) => Ok(word),
            None => self.word(address, what).map(|word| self.spaces.encoding().outside(word)),
        }
    }

    /// The trusted object that is referred to at `address`, in a page: by a handle if there is a sandbox, else by a tagged word.
    pub fn trusted(&self, address: u64, what: &'static str) -> Result<Tagged> {
        if !self.spaces.is_sandboxed() {
            return self.tagged(address, what);
        }
        let handle = self.word32(address, what)?;
        let found =
            self.spaces.sandbox_at(address).and_then(|sandbox| sandbox.trusted_object(self.memory, handle));
        found.ok_or_else(|| no_handle(what, address, handle))
    }

    /// The tagged word at `address`, in a page, which is counted from the cage of trusted objects if there is a sandbox.
    pub fn protected(&self, address: u64, what: &'static str) -> Result<Tagged> {
        if !self.spaces.is_sandboxed() {
            return self.tagged(address, what);
        }
        let bytes = self.bytes::<4>(address, what)?;
        Ok(self.spaces.trusted_encoding().first(&bytes).unwrap_or_default())
    }

    /// The address outside that is kept at `address`, in a page: by a handle if there is a sandbox.
    pub fn external(&self, address: u64, what: &'static str) -> Result<u64> {
        if !self.spaces.is_sandboxed() {
            return self.word(address, what);
        }
        let handle = self.word32(address, what)?;
        let found = self.spaces.sandbox_at(address).and_then(|sandbox| sandbox.external(self.memory, handle));
        found.ok_or_else(|| no_handle(what, address, handle))
    }

    /// The same, of what all isolates share.
    pub fn shared_external(&self, address: u64, what: &'static str) -> Result<u64> {
        if !self.spaces.is_sandboxed() {
            return self.word(address, what);
        }
        let handle = self.word32(address, what)?;
        let sandbox = self.spaces.sandbox_at(address);
        let found = sandbox.and_then(|sandbox| sandbox.shared_external(self.memory, handle));
        found.ok_or_else(|| no_handle(what, address, handle))
    }

    /// The address of bytes that is kept at `address`, in a page: counted from the start of the sandbox if there is one.
    pub fn sandboxed_address(&self, address: u64, what: &'static str) -> Result<u64> {
        let word = self.word(address, what)?;
        match self.spaces.sandbox_at(address) {
            Some(sandbox) => Ok(sandbox.address(word)),
            None if self.spaces.is_sandboxed() => Err(no_sandbox(what, address)),
            None => Ok(word),
        }
    }

    /// The number of bytes that is kept at `address`, in a page: shifted if there is a sandbox.
    pub fn sandboxed_length(&self, address: u64, what: &'static str) -> Result<u64> {
        let word = self.word(address, what)?;
        match self.spaces.sandbox_at(address) {
            Some(sandbox) => Ok(sandbox.length(word)),
            None if self.spaces.is_sandboxed() => Err(no_sandbox(what, address)),
            None => Ok(word),
        }
    }

    /// The tagged words of `bytes`, which are those at `address`.
    pub fn each_tagged(&self, address: u64, bytes: &'a [u8]) -> impl ExactSizeIterator<Item = Tagged> + 'a {
        self.spaces.encoding_at(address).each(bytes)
    }

    /// What the field `count` of the object at `address` says; `None` if that is less than nothing, or no number.
    pub fn count(&self, address: u64, count: Count, what: &'static str) -> Result<Option<u64>> {
        let at = address + count.offset;
        Ok(match count.is_smi {
            true => self.tagged(at, what)?.smi().and_then(|count| u64::try_from(count).ok()),
            false => Some(u64::from(self.word32(at, what)?)),
        })
    }

    /// The 32 bits at `address`.
    pub fn word32(&self, address: u64, what: &'static str) -> Result<u32> {
        Ok(u32::from_le_bytes(self.bytes::<4>(address, what)?))
    }

    /// The 16 bits at `address`.
    pub fn word16(&self, address: u64, what: &'static str) -> Result<u16> {
        Ok(u16::from_le_bytes(self.bytes::<2>(address, what)?))
    }

    /// `N` bytes at `address`.
    pub fn bytes<const N: usize>(&self, address: u64, what: &'static str) -> Result<[u8; N]> {
        if let Some(slice) = self.spaces.slice(address, N) {
            return Ok(slice.try_into().expect("a slice of the length asked for"));
        }
        let mut bytes = [0; N];
        self.memory.read_into(Address(address), &mut bytes).map_err(|source| Error::Memory {
            what,
            at: Address(address),
            source,
        })?;
        Ok(bytes)
    }

    /// The bytes of `[address, address + len)` that the core holds of the page there, from the first on.
    pub fn present(&self, address: u64, len: u64) -> &'a [u8] {
        let Some(page) = self.spaces.page_of(address) else { return &[] };
        let piece = page.pieces.iter().find(|piece| (piece.start..piece.end()).contains(&address));
        let bytes = piece.map_or(&[][..], |piece| &piece.bytes[(address - piece.start) as usize..]);
        &bytes[..bytes.len().min(usize::try_from(len).unwrap_or(usize::MAX))]
    }

    /// `len` bytes at `address` in one piece, without copying.
    pub fn slice(&self, address: u64, len: usize, what: &'static str) -> Result<&'a [u8]> {
        if let Some(slice) = self.spaces.slice(address, len) {
            return Ok(slice);
        }
        let piece = self.memory.bytes_from(Address(address)).map_err(|source| Error::Memory {
            what,
            at: Address(address),
            source,
        })?;
        match piece.get(..len) {
            Some(bytes) => Ok(bytes),
            None => {
                let end = Address(address.saturating_add(piece.len() as u64));
                let source = match self.memory.bytes_from(end) {
                    Err(source) => source,
                    // Two pieces that happen to touch: nothing V8 puts into one object.
                    Ok(_) => core_reader::MemoryError::Unmapped(end),
                };
                Err(Error::Memory { what, at: end, source })
            }
        }
    }
}

fn no_handle(what: &'static str, address: u64, handle: u32) -> Error {
    let found = format!("handle {handle:#x} of nothing in the tables of the sandbox");
    Error::Implausible { what, object: Tagged(address), found }
}

fn no_sandbox(what: &'static str, address: u64) -> Error {
    let found = "a place in a sandbox whose isolate says nothing of it".to_owned();
    Error::Implausible { what, object: Tagged(address), found }
}
