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

/// Names of builtins, by where their instructions start in the process; or where a `Code` does not say that, by their numbers, in
/// whose order V8 9 and 10 lay them out (`EmbeddedData::FromIsolate` of `src/snapshot/embedded/embedded-data.cc`).
#[derive(Debug, Default)]
pub(super) struct Builtins {
    names: HashMap<u64, String>,
    by_number: Vec<String>,
}

impl Builtins {
    /// What of those that symbols name is in the process.
    pub fn find(heap: &Heap<'_>, table: &ObjectTable, symbols: &dyn Symbols) -> Builtins {
        let symbols = symbols.with_prefix(PREFIX).into_iter();
        let known: Vec<(u64, String)> =
            symbols.map(|symbol| (symbol.address.0, symbol.name[PREFIX.len()..].to_owned())).collect();
        let (mut starts, mut numbers) = (Vec::new(), Vec::new());
        let of_code = MapSet::of(heap, |map| heap.layout().type_name(map.instance_type) == "Code");
        for page in 0..table.page_count() {
            for (_, code) in of_code.on_page(heap, table, page) {
                if !is_builtin(heap, code) {
                    continue;
                }
                if let Ok(FieldValue::Pointer(start)) = heap.named_field(code, "instruction_start") {
                    starts.push(start);
                } else {
                    numbers.extend(number_of(heap, code));
                }
            }
        }
        if starts.is_empty() {
            numbers.sort_unstable();
            numbers.dedup();
            let mut by_number = known;
            by_number.sort_unstable();
            by_number.dedup_by_key(|(at, _)| *at);
            // Each has a name, or none does.
            let is_complete = numbers.len() == by_number.len()
                && numbers.iter().zip(0..).all(|(number, place)| *number == place);
            let by_number = by_number.into_iter().filter(|_| is_complete).map(|(_, name)| name).collect();
            return Builtins { names: HashMap::new(), by_number };
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
        Builtins {
            names: names.into_iter().map(|(at, name)| (at, name.clone())).collect(),
            by_number: Vec::new(),
        }
    }

    /// The name of code.
    pub fn name(&self, heap: &Heap<'_>, code: HeapObject<'_>) -> Option<&str> {
        let name = match heap.named_field(code, "instruction_start") {
            Ok(FieldValue::Pointer(start)) => self.names.get(&start),
            _ => self.by_number.get(usize::try_from(number_of(heap, code)?).ok()?),
        };
        name.map(String::as_str)
    }
}

/// The number of a builtin.
fn number_of(heap: &Heap<'_>, code: HeapObject<'_>) -> Option<u64> {
    match heap.named_field(code, "builtin_id").ok()? {
        FieldValue::Unsigned(number) => Some(number),
        FieldValue::Signed(number) => u64::try_from(number).ok(),
        _ => None,
    }
}

/// Whether V8 brought this `Code` along.
pub(super) fn is_builtin(heap: &Heap<'_>, code: HeapObject<'_>) -> bool {
    matches!(code_kind(heap, code), Some("BUILTIN" | "BYTECODE_HANDLER"))
}
