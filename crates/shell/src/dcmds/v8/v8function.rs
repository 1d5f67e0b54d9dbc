//! `::v8function`: print the parts of a function, as V8 keeps them.
//!
//! Machine code is shown where the function or its definition refers to it. From V8 13 on functions call through a table
//! outside the heap, and hold a handle into it, which is shown. `-d` disassembles the machine code, if it is known.
//!
//! In a pipe it hands on the SharedFunctionInfo.

use std::io::Write;

use v8_heap::Tagged;
use v8_heap::objects::place::FieldValue;
use v8_heap::objects::shared_function_info::FunctionCode;

use super::v8code;
use crate::answers::machine_code::own_code;
use crate::dcmd::{
    AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each_item,
};
use crate::error::DcmdError;
use crate::output::escape;
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
    options: &[Opt::flag('d', "disassemble its machine code")],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("v8function.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let disassemble = args.has('d');
        Ok(for_each_item(move |context, item, out| {
            let heap = context.heap()?;
            let found = subject(heap, Tagged(item.word))?;
            let shared = &found.shared;
            let object = found.function.unwrap_or(shared.object);
            if out.is_pipe() {
                return out.emit(Item::value(shared.object.value().0)).map(|_| ());
            }
            let code = own_code(heap, object);
            let mut text = out.text();
            let class = escape(heap.class_name(object.value())).into_owned();
            let name = escape(&definition_name(heap, shared)).into_owned();
            writeln!(text, "{}: {class}: {name}", object.value())?;
            writeln!(text, "defined at {}", escape(&origin(heap, shared)))?;
            if let Some(function) = found.function {
                writeln!(text, "context: {}", heap.function_context(function)?)?;
            }
            writeln!(text, "shared: {}", shared.object.value())?;
            match heap.named_field(shared.object, "name_or_scope_info") {
                Ok(FieldValue::Tagged(scope)) if heap.class_name(scope) == "ScopeInfo" => {
                    writeln!(text, "shared scope_info: {scope}")?;
                }
                _ => writeln!(text, "shared scope_info not available")?,
            }
            if let Some(function) = found.function {
                if let Ok(FieldValue::Tagged(cell)) = heap.named_field(function, "feedback_cell") {
                    writeln!(text, "feedback cell: {cell}")?;
                }
                if let Ok(FieldValue::Unsigned(handle)) = heap.named_field(function, "dispatch_handle") {
                    writeln!(text, "dispatch handle: 0x{handle:x}")?;
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
                    writeln!(text, "bytecode: {bytecode}, 0x{length:x} bytes at [{start:x}, {end:x})")?;
                }
                FunctionCode::Uncompiled(data) => writeln!(text, "not compiled: {data}")?,
                FunctionCode::Builtin(number) => writeln!(text, "builtin {number} of V8")?,
                FunctionCode::Native(data) => writeln!(text, "native code, by {data}")?,
                _ => {}
            }
            drop(text);
            match code {
                Some(code) => {
                    v8code::describe(heap, code, out)?;
                    match disassemble {
                        true => v8code::instructions_as_text(context, heap, code, out),
                        false => Ok(()),
                    }
                }
                None if disassemble => Err(DcmdError::failed(format!(
                    "{}: its machine code is not known: the function runs as bytecode, or calls through a table",
                    object.value()
                ))),
                None => Ok(()),
            }
        }))
    },
};
