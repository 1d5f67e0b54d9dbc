//! `NT_AUXV`: the auxiliary vector, what the kernel told the program when it started.
//!
//! Source: `AT_*` in `include/uapi/linux/auxvec.h`; pairs of 64-bit words, ended by type `AT_NULL`.

use crate::Address;
use crate::fields::Fields;

/// The auxiliary vector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuxiliaryVector {
    entries: Vec<(u64, u64)>,
}

impl AuxiliaryVector {
    /// Type of the entry with the address of the executable's program headers.
    pub const PROGRAM_HEADERS: u64 = 3;
    /// Type of the entry with the number of these.
    pub const PROGRAM_HEADER_COUNT: u64 = 5;
    /// Type of the entry with the page size.
    pub const PAGE_SIZE: u64 = 6;
    /// Type of the entry with the address the dynamic linker is loaded at.
    pub const INTERPRETER_BASE: u64 = 7;
    /// Type of the entry with the address of the executable's first instruction.
    pub const ENTRY: u64 = 9;
    /// Type of the entry with the address of 16 random bytes, which lie right above the vector itself on the stack.
    pub const RANDOM: u64 = 25;
    /// Type of the entry with the address of the path that was executed.
    pub const EXECUTED_PATH: u64 = 31;
    /// Type of the entry with the address of the vDSO's ELF header.
    pub const VDSO: u64 = 33;

    /// More entries than this are not read: the kernel has about 24.
    const LIMIT: usize = 256;

    pub(crate) fn decode(data: &[u8]) -> AuxiliaryVector {
        let entries = data
            .chunks_exact(16)
            .take(AuxiliaryVector::LIMIT)
            .map_while(|pair| Some((Fields(pair).u64(0)?, Fields(pair).u64(8)?)))
            .take_while(|(kind, _)| *kind != 0)
            .collect();
        AuxiliaryVector { entries }
    }

    /// All entries as (type, value), in the kernel's order.
    pub fn entries(&self) -> &[(u64, u64)] {
        &self.entries
    }

    /// The value of the first entry of type `kind`.
    pub fn get(&self, kind: u64) -> Option<u64> {
        self.entries.iter().find(|(entry, _)| *entry == kind).map(|(_, value)| *value)
    }

    /// As [`AuxiliaryVector::get`], for entries that hold an address; 0 means there is none.
    pub fn address(&self, kind: u64) -> Option<Address> {
        self.get(kind).filter(|value| *value != 0).map(Address)
    }
}
