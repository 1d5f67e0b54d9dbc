//! `SharedFunctionInfo`: what all closures of one function in the source have in common.
//!
//! ```text
//!   SharedFunctionInfo --> data: UncompiledData, BytecodeArray, Code, FunctionTemplateInfo, builtin number
//!                      --> name, or ScopeInfo --> positions
//!                      --> Script
//!                          length, parameters, token offset, flags
//! ```
//!
//! A function's range begins with its parameter list; the token offset leads back to `function`, `async`, or the name of a
//! method. (V8: `src/objects/shared-function-info.tq`, `SharedFunctionInfo::StartPosition`,
//! `function_token_position`, `src/objects/function-kind.h`.)

use crate::layout::Kind;
use crate::objects::script::Location;
use crate::objects::value::HeapObject;
use crate::view::View;
use crate::{Result, Tagged};

/// `SharedFunctionInfo::kFunctionTokenOutOfRange`: the token is too far away to say.
const TOKEN_OUT_OF_RANGE: u16 = u16::MAX;

/// `FunctionSyntaxKind::kNamedExpression`
const NAMED_EXPRESSION: u64 = 1;
/// `FunctionSyntaxKind::kWrapped`: Node.js compiles CommonJS modules so.
const WRAPPED: u64 = 4;

/// What a function is in the source (V8: `FunctionKind`, with the positions it can stand in).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionKind {
    /// `function`
    Plain,
    /// A module's code.
    Module,
    /// A class: its constructor.
    Class,
    /// `get x()`
    Getter,
    /// `set x(value)`
    Setter,
    /// `=>`
    Arrow,
    /// `x()` in a class or an object.
    Method,
    /// What gives a class's instances their fields.
    FieldInitializer,
    /// What gives a class its static fields, and runs its static blocks.
    StaticInitializer,
}

/// What runs when a function is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionCode {
    /// It has not been compiled yet, or its bytecode was thrown away: an `UncompiledData`.
    Uncompiled(Tagged),
    /// It is compiled: a `BytecodeArray`.
    Bytecode(Tagged),
    /// It is compiled, and again to machine code without optimisations: a `Code`.
    Baseline(Tagged),
    /// One of V8's own, by number.
    Builtin(u32),
    /// The embedder's native code: a `FunctionTemplateInfo`.
    Native(Tagged),
    /// Something else: WebAssembly.
    Other(Tagged),
}

/// What a `Code` was made from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Maker {
    /// Bytecode, as it is.
    Bytecode(Tagged),
    /// A function and whatever was inlined into it: a `SharedFunctionInfo`.
    Function(Tagged),
    /// Nothing that is known.
    Unknown,
}

/// A `SharedFunctionInfo`, decoded.
#[derive(Clone, Copy, Debug)]
pub struct SharedFunction<'h> {
    /// The `SharedFunctionInfo` itself.
    pub object: HeapObject<'h>,
    /// What it is in the source.
    pub kind: FunctionKind,
    /// `async`
    pub is_async: bool,
    /// `function*`
    pub is_generator: bool,
    /// `static`
    pub is_static: bool,
    /// Runs in strict mode. Of a function that has not been compiled, as far as known.
    pub is_strict: bool,
    /// The code of a whole script.
    pub is_top_level: bool,
    /// A whole source compiled as the body of a function: a CommonJS module.
    pub is_wrapped: bool,
    /// A function expression with a name, which is a variable in it.
    pub is_named_expression: bool,
    /// The property `length`; right once the function has been compiled.
    pub length: u16,
    /// Number of declared parameters, without `this`; `None` if it takes what it gets, as some builtins do.
    pub parameters: Option<u16>,
    /// What runs.
    pub code: FunctionCode,
    /// Its script, if it has one.
    pub script: Option<Tagged>,
    /// Distance from the start of the definition to the parameter list; `None` if it is too long to be kept.
    token_offset: Option<u16>,
}

impl SharedFunction<'_> {
    /// Whether it has code of its own to run.
    pub fn is_compiled(&self) -> bool {
        !matches!(self.code, FunctionCode::Uncompiled(_))
    }
}

/// The place of a function in its source, in code units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionRange {
    /// Where its definition begins: `function`, `async`, `get`, its name. The parameter list, if V8 does not know.
    pub definition: u32,
    /// Where its parameter list begins.
    pub start: u32,
    /// Where it ends.
    pub end: u32,
}

