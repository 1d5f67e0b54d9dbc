//! `::v8context`: print a context: the variables that closures capture, slot by slot.
//!
//! Slots that hold a variable show its name. `::v8function` prints the context of a function; `::walk v8context` goes from a
//! context outwards.
//!
//! A context with an extension holds in it the variables that `eval` declared, or the object of a `with` statement.

use serde_json::json;
use v8_heap::layout::Kind as HeapKind;
use v8_heap::objects::context::VariableValue;
use v8_heap::objects::place::{FieldValue, Place};
use v8_heap::{Heap, Tagged};

use crate::answers::summary::summary;
use crate::context::Context;
use crate::dcmd::{
    AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each_item,
};
use crate::error::DcmdError;
use crate::output::{Facts, escape, hex};
use crate::print::format_number;
use crate::value::Kind;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "15cb4477d409::walk v8context | ::head 1 | ::v8context",
    r#"
scope info: 1950f7e19fb1 (ScopeInfo)
previous context: 1950f7e24ab1 (FunctionContext)
native context: 98e8b580109 (NativeContext)
    slot 2: 8ba8239fd91 (JSObject: UpstreamConnection) "this"
    slot 3: 3a85474bbc31 (JSObject: IncomingRequest) "request"
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "v8context",
    aliases: &[],
    summary: "print a context: the variables that closures capture, slot by slot",
    family: Family::V8,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Text,
    options: &[Opt::JSON],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("v8context.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let as_json = args.has('j');
        Ok(for_each_item(move |context, item, out| {
            let facts = describe(context, context.heap()?, Tagged(item.word))?;
            Ok(facts.print(as_json, &mut out.text())?)
        }))
    },
};

fn describe(context: &Context, heap: &Heap<'static>, value: Tagged) -> Result<Facts, DcmdError> {
    let failed = || DcmdError::failed(format!("{value}: failed to load Context"));
    let object = heap.object(value).map_err(|_| failed())?;
    if !matches!(object.kind(), HeapKind::Context | HeapKind::NativeContext) {
        return Err(failed());
    }
    let size = heap.object_size(object)?;
    let fields = heap.fields();
    let slot = |index: u64| heap.field(object, fields.context_slot(0, index));
    let shown = |value: Tagged| format!("{value} ({})", summary(heap, value));
    let mut facts = Facts::new();
    facts.field("context", hex(value.0));
    facts.tell("scopeInfo", hex(slot(0)?.0), format!("scope info: {}", shown(slot(0)?)));
    facts.tell("previous", hex(slot(1)?.0), format!("previous context: {}", shown(slot(1)?)));
    // The maps of contexts belong to the native context that they name.
    let map = heap.object(Tagged::pointer(object.map.address))?;
    if let Ok(FieldValue::Tagged(native)) =
        heap.named_field(map, "constructor_or_back_pointer_or_native_context")
    {
        facts.tell("nativeContext", hex(native.0), format!("native context: {}", shown(native)));
    }
    let end = match object.kind() {
        // The last word is a native pointer.
        HeapKind::NativeContext => size.saturating_sub(heap.fields().words.pointer),
        _ => size,
    };
    let mut slots = Vec::new();
    for at in (fields.context_slot(0, 2)..end).step_by(fields.words.tagged as usize) {
        context.check_interrupt()?;
        let (index, name) = match heap.place_at(object, at) {
            Place::ContextSlot(index, name) => {
                let name = name.and_then(|name| heap.name_text(name));
                (index, name.map(|name| (format!(" \"{}\"", escape(&name)), name)))
            }
            Place::NativeSlot(index, name) => (index, Some((format!(" {name}"), name.to_owned()))),
            _ => continue,
        };
        let word = heap.field(object, at)?;
        let (label, name) = name.unzip();
        let held = if heap.class_name(word) == "ContextCell" { Some(in_cell(heap, word)?) } else { None };
        let shown = match &held {
            Some(held) => format!("{word} (ContextCell: {held})"),
            None => shown(word),
        };
        facts.line(format!("    slot {index}: {shown}{}", label.unwrap_or_default()));
        slots.push(json!({
            "slot": index,
            "name": name,
            "value": hex(word.0),
            "is": summary(heap, word),
            "holds": held,
        }));
    }
    facts.field("slots", slots);
    Ok(facts)
}

/// The value that a cell of its own keeps for a variable.
fn in_cell(heap: &Heap<'static>, cell: Tagged) -> Result<String, DcmdError> {
    Ok(match heap.variable_value(cell)? {
        VariableValue::Tagged(value) => match value.smi() {
            Some(number) => number.to_string(),
            None => format!("{value} ({})", summary(heap, value)),
        },
        VariableValue::Number(number) => format_number(number),
        VariableValue::Uninitialized => "uninitialized".to_owned(),
        VariableValue::Property(_) => "a property".to_owned(),
    })
}
