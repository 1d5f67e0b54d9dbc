//! What the slots of a native context are for, by the table `tables/native_context.txt`.

use super::class::split_versions;

static TABLE: &str = include_str!("tables/native_context.txt");

/// Slots in front of those of the table: scope info, previous context, global object.
const FIRST: u64 = 3;

/// V8's name for a slot in the version with this major number.
pub(super) fn slot_name(slot: u64, major: u32) -> Option<&'static str> {
    let index = usize::try_from(slot.checked_sub(FIRST)?).ok()?;
    names(major).nth(index).filter(|name| *name != "-")
}

/// Whether that version has a slot of this name.
pub(super) fn has_slot(name: &str, major: u32) -> bool {
    names(major).any(|slot| slot == name)
}

fn names(major: u32) -> impl Iterator<Item = &'static str> {
    let lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(split_versions).filter(move |(_, versions)| versions.contains(&major)).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `SCRIPT_CONTEXT_TABLE_INDEX` of each version, as the layouts have it from another source.
    #[test]
    fn slots_are_where_the_layouts_say() {
        for (major, slot) in [(11, 189), (12, 191), (13, 201), (14, 204)] {
            assert_eq!(slot_name(slot, major), Some("script_context_table"), "V8 {major}");
            assert_eq!(slot_name(3, major), Some("global_proxy_object"));
            assert_eq!(slot_name(2, major), None);
            assert_eq!(slot_name(1000, major), None);
        }
    }
}
