//! `::status`: say what is being debugged.
//!
//! The program, its command line, why it ended, its threads, and what is missing from the core; the heap, how far it can be trusted,
//! and the index kept of it, if there is one (`-o cache`, see `::set`).
//!
//! Of a heap snapshot: its nodes by type, how many, their bytes in the heap and outside of it; and what is wrong with the file.

use std::collections::BTreeMap;
use std::io::Write;

use core_reader::{Core, Memory, Module};
use serde_json::json;
use v8_heap::isolate::Page;
use v8_heap::layout::Contradiction;
use v8_heap::{Encoding, Heap};

use crate::answers::ending::{Ending, ending};
use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::of_snapshot;
use crate::output::{self, escape};
use crate::stage::Out;
use crate::threads::number_of_threads;

/// What it says, on files that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "::status",
        r#"
debugging core file of node (64-bit)
file: /tmp/v8mdb-stage/node-24.21.0/bin/node (not found)
core: zstd, 1.1 MB; in a temporary file 9.6 MB, of which 7.8 MB are not zeros
initial argv: /tmp/v8mdb-stage/node-24.21.0/bin/node /tmp/v8mdb-stage/app/leak.js --report=/tmp/v8mdb-stage/out/process.json --snapshot=/tmp/v8mdb-stage/out/v8.heapsnapshot
threading model: native threads
status: process core file generated with gcore, pid=12295 uid=0
architecture: x86-64
threads: 7
...
"#,
    ),
    Example::on_snapshot(
        "sessions-24",
        "::status ! head -6",
        r#"
looking at a heap snapshot of V8, written while the process ran
file: sessions-24.heapsnapshot.zst, 5354053 bytes
stored as zstd, 757667 bytes
Node.js 24.21.0: /tmp/v8mdb-stage/node-24.21.0/bin/node /tmp/v8mdb-stage/app/sessions.js /tmp/v8mdb-stage/out/v8.heapsnapshot
nodes: 62146, references: 262571
bytes: 6026702 in the heap, 454556 outside of it
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "status",
    aliases: &[],
    summary: "say what is being debugged",
    family: Family::Process,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[Opt::flag('j', "print one line of JSON, as docs/json.md describes it")],
    operands: Operands::NONE,
    needs: &[Capability::Any],
    manual: include_str!("status.rs"),
    examples: EXAMPLES,
    start: |context, args| {
        let as_json = args.has('j');
        if context.snapshot().is_some() {
            return Ok(for_each(move |context, _, out| of_snapshot::status(context, as_json, out)));
        }
        Ok(for_each(move |context, _, out| {
            if as_json {
                return print_json(context, out);
            }
            process(context, context.target()?.core(), out)?;
            match ending(context) {
                Some(Ending::Exception { text, place, .. }) => {
                    let place = place.map_or(String::new(), |place| format!(", thrown at {place}"));
                    writeln!(out.text(), "ended on: uncaught {text}{place}")?;
                }
                Some(Ending::OutOfMemory { text }) => {
                    let text = text.map_or(String::new(), |text| format!(": {text}"));
                    writeln!(out.text(), "ended on: out of memory{text}")?;
                }
                Some(Ending::Itself { text, .. }) => writeln!(out.text(), "ended on: {text}")?,
                None => {}
            }
            heap(context, out)
        }))
    },
};

fn process(_: &Context, core: &Core, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let mut text = out.text();
    let process = core.process();
    let executable = core.modules().iter().find(|module| module.executable);
    let path = executable.map(|module| module.path.as_str()).or(process.executed_path.as_deref());
    let program = path.and_then(|path| path.rsplit('/').next()).unwrap_or(&process.name);
    writeln!(text, "debugging core file of {} (64-bit)", escape(program))?;
    writeln!(text, "file: {}", file_line(path, executable))?;
    // A core that was trimmed has the symbols that are needed in it.
    let lacking = core.modules().iter().filter(|module| module.lacks_file()).count();
    if lacking > 0 && core.origin().is_none() {
        writeln!(text, "not at hand: {lacking} of {} objects; ::objects names them", core.modules().len())?;
    }
    let stored = core.stored();
    if let Some((_, written)) = &stored.temporary {
        let how = stored
            .compression
            .map_or_else(|| "read from a pipe".to_owned(), |compression| compression.to_string());
        writeln!(
            text,
            "core: {how}, {}; in a temporary file {}, of which {} are not zeros",
            megabytes(stored.bytes),
            megabytes(core.file_len()),
            megabytes(*written),
        )?;
    }
    let argv =
        if process.arguments.is_empty() { process.command_line.clone() } else { process.arguments.join(" ") };
    writeln!(text, "initial argv: {}", escape(&argv))?;
    writeln!(text, "threading model: native threads")?;
    write!(text, "status: ")?;
    match core.signal() {
        None => write!(text, "process core file generated with gcore")?,
        Some(signal) => {
            write!(text, "process terminated by {} ({})", signal.name, signal.description)?;
            if let Some(address) = signal.fault_address {
                write!(text, ", addr={:#x}", address.0)?;
            }
        }
    }
    writeln!(text, ", pid={} uid={}", process.id, process.user_id)?;
    writeln!(text, "architecture: {}", core.architecture().name)?;
    writeln!(text, "threads: {}", number_of_threads(core))?;
    let missing = core.memory().truncated_bytes();
    if missing > 0 {
        writeln!(text, "missing: {missing} bytes of memory lie beyond the end of the truncated core file")?;
    }
    Ok(())
}

