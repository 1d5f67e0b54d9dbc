//! Contexts: the variables that closures capture.
//!
//! ```text
//!   Context   +16 scope info   +24 previous   +32 [extension]   locals ...
//! ```
//!
//! The scope info names the locals, in slot order (V8: `src/objects/contexts.h`, `scope-info.h`). What the extension is
//! depends on the scope: the object of a `with`, an object with the variables that sloppy `eval` declared, or a module,
//! whose imports and exports are cells that modules share:
//!
//! ```text
//!   ModuleContext --> SourceTextModule --> regular exports, regular imports: FixedArray --> Cell   +8 value
//! ```
//!
//! V8 keeps of a scope only what some function inside it uses: other variables are in no context.

use crate::address_map::AddressMap;
pub use crate::layout::ScopeKind;
use crate::layout::{Kind, ScopeInfoParts};
use crate::objects::collection::HashTableShape;
use crate::objects::value::HeapObject;
use crate::view::View;
use crate::{PropertyValue, Result, Tagged};

/// Slot of the scope info.
pub(crate) const SCOPE_INFO: u64 = 0;
/// Slot of the enclosing context.
const PREVIOUS: u64 = 1;
/// `Context::EXTENSION_INDEX`, if there is one.
const EXTENSION: u64 = 2;
/// The same of a native context, which is its global object.
pub(crate) const GLOBAL_OBJECT: u64 = EXTENSION;
/// Name, cell index, properties.
const MODULE_VARIABLE_WORDS: u64 = 3;

/// `ContextCell`: the value of a top-level `let`, or of a variable that few functions share, from V8 14 on. (V8 13 marks such
/// slots beside the context, with a `ContextSidePropertyCell`, and keeps plain values in them: unboxed integers only where
/// small ones have 31 bits.)
mod cell {
    pub const STATE_INT32: u32 = 2;
    pub const STATE_DOUBLE: u32 = 3;
}

/// No function is inside of more scopes that have a context: V8's parser has no stack for them.
const MOST_CONTEXTS: usize = 1 << 14;
/// What is bound can be bound again.
const MOST_BOUND: usize = 1 << 10;

/// A scope of which there is a context.
#[derive(Clone, Debug)]
pub struct Scope<'h> {
    /// The context.
    pub context: HeapObject<'h>,
    /// What opens it; `None` for the outermost one, which holds what the language itself declares.
    pub kind: Option<ScopeKind>,
    /// Name of the function, if it is one's.
    pub function_name: Option<Tagged>,
    /// The object whose properties are its variables: of a `with`, or the global object.
    pub object: Option<Tagged>,
    /// Its variables, but for those of the global object: those in its slots, then those that `eval` declared, that a module
    /// imports or exports, that are properties of the object of a `with`.
    pub variables: Vec<Variable>,
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
    /// Nothing yet: its declaration has not been reached.
    Uninitialized,
    /// Whatever a property of the object of a `with` has in place of a value.
    Property(PropertyValue),
}

