//! `::v8scopeinfo`: print what a scope declares.
//!
//! The names behind the slots of its contexts, and how many parameters a function has: V8 keeps the names of parameters and
//! variables only if closures capture them.

use std::io::Write;

use v8_heap::Tagged;
use v8_heap::layout::{FieldKind, Kind as HeapKind};
use v8_heap::objects::place::{FieldValue, Place};

use crate::answers::place_name::place_name;
use crate::answers::summary::summary;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Takes, Yields, for_each_item};
use crate::error::DcmdError;
use crate::output::escape;
use crate::value::Kind;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "1950f7e19fb1::v8scopeinfo",
    r#"
FUNCTION_SCOPE
flags: language_mode, declaration_scope, has_inferred_function_name, has_simple_parameters, has_outer_scope_info
2 parameters
2 context local variables
position_info.start: 53100000000 (SMI: value = 1329)
position_info.end: 5f700000000 (SMI: value = 1527)
    context local variable 0: 29b83c0c82d9 ("this")
    context local variable 1: c0eabfda6d1 ("request")
function_variable_info.name: 3a85474a7f21 (SeqOneByteString: "UpstreamConnection")
function_variable_info.context_or_stack_slot_index: ffffffff00000000 (SMI: value = -1)
inferred_function_name: 29b83c0c0011 (Oddball: "undefined")
outer_scope_info: 3a85474a81a9 (ScopeInfo)
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "v8scopeinfo",
    aliases: &[],
    summary: "print what a scope declares",
    family: Family::V8,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Text,
    options: &[],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("v8scopeinfo.rs"),
    examples: EXAMPLES,
    start: |_, _| {
        Ok(for_each_item(move |context, item, out| {
            let heap = context.heap()?;
            let value = Tagged(item.word);
            let failed = || DcmdError::failed(format!("{value}: failed to load ScopeInfo"));
            let object = heap.object(value).map_err(|_| failed())?;
            if object.kind() != HeapKind::ScopeInfo {
                return Err(failed());
            }
            let number = |name| match heap.named_field(object, name) {
                Ok(FieldValue::Unsigned(number)) => number,
                Ok(FieldValue::Tagged(number)) => number.smi().map_or(0, |number| u64::from(number as u32)),
                _ => 0,
            };
            let flags = number("flags");
            let bits = heap.layout().flags("ScopeFlags");
            let scope_type = bits.iter().find(|flag| flag.name == "scope_type").map_or(0, |f| f.of(flags));
            let mut text = out.text();
            match heap.layout().value_name("ScopeFlags", "scope_type", scope_type) {
                Some(name) => writeln!(text, "{name}")?,
                None => writeln!(text, "scope type {scope_type}")?,
            }
            let set: Vec<&str> = bits
                .iter()
                .filter(|flag| flag.width == 1 && flag.of(flags) != 0)
                .map(|flag| flag.name)
                .collect();
            if !set.is_empty() {
                writeln!(text, "flags: {}", set.join(", "))?;
            }
            let plural = |count: u64| if count == 1 { "" } else { "s" };
            let parameters = number("parameter_count");
            writeln!(text, "{parameters} parameter{}", plural(parameters))?;
            let locals = number("context_local_count");
            writeln!(text, "{locals} context local variable{}", plural(locals))?;
            let size = heap.object_size(object)?;
            for offset in (8..size).step_by(8) {
                context.check_interrupt()?;
                let place = heap.place_at(object, offset);
                let Place::ScopePart(part, index) = place else { continue };
                let FieldValue::Tagged(word) = heap.field_value(object, offset, FieldKind::Tagged)? else {
                    continue;
                };
                match (part, index) {
                    ("context_local_names", Some(index)) => {
                        let name = heap.name_text(word).unwrap_or_else(|| "<unreadable name>".to_owned());
                        writeln!(text, "    context local variable {index}: {word} (\"{}\")", escape(&name))?;
                    }
                    ("context_local_infos" | "part", _) => {}
                    _ => {
                        let name = place_name(heap, &place);
                        writeln!(text, "{name}: {word} ({})", summary(heap, word))?;
                    }
                }
            }
            Ok(())
        }))
    },
};