/// The executable's path, and where it was found if that is elsewhere.
fn file_line(path: Option<&str>, executable: Option<&Module>) -> String {
    let path = escape(path.unwrap_or("unknown"));
    match executable.map(|module| &module.file) {
        Some(Ok(found)) if found.path.to_str() != executable.map(|module| module.path.as_str()) => {
            format!("{path} (read from {})", escape(&found.path.to_string_lossy()))
        }
        Some(Err(reason)) => format!("{path} ({})", escape(reason)),
        _ => path.into_owned(),
    }
}

/// What is known of the JavaScript heap, and how far it can be trusted.
fn heap(context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let core = context.target()?.core();
    let heap = match context.heap() {
        Ok(heap) => heap,
        Err(reason) => {
            writeln!(out.text(), "V8: {reason}")?;
            return Ok(());
        }
    };
    let layout = heap.layout();
    if let Some(embedder) = heap.embedder() {
        writeln!(out.text(), "{} version: {}", embedder.name, escape(&embedder.version))?;
    }
    writeln!(out.text(), "V8 version: {}", escape(&heap.version().to_string()))?;
    let (major, minor) = layout.table_version;
    let fit = match (layout.exact, layout.supported) {
        (true, true) => "",
        (true, false) => {
            ", which is not one of the supported lines; trust it as far as the self-check below goes"
        }
        (false, _) => ", a neighbour; trust it as far as the self-check below goes",
    };
    writeln!(out.text(), "heap layout: of V8 {major}.{minor} ({}){fit}", layout.table_line)?;
    if let Encoding::Caged(cage) = heap.spaces().encoding() {
        writeln!(out.text(), "    pointers: compressed to 32 bits, in the cage at {cage:x}")?;
    }
    if let Some(trusted) = heap.spaces().trusted_cage() {
        let lost = heap.spaces().isolates_without_tables();
        let lost = match lost {
            0 => String::new(),
            _ => format!("; of {lost} isolates the tables were not found by which it leads out of itself"),
        };
        writeln!(out.text(), "    sandbox: V8's, with trusted objects in the cage at {trusted:x}{lost}")?;
    }
    for part in layout.provenance() {
        let sources: Vec<String> =
            part.sources.iter().map(|(source, count)| format!("{count} from {source}")).collect();
        writeln!(out.text(), "    {}: {}", part.part, sources.join(", "))?;
    }
    for contradiction in layout.classes().contradictions() {
        let Contradiction { class, field, table, published } = contradiction;
        writeln!(
            out.text(),
            "    {class}::{field} is at {published} by the binary's metadata, at {table} by the table: taken from the binary"
        )?;
    }
    let vote = layout.free_space_vote();
    let by =
        if vote.unit().is_some() { "voted by the heap" } else { "from the table: the heap does not tell" };
    writeln!(
        out.text(),
        "    free blocks: count {}, {by}; {} are right only in bytes, {} only in words, {} in both, {} in neither",
        layout.free_space_unit(),
        vote.bytes,
        vote.words,
        vote.both,
        vote.neither,
    )?;
    let monitor = context.progress();
    heap.objects(&monitor)?;
    drop(monitor);
    if let Some(index) = context.kept_index.status() {
        writeln!(out.text(), "index: {index}")?;
    }
    for isolate in heap.spaces().isolates() {
        let owner = match heap.thread_of(isolate) {
            Some(owner) => {
                let id = owner.thread.id;
                let thread =
                    if id == core.process().id { "main thread".to_owned() } else { format!("thread {id}") };
                if owner.by_stack { format!("{thread} (it points to its stack)") } else { thread }
            }
            None => "no thread is in it".to_owned(),
        };
        writeln!(
            out.text(),
            "isolate {:x}: {owner}, {} in pages; {}",
            isolate.address,
            megabytes(isolate.page_bytes),
            isolate.found_by
        )?;
        spaces(heap, isolate.heap, out)?;
    }
    if heap.spaces().pages().iter().any(|page| page.heap == 0) {
        writeln!(out.text(), "read-only pages, shared by all isolates:")?;
        spaces(heap, 0, out)?;
    }
    let check = heap.self_check(&context.progress())?;
    writeln!(
        out.text(),
        "self-check: {} pages walked end to end, {} objects, {} in objects, {} free between them",
        check.pages,
        check.objects,
        megabytes(check.object_bytes),
        megabytes(check.free_bytes),
    )?;
    let passed_over = &heap.objects(&context.progress())?.summary;
    if passed_over.stale_pages + passed_over.left_pages > 0 {
        writeln!(
            out.text(),
            "self-check: passed over {} pages of unused semispaces, and {} that no list of their space has any more",
            passed_over.stale_pages,
            passed_over.left_pages,
        )?;
    }
    writeln!(
        out.text(),
        "self-check: {} maps, {} of them not among the objects; {} meta maps; {} of {} sampled objects do not decode",
        check.maps,
        check.stray_maps,
        check.meta_maps,
        check.damaged,
        check.sampled,
    )?;
    if check.gaps == 0 {
        writeln!(out.text(), "self-check: no gap")?;
    } else {
        writeln!(
            out.text(),
            "self-check: {} gaps, {} bytes in which no objects could be found",
            check.gaps,
            check.gap_bytes
        )?;
        let gaps = &heap.objects(&context.progress())?.summary.gaps;
        for gap in gaps.iter().take(MOST_GAPS) {
            let space = heap.spaces().page_of(gap.start).and_then(|page| space_name(heap, page));
            let space = space.unwrap_or("unknown");
            writeln!(out.text(), "    {:x} to {:x} in {space} space", gap.start, gap.end)?;
        }
        if gaps.len() > MOST_GAPS {
            writeln!(out.text(), "    and {} more", gaps.len() - MOST_GAPS)?;
        }
    }
    if check.salvaged_pages > 0 {
        writeln!(
            out.text(),
            "self-check: {} of the pages were found without their headers",
            check.salvaged_pages
        )?;
    }
    if check.odd_pages > 0 {
        writeln!(
            out.text(),
            "self-check: the flags of {} pages say otherwise than their spaces do, which are believed",
            check.odd_pages
        )?;
    }
    if check.missing_bytes > 0 {
        writeln!(out.text(), "self-check: {} bytes of heap pages are not in the core", check.missing_bytes)?;
    }
    Ok(())
}

