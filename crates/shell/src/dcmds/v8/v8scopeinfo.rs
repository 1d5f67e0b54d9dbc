//! `::v8scopeinfo`: print what a scope declares.
//!
//! The names behind the slots of its contexts, and how many parameters a function has: V8 keeps the names of parameters and
//! variables only if closures capture them.

use serde_json::{Map, Value, json};
use v8_heap::Tagged;
use v8_heap::layout::{FieldKind, Kind as HeapKind};
use v8_heap::objects::place::{FieldValue, Place};

use crate::answers::place_name::place_name;
use crate::answers::summary::summary;
use crate::dcmd::{
    AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each_item,
};
use crate::error::DcmdError;
use crate::output::{Facts, escape, hex};
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
    options: &[Opt::JSON],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("v8scopeinfo.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let as_json = args.has('j');
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
            let mut facts = Facts::new();
            facts.field("scopeInfo", hex(value.0));
            let name = heap.layout().value_name("ScopeFlags", "scope_type", scope_type);
            let name = name.map_or_else(|| format!("scope type {scope_type}"), str::to_owned);
            facts.tell("kind", name.as_str(), name.as_str());
            let set: Vec<&str> = bits
                .iter()
                .filter(|flag| flag.width == 1 && flag.of(flags) != 0)
                .map(|flag| flag.name)
                .collect();
            if !set.is_empty() {
                facts.line(format!("flags: {}", set.join(", ")));
            }
            facts.field("flags", set);
            let plural = |count: u64| if count == 1 { "" } else { "s" };
            let parameters = number("parameter_count");
            facts.tell("parameters", parameters, format!("{parameters} parameter{}", plural(parameters)));
            let locals = number("context_local_count");
            facts.line(format!("{locals} context local variable{}", plural(locals)));
            let (mut names, mut parts) = (Vec::new(), Map::new());
            let size = heap.object_size(object)?;
            let word = heap.fields().words.tagged;
            for offset in (word..size).step_by(word as usize) {
                context.check_interrupt()?;
                let place = heap.place_at(object, offset);
                let Place::ScopePart(part, index) = place else { continue };
                let FieldValue::Tagged(word) = heap.field_value(object, offset, FieldKind::Tagged)? else {
                    continue;
                };
                match (part, index) {
                    ("context_local_names", Some(index)) => {
                        let name = heap.name_text(word).unwrap_or_else(|| "<unreadable name>".to_owned());
                        let shown = escape(&name);
                        facts.line(format!("    context local variable {index}: {word} (\"{shown}\")"));
                        names.push(name);
                    }
                    ("context_local_infos" | "part", _) => {}
                    _ => {
                        let name = place_name(heap, &place);
                        facts.line(format!("{name}: {word} ({})", summary(heap, word)));
                        parts.insert(name, json!({ "value": hex(word.0), "is": summary(heap, word) }));
                    }
                }
            }
            facts.field("locals", names);
            facts.field("parts", Value::Object(parts));
            Ok(facts.print(as_json, &mut out.text())?)
        }))
    },
};
