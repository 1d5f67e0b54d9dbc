//! The modules of Node.js that are not the language's own: what `require` loads.
//!
//! Each is an object of the class `Module`, made by Node.js in JavaScript, with a property `filename` and an array `children` of
//! all modules that it required, whether they were loaded then or before (Node.js: `lib/internal/modules/cjs/loader.js`,
//! `updateChildren`).

use crate::heap::Heap;
use crate::objects::value::HeapObject;
use crate::{Monitor, PropertyValue, Result, Tagged};

/// A module that `require` loaded.
#[derive(Clone, Debug)]
pub struct CommonJsModule<'h> {
    /// The object of class `Module`.
    pub object: HeapObject<'h>,
    /// The file it was loaded from.
    pub file: Option<Tagged>,
    /// The modules that it required.
    pub children: Vec<Tagged>,
}

impl Heap<'_> {
    /// All modules that `require` loaded, of all isolates.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] if the monitor says so.
    pub fn commonjs_modules(&self, monitor: &dyn Monitor) -> Result<Vec<CommonJsModule<'_>>> {
        let kinds = self.kinds(monitor)?;
        let table = self.objects(monitor)?;
        let mut modules = Vec::new();
        for (index, group) in kinds.groups().iter().enumerate() {
            if self.name(group.constructor) != "Module" {
                continue;
            }
            let names = self.group_property_names(table, group);
            if !["filename", "children"].iter().all(|wanted| names.iter().any(|name| name == wanted)) {
                continue;
            }
            self.for_each_member(kinds, crate::index::GroupId(index), monitor, |object| {
                let Ok(object) = self.object(object.value()) else { return true };
                modules.push(CommonJsModule {
                    object,
                    file: self.data_property(object, "filename").filter(|file| self.is_string(*file)),
                    children: self
                        .data_property(object, "children")
                        .map_or_else(Vec::new, |list| self.members(list)),
                });
                true
            })?;
        }
        Ok(modules)
    }

    fn members(&self, list: Tagged) -> Vec<Tagged> {
        let mut members = Vec::new();
        let walked = self.object(list).and_then(|list| {
            let elements = self.elements(list)?;
            self.for_each_element(&elements, |_, element| {
                if let PropertyValue::Data(value) = element {
                    members.push(value);
                }
                true
            })
        });
        if walked.is_err() {
            members.clear();
        }
        members
    }
}
