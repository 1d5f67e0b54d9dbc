//! The notes of a core: everything that is not memory.
//!
//! Source: System V ABI, chapter 5 (note section); types in `elf.h` (`NT_*`); contents written by `fill_note_info`,
//! `fs/binfmt_elf.c`. A note is three 32-bit words (name size, descriptor size, type), the name, and the descriptor,
//! both padded to 4 bytes. The kernel writes, in this order: for the thread that took the signal `NT_PRSTATUS`, then
//! once `NT_PRPSINFO`, `NT_SIGINFO`, `NT_AUXV`, `NT_FILE`, then that thread's other register sets, then each further
//! thread's `NT_PRSTATUS` and register sets. gdb's `gcore` puts the notes behind the memory, begins with
//! `NT_PRPSINFO`, and writes `NT_SIGINFO` once per thread.

pub(crate) mod auxv;
pub(crate) mod embedded_symbols;
pub(crate) mod file;
pub(crate) mod prpsinfo;
pub(crate) mod prstatus;
pub(crate) mod siginfo;

use crate::fields::Fields;

/// `NT_PRSTATUS`: one thread.
pub(crate) const PRSTATUS: u32 = 1;
/// `NT_FPREGSET`: floating point registers of the thread before it.
pub(crate) const FPREGSET: u32 = 2;
/// `NT_X86_XSTATE`: all its extended registers.
pub(crate) const X86_XSTATE: u32 = 0x202;
/// `NT_PRPSINFO`: the process.
pub(crate) const PRPSINFO: u32 = 3;
/// `NT_AUXV`: what the kernel told the program at its start.
pub(crate) const AUXV: u32 = 6;
/// `NT_SIGINFO`: "SIGI".
pub(crate) const SIGINFO: u32 = 0x5349_4749;
/// `NT_FILE`: "FILE".
pub(crate) const FILE: u32 = 0x4649_4c45;
/// Owner of the notes this crate adds to the cores it writes.
pub(crate) const OWN: &[u8] = b"v8mdb";
/// Type of the note that holds symbols ([`embedded_symbols`]).
pub(crate) const OWN_SYMBOLS: u32 = 1;
/// Type of the note that says in plain text how a core was made.
pub(crate) const OWN_ORIGIN: u32 = 2;

/// One note as the file holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawNote<'a> {
    /// Who defines the type: `CORE`, `LINUX`, `GDB`, ...
    pub owner: &'a [u8],
    /// `n_type`
    pub kind: u32,
    /// The descriptor, without padding.
    pub data: &'a [u8],
}

/// The notes in `data`, all of one `PT_NOTE` segment.
///
/// Ends at the first note that does not fit in what is left, and at a header of zeros: a note of type 0 without name
/// and contents is padding, and a hole of many gigabytes must not be walked 12 bytes at a time.
#[derive(Clone, Debug)]
pub(crate) struct Notes<'a>(pub &'a [u8]);

impl<'a> Iterator for Notes<'a> {
    type Item = RawNote<'a>;

    fn next(&mut self) -> Option<RawNote<'a>> {
        let header = Fields(self.0);
        let (name_size, data_size, kind) = (header.u32(0)?, header.u32(4)?, header.u32(8)?);
        if (name_size, data_size, kind) == (0, 0, 0) {
            self.0 = &[];
            return None;
        }
        let padded = |size: u32| (size as usize).next_multiple_of(4);
        let name = header.bytes(12, name_size as usize);
        let data_at = 12 + padded(name_size);
        let data = header.bytes(data_at, data_size as usize);
        let (Some(name), Some(data)) = (name, data) else {
            self.0 = &[];
            return None;
        };
        // The padding behind the last note may be missing.
        self.0 = self.0.get(data_at + padded(data_size)..).unwrap_or_default();
        let owner = name.strip_suffix(&[0]).unwrap_or(name);
        Some(RawNote { owner, kind, data })
    }
}

/// Appends one note.
pub(crate) fn append(out: &mut Vec<u8>, note: &RawNote<'_>) {
    let pad = |out: &mut Vec<u8>| out.resize(out.len().next_multiple_of(4), 0);
    out.extend_from_slice(&(note.owner.len() as u32 + 1).to_le_bytes());
    out.extend_from_slice(&(note.data.len() as u32).to_le_bytes());
    out.extend_from_slice(&note.kind.to_le_bytes());
    out.extend_from_slice(note.owner);
    out.push(0);
    pad(out);
    out.extend_from_slice(note.data);
    pad(out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_padded_notes_and_stops_at_the_first_that_does_not_fit() {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&[5, 0, 0, 0, 3, 0, 0, 0, 6, 0, 0, 0]); // namesz 5, descsz 3, NT_AUXV
        bytes.extend_from_slice(b"CORE\0\0\0\0"); // padded to 8
        bytes.extend_from_slice(&[1, 2, 3, 0]); // padded to 4
        bytes.extend_from_slice(&[4, 0, 0, 0, 200, 0, 0, 0, 1, 0, 0, 0]); // 200 bytes that are not there
        bytes.extend_from_slice(b"GNU\0");
        let notes: Vec<_> = Notes(&bytes).collect();
        assert_eq!(notes, [RawNote { owner: b"CORE", kind: 6, data: &[1, 2, 3] }]);
    }

    #[test]
    fn a_hole_of_zeros_has_no_notes() {
        assert_eq!(Notes(&[0; 4096]).count(), 0);
    }
}
