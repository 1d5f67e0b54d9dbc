//! `::jsworkers`: list the threads that run JavaScript: the main one and its workers, what each does and how large its heap is.
//!
//! One line for each thread that has its own Node.js, the main one first. ID is `worker.threadId`, 0 for the main thread; LWP its number in the
//! system, as `::threads` has it; ISOLATE its V8. USED is the bytes of its heap that are in use, as `process.memoryUsage().heapUsed` counts
//! them; PORTS how many `MessagePort`s it has, and behind a slash how many of them keep it alive; HANDLES the handles that do, ports among
//! them. STATE is `javascript` for one that runs JavaScript, `events` for one that waits for events in its loop, `native` for one that is in other
//! native code, `starting` for one whose program has not begun, `ended` for one that has no isolate any more but still its object.
//!
//! Then come its name, if it has one, its program with arguments, and the function that it is in.
//!
//! In a pipe it hands on the `Worker`s, objects of the threads that started them: `::jsworkers | ::jsprint`.
//!
//! # Limits
//!
//! Older releases of Node.js keep the name of a worker where no object has it: there it is not told. A worker that has ended and whose object
//! is gone is not listed. Threads of add-ons with an own V8, but without Node.js, are in `::threads`.

use std::io::Write;

use core_reader::Symbols;
use serde_json::json;
use v8_heap::index::NodeProcess;
use v8_heap::objects::frame::Tier;
use v8_heap::pending::{Handle, NodeThread};
use v8_heap::{Heap, Monitor};

use crate::answers::javascript_stack::{javascript_stack, text_of};
use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::{self, escape};
use crate::stage::Flow;
use crate::value::{Item, Kind};

/// Where libuv waits for events.
const POLL: [&str; 2] = ["uv__io_poll", "uv__epoll_pwait"];

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "pending-24",
    "::jsworkers",
    r#"
  ID      LWP ISOLATE                USED   PORTS HANDLES STATE      PROGRAM
   0    21780 1113a000            9386560     0/0      23 javascript pending.js --report=/tmp/v8mdb-stage/out/process.json --alone, in hold (/tmp/v8mdb-stage/app/hold.js:70:20)
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsworkers",
    aliases: &[],
    summary: "list the threads that run JavaScript: what each does, and how large its heap is",
    family: Family::JavaScript,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Depends(|args| if args.has('j') { Yields::Text } else { Yields::Items(Kind::Value) }),
    options: &[Opt::flag('j', "print one line of JSON for each, as docs/json.md describes it")],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("jsworkers.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let as_json = args.has('j');
        Ok(for_each(move |context, _, out| {
            let heap = context.heap()?;
            let symbols = context.target()?.symbols();
            let monitor = context.progress();
            let environments = heap.environments(symbols, &monitor)?;
            let threads = heap.node_threads(&environments, symbols, &monitor)?;
            if let (Some(missing), true) = (environments.missing, threads.is_empty()) {
                return Err(DcmdError::failed(format!(
                    "the core lacks {missing}: threads of Node.js cannot be told (::threads lists all)"
                )));
            }
            let handles = heap.handles(&environments, symbols, &monitor)?;
            let processes = heap.node_processes(&monitor)?;
            let rows: Vec<Row<'_>> = threads
                .iter()
                .map(|thread| Row::of(context, heap, thread, &handles, &processes, &monitor))
                .collect::<Result<_, _>>()?;
            drop(monitor);
            if !out.is_pipe() && !as_json {
                let heading = format!(
                    "{:>4} {:>8} {:<14} {:>12} {:>7} {:>7} {:<10} PROGRAM",
                    "ID", "LWP", "ISOLATE", "USED", "PORTS", "HANDLES", "STATE"
                );
                out.text().heading(context.colours.underline(heading))?;
            }
            for row in &rows {
                context.check_interrupt()?;
                if out.is_pipe() {
                    if let Some(worker) = row.thread.worker
                        && out.emit(Item::value(worker.0))? == Flow::Enough
                    {
                        break;
                    }
                } else if as_json {
                    writeln!(out.text(), "{}", row.json())?;
                } else {
                    writeln!(out.text(), "{}", row.text())?;
                }
            }
            Ok(())
        }))
    },
};

/// One line.
struct Row<'r> {
    thread: &'r NodeThread,
    isolate: Option<u64>,
    /// `heapTotal` and `heapUsed`
    heap: Option<(u64, u64)>,
    /// All, and those that keep the thread alive.
    ports: (usize, usize),
    handles: usize,
    state: &'static str,
    /// The innermost JavaScript function.
    function: Option<String>,
    script: Option<String>,
    arguments: Vec<String>,
}

