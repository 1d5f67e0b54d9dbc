//! `::jshandles`: list what is open: sockets, servers, pipes, watchers, child processes.
//!
//! One line for each handle of libuv that keeps the process alive, in the order in which they were opened: the same as
//! `process._getActiveHandles()` gives. `-a` adds those that do not: what was `unref()`ed, listeners for signals, ports of workers.
//!
//! OBJECT is what the program knows the handle by: a `Socket`, `Server`, `ChildProcess`, `FSWatcher`; where there is none, the
//! handle's own object. KIND is what `process.getActiveResourcesInfo()` calls it, FD its descriptor, REF whether it keeps the
//! process alive. Then come addresses, as far as the core has them; bytes that wait to be written; and the program's own listeners,
//! each with the place where it is defined. Those of Node.js itself are left out; `-v` shows them.
//!
//! `-f` chooses by descriptor: `::jshandles -a -f 23`. In a pipe it hands on the objects.
//!
//! # Limits
//!
//! Addresses of sockets are in the kernel. The core has those that the program has asked for: Node.js remembers them. A server shows
//! what it was told to listen on, in which port 0 stands for any. The queue of handles is found by what Node.js publishes of itself in the
//! data of its executable; a core without that cannot tell.

use std::io::Write;

use serde_json::json;
use v8_heap::objects::value::{HeapObject, Value};
use v8_heap::pending::Handle;
use v8_heap::{Heap, Tagged};

use crate::answers::callback::Callback;
use crate::answers::listeners::{Listener, listeners};
use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::{self, escape};
use crate::stage::Flow;
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "pending-24",
        "::jshandles",
        r#"
          OBJECT KIND            CONSTRUCTOR   REF    FD DETAILS
    1c4bca618f31 TCPServerWrap   Server        yes    22 listens on 4:127.0.0.1:0, on connection: onConnection (pending.js:297:1)
    1c4bca615919 TCPSocketWrap   Socket        yes    23 127.0.0.1:56522 to 127.0.0.1:41181, on data: onData (pending.js:298:1)
    1c4bca6157f9 TCPSocketWrap   Socket        yes    24
    1c4bca6156d9 TCPSocketWrap   Socket        yes    25 127.0.0.1:56536 to 127.0.0.1:41181, on data: onData (pending.js:298:1)
    1c4bca6155b9 TCPSocketWrap   Socket        yes    26
    1c4bca615379 TCPSocketWrap   Socket        yes    28
    1c4bca609f29 TCPSocketWrap   Socket        yes     -
    1c4bca615259 TCPSocketWrap   Socket        yes    30
    1c4bca6101c9 TCPServerWrap   Server        yes    31 listens on 4:127.0.0.1:0, on request: onRequest (pending.js:299:1)
    1c4bca60a0e9 PipeWrap        Server        yes    32 listens on -1:/tmp/pending-s3VByg/socket:-1, on connection: onConnection (pending.js:297:1)
    1c4bca615139 PipeWrap        Socket        yes    33 on data: onData (pending.js:298:1)
    3de05adcc119 PipeWrap        Socket        yes    34
    3de05add1901 UDPWrap         Socket        yes    35 on message: onMessage (pending.js:300:1)
    3de05adcbf41 FSEventWrap     FSWatcher     yes     - watches /tmp/pending-s3VByg, on change: onChange (pending.js:301:1)
    3de05adcbd79 PipeWrap        Socket        yes    37
    3de05adcbc59 PipeWrap        Socket        yes    39 on data: onOutput (pending.js:302:1)
    3de05adcbe99 ProcessWrap     ChildProcess  yes     - process 21787 (cat)
    3de05adcf3e1 TCPServerWrap   Server        yes    38 listens on 4:127.0.0.1:0, on request: (pending.js:341:55)
    3de05adce579 TCPSocketWrap   Socket        yes    41
    3de05adcc6e1 TTYWrap         ReadStream    yes    42 on data: onData (pending.js:298:1)
    3de05adc1b01 StatWatcher     StatWatcher   yes     - on change: onStat (pending.js:306:1)
    3de05adc0e31 PipeWrap        Socket        yes     2
    3de05ade4141 TCPSocketWrap   Socket        yes     - on error: onData (pending.js:298:1)
