//! Parts of a whole, in per cent. Lengths in a damaged core can be anything below 2^64: no product of them is made in 64 bits.

/// What part of `whole` that is, in per cent, rounded down.
pub(crate) fn percent(part: u64, whole: u64) -> u64 {
    u64::try_from(100 * u128::from(part) / u128::from(whole.max(1))).unwrap_or(u64::MAX)
}

/// Whether a part is at least so many per cent of the whole.
pub(crate) fn is_percent(part: u64, least: u64, whole: u64) -> bool {
    100 * u128::from(part) >= u128::from(least) * u128::from(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_anything_are_told() {
        assert_eq!((percent(1, 3), percent(0, 0), percent(5, 0)), (33, 0, 500));
        assert_eq!(percent(u64::MAX, u64::MAX), 100);
        assert_eq!(percent(u64::MAX, 1), u64::MAX);
        assert!(is_percent(10, 10, 100) && !is_percent(9, 10, 100));
        assert!(is_percent(u64::MAX, 100, u64::MAX) && !is_percent(1 << 60, 10, u64::MAX));
    }
}
