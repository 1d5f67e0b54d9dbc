//! `::v8function`: print the parts of a function, as V8 keeps them.
//!
//! Machine code is shown where the function or its definition refers to it. From V8 13 on functions call through a table
//! outside the heap, and hold a handle into it, which is shown. `-d` disassembles the machine code, if it is known.
//!
//! In a pipe it hands on the SharedFunctionInfo.

use serde_json::json;
use v8_heap::Tagged;
use v8_heap::objects::place::FieldValue;
use v8_heap::objects::shared_function_info::FunctionCode;

use super::v8code;
use crate::answers::machine_code::current_code;
use crate::dcmd::{
    AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each_item,
};
use crate::error::DcmdError;
use crate::output::{Facts, escape, hex};
use crate::print::function::{definition_name, origin, subject};
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "1950f7e25d01::v8function",
    r#"
1950f7e25d01: JSFunction: UpstreamConnection
defined at /tmp/v8mdb-stage/app/leak.js line 33
context: 1950f7e24ab1
shared: 3a85474a8381
shared scope_info: 1950f7e19fb1
feedback cell: 3a85474a8c41
...
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "v8function",
    aliases: &[],
    summary: "print the parts of a function, as V8 keeps them",
    family: Family::V8,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Items(Kind::Value),
    options: &[Opt::flag('d', "disassemble its machine code"), Opt::JSON],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("v8function.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let (disassemble, as_json) = (args.has('d'), args.has('j'));
        Ok(for_each_item(move |context, item, out| {
            let heap = context.heap()?;
            let found = subject(heap, Tagged(item.word))?;
            let shared = &found.shared;
            let object = found.function.unwrap_or(shared.object);
            if out.is_pipe() {
                return out.emit(Item::value(shared.object.value().0)).map(|_| ());
            }
            let code = current_code(heap, object, &context.progress())?;
            let mut facts = Facts::new();
            let value = object.value();
            let class = escape(heap.class_name(value)).into_owned();
            let (name, place) = (definition_name(heap, shared), origin(heap, shared));
            facts.field("class", heap.class_name(value));
            facts.field("name", name.as_str());
            facts.tell("function", hex(value.0), format!("{value}: {class}: {}", escape(&name)));
            facts.tell("definedAt", place.as_str(), format!("defined at {}", escape(&place)));
            if let Some(function) = found.function {
                let context = heap.function_context(function)?;
                facts.tell("context", hex(context.0), format!("context: {context}"));
            }
            let definition = shared.object.value();
            facts.tell("shared", hex(definition.0), format!("shared: {definition}"));
            match heap.named_field(shared.object, "name_or_scope_info") {
                Ok(FieldValue::Tagged(scope)) if heap.class_name(scope) == "ScopeInfo" => {
                    facts.tell("scopeInfo", hex(scope.0), format!("shared scope_info: {scope}"));
                }
                _ => facts.line("shared scope_info not available"),
            }
            if let Some(function) = found.function {
                if let Ok(FieldValue::Tagged(cell)) = heap.named_field(function, "feedback_cell") {
                    facts.tell("feedbackCell", hex(cell.0), format!("feedback cell: {cell}"));
                }
                if let Ok(FieldValue::Unsigned(handle)) = heap.named_field(function, "dispatch_handle") {
                    facts.tell("dispatchHandle", hex(handle), format!("dispatch handle: 0x{handle:x}"));
                }
            }
            match shared.code {
                FunctionCode::Bytecode(bytecode) => {
                    let start = bytecode.0 - 1 + heap.fields().bytecode_data;
                    let array = heap.object(bytecode)?;
                    let length = match heap.named_field(array, "length")? {
                        FieldValue::Tagged(length) => u64::try_from(length.smi().unwrap_or(0)).unwrap_or(0),
                        _ => 0,
                    };
                    let end = start + length;
                    let line = format!("bytecode: {bytecode}, 0x{length:x} bytes at [{start:x}, {end:x})");
                    facts.tell("bytecode", hex(bytecode.0), line);
                    facts.field("bytecodes", json!([hex(start), hex(end)]));
                }
                FunctionCode::Uncompiled(data) => {
                    facts.tell("uncompiled", hex(data.0), format!("not compiled: {data}"));
                }
                FunctionCode::Builtin(number) => {
                    facts.tell("builtin", number, format!("builtin {number} of V8"));
                }
                FunctionCode::Native(data) => {
                    facts.tell("native", hex(data.0), format!("native code, by {data}"));
                }
                _ => {}
            }
            let mut failed = None;
            match code {
                Some(code) => {
                    let mut part = v8code::describe(heap, code);
                    if disassemble {
                        v8code::disassembly(context, heap, code, &mut part)?;
                    }
                    facts.part("code", part);
                }
                None if disassemble => {
                    failed = Some(DcmdError::failed(format!(
                        "{value}: its machine code is not known: the function runs as bytecode, or calls through a table"
                    )));
                }
                None => {}
            }
            facts.print(as_json, &mut out.text())?;
            failed.map_or(Ok(()), Err)
        }))
    },
};
