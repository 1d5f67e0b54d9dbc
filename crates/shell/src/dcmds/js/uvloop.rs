//! `::uvloop`: say what keeps the event loops alive, and what the pool of threads does.
//!
//! For each event loop, that of the main thread first: its clock; whether it is alive, and because of what: active handles by their type
//! (`::jshandles` lists those of the program), requests under way (`::jsrequests`), streams with something to tell, handles that are being
//! closed; work that the pool has done and that has not been told; when its first timer is due. Node.js has one `timer` for all of
//! `::jstimers`, and one `idle` while immediates wait.
//!
//! Then the pool of threads, which all loops share: how many threads it has, how many are idle, and one line for each piece of work. STATE
//! is `running`, with the thread (LWP) that does it, `queued` in the order in which it will be done, `slow` for names that are looked up,
//! which at most half of the threads may do at a time, `done` for what a loop has still to be told, and `kernel` for what was given to the
//! kernel in place of a thread (io_uring, as some releases of Node.js 20 and 21 do with files). KIND is `fs`, `dns`, `random`, or what
//! Node.js calls it: `crypto`, `zlib`. Then comes what it is about, its object, and what is called in the end.
//!
//! When all threads are busy and the queue is long, everything that needs one waits: files, names, passwords, compression.
//!
//! In a pipe it hands on the objects of the work: `::uvloop | ::jsprint`.
//!
//! # Limits
//!
//! The loops are found by symbols and by what Node.js publishes of itself, the pool by symbols of libuv: an executable without
//! symbols has no pool to show. What a thread does is found on its stack; threads of which it was not found are counted as such.

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::json;
use v8_heap::objects::value::Value;
use v8_heap::pending::{EventLoopState, ThreadPool, Work, WorkState};
use v8_heap::{Heap, Tagged};

use crate::answers::callback::Callback;
use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::{self, escape};
use crate::stage::{Flow, Out};
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "pending-24",
    "::uvloop",
    r#"
loop 6b94aa0 of the main thread: clock at 41976968 ms, 106 ms after it began
    alive
    22 active handles: 1 fs_event, 1 fs_poll, 1 idle, 4 pipe, 1 poll, 1 process, 10 tcp, 2 timer, 1 udp
    14 requests under way
    1 handle being closed
    1 done by the pool, not yet told
    next timer due in 106 ms
pool: 4 threads, 0 idle, 4 at work, 9 queued
          OBJECT STATE    KIND              LWP DETAILS
    3de05adc08a9 running  fs              21788 open /tmp/pending-s3VByg/fifo1, calls onDone (pending.js:307:1) through node:fs
    3de05adc0871 running  crypto          21789 PBKDF2Job, calls onDone (pending.js:307:1) through node:internal/crypto/pbkdf2
    3de05adc0839 running  fs              21790 open /tmp/pending-s3VByg/fifo0, calls onDone (pending.js:307:1) through node:fs
    3de05adc08e1 running  crypto          21791 PBKDF2Job, calls onDone (pending.js:307:1) through node:internal/crypto/pbkdf2
    3de05adc0919 queued   crypto              - RandomBytesJob, calls onDone (pending.js:307:1) through node:internal/crypto/random
    3de05adc0951 queued   zlib                - Zlib, calls (transform:position 6410)
    3de05adc0999 queued   zlib                - Zlib, calls (transform:position 6410)
    3de05ade26f9 queued   fs                  - stat /tmp/v8mdb-stage/app/pending.js, calls onChange (pending.js:301:1) through node:fs
    3de05ade29b9 queued   fs                  - scandir /tmp/v8mdb-stage/app, calls onChange (pending.js:301:1) through node:fs
    3de05adfa501 queued   fs                  - open /tmp/v8mdb-stage/app/pending.js
    3de05ade2bb9 slow     dns                 - GetAddrInfoReqWrap, looks up localhost, calls onMessage (pending.js:300:1)
    3de05ade3011 slow     dns                 - GetAddrInfoReqWrap, looks up 127.0.0.1.nip.invalid, calls onMessage (pending.js:300:1)
    3de05ade3239 slow     dns                 - GetNameInfoReqWrap, calls onMessage (pending.js:300:1)
               - done     fs                  - stat /tmp/v8mdb-stage/app/pending.js
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "uvloop",
    aliases: &[],
    summary: "say what keeps the event loops alive, and what the pool of threads does",
    family: Family::JavaScript,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Depends(|args| if args.has('j') { Yields::Text } else { Yields::Items(Kind::Value) }),
    options: &[Opt::flag('j', "print one line of JSON for each, as docs/json.md describes it")],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("uvloop.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let as_json = args.has('j');
        Ok(for_each(move |context, _, out| {
            let heap = context.heap()?;
            let symbols = context.target()?.symbols();
            let monitor = context.progress();
            let environments = heap.environments(symbols, &monitor)?;
            let loops = heap.event_loops(&environments, symbols);
            let pool = heap.thread_pool(&environments, &loops, symbols, &monitor)?;
            drop(monitor);
            if loops.is_empty() && pool.size == 0 {
                let missing = environments.missing.or(pool.missing).unwrap_or("the data of an event loop");
                return Err(DcmdError::failed(format!(
                    "the core lacks {missing}: no event loop can be shown"
                )));
            }
            if out.is_pipe() {
                for object in pool.works.iter().filter_map(|work| work.object) {
                    if out.emit(Item::value(object.0))? == Flow::Enough {
                        break;
                    }
                }
                return Ok(());
            }
            for known in &loops {
                if as_json {
                    writeln!(out.text(), "{}", loop_json(context, known))?;
                } else {
                    loop_text(context, known, out)?;
                }
            }
            show_pool(context, heap, &pool, as_json, out)
        }))
    },
};

