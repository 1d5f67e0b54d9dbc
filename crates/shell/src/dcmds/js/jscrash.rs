//! `::jscrash`: say why the process ended.
//!
//! The signal, who sent it, the address that was accessed and the native function that did it; the exception that nobody caught, as V8
//! prints it, with the place that threw it; what V8 and Node.js said when no memory was left, with the last collections, how far the heap
//! may grow and who said so; the check that failed, as it was printed; what the process called to end itself; whether it was on its way
//! out, and with which exit code; then the JavaScript functions that it was in. What is not in the core is not said: mostly it is on the
//! stack, or in a message that V8 has made.
//!
//! Of a process that hung it is the line that ran when the core was taken.
//!
//! The text of collections is the one that V8 prints as `Last few GCs`: it begins with a whole line, and older ones are gone. How far a heap
//! may grow and the last collections lie where no symbol leads: where they are not known of a version, they are found by what they contain.

use std::io::Write;

use core_reader::{Core, Thread};
use serde_json::json;
use v8_heap::Heap;
use v8_heap::isolate::Isolate;

use crate::answers::ending::{Ending, ending, fatal_error};
use crate::answers::heap_limit::limit_origin;
use crate::answers::javascript_stack::{javascript_stack, text_of};
use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::disassembly::accessed;
use crate::error::DcmdError;
use crate::output::{self, escape};
use crate::value::Kind;

/// Functions of JavaScript that are shown.
const SHOWN: usize = 5;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "uncaught-24",
    "::jscrash",
    r#"
