//! What nearly every object refers to, and a snapshot therefore does not tell: `undefined` and its like, empty arrays, a few
//! maps (V8: `V8HeapExplorer::IsEssentialObject`).

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use core_reader::Address;

use crate::Tagged;
use crate::heap::Heap;
use crate::index::ObjectTable;
use crate::layout::Kind;
use crate::shape::map::Map;

/// Tells what references are worth telling.
#[derive(Debug)]
pub(super) struct Essential {
    /// Untagged addresses of those that are not: all in read-only pages.
    others: HashSet<u64>,
    /// Where they are.
    range: Range<u64>,
}

impl Essential {
    pub fn find(heap: &Heap<'_>, table: &ObjectTable) -> Essential {
        let mut others = HashSet::new();
        // Of the maps of a type the first is that of plain ones: that of arrays which are copied on write comes behind it.
        let mut first: HashMap<u16, u64> = HashMap::new();
        for (page, _) in heap.spaces().pages().iter().enumerate().filter(|(_, page)| page.is_read_only()) {
            for (address, map) in table.page_objects(page) {
                if heap.is_common(address, heap.map(map), &mut first) {
                    others.insert(address);
                }
            }
        }
        let start = others.iter().copied().min().unwrap_or(0);
        let end = others.iter().copied().max().map_or(0, |last| last + 1);
        Essential { others, range: start..end }
    }

    /// Whether a reference to the object at this untagged address is worth telling.
    #[inline]
    pub fn is(&self, address: u64) -> bool {
        !self.range.contains(&address) || !self.others.contains(&address)
    }
}

impl Heap<'_> {
    /// Untagged address of the hole: in the table of roots it follows `undefined` (`STRONG_READ_ONLY_ROOT_LIST` of
    /// `src/roots/roots.h`).
    fn the_hole(&self) -> Option<u64> {
        /// Roots in front of it are few.
        const FIRST_ROOTS: u64 = 32;
        let table = &self.spaces().isolates().first()?.roots_table;
        let root = |index: u64| {
            let at = table.start.checked_add(8 * index).filter(|at| table.contains(at))?;
            self.memory().read_u64(Address(at)).ok().map(Tagged)
        };
        let undefined = (0..FIRST_ROOTS)
            .find(|index| root(*index).is_some_and(|root| self.well_known().undefined.contains(&root)))?;
        root(undefined + 1)?.strong()
    }

    /// Whether nearly every object refers to this one, which is read-only.
    fn is_common(&self, address: u64, map: &Map, first: &mut HashMap<u16, u64>) -> bool {
        let is_empty = || self.fixed_array_length(address).is_ok_and(|length| length == 0);
        match map.kind {
            Kind::Oddball => true,
            Kind::Hole => !self.layout().facts.snapshots.show_markers || Some(address) == self.the_hole(),
            Kind::Map => {
                let Ok((_, described)) = self.decoded_map(address) else { return false };
                let is_first = *first.entry(described.instance_type).or_insert(address) == address;
                match self.layout().type_name(described.instance_type) {
                    "FixedArray" | "Cell" | "PropertyCell" => is_first,
                    "SharedFunctionInfo" | "FreeSpace" | "Filler" => true,
                    _ => false,
                }
            }
            Kind::DescriptorArray => self
                .words()
                .word16(address + self.fields().descriptor_array_count, "number of descriptors")
                .is_ok_and(|count| count == 0),
            _ => {
                matches!(
                    self.layout().type_name(map.instance_type),
                    "FixedArray" | "ByteArray" | "WeakFixedArray"
                ) && is_empty()
            }
        }
    }
}