/// How many handles of each type keep a loop alive.
fn by_type(known: &EventLoopState) -> Option<BTreeMap<&'static str, u64>> {
    let mut counts = BTreeMap::new();
    for handle in known.handles.as_ref()?.iter().filter(|handle| handle.is_active && handle.is_referenced) {
        *counts.entry(handle.uv_type.unwrap_or("?")).or_default() += 1;
    }
    Some(counts)
}

fn isolate_of(context: &Context, known: &EventLoopState) -> Option<u64> {
    let heap = context.heap().ok()?;
    let isolate = heap.spaces().isolates().iter().find(|isolate| Some(isolate.heap) == known.heap)?;
    Some(isolate.address)
}

fn loop_text(context: &Context, known: &EventLoopState, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let mut text = out.text();
    let whose = match (known.is_main, isolate_of(context, known)) {
        (true, _) => "main thread".to_owned(),
        (false, Some(isolate)) => format!("isolate {isolate:x}"),
        (false, None) => "another thread".to_owned(),
    };
    let age = known.age.map_or_else(String::new, |age| format!(", {age} ms after it began"));
    writeln!(text, "loop {:x} of the {whose}: clock at {} ms{age}", known.address, known.time)?;
    let alive = match known.is_alive() {
        Some(true) => "alive",
        Some(false) => "not alive: nothing keeps it from ending",
        None => "alive or not: a part of it is not in the core",
    };
    writeln!(text, "    {alive}{}", if known.is_stopping { ", told to stop" } else { "" })?;
    let types = match by_type(known) {
        Some(types) if !types.is_empty() => {
            let each: Vec<String> = types.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
            format!(": {}", each.join(", "))
        }
        Some(_) => String::new(),
        None => ": their list is not in the core".to_owned(),
    };
    let plural = |count: u64| if count == 1 { "" } else { "s" };
    let active = u64::from(known.active_handles);
    writeln!(text, "    {active} active handle{}{types}", plural(active))?;
    let requests = u64::from(known.active_requests);
    writeln!(text, "    {requests} request{} under way", plural(requests))?;
    let mut facts = |count: Option<u64>, what: &str, otherwise: &str| match count {
        Some(0) => Ok(()),
        Some(1) => writeln!(text, "    1 {what}"),
        Some(count) => writeln!(text, "    {count} {}", what.replacen("handle ", "handles ", 1)),
        None => writeln!(text, "    {otherwise} cannot be followed"),
    };
    facts(known.pending, "with something to tell in the next round", "what it tells next")?;
    facts(known.closing, "handle being closed", "the list of handles being closed")?;
    facts(known.done, "done by the pool, not yet told", "what the pool has done")?;
    if let Some(due) = known.next_timer {
        match due {
            0.. => writeln!(text, "    next timer due in {due} ms")?,
            _ => writeln!(text, "    next timer {} ms late", due.unsigned_abs())?,
        }
    }
    Ok(())
}

fn loop_json(context: &Context, known: &EventLoopState) -> String {
    output::json(&json!({
        "what": "loop",
        "address": format!("{:#x}", known.address),
        "main": known.is_main,
        "isolate": isolate_of(context, known).map(|isolate| format!("{isolate:#x}")),
        "time": known.time,
        "age": known.age,
        "alive": known.is_alive(),
        "activeHandles": known.active_handles,
        "byType": by_type(known),
        "activeRequests": known.active_requests,
        "pending": known.pending,
        "closing": known.closing,
        "done": known.done,
        "timers": known.timers,
        "nextTimer": known.next_timer,
        "descriptors": known.descriptors,
        "stopping": known.is_stopping,
    }))
}

