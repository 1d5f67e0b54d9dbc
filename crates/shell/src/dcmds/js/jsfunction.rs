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

use std::io::Write;

use v8_heap::layout::Kind as HeapKind;
use v8_heap::objects::value::{HeapObject, Value};
use v8_heap::{Heap, Tagged};

use crate::dcmd::{
    AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each_item,
};
use crate::error::DcmdError;
use crate::output::escape;
use crate::print::function::{Subject, definition_name, kind_name, origin, subject};
use crate::source_map::Maps;
use crate::stage::Out;
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
    ],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("jsfunction.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let verbose = args.has('v');
        let maps = args.has('m').then(Maps::default);
        Ok(for_each_item(move |context, item, out| {
            let heap = context.heap()?;
            let value = Tagged(item.word);
            if let Ok(Value::Object(object)) = heap.value(value)
                && object.kind() == HeapKind::JsBoundFunction
            {
                return bound(heap, object, out);
            }
            let found = subject(heap, value)?;
            let mut text = out.text();
            writeln!(text, "function: {}", escape(&definition_name(heap, &found.shared)))?;
            writeln!(text, "defined at {}", escape(&origin(heap, &found.shared)))?;
            drop(text);
            if let Some(maps) = &maps {
                match maps.of_definition(context, &found.shared) {
                    Some(original) => {
                        let name = original.name.as_ref().map_or(String::new(), |name| format!("{name}, "));
                        writeln!(out.text(), "built from {}{}", escape(&name), escape(&original.place()))?;
                    }
                    None => writeln!(out.text(), "built from nothing that a source map tells of")?,
                }
            }
            if verbose { details(heap, &found, out) } else { Ok(()) }
        }))
    },
};

/// What a bound function calls.
fn bound(heap: &Heap<'_>, function: HeapObject<'_>, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let bound = heap.bound_function(function)?;
    let arguments = heap.bound_arguments(&bound)?;
    let mut text = out.text();
    writeln!(text, "bound function that wraps: {}", bound.target)?;
    writeln!(text, "with \"this\" = {} ({})", bound.this, class(heap, bound.this))?;
    for (index, argument) in arguments.into_iter().enumerate() {
        let label = format!("arg{index}");
        writeln!(text, "      {label:<6}= {argument} ({})", class(heap, argument))?;
    }
    Ok(())
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

fn details(heap: &Heap<'_>, found: &Subject<'_>, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let shared = &found.shared;
    let mut text = out.text();
    let mode = if shared.is_strict { "strict" } else { "sloppy" };
    writeln!(text, "kind: {}, {mode} mode", kind_name(shared))?;
    match shared.parameters {
        Some(count) => writeln!(text, "parameters: {count}, length {}", shared.length)?,
        None => writeln!(text, "parameters: taken as they come, length {}", shared.length)?,
    }
    if let Some(location) = heap.function_location(shared.object)
        && let Some(range) = heap.shared_range(shared)?
    {
        if let Some(place) = location.place {
            writeln!(text, "column: {}", place.column)?;
        }
        writeln!(text, "range: [{}, {}), parameters at {}", range.definition, range.end, range.start)?;
        writeln!(text, "script: {} (id {})", location.script.object.value(), location.script.id)?;
    }
    writeln!(text, "shared: {}", shared.object.value())?;
    if let Some(function) = found.function {
        writeln!(text, "context: {}", heap.function_context(function)?)?;
    }
    Ok(())
}
