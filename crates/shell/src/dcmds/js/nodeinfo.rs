//! `::nodeinfo`: say what a Node.js process was: versions, arguments, directory, memory, event loop.
//!
//! What a running process would say of itself, line by line. Some of it is kept by Node.js, some by V8, some by the kernel; where
//! a line is no more than a bound, or known from elsewhere, it says so. The figures of memory are there for each isolate: that
//! of the main thread, then those of worker threads. All else is of the main thread.
//!
//! The four figures of memory are those of `process.memoryUsage()` at the moment of the core, from the counters of V8 and of Node's
//! allocator; `::v8spaces` and `::jsbuffers` show what they are made of. What a core holds of the memory is neither less nor more
//! than the resident set: pages that were never touched may be in it, pages of files may not.
//!
//! `-v` adds the versions of all components, and the environment with which the process was started, which may hold secrets. Its
//! changes of `process.env` are not in there. `-j` prints all but the environment as one JSON object.
//!
//! # Limits
//!
//! Options of V8 that were set at run time (`v8.setFlagsFromString`) are not told. The directory is known if the program has
//! called `process.cwd()` since it last changed; else that of the shell that started it (`PWD`) is given. The event loop is that of
//! the main thread.

use std::io::Write;

use core_reader::{Contents, Memory, Process};
use serde_json::json;
use v8_heap::index::NodeProcess;
use v8_heap::isolate::Isolate;
use v8_heap::questions::ExternalMemory;
use v8_heap::{Embedder, EventLoop, NodeRuntime};

use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::{self, escape};
use crate::print::date;
use crate::stage::Out;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::nodeinfo",
    r#"
version: v24.21.0 (LTS Krypton), V8 13.6.233.17-node.53, x64
executable: /tmp/v8mdb-stage/node-24.21.0/bin/node
arguments: /tmp/v8mdb-stage/node-24.21.0/bin/node /tmp/v8mdb-stage/app/leak.js --report=/tmp/v8mdb-stage/out/process.json --snapshot=/tmp/v8mdb-stage/out/v8.heapsnapshot
node options: none
NODE_OPTIONS: not set
title: /tmp/v8mdb-stage/node-24.21.0/bin/node
pid: 12295, parent 11917, uid 0, gid 0
directory: unknown
started: 2026-11-25T22:38:03.254Z
uptime: 0.014 s when the event loop last looked at the clock
exit code: not set
event loop: 0 handles keep it alive, 0 requests
isolate 1f430000: main thread
    heapTotal: 7118848
    heapUsed: 5781384
    external: 1818140
    arrayBuffers: 137653
rss: not in a core; it dumps 9505096 bytes of memory
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "nodeinfo",
    aliases: &[],
    summary: "say what a Node.js process was: versions, arguments, directory, memory, event loop",
    family: Family::Process,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[
        Opt::flag('v', "add the versions of all components, and the environment"),
        Opt::flag('j', "print one JSON object"),
    ],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("nodeinfo.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let (verbose, as_json) = (args.has('v'), args.has('j'));
        Ok(for_each(move |context, _, out| {
            let info = Info::gather(context)?;
            if as_json { info.json(context, out) } else { info.print(context, verbose, out) }
        }))
    },
};

/// Everything that is known.
struct Info {
    /// The main thread's first.
    processes: Vec<NodeProcess>,
    runtime: NodeRuntime,
    memory: Vec<IsolateMemory>,
    dumped: u64,
}

struct IsolateMemory {
    isolate: Isolate,
    thread: Option<u32>,
    /// `heapTotal` and `heapUsed`, if all counters of V8 are in the core.
    heap: Option<(u64, u64)>,
    outside: ExternalMemory,
}

