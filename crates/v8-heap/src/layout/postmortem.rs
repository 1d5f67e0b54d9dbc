//! The `v8dbg_*` symbols: what V8 publishes of its layout for post-mortem debuggers.
//!
//! Each is a 32-bit integer in the binary (V8: `tools/gen-postmortem-metadata.py`). Their names carry C++ types, which
//! change more often than the values do, so a field is looked up by `class_Map__prototype__` and the rest ignored. A
//! field listed twice with different values (older releases list stale unions) tells nothing and is ignored.

use std::collections::HashMap;

use core_reader::Symbols;

use super::FunctionTypes;
use super::class::{CHANGES, PublishedFields};

/// What all names begin with.
pub const METADATA_PREFIX: &str = "v8dbg_";

/// The published integers, by name without the common prefix.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Metadata {
    values: HashMap<String, i32>,
    /// What an embedder has changed (`class::CHANGES`).
    changes: Vec<&'static str>,
    /// Whether the builtins that the binary names include those of Temporal; nothing if it names none.
    temporal: Option<bool>,
}

/// Functions whose presence tells how V8 was built.
pub(crate) fn telling_functions() -> impl Iterator<Item = &'static str> {
    let changes = CHANGES.iter().map(|(_, function)| *function);
    changes.chain([BUILTIN, BUILTIN_OF_TEMPORAL])
}

/// A builtin that every V8 has, and one that has Temporal (V8: `BUILTIN_LIST_TEMPORAL`).
const BUILTIN: &str = "Builtins_WeakRefConstructor";
const BUILTIN_OF_TEMPORAL: &str = "Builtins_TemporalDurationConstructor";

impl Metadata {
    pub(super) fn load(symbols: &dyn Symbols, read_int: &dyn Fn(u64) -> Option<i32>) -> Metadata {
        let values = symbols
            .with_prefix(METADATA_PREFIX)
            .into_iter()
            .filter_map(|symbol| {
                let name = symbol.name.strip_prefix(METADATA_PREFIX)?;
                // A core's own copy of the names may be damaged; a class that is called by one would be shown so.
                if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                    return None;
                }
                Some((name.to_owned(), read_int(symbol.address.0)?))
            })
            .collect();
        let changes = CHANGES.iter().filter(|(_, function)| symbols.find(function).is_some());
        let temporal = symbols.find(BUILTIN).map(|_| symbols.find(BUILTIN_OF_TEMPORAL).is_some());
        Metadata { values, changes: changes.map(|(name, _)| *name).collect(), temporal }
    }

    /// Instance types by number.
    pub(super) fn types(&self) -> Vec<(u16, Box<str>)> {
        let mut types: Vec<(u16, Box<str>)> = self
            .values
            .iter()
            .filter_map(|(name, &value)| {
                let class = name.strip_prefix("type_")?.split("__").next()?;
                // Aliases that share their numbers with the classes they are made of, or that are made of them.
                (!matches!(class, "DependentCode" | "BigIntBase"))
                    .then(|| Some((u16::try_from(value).ok()?, class.into())))?
            })
            .collect();
        types.sort();
        types.dedup_by_key(|(number, _)| *number);
        types
    }

    /// Whether V8 was built with Temporal, if the binary tells.
    pub(super) fn has_temporal(&self) -> Option<bool> {
        self.temporal
    }

    /// Types of stack frames by number.
    pub(super) fn frame_types(&self) -> Vec<(i32, Box<str>)> {
        let mut types: Vec<(i32, Box<str>)> = self
            .values
            .iter()
            .filter_map(|(name, &value)| Some((value, name.strip_prefix("frametype_")?.into())))
            .collect();
        types.sort();
        types
    }

    /// The type of stack frames that is called so.
    pub(super) fn frame_type(&self, name: &str) -> Option<u64> {
        u64::try_from(*self.values.get(&format!("frametype_{name}"))?).ok()
    }

    pub(super) fn function_types(&self) -> Option<FunctionTypes> {
        let number = |name: &str| u16::try_from(*self.values.get(name)?).ok();
        Some(FunctionTypes { first: number("FirstJSFunctionType")?, last: number("LastJSFunctionType")? })
    }

    /// `Oddball::kUndefined`
    pub(super) fn undefined_kind(&self) -> Option<i32> {
        self.values.get("OddballUndefined").copied()
    }

    /// The one offset published for each field, by class and field.
    pub(super) fn class_fields(&self) -> PublishedFields {
        let mut fields = HashMap::new();
        let mut disputed = Vec::new();
        for (name, &value) in &self.values {
            let Some((class, rest)) = name.strip_prefix("class_").and_then(|name| name.split_once("__"))
            else {
                continue;
            };
            let Some((field, _)) = rest.split_once("__") else { continue };
            let Some(offset) = u64::try_from(value).ok().filter(|offset| *offset < 0x1000) else { continue };
            let key = (Box::from(class), Box::from(field));
            if fields.insert(key.clone(), offset).is_some_and(|other| other != offset) {
                disputed.push(key);
            }
        }
        for key in disputed {
            fields.remove(&key);
        }
        PublishedFields { places: fields, changes: self.changes.clone() }
    }
}

#[cfg(test)]
impl Metadata {
    /// What a binary would publish.
    pub(super) fn of(values: &[(&str, i32)]) -> Metadata {
        Metadata {
            values: values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
            ..Metadata::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_whatever_its_type_is_called() {
        let published = Metadata::of(&[("class_JSFunction__shared__Tagged_SharedFunctionInfo_", 32)]);
        assert_eq!(published.class_fields().places[&("JSFunction".into(), "shared".into())], 32);
    }

    #[test]
    fn a_field_published_with_two_values_tells_nothing() {
        let published = Metadata::of(&[("class_A__b__Object", 8), ("class_A__b__Smi", 16)]);
        assert!(published.class_fields().places.is_empty());
    }

    #[test]
    fn negative_and_absurd_offsets_are_refused() {
        let published = Metadata::of(&[("class_A__b__Object", -8), ("class_A__c__Object", 1 << 30)]);
        assert!(published.class_fields().places.is_empty());
    }
}
