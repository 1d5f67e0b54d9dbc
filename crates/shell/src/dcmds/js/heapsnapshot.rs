//! `::heapsnapshot`: write the heap as a heap snapshot, which Chrome's developer tools and memlab open.
//!
//! The file is what V8 itself would have written at that moment, had it had the time and the memory: the same objects, names,
//! sizes and references. Load it in the Memory panel of the developer tools, or give it to any program that reads such
//! snapshots.
//!
//! It has the living objects only, as V8's own has, of all isolates: workers too. `-a` adds the garbage, which hangs on a group `(Garbage)`;
//! and what only words of native memory lead to, on a group `(Native memory)`. With an address it has one object and what would be
//! freed with it (see `::jsretained`): small enough to be looked at even if the whole is not. References to other objects are left
//! out then. Of a core that lacks some of what keeps objects alive it has everything, as garbage cannot be told.
//!
//! Readers show each object with an id, as in `Gateway @89773`. `::snapshotnode 89773` leads back to it.
//!
//! C++ objects of Node.js, of what they consist and what they refer to, are what Node.js itself tells V8: `Node / ZlibStream`, beneath it
//! `Node / zlib_memory`, and so on from `Node / Environment` down. The code that tells it is followed over the memory of the core, instruction by
//! instruction, without running it; so the executable has to be at hand. An object whose parts cannot be told, as its memory is
//! damaged, is there without them, and a line says of how many that is so. Where nothing can be told, as without the executable or on
//! arm64, there are the objects behind objects of JavaScript, with the name and size that their class says, and a line says why.
//!
//! C++ objects that V8 collects itself, and their roots, are what V8 itself tells, in the same way: an object of JavaScript that stands for such a
//! one is one node with it, called `Node / ContextifyScript` and as large as both. Where V8 cannot be asked, such an object goes by its constructor,
//! and a line says why. What V8 finds of them on the stack of the thread that writes its file is not told.
//!
//! What differs from V8's own: roots are grouped by what is known of them here, and functions have no places in scripts.

use std::io::Write;
use std::path::Path;

use v8_heap::embedder_graph::Told;
use v8_heap::snapshot::{Extent, SnapshotSize};
use v8_heap::{Heap, Monitor, Tagged};

use crate::answers::retention::{alive, object_at, open};
use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::{DcmdError, reasons};
use crate::host_files;
use crate::output::escape;
use crate::value::Kind;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "::heapsnapshot leak.heapsnapshot",
        r#"
wrote leak.heapsnapshot: 79639 nodes, 312673 references, 7.3 MB in 6.7 MB
of C++ objects of Node.js only names and sizes are known: the function that tells V8 more is not at hand
"#,
    ),
    Example::on(
        "leak-24",
        "::findjsobjects -c Gateway | ::heapsnapshot gateway.heapsnapshot",
        r#"
wrote gateway.heapsnapshot: 21650 nodes, 32763 references, 1.3 MB in 0.9 MB
of C++ objects of Node.js only names and sizes are known: the function that tells V8 more is not at hand
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "heapsnapshot",
    aliases: &[],
    summary: "write the heap as a heap snapshot, which Chrome's developer tools and memlab open",
    family: Family::JavaScript,
    address: AddressUse::Optional,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Text,
    options: &[Opt::flag('a', "garbage too")],
    operands: Operands::one("file"),
    needs: &[Capability::V8Heap],
    manual: include_str!("heapsnapshot.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let path = args.operand(0).ok_or_else(|| DcmdError::usage(""))?.to_owned();
        let all = args.has('a');
        let mut written = false;
        Ok(for_each(move |context, item, out| {
            if std::mem::replace(&mut written, true) {
                return Err(DcmdError::abort("one file takes one object: the first is in it"));
            }
            let monitor = context.progress();
            let (heap, table) = open(context, &monitor)?;
            let extent = match item {
                Some(item) => {
                    let id = object_at(heap, table, Tagged(item.word))?;
                    alive(heap, table, id, v8_heap::graph::Life::Live, &monitor)?;
                    Extent::Retained(id)
                }
                None if !all && tells_life(heap, &monitor)? => Extent::Living,
                None => Extent::All,
            };
            drop(monitor);
            let size = save(context, Path::new(&path), extent)?;
            writeln!(
                out.text(),
                "wrote {}: {} nodes, {} references, {} in {}",
                escape(&path),
                size.nodes,
                size.edges,
                megabytes(size.bytes_of_objects),
                megabytes(size.bytes)
            )?;
            if let Some(missing) = missing(&size.natives) {
                writeln!(out.text(), "{missing}")?;
            } else if let Some(reason) = size.lacks_collected {
                writeln!(
                    out.text(),
                    "objects that stand for C++ objects that V8 collects itself go by their constructors: {reason}"
                )?;
            }
            Ok(())
        }))
    },
};

/// Whether the core has all that tells what is alive.
fn tells_life(heap: &Heap<'_>, monitor: &dyn Monitor) -> Result<bool, DcmdError> {
    Ok(heap.roots(monitor)?.are_complete() && heap.graph(monitor)?.follows_code)
}

fn save(context: &Context, path: &Path, extent: Extent) -> Result<SnapshotSize, DcmdError> {
    context.settings.check_restriction()?;
    let heap = context.heap()?;
    let symbols = context.target()?.symbols();
    let failed = |error: std::io::Error| {
        DcmdError::abort(format!("cannot write {}: {error}", escape(&path.to_string_lossy())))
    };
    let mut new = host_files::create(&context.settings, path).map_err(failed)?;
    let monitor = context.progress();
    let size = heap.write_snapshot(extent, symbols, new.file(), &monitor).map_err(|error| match error {
        v8_heap::Error::Write(error) => {
            DcmdError::abort(format!("cannot write {}: {error}", escape(&path.to_string_lossy())))
        }
        v8_heap::Error::Interrupted => DcmdError::Interrupted,
        error => DcmdError::abort(reasons(&error)),
    })?;
    new.finish().map_err(failed)?;
    Ok(size)
}

/// What is not there of C++ objects.
fn missing(told: &Told) -> Option<String> {
    match told {
        Told::All => None,
        Told::Without { objects, reason } => Some(format!(
            "what C++ objects of Node.js consist of is there but for {objects} of them, the first: {reason}"
        )),
        Told::Nothing(reason) => {
            Some(format!("of C++ objects of Node.js only names and sizes are known: {reason}"))
        }
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
