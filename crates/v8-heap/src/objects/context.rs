//! Contexts: the variables that closures capture.
//!
//! ```text
//!   Context   +16 scope info   +24 previous   +32 [extension]   locals ...
//! ```
//!
//! The scope info names the locals, in slot order (V8: `src/objects/contexts.h`, `scope-info.h`).

use crate::heap::Heap;
use crate::layout::{Kind, offset};
use crate::objects::collection::HashTableShape;
use crate::objects::value::HeapObject;
use crate::{Result, Tagged};

/// Slot of the enclosing context.
const PREVIOUS: u64 = 1;
/// Slots before the locals (`Context::MIN_CONTEXT_SLOTS`), an extension slot not counted.
const MIN_SLOTS: u64 = 2;

/// `ContextCell`: the value of a top-level `let`, from V8 14 on.
mod cell {
    pub const TAGGED_VALUE: u64 = 8;
    pub const STATE: u64 = 24;
    pub const RAW_VALUE: u64 = 32;
    pub const STATE_INT32: u32 = 2;
    pub const STATE_DOUBLE: u32 = 3;
}

/// A variable in a context.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name.
    pub name: Tagged,
    /// Its value.
    pub value: VariableValue,
}

/// The value of a variable.
#[derive(Clone, Copy, Debug)]
pub enum VariableValue {
    /// As it is.
    Tagged(Tagged),
    /// A number that V8 keeps unboxed.
    Number(f64),
}

impl Heap<'_> {
    /// The context around a context.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn previous_context(&self, context: HeapObject<'_>) -> Result<Option<HeapObject<'_>>> {
        let previous = self
            .words()
            .tagged(context.address + offset::ARRAY_ELEMENTS + 8 * PREVIOUS, "previous context")?;
        Ok(self
            .object(previous)
            .ok()
            .filter(|object| matches!(object.kind(), Kind::Context | Kind::NativeContext)))
    }

    /// The variables of a context, in slot order. Empty for native contexts.
    ///
    /// # Errors
    /// If the context or its scope info cannot be read.
    pub fn context_variables(&self, context: HeapObject<'_>) -> Result<Vec<Variable>> {
        if context.kind() != Kind::Context {
            return Ok(Vec::new());
        }
        let words = self.words();
        let length = self.fixed_array_length(context.address)?;
        let scope = self.object(words.tagged(context.address + offset::ARRAY_ELEMENTS, "scope info")?)?;
        if scope.kind() != Kind::ScopeInfo {
            return Ok(Vec::new());
        }
        let Some(parts) = self.scope_info(scope.address) else { return Ok(Vec::new()) };
        let first = MIN_SLOTS + u64::from(parts.has_extension_slot);
        let mut names: Vec<(u64, Tagged)> = Vec::new();
        if parts.names_are_hashed {
            let table = self.object(self.scope_info_word(scope.address, parts.names)?)?;
            self.for_each_entry(table.address, HashTableShape::EPHEMERON, |entry| {
                if let Some(index) = entry[1].smi().and_then(|index| u64::try_from(index).ok()) {
                    names.push((index, entry[0]));
                }
                true
            })?;
            names.sort_unstable_by_key(|(index, _)| *index);
        } else {
            for index in 0..parts.locals {
                names.push((index, self.scope_info_word(scope.address, parts.names + index)?));
            }
        }
        let mut variables = Vec::with_capacity(names.len());
        for (index, name) in names {
            let slot = first + index;
            if slot >= length {
                break;
            }
            let word = words.tagged(context.address + offset::ARRAY_ELEMENTS + 8 * slot, "context slot")?;
            variables.push(Variable { name, value: self.variable_value(word)? });
        }
        Ok(variables)
    }

    /// The object of the `with` statement that a context is for.
    ///
    /// # Errors
    /// If the context or its scope info cannot be read.
    pub fn with_object(&self, context: HeapObject<'_>) -> Result<Option<Tagged>> {
        let words = self.words();
        let scope = self.object(words.tagged(context.address + offset::ARRAY_ELEMENTS, "scope info")?)?;
        let parts = Some(scope).filter(|scope| scope.kind() == Kind::ScopeInfo);
        if !parts
            .and_then(|scope| self.scope_info(scope.address))
            .is_some_and(|parts| parts.has_extension_slot)
        {
            return Ok(None);
        }
        let at = context.address + offset::ARRAY_ELEMENTS + 8 * MIN_SLOTS;
        let extension = words.tagged(at, "context extension")?;
        let Ok(object) = self.object(extension) else { return Ok(None) };
        // What sloppy `eval` declares is in an object of V8's own.
        let is_own = self.class_name(extension) == "JSContextExtensionObject";
        Ok((object.kind().is_js_object() && !is_own).then_some(extension))
    }

    fn variable_value(&self, word: Tagged) -> Result<VariableValue> {
        if !self.layout().fields.script_context_cells {
            return Ok(VariableValue::Tagged(word));
        }
        let Ok(object) = self.object(word) else { return Ok(VariableValue::Tagged(word)) };
        if object.kind() != Kind::ContextCell {
            return Ok(VariableValue::Tagged(word));
        }
        let words = self.words();
        let raw = || words.word(object.address + cell::RAW_VALUE, "value of a ContextCell");
        Ok(match words.word32(object.address + cell::STATE, "state of a ContextCell")? {
            cell::STATE_INT32 => VariableValue::Number(f64::from(raw()? as u32 as i32)),
            cell::STATE_DOUBLE => VariableValue::Number(f64::from_bits(raw()?)),
            _ => VariableValue::Tagged(
                words.tagged(object.address + cell::TAGGED_VALUE, "value of a ContextCell")?,
            ),
        })
    }
}