impl<'r> Row<'r> {
    fn of(
        context: &Context,
        heap: &Heap<'static>,
        thread: &'r NodeThread,
        handles: &[Handle],
        processes: &[NodeProcess],
        monitor: &dyn Monitor,
    ) -> Result<Row<'r>, DcmdError> {
        let own = |handle: &&Handle| Some(handle.heap) == thread.heap;
        let ports = || handles.iter().filter(own).filter(|handle| handle.kind == "MessagePort");
        let isolate = heap.spaces().isolates().iter().find(|isolate| Some(isolate.heap) == thread.heap);
        let mut sum = isolate.map(|_| (0u64, 0u64));
        if let Some(isolate) = isolate {
            for space in heap.spaces_of(isolate, monitor)? {
                sum = sum.zip(space.counters).map(|((total, used), space)| {
                    (total.saturating_add(space.committed), used.saturating_add(space.used))
                });
            }
        }
        let process = processes.iter().find(|process| Some(process.heap) == thread.heap);
        let mut arguments = process.map_or_else(Vec::new, |process| process.arguments.clone());
        // The first is the path of Node.js, the second the program.
        let mut script = None;
        if !arguments.is_empty() {
            arguments.remove(0);
            script = (!arguments.is_empty()).then(|| arguments.remove(0));
        }
        let mut row = Row {
            thread,
            isolate: isolate.map(|isolate| isolate.address),
            heap: sum,
            ports: (ports().count(), ports().filter(|port| port.is_referenced).count()),
            handles: handles.iter().filter(own).filter(|handle| handle.is_referenced).count(),
            state: "ended",
            function: None,
            script,
            arguments,
        };
        let system = context.target()?.threads().iter().find(|own| Some(own.id) == thread.thread);
        if let Some(system) = system {
            let stack = context.stack_of(system, usize::MAX)?;
            let javascript = javascript_stack(heap, &stack);
            let mut functions = (0..stack.frames.len()).flat_map(|index| javascript.functions(index));
            let first = functions.find(|function| function.tier != Tier::Builtin);
            row.function = first.map(|function| text_of(heap, &function));
            let symbols = context.target()?.symbols();
            let polls = stack.frames.iter().any(|frame| {
                symbols.at(frame.lookup_address()).is_some_and(|symbol| POLL.contains(&symbol.name.as_str()))
            });
            row.state = match (&row.function, thread.is_online) {
                (Some(_), _) => "javascript",
                (None, Some(false)) => "starting",
                (None, _) if polls => "events",
                (None, _) => "native",
            };
        } else if thread.heap.is_some() {
            row.state = "?";
        }
        Ok(row)
    }

    /// The program with its arguments, without directories.
    fn program(&self) -> String {
        let script = self.script.as_deref().map(|script| script.rsplit('/').next().unwrap_or(script));
        let words = script.into_iter().chain(self.arguments.iter().map(String::as_str));
        words.collect::<Vec<_>>().join(" ")
    }

    fn text(&self) -> String {
        let thread = self.thread;
        let or_dash =
            |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        let mut details = Vec::new();
        details.extend(thread.name.as_ref().map(|name| format!("\"{name}\"")));
        details.push(self.program());
        details.retain(|detail| !detail.is_empty());
        let mut details = details.join(": ");
        if let Some(function) = &self.function {
            details += &format!(", in {function}");
        }
        let line = format!(
            "{:>4} {:>8} {:<14} {:>12} {:>7} {:>7} {:<10} {}",
            or_dash(thread.number.map(u64::from)),
            or_dash(thread.thread.map(u64::from)),
            self.isolate.map_or_else(|| "-".to_owned(), |isolate| format!("{isolate:x}")),
            or_dash(self.heap.map(|(_, used)| used)),
            format!("{}/{}", self.ports.0, self.ports.1),
            self.handles,
            self.state,
            escape(&details)
        );
        line.trim_end().to_owned()
    }

    fn json(&self) -> String {
        let thread = self.thread;
        output::json(&json!({
            "id": thread.number,
            "main": thread.is_main,
            "thread": thread.thread,
            "isolate": self.isolate.map(|isolate| format!("{isolate:#x}")),
            "environment": thread.environment.map(|environment| format!("{environment:#x}")),
            "worker": thread.worker.map(|worker| format!("{:#x}", worker.0)),
            "name": thread.name,
            "online": thread.is_online,
            "state": self.state,
            "in": self.function,
            "script": self.script,
            "arguments": self.arguments,
            "heapTotal": self.heap.map(|(total, _)| total),
            "heapUsed": self.heap.map(|(_, used)| used),
            "ports": self.ports.0,
            "referencedPorts": self.ports.1,
            "handles": self.handles,
        }))
    }
}
