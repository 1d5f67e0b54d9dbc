//! `::jsbuffers`: list the memory behind ArrayBuffers, Buffers and typed arrays, and add it up.
//!
//! One line for each backing store, the largest last: the address of its first byte, its length and, if it can grow, the length
//! that it can reach, what kind of memory it is, how many views (Buffers, typed arrays, DataViews) look at it, how many bytes
//! they look at, each for itself, and the ArrayBuffer that owns it. Memory that several isolates share is listed once.
//!
//! # Kinds of memory
//!
//! `ArrayBuffer` and `SharedArrayBuffer` are of the allocator of Node.js. `resizable` and `growable` ones reserve addresses up
//! to their greatest length. `WebAssembly memory` belongs to a `WebAssembly.Memory`. `native memory` was given by native code
//! with a function that frees it, `borrowed memory` without: it is not V8's to free. `heap` are small typed arrays, whose
//! bytes are part of the heap. `(pool)` marks memory that `worker.markAsUntransferable` protects: the slab from which Node.js cuts
//! small Buffers.
//!
//! # Memory
//!
//! Where the file of a core still has the holes that tell, a column more, `IN CORE`, says how many of the bytes the core has: of a core that
//! the kernel wrote that is what was in memory (resident), else at least so much was. A buffer that was never written to takes none.
//!
//! # Totals
//!
//! Behind the list stands what each kind of memory adds up to, and what each constructor of views does. Then come the numbers
//! that the process itself would have told: `arrayBuffers` of `process.memoryUsage()`, which Node's allocator counts, and
//! `external`, which V8 counts, beside what the listed stores and the external strings come to. The first is the sum of
//! ArrayBuffers and SharedArrayBuffers of Node's allocator; the second that of all memory that V8 will free when its
//! ArrayBuffer dies, and of external strings, but for what is shared. V8 14 counts one byte for each character of an external
//! string even where it takes two, and no WebAssembly memory. What is left over is memory whose
//! ArrayBuffer was collected but that V8 has not subtracted yet, or that native code holds without an ArrayBuffer, as a Blob does:
//! `::malloc -o` tells which objects own how much.
//!
//! # Options
//!
//! `-v` adds the views by constructor below each store, all its ArrayBuffers, and of memory that native code has given, in what it is: a
//! C++ object, or data of the executable or a library. `-c constructor` keeps stores that views of that
//! constructor look at. `-j` prints one JSON object for each store, without totals. In a pipe, the ArrayBuffers are handed
//! on: `::jsbuffers -c Float64Array | ::jsprint`.

use std::collections::BTreeMap;
use std::io::Write;

use core_reader::Address;
use serde_json::json;
use v8_heap::index::{BackingStore, Buffers, StoreKind};
use v8_heap::{Heap, NameId};

use crate::answers::native_memory::{class_of, known_malloc};
use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::{self, Column, Hex, Table, escape};
use crate::stage::{Flow, Out};
use crate::target::Target;
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "memory-24",
    "::jsbuffers",
    r#"
         ADDRESS      BYTES        MAX KIND                        VIEWS     VIEWED BUFFER
         6b981ed          1          1 native memory                   1          1 1c9b4d60c189
        15a05930          1          1 ArrayBuffer                     1          1 2370bcacf141
        159c75d0          2          2 ArrayBuffer                     1          2 28ec1eb45f61
        159c7500          4          4 ArrayBuffer                     1          4 28ec1eb453f9
        159c76b0          4          4 ArrayBuffer                     1          4 28ec1eb49ed1
...
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsbuffers",
    aliases: &[],
    summary: "list the memory behind ArrayBuffers, Buffers and typed arrays",
    family: Family::JavaScript,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Items(Kind::Value),
    options: &[
        Opt::flag('v', "add views by constructor, and all ArrayBuffers of each store"),
        Opt::text('c', "constructor", "only stores that views of this constructor look at").filter(),
        Opt::flag('j', "print one JSON object for each store"),
    ],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("jsbuffers.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let (verbose, as_json) = (args.has('v'), args.has('j'));
        let constructor = args.text('c').map(str::to_owned);
        Ok(for_each(move |context, _, out| {
            let heap = context.heap()?;
            let buffers = heap.buffers(&context.progress())?;
            let wanted = constructor.as_deref().map(|name| heap.name_id(name));
            let is_wanted = |store: &BackingStore| match wanted {
                None => true,
                Some(wanted) => store.views.iter().any(|views| Some(views.constructor) == wanted),
            };
            let stores = buffers.stores.iter().filter(|store| is_wanted(store));
            if out.is_pipe() {
                for buffer in stores.flat_map(|store| &store.buffers) {
                    if out.emit(Item::value(buffer.0))? == Flow::Enough {
                        break;
                    }
                }
                return Ok(());
            }
            let target = context.target()?;
            if as_json {
                for store in stores {
                    context.check_interrupt()?;
                    writeln!(out.text(), "{}", output::json(&json_of(target, heap, store)))?;
                }
                return Ok(());
            }
            let table = if tells_residence(target) { &WITH_CORE } else { &TABLE };
            table.heading(context.colours, &mut out.text())?;
            for store in stores {
                context.check_interrupt()?;
                row(context, heap, store, verbose, out)?;
            }
            if constructor.is_none() { totals(context, heap, buffers, out) } else { Ok(()) }
        }))
    },
};

