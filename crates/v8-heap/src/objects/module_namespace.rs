//! Module namespace objects: what `import * as name` gives.
//!
//! ```text
//!   JSModuleNamespace --> Module   +8 exports: ObjectHashTable of name -> Cell
//!                                               Cell   +8 value; the hole while the module has not run that far
//! ```
//!
//! (V8: `src/objects/module.tq`, `src/objects/module.h`, `JSModuleNamespace`.)

use crate::layout::Kind;
use crate::objects::collection::HashTableShape;
use crate::objects::value::HeapObject;
use crate::view::View;
use crate::{Result, Tagged};

impl View<'_> {
    /// Names and values of a module's exports, in the order that programs see: by code units.
    ///
    /// # Errors
    /// If the object is no module namespace, or the exports cannot be read.
    pub fn module_exports(&self, object: HeapObject<'_>) -> Result<Vec<(Tagged, Tagged)>> {
        if object.kind() != Kind::JsModuleNamespace {
            return Err(self.wrong_type(object.value(), "JSModuleNamespace"));
        }
        let words = self.words();
        let module = words.tagged(object.address + self.fields().module_namespace_module, "module")?;
        let module = self.object(module)?;
        let exports =
            self.object(words.tagged(module.address + self.fields().module_exports, "exports of a module")?)?;
        let mut found: Vec<(Tagged, Tagged)> = Vec::new();
        let mut failure = None;
        self.for_each_entry(exports.address, HashTableShape::EPHEMERON, |entry| {
            if !self.is_string(entry[0]) {
                return true;
            }
            match self
                .object(entry[1])
                .and_then(|cell| words.tagged(cell.address + self.fields().cell_value, "Cell"))
            {
                Ok(value) => found.push((entry[0], value)),
                Err(error) => failure = Some(error),
            }
            failure.is_none()
        })?;
        if let Some(error) = failure {
            return Err(error);
        }
        found.sort_by_cached_key(|(name, _)| {
            self.name_text(*name).unwrap_or_default().encode_utf16().collect::<Vec<_>>()
        });
        Ok(found)
    }
}