signal: SIGTRAP (breakpoint or trap (V8 ends on a failed check this way))
uncaught: TypeError: Cannot read properties of null (reading 'reduce')
thrown at: uncaught.js:9: return this.lines.reduce((sum, line) => sum + line.price, 0);
...
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jscrash",
    aliases: &[],
    summary: "say why the process ended",
    family: Family::JavaScript,
    address: AddressUse::Optional,
    takes: Takes::Only(&[Kind::Thread]),
    yields: Yields::Text,
    options: &[Opt::flag('j', "print one line of JSON, as docs/json.md describes it")],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("jscrash.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let as_json = args.has('j');
        Ok(for_each(move |context, item, out| {
            let heap = context.heap()?;
            let core = context.target()?.core();
            let thread = match item {
                Some(_) => context.thread_of(item)?,
                None => core.threads().first().map_or_else(|| context.thread(), Ok)?,
            };
            let stack = context.stack_of(thread, usize::MAX)?;
            let javascript = javascript_stack(heap, &stack);
            let mut calls = Vec::new();
            for index in 0..stack.frames.len() {
                context.check_interrupt()?;
                calls.extend(javascript.functions(index).iter().map(|frame| text_of(heap, frame)));
                if calls.len() > SHOWN {
                    break;
                }
            }
            let ended = ending(context);
            let isolate: Option<&Isolate> =
                heap.isolate_of_thread(thread).or_else(|| heap.spaces().isolates().first());
            let is_full = matches!(ended, Some(Ending::OutOfMemory { .. }));
            let fatal = if is_full { fatal_error(core) } else { None };
            let collections = isolate.and_then(|isolate| heap.last_collections(isolate));
            let limit = isolate.and_then(|isolate| heap.heap_limit(isolate));
            // A worker's comes from the program.
            let is_main = core.threads().iter().any(|own| own.id == core.process().id && own.id == thread.id);
            let origin = limit.filter(|_| is_main).and_then(|limit| limit_origin(core, limit));
            let native =
                stack.frames.first().filter(|_| is_fault(core)).map(|frame| context.show_frame(frame));
            let address = fault_address(context, core, thread);
            let exit = exit_of(context, heap, isolate)?;
            if as_json {
                let line = json!({
                    "signal": core.signal().map(|signal| signal.name.clone()),
                    "ended": match &ended {
                        Some(Ending::Exception { .. }) => Some("exception"),
                        Some(Ending::OutOfMemory { .. }) => Some("outOfMemory"),
                        Some(Ending::Itself { .. }) => Some("itself"),
                        None => None,
                    },
                    "address": address.map(|address| format!("0x{address:x}")),
                    "sender": core.signal().and_then(|signal| signal.sender),
                    "exception": match &ended {
                        Some(Ending::Exception { thrown, .. }) => Some(format!("0x{:x}", thrown.0)),
                        _ => None,
                    },
                    "text": match &ended {
                        Some(Ending::Exception { text, .. } | Ending::Itself { text, .. }) => Some(text.clone()),
                        Some(Ending::OutOfMemory { text }) => fatal.clone().or(text.clone()),
                        None => None,
                    },
                    "place": match &ended {
                        Some(Ending::Exception { place, .. } | Ending::Itself { place, .. }) => place.clone(),
                        _ => None,
                    },
                    "native": native,
                    "exiting": exit.map(|exit| exit.is_exiting),
                    "exitCode": exit.and_then(|exit| exit.code),
                    "heapLimit": limit.map(|limit| limit.now),
                    "firstHeapLimit": limit.map(|limit| limit.first),
                    "heapLimitFrom": origin,
                    "lastCollections": collections,
                    "calls": calls,
                });
                return Ok(writeln!(out.text(), "{}", output::json(&line))?);
            }
            let mut text = out.text();
            match core.signal() {
                None => writeln!(text, "signal: none; the process ran on when the core was taken")?,
                Some(signal) => {
                    write!(text, "signal: {} ({})", signal.name, signal.description)?;
                    if let Some(address) = address.filter(|address| *address != 0 || native.is_some()) {
                        write!(text, ", address {address:x}")?;
                    }
                    if let Some(sender) = signal.sender {
                        write!(text, ", sent by process {sender}")?;
                    }
                    writeln!(text)?;
                }
            }
            if let Some(native) = &native {
                writeln!(text, "in native function: {native}")?;
            }
            match &ended {
                Some(Ending::Exception { thrown, text: what, place }) => {
                    writeln!(text, "uncaught: {what}")?;
                    if let Some(place) = place {
                        writeln!(text, "thrown at: {place}")?;
                    }
                    writeln!(text, "exception: {thrown}")?;
                }
                Some(Ending::OutOfMemory { text: what }) => {
                    let what = fatal.or(what.clone()).unwrap_or_else(|| "out of memory".to_owned());
                    writeln!(text, "out of memory: {what}")?;
                }
                Some(Ending::Itself { text: what, place }) => {
                    writeln!(text, "ended on: {what}")?;
                    if let Some(place) = place {
                        writeln!(text, "at: {place}")?;
                    }
                }
                None => {}
            }
            match exit {
                Some(Exit { is_exiting: true, code: Some(code) }) => {
                    writeln!(text, "on its way out, with exit code {code}")?;
                }
                Some(Exit { is_exiting: true, code: None }) => writeln!(text, "on its way out")?,
                Some(Exit { is_exiting: false, code: Some(code) }) => {
                    writeln!(text, "exit code {code} is set (process.exitCode)")?;
                }
                _ => {}
            }
            if let Some(limit) = limit.filter(|_| is_full) {
                let megabytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
                write!(text, "heap limit: {:.1} MB", megabytes(limit.now))?;
                if limit.first != limit.now {
                    write!(text, ", at first {:.1} MB", megabytes(limit.first))?;
                }
                match &origin {
                    Some(origin) => writeln!(text, " ({origin})")?,
                    None => writeln!(text)?,
                }
            }
            if let Some(collections) = collections.filter(|_| is_full) {
                writeln!(text, "last collections:")?;
                for line in collections.lines().filter(|line| !line.trim().is_empty()) {
                    writeln!(text, "    {}", escape(line))?;
                }
            }
            if calls.is_empty() {
                writeln!(text, "in no JavaScript function; $C shows the native stack")?;
            } else {
                writeln!(text, "in:")?;
            }
            for call in calls.iter().take(SHOWN) {
                writeln!(text, "    {}", escape(call))?;
            }
            if calls.len() > SHOWN {
                writeln!(text, "    ... (::jsstack shows all)")?;
            }
            Ok(())
        }))
    },
};

/// Whether the processor has ended the process, so that the innermost function is to blame. V8 ends itself by a trap.
fn is_fault(core: &Core) -> bool {
    core.signal().is_some_and(|signal| ["SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE"].contains(&&*signal.name))
}

/// The address whose access ended the process. Node.js has a handler for that, which sends the signal again where it was not meant for
/// WebAssembly: then only the instruction tells.
fn fault_address(context: &Context, core: &Core, thread: &Thread) -> Option<u64> {
    let signal = core.signal()?;
    let again = || {
        let is_again = is_fault(core) && signal.sender == Some(core.process().id);
        is_again.then(|| accessed(context, &thread.registers)).flatten()
    };
    signal.fault_address.map(|address| address.0).or_else(again)
}

/// What `process` says of its end.
#[derive(Clone, Copy)]
struct Exit {
    is_exiting: bool,
    code: Option<i32>,
}

/// Of the `process` of an isolate; nothing if it has none.
fn exit_of(
    context: &Context,
    heap: &Heap<'static>,
    isolate: Option<&Isolate>,
) -> Result<Option<Exit>, DcmdError> {
    let processes = heap.node_processes(&context.progress())?;
    let own = processes.iter().find(|process| isolate.is_some_and(|isolate| isolate.heap == process.heap));
    Ok(own.map(|process| Exit { is_exiting: process.is_exiting, code: process.exit_code }))
}
