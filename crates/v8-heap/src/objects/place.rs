//! Places inside an object: what the word at an offset is called.
//!
//! The class description names fields and tails ([`crate::layout::Class`]); what a map, a scope info or a descriptor array
//! adds to that are the names of properties and variables.

use crate::layout::{Class, Field, FieldKind, Kind, ScopeInfoParts, TailLayout};
use crate::objects::collection::HashTableShape;
use crate::objects::context::SCOPE_INFO;
use crate::objects::value::HeapObject;
use crate::view::View;
use crate::{Result, Tagged};

/// What is at an offset of an object.
#[derive(Clone, Debug)]
pub enum Place<'h> {
    /// A field of its class, or of a parent of that.
    Field(&'h Class, &'h Field),
    /// A field of an embedder, counted from 0.
    EmbedderField(u64),
    /// A property inside the object, by its name.
    Property(Tagged),
    /// Room for a property inside the object that it does not have, counted from 0.
    UnusedProperty(u64),
    /// A word of a tail of entries.
    Entry {
        /// V8's name for the tail.
        tail: &'static str,
        /// Number of the entry.
        index: u64,
        /// V8's name for the part of the entry; empty if there is only one.
        part: &'static str,
        /// What is there.
        kind: FieldKind,
    },
    /// A slot of a context, and the variable in it.
    ContextSlot(u64, Option<Tagged>),
    /// A slot of a native context, and V8's name for it.
    NativeSlot(u64, &'static str),
    /// A part of a scope info, by V8's name, and its number if there are several.
    ScopePart(&'static str, Option<u64>),
    /// Bytes of a tail, counted from its start.
    Bytes(&'static str, u64),
    /// Padding, or more than the class is known to have.
    Nothing,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FieldValue {
    /// A tagged word.
    Tagged(Tagged),
    /// A native pointer.
    Pointer(u64),
    /// A number.
    Unsigned(u64),
    /// A number.
    Signed(i64),
    /// A number.
    Double(f64),
}

impl View<'_> {
    /// What is at `offset` bytes from the untagged start of an object.
    pub fn place_at<'h>(&'h self, object: HeapObject<'h>, offset: u64) -> Place<'h> {
        let Some(id) = self.layout().type_info(object.map.instance_type).and_then(|info| info.class) else {
            return Place::Nothing;
        };
        let classes = self.classes();
        let word = self.fields().words.tagged;
        let header = match object.map.inobject_start_words {
            start if start > 0 && object.kind().is_js_object() => word * u64::from(start),
            _ => u64::MAX,
        };
        if offset < header {
            let at =
                |field: &&(&Class, &Field)| (field.1.offset..field.1.offset + field.1.size).contains(&offset);
            if let Some(&(class, field)) = classes.all_fields(id).iter().find(at) {
                return Place::Field(class, field);
            }
        }
        let class = classes.class(id);
        if object.kind().is_js_object() && object.map.instance_size_words > 0 {
            if offset < header {
                return match offset.checked_sub(class.size.next_multiple_of(word)) {
                    Some(behind) => Place::EmbedderField(behind / self.fields().words.pointer),
                    None => Place::Nothing,
                };
            }
            return self.property_place(object, (offset - header) / word);
        }
        let Some(tail) = &class.tail else { return Place::Nothing };
        let Some(behind) = offset.checked_sub(tail.offset) else { return Place::Nothing };
        match (&tail.layout, object.kind()) {
            (_, Kind::NativeContext) if self.layout().native_context_slot(behind / word).is_some() => {
                let name = self.layout().native_context_slot(behind / word);
                Place::NativeSlot(behind / word, name.unwrap_or_default())
            }
            (_, Kind::Context | Kind::NativeContext) => {
                Place::ContextSlot(behind / word, self.variable_in_slot(object, behind / word))
            }
            (TailLayout::Scope, _) => self.scope_place(object, (offset - word) / word),
            (TailLayout::Entries(parts), _) => {
                let size = tail.layout.entry_size();
                let within = behind % size;
                match parts.iter().find(|part| (part.offset..part.offset + part.size).contains(&within)) {
                    Some(part) => Place::Entry {
                        tail: tail.name,
                        index: behind / size,
                        part: part.name,
                        kind: part.kind,
                    },
                    None => Place::Nothing,
                }
            }
            (TailLayout::Ephemeron | TailLayout::Small | TailLayout::Swiss, _) => {
                Place::Entry { tail: tail.name, index: behind / word, part: "", kind: FieldKind::Tagged }
            }
            (layout, _) => {
                debug_assert!(!matches!(layout, TailLayout::Scope), "told above");
                Place::Bytes(tail.name, behind)
            }
        }
    }

    /// The property in the in-object slot with this number.
    fn property_place(&self, object: HeapObject<'_>, slot: u64) -> Place<'_> {
        match self.property_in_slot(object.map, slot) {
            Some(name) => Place::Property(name),
            None => Place::UnusedProperty(slot),
        }
    }

    /// The name of the variable in a slot of a context.
    fn variable_in_slot(&self, context: HeapObject<'_>, slot: u64) -> Option<Tagged> {
        if context.kind() != Kind::Context {
            return None;
        }
        let words = self.words();
        let scope = self
            .object(words.tagged(self.fields().context_slot(context.address, SCOPE_INFO), "scope info").ok()?)
            .ok()?;
        if scope.kind() != Kind::ScopeInfo {
            return None;
        }
        let parts = self.scope_info(scope.address)?;
        let index = slot.checked_sub(parts.first_local)?;
        if !parts.names_are_hashed {
            let name =
                (index < parts.locals).then(|| self.scope_info_word(scope.address, parts.names + index));
            return name?.ok();
        }
        let table = self.object(self.scope_info_word(scope.address, parts.names).ok()?).ok()?;
        let mut found = None;
        self.for_each_entry(table.address, HashTableShape::EPHEMERON, |entry| {
            if entry[1].smi().and_then(|at| u64::try_from(at).ok()) == Some(index) {
                found = Some(entry[0]);
            }
            found.is_none()
        })
        .ok()?;
        found
    }

    /// What the word of a scope info with this number is, counted from its first field.
    fn scope_place(&self, scope: HeapObject<'_>, index: u64) -> Place<'_> {
        let Some(parts) = self.scope_info(scope.address) else { return Place::Nothing };
        let ScopeInfoParts { names, locals, .. } = parts;
        let inline = if parts.names_are_hashed { 1 } else { locals };
        if (names..names + inline).contains(&index) {
            return match parts.names_are_hashed {
                true => Place::ScopePart("context_local_names_hashtable", None),
                false => Place::ScopePart("context_local_names", Some(index - names)),
            };
        }
        if (names + inline..names + inline + locals).contains(&index) {
            return Place::ScopePart("context_local_infos", Some(index - names - inline));
        }
        let named = [
            (parts.function_name, "function_variable_info.name"),
            (parts.function_name.map(|at| at + 1), "function_variable_info.context_or_stack_slot_index"),
            (parts.inferred_name, "inferred_function_name"),
            (parts.positions, "position_info.start"),
            (parts.positions.map(|at| at + 1), "position_info.end"),
            (parts.outer, "outer_scope_info"),
        ];
        match named.iter().find(|(at, _)| *at == Some(index)) {
            Some((_, name)) => Place::ScopePart(name, None),
            None => Place::ScopePart("part", Some(index)),
        }
    }

    /// What a field of an object holds.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn field_value(&self, object: HeapObject<'_>, offset: u64, kind: FieldKind) -> Result<FieldValue> {
        let words = self.words();
        let at = object.address + offset;
        Ok(match kind {
            FieldKind::Tagged | FieldKind::Smi | FieldKind::Weak | FieldKind::Held => {
                FieldValue::Tagged(words.tagged(at, "tagged field")?)
            }
            FieldKind::InCodeCage => {
                let bytes = words.bytes::<4>(at, "field in the cage of code")?;
                FieldValue::Tagged(self.spaces().code_encoding().first(&bytes).unwrap_or_default())
            }
            FieldKind::Trusted => FieldValue::Tagged(words.trusted(at, "trusted field")?),
            FieldKind::Protected | FieldKind::ProtectedWeak => {
                FieldValue::Tagged(words.protected(at, "protected field")?)
            }
            FieldKind::External => FieldValue::Pointer(words.external(at, "external field")?),
            FieldKind::ExternalShared => FieldValue::Pointer(words.shared_external(at, "external field")?),
            FieldKind::Sandboxed => {
                FieldValue::Pointer(words.sandboxed_address(at, "address in the sandbox")?)
            }
            FieldKind::Bounded => FieldValue::Unsigned(words.sandboxed_length(at, "length in the sandbox")?),
            // An aligned native pointer has the lowest bit clear, which a pointer to an object has not.
            FieldKind::Embedder => match words.word(at, "embedder field")? {
                word if word & 1 == 1 => FieldValue::Tagged(words.tagged(at, "embedder field")?),
                word => FieldValue::Pointer(word),
            },
            FieldKind::Pointer | FieldKind::Code => FieldValue::Pointer(words.word(at, "pointer field")?),
            FieldKind::Double => FieldValue::Double(f64::from_bits(words.word(at, "double field")?)),
            FieldKind::Unsigned(size) | FieldKind::Signed(size) => {
                let value = match size {
                    1 => u64::from(words.bytes::<1>(at, "field")?[0]),
                    2 => u64::from(words.word16(at, "field")?),
                    4 => u64::from(words.word32(at, "field")?),
                    _ => words.word(at, "field")?,
                };
                let unused = 64 - 8 * u32::from(size.min(8));
                match kind {
                    FieldKind::Signed(_) => FieldValue::Signed((value << unused) as i64 >> unused),
                    _ => FieldValue::Unsigned(value),
                }
            }
        })
    }

    /// What the field called `name` holds, of the object's class or of a parent of that.
    ///
    /// # Errors
    /// If there is no such field in this version of V8, or it cannot be read.
    pub fn named_field(&self, object: HeapObject<'_>, name: &'static str) -> Result<FieldValue> {
        let class = self.layout().type_info(object.map.instance_type).and_then(|info| info.class);
        let fields = class.map_or_else(Vec::new, |class| self.classes().all_fields(class));
        match fields.iter().rev().find(|(_, field)| field.name == name) {
            Some((_, field)) => self.field_value(object, field.offset, field.kind),
            None => Err(crate::Error::Implausible {
                what: name,
                object: object.value(),
                found: format!("a {} without", self.class_name(object.value())),
            }),
        }
    }
}