impl<'t> View<'t> {
    /// The innermost context that an object brings along: of a function, the one it was made in; of a bound function, that of
    /// the function it calls; of a generator, the one it was suspended in; a context itself.
    ///
    /// # Errors
    /// If it is none of these, or cannot be read.
    pub fn closure_context(&self, object: HeapObject<'_>) -> Result<HeapObject<'_>> {
        let mut object = self.object(object.value())?;
        for _ in 0..MOST_BOUND {
            if object.kind() != Kind::JsBoundFunction {
                break;
            }
            object = self.object(self.bound_function(object)?.target)?;
        }
        let context = match object.kind() {
            Kind::Context | Kind::NativeContext => return Ok(object),
            Kind::JsFunction => self.function_context(object)?,
            Kind::JsGenerator => self
                .words()
                .tagged(object.address + self.fields().generator_context, "context of a generator")?,
            _ => return Err(self.wrong_type(object.value(), "function, generator or Context")),
        };
        let context = self.object(context)?;
        match context.kind() {
            Kind::Context | Kind::NativeContext => Ok(context),
            _ => Err(self.wrong_type(context.value(), "Context")),
        }
    }

    /// A context and those around it, outwards; the last one is a native context, if the core holds it.
    pub fn context_chain<'h>(&'h self, innermost: HeapObject<'h>) -> Vec<HeapObject<'h>> {
        let (mut chain, mut seen) = (Vec::new(), AddressMap::default());
        let mut next = Some(innermost);
        while let Some(context) = next {
            if chain.len() >= MOST_CONTEXTS || seen.insert(context.address, ()).is_some() {
                break;
            }
            chain.push(context);
            if context.kind() == Kind::NativeContext {
                break;
            }
            next = self.previous_context(context).ok().flatten();
        }
        chain
    }

    /// The contexts of all scripts that share a global object, in the order in which the scripts ran.
    ///
    /// # Errors
    /// If their table cannot be read.
    pub fn script_contexts(&self, native_context: HeapObject<'_>) -> Result<Vec<HeapObject<'_>>> {
        if native_context.kind() != Kind::NativeContext {
            return Err(self.wrong_type(native_context.value(), "NativeContext"));
        }
        let slot = self.layout().script_context_table_slot;
        let at = self.fields().context_slot(native_context.address, slot);
        let table = self.object(self.words().tagged(at, "ScriptContextTable")?)?;
        let capacity = self.plausible_length(table.address, self.fields().script_contexts_capacity)?;
        let mut contexts = Vec::new();
        for index in self.layout().facts.script_context_table_first..capacity {
            let word =
                self.words().tagged(self.fields().script_context(table.address, index), "ScriptContextTable");
            // Behind those in use there are fillers.
            match word.and_then(|word| self.object(word)) {
                Ok(context) if context.kind() == Kind::Context => contexts.push(context),
                _ => break,
            }
        }
        Ok(contexts)
    }

    /// The scope of a context: what opens it, and all its variables.
    ///
    /// # Errors
    /// If the context or what describes it cannot be read.
    pub fn scope<'h>(&'h self, context: HeapObject<'h>) -> Result<Scope<'h>> {
        let words = self.words();
        if context.kind() == Kind::NativeContext {
            let global = words
                .tagged(self.fields().context_slot(context.address, GLOBAL_OBJECT), "global object")
                .ok()
                .filter(|global| self.object(*global).is_ok_and(|o| o.kind() == Kind::JsGlobalObject));
            let variables = Vec::new();
            return Ok(Scope { context, kind: None, function_name: None, object: global, variables });
        }
        let info = self
            .object(words.tagged(self.fields().context_slot(context.address, SCOPE_INFO), "scope info")?)?;
        if context.kind() != Kind::Context || info.kind() != Kind::ScopeInfo {
            return Err(self.wrong_type(context.value(), "Context"));
        }
        let parts = self.scope_info(info.address).ok_or_else(|| crate::Error::Implausible {
            what: "flags",
            object: info.value(),
            found: "counts that are none".to_owned(),
        })?;
        let function_name = match parts.function_name {
            Some(index) if parts.kind == Some(ScopeKind::Function) => {
                Some(self.scope_info_word(info.address, index)?).filter(|name| self.is_string(*name))
            }
            _ => None,
        };
        let mut scope = Scope {
            context,
            kind: parts.kind,
            function_name: function_name.filter(|name| self.string_length(*name).is_ok_and(|n| n > 0)),
            object: self.with_object(context)?,
            variables: self.context_variables(context)?,
        };
        self.add_extension(&mut scope, info.address, &parts)?;
        Ok(scope)
    }

    /// Adds the variables that are not in slots.
    fn add_extension(&self, scope: &mut Scope<'_>, info: u64, parts: &ScopeInfoParts) -> Result<()> {
        if !parts.has_extension_slot {
            return Ok(());
        }
        let at = self.fields().context_slot(scope.context.address, EXTENSION);
        let Ok(extension) = self.object(self.words().tagged(at, "context extension")?) else { return Ok(()) };
        match (parts.kind, extension.kind()) {
            (Some(ScopeKind::Module), Kind::SourceTextModule) => {
                self.add_module_variables(scope, info, parts, extension)
            }
            (_, kind) if kind.is_js_object() => {
                for property in self.own_properties(extension)? {
                    if self.is_string(property.name) {
                        let value = match property.value {
                            PropertyValue::Data(value) => VariableValue::Tagged(value),
                            PropertyValue::Double(number) => VariableValue::Number(number),
                            value => VariableValue::Property(value),
                        };
                        scope.variables.push(Variable { name: property.name, value });
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Adds what a module exports and imports: a positive index counts its exports from 1, a negative one its imports (V8:
    /// `SourceTextModule::GetCell`).
    fn add_module_variables(
        &self,
        scope: &mut Scope<'_>,
        info: u64,
        parts: &ScopeInfoParts,
        module: HeapObject<'_>,
    ) -> Result<()> {
        let fields = self.fields();
        for variable in 0..parts.module_variable_count {
            let first = parts.module_variables + MODULE_VARIABLE_WORDS * variable;
            let name = self.scope_info_word(info, first)?;
            let Some(index) = self.scope_info_word(info, first + 1)?.smi() else { break };
            let cells = if index < 0 { fields.module_regular_imports } else { fields.module_regular_exports };
            let cells = module.address + cells;
            let cells = self.object(self.words().tagged(cells, "cells of a module")?)?;
            let Some(index) = u64::from(index.unsigned_abs()).checked_sub(1) else { continue };
            if cells.kind() != Kind::FixedArray || index >= self.fixed_array_length(cells.address)? {
                continue;
            }
            let at = self.fields().element(cells.address, index);
            let cell = self.object(self.words().tagged(at, "Cell of a module")?)?;
            // Until modules are linked there is nothing here.
            if cell.kind() == Kind::Cell {
                let value = self.words().tagged(cell.address + fields.cell_value, "value of a Cell")?;
                scope.variables.push(Variable { name, value: self.variable_value(value)? });
            }
        }
        Ok(())
    }

    /// What a function keeps in its own context under its own name: that of a function expression that uses it.
    pub(crate) fn function_variable(&self, info: u64, parts: &ScopeInfoParts) -> Option<(u64, Tagged)> {
        let index = parts.function_name.filter(|_| parts.function_name_is_in_context)?;
        let name = self.scope_info_word(info, index).ok()?;
        let slot = self.scope_info_word(info, index + 1).ok()?.smi()?;
        Some((u64::try_from(slot).ok()?, name))
    }

    /// The context around a context.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn previous_context(&self, context: HeapObject<'_>) -> Result<Option<HeapObject<'_>>> {
        let previous =
            self.words().tagged(self.fields().context_slot(context.address, PREVIOUS), "previous context")?;
        Ok(self
            .object(previous)
            .ok()
            .filter(|object| matches!(object.kind(), Kind::Context | Kind::NativeContext)))
    }

    /// The `ScopeInfo` of a context: the same for all that one place of a script opens.
    pub(crate) fn context_scope_info(&self, context: HeapObject<'_>) -> Result<Tagged> {
        self.words().tagged(self.fields().context_slot(context.address, SCOPE_INFO), "scope info")
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
        let length = self.context_length(context.address)?;
        let scope = self.object(self.context_scope_info(context)?)?;
        let mut variables = Vec::new();
        for (slot, name) in self.slot_names(scope)? {
            if slot >= length {
                break;
            }
            let word = words.tagged(self.fields().context_slot(context.address, slot), "context slot")?;
            variables.push(Variable { name, value: self.variable_value(word)? });
        }
        Ok(variables)
    }

    /// Where in its script the scope of a context begins, or else one around it, if V8 keeps that.
    pub fn scope_start(&self, context: HeapObject<'_>) -> Option<u32> {
        self.context_chain(context).into_iter().find_map(|context| {
            let scope = self.object(self.context_scope_info(context).ok()?).ok()?;
            let positions =
                self.scope_info(scope.address).filter(|_| scope.kind() == Kind::ScopeInfo)?.positions?;
            u32::try_from(self.scope_info_word(scope.address, positions).ok()?.smi()?).ok()
        })
    }

    /// The slots that variables have in contexts with this `ScopeInfo`, and their names, in the order of the slots. Empty for
    /// anything else.
    pub(crate) fn slot_names(&self, scope: HeapObject<'_>) -> Result<Vec<(u64, Tagged)>> {
        if scope.kind() != Kind::ScopeInfo {
            return Ok(Vec::new());
        }
        let Some(parts) = self.scope_info(scope.address) else { return Ok(Vec::new()) };
        let first = parts.first_local;
        let mut names: Vec<(u64, Tagged)> = Vec::new();
        if parts.names_are_hashed {
            let table = self.object(self.scope_info_word(scope.address, parts.names)?)?;
            self.for_each_entry(table.address, HashTableShape::EPHEMERON, |entry| {
                if let Some(index) = entry[1].smi().and_then(|index| u64::try_from(index).ok()) {
                    names.push((first + index, entry[0]));
                }
                true
            })?;
            names.sort_unstable_by_key(|(slot, _)| *slot);
        } else {
            for index in 0..parts.locals {
                names.push((first + index, self.scope_info_word(scope.address, parts.names + index)?));
            }
        }
        if let Some((slot, name)) = self.function_variable(scope.address, &parts)
            && slot >= first
        {
            names.push((slot, name));
        }
        Ok(names)
    }

    /// The object of the `with` statement that a context is for.
    ///
    /// # Errors
    /// If the context or its scope info cannot be read.
    pub fn with_object(&self, context: HeapObject<'_>) -> Result<Option<Tagged>> {
        let words = self.words();
        let scope = self
            .object(words.tagged(self.fields().context_slot(context.address, SCOPE_INFO), "scope info")?)?;
        let parts = Some(scope).filter(|scope| scope.kind() == Kind::ScopeInfo);
        if !parts
            .and_then(|scope| self.scope_info(scope.address))
            .is_some_and(|parts| parts.has_extension_slot && parts.kind == Some(ScopeKind::With))
        {
            return Ok(None);
        }
        let at = self.fields().context_slot(context.address, EXTENSION);
        let extension = words.tagged(at, "context extension")?;
        let Ok(object) = self.object(extension) else { return Ok(None) };
        Ok(object.kind().is_js_object().then_some(extension))
    }

    /// The value of a variable whose slot holds `word`: that itself, or what a cell of its own keeps.
    ///
    /// # Errors
    /// The cell cannot be read.
    pub fn variable_value(&self, word: Tagged) -> Result<VariableValue> {
        let plain = |word: Tagged| match self.is_hole(word) {
            true => VariableValue::Uninitialized,
            false => VariableValue::Tagged(word),
        };
        let Ok(object) = self.object(word) else { return Ok(plain(word)) };
        if object.kind() != Kind::ContextCell {
            return Ok(plain(word));
        }
        let (words, fields) = (self.words(), self.fields());
        let raw = || words.word(object.address + fields.context_cell_number, "value of a ContextCell");
        Ok(match words.word32(object.address + fields.context_cell_state, "state of a ContextCell")? {
            // Every 32-bit integer is a small integer where these are 32 bits wide.
            cell::STATE_INT32 => VariableValue::Tagged(Tagged::from_smi(raw()? as u32 as i32)),
            cell::STATE_DOUBLE => VariableValue::Number(f64::from_bits(raw()?)),
            _ => plain(words.tagged(object.address + fields.context_cell_value, "value of a ContextCell")?),
        })
    }
}
