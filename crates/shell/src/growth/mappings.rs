//! The memory of a process by what it is mapped for: addresses mean nothing in another process, names and sizes do.

use std::collections::BTreeMap;

use core_reader::{Core, Memory, MemoryRange};
use v8_heap::compare::Sum;

use crate::answers::mapping_name::mapping_name;

use super::sections::size_class;

/// What mappings have in common: name, permissions, and of anonymous ones about how large they are.
pub type MappingName = (String, String);

/// The mappings of a core.
pub fn mappings(core: &Core) -> Vec<(MappingName, Sum)> {
    let mut sums: BTreeMap<MappingName, Sum> = BTreeMap::new();
    for mapping in joined(core.memory().ranges()) {
        let bytes = mapping.end.0 - mapping.start.0;
        let mut name = mapping_name(core, &mapping);
        if name == "[ anon ]" {
            name = format!("{name} {}", size_class(bytes.checked_ilog2().map_or(0, |power| 1 << power)));
        }
        let sum = sums.entry((name, mapping.permissions.to_string())).or_default();
        sum.count += 1;
        sum.bytes = sum.bytes.saturating_add(bytes);
    }
    sums.into_iter().collect()
}

/// Ranges of one mapping lie side by side, and differ in where their bytes are.
fn joined(ranges: &[MemoryRange]) -> Vec<MemoryRange> {
    let mut joined: Vec<MemoryRange> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last)
                if last.end == range.start
                    && last.permissions == range.permissions
                    && last.file == range.file =>
            {
                last.end = range.end;
            }
            _ => joined.push(range.clone()),
        }
    }
    joined
}
