//! `NT_PRPSINFO`: the process as `ps` would show it.
//!
//! Source: `struct elf_prpsinfo`, `include/uapi/linux/elfcore.h`. 136 bytes on x86-64. The command line
//! (`pr_psargs`) is cut at 79 bytes; the whole of it is on the stack, see [`crate::Process::arguments`].

use crate::fields::Fields;

/// `pr_uid`, `pr_gid`, `pr_pid`, `pr_ppid`: four 32-bit words.
const IDS: usize = 16;
/// `pr_fname`: 16 bytes.
const NAME: usize = 40;
/// `pr_psargs`: 80 bytes.
const ARGUMENTS: usize = 56;
const SIZE: usize = 136;

/// The decoded note.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProcessInfo {
    pub user_id: u32,
    pub group_id: u32,
    pub id: u32,
    pub parent_id: u32,
    pub name: String,
    pub arguments: String,
}

/// Decodes the note, or `None` if it is too short.
pub(crate) fn decode(data: &[u8]) -> Option<ProcessInfo> {
    let fields = Fields(data.get(..SIZE)?);
    // Arguments are separated by spaces, and the kernel leaves one behind the last.
    let arguments = Fields(fields.bytes(ARGUMENTS, 80)?).c_string(0)?;
    Some(ProcessInfo {
        user_id: fields.u32(IDS)?,
        group_id: fields.u32(IDS + 4)?,
        id: fields.u32(IDS + 8)?,
        parent_id: fields.u32(IDS + 12)?,
        name: Fields(fields.bytes(NAME, 16)?).c_string(0)?,
        arguments: arguments.trim_end().to_owned(),
    })
}
