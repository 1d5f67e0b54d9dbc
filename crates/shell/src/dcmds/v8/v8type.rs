//! `::v8type`: say what a tagged word is.
//!
//! Of an object its class, and what tells it from others of that class: the constructor of a JavaScript object, the name of a
//! function, the text of a string. `::v8whatis` takes any address.

use std::io::Write;

use serde_json::json;
use v8_heap::Tagged;

use crate::answers::summary::summary;
use crate::dcmd::{
    AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each_item,
};
use crate::error::DcmdError;
use crate::output::hex;
use crate::value::Kind;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "8ba8239fd91::v8type",
        r#"
0x8ba8239fd91: JSObject: UpstreamConnection
"#,
    ),
    Example::on(
        "leak-24",
        "700000000::v8type",
        r#"
0x700000000: SMI: value = 7
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "v8type",
    aliases: &[],
    summary: "say what a tagged word is",
    family: Family::V8,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Text,
    options: &[Opt::JSON],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("v8type.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let as_json = args.has('j');
        Ok(for_each_item(move |context, item, out| {
            let heap = context.heap()?;
            let value = Tagged(item.word);
            if value.smi().is_none() && heap.object(value).is_err() {
                return Err(DcmdError::failed(format!("0x{value}: <unknown>: {}", summary(heap, value))));
            }
            if as_json {
                return out.json(&json!({ "value": hex(value.0), "is": summary(heap, value) }));
            }
            Ok(writeln!(out.text(), "0x{value}: {}", summary(heap, value))?)
        }))
    },
};
