//! `::savecore`: write a copy of the core, trimmed to what this debugger needs.
//!
//! With `-t` only the JavaScript heap is kept, with what its objects hold outside it, the stacks, and the symbols that tell how
//! to read it: the copy opens on any machine, without the Node.js binary, and gives the same answers. The copy can be a
//! hundredth of the original, as most of that is code, unused reservations and native memory. Without `-t` everything
//! that was dumped is kept.
//!
//! A name that ends in `.zst` makes a compressed file, which opens as it is; `-z` says how hard to compress (1 to 19 in decimal,
//! 3 if not said).
//!
//! A core holds all data of the process: strings, buffers, environment and command line. A trimmed one still does.

use std::collections::HashSet;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use core_reader::{
    Address, Contents, Core, CoreWriter, EmbeddedSymbols, Memory, Progress, Symbols, ThreadLocalSymbol,
};
use v8_heap::{CURRENT_ISOLATE, Heap, Monitor, NodeRuntime};

use crate::answers::ending;
use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::{DcmdError, reasons};
use crate::output::escape;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::savecore -t small.core.zst",
    r#"
wrote small.core.zst: 9.5 MB of memory in 1.3 MB
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "savecore",
    aliases: &[],
    summary: "write a copy of the core, trimmed to what this debugger needs",
    family: Family::Process,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[
        Opt::flag('t', "trim: keep only what this debugger needs"),
        Opt::text('z', "level", "how hard to compress, 1 to 19"),
    ],
    operands: Operands::one("file"),
    needs: &[Capability::V8Heap],
    manual: include_str!("savecore.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let path = args.operand(0).ok_or_else(|| DcmdError::usage(""))?.to_owned();
        let trim = args.has('t');
        let level = match args.text('z') {
            None => 3,
            Some(text) => text
                .parse()
                .ok()
                .filter(|level| (1..=19).contains(level))
                .ok_or_else(|| DcmdError::usage(format!("invalid option for -z: \"{}\"", escape(text))))?,
        };
        Ok(for_each(move |context, _, out| {
            let written = save(context, Path::new(&path), trim, level)?;
            writeln!(
                out.text(),
                "wrote {}: {} of memory in {}",
                escape(&path),
                megabytes(written.memory),
                megabytes(written.file)
            )?;
            Ok(())
        }))
    },
};

/// A thread's stack is kept from its stack pointer on, up to this many bytes.
const MOST_STACK: u64 = 8 << 20;
/// Frames of each stack whose functions keep their names.
const MOST_FRAMES: usize = 256;
/// Bytes kept at a symbol whose size is not known.
const SYMBOL_SIZE: u64 = 64;
/// Alignment of what is kept.
const PAGE: u64 = 4096;

fn save(
    context: &Context,
    path: &Path,
    trim: bool,
    level: i32,
) -> Result<core_reader::WrittenCore, DcmdError> {
    context.settings.check_restriction()?;
    let core = context.target()?.core();
    let heap = context.heap()?;
    let memory = core.memory();
    let mut writer = CoreWriter::new(memory);
    writer.copy_notes(core, trim);
    let mut symbols = essential_symbols(core);
    if trim {
        let monitor = context.progress();
        for (start, end) in heap.essential_memory(&monitor)? {
            keep_pages(&mut writer, start, end);
        }
        for (start, end) in NodeRuntime::essential_memory(memory, core.symbols()) {
            keep_pages(&mut writer, start, end);
        }
        let pending = heap.pending_memory(core.symbols(), &monitor)?;
        for (start, end) in pending.ranges {
            keep_pages(&mut writer, start, end);
        }
        for symbol in &symbols.symbols {
            keep_pages(
                &mut writer,
                symbol.address.0,
                symbol.address.0.saturating_add(symbol.size.max(SYMBOL_SIZE)),
            );
            // Some point to text.
            for word in 0..2 {
                if let Ok(text) = memory.read_u64(Address(symbol.address.0.saturating_add(8 * word)))
                    && memory.slice(Address(text), 1).is_some()
                {
                    keep_pages(&mut writer, text, text.saturating_add(SYMBOL_SIZE));
                }
            }
        }
        for symbol in &symbols.thread_locals {
            keep_pages(&mut writer, symbol.address.0, symbol.address.0.saturating_add(8));
        }
        for (start, end) in core.identity_ranges() {
            writer.keep(start, end);
        }
        for thread in core.threads() {
            let top = thread.stack_pointer().0.saturating_sub(core.architecture().red_zone);
            let range = memory.range_at(Address(top));
            let end = range.map_or(top, |range| range.end.0.min(top.saturating_add(MOST_STACK)));
            keep_pages(&mut writer, top, end);
        }
        if let Some((start, end)) = ending::essential_memory(core) {
            keep_pages(&mut writer, start, end);
        }
        // The classes of native objects keep their names, and the functions on the stacks.
        symbols.symbols.extend(pending.symbols);
        let mut known: HashSet<u64> = symbols.symbols.iter().map(|symbol| symbol.address.0).collect();
        for thread in core.threads() {
            for frame in context.stack_of(thread, MOST_FRAMES)?.frames {
                if let Some(found) = core.symbols().nearest(frame.lookup_address(), 0)
                    && known.insert(found.symbol.address.0)
                {
                    symbols.symbols.push(found.symbol);
                }
            }
        }
        writer.origin(
            "trimmed by v8mdb ::savecore -t to the JavaScript heap, the stacks, and the symbols for them",
        );
    } else {
        for range in memory.ranges().iter().filter(|range| range.contents == Contents::Dumped) {
            writer.keep(range.start, range.end);
        }
        writer.origin("copied by v8mdb ::savecore");
    }
    writer.embed_symbols(&symbols);
    let compress = path.extension().is_some_and(|extension| extension == "zst").then_some(level);
    let monitor = context.progress();
    let mut told = None;
    writer
        .save(path, compress, &mut |at: Progress| {
            if told.is_none() {
                monitor.begin("writing the core", at.total);
            }
            monitor.advance(at.done.saturating_sub(told.replace(at.done).unwrap_or(0)));
            if monitor.cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .map_err(|error| {
            if context.interrupt.is_set() {
                DcmdError::Interrupted
            } else {
                DcmdError::abort(reasons(&error))
            }
        })
}

/// Keeps the pages that `[start, end)` touches: few large pieces instead of many small ones.
fn keep_pages(writer: &mut CoreWriter<'_>, start: u64, end: u64) {
    writer.keep(Address(start / PAGE * PAGE), Address(end.div_ceil(PAGE).saturating_mul(PAGE)));
}

/// The symbols that the heap is read by.
fn essential_symbols(core: &Core) -> EmbeddedSymbols {
    let (names, prefix) = Heap::essential_symbols();
    let mut symbols: Vec<_> = names.iter().filter_map(|name| core.symbols().find(name)).collect();
    symbols.extend(core.symbols().with_prefix(prefix));
    let thread_locals = core
        .threads()
        .iter()
        .filter_map(|thread| {
            let address = core.symbols().thread_local(CURRENT_ISOLATE, thread)?;
            Some(ThreadLocalSymbol { name: CURRENT_ISOLATE.to_owned(), thread: thread.id, address })
        })
        .collect();
    EmbeddedSymbols { symbols, thread_locals }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
