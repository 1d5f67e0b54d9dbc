//! `NT_FILE`: which files were mapped where.
//!
//! Source: `fill_files_note`, `fs/binfmt_elf.c`: the number of entries, the unit of file offsets (the page size), per
//! entry three words (start, end, offset in units), then all paths in the same order, each ended by a zero byte. gdb
//! writes 1 as the unit. A file removed or replaced since it was mapped has ` (deleted)` behind its path. The kernel
//! leaves out the whole note if it would exceed 4 MiB (`MAX_FILE_NOTE_SIZE`) or memory is short.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use crate::Address;
use crate::fields::Fields;

/// Longer paths are cut (`limits.h`).
const PATH_MAX: usize = 4096;

/// Further entries are not read. The kernel stops at 4 MiB, some 100,000 entries.
const ENTRIES_LIMIT: usize = 1 << 18;

/// One mapping of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedFile {
    /// First address.
    pub start: Address,
    /// First address behind.
    pub end: Address,
    /// Where the mapping begins in the file, in bytes.
    pub offset: u64,
    /// The path as the kernel recorded it, without ` (deleted)`.
    pub path: Arc<str>,
    /// The file was removed or replaced before the core was taken.
    pub deleted: bool,
}

/// All mappings of files, sorted by address, without overlap.
#[derive(Debug, Default)]
pub(crate) struct MappedFiles {
    list: Vec<MappedFile>,
    /// Where in the list those of a path are.
    by_path: HashMap<Arc<str>, Vec<u32>>,
}

impl MappedFiles {
    /// `list` is sorted.
    pub fn new(list: Vec<MappedFile>) -> MappedFiles {
        let mut by_path: HashMap<Arc<str>, Vec<u32>> = HashMap::new();
        for (index, file) in list.iter().enumerate() {
            by_path.entry(Arc::clone(&file.path)).or_default().push(index as u32);
        }
        MappedFiles { list, by_path }
    }

    /// The mappings of the file at `path`, by address.
    pub fn of(&self, path: &str) -> impl Iterator<Item = &MappedFile> {
        self.by_path.get(path).into_iter().flatten().map(|index| &self.list[*index as usize])
    }
}

impl Deref for MappedFiles {
    type Target = [MappedFile];

    fn deref(&self) -> &[MappedFile] {
        &self.list
    }
}

/// Decodes the note: all entries that make sense, sorted by address, without overlap. `None` if the note contradicts
/// its own size.
pub(crate) fn decode(data: &[u8]) -> Option<Vec<MappedFile>> {
    let fields = Fields(data);
    let (count, unit) = (fields.u64(0)?, fields.u64(8)?);
    // Every entry takes 24 bytes and at least the zero byte of its path.
    if count > (data.len() as u64) / 25 {
        return None;
    }
    let count = count as usize;
    let mut paths = data.get(16 + 24 * count..)?.split(|byte| *byte == 0);
    let mut files = Vec::with_capacity(count.min(ENTRIES_LIMIT));
    for index in 0..count.min(ENTRIES_LIMIT) {
        let at = 16 + 24 * index;
        let (start, end, page) = (fields.u64(at)?, fields.u64(at + 8)?, fields.u64(at + 16)?);
        let path = paths.next()?;
        let path = String::from_utf8_lossy(&path[..path.len().min(PATH_MAX)]);
        let Some(offset) = page.checked_mul(unit).filter(|_| start < end) else { continue };
        let (path, deleted) = match path.strip_suffix(" (deleted)") {
            Some(bare) => (bare, true),
            None => (&*path, false),
        };
        // Most follow another mapping of the same file.
        let path = match files.last() {
            Some(MappedFile { path: last, .. }) if **last == *path => Arc::clone(last),
            _ => Arc::from(path),
        };
        files.push(MappedFile { start: Address(start), end: Address(end), offset, path, deleted });
    }
    files.sort_by_key(|file| file.start);
    let mut free_from = Address(0);
    files.retain(|file| {
        let apart = file.start >= free_from;
        if apart {
            free_from = file.end;
        }
        apart
    });
    Some(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(count: u64, entries: &[[u64; 3]], paths: &[u8]) -> Vec<u8> {
        let mut bytes = count.to_le_bytes().to_vec();
        bytes.extend_from_slice(&4096_u64.to_le_bytes());
        for word in entries.iter().flatten() {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(paths);
        bytes
    }

    #[test]
    fn offsets_are_in_units_and_deleted_files_are_marked() {
        let files =
            decode(&note(2, &[[0x5000, 0x6000, 3], [0x1000, 0x2000, 0]], b"/a/b (deleted)\0/c\0")).unwrap();
        assert_eq!((&*files[0].path, files[0].offset, files[0].deleted), ("/c", 0, false));
        assert_eq!((&*files[1].path, files[1].offset, files[1].deleted), ("/a/b", 3 * 4096, true));
    }

    #[test]
    fn a_count_beyond_the_note_is_refused() {
        assert_eq!(decode(&note(u64::MAX, &[], b"")), None);
        assert_eq!(decode(&note(3, &[[1, 2, 0]], b"/a\0")), None);
    }
}
