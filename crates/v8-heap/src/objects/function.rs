//! Functions and their names.
//!
//! ```text
//!   JSFunction --> SharedFunctionInfo --> name, or ScopeInfo --> function name, inferred name, positions
//!       |                         |   \-> UncompiledData --> inferred name, start, end
//!       v                         v
//!   Context                     Script --> name, source
//! ```
//!
//! (V8: `src/objects/shared-function-info.tq`, `SharedFunctionInfo::Name`, `inferred_name`, `StartPosition`.)

use crate::layout::{Kind, ScopeInfoParts};
use crate::objects::value::{HeapObject, Value};
use crate::view::View;
use crate::{Error, Result, Tagged};

/// What a bound function calls.
#[derive(Clone, Copy, Debug)]
pub struct BoundFunction {
    /// The function that was bound.
    pub target: Tagged,
    /// Its `this`.
    pub this: Tagged,
    /// A `FixedArray` of leading arguments.
    pub arguments: Tagged,
}

impl<'t> View<'t> {
    /// The `SharedFunctionInfo` of a function.
    ///
    /// # Errors
    /// If the function cannot be read.
    pub fn shared_function_info(&self, function: HeapObject<'_>) -> Result<HeapObject<'_>> {
        let shared = self.words().tagged(function.address + self.fields().function_shared, "shared info")?;
        let shared = self.object(shared)?;
        if shared.kind() != Kind::SharedFunctionInfo {
            return Err(self.wrong_type(shared.value(), "SharedFunctionInfo"));
        }
        Ok(shared)
    }

    /// The context that a function closes over.
    pub fn function_context(&self, function: HeapObject<'_>) -> Result<Tagged> {
        self.words().tagged(function.address + self.fields().function_context, "context of a function")
    }

    pub(crate) fn scope_info_of(&self, shared: HeapObject<'_>) -> Result<Option<u64>> {
        let name_or_scope = self
            .words()
            .tagged(shared.address + self.fields().shared_name_or_scope_info, "name or scope info")?;
        match self.object(name_or_scope) {
            Ok(object) if object.kind() == Kind::ScopeInfo => Ok(Some(object.address)),
            _ => Ok(None),
        }
    }

    /// Takes a `ScopeInfo` apart.
    pub(crate) fn scope_info(&self, address: u64) -> Option<ScopeInfoParts> {
        let flags_at = self.fields().scope_info_word(address, 0);
        let flags = match self.layout().scope_info_flags_are_bits() {
            true => Some(self.words().word32(flags_at, "flags of a ScopeInfo").ok()?),
            false => None,
        };
        ScopeInfoParts::parse(self.layout(), flags, |index| self.scope_info_word(address, index).ok())
    }

    pub(crate) fn scope_info_word(&self, address: u64, index: u64) -> Result<Tagged> {
        self.words().tagged(self.fields().scope_info_word(address, index), "ScopeInfo")
    }

    fn nonempty_string(&self, value: Tagged) -> Option<Tagged> {
        let object = self.object(value).ok().filter(|object| object.kind() == Kind::String)?;
        let length =
            self.words().word32(object.address + self.fields().string_length, "length of a String").ok()?;
        (length > 0).then_some(value)
    }

    /// The name in the function's declaration; `None` for anonymous functions.
    ///
    /// # Errors
    /// If the function cannot be read.
    pub fn function_name(&self, function: HeapObject<'_>) -> Result<Option<Tagged>> {
        let shared = self.shared_function_info(function)?;
        self.shared_name(shared)
    }

    /// The name in a declaration, by its `SharedFunctionInfo`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn shared_name(&self, shared: HeapObject<'_>) -> Result<Option<Tagged>> {
        let name = self
            .words()
            .tagged(shared.address + self.fields().shared_name_or_scope_info, "name or scope info")?;
        if let Some(scope) = self.scope_info_of(shared)? {
            let Some(parts) = self.scope_info(scope) else { return Ok(None) };
            let Some(index) = parts.function_name else { return Ok(None) };
            return Ok(self.nonempty_string(self.scope_info_word(scope, index)?));
        }
        Ok(self.nonempty_string(name))
    }

    /// The name that V8's parser inferred from the place where an anonymous function was assigned.
    ///
    /// # Errors
    /// If the function cannot be read.
    pub fn inferred_name(&self, function: HeapObject<'_>) -> Result<Option<Tagged>> {
        let shared = self.shared_function_info(function)?;
        self.shared_inferred_name(shared)
    }

    /// The inferred name, by the `SharedFunctionInfo`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn shared_inferred_name(&self, shared: HeapObject<'_>) -> Result<Option<Tagged>> {
        if let Some(scope) = self.scope_info_of(shared)? {
            let Some(parts) = self.scope_info(scope) else { return Ok(None) };
            let Some(index) = parts.inferred_name else { return Ok(None) };
            return Ok(self.nonempty_string(self.scope_info_word(scope, index)?));
        }
        match self.uncompiled_data(shared)? {
            Some(data) => {
                let name =
                    self.words().tagged(data + self.fields().uncompiled_inferred_name, "inferred name")?;
                Ok(self.nonempty_string(name))
            }
            None => Ok(None),
        }
    }

    /// What V8 calls a constructor in heap snapshots: its name, else its inferred name
    /// (V8: `SharedFunctionInfo::DebugName`).
    pub(crate) fn debug_name(&self, function: HeapObject<'_>) -> Result<Option<Tagged>> {
        let shared = self.shared_function_info(function)?;
        match self.shared_name(shared)? {
            Some(name) => Ok(Some(name)),
            None => self.shared_inferred_name(shared),
        }
    }

    /// What a bound function calls.
    ///
    /// # Errors
    /// If it is none, or cannot be read.
    pub fn bound_function(&self, function: HeapObject<'_>) -> Result<BoundFunction> {
        if function.kind() != Kind::JsBoundFunction {
            return Err(self.wrong_type(function.value(), "JSBoundFunction"));
        }
        let words = self.words();
        let fields = self.fields();
        let field = |at: u64| words.tagged(function.address + at, "bound function");
        Ok(BoundFunction {
            target: field(fields.bound_target)?,
            this: field(fields.bound_this)?,
            arguments: field(fields.bound_arguments)?,
        })
    }

    /// The leading arguments of a bound function.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn bound_arguments(&self, bound: &BoundFunction) -> Result<Vec<Tagged>> {
        let array = self.object(bound.arguments)?;
        if array.kind() != Kind::FixedArray {
            return Err(self.wrong_type(bound.arguments, "FixedArray"));
        }
        let count = self.fixed_array_length(array.address)?;
        (0..count)
            .map(|index| self.words().tagged(self.fields().element(array.address, index), "argument"))
            .collect()
    }

    /// A tagged field of an object, by its offset.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn field(&self, object: HeapObject<'_>, at: u64) -> Result<Tagged> {
        self.words().tagged(object.address + at, "field")
    }

    /// The milliseconds of a Date; NaN if it is invalid.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn date_value(&self, date: HeapObject<'_>) -> Result<f64> {
        let at = date.address + self.fields().date_value;
        if self.layout().date_is_raw_double {
            return Ok(f64::from_bits(self.words().word(at, "value of a JSDate")?));
        }
        let word = self.words().tagged(at, "value of a JSDate")?;
        match self.value(word)? {
            Value::Smi(smi) => Ok(f64::from(smi)),
            Value::Double(double) => Ok(double),
            _ => Err(Error::Implausible { what: "value", object: date.value(), found: format!("{word:?}") }),
        }
    }
}
