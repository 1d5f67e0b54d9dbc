//! `::jsfunction`: say what a function is called and where it is defined.
//!
//! The line is the one on which the definition begins. Of a bound function: what it calls, with which `this` and which
//! leading arguments. `-v` adds what kind of function it is, how many parameters it declares, its column and its range in
//! the source (in UTF-16 code units from the start of the script), and the addresses of its parts.
//!
//! `-m` says where it was before its script was built, and what it was called there, if the script has a source map.
//!
//! A function without a name is `<anonymous>`, with the name that V8's parser inferred from what it was assigned to. One that
//! V8 or Node.js implements in native code has no line; it says so.

use serde_json::{Value as Json, json};
use v8_heap::layout::Kind as HeapKind;
use v8_heap::objects::value::{HeapObject, Value};
use v8_heap::{Heap, Tagged};

use crate::dcmd::{
    AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each_item,
};
use crate::error::DcmdError;
use crate::output::{Facts, escape, hex};
use crate::print::function::{Subject, definition_name, kind_name, origin, subject};
use crate::source_map::Maps;
use crate::value::Kind;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "1950f7e25d01::jsfunction",
        r#"
function: UpstreamConnection
defined at /tmp/v8mdb-stage/app/leak.js line 33
"#,
    ),
    Example::on(
        "leak-24",
        "15cb4477d409::jsfunction",
        r#"
function: <anonymous> (as UpstreamConnection.resume)
defined at /tmp/v8mdb-stage/app/leak.js line 38
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsfunction",
    aliases: &[],
    summary: "say what a function is called and where it is defined",
    family: Family::JavaScript,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Text,
    options: &[
        Opt::flag('v', "add its kind, parameters, column, range, and the addresses of its parts"),
        Opt::flag('m', "say where it was before its script was built, by the source map"),
        Opt::JSON,
    ],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("jsfunction.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let (verbose, as_json) = (args.has('v'), args.has('j'));
        let maps = args.has('m').then(Maps::default);
        Ok(for_each_item(move |context, item, out| {
            let heap = context.heap()?;
            let value = Tagged(item.word);
            if let Ok(Value::Object(object)) = heap.value(value)
                && object.kind() == HeapKind::JsBoundFunction
            {
                return Ok(bound(heap, object)?.print(as_json, &mut out.text())?);
            }
            let found = subject(heap, value)?;
            let mut facts = Facts::new();
            facts.field("function", found.function.map(|function| hex(function.value().0)));
            let (name, place) = (definition_name(heap, &found.shared), origin(heap, &found.shared));
            facts.tell("name", name.as_str(), format!("function: {}", escape(&name)));
            facts.tell("definedAt", place.as_str(), format!("defined at {}", escape(&place)));
            if let Some(maps) = &maps {
                match maps.of_definition(context, &found.shared) {
                    Some(original) => {
                        let name = original.name.as_ref().map_or(String::new(), |name| format!("{name}, "));
                        let place = original.place();
                        facts.field("originalName", original.name.as_deref());
                        let line = format!("built from {}{}", escape(&name), escape(&place));
                        facts.tell("builtFrom", place, line);
                    }
                    None => {
                        let line = "built from nothing that a source map tells of";
                        facts.tell("builtFrom", Json::Null, line);
                    }
                }
            }
            if verbose || as_json {
                details(heap, &found, &mut facts)?;
            }
            Ok(facts.print(as_json, &mut out.text())?)
        }))
    },
};

/// What a bound function calls.
fn bound(heap: &Heap<'_>, function: HeapObject<'_>) -> Result<Facts, DcmdError> {
    let bound = heap.bound_function(function)?;
    let arguments = heap.bound_arguments(&bound)?;
    let mut facts = Facts::new();
    facts.field("function", hex(function.value().0));
    facts.tell("target", hex(bound.target.0), format!("bound function that wraps: {}", bound.target));
    let this = format!("with \"this\" = {} ({})", bound.this, class(heap, bound.this));
    facts.tell("this", hex(bound.this.0), this);
    for (index, argument) in arguments.iter().enumerate() {
        let label = format!("arg{index}");
        facts.line(format!("      {label:<6}= {argument} ({})", class(heap, *argument)));
    }
    facts.field("arguments", arguments.iter().map(|argument| hex(argument.0)).collect::<Vec<_>>());
    Ok(facts)
}

/// `JSObject: Server`
fn class(heap: &Heap<'_>, value: Tagged) -> String {
    let class = heap.class_name(value);
    match heap.value(value) {
        Ok(Value::Smi(number)) => format!("SMI: value = {number}"),
        Ok(Value::Object(object)) => format!("{class}: {}", escape(heap.name(heap.constructor_name(object)))),
        _ => class.to_owned(),
    }
}

fn details(heap: &Heap<'_>, found: &Subject<'_>, facts: &mut Facts) -> Result<(), DcmdError> {
    let shared = &found.shared;
    let mode = if shared.is_strict { "strict" } else { "sloppy" };
    facts.tell("kind", kind_name(shared), format!("kind: {}, {mode} mode", kind_name(shared)));
    facts.field("strict", shared.is_strict);
    let count = shared.parameters.map_or_else(|| "taken as they come".to_owned(), |count| count.to_string());
    facts.tell("parameters", shared.parameters, format!("parameters: {count}, length {}", shared.length));
    facts.field("length", shared.length);
    if let Some(location) = heap.function_location(shared.object)
        && let Some(range) = heap.shared_range(shared)?
    {
        if let Some(place) = location.place {
            facts.field("line", place.line);
            facts.tell("column", place.column, format!("column: {}", place.column));
        }
        let (start, end) = (range.definition, range.end);
        let line = format!("range: [{start}, {end}), parameters at {}", range.start);
        facts.tell("range", json!([start, end]), line);
        let script = location.script.object.value();
        facts.tell("script", hex(script.0), format!("script: {script} (id {})", location.script.id));
    }
    let shared = shared.object.value();
    facts.tell("shared", hex(shared.0), format!("shared: {shared}"));
    if let Some(function) = found.function {
        let context = heap.function_context(function)?;
        facts.tell("context", hex(context.0), format!("context: {context}"));
    }
    Ok(())
}
