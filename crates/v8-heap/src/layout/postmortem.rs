//! The `v8dbg_*` symbols: what V8 publishes of its layout for post-mortem debuggers.
//!
//! Each is a 32-bit integer in the binary (V8: `tools/gen-postmortem-metadata.py`). Their names carry C++ types, which
//! change more often than the values do, so a field is looked up by `class_Map__prototype__` and the rest ignored. A
//! field listed twice with different values (older releases list stale unions) tells nothing and is ignored.

use std::collections::HashMap;

use core_reader::Symbols;

use super::class::PublishedFields;
use super::{Fields, FunctionTypes};

/// What all names begin with.
pub const METADATA_PREFIX: &str = "v8dbg_";

/// The published integers, by name without the common prefix.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    values: HashMap<String, i32>,
}

impl Metadata {
    pub(super) fn load(symbols: &dyn Symbols, read_int: &dyn Fn(u64) -> Option<i32>) -> Metadata {
        let values = symbols
            .with_prefix(METADATA_PREFIX)
            .into_iter()
            .filter_map(|symbol| {
                let value = read_int(symbol.address.0)?;
                Some((symbol.name.strip_prefix(METADATA_PREFIX)?.to_owned(), value))
            })
            .collect();
        Metadata { values }
    }

    /// Instance types by number.
    pub(super) fn types(&self) -> Vec<(u16, Box<str>)> {
        let mut types: Vec<(u16, Box<str>)> = self
            .values
            .iter()
            .filter_map(|(name, &value)| {
                let class = name.strip_prefix("type_")?.split("__").next()?;
                // An alias that shares its number with the class it is made of.
                (class != "DependentCode").then(|| Some((u16::try_from(value).ok()?, class.into())))?
            })
            .collect();
        types.sort();
        types.dedup_by_key(|(number, _)| *number);
        types
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

    pub(super) fn function_types(&self) -> Option<FunctionTypes> {
        let number = |name: &str| u16::try_from(*self.values.get(name)?).ok();
        Some(FunctionTypes { first: number("FirstJSFunctionType")?, last: number("LastJSFunctionType")? })
    }

    /// The one value published for a field, whatever its type is called.
    fn field(&self, prefix: &str) -> Option<u64> {
        let mut found =
            self.values.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, value)| *value);
        let first = found.next()?;
        if found.any(|other| other != first) {
            return None;
        }
        u64::try_from(first).ok().filter(|offset| *offset < 0x1000)
    }

    /// The one offset published for each field, by class and field.
    pub(super) fn class_fields(&self) -> PublishedFields {
        let mut fields = PublishedFields::new();
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
        fields
    }

    /// Puts what is published over what the table says. Returns how many fields were published, and how many there are.
    pub(super) fn overlay_fields(&self, fields: &mut Fields) -> (usize, usize) {
        let published: [(&mut u64, &str); 17] = [
            (&mut fields.descriptor_array_header, "class_DescriptorArray__header_size__"),
            (&mut fields.function_shared, "class_JSFunction__shared__"),
            (&mut fields.function_context, "class_JSFunction__context__"),
            (&mut fields.function_feedback_cell, "class_JSFunction__raw_feedback_cell__"),
            (&mut fields.shared_name_or_scope_info, "class_SharedFunctionInfo__name_or_scope_info__"),
            (&mut fields.shared_script, "class_SharedFunctionInfo__script__"),
            (&mut fields.shared_length, "class_SharedFunctionInfo__length__"),
            (
                &mut fields.shared_formal_parameters,
                "class_SharedFunctionInfo__internal_formal_parameter_count__",
            ),
            (&mut fields.shared_token_offset, "class_SharedFunctionInfo__raw_function_token_offset__"),
            (&mut fields.shared_flags, "class_SharedFunctionInfo__flags__"),
            (&mut fields.bytecode_data, "class_BytecodeArray__data__"),
            (&mut fields.array_buffer_byte_length, "class_JSArrayBuffer__byte_length__"),
            (&mut fields.array_buffer_backing_store, "class_JSArrayBuffer__backing_store__"),
            (&mut fields.view_byte_offset, "class_JSArrayBufferView__byte_offset__"),
            (&mut fields.view_byte_length, "class_JSArrayBufferView__byte_length__"),
            (&mut fields.typed_array_external_pointer, "class_JSTypedArray__external_pointer__"),
            (&mut fields.typed_array_base_pointer, "class_JSTypedArray__base_pointer__"),
        ];
        /// Fields that no release publishes.
        const NEVER_PUBLISHED: usize = 33;
        let total = published.len() + NEVER_PUBLISHED;
        let mut count = 0;
        for (field, prefix) in published {
            if let Some(offset) = self.field(prefix) {
                *field = offset;
                count += 1;
            }
        }
        if let Some(&kind) = self.values.get("OddballUndefined") {
            fields.undefined_kind = kind;
            count += 1;
        }
        (count, total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(values: &[(&str, i32)]) -> Metadata {
        Metadata { values: values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect() }
    }

    #[test]
    fn a_field_is_found_whatever_its_type_is_called() {
        let published = metadata(&[("class_JSFunction__shared__Tagged_SharedFunctionInfo_", 32)]);
        assert_eq!(published.field("class_JSFunction__shared__"), Some(32));
    }

    #[test]
    fn a_field_published_with_two_values_tells_nothing() {
        let published = metadata(&[("class_A__b__Object", 8), ("class_A__b__Smi", 16)]);
        assert_eq!(published.field("class_A__b__"), None);
    }

    #[test]
    fn negative_and_absurd_offsets_are_refused() {
        let published = metadata(&[("class_A__b__Object", -8), ("class_A__c__Object", 1 << 30)]);
        assert_eq!(published.field("class_A__b__"), None);
        assert_eq!(published.field("class_A__c__"), None);
    }
}
