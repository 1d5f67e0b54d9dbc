//! `::v8whatis`: find the heap object that contains an address.
//!
//! The address may be tagged or not, and may lie anywhere inside the object. Prints the tagged address of the object, or
//! nothing if there is none; in a pipe it is handed on. All objects are known, so nothing is guessed: memory that is free, or
//! that V8 has not used yet, is in no object.
//!
//! `-v` says which class it is of and what is at the address in it, which page it is on, and in which space, and whether it is
//! garbage that V8 has not collected yet. Of an address in no
//! object it says what is there instead, as far as that is known.
//!
//! `-d` refuses objects that begin more than so many bytes before the address.

use serde_json::json;
use v8_heap::isolate::Page;
use v8_heap::{Heap, Whereabouts};

use crate::answers::elsewhere::elsewhere;
use crate::answers::lives::Remarks;
use crate::answers::place_name::place_name;
use crate::answers::summary::summary;
use crate::context::Context;
use crate::dcmd::{
    AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each_item,
};
use crate::error::DcmdError;
use crate::output::{Facts, escape, hex};
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "8ba8239fda9::v8whatis",
        r#"
8ba8239fd91
"#,
    ),
    Example::on(
        "leak-24",
        "8ba8239fda9::v8whatis -v",
        r#"
8ba8239fd91 (found Map at 8ba8239fd90 (8ba8239fda9-0x19) for type JSObject)
    at .request of JSObject: UpstreamConnection
    on page 8ba82380000 of space old
"#,
    ),
    Example::on(
        "leak-24",
        "<rsp::v8whatis -v",
        r#"
7ffdd6487ab8: in no heap object: stack of thread 12295, 0x0 above its stack pointer
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "v8whatis",
    aliases: &[],
    summary: "find the heap object that contains an address",
    family: Family::V8,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Items(Kind::Value),
    options: &[
        Opt::flag('v', "say what is there, and where"),
        Opt::number('d', "bytes", "look back at most so far; as far as it takes if not said"),
        Opt::JSON,
    ],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("v8whatis.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let as_json = args.has('j');
        let verbose = args.has('v') || as_json;
        let farthest = args.number('d').unwrap_or(u64::MAX);
        Ok(for_each_item(move |context, item, out| {
            let heap = context.heap()?;
            // Both bits of a tag; other addresses inside a word are rounded down by what looks them up.
            let address = item.word & !3;
            let found = heap.whereabouts(address, &context.progress())?;
            let Whereabouts::Object(object, distance) = found else {
                if verbose && !out.is_pipe() {
                    let place = outside(context, heap, found, address)?;
                    let mut facts = Facts::new();
                    facts.field("address", hex(item.word));
                    facts.field("object", json!(null));
                    let line = format!("{:x}: in no heap object: {place}", item.word);
                    facts.tell("outside", place, line);
                    facts.print(as_json, &mut out.text())?;
                }
                return Ok(());
            };
            if distance > farthest {
                if verbose {
                    context.warn(&format_args!(
                        "{:x}: no heap object found in previous {farthest} bytes",
                        item.word
                    ));
                }
                return Ok(());
            }
            if !verbose || out.is_pipe() {
                out.emit(Item::value(object.value().0))?;
                return Ok(());
            }
            let remarks = Remarks::new(context, &context.progress())?;
            let class = escape(heap.class_name(object.value())).into_owned();
            let mut facts = Facts::new();
            let start = object.address;
            let value = object.value();
            let back = item.word.wrapping_sub(start);
            facts.field("address", hex(item.word));
            facts.field("offset", distance);
            let line =
                format!("{value} (found Map at {start:x} ({:x}-0x{back:x}) for type {class})", item.word);
            facts.tell("object", hex(value.0), line);
            let place = place_name(heap, &heap.place_at(object, distance));
            let is = summary(heap, value);
            facts.tell("place", place.as_str(), format!("    at {place} of {is}"));
            facts.field("is", is);
            if let Some(page) = heap.spaces().page_of(address) {
                let shown = of_page(heap, page);
                facts.tell("page", hex(page.base), format!("    on {shown}"));
                let space = page.space.and_then(|space| heap.layout().space_names.get(usize::from(space)));
                facts.field("space", space.copied());
            }
            facts.field("garbage", remarks.is_garbage(value));
            if remarks.is_garbage(value) {
                facts.line("    garbage: nothing keeps it alive");
            }
            Ok(facts.print(as_json, &mut out.text())?)
        }))
    },
};

/// `page 24e11c80000 of space new`
fn of_page(heap: &Heap<'_>, page: &Page<'_>) -> String {
    let space = page.space.and_then(|space| heap.layout().space_names.get(usize::from(space)));
    let space = space.map_or("unknown space".to_owned(), |space| format!("space {space}"));
    let several = heap.spaces().isolates().len() > 1 && page.heap != 0;
    let isolate = heap.spaces().isolates().iter().find(|isolate| isolate.heap == page.heap && several);
    let isolate = isolate.map_or(String::new(), |isolate| format!(" of isolate {:x}", isolate.address));
    format!("page {:x} of {space}{isolate}", page.base)
}

/// What is at an address outside all objects.
fn outside(
    context: &Context,
    heap: &Heap<'_>,
    found: Whereabouts<'_>,
    address: u64,
) -> Result<String, DcmdError> {
    Ok(match found {
        Whereabouts::Object(object, _) => object.value().to_string(),
        Whereabouts::Free(page) => format!("free memory on {}", of_page(heap, page)),
        Whereabouts::Unused(page) => format!("memory not used yet on {}", of_page(heap, page)),
        Whereabouts::Gap(page) => {
            format!("a stretch in which no objects can be told on {}", of_page(heap, page))
        }
        Whereabouts::Stale(page) => {
            format!("a copy that is no longer in use, on {}", of_page(heap, page))
        }
        Whereabouts::Header(page, distance) => {
            format!("header of {}, +0x{distance:x}", of_page(heap, page))
        }
        Whereabouts::Isolate(isolate, distance) => {
            format!("isolate {:x}, +0x{distance:x}", isolate.address)
        }
        Whereabouts::Elsewhere => elsewhere(context, address)?,
    })
}
