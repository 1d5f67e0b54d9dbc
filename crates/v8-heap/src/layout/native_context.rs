//! What the slots of a native context are for, by the table `tables/native_context.txt`.

use super::versions::{Version, split_versions};

static TABLE: &str = include_str!("tables/native_context.txt");

/// Slots in front of those of the table: scope info, previous context, global object.
const FIRST: u64 = 3;

/// V8's name for a slot in a version.
pub(super) fn slot_name(slot: u64, version: Version) -> Option<&'static str> {
    let index = usize::try_from(slot.checked_sub(FIRST)?).ok()?;
    names(version).nth(index).filter(|name| *name != "-")
}

/// The slot of this name in a version, if it has one.
pub(super) fn slot(name: &str, version: Version) -> Option<u64> {
    let index = names(version).position(|slot| slot == name)?;
    Some(FIRST + index as u64)
}

fn names(version: Version) -> impl Iterator<Item = &'static str> {
    let lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(split_versions).filter(move |(_, versions)| versions.contains(version)).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `SCRIPT_CONTEXT_TABLE_INDEX` of each version, read off real heaps.
    #[test]
    fn slots_are_where_heaps_have_them() {
        for (version, index) in
            [((8, 4), 148), ((11, 3), 189), ((12, 4), 191), ((13, 6), 201), ((14, 6), 204)]
        {
            assert_eq!(slot_name(index, version), Some("script_context_table"), "V8 {version:?}");
            assert_eq!(slot("script_context_table", version), Some(index), "V8 {version:?}");
            assert_eq!(slot_name(3, version), Some("global_proxy_object"));
            assert_eq!(slot_name(2, version), None);
            assert_eq!(slot_name(1000, version), None);
        }
    }
}
