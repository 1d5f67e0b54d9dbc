//! `::v8function`: print the parts of a function, as V8 keeps them.
//!
//! ```text
//! > 2b1e00e00321::v8function
//! 2b1e00e00321: JSFunction: parseHeader
//! defined at /srv/app/lib/http.js line 210
//! context: 2b1e00e00119
//! shared: 2b1e00e00281
//! shared scope_info: 2b1e00a10051
//! feedback cell: 2b1e00e00301
//! bytecode: 2b1e00b00429, 0x91 bytes at [2b1e00b00468, 2b1e00b004f9)
//! ```
//!
//! Machine code is shown where the function or its definition refers to it. From V8 13 on functions call through a table
//! outside the heap, and hold a handle into it, which is shown. `-d` would disassemble the machine code; v8mdb has no
//! disassembler and refuses.

use std::io::Write;

use v8_heap::Tagged;
use v8_heap::objects::place::FieldValue;
use v8_heap::objects::shared_function_info::FunctionCode;

use super::v8code;
use crate::dcmd::{AddressUse, Capability, Dcmd, Operands, Opt, Takes, Yields, for_each_item};
use crate::error::DcmdError;
use crate::output::escape;
use crate::print::function::{definition_name, origin, subject};
use crate::value::Kind;

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "v8function",
    aliases: &[],
    summary: "print the parts of a function, as V8 keeps them",
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Text,
    options: &[Opt::flag('d', "disassemble (refused: there is no disassembler)")],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("v8function.rs"),
    start: |_, args| {
        let disassemble = args.has('d');
        Ok(for_each_item(move |context, item, out| {
            let heap = context.heap()?;
            let found = subject(heap, Tagged(item.word))?;
            let shared = &found.shared;
            let object = found.function.unwrap_or(shared.object);
            let code = v8code::own_code(heap, object);
            if disassemble {
                return Err(match code {
                    Some(code) => v8code::no_disassembler(heap, code),
                    None => DcmdError::failed(format!("{}: v8mdb has no disassembler", object.value())),
                });
            }
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
                    let start = bytecode.0 - 1 + heap.layout().fields.bytecode_data;
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
                Some(code) => v8code::describe(heap, code, out),
                None => Ok(()),
            }
        }))
    },
};
