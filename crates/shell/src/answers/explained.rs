//! What is said below suspects: how much of the heap they do not explain, and whether they are much at all.

use crate::answers::share::{is_percent, percent};

/// Parts of a hundred of the heap from which on what has gathered is much.
pub(crate) const MUCH: u64 = 10;
/// Fewer bytes are never much.
pub(crate) const LEAST_BYTES: u64 = 1 << 20;

/// Whether so many bytes of a heap are too few to be what fills it, and few on their own as well.
pub(crate) fn is_little(bytes: u64, heap: u64) -> bool {
    bytes < LEAST_BYTES && !is_percent(bytes, MUCH, heap)
}

/// The lines below suspects that explain so many bytes, of which the largest has so many.
pub(crate) fn explained(bytes: u64, largest: u64, heap: u64) -> String {
    let rest = heap.saturating_sub(bytes);
    let mut text = format!(
        "{rest} bytes, {} % of the heap, are in none of these (::jsdominators shows where all of it is)",
        percent(rest, heap)
    );
    if is_little(largest, heap) {
        text.push_str(
            "\nnone of these is much: a leak that has just begun shows beside an older core (--base, ::diff)",
        );
    }
    text
}