impl Info {
    fn gather(context: &Context) -> Result<Info, DcmdError> {
        let target = context.target()?;
        let heap = context.heap()?;
        let mut memory = Vec::new();
        for isolate in heap.spaces().isolates() {
            let mut sum = Some((0u64, 0u64));
            for space in heap.spaces_of(isolate, &context.progress())? {
                sum = sum.zip(space.counters).map(|((total, used), space)| {
                    (total.saturating_add(space.committed), used.saturating_add(space.used))
                });
            }
            memory.push(IsolateMemory {
                isolate: isolate.clone(),
                thread: heap.thread_of(isolate).map(|owner| owner.thread.id),
                heap: sum,
                outside: heap.external_memory(isolate),
            });
        }
        let main = target.core().process().id;
        memory.sort_by_key(|memory| memory.thread != Some(main));
        let mut processes = heap.node_processes(&context.progress())?;
        let rank = |process: &NodeProcess| memory.iter().position(|m| m.isolate.heap == process.heap);
        processes.sort_by_key(|process| rank(process).unwrap_or(usize::MAX));
        let ranges = target.core().memory().ranges();
        Ok(Info {
            processes,
            runtime: NodeRuntime::find(target.memory(), target.symbols()),
            memory,
            dumped: ranges
                .iter()
                .filter(|range| range.contents == Contents::Dumped)
                .map(|range| range.end.0 - range.start.0)
                .sum(),
        })
    }

    fn print(&self, context: &Context, verbose: bool, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let heap = context.heap()?;
        let process = context.target()?.core().process();
        let mut text = out.text();
        match self.processes.first() {
            Some(node) => {
                let lts = node.long_term_support.as_ref().map(|name| format!(" (LTS {})", escape(name)));
                let version = version_of(node, "node").or(heap.node_version()).unwrap_or("unknown");
                let other = heap.embedder().filter(|embedder| embedder.name != Embedder::NODE);
                let other = other.map(|embedder| {
                    format!("{} {}, which stands for Node.js ", embedder.name, escape(&embedder.version))
                });
                writeln!(
                    text,
                    "version: {}v{}{}, V8 {}, {}",
                    other.unwrap_or_default(),
                    escape(version),
                    lts.unwrap_or_default(),
                    escape(&heap.version().to_string()),
                    escape(node.architecture.as_deref().unwrap_or("x64"))
                )?;
                writeln!(text, "executable: {}", escape(node.executable.as_deref().unwrap_or("unknown")))?;
                writeln!(text, "arguments: {}", escape(&node.arguments.join(" ")))?;
                let options = node.exec_arguments.join(" ");
                writeln!(
                    text,
                    "node options: {}",
                    if options.is_empty() { "none".into() } else { escape(&options) }
                )?;
            }
            None => writeln!(text, "there is no process object in the heap")?,
        }
        match variable(process, "NODE_OPTIONS") {
            Some(options) => writeln!(text, "NODE_OPTIONS: {}", escape(options))?,
            None if process.environment.is_empty() => writeln!(text, "NODE_OPTIONS: not in the core")?,
            None => writeln!(text, "NODE_OPTIONS: not set")?,
        }
        writeln!(text, "title: {}", escape(process.arguments.first().unwrap_or(&process.name)))?;
        let Process { id, parent_id, user_id, group_id, .. } = process;
        writeln!(text, "pid: {id}, parent {parent_id}, uid {user_id}, gid {group_id}")?;
        match (self.directory(), variable(process, "PWD")) {
            (Some(path), _) => {
                writeln!(text, "directory: {} (as process.cwd() last returned)", escape(path))?
            }
            (None, Some(path)) => {
                writeln!(text, "directory: {} (of the shell that started it: PWD)", escape(path))?
            }
            (None, None) => writeln!(text, "directory: unknown")?,
        }
        match self.runtime.started_at {
            Some(time) => writeln!(text, "started: {}", iso_date(time))?,
            None => writeln!(text, "started: unknown; the data of the executable is not in the core")?,
        }
        if let Some(uptime) = self.runtime.uptime {
            let (seconds, rest) = (uptime / 1000, uptime % 1000);
            writeln!(text, "uptime: {seconds}.{rest:03} s when the event loop last looked at the clock")?;
        }
        if let Some(node) = self.processes.first() {
            let exiting = if node.is_exiting { ", and the process was exiting" } else { "" };
            match node.exit_code {
                Some(code) => writeln!(text, "exit code: {code} (set by the program){exiting}")?,
                None => writeln!(text, "exit code: not set{exiting}")?,
            }
        }
        if let Some(event_loop) = &self.runtime.event_loop {
            writeln!(text, "event loop: {}", event_loop_line(event_loop))?;
        }
        for memory in &self.memory {
            let thread = match memory.thread {
                Some(thread) if thread == process.id => "main thread".to_owned(),
                Some(thread) => format!("thread {thread}"),
                None => "no thread is in it".to_owned(),
            };
            writeln!(text, "isolate {:x}: {thread}", memory.isolate.address)?;
            for (name, value) in memory.figures() {
                match value {
                    Some(value) => writeln!(text, "    {name}: {value}")?,
                    None => writeln!(text, "    {name}: not in the core")?,
                }
            }
        }
        writeln!(text, "rss: not in a core; it dumps {} bytes of memory", self.dumped)?;
        if verbose {
            if let Some(node) = self.processes.first() {
                writeln!(text, "components:")?;
                for (name, version) in &node.versions {
                    writeln!(text, "    {}: {}", escape(name), escape(version))?;
                }
            }
            writeln!(text, "environment at the start:")?;
            for entry in &process.environment {
                writeln!(text, "    {}", escape(entry))?;
            }
        }
        Ok(())
    }

