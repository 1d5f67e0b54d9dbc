//! Instance types by number, by the table `tables/types.txt`.

use std::ops::Range;

use super::FunctionTypes;
use super::versions::{Version, split_versions};

static TABLE: &str = include_str!("tables/types.txt");

/// Names that rows have for the types of functions, and for those that embedders give out.
const FUNCTION: &str = "JSFunction";
const API_OBJECT: &str = "JSApiObject";

/// A run of numbers with one name.
struct Run {
    first: u16,
    count: u16,
    name: &'static str,
}

/// What marks a row of a build with Temporal.
const TEMPORAL: &str = " [temporal]";

/// The runs of a version, in the order of their numbers.
fn runs(version: Version, has_temporal: bool) -> impl Iterator<Item = Run> {
    let lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut next = 0;
    lines.map(split_versions).filter(move |(_, versions)| versions.contains(version)).filter_map(
        move |(line, _)| {
            if let Some(number) = line.strip_prefix('=') {
                next = number.parse().ok()?;
                return None;
            }
            let line = match line.strip_suffix(TEMPORAL) {
                Some(_) if !has_temporal => return None,
                Some(name) => name,
                None => line,
            };
            let (name, count) = line
                .split_once(" *")
                .map_or(Some((line, 1)), |(name, count)| Some((name, count.parse().ok()?)))?;
            let first = next;
            next += count;
            (name != "-").then_some(Run { first, count, name })
        },
    )
}

/// The types of a version that have a name, by number; of functions the first only, and none that embedders give out.
pub(super) fn of(version: Version, has_temporal: bool) -> Vec<(u16, &'static str)> {
    runs(version, has_temporal)
        .filter(|run| run.name != API_OBJECT)
        .map(|run| (run.first, run.name))
        .collect()
}

/// The types below which all are of strings (`FIRST_NONSTRING_TYPE`).
pub(super) fn first(version: Version) -> Option<u16> {
    runs(version, true).next().map(|run| run.first)
}

/// The types that embedders give out (`FIRST_JS_API_OBJECT_TYPE` to `LAST_JS_API_OBJECT_TYPE`).
pub(super) fn api_objects(version: Version) -> Option<Range<u16>> {
    let run = runs(version, true).find(|run| run.name == API_OBJECT)?;
    Some(run.first..run.first + run.count)
}

/// The types of functions.
pub(super) fn functions(version: Version) -> Option<FunctionTypes> {
    let run = runs(version, true).find(|run| run.name == FUNCTION)?;
    Some(FunctionTypes { first: run.first, last: run.first + run.count - 1 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::tables::TABLES;

    #[test]
    fn no_number_and_no_name_is_given_twice() {
        for table in TABLES {
            let types = of(table.v8, true);
            assert!(types.windows(2).all(|pair| pair[0].0 < pair[1].0), "types of V8 {:?}", table.v8);
            assert!(types.len() > 150, "V8 {:?}: {}", table.v8, types.len());
            let mut names: Vec<_> = types.iter().map(|(_, name)| name).collect();
            names.sort_unstable();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "names of V8 {:?}", table.v8);
        }
    }

    /// Numbers read off real heaps: of types that no binary publishes.
    #[test]
    fn types_are_where_heaps_have_them() {
        for (version, name, number) in [
            ((8, 4), "HashTable", 118),
            ((8, 4), "NativeContext", 143),
            ((8, 4), "TransitionArray", 156),
            ((8, 4), "Filler", 165),
            ((9, 4), "HashTable", 120),
            ((9, 4), "NativeContext", 144),
            ((9, 4), "Filler", 168),
            ((10, 2), "HashTable", 180),
            ((10, 2), "NativeContext", 214),
            ((10, 2), "Filler", 246),
            ((11, 3), "HashTable", 176),
            ((11, 3), "NativeContext", 212),
            ((11, 3), "Filler", 250),
            ((12, 4), "NativeContext", 197),
            ((12, 4), "TransitionArray", 248),
            ((12, 4), "Filler", 259),
            ((12, 9), "Filler", 266),
            ((12, 9), "Hole", 268),
            ((13, 6), "NativeContext", 227),
            ((13, 6), "Filler", 267),
            ((14, 6), "NativeContext", 228),
            ((14, 6), "FreeSpace", 273),
            ((14, 6), "JSModuleNamespace", 305),
        ] {
            let found = of(version, true).into_iter().find(|(_, known)| *known == name);
            assert_eq!(found, Some((number, name)), "V8 {version:?}");
        }
        let weak_ref =
            |has_temporal| of((15, 0), has_temporal).into_iter().find(|(_, name)| *name == "JSWeakRef");
        let (with, without) = (weak_ref(true).unwrap().0, weak_ref(false).unwrap().0);
        assert_eq!(with - without, 8, "as many classes of Temporal are in front of it");
        assert_eq!((first((9, 4)), first((10, 2))), (Some(64), Some(128)));
        assert_eq!((api_objects((9, 4)), api_objects((10, 2))), (Some(1056..1057), Some(1058..2059)));
        let functions = functions((14, 6)).unwrap();
        assert_eq!((functions.first, functions.last), (2066, 2082));
    }
}
