//! Names of the code that V8 brings along.
//!
//! Its machine code is part of the binary, where symbols name it; but V8 may run it from a copy that is closer to the code of the
//! program. Both are laid out alike, so a copy is recognised by the distances between the pieces of code.

use std::collections::HashMap;

use core_reader::Symbols;

use crate::heap::Heap;
use crate::index::{MapSet, ObjectTable};
use crate::objects::place::FieldValue;
use crate::objects::value::HeapObject;

use super::code_kind;

/// What the symbols of V8's builtins begin with.
const PREFIX: &str = "Builtins_";

/// Names of builtins, by where their instructions start in the process.
#[derive(Debug, Default)]
pub(super) struct Builtins {
    names: HashMap<u64, String>,
}

impl Builtins {
    /// What of those that symbols name is in the process.
    pub fn find(heap: &Heap<'_>, table: &ObjectTable, symbols: &dyn Symbols) -> Builtins {
        let symbols = symbols.with_prefix(PREFIX).into_iter();
        let known: Vec<(u64, String)> =
            symbols.map(|symbol| (symbol.address.0, symbol.name[PREFIX.len()..].to_owned())).collect();
        let mut starts = Vec::new();
        let of_code = MapSet::of(heap, |map| heap.layout().type_name(map.instance_type) == "Code");
        for page in 0..table.page_count() {
            for (_, code) in of_code.on_page(heap, table, page) {
                if is_builtin(heap, code)
                    && let Ok(FieldValue::Pointer(start)) = heap.named_field(code, "instruction_start")
                {
                    starts.push(start);
                }
            }
        }
        let (Some(first), Some(first_known)) = (starts.iter().min(), known.iter().map(|(at, _)| at).min())
        else {
            return Builtins::default();
        };
        let agreeing = |distance: u64| {
            let names: HashMap<u64, &String> =
                known.iter().map(|(at, name)| (at.wrapping_add(distance), name)).collect();
            (starts.iter().filter(|start| names.contains_key(start)).count(), names)
        };
        let (count, names) = [0, first.wrapping_sub(*first_known)]
            .map(agreeing)
            .into_iter()
            .max_by_key(|(count, _)| *count)
            .expect("there are two");
        // Names that fit a few by chance are no names.
        if 2 * count < starts.len() {
            return Builtins::default();
        }
        Builtins { names: names.into_iter().map(|(at, name)| (at, name.clone())).collect() }
    }

    /// The name of the code whose instructions start there.
    pub fn name(&self, start: u64) -> Option<&str> {
        self.names.get(&start).map(String::as_str)
    }
}

/// Whether V8 brought this `Code` along.
pub(super) fn is_builtin(heap: &Heap<'_>, code: HeapObject<'_>) -> bool {
    matches!(code_kind(heap, code), Some("BUILTIN" | "BYTECODE_HANDLER"))
}
