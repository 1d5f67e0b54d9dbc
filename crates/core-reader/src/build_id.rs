//! The GNU build-id: a hash over a program's contents that its linker put into a note, equal in every copy of it.

use std::fmt;

use crate::notes::Notes;

/// `NT_GNU_BUILD_ID`, owner `GNU`.
const NT_GNU_BUILD_ID: u32 = 3;
/// Linkers write 16 or 20 bytes; more than this is no build-id.
const LONGEST: usize = 64;

/// A build-id. Displays as hexadecimal, as `readelf -n` and `file` print it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BuildId(Vec<u8>);

impl BuildId {
    /// The build-id among the notes of a `PT_NOTE` segment.
    pub(crate) fn among(notes: &[u8]) -> Option<BuildId> {
        Notes(notes)
            .find(|note| note.owner == b"GNU" && note.kind == NT_GNU_BUILD_ID)
            .filter(|note| (2..=LONGEST).contains(&note.data.len()))
            .map(|note| BuildId(note.data.to_vec()))
    }

    /// The path under a `.build-id` directory, without suffix: `xx/yyyy...`.
    pub(crate) fn directory_entry(&self) -> String {
        let text = self.to_string();
        format!("{}/{}", &text[..2], &text[2..])
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