fn show_pool(
    context: &Context,
    heap: &Heap<'_>,
    pool: &ThreadPool,
    as_json: bool,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    if let Some(missing) = pool.missing {
        context.warn(&format_args!("warning: the core lacks {missing}: what the pool does is not shown"));
        return Ok(());
    }
    if as_json {
        let line = json!({
            "what": "pool",
            "threads": pool.threads,
            "size": pool.size,
            "idle": pool.idle,
            "unaccounted": pool.unaccounted(),
        });
        writeln!(out.text(), "{}", output::json(&line))?;
    } else {
        let count =
            |state: fn(&WorkState) -> bool| pool.works.iter().filter(|work| state(&work.state)).count();
        let running = count(|state| matches!(state, WorkState::Running(_)));
        let waiting = count(|state| matches!(state, WorkState::Queued | WorkState::Slow));
        let mut line = match pool.size {
            0 => "pool: has no threads, as nothing was given to it yet".to_owned(),
            size => format!("pool: {size} threads, {} idle, {running} at work, {waiting} queued", pool.idle),
        };
        if pool.unaccounted() > 0 {
            line += &format!(", {} at what was not found", pool.unaccounted());
        }
        writeln!(out.text(), "{line}")?;
        if !pool.works.is_empty() {
            let heading = format!("{:>16} {:<8} {:<12} {:>8} DETAILS", "OBJECT", "STATE", "KIND", "LWP");
            out.text().heading(context.colours.underline(heading))?;
        }
    }
    for work in &pool.works {
        context.check_interrupt()?;
        let row = Row::of(heap, work);
        match as_json {
            true => writeln!(out.text(), "{}", row.json())?,
            false => writeln!(out.text(), "{}", row.text())?,
        }
    }
    Ok(())
}

/// One piece of work.
struct Row<'w> {
    work: &'w Work,
    constructor: Option<String>,
    callback: Option<Callback>,
}

impl<'w> Row<'w> {
    fn of(heap: &Heap<'_>, work: &'w Work) -> Row<'w> {
        let object = work.object.and_then(|object| match heap.value(object) {
            Ok(Value::Object(object)) => Some(object),
            _ => None,
        });
        let value = |name: &str| heap.data_property(object?, name);
        let is_object = |value: &Tagged| matches!(heap.value(*value), Ok(Value::Object(_)));
        // What the program gave, before what Node.js put around it.
        let names = ["callback", "oncomplete", "ondone", "cb"];
        let callbacks = names.into_iter().filter_map(|name| value(name).filter(is_object));
        let mut callbacks: Vec<Callback> = callbacks.map(|callback| Callback::of(heap, callback)).collect();
        callbacks.sort_by_key(Callback::is_foreign);
        Row {
            work,
            constructor: object.map(|object| heap.name(heap.constructor_name(object)).to_owned()),
            callback: callbacks.into_iter().next(),
        }
    }

    fn state(&self) -> (&'static str, Option<u32>) {
        match self.work.state {
            WorkState::Running(thread) => ("running", Some(thread)),
            WorkState::Queued => ("queued", None),
            WorkState::Slow => ("slow", None),
            WorkState::Done => ("done", None),
            WorkState::Kernel => ("kernel", None),
        }
    }

    fn text(&self) -> String {
        let work = self.work;
        let mut details = Vec::new();
        if let Some(operation) = work.operation {
            let what = match (&work.path, work.descriptor) {
                (Some(path), _) => format!(" {path}"),
                (None, Some(descriptor)) => format!(" descriptor {descriptor}"),
                (None, None) => String::new(),
            };
            details.push(format!("{operation}{what}"));
        } else if let Some(constructor) = &self.constructor {
            details.push(constructor.clone());
        } else if let Some(function) = &work.function {
            details.push(function.clone());
        }
        details.extend(work.host.as_ref().map(|host| format!("looks up {host}")));
        details.extend(self.callback.as_ref().map(|callback| format!("calls {}", callback.text())));
        let (state, thread) = self.state();
        let line = format!(
            "{:>16} {state:<8} {:<12} {:>8} {}",
            work.object.map_or_else(|| "-".to_owned(), |object| format!("{:x}", object.0)),
            escape(&work.kind),
            thread.map_or_else(|| "-".to_owned(), |thread| thread.to_string()),
            escape(&details.join(", "))
        );
        line.trim_end().to_owned()
    }

    fn json(&self) -> String {
        let work = self.work;
        let (state, thread) = self.state();
        output::json(&json!({
            "what": "work",
            "work": format!("{:#x}", work.address),
            "state": state,
            "kind": work.kind,
            "thread": thread,
            "function": work.function,
            "operation": work.operation,
            "path": work.path,
            "fd": work.descriptor,
            "host": work.host,
            "object": work.object.map(|object| format!("{:#x}", object.0)),
            "constructor": self.constructor,
            "callback": self.callback.as_ref().map(Callback::json),
            "loop": format!("{:#x}", work.event_loop),
        }))
    }
}