static TABLE: Table = Table::new(&[
    Column::right("ADDRESS", 16),
    Column::right("BYTES", 10),
    Column::right("MAX", 10),
    Column::left("KIND", 26),
    Column::right("VIEWS", 6),
    Column::right("VIEWED", 10),
    Column::left("BUFFER", 0),
]);

static WITH_CORE: Table = Table::new(&[
    Column::right("ADDRESS", 16),
    Column::right("BYTES", 10),
    Column::right("MAX", 10),
    Column::right("IN CORE", 10),
    Column::left("KIND", 26),
    Column::right("VIEWS", 6),
    Column::right("VIEWED", 10),
    Column::left("BUFFER", 0),
]);

/// Whether what the core has bytes for is what was in memory: it was written with holes, and nobody has filled them or made others.
fn tells_residence(target: &Target) -> bool {
    target.memory().has_holes() && target.core().stored().temporary.is_none()
}

/// Bytes of a store that the core has, if that tells what was in memory.
fn in_core(target: &Target, store: &BackingStore) -> Option<u64> {
    if !tells_residence(target) {
        return None;
    }
    let end = Address(store.address.saturating_add(store.byte_length));
    Some(target.memory().stored(Address(store.address), end).iter().map(|(_, length)| length).sum())
}

/// In what the memory is that native code has given.
fn given_by(context: &Context, store: &BackingStore) -> Result<Option<String>, DcmdError> {
    if !matches!(store.kind, StoreKind::Native | StoreKind::Borrowed) {
        return Ok(None);
    }
    let target = context.target()?;
    if let Some(malloc) = known_malloc(context)?
        && let Some(block) = malloc.blocks().around(store.address)
    {
        let class = class_of(context, &block).filter(|_| block.start.0 != store.address);
        return Ok(class.map(|class| format!("in a {class} at {}", block.start)));
    }
    let module = target.core().modules().iter().find(|module| module.contains(Address(store.address)));
    Ok(module.map(|module| format!("in data of {}", escape(&module.path))))
}

fn kind_name(store: &BackingStore) -> String {
    let pool = if store.is_untransferable { " (pool)" } else { "" };
    format!("{}{pool}", store.kind.name())
}

fn row(
    context: &Context,
    heap: &Heap<'_>,
    store: &BackingStore,
    verbose: bool,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let mut owner = store.buffers.first().map_or_else(String::new, ToString::to_string);
    if let Some(more) = store.buffers.len().checked_sub(2) {
        owner += &format!(" and {} more", more + 1);
    }
    let mut text = out.text();
    let (views, viewed) = (store.view_count(), store.viewed_bytes());
    let (address, kind) = (Hex(store.address), kind_name(store));
    let (bytes, most) = (&store.byte_length, &store.max_byte_length);
    match in_core(context.target()?, store) {
        Some(present) => {
            WITH_CORE.row(&[&address, bytes, most, &present, &kind, &views, &viewed, &owner], &mut text)?
        }
        None => TABLE.row(&[&address, bytes, most, &kind, &views, &viewed, &owner], &mut text)?,
    }
    if !verbose {
        return Ok(());
    }
    for views in &store.views {
        let name = escape(heap.name(views.constructor));
        writeln!(text, "    {} of {name}, {} bytes", views.count, views.bytes)?;
    }
    for buffer in store.buffers.iter().skip(1) {
        writeln!(text, "    also of {buffer}")?;
    }
    if let Some(giver) = given_by(context, store)? {
        writeln!(text, "    {giver}")?;
    }
    Ok(())
}

fn json_of(target: &Target, heap: &Heap<'_>, store: &BackingStore) -> serde_json::Value {
    let views: Vec<_> = store
        .views
        .iter()
        .map(|views| {
            json!({
                "constructor": heap.name(views.constructor),
                "count": views.count,
                "bytes": views.bytes,
            })
        })
        .collect();
    let buffers: Vec<_> = store.buffers.iter().map(|buffer| format!("{buffer:?}")).collect();
    json!({
        "address": format!("{:#x}", store.address),
        "bytes": store.byte_length,
        "max_bytes": store.max_byte_length,
        "in_core": in_core(target, store),
        "kind": store.kind.name(),
        "external": !store.counted_by.is_empty(),
        "pool": store.is_untransferable,
        "buffers": buffers,
        "views": views,
    })
}

