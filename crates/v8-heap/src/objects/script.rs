//! Scripts: the sources that functions were compiled from, and lines and columns in them.
//!
//! ```text
//!   Script  +8 source   +16 name   +24 line offset   +32 column offset   +48 type   +56 line ends   +64 id
//!           +72 eval from: SharedFunctionInfo, or the parameter names of a wrapped script   +80 eval position
//!           +88 functions: WeakFixedArray   +104 flags   +112 source URL   +120 source mapping URL
//! ```
//!
//! (V8: `src/objects/script.tq`, `script.h`.) Positions count UTF-16 code units from the start of the source. A line ends
//! with `\n`, `\r\n`, `\r`, U+2028 or U+2029 (`src/objects/string.cc`, `String::CalculateLineEnds`). The offsets of a
//! script move all its lines, and the columns of the first (`Script::AddPositionInfoOffset`), as with the options
//! `lineOffset` and `columnOffset` of `vm.Script`.

use std::sync::Arc;

use crate::code_units::Piece;
use crate::layout::Kind;
use crate::objects::value::HeapObject;
use crate::remembered::lines::Counting;
pub use crate::remembered::lines::Lines;
use crate::view::View;
use crate::{Result, Tagged};

/// `ScriptCompileType`: compiled by `eval` or `new Function`.
const EVAL: u64 = 1;
/// No function has more parameters (`Code::kMaxArguments`).
const MOST_PARAMETERS: usize = 1 << 16;

/// Whose a script is (V8: `Script::Type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptType {
    /// V8's own.
    Native,
    /// An extension's.
    Extension,
    /// The program's, or Node.js's.
    Normal,
    /// No JavaScript, but WebAssembly.
    Wasm,
    /// The debugger's.
    Inspector,
}

impl ScriptType {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            ScriptType::Native => "native",
            ScriptType::Extension => "extension",
            ScriptType::Normal => "normal",
            ScriptType::Wasm => "wasm",
            ScriptType::Inspector => "inspector",
        }
    }
}

/// A script, decoded.
#[derive(Clone, Copy, Debug)]
pub struct Script<'h> {
    /// The `Script` itself.
    pub object: HeapObject<'h>,
    /// V8's number for it, unique in its isolate.
    pub id: i32,
    /// The source, if it is a string.
    pub source: Option<Tagged>,
    /// The name it was compiled under, if that is a string and not empty.
    pub name: Option<Tagged>,
    /// Lines in front of its first one, in the file it was taken from.
    pub line_offset: i32,
    /// Columns in front of its first one.
    pub column_offset: i32,
    /// Whose it is.
    pub script_type: ScriptType,
    /// Made by `eval` or `new Function`.
    pub is_eval: bool,
    /// The function that called `eval`, a `SharedFunctionInfo`.
    pub eval_from: Option<Tagged>,
    /// Where in that function's script `eval` was called, if V8 has worked that out.
    pub eval_position: Option<u32>,
    /// Its top level is a module's.
    pub is_module: bool,
    /// The names of parameters, a `FixedArray`, if its source is the body of a function that Node.js calls with them.
    pub wrapped: Option<Tagged>,
    /// What a comment `//# sourceURL=` says.
    pub source_url: Option<Tagged>,
    /// What a comment `//# sourceMappingURL=` says.
    pub source_mapping_url: Option<Tagged>,
}

/// A place in a script. Both count from 1, as in stack traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineColumn {
    /// The line.
    pub line: u32,
    /// The column, in UTF-16 code units.
    pub column: u32,
}

/// Where something is in the sources of a program.
#[derive(Clone, Copy, Debug)]
pub struct Location<'h> {
    /// The script.
    pub script: Script<'h>,
    /// Code units from the start of its source.
    pub position: u32,
    /// Line and column, if they can be known: the core may lack the source.
    pub place: Option<LineColumn>,
}

