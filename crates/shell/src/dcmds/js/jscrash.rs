//! `::jscrash`: say why the process ended.
//!
//! The signal, who sent it and the address that was accessed; the exception that nobody caught, with the place that threw it; what V8 and
//! Node.js said when no memory was left, with the last collections and how far the heap may grow; what the process called to end itself;
//! then the JavaScript functions that it was in. What is not in the core is not said: mostly it is on the stack, or in a message that V8 has
//! made.
//!
//! Of a process that hung it is the line that ran when the core was taken.
//!
//! The text of collections is the one that V8 prints as `Last few GCs`: it may begin in the middle of a line, as it does there. How far a heap
//! may grow and the last collections are known of some versions of V8 only.

use std::io::Write;

use serde_json::json;
use v8_heap::isolate::Isolate;

use crate::answers::ending::{Ending, ending, fatal_error};
use crate::answers::javascript_stack::{javascript_stack, text_of};
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
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
uncaught: TypeError: "Cannot read properties of null (reading 'reduce')"
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
            if as_json {
                let line = json!({
                    "signal": core.signal().map(|signal| signal.name.clone()),
                    "address": core.signal().and_then(|signal| signal.fault_address)
                        .map(|address| format!("0x{:x}", address.0)),
                    "sender": core.signal().and_then(|signal| signal.sender),
                    "exception": match &ended {
                        Some(Ending::Exception { thrown, .. }) => Some(format!("0x{:x}", thrown.0)),
                        _ => None,
                    },
                    "text": match &ended {
                        Some(Ending::Exception { text, .. } | Ending::Itself { text }) => Some(text.clone()),
                        Some(Ending::OutOfMemory { text }) => fatal.clone().or(text.clone()),
                        None => None,
                    },
                    "place": match &ended {
                        Some(Ending::Exception { place, .. }) => place.clone(),
                        _ => None,
                    },
                    "heapLimit": limit.map(|limit| limit.now),
                    "firstHeapLimit": limit.map(|limit| limit.first),
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
                    if let Some(address) = signal.fault_address.filter(|address| address.0 != 0) {
                        write!(text, ", address {:x}", address.0)?;
                    }
                    if let Some(sender) = signal.sender {
                        write!(text, ", sent by process {sender}")?;
                    }
                    writeln!(text)?;
                }
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
                Some(Ending::Itself { text: what }) => writeln!(text, "ended on: {what}")?,
                None => {}
            }
            if let Some(limit) = limit.filter(|_| is_full) {
                let megabytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
                write!(text, "heap limit: {:.1} MB", megabytes(limit.now))?;
                match limit.first == limit.now {
                    true => writeln!(text)?,
                    false => writeln!(text, ", at first {:.1} MB", megabytes(limit.first))?,
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