impl<'t> View<'t> {
    /// Takes a `SharedFunctionInfo` apart.
    ///
    /// # Errors
    /// If it is none, or cannot be read.
    pub fn shared_function(&self, shared: HeapObject<'_>) -> Result<SharedFunction<'_>> {
        let object = self.object(shared.value())?;
        if object.kind() != Kind::SharedFunctionInfo {
            return Err(self.wrong_type(shared.value(), "SharedFunctionInfo"));
        }
        let (fields, bits) = (self.fields(), self.bits());
        let static_initializer = self.layout().facts.static_initializer_kind;
        let half = |at: u64| self.words().word16(object.address + at, "SharedFunctionInfo");
        let flags = self.words().word32(object.address + fields.shared_flags, "flags")?;
        let number = bits.shared_function_kind.of(flags.into()) as u8;
        let script = self.words().tagged(object.address + fields.shared_script, "script")?;
        let is_script = |value: Tagged| self.object(value).is_ok_and(|script| script.kind() == Kind::Script);
        Ok(SharedFunction {
            object,
            kind: kind_of(number, static_initializer),
            is_async: matches!(number, 2 | 12..=18),
            is_generator: matches!(number, 16..=21),
            is_static: matches!(number, 8 | 10 | 15 | 17 | 21 | 23),
            is_strict: bits.shared_strict.is_set(flags),
            is_top_level: bits.shared_top_level.is_set(flags),
            is_wrapped: bits.shared_syntax_kind.of(flags.into()) == WRAPPED,
            is_named_expression: bits.shared_syntax_kind.of(flags.into()) == NAMED_EXPRESSION,
            length: half(fields.shared_length)?,
            parameters: self.declared(half(fields.shared_formal_parameters)?),
            code: self.function_code(object)?,
            script: Some(script).filter(|script| is_script(*script)),
            token_offset: Some(half(fields.shared_token_offset)?).filter(|far| *far != TOKEN_OUT_OF_RANGE),
        })
    }

    /// How many parameters a function declares, from V8's count; `None` if arguments are passed as they come, which is what nothing
    /// counted means where the receiver is counted, and as much as there can be where it is not (`kDontAdaptArgumentsSentinel`).
    fn declared(&self, count: u16) -> Option<u16> {
        match self.layout().facts.counts_receivers {
            true => count.checked_sub(1),
            false => Some(count).filter(|count| *count != u16::MAX),
        }
    }

    /// Whether a function is one of V8's builtins, and no script has it.
    pub(crate) fn is_builtin_without_script(&self, shared: HeapObject<'_>) -> bool {
        let script = self.words().tagged(shared.address + self.fields().shared_script, "script");
        let has_script =
            |script: Tagged| self.object(script).is_ok_and(|script| script.kind() == Kind::Script);
        matches!(self.function_code(shared), Ok(FunctionCode::Builtin(_)))
            && script.is_ok_and(|script| !has_script(script))
    }

    /// What a function has to run, or to be compiled from.
    fn function_data(&self, shared: HeapObject<'_>) -> Result<Tagged> {
        let fields = self.fields();
        let field = |at: u64| self.words().tagged(shared.address + at, "function data");
        let data = self.words().trusted(shared.address + fields.shared_function_data, "function data")?;
        // With two fields for it, the first is zero where the second counts.
        match fields.shared_untrusted_data {
            Some(untrusted) if data.smi().is_some() => field(untrusted),
            _ => Ok(data),
        }
    }

    fn function_code(&self, shared: HeapObject<'_>) -> Result<FunctionCode> {
        let fields = self.fields();
        let data = self.function_data(shared)?;
        if let Some(builtin) = data.smi() {
            return Ok(FunctionCode::Builtin(builtin as u32));
        }
        let object = self.object(data)?;
        Ok(match (object.kind(), self.layout().type_name(object.map.instance_type)) {
            (Kind::UncompiledData, _) => FunctionCode::Uncompiled(data),
            (Kind::FunctionTemplateInfo, _) => FunctionCode::Native(data),
            (_, "BytecodeArray") => FunctionCode::Bytecode(data),
            (_, "InterpreterData") => FunctionCode::Bytecode(
                self.words().protected(object.address + fields.interpreter_bytecode, "bytecode")?,
            ),
            (_, "Code") => FunctionCode::Baseline(data),
            (_, "BaselineData") => FunctionCode::Baseline(
                self.words().tagged(object.address + fields.baseline_code, "baseline code")?,
            ),
            _ => FunctionCode::Other(data),
        })
    }

    /// The machine code that a function was compiled to without optimisations, if it was.
    pub(crate) fn baseline_code(&self, shared: HeapObject<'_>) -> Result<Option<Tagged>> {
        Ok(match self.function_code(shared)? {
            FunctionCode::Baseline(code) => Some(code),
            _ => None,
        })
    }

    /// The bytecode of a function, if it has been compiled to any.
    pub(crate) fn bytecode_array(&self, shared: HeapObject<'_>) -> Result<Option<HeapObject<'_>>> {
        let bytecode = match self.function_code(shared)? {
            FunctionCode::Bytecode(bytecode) => bytecode,
            FunctionCode::Baseline(code) => match self.bytecode_beside_baseline(shared)? {
                Some(bytecode) => bytecode,
                None => match self.maker_of_code(code)? {
                    Maker::Bytecode(bytecode) => bytecode,
                    Maker::Function(_) | Maker::Unknown => return Ok(None),
                },
            },
            _ => return Ok(None),
        };
        let bytecode = self.object(bytecode)?;
        let is_bytecode = self.layout().type_name(bytecode.map.instance_type) == "BytecodeArray";
        Ok(is_bytecode.then_some(bytecode))
    }

    /// The bytecode of a function that has it beside its code without optimisations (else that code has it).
    fn bytecode_beside_baseline(&self, shared: HeapObject<'_>) -> Result<Option<Tagged>> {
        let both = self.object(self.function_data(shared)?)?;
        if self.layout().type_name(both.map.instance_type) != "BaselineData" {
            return Ok(None);
        }
        let data = self.words().tagged(both.address + self.fields().baseline_data, "bytecode")?;
        match self.bytecode_in(self.object(data)?)? {
            Some(bytecode) => Ok(Some(bytecode)),
            None => Err(self.wrong_type(data, "BytecodeArray")),
        }
    }

    /// A `BytecodeArray`, or that of an `InterpreterData`.
    fn bytecode_in(&self, data: HeapObject<'_>) -> Result<Option<Tagged>> {
        Ok(match self.layout().type_name(data.map.instance_type) {
            "BytecodeArray" => Some(data.value()),
            "InterpreterData" => {
                Some(self.words().protected(data.address + self.fields().interpreter_bytecode, "bytecode")?)
            }
            _ => None,
        })
    }

    /// The addresses of a function's bytecode, `[start, end)`, if it has any: those that a `BytecodeArray` holds, its header
    /// left out.
    ///
    /// # Errors
    /// If the function cannot be read.
    pub fn function_bytecode(&self, shared: HeapObject<'_>) -> Result<Option<(u64, u64)>> {
        self.bytecode_array(shared)?.map(|bytecode| self.bytecode_range(bytecode)).transpose()
    }

    pub(crate) fn bytecode_range(&self, bytecode: HeapObject<'_>) -> Result<(u64, u64)> {
        let count = self.fields().bytecode_length;
        let length = self.words().count(bytecode.address, count, "length of a BytecodeArray")?.unwrap_or(0);
        let start = bytecode.address + self.fields().bytecode_data;
        Ok((start, start + length))
    }

    /// What a `Code` was made from: without optimisations it refers to the bytecode, else to data for leaving it, one element of
    /// which is the function (V8: `Code::deoptimization_data_or_interpreter_data`, `DeoptimizationData`).
    pub(crate) fn maker_of_code(&self, code: Tagged) -> Result<Maker> {
        let code = self.object(code)?;
        if self.layout().type_name(code.map.instance_type) != "Code" {
            return Ok(Maker::Unknown);
        }
        let at = code.address + self.fields().code_data;
        let data = self.object(self.words().protected(at, "data of a Code")?)?;
        if let Some(bytecode) = self.bytecode_in(data)? {
            return Ok(Maker::Bytecode(bytecode));
        }
        if data.kind() != Kind::FixedArray {
            return Ok(Maker::Unknown);
        }
        for index in 0..self.fixed_array_length(data.address)? {
            let at = self.fields().element(data.address, index);
            let Ok(element) = self.object(self.words().tagged(at, "DeoptimizationData")?) else { continue };
            if element.kind() == Kind::SharedFunctionInfo {
                return Ok(Maker::Function(element.value()));
            }
            if self.layout().type_name(element.map.instance_type) == "SharedFunctionInfoWrapper" {
                let shared = self
                    .words()
                    .tagged(element.address + self.fields().shared_wrapper_function, "wrapped function")?;
                return Ok(Maker::Function(shared));
            }
        }
        Ok(Maker::Unknown)
    }

    pub(crate) fn uncompiled_data(&self, shared: HeapObject<'_>) -> Result<Option<u64>> {
        let data =
            self.words().trusted(shared.address + self.fields().shared_function_data, "function data")?;
        Ok(self.object(data).ok().filter(|data| data.kind() == Kind::UncompiledData).map(|data| data.address))
    }

    /// Where a function is in its script's source; `None` if it has no source.
    ///
    /// # Errors
    /// If the function cannot be read.
    pub fn shared_range(&self, shared: &SharedFunction<'_>) -> Result<Option<FunctionRange>> {
        let Some((start, end)) = self.parameters_to_end(shared)? else { return Ok(None) };
        let distance = u32::from(shared.token_offset.unwrap_or(0));
        Ok(Some(FunctionRange { definition: start.saturating_sub(distance), start, end }))
    }

    fn parameters_to_end(&self, shared: &SharedFunction<'_>) -> Result<Option<(u32, u32)>> {
        if let Some(scope) = self.scope_info_of(shared.object)?
            && let Some(positions) = self.scope_info(scope).and_then(|parts| parts.positions)
        {
            let position = |index: u64| -> Result<Option<u32>> {
                let word = self.scope_info_word(scope, index)?;
                Ok(word.smi().and_then(|position| u32::try_from(position).ok()))
            };
            return Ok(position(positions)?.zip(position(positions + 1)?));
        }
        let Some(data) = self.uncompiled_data(shared.object)? else { return Ok(None) };
        let start = self.words().word32(data + self.fields().uncompiled_start, "start position")?;
        let end = self.words().word32(data + self.fields().uncompiled_end, "end position")?;
        Ok(Some((start, end)))
    }

    /// Where a function (a `SharedFunctionInfo`) is defined; `None` if it has no script.
    pub fn function_location(&self, shared: HeapObject<'_>) -> Option<Location<'_>> {
        let shared = self.shared_function(shared).ok()?;
        let script = self.script(shared.script?).ok()?;
        let position = self.shared_range(&shared).ok()??.definition;
        Some(Location { script, position, place: self.script_location(&script, position) })
    }

    /// The source of a function as its `toString()` gives it: of a class, from `class` to its brace. `None` if it has none.
    ///
    /// # Errors
    /// If the function cannot be read.
    pub fn function_text_range(&self, function: HeapObject<'_>) -> Result<Option<(u32, u32)>> {
        let shared = self.shared_function(self.shared_function_info(function)?)?;
        if shared.kind == FunctionKind::Class
            && let Some(range) = self.class_range(function)?
        {
            return Ok(Some(range));
        }
        Ok(self.shared_range(&shared)?.map(|range| (range.definition, range.end)))
    }

    /// The range of a class, which V8 keeps under a symbol of its own among the constructor's properties.
    fn class_range(&self, constructor: HeapObject<'_>) -> Result<Option<(u32, u32)>> {
        let positions = self.hidden_values(constructor).into_iter().find_map(|value| {
            let object = self.object(value).ok()?;
            (self.layout().type_name(object.map.instance_type) == "ClassPositions").then_some(object)
        });
        let Some(positions) = positions else { return Ok(None) };
        let position = |at: u64| -> Result<Option<u32>> {
            let word = self.words().tagged(positions.address + at, "ClassPositions")?;
            Ok(word.smi().and_then(|position| u32::try_from(position).ok()))
        };
        Ok(position(self.fields().class_positions_start)?.zip(position(self.fields().class_positions_end)?))
    }

    /// Whether a function is a class.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn is_class(&self, function: HeapObject<'_>) -> Result<bool> {
        let shared = self.shared_function_info(function)?;
        let flags = self.words().word32(shared.address + self.fields().shared_flags, "flags")?;
        let number = self.bits().shared_function_kind.of(flags.into()) as u8;
        Ok(kind_of(number, self.layout().facts.static_initializer_kind) == FunctionKind::Class)
    }
}

/// The kind behind V8's number for it.
fn kind_of(number: u8, static_initializer: u8) -> FunctionKind {
    match number {
        1 | 2 => FunctionKind::Module,
        3..=6 => FunctionKind::Class,
        7 | 8 => FunctionKind::Getter,
        9 | 10 => FunctionKind::Setter,
        11 | 12 => FunctionKind::Arrow,
        14..=17 | 20..=23 => FunctionKind::Method,
        24.. if number < static_initializer => FunctionKind::FieldInitializer,
        24.. => FunctionKind::StaticInitializer,
        _ => FunctionKind::Plain,
    }
}
