//! What is said below suspects: how much of the heap they do not explain, and whether they are much at all.

pub(crate) use v8_heap::questions::{LEAST_BYTES, SMALLEST_PERCENT as MUCH, is_little};

use crate::answers::share::percent;

/// The lines below suspects that explain so many bytes, of which the largest has so many.
pub(crate) fn explained(bytes: u64, largest: u64, heap: u64) -> String {
    let rest = heap.saturating_sub(bytes);
    let little = match is_little(largest, heap) {
        true => {
            "none of these is much: a leak that has just begun shows beside an older core (--base, ::diff)\n"
        }
        false => "",
    };
    format!(
        "{little}{rest} bytes, {} % of the heap, are in none of these (::jsdominators shows where all of it is)",
        percent(rest, heap)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_below_a_megabyte_and_below_a_tenth() {
        assert!(is_little(LEAST_BYTES - 1, 100 << 20) && !is_little(LEAST_BYTES, 1 << 40));
        assert!(is_little(99, 1000) && !is_little(100, 1000));
        assert!(!is_little(0, 0));
        let much = "none of these is much";
        assert!(explained(300_000, 200_000, 10 << 20).contains(much));
        assert!(!explained(3 << 20, 2 << 20, 10 << 20).contains(much));
        assert!(explained(10, 10, 100).starts_with("90 bytes, 90 % of the heap"));
    }
}