/// All of it as one line.
fn print_json(context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let core = context.target()?.core();
    let process = core.process();
    let executable = core.modules().iter().find(|module| module.executable);
    let path = executable.map(|module| module.path.as_str()).or(process.executed_path.as_deref());
    let argv =
        if process.arguments.is_empty() { process.command_line.clone() } else { process.arguments.join(" ") };
    let signal = core.signal().map(|signal| {
        json!({
            "name": signal.name,
            "description": signal.description,
            "address": signal.fault_address.map(|address| format!("0x{:x}", address.0)),
        })
    });
    let ended_on = ending(context).map(|ending| match ending {
        Ending::Exception { thrown, text, place } => json!({
            "kind": "exception",
            "text": text,
            "object": format!("0x{:x}", thrown.0),
            "place": place,
        }),
        Ending::OutOfMemory { text } => json!({ "kind": "out of memory", "text": text }),
        Ending::Itself { text, .. } => json!({ "kind": "itself", "text": text }),
    });
    let mut line = json!({
        "file": path,
        "arguments": argv,
        "pid": process.id,
        "uid": process.user_id,
        "threads": core.threads().iter().filter(|thread| thread.has_user_stack()).count(),
        "signal": signal,
        "endedOn": ended_on,
        "missingBytes": core.memory().truncated_bytes(),
        "node": null,
        "v8": null,
        "noHeap": null,
        "isolates": [],
        "selfCheck": null,
    });
    match context.heap() {
        Err(reason) => line["noHeap"] = json!(reason.to_string()),
        Ok(heap) => {
            let (major, minor) = heap.layout().table_version;
            line["node"] = json!(heap.node_version());
            line["v8"] = json!(heap.version().to_string());
            line["layout"] = json!({ "v8": format!("{major}.{minor}"), "exact": heap.layout().exact, "supported": heap.layout().supported });
            let isolates = heap.spaces().isolates().iter().map(|isolate| {
                json!({
                    "isolate": format!("0x{:x}", isolate.address),
                    "thread": heap.thread_of(isolate).map(|owner| owner.thread.id),
                    "pageBytes": isolate.page_bytes,
                })
            });
            line["isolates"] = isolates.collect();
            let check = heap.self_check(&context.progress())?;
            line["selfCheck"] = json!({
                "pages": check.pages,
                "oddPages": check.odd_pages,
                "objects": check.objects,
                "objectBytes": check.object_bytes,
                "freeBytes": check.free_bytes,
                "sampled": check.sampled,
                "damaged": check.damaged,
                "gaps": check.gaps,
                "gapBytes": check.gap_bytes,
                "missingBytes": check.missing_bytes,
            });
        }
    }
    Ok(writeln!(out.text(), "{}", output::json(&line))?)
}

/// Gaps listed one by one.
const MOST_GAPS: usize = 10;

fn space_name(heap: &Heap<'_>, page: &Page<'_>) -> Option<&'static str> {
    heap.layout().space_names.get(usize::from(page.space?)).copied()
}

/// One line for each space of a heap.
fn spaces(heap: &Heap<'_>, of: u64, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let mut spaces: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
    for page in heap.spaces().pages().iter().filter(|page| page.heap == of) {
        let space = spaces.entry(space_name(heap, page).unwrap_or("unknown")).or_default();
        space.0 += 1;
        space.1 += page.size;
    }
    for (name, (pages, bytes)) in spaces {
        writeln!(out.text(), "    {name} space: {pages} pages, {}", megabytes(bytes))?;
    }
    Ok(())
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
