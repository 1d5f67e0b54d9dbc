//! Strings that only slices keep alive.
//!
//! A slice of a string has no characters of its own, but refers to the string that it was cut from. If nothing else does, all that no
//! slice shows of that string is wasted.

use std::collections::HashMap;

use crate::heap::Heap;
use crate::index::parallel::in_turns;
use crate::index::{MapSet, ObjectId};
use crate::layout::StringShape;
use crate::objects::string::StringStorage;
use crate::{Error, Monitor, Result, Tagged};

/// Strings between two looks at whether to stop.
const BETWEEN_LOOKS: usize = 1 << 12;

/// A string that only slices of it keep alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlicedParent {
    /// The string.
    pub parent: Tagged,
    /// Its living slices, in the order of addresses.
    pub slices: Vec<Tagged>,
    /// Its length, in UTF-16 code units.
    pub length: u32,
    /// Bytes of its characters that no slice shows.
    pub wasted: u64,
}

impl Heap<'_> {
    /// The living strings that only slices keep alive, what wastes most first.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn sliced_parents(&self, monitor: &dyn Monitor) -> Result<Vec<SlicedParent>> {
        let (table, reached) = (self.objects(monitor)?, self.reached(monitor)?);
        let (held_by, roots) = (self.held_by(monitor)?, self.roots(monitor)?);
        monitor.begin("looking for slices", table.len() as u64);
        let sliced = MapSet::of(self, |map| map.string_shape() == Some(StringShape::Sliced));
        let workers = in_turns(
            table.page_count(),
            monitor,
            Vec::new,
            |found: &mut Vec<(Tagged, Tagged, u32, u32)>, page| {
                for (id, string) in sliced.on_page(self, table, page) {
                    let string = string.value();
                    if reached.contains(id.0)
                        && let Ok(StringStorage::Sliced { parent, offset }) = self.string_storage(string)
                        && let Ok(offset) = u32::try_from(offset)
                        && let Ok(length) = self.string_length(string)
                    {
                        found.push((parent, string, offset, length));
                    }
                }
                table.page_maps(page).1.len() as u64
            },
        )?;
        let mut slices: HashMap<Tagged, Vec<(Tagged, u32, u32)>> = HashMap::new();
        for (parent, slice, offset, length) in workers.into_iter().flatten() {
            slices.entry(parent).or_default().push((slice, offset, length));
        }
        let mut found = Vec::new();
        for (index, (parent, mut own)) in slices.into_iter().enumerate() {
            if index.is_multiple_of(BETWEEN_LOOKS) && monitor.cancelled() {
                return Err(Error::Interrupted);
            }
            let Some(id) = parent.object().and_then(|at| table.id_at(self.spaces(), at)) else { continue };
            own.sort_unstable();
            let is_slice = |holder: &u32| {
                let address = table.address_of(ObjectId(*holder)).map(Tagged::pointer);
                address
                    .is_some_and(|address| own.binary_search_by_key(&address, |(slice, ..)| *slice).is_ok())
            };
            let living = held_by.of(id.0).iter().filter(|holder| reached.contains(**holder));
            if roots.hold(id.0) || !living.clone().all(is_slice) {
                continue;
            }
            let (Ok(length), Some(width)) = (self.string_length(parent), self.width_of(parent)) else {
                continue;
            };
            let parts = own.iter().map(|(_, offset, length)| (u64::from(*offset), u64::from(*length)));
            let shown = covered(parts, u64::from(length));
            found.push(SlicedParent {
                parent,
                slices: own.into_iter().map(|(slice, ..)| slice).collect(),
                length,
                wasted: width * (u64::from(length) - shown),
            });
        }
        found.sort_unstable_by_key(|parent| (std::cmp::Reverse(parent.wasted), parent.parent));
        Ok(found)
    }

    /// Bytes of a character of a string with characters of its own.
    pub(super) fn width_of(&self, string: Tagged) -> Option<u64> {
        match self.string_storage(string).ok()? {
            StringStorage::Sequential { one_byte, .. } | StringStorage::External { one_byte, .. } => {
                Some(if one_byte { 1 } else { 2 })
            }
            _ => None,
        }
    }
}

/// How much of a whole of this length is shown by parts of it: offsets and lengths.
pub(super) fn covered(parts: impl Iterator<Item = (u64, u64)>, length: u64) -> u64 {
    let mut parts: Vec<(u64, u64)> =
        parts.map(|(offset, part)| (offset.min(length), offset.saturating_add(part).min(length))).collect();
    parts.sort_unstable();
    let (mut sum, mut end) = (0, 0);
    for (from, to) in parts {
        let from = from.max(end);
        if to > from {
            sum += to - from;
            end = to;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::covered;

    #[test]
    fn what_several_show_counts_once() {
        assert_eq!(covered([(10, 5), (0, 4), (12, 10)].into_iter(), 100), 16);
        assert_eq!(covered([(90, 50), (200, 5), (u64::MAX, u64::MAX)].into_iter(), 100), 10);
        assert_eq!(covered(std::iter::empty(), 9), 0);
    }
}
