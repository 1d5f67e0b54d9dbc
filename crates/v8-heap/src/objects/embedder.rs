//! What an embedder keeps in objects made from its templates: Node.js the address of the C++ object behind each.
//!
//! ```text
//!   JSAPIObjectWithEmbedderSlots   +24 [from V8 13 on: C++ heap wrappable]  embedder fields ...  in-object properties
//! ```
//!
//! (V8: `src/objects/js-objects.h`, `JSObject::GetEmbedderFieldCount`; Node.js: `src/base_object.h`.)

use std::ops::Range;

use crate::Result;
use crate::layout::Kind;
use crate::objects::value::HeapObject;
use crate::shape::map::Map;
use crate::view::View;

/// What an embedder keeps in an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmbedderData {
    /// Address of the object on the C++ heap that it stands for.
    pub wrappable: Option<u64>,
    /// The embedder fields: tagged values, or addresses.
    pub fields: Vec<u64>,
}

impl View<'_> {
    /// Where objects with this map have what the embedder keeps in them, in bytes from their start.
    pub(crate) fn embedder_range(&self, map: &Map) -> Range<u32> {
        let fields = self.fields();
        let start = fields.api_wrappable.unwrap_or(fields.embedder_fields).min(fields.embedder_fields);
        let word = fields.words.tagged as u32;
        let end = word * u32::from(map.inobject_start_words.min(map.instance_size_words));
        start as u32..end.max(start as u32)
    }

    /// The address in a field that has one, or the number of one in a table of the isolate where pointers are compressed; nothing if it is
    /// null, or such a number, as these tables are not read.
    ///
    /// # Errors
    /// If the field cannot be read.
    pub(crate) fn address_or_handle(&self, at: u64, what: &'static str) -> Result<Option<u64>> {
        if self.fields().words.has_handles() {
            return Ok(None);
        }
        self.words().word(at, what).map(|address| Some(address).filter(|address| *address != 0))
    }

    /// The address outside in a field; nothing if it is null.
    ///
    /// # Errors
    /// If the field cannot be read, or what it stands for.
    pub(crate) fn external_address(&self, at: u64, what: &'static str) -> Result<Option<u64>> {
        self.words().external(at, what).map(|address| Some(address).filter(|address| *address != 0))
    }

    /// What the embedder keeps in an object; nothing for objects that are not made from its templates.
    ///
    /// # Errors
    /// If the object cannot be read.
    pub fn embedder_fields(&self, object: HeapObject<'_>) -> Result<EmbedderData> {
        let words = self.words();
        if object.kind() != Kind::JsApiObject {
            return Ok(EmbedderData::default());
        }
        let first = self.fields().embedder_fields;
        let sizes = self.fields().words;
        let end =
            sizes.tagged * u64::from(object.map.inobject_start_words.min(object.map.instance_size_words));
        let mut data = EmbedderData::default();
        if let Some(at) = self.fields().api_wrappable.filter(|at| *at < end) {
            data.wrappable = self.address_or_handle(object.address + at, "C++ heap wrappable")?;
        }
        for at in (first..end).step_by(sizes.pointer as usize) {
            data.fields.push(words.word(object.address + at, "embedder field")?);
        }
        Ok(data)
    }
}
