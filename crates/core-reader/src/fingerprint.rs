//! What tells one core from another without reading all of it.

use xxhash_rust::xxh3::Xxh3Default;

use crate::core::Core;

/// Bytes at the beginning of the file: the ELF header and the program headers.
const HEAD: usize = 1 << 20;
/// Bytes of one stretch of notes.
const NOTES: usize = 4 << 20;
/// Pages that are looked at, evenly spread over the file, and their size.
const PAGES: usize = 128;
const PAGE: usize = 4096;

impl Core {
    /// A hash over the length of the core (decompressed), its headers and notes, and pages evenly spread over its memory. Two
    /// processes never have the same; a core that was changed in a few bytes may.
    pub fn fingerprint(&self) -> u128 {
        let map = self.map();
        let mut hasher = Xxh3Default::new();
        hasher.update(&(map.len() as u64).to_le_bytes());
        hasher.update(&map[..map.len().min(HEAD)]);
        for notes in self.note_ranges() {
            hasher.update(&map[notes.start..notes.end.min(notes.start.saturating_add(NOTES))]);
        }
        let mut page = [0; PAGE];
        for number in 0..PAGES {
            let at = (map.len() as u128 * number as u128 / PAGES as u128) as usize & !(PAGE - 1);
            // Read, not mapped: the kernel would bring in what is around each of them as well.
            let piece = &mut page[..PAGE.min(map.len() - at)];
            if map.peek(at, piece) {
                hasher.update(piece);
            }
        }
        hasher.digest128()
    }
}
