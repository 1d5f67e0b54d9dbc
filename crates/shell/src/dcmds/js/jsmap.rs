//! `::jsmap`: list the entries of a Map, Set, WeakMap or WeakSet.
//!
//! One entry a line, key and value as tagged values in hexadecimal; of sets, whose members are both, once. In the order in which
//! they were added; the weak ones have none. `-k` lists keys alone, `-v` values alone. In a pipe the values are handed on, or the
//! keys with `-k`.
//!
//! `-e key` keeps the entry with that key, a tagged value: an address, or a small integer as V8 writes it (7 is `700000000`). `-p
//! text` keeps the one whose key is that string.

use std::io::Write;

use v8_heap::layout::Kind as HeapKind;
use v8_heap::objects::value::{HeapObject, Value};
use v8_heap::{Heap, Tagged};

use crate::dcmd::{
    AddressUse, Args, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each_item,
};
use crate::error::DcmdError;
use crate::of_snapshot;
use crate::stage::Flow;
use crate::value::{Item, Kind};

/// What it says, on files that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "15cb447412d9::jsmap | ::head -3",
        r#"
12fd195c5139
12fd195c50b9
12fd195c5039
"#,
    ),
    Example::on(
        "leak-24",
        "15cb447412d9::jsmap -p session-12 | ::jsprint request.url",
        r#"
"/v1/images/12?size=160"
"#,
    ),
    Example::on_snapshot(
        "sessions-24",
        "@104455::jsmap -p session-12 | ::jsprint client.name",
        r#"
"client-10"
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsmap",
    aliases: &[],
    summary: "list the entries of a Map, Set, WeakMap or WeakSet",
    family: Family::JavaScript,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Items(Kind::Value),
    options: &[
        Opt::flag('k', "keys only"),
        Opt::flag('v', "values only"),
        Opt::number('e', "key", "only the entry with this key, a tagged value").filter(),
        Opt::text('p', "text", "only the entry whose key is this string").filter(),
    ],
    operands: Operands::NONE,
    needs: &[Capability::Graph],
    manual: include_str!("jsmap.rs"),
    examples: EXAMPLES,
    start: |context, args| {
        let wanted = Wanted::of(args)?;
        if context.snapshot().is_some() {
            let asked = wanted.of_snapshot();
            return Ok(for_each_item(move |context, item, out| {
                of_snapshot::entries(context, item, &asked, out)
            }));
        }
        Ok(for_each_item(move |context, item, out| {
            let heap = context.heap()?;
            let collection = collection(heap, Tagged(item.word))?;
            let is_set = matches!(collection.kind(), HeapKind::JsSet | HeapKind::JsWeakSet);
            let mut ended = Ok(Flow::Continue);
            heap.for_each_collection_entry(collection, |key, value| {
                if !wanted.is_key(heap, key) {
                    return true;
                }
                // The values of a WeakSet are no more than marks.
                let value = if is_set { key } else { value };
                ended = if out.is_pipe() || wanted.keys || wanted.values || is_set {
                    out.emit(Item::value(if wanted.keys { key.0 } else { value.0 }))
                } else {
                    writeln!(out.text(), "{key} {value}").map_err(DcmdError::from).and_then(|()| {
                        context.check_interrupt()?;
                        Ok(Flow::Continue)
                    })
                };
                matches!(ended, Ok(Flow::Continue))
            })?;
            ended.map(|_| ())
        }))
    },
};

/// The collection that a value is.
///
/// # Errors
/// It is none.
pub(crate) fn collection<'h>(heap: &'h Heap<'_>, value: Tagged) -> Result<HeapObject<'h>, DcmdError> {
    match heap.value(value) {
        Ok(Value::Object(object))
            if matches!(
                object.kind(),
                HeapKind::JsMap | HeapKind::JsSet | HeapKind::JsWeakMap | HeapKind::JsWeakSet
            ) =>
        {
            Ok(object)
        }
        _ => Err(DcmdError::failed(format!("{value} is not a Map, Set, WeakMap or WeakSet"))),
    }
}

struct Wanted {
    keys: bool,
    values: bool,
    key: Option<Tagged>,
    text: Option<String>,
}

impl Wanted {
    fn of(args: &Args) -> Result<Wanted, DcmdError> {
        let (keys, values) = (args.has('k'), args.has('v'));
        if keys && values {
            return Err(DcmdError::usage("-k and -v exclude each other"));
        }
        let (key, text) = (args.number('e').map(Tagged), args.text('p').map(str::to_owned));
        if key.is_some() && text.is_some() {
            return Err(DcmdError::usage("-e and -p exclude each other"));
        }
        Ok(Wanted { keys, values, key, text })
    }

    fn of_snapshot(self) -> of_snapshot::AskedOfEntries {
        let Wanted { keys, values, key, text } = self;
        of_snapshot::AskedOfEntries { keys, values, key: key.map(|key| key.0), text }
    }

    fn is_key(&self, heap: &Heap<'_>, key: Tagged) -> bool {
        if let Some(text) = &self.text {
            let length = text.encode_utf16().count();
            return heap.string_length(key).is_ok_and(|found| found as usize == length)
                && heap.string(key, length).is_ok_and(|key| key.to_text() == *text);
        }
        // Untagged, an address is the object's all the same.
        self.key.is_none_or(|wanted| wanted == key || (key.strong().is_some() && wanted.0 == key.0 - 1))
    }
}
