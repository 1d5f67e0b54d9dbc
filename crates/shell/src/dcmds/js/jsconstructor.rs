//! `::jsconstructor`: name the constructor of a JavaScript object.
//!
//! The name of the class or function that made the object, as the constructor column of `::findjsobjects` has it. With `-v` the
//! function's address follows, if the object's prototype leads to it, and where it is defined. Of a primitive value the class
//! is that of its methods; of V8's own objects V8's name stands in brackets.
//!
//! Of a node of a heap snapshot, the name alone.
//!
//! In a pipe it hands on the constructor: `addr::jsconstructor | ::jssource`.

use std::io::Write;

use serde_json::json;
use v8_heap::Tagged;
use v8_heap::objects::value::Value;

use crate::answers::sources::source;
use crate::dcmd::{
    AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each_item,
};
use crate::error::DcmdError;
use crate::output::{escape, hex};
use crate::print::function::{origin, subject};
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "1950f7e24af9::jsconstructor",
        r#"
Gateway
"#,
    ),
    Example::on(
        "leak-24",
        "1950f7e24af9::jsconstructor -v",
        r#"
Gateway (JSFunction: 1950f7e24c29) /tmp/v8mdb-stage/app/leak.js line 43
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsconstructor",
    aliases: &[],
    summary: "name the constructor of a JavaScript object",
    family: Family::JavaScript,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Items(Kind::Value),
    options: &[Opt::flag('v', "print the constructor's address, too"), Opt::JSON],
    operands: Operands::NONE,
    needs: &[Capability::Graph],
    manual: include_str!("jsconstructor.rs"),
    examples: EXAMPLES,
    start: |context, args| {
        let (verbose, as_json) = (args.has('v'), args.has('j'));
        if context.snapshot().is_some() {
            return Ok(for_each_item(move |context, item, out| {
                let source = source(context, &context.progress())?;
                let node = source.find(item.word)?;
                let name = match source.constructor_of(node) {
                    name if name.is_empty() => source.label(node),
                    name => escape(&name).into_owned(),
                };
                match as_json {
                    true => out.json(&json!({ "object": source.json(node), "constructor": name })),
                    false => Ok(writeln!(out.text(), "{name}")?),
                }
            }));
        }
        Ok(for_each_item(move |context, item, out| {
            let heap = context.heap()?;
            let value = Tagged(item.word);
            if out.is_pipe() {
                let function = match heap.value(value) {
                    Ok(Value::Object(object)) => heap.constructor_function(object),
                    _ => None,
                };
                let function = function
                    .ok_or_else(|| DcmdError::failed(format!("{value}: its constructor is not known")))?;
                return out.emit(Item::value(function.0)).map(|_| ());
            }
            let primitive = match heap.value(value) {
                Ok(Value::Smi(_) | Value::Double(_)) => "Number".to_owned(),
                Ok(Value::String(_)) => "String".to_owned(),
                Ok(Value::Symbol(_)) => "Symbol".to_owned(),
                Ok(Value::BigInt(_)) => "BigInt".to_owned(),
                Ok(Value::Boolean(_)) => "Boolean".to_owned(),
                Ok(Value::Internal(_)) => format!("({})", heap.class_name(value)),
                _ => String::new(),
            };
            if as_json && !primitive.is_empty() {
                return out.json(&json!({ "object": hex(value.0), "constructor": primitive }));
            }
            if !primitive.is_empty() {
                return Ok(writeln!(out.text(), "{primitive}")?);
            }
            let Ok(Value::Object(object)) = heap.value(value) else {
                return Err(DcmdError::failed(format!("{value} is not a JSObject")));
            };
            let name = heap.name(heap.constructor_name(object));
            if as_json {
                let function = heap.constructor_function(object);
                let found = function.and_then(|function| subject(heap, function).ok());
                return out.json(&json!({
                    "object": hex(value.0),
                    "constructor": name,
                    "function": function.map(|function| hex(function.0)),
                    "definedAt": found.map(|found| origin(heap, &found.shared)),
                }));
            }
            let name = escape(name);
            let mut text = out.text();
            write!(text, "{name}")?;
            if verbose && let Some(function) = heap.constructor_function(object) {
                write!(text, " (JSFunction: {function})")?;
                if let Ok(found) = subject(heap, function) {
                    write!(text, " {}", escape(&origin(heap, &found.shared)))?;
                }
            }
            Ok(writeln!(text)?)
        }))
    },
};