impl<'t> View<'t> {
    /// Takes a `Script` apart.
    ///
    /// # Errors
    /// If it is none, or cannot be read.
    pub fn script(&self, script: Tagged) -> Result<Script<'_>> {
        let object = self.object(script)?;
        if object.kind() != Kind::Script {
            return Err(self.wrong_type(script, "Script"));
        }
        let (fields, bits) = (self.fields(), self.bits());
        let field = |at: u64| self.words().tagged(object.address + at, "field of a Script");
        let number = |at: u64| -> Result<i32> { Ok(field(at)?.smi().unwrap_or(0)) };
        let string = |at: u64| -> Result<Option<Tagged>> {
            let value = field(at)?;
            Ok(matches!(self.string_length(value), Ok(1..)).then_some(value))
        };
        let flags = u64::from(number(fields.script_flags)? as u32);
        let source = field(fields.script_source)?;
        let eval_from = field(fields.script_eval_from)?;
        let is_list = |value: Tagged| self.object(value).is_ok_and(|o| o.kind() == Kind::FixedArray);
        let wrapped = Some(eval_from).filter(|value| is_list(*value));
        let is_function =
            |value: Tagged| self.object(value).is_ok_and(|object| object.kind() == Kind::SharedFunctionInfo);
        let eval_from = Some(eval_from).filter(|value| is_function(*value));
        Ok(Script {
            object,
            id: number(fields.script_id)?,
            source: self.is_string(source).then_some(source),
            name: string(fields.script_name)?,
            line_offset: number(fields.script_line_offset)?,
            column_offset: number(fields.script_column_offset)?,
            script_type: match number(fields.script_type)? {
                0 => ScriptType::Native,
                1 => ScriptType::Extension,
                3 => ScriptType::Wasm,
                4 => ScriptType::Inspector,
                _ => ScriptType::Normal,
            },
            is_eval: bits.script_compilation_type.of(flags) == EVAL,
            is_module: bits.script_origin_module.of(bits.script_origin_options.of(flags)) != 0,
            wrapped,
            eval_from,
            eval_position: match (eval_from, field(fields.script_eval_position)?.smi()) {
                (Some(_), Some(position)) => self.eval_position(eval_from, position),
                _ => None,
            },
            source_url: string(fields.script_source_url)?,
            source_mapping_url: string(fields.script_source_mapping_url)?,
        })
    }

    /// Where `eval` was called: the position, or a negative offset into the bytecode of the caller
    /// (V8: `Script::GetEvalPosition`).
    fn eval_position(&self, caller: Option<Tagged>, position: i32) -> Option<u32> {
        match u32::try_from(position) {
            Ok(position) => Some(position),
            Err(_) => self.source_position(self.object(caller?).ok()?, position.unsigned_abs()).ok()?,
        }
    }

    /// The functions compiled or yet to be compiled from a script that are still there: its `SharedFunctionInfo`s.
    ///
    /// # Errors
    /// If the list cannot be read.
    pub fn script_functions(&self, script: &Script<'_>) -> Result<Vec<HeapObject<'_>>> {
        let list = self
            .words()
            .tagged(script.object.address + self.fields().script_functions, "functions of a Script")?;
        let list = self.object(list)?;
        if self.layout().type_name(list.map.instance_type) != "WeakFixedArray" {
            return Ok(Vec::new());
        }
        let mut functions = Vec::new();
        for index in 0..self.plausible_length(list.address, self.fields().weak_array_length)? {
            let at = self.fields().weak_element(list.address, index);
            let entry = self.words().tagged(at, "function of a Script")?;
            // The list is of weak pointers, and from V8 13 on holds scopes too.
            if let Ok(object) = self.object(entry)
                && object.kind() == Kind::SharedFunctionInfo
            {
                functions.push(object);
            }
        }
        Ok(functions)
    }

    /// The names of the parameters of the function whose body a script is; empty if it is none.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn wrapped_parameters(&self, script: &Script<'_>) -> Result<Vec<Tagged>> {
        let Some(list) = script.wrapped else { return Ok(Vec::new()) };
        self.listed(list)
    }

    /// What the embedder gave along when the script was compiled (V8: `host_defined_options`).
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn host_defined_options(&self, script: &Script<'_>) -> Result<Vec<Tagged>> {
        let at = script.object.address + self.fields().script_host_defined_options;
        let list = self.words().tagged(at, "host-defined options of a Script")?;
        if self.object(list)?.kind() != Kind::FixedArray {
            return Ok(Vec::new());
        }
        self.listed(list)
    }

    fn listed(&self, list: Tagged) -> Result<Vec<Tagged>> {
        let list = self.object(list)?;
        let count = self.fixed_array_length(list.address)?.min(MOST_PARAMETERS as u64);
        let element = |index: u64| {
            self.words().tagged(self.fields().element(list.address, index), "element of a FixedArray")
        };
        (0..count).map(element).collect()
    }

    /// Bytes that the characters of a script's source take, in the heap or outside of it.
    ///
    /// # Errors
    /// If the core does not hold them.
    pub fn source_bytes(&self, script: &Script<'_>) -> Result<u64> {
        let Some(source) = script.source else { return Ok(0) };
        let mut bytes = 0;
        self.for_each_piece(source, usize::MAX, |piece| {
            bytes += match piece {
                Piece::OneByte(piece) | Piece::TwoByte(piece) => piece.len() as u64,
            };
            true
        })?;
        Ok(bytes)
    }

    /// The isolate that an object belongs to, if its page tells.
    pub fn isolate_of(&self, object: HeapObject<'_>) -> Option<&crate::isolate::Isolate> {
        let heap = self.spaces().page_of(object.address)?.heap;
        self.spaces().isolates().iter().find(|isolate| isolate.heap == heap)
    }

    /// The lines of a script's source; counted when first asked for.
    ///
    /// # Errors
    /// If the script has no source, or the core does not hold it.
    pub fn script_lines(&self, script: &Script<'_>) -> Result<Arc<Lines>> {
        let Some(source) = script.source else { return self.stored_lines(script) };
        if let Some(lines) = self.lines.get(source) {
            return Ok(lines);
        }
        let (mut lines, mut state) = (Lines::default(), Counting::default());
        if let Err(error) = self.for_each_piece(source, usize::MAX, |piece| {
            lines.add(piece.units(), &mut state);
            true
        }) {
            return self.stored_lines(script).map_err(|_| error);
        }
        lines.finish(&state);
        let lines = Arc::new(lines);
        self.lines.keep(source, Arc::clone(&lines));
        Ok(lines)
    }

    /// The lines as V8 counted them, if it had reason to.
    fn stored_lines(&self, script: &Script<'_>) -> Result<Arc<Lines>> {
        let array = self
            .words()
            .tagged(script.object.address + self.fields().script_line_ends, "line ends of a Script")?;
        let array = self.object(array)?;
        if array.kind() != Kind::FixedArray {
            return Err(self.wrong_type(array.value(), "FixedArray"));
        }
        let mut ends = Vec::new();
        for index in 0..self.fixed_array_length(array.address)? {
            let at = self.fields().element(array.address, index);
            let end = self.words().tagged(at, "line end of a Script")?.smi();
            match end.and_then(|end| u32::try_from(end).ok()) {
                Some(end) if ends.last().is_none_or(|last| *last < end) => ends.push(end),
                _ => break,
            }
        }
        Ok(Arc::new(Lines { ends }))
    }

    /// The code units `[start, end)` of a script's source, as far as it has them.
    ///
    /// # Errors
    /// If the script has no source, or the core does not hold it.
    pub fn script_text(&self, script: &Script<'_>, start: u32, end: u32) -> Result<Vec<u16>> {
        let Some(source) = script.source else {
            return Err(self.wrong_type(script.object.value(), "Script with a source"));
        };
        let mut units = Vec::new();
        let mut position = 0;
        self.for_each_piece(source, end as usize, |piece| {
            let length = piece.len();
            let skip = (start as usize).saturating_sub(position).min(length);
            units.extend(piece.behind(skip).units());
            position += length;
            true
        })?;
        Ok(units)
    }

    /// Line and column of a position in a script; `None` if the core does not hold what tells them.
    pub fn script_location(&self, script: &Script<'_>, position: u32) -> Option<LineColumn> {
        let (line, column) = self.script_lines(script).ok()?.place(position)?;
        let moved = |number: u32, by: i32| u32::try_from(i64::from(number) + 1 + i64::from(by)).ok();
        Some(LineColumn {
            line: moved(line, script.line_offset)?,
            column: moved(column, if line == 0 { script.column_offset } else { 0 })?,
        })
    }

    /// The name that a script goes by: that under which it was compiled, else that which it gives itself with a comment
    /// `//# sourceURL=`.
    pub fn script_name(&self, script: &Script<'_>) -> Option<Tagged> {
        script.name.or(script.source_url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Lines {
        let (mut lines, mut state) = (Lines::default(), Counting::default());
        // In two pieces, wherever the cut may be.
        let units: Vec<u16> = text.encode_utf16().collect();
        let (first, second) = units.split_at(units.len() / 2);
        lines.add(first.iter().copied(), &mut state);
        lines.add(second.iter().copied(), &mut state);
        lines.finish(&state);
        lines
    }

    #[test]
    fn every_line_terminator_of_the_language_ends_a_line() {
        let lines = lines("a\nb\r\nc\rd\u{2028}e\u{2029}f");
        assert_eq!(lines.count(), 6);
        let places: Vec<_> = [0, 2, 5, 7, 9, 11].into_iter().map(|at| lines.place(at)).collect();
        assert_eq!(places, (0..6).map(|line| Some((line, 0))).collect::<Vec<_>>());
        assert_eq!(lines.place(3), Some((1, 1)), "the return of a pair is still of its line");
        assert_eq!(lines.place(4), Some((1, 2)), "and so is the newline");
    }

    #[test]
    fn the_end_of_the_source_is_a_place_and_what_is_behind_it_is_none() {
        let lines = lines("ab\ncd");
        assert_eq!(lines.place(5), Some((1, 2)));
        assert_eq!(lines.place(6), None);
        assert_eq!(lines.range(1), Some((3, 5)));
        assert_eq!(lines.range(2), None);
        assert_eq!(Lines::default().range(usize::MAX), None);
    }

    #[test]
    fn a_return_at_a_seam_is_one_terminator_with_the_newline_behind_it() {
        assert_eq!(lines("a\r\nb").count(), 2);
        assert_eq!(lines("abc\r").count(), 2);
        assert_eq!(lines("\r\r").count(), 3);
        assert_eq!(lines("").count(), 1);
    }
}
