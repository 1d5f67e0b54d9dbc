//! Symbols, and what V8 keeps under symbols that no program sees.
//!
//! ```text
//!   Symbol   +12 flags u32   +16 description, a string or undefined
//! ```
//!
//! A member `#x` of a class is a property whose name is a private symbol with the description `#x`. V8 and Node.js keep
//! data of their own under private symbols, too, and the brand of a class with private methods is one with the name of the
//! class (V8: `src/objects/name.tq`, `SymbolFlags`).

use crate::layout::Kind;
use crate::objects::properties::PropertyValue;
use crate::objects::value::HeapObject;
use crate::view::View;
use crate::{Result, Tagged};

/// Who can use a symbol as the name of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// Any program.
    Public,
    /// The class that declares the member `#x`.
    Member,
    /// V8 or the embedder only.
    Internal,
}

impl View<'_> {
    /// Who can use a symbol as the name of a property.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn symbol_privacy(&self, symbol: HeapObject<'_>) -> Result<Privacy> {
        let flags = self.words().word32(symbol.address + self.fields().symbol_flags, "flags of a Symbol")?;
        if !self.bits().symbol_private.is_set(flags) {
            return Ok(Privacy::Public);
        }
        let is_member = match self.symbol_description(symbol)? {
            Some(description) => self.string(description, 1)?.to_text() == "#",
            None => false,
        };
        Ok(if is_member { Privacy::Member } else { Privacy::Internal })
    }

    /// Whether a symbol is the name of a private member of a class, or the mark of a class that has private methods: the
    /// description is the name then.
    pub(crate) fn is_private_name(&self, symbol: HeapObject<'_>) -> bool {
        let flags = self
            .words()
            .word32(symbol.address + self.fields().symbol_flags, "flags of a Symbol")
            .unwrap_or(0);
        // Where a number tells private symbols apart, V8's own have 1.
        self.bits().symbol_private_name.is_set(flags) || self.bits().symbol_private.of(flags.into()) > 1
    }

    /// The description of a symbol, if it has one.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn symbol_description(&self, symbol: HeapObject<'_>) -> Result<Option<Tagged>> {
        let description = self
            .words()
            .tagged(symbol.address + self.fields().symbol_description, "description of a Symbol")?;
        Ok(self.is_string(description).then_some(description))
    }

    /// The private methods and accessors, `#x`, that an object has from the classes that made it. An instance has its
    /// class's brand, a private symbol with the context in which the methods are variables (V8: `src/ast/scopes.h`,
    /// `ClassScope::brand`).
    ///
    /// # Errors
    /// If a context cannot be read.
    pub fn private_methods(&self, object: HeapObject<'_>) -> Result<Vec<(Tagged, PropertyValue)>> {
        let mut methods = Vec::new();
        for property in self.own_properties(object)? {
            let PropertyValue::Data(value) = property.value else { continue };
            let Ok(context) = self.object(value) else { continue };
            let is_private = self.object(property.name).is_ok_and(|name| {
                name.kind() == Kind::Symbol
                    && self.symbol_privacy(name).is_ok_and(|privacy| privacy == Privacy::Internal)
            });
            if context.kind() != Kind::Context || !is_private {
                continue;
            }
            for variable in self.context_variables(context)? {
                let is_private = self.name_text(variable.name).is_some_and(|name| name.starts_with('#'));
                let crate::objects::context::VariableValue::Tagged(value) = variable.value else { continue };
                let kind = self.object(value).map(|object| object.kind());
                if is_private && matches!(kind, Ok(Kind::JsFunction | Kind::AccessorPair)) {
                    let is_pair = matches!(kind, Ok(Kind::AccessorPair));
                    let method = self.property_value(value, u32::from(is_pair));
                    // Those of the class itself are in the same scope.
                    if !self.is_static_method(&method) {
                        methods.push((variable.name, method));
                    }
                }
            }
        }
        Ok(methods)
    }

    fn is_static_method(&self, method: &PropertyValue) -> bool {
        let is_static = |function: Tagged| {
            let function = self.object(function).ok().filter(|function| function.kind() == Kind::JsFunction);
            let shared = function.and_then(|function| self.shared_function_info(function).ok());
            shared.and_then(|shared| self.shared_function(shared).ok()).is_some_and(|shared| shared.is_static)
        };
        match method {
            PropertyValue::Data(function) => is_static(*function),
            PropertyValue::Accessor { getter, setter } => is_static(*getter) || is_static(*setter),
            _ => false,
        }
    }
}
