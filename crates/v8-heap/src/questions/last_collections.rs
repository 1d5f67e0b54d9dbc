//! What an isolate remembers of its last collections, and how far its heap may grow.
//!
//! V8 writes a line for each collection into a ring of text, whether anybody asked for it or not, and prints that when it has no memory left
//! (V8: `Heap::PrintShortHeapStatistics`, `Heap::AddToRingBuffer`, `GetFromRingBuffer`).

use crate::heap::Heap;
use crate::isolate::Isolate;
use crate::layout::{CrashLayout, LimitPlace};

/// No heap may grow to more, or less, in bytes.
const SMALLEST_LIMIT: u64 = 1 << 20;
const LARGEST_LIMIT: u64 = 1 << 44;
/// What its size is a multiple of.
const PAGE: u64 = 1 << 12;

/// The most that the old generation of a heap may grow to, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapLimit {
    /// Now.
    pub now: u64,
    /// At first.
    pub first: u64,
}

/// What every line about a collection has in it.
const WORDS_OF_A_LINE: &str = " ms: ";

impl Heap<'_> {
    /// What V8 prints of the last collections of an isolate when it has no memory left; nothing if there was none, or if that is not
    /// known. Where it lies is known of some releases; in others it is found by what it says.
    pub fn last_collections(&self, isolate: &Isolate) -> Option<String> {
        let known = self.layout().crash.and_then(|crash| self.ring_at(isolate, crash.trace, crash.full));
        known.or_else(|| {
            let mut rings = CrashLayout::trace_candidates()
                .filter_map(|at| self.ring_at(isolate, at, CrashLayout::TRACE_FULL));
            rings.find(|text| text.contains(WORDS_OF_A_LINE))
        })
    }

    fn ring_at(&self, isolate: &Isolate, offset: u64, full: u64) -> Option<String> {
        let at = isolate.heap.checked_add(offset)?;
        let words = self.words();
        let ring: [u8; CrashLayout::TRACE_SIZE] = words.bytes(at, "text of collections").ok()?;
        let [full] = words.bytes::<1>(at.checked_add(full)?, "text of collections").ok()?;
        let end =
            words.word(at.checked_add(CrashLayout::TRACE_END)?, "end of the text of collections").ok()?;
        from_ring(&ring, full, end)
    }

    /// How far the heap of an isolate may grow; nothing if that is not known. Where it lies is known of some releases; in others it is
    /// found by how the numbers are to each other, if that leads to one place only.
    pub fn heap_limit(&self, isolate: &Isolate) -> Option<HeapLimit> {
        let known = self.layout().crash.and_then(|crash| self.limit_at(isolate, crash.limit));
        known.or_else(|| {
            let mut found = LimitPlace::candidates().filter_map(|place| self.limit_at(isolate, place));
            let first = found.next()?;
            found.all(|other| other == first).then_some(first)
        })
    }

    fn limit_at(&self, isolate: &Isolate, place: LimitPlace) -> Option<HeapLimit> {
        let word = |at: Option<u64>| self.words().word(at?, "limit of the heap").ok();
        let base = match place.pointer {
            None => isolate.heap,
            Some(pointer) => word(isolate.heap.checked_add(pointer))?,
        };
        let at = |offset| word(base.checked_add(offset));
        let limit = HeapLimit { now: at(place.now)?, first: at(place.first)? };
        // V8 rounds them to pages.
        let is_one =
            |bytes: u64| (SMALLEST_LIMIT..LARGEST_LIMIT).contains(&bytes) && bytes.is_multiple_of(PAGE);
        (is_one(limit.now) && is_one(limit.first) && at(place.twice)? == 2 * limit.now).then_some(limit)
    }
}

/// The text of a ring that begins anew at its start once it is full.
fn from_ring(ring: &[u8], full: u8, end: u64) -> Option<String> {
    let end = usize::try_from(end).ok().filter(|end| *end <= ring.len())?;
    let (new, old) = ring.split_at(end);
    let bytes = match full {
        0 => new.to_vec(),
        1 => [old, new].concat(),
        _ => return None,
    };
    let is_text = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t' | 0);
    // V8 prints it up to the first zero.
    let until = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    if !bytes.iter().all(is_text) || until == 0 {
        return None;
    }
    let text = &bytes[..until];
    // V8 leaves out what is in front of the first end of a line, which may be half a line, unless that is all.
    let first = text.iter().position(|byte| *byte == b'\n').filter(|at| at + 1 < text.len());
    String::from_utf8(text[first.unwrap_or(0)..].to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_is_read_from_its_oldest_text_on() {
        let ring = b"ms: new\n [1] 2 ";
        assert_eq!(from_ring(ring, 1, 8).as_deref(), Some(" [1] 2 ms: new\n"));
        assert_eq!(from_ring(ring, 0, 8).as_deref(), Some("ms: new\n"));
        let two = b"lf a line\n[2] whole\n[1] ha";
        assert_eq!(from_ring(two, 1, 20).as_deref(), Some("\n[2] whole\n"), "half a line is left out");
        assert_eq!(from_ring(b"text\0\0\0\0", 1, 4), None, "what begins with nothing");
        assert_eq!(from_ring(ring, 7, 8), None);
        assert_eq!(from_ring(ring, 1, 99), None);
        assert_eq!(from_ring(b"\xff\x01", 0, 2), None, "no text");
        assert_eq!(from_ring(ring, 0, 0), None, "nothing yet");
    }
}
