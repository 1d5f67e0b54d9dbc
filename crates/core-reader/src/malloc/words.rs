//! Words of memory that lie near each other.

use crate::address_space::AddressSpace;
use crate::{Address, Memory};

/// Reads words; those of one piece of memory without looking for the piece again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'m> {
    memory: &'m AddressSpace,
    start: u64,
    bytes: &'m [u8],
}

impl<'m> Words<'m> {
    pub fn of(memory: &'m AddressSpace) -> Words<'m> {
        Words { memory, start: 0, bytes: &[] }
    }

    /// The word at an address, if the core has it.
    pub fn word(&mut self, at: u64) -> Option<u64> {
        let here = |start: u64, bytes: &[u8]| {
            let offset = usize::try_from(at.checked_sub(start)?).ok()?;
            bytes.get(offset..)?.first_chunk::<8>().map(|word| u64::from_le_bytes(*word))
        };
        if let Some(word) = here(self.start, self.bytes) {
            return Some(word);
        }
        let bytes = self.memory.bytes_from(Address(at)).ok()?;
        (self.start, self.bytes) = (at, bytes);
        here(at, bytes).or_else(|| self.memory.read_u64(Address(at)).ok())
    }
}

/// Calls `found` for each word of `[start, end)` that the core has: with its number from `start` on, and with all words from it to the end of
/// the piece of memory that it lies in.
pub(super) fn each(memory: &AddressSpace, start: u64, end: u64, mut found: impl FnMut(u64, &[[u8; 8]])) {
    let mut at = start;
    while at < end {
        let Ok(bytes) = memory.bytes_from(Address(at)) else {
            // What is missing may lie between what is there.
            let next = memory.next_piece(at).and_then(|next| next.checked_next_multiple_of(8));
            let Some(next) = next else { return };
            at = next;
            continue;
        };
        let length = (bytes.len() as u64).min(end - at);
        let words = bytes[..length as usize].as_chunks::<8>().0;
        let before = (at - start) / 8;
        for place in 0..words.len() {
            found(before + place as u64, &words[place..]);
        }
        at += length;
    }
}

/// How far behind the start of a block a word leads little behind it, in bytes.
const LITTLE: u64 = 16;

/// Whether a word that leads to a block leads to its start, or little behind it.
pub(super) fn is_near(word: u64, start: u64) -> bool {
    word.is_multiple_of(8) && (start..=start.saturating_add(LITTLE)).contains(&word)
}