    fn directory(&self) -> Option<&str> {
        self.processes.first()?.directory.as_deref()
    }

    fn json(&self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let heap = context.heap()?;
        let process = context.target()?.core().process();
        let node = self.processes.first();
        let versions = node.map(|node| {
            let versions = node.versions.iter();
            versions.map(|(name, version)| (name.clone(), json!(version))).collect::<serde_json::Map<_, _>>()
        });
        let isolates: Vec<_> = self
            .memory
            .iter()
            .map(|memory| {
                let mut line = json!({
                    "isolate": format!("{:#x}", memory.isolate.address),
                    "thread": memory.thread,
                });
                for (name, value) in memory.figures() {
                    line[name] = json!(value);
                }
                line
            })
            .collect();
        let event_loop = self.runtime.event_loop.as_ref().map(|event_loop| {
            json!({
                "handles": event_loop.active_handles,
                "requests": event_loop.active_requests,
                "types": event_loop.by_type,
            })
        });
        let line = json!({
            "node": node.and_then(|node| version_of(node, "node")),
            "v8": heap.version().to_string(),
            "versions": versions,
            "lts": node.and_then(|node| node.long_term_support.as_deref()),
            "executable": node.and_then(|node| node.executable.as_deref()),
            "arguments": node.map(|node| &node.arguments),
            "exec_arguments": node.map(|node| &node.exec_arguments),
            "node_options": variable(process, "NODE_OPTIONS"),
            "title": process.arguments.first(),
            "pid": process.id,
            "ppid": process.parent_id,
            "uid": process.user_id,
            "directory": self.directory(),
            "started": self.runtime.started_at.map(iso_date),
            "uptime": self.runtime.uptime.map(|uptime| uptime as f64 / 1000.0),
            "exit_code": node.and_then(|node| node.exit_code),
            "event_loop": event_loop,
            "isolates": isolates,
            "dumped": self.dumped,
        });
        writeln!(out.text(), "{}", output::json(&line))?;
        Ok(())
    }
}

impl IsolateMemory {
    /// As `process.memoryUsage()` calls them.
    fn figures(&self) -> [(&'static str, Option<u64>); 4] {
        [
            ("heapTotal", self.heap.map(|(total, _)| total)),
            ("heapUsed", self.heap.map(|(_, used)| used)),
            ("external", self.outside.external),
            ("arrayBuffers", self.outside.array_buffers),
        ]
    }
}

fn version_of<'n>(node: &'n NodeProcess, component: &str) -> Option<&'n str> {
    node.versions.iter().find(|(name, _)| name == component).map(|(_, version)| version.as_str())
}

/// The value of a variable of the environment at the start.
fn variable<'p>(process: &'p Process, name: &str) -> Option<&'p str> {
    process.environment.iter().find_map(|entry| entry.strip_prefix(name)?.strip_prefix('='))
}

/// `3 handles keep it alive (1 timer, 2 tcp), 0 requests`
fn event_loop_line(event_loop: &EventLoop) -> String {
    let types: Vec<String> =
        event_loop.by_type.iter().map(|(name, count)| format!("{count} {name}")).collect();
    let types = if types.is_empty() { String::new() } else { format!(" ({})", types.join(", ")) };
    format!(
        "{} handles keep it alive{types}, {} requests",
        event_loop.active_handles, event_loop.active_requests
    )
}

/// `2026-11-25T19:08:12.406Z`, of microseconds since 1970.
fn iso_date(time: u64) -> String {
    let text = date((time / 1000) as f64);
    text.split_once('(').map_or("", |(_, date)| date.trim_end_matches(')')).to_owned()
}
