//! `::v8array`: print the elements of an internal array.
//!
//! One tagged word a line, holes included; in a pipe each is handed on. `-i` prints the index in front. Takes all of V8's arrays
//! of tagged words: fixed arrays, hash tables, property arrays, arrays of weak pointers, contexts. Of a JavaScript array
//! `::walk jselement` lists the elements.

use std::io::Write;

use serde_json::json;
use v8_heap::Tagged;
use v8_heap::layout::FieldKind;
use v8_heap::objects::place::Place;

use crate::dcmd::{
    AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each_item,
};
use crate::error::DcmdError;
use crate::output::{escape, hex};
use crate::stage::Flow;
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "12fd195d1f49::v8array -i",
        r#"
0 12fd195d2039
1 12fd195d2069
2 12fd195d2099
3 29b83c0c0d31
...
"#,
    ),
    Example::on(
        "leak-24",
        "12fd195d1f49::v8array | ::head -1 | ::v8type",
        r#"
0x12fd195d2039: JSObject: Chunk
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "v8array",
    aliases: &[],
    summary: "print the elements of an internal array",
    family: Family::V8,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Items(Kind::Value),
    options: &[Opt::flag('i', "print the index in front of each element"), Opt::JSON],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("v8array.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let (indices, as_json) = (args.has('i'), args.has('j'));
        Ok(for_each_item(move |context, item, out| {
            let heap = context.heap()?;
            let value = Tagged(item.word);
            let object = heap.object(value)?;
            let class = heap.layout().type_info(object.map.instance_type).and_then(|info| info.class);
            let start = class.and_then(|class| heap.classes().class(class).tail.as_ref()).map(|t| t.offset);
            let is_word = |place: &Place<'_>| {
                matches!(
                    place,
                    Place::ContextSlot(..)
                        | Place::NativeSlot(..)
                        | Place::Entry { kind: FieldKind::Tagged | FieldKind::Smi | FieldKind::Weak, .. }
                )
            };
            let Some(start) = start.filter(|start| {
                let size = heap.object_size(object).unwrap_or(0);
                size == *start || is_word(&heap.place_at(object, *start))
            }) else {
                let class = escape(heap.class_name(value)).into_owned();
                return Err(DcmdError::failed(format!("{value} is a {class}, not an array of V8's")));
            };
            let size = heap.object_size(object)?;
            for (index, offset) in (start..size).step_by(heap.fields().words.tagged as usize).enumerate() {
                context.check_interrupt()?;
                let word = heap.field(object, offset)?;
                if as_json {
                    let array = hex(value.0);
                    out.json(&json!({ "array": array, "index": index, "value": hex(word.0) }))?;
                } else if indices && !out.is_pipe() {
                    writeln!(out.text(), "{index} {word}")?;
                } else if out.emit(Item::value(word.0))? == Flow::Enough {
                    return Ok(());
                }
            }
            Ok(())
        }))
    },
};
