//! `::v8internal`: print an embedder field of an object.
//!
//! Objects that native code wraps have fields that only it uses, counted from 0. Node.js keeps a number of its own in field 0
//! and in field 1 the address of the C++ object. The address is bare, so that it can go into an expression.
//!
//! In a pipe it hands on the field, an address.

use serde_json::json;
use v8_heap::Tagged;
use v8_heap::layout::FieldKind;
use v8_heap::objects::place::{FieldValue, Place};

use crate::dcmd::{
    AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each_item,
};
use crate::error::DcmdError;
use crate::output::{escape, hex};
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "server-24",
        "163fabf2a2e1::jsconstructor",
        r#"
TCP
"#,
    ),
    Example::on(
        "server-24",
        "163fabf2a2e1::v8internal 1",
        r#"
19172100
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "v8internal",
    aliases: &[],
    summary: "print an embedder field of an object",
    family: Family::V8,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Items(Kind::Address),
    options: &[Opt::JSON],
    operands: Operands::one("index"),
    needs: &[Capability::V8Heap],
    manual: include_str!("v8internal.rs"),
    examples: EXAMPLES,
    start: |context, args| {
        let radix = context.settings.radix.get();
        let wanted = args
            .operands()
            .first()
            .and_then(|word| word.number(radix))
            .ok_or_else(|| DcmdError::usage("the index is a number"))?;
        let as_json = args.has('j');
        Ok(for_each_item(move |context, item, out| {
            let heap = context.heap()?;
            let value = Tagged(item.word);
            let object = heap.object(value)?;
            let size = heap.object_size(object)?;
            let mut fields = 0;
            for offset in (0..size).step_by(heap.fields().words.tagged as usize) {
                if let Place::EmbedderField(index) = heap.place_at(object, offset) {
                    fields += 1;
                    if index == wanted {
                        let word = match heap.field_value(object, offset, FieldKind::Embedder)? {
                            FieldValue::Pointer(address) => Tagged(address),
                            _ => heap.field(object, offset)?,
                        };
                        if as_json {
                            let object = hex(value.0);
                            let line = json!({ "object": object, "index": wanted, "value": hex(word.0) });
                            return out.json(&line);
                        }
                        return out.emit(Item::address(word.0)).map(|_| ());
                    }
                }
            }
            let class = escape(heap.class_name(value)).into_owned();
            Err(DcmdError::failed(match fields {
                0 => format!("{value}: unsupported type: a {class} without embedder fields"),
                _ => format!("{value}: a {class} with {fields} embedder fields, counted from 0"),
            }))
        }))
    },
};
