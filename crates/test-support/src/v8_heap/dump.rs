//! The finished process: memory and symbols, which a test may cut and damage.

use core_reader::{
    Address, Architecture, Contents, Memory, MemoryError, MemoryRange, Permissions, Symbol, Symbols, Thread,
    X86_64,
};

/// Memory and symbols of a process, on byte vectors.
#[derive(Clone, Debug, Default)]
pub struct Dump {
    ranges: Vec<MemoryRange>,
    bytes: Vec<Vec<u8>>,
    symbols: Vec<Symbol>,
}

impl Dump {
    /// Adds anonymous memory; ranges must not overlap.
    pub fn add(&mut self, start: u64, bytes: Vec<u8>) {
        let at = self.ranges.partition_point(|range| range.start.0 < start);
        let end = start + bytes.len() as u64;
        assert!(self.ranges.get(at).is_none_or(|next| end <= next.start.0), "ranges overlap at {start:#x}");
        let permissions = Permissions { read: true, write: true, execute: false };
        self.ranges.insert(
            at,
            MemoryRange {
                start: Address(start),
                end: Address(end),
                permissions,
                contents: Contents::Dumped,
                file: None,
            },
        );
        self.bytes.insert(at, bytes);
    }

    /// Adds memory that nobody has access to, as the kernel writes it.
    pub fn add_without_access(&mut self, start: u64, len: u64) {
        self.add(start, vec![0; len as usize]);
        self.lose(start, start + len, Contents::NoAccess);
    }

    /// Adds a symbol.
    pub fn add_symbol(&mut self, name: &str, address: u64) {
        self.symbols.push(Symbol { name: name.to_owned(), address: Address(address), size: 4 });
    }

    /// Takes `[start, end)` out of the core, and says why with `contents`.
    pub fn lose(&mut self, start: u64, end: u64, contents: Contents) {
        for at in [start, end] {
            if let Some(index) = self.ranges.iter().position(|range| range.start.0 < at && at < range.end.0) {
                let mut tail = self.ranges[index].clone();
                let keep = (at - tail.start.0) as usize;
                tail.start = Address(at);
                self.ranges[index].end = Address(at);
                let tail_bytes = self.bytes[index].split_off(keep);
                self.ranges.insert(index + 1, tail);
                self.bytes.insert(index + 1, tail_bytes);
            }
        }
        for range in &mut self.ranges {
            if start <= range.start.0 && range.end.0 <= end {
                range.contents = contents;
            }
        }
    }

    /// Ends the core before `address`, as a full disk does: nothing from there on is in the file.
    pub fn truncate(&mut self, address: u64) {
        self.lose(address, u64::MAX, Contents::Truncated);
    }

    /// Overwrites the word at `address`.
    pub fn set_word(&mut self, address: u64, word: u64) {
        let (index, offset) = self.find(address).expect("an address of the dump");
        self.bytes[index][offset..offset + 8].copy_from_slice(&word.to_le_bytes());
    }

    /// The word at `address`.
    pub fn word(&self, address: u64) -> u64 {
        self.read_u64(Address(address)).expect("an address of the dump")
    }

    /// The addresses of all words, for damage at random: the `n`-th of them, counted round and round.
    pub fn nth_word(&self, n: usize) -> u64 {
        let total: usize = self.bytes.iter().map(|bytes| bytes.len() / 8).sum();
        let mut n = n % total;
        for (range, bytes) in self.ranges.iter().zip(&self.bytes) {
            if n < bytes.len() / 8 {
                return range.start.0 + 8 * n as u64;
            }
            n -= bytes.len() / 8;
        }
        unreachable!("n is below the total")
    }

    fn find(&self, address: u64) -> Option<(usize, usize)> {
        let index = self.ranges.partition_point(|range| range.end.0 <= address);
        let range = self.ranges.get(index)?;
        (range.start.0 <= address).then(|| (index, (address - range.start.0) as usize))
    }
}

impl Memory for Dump {
    fn architecture(&self) -> &'static Architecture {
        &X86_64
    }

    fn bytes_from(&self, at: Address) -> Result<&[u8], MemoryError> {
        let (index, offset) = self.find(at.0).ok_or(MemoryError::Unmapped(at))?;
        match self.ranges[index].contents {
            Contents::NotDumped => Err(MemoryError::NotDumped(at)),
            Contents::NoAccess => Err(MemoryError::NoAccess(at)),
            Contents::Truncated => Err(MemoryError::Truncated(at)),
            _ => Ok(&self.bytes[index][offset..]),
        }
    }

    fn ranges(&self) -> &[MemoryRange] {
        &self.ranges
    }
}

impl Symbols for Dump {
    fn find(&self, name: &str) -> Option<Symbol> {
        self.symbols.iter().find(|symbol| symbol.name == name).cloned()
    }

    fn with_prefix(&self, prefix: &str) -> Vec<Symbol> {
        self.symbols.iter().filter(|symbol| symbol.name.starts_with(prefix)).cloned().collect()
    }

    fn thread_local(&self, _name: &str, _thread: &Thread) -> Option<Address> {
        None
    }

    fn at(&self, address: Address) -> Option<Symbol> {
        self.symbols.iter().find(|symbol| symbol.address == address).cloned()
    }
}