fn totals(context: &Context, heap: &Heap<'_>, buffers: &Buffers, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let mut by_kind: BTreeMap<StoreKind, (u64, u64)> = BTreeMap::new();
    let mut by_constructor: BTreeMap<NameId, (u64, u64)> = BTreeMap::new();
    let mut allocated = 0u64;
    for store in &buffers.stores {
        let kind = by_kind.entry(store.kind).or_default();
        kind.0 += 1;
        kind.1 = kind.1.saturating_add(store.byte_length);
        if store.kind.is_allocated() {
            allocated = allocated.saturating_add(store.byte_length);
        }
        for views in &store.views {
            let sum = by_constructor.entry(views.constructor).or_default();
            sum.0 += views.count;
            sum.1 = sum.1.saturating_add(views.bytes);
        }
    }
    {
        let mut text = out.text();
        writeln!(
            text,
            "{} backing stores; of ArrayBuffers {} empty, {} detached",
            buffers.stores.len(),
            buffers.empty,
            buffers.detached
        )?;
        for (kind, (count, bytes)) in &by_kind {
            writeln!(text, "    {bytes:>10} bytes of {}, {count} times", kind.name())?;
        }
        writeln!(text, "views")?;
        let mut constructors: Vec<_> = by_constructor.into_iter().collect();
        constructors.sort_unstable_by_key(|(name, (_, bytes))| (std::cmp::Reverse(*bytes), heap.name(*name)));
        for (name, (count, bytes)) in constructors {
            writeln!(text, "    {bytes:>10} bytes seen by {count} of {}", escape(heap.name(name)))?;
        }
        if buffers.views_of_detached > 0 {
            writeln!(text, "    {} on detached buffers", buffers.views_of_detached)?;
        }
        if buffers.unreadable > 0 {
            writeln!(text, "{} buffers and views could not be read", buffers.unreadable)?;
        }
    }
    let isolates = heap.spaces().isolates();
    let counted: Option<u64> =
        isolates.iter().map(|isolate| heap.external_memory(isolate).array_buffers).sum();
    difference("arrayBuffers, as Node's allocator counts", counted, &[("stores", allocated)], out)?;
    for isolate in isolates {
        let mut stores = 0u64;
        for store in &buffers.stores {
            let times = store.counted_by.iter().filter(|heap| **heap == isolate.heap).count() as u64;
            stores = stores.saturating_add(store.byte_length.saturating_mul(times));
        }
        let strings = heap.external_strings(isolate, &context.progress())?;
        let (strings, of_strings) = if strings.counted == strings.bytes {
            (strings.bytes, "external strings".to_owned())
        } else {
            (strings.counted, format!("external strings (which take {} bytes)", strings.bytes))
        };
        let what = if isolates.len() == 1 {
            "external, as V8 counts".to_owned()
        } else {
            format!("external, as V8 counts in isolate {:x}", isolate.address)
        };
        let external = heap.external_memory(isolate).external;
        difference(&what, external, &[("stores", stores), (&of_strings, strings)], out)?;
    }
    Ok(())
}

/// So many bytes without an ArrayBuffer are not only what V8 has not subtracted yet.
const WORTH_A_QUESTION: u64 = 1 << 20;

/// `external, as V8 counts: 5498596 bytes = 455 of stores + 300 of external strings + 5 unaccounted`
fn difference(
    what: &str,
    counted: Option<u64>,
    found: &[(&str, u64)],
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let parts: Vec<String> = found.iter().map(|(name, bytes)| format!("{bytes} of {name}")).collect();
    let sum = found.iter().fold(0u64, |sum, (_, bytes)| sum.saturating_add(*bytes));
    let mut text = out.text();
    let Some(counted) = counted else {
        writeln!(text, "{what}: not in the core; found {}", parts.join(" + "))?;
        return Ok(());
    };
    let rest = match (counted.checked_sub(sum), sum.checked_sub(counted)) {
        (Some(0), _) => String::new(),
        (Some(more), _) => format!(" + {more} of which no ArrayBuffer is left in the heap"),
        (None, less) => format!(" - {} that are counted no more", less.unwrap_or(0)),
    };
    writeln!(text, "{what}: {counted} bytes = {}{rest}", parts.join(" + "))?;
    if counted.saturating_sub(sum) >= WORTH_A_QUESTION {
        writeln!(text, "    native code may hold these without an ArrayBuffer: ::malloc -o")?;
    }
    Ok(())
}
