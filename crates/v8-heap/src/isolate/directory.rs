//! From an address to its page: an open-addressed table over 256 KiB units.

use super::{PAGE_SIZE, Page};

/// Finds pages by address.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    slots: Vec<(u64, u32)>,
    mask: usize,
}

/// No address has this unit.
const EMPTY: u64 = u64::MAX;

impl Directory {
    /// Registers every unit of which a page has memory in the core; pages must be sorted, and must not overlap.
    pub fn new(pages: &[Page<'_>]) -> Directory {
        let units: usize = pages.iter().map(|page| units_of(page).count()).sum();
        let capacity = (units * 2).next_power_of_two().max(16);
        let mut directory = Directory { slots: vec![(EMPTY, 0); capacity], mask: capacity - 1 };
        for (index, page) in pages.iter().enumerate() {
            for unit in units_of(page) {
                let mut slot = Self::hash(unit) & directory.mask;
                while directory.slots[slot].0 != EMPTY && directory.slots[slot].0 != unit {
                    slot = (slot + 1) & directory.mask;
                }
                directory.slots[slot] = (unit, index as u32);
            }
        }
        directory
    }

    #[inline]
    fn hash(unit: u64) -> usize {
        (unit.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize
    }

    /// Index of the page that has memory in the same unit as `address`.
    #[inline]
    pub fn find(&self, address: u64) -> Option<usize> {
        let unit = address / PAGE_SIZE;
        let mut slot = Self::hash(unit) & self.mask;
        loop {
            let (key, index) = self.slots[slot];
            if key == unit {
                return Some(index as usize);
            }
            if key == EMPTY {
                return None;
            }
            slot = (slot + 1) & self.mask;
        }
    }
}

/// Units that hold memory of a page: a unit with two pieces counts twice.
fn units_of<'a>(page: &'a Page<'_>) -> impl Iterator<Item = u64> + 'a {
    page.pieces.iter().filter(|piece| !piece.bytes.is_empty()).flat_map(|piece| {
        let last = piece.start + (piece.bytes.len() as u64 - 1);
        piece.start / PAGE_SIZE..=last / PAGE_SIZE
    })
}