"#,
    ),
    Example::on(
        "pending-24",
        "::jshandles -a | ::count",
        r#"
26
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jshandles",
    aliases: &[],
    summary: "list what is open: sockets, servers, pipes, watchers, child processes",
    family: Family::JavaScript,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Depends(|args| if args.has('j') { Yields::Text } else { Yields::Items(Kind::Value) }),
    options: &[
        Opt::flag('a', "those that do not keep the process alive, too"),
        Opt::flag('v', "listeners of Node.js itself, too"),
        Opt::flag('j', "print one line of JSON for each, as docs/json.md describes it"),
        Opt::text('f', "fd", "only the handle with this descriptor, a decimal number").filter(),
    ],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("jshandles.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let (all, verbose, as_json) = (args.has('a'), args.has('v'), args.has('j'));
        let wanted: Option<i32> = match args.text('f').map(str::parse) {
            None => None,
            Some(Ok(descriptor)) => Some(descriptor),
            Some(Err(_)) => return Err(DcmdError::usage("a descriptor is a decimal number")),
        };
        Ok(for_each(move |context, _, out| {
            let heap = context.heap()?;
            let symbols = context.target()?.symbols();
            let monitor = context.progress();
            let environments = heap.environments(symbols, &monitor)?;
            let mut handles = heap.handles(&environments, symbols, &monitor)?;
            drop(monitor);
            if let Some(missing) = environments.missing {
                return Err(DcmdError::failed(format!("the core lacks {missing}: handles cannot be listed")));
            }
            handles.retain(|handle| {
                (all || handle.is_referenced) && wanted.is_none_or(|fd| handle.descriptor == Some(fd))
            });
            if handles.is_empty() && !out.is_pipe() && !as_json && wanted.is_none() {
                context.tell_of_nothing(&"no handle keeps the process alive");
            }
            if !handles.is_empty() && !out.is_pipe() && !as_json {
                let heading = format!(
                    "{:>16} {:<15} {:<13} {:<3} {:>5} DETAILS",
                    "OBJECT", "KIND", "CONSTRUCTOR", "REF", "FD"
                );
                out.text().heading(context.colours.underline(heading))?;
            }
            for handle in &handles {
                context.check_interrupt()?;
                let row = Row::of(heap, handle, verbose);
                if out.is_pipe() {
                    if let Some(owner) = handle.owner
                        && out.emit(Item::value(owner.0))? == Flow::Enough
                    {
                        break;
                    }
                } else if as_json {
                    writeln!(out.text(), "{}", row.json(context))?;
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
    handle: &'r Handle,
    constructor: String,
    local: Option<String>,
    peer: Option<String>,
    listening: Option<String>,
    command: Option<String>,
    listeners: Vec<Listener>,
}

impl<'r> Row<'r> {
    fn of(heap: &Heap<'_>, handle: &'r Handle, verbose: bool) -> Row<'r> {
        let owner = handle.owner.and_then(|owner| match heap.value(owner) {
            Ok(Value::Object(owner)) => Some(owner),
            _ => None,
        });
        let text = |name: &str| text_of(heap, heap.data_property(owner?, name)?);
        let mut listeners = owner.map_or_else(Vec::new, |owner| listeners(heap, owner));
        if let Some(callback) = owner.and_then(|owner| heap.data_property(owner, "onmessage")) {
            listeners
                .push(Listener { event: "onmessage".to_owned(), callback: Callback::of(heap, callback) });
        }
        if !verbose {
            listeners.retain(|listener| !listener.callback.is_foreign());
        }
        Row {
            handle,
            constructor: owner
                .map_or_else(String::new, |owner| heap.name(heap.constructor_name(owner)).to_owned()),
            local: owner.and_then(|owner| address(heap, owner, "_sockname")),
            peer: owner.and_then(|owner| address(heap, owner, "_peername")),
            listening: text("_connectionKey"),
            command: text("spawnfile"),
            listeners,
        }
    }

    fn text(&self) -> String {
        let handle = self.handle;
        let mut details = Vec::new();
        if let Some(key) = &self.listening {
            details.push(format!("listens on {key}"));
        }
        match (&self.local, &self.peer) {
            (Some(local), Some(peer)) => details.push(format!("{local} to {peer}")),
            (Some(local), None) => details.push(format!("at {local}")),
            (None, Some(peer)) => details.push(format!("to {peer}")),
            (None, None) => {}
        }
        if let Some(process) = handle.process {
            let command = self.command.as_deref().unwrap_or("unknown command");
            details.push(format!("process {process} ({command})"));
        }
        if let Some(signal) = handle.signal {
            details.push(format!("signal {signal}"));
        }
        if let Some(path) = &handle.path {
            details.push(format!("watches {path}"));
        }
        if let Some(queued) = handle.queued.filter(|queued| *queued > 0) {
            details.push(format!("{queued} bytes wait to be written"));
        }
        for Listener { event, callback } in &self.listeners {
            details.push(format!("on {event}: {}", callback.text()));
        }
        let descriptor =
            handle.descriptor.map_or_else(|| "-".to_owned(), |descriptor| descriptor.to_string());
        let reference = if handle.is_referenced { "yes" } else { "no" };
        let line = format!(
            "{:>16x} {:<15} {:<13} {reference:<3} {descriptor:>5} {}",
            handle.owner.unwrap_or_default().0,
            escape(&handle.kind),
            escape(&self.constructor),
            escape(&details.join(", "))
        );
        line.trim_end().to_owned()
    }

    fn json(&self, context: &Context) -> String {
        let handle = self.handle;
        let isolate = context.heap().ok().and_then(|heap| {
            let isolate = heap.spaces().isolates().iter().find(|isolate| isolate.heap == handle.heap)?;
            Some(format!("{:#x}", isolate.address))
        });
        let hexadecimal = |value: Option<Tagged>| value.map(|value| format!("{:#x}", value.0));
        let listeners: Vec<_> = self
            .listeners
            .iter()
            .map(|listener| {
                let mut line = listener.callback.json();
                line["event"] = json!(listener.event);
                line
            })
            .collect();
        output::json(&json!({
            "object": hexadecimal(handle.owner),
            "kind": handle.kind,
            "constructor": self.constructor,
            "handle": hexadecimal(handle.object),
            "uv": format!("{:#x}", handle.address),
            "uvType": handle.uv_type,
            "referenced": handle.is_referenced,
            "active": handle.is_active,
            "fd": handle.descriptor,
            "queued": handle.queued,
            "local": self.local,
            "peer": self.peer,
            "listening": self.listening,
            "process": handle.process,
            "command": self.command,
            "signal": handle.signal,
            "path": handle.path,
            "listeners": listeners,
            "isolate": isolate,
        }))
    }
}

/// Longer texts are cut, in code units.
const LONGEST: usize = 1 << 12;

fn text_of(heap: &Heap<'_>, value: Tagged) -> Option<String> {
    heap.string(value, LONGEST).ok().map(|string| string.to_text())
}

/// `127.0.0.1:80`, of what a socket remembers.
fn address(heap: &Heap<'_>, socket: HeapObject<'_>, name: &str) -> Option<String> {
    let Ok(Value::Object(known)) = heap.value(heap.data_property(socket, name)?) else { return None };
    let port = heap.number(heap.data_property(known, "port")?)?;
    let host = text_of(heap, heap.data_property(known, "address")?)?;
    Some(if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
}
