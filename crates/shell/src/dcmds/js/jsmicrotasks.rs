//! `::jsmicrotasks`: list the microtasks that have still to run, in the order in which they will.
//!
//! One line for each, under a heading for each queue that is not empty. An isolate has one queue for all its contexts; a context of `vm` with
//! `microtaskMode: 'afterEvaluate'` has one of its own. The task that is running is not in the queue any more.
//!
//! KIND is `callback` for what `queueMicrotask` was given; `fulfilled` and `rejected` for what is told the value or reason of a promise
//! which is settled; `thenable` for what asks an object with a method `then` that a promise was resolved with; `native` for a function of
//! the embedder. Then come what is called, or which suspended function goes on, with its place, and the promise that is settled with what
//! comes of it: `::jsprint` prints who waits for that.
//!
//! `-p` lists only those that call a function of the program, or go on with one. Microtasks run before timers and handles have their turn: a
//! process that never gets to those while this queue is long is kept busy by it.
//!
//! In a pipe it hands on the suspended calls and the functions; of others the promises.
//!
//! # Limits
//!
//! What `Promise.all` and `Promise.allSettled` do with a value looks alike, and what `Promise.any` and `Promise.allSettled` do with a
//! reason: both are named. What `process.nextTick` was given is in `::jstimers -n`.

use std::io::Write;

use serde_json::json;
use v8_heap::objects::promise::Waits;
use v8_heap::pending::{Link, Microtask, MicrotaskKind, MicrotaskQueue};
use v8_heap::{Heap, Tagged};

use crate::answers::await_place::AwaitPlace;
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
    "::jsmicrotasks",
    r#"
queue 11139e20 of isolate 1113a000: 9 wait
            TASK KIND      DETAILS
    3de05adc0319 rejected  onReason (pending.js:152:1), reason 3de05add1321, settles promise 3de05add1351
    3de05adc0349 rejected  onReason (pending.js:152:1), reason 3de05add12c1, settles promise 3de05add12f1
    3de05adc0379 rejected  onReason (pending.js:152:1), reason 3de05add1261, settles promise 3de05add1291
    3de05adc03a9 fulfilled Promise.all or allSettled, settles promise 3de05add2241
    3de05adc03d9 rejected  Promise.any or allSettled, reason 3de05add10f1, settles promise 3de05add21a1
    3de05adc0409 fulfilled Promise.all or allSettled, settles promise 3de05add1fe9
    3de05adc0439 thenable  then (pending.js:168:20), of thenable 1c4bca609dd1, settles promise 3de05add1051
    3de05ade5969 callback  micro (pending.js:72:1)
    3de05ade59e9 fulfilled micro (pending.js:72:1), settles promise 3de05ade59b9
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsmicrotasks",
    aliases: &[],
    summary: "list the microtasks that have still to run",
    family: Family::JavaScript,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Depends(|args| if args.has('j') { Yields::Text } else { Yields::Items(Kind::Value) }),
    options: &[
        Opt::flag('p', "only what calls a function of the program, or goes on with one").filter(),
        Opt::flag('j', "print one line of JSON for each, as docs/json.md describes it"),
    ],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("jsmicrotasks.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let (own, as_json) = (args.has('p'), args.has('j'));
        Ok(for_each(move |context, _, out| {
            let heap = context.heap()?;
            let monitor = context.progress();
            let queues = heap.microtask_queues(&monitor)?;
            drop(monitor);
            let missing: u64 = queues.iter().map(|queue| queue.missing).sum();
            if missing > 0 {
                context.warn(&"warning: a part of a queue of microtasks is not in the core, or damaged");
            }
            if queues.iter().all(|queue| queue.tasks.is_empty()) && !out.is_pipe() && !as_json {
                context.tell_of_nothing(&"no microtask has still to run");
            }
            for queue in &queues {
                if list(context, heap, queue, own, as_json, out)? == Flow::Enough {
                    break;
                }
            }
            Ok(())
        }))
    },
};

fn list(
    context: &Context,
    heap: &Heap<'_>,
    queue: &MicrotaskQueue,
    own: bool,
    as_json: bool,
    out: &mut Out<'_>,
) -> Result<Flow, DcmdError> {
    let isolate = heap.spaces().isolates().iter().find(|isolate| isolate.heap == queue.heap);
    let isolate = isolate.map(|isolate| isolate.address);
    let mut has_heading = out.is_pipe() || as_json;
    for (index, task) in queue.tasks.iter().enumerate() {
        context.check_interrupt()?;
        let row = Row::of(heap, task);
        if own && !row.is_own() {
            continue;
        }
        if out.is_pipe() {
            let next = task.call.or(task.handler.filter(|_| row.callback.is_some())).or(task.promise);
            if let Some(next) = next
                && out.emit(Item::value(next.0))? == Flow::Enough
            {
                return Ok(Flow::Enough);
            }
            continue;
        }
        if as_json {
            writeln!(out.text(), "{}", row.json(queue, isolate, index))?;
            continue;
        }
        if !std::mem::replace(&mut has_heading, true) {
            let of = isolate.map_or_else(String::new, |isolate| format!(" of isolate {isolate:x}"));
            let count = queue.tasks.len();
            let waits = if count == 1 { "waits" } else { "wait" };
            writeln!(out.text(), "queue {:x}{of}: {count} {waits}", queue.address)?;
            let heading = format!("{:>16} {:<9} DETAILS", "TASK", "KIND");
            out.text().heading(context.colours.underline(heading))?;
        }
        let line = format!("{:>16x} {:<9} {}", task.object.0, kind_name(task.kind), escape(&row.details()));
        writeln!(out.text(), "{}", line.trim_end())?;
    }
    Ok(Flow::Continue)
}

fn kind_name(kind: MicrotaskKind) -> &'static str {
    match kind {
        MicrotaskKind::Callback => "callback",
        MicrotaskKind::Fulfilled => "fulfilled",
        MicrotaskKind::Rejected => "rejected",
        MicrotaskKind::Thenable => "thenable",
        MicrotaskKind::Native => "native",
        MicrotaskKind::Unknown => "?",
    }
}

/// One line.
struct Row<'t> {
    task: &'t Microtask,
    /// The suspended function that goes on.
    goes_on: Option<(AwaitPlace, Link)>,
    /// What is called, if it is no function of V8's own.
    callback: Option<Callback>,
}

impl<'t> Row<'t> {
    fn of(heap: &Heap<'_>, task: &'t Microtask) -> Row<'t> {
        let goes_on = task.call.map(|call| {
            let link = heap.link_of_call(call, Waits::Await);
            (AwaitPlace::of(heap, &link), link)
        });
        let is_called = match task.waits {
            None => true,
            Some(waits) => matches!(waits, Waits::Then | Waits::Catch | Waits::Finally),
        };
        let callback = task.handler.filter(|_| is_called).map(|handler| Callback::of(heap, handler));
        Row { task, goes_on, callback }
    }

    fn is_own(&self) -> bool {
        self.goes_on.as_ref().is_some_and(|(place, _)| place.is_own())
            || self.callback.as_ref().is_some_and(|callback| !callback.is_foreign())
    }

    fn details(&self) -> String {
        let task = self.task;
        let is_rejected = task.kind == MicrotaskKind::Rejected;
        let mut details = Vec::new();
        if let Some((place, _)) = &self.goes_on {
            details.push(format!("goes on with {}", place.text()));
        }
        let callback = self.callback.as_ref().map(|callback| match task.waits {
            Some(Waits::Finally) => format!("finally {}", callback.text()),
            _ => callback.text(),
        });
        details.extend(callback);
        match task.waits {
            Some(Waits::All | Waits::AllSettled) => details.push("Promise.all or allSettled".to_owned()),
            Some(Waits::Any) => details.push("Promise.any or allSettled".to_owned()),
            Some(Waits::Follows) => details.push("passes it on".to_owned()),
            Some(Waits::Internal) => details.push("V8".to_owned()),
            _ => {}
        }
        if let (MicrotaskKind::Thenable, Some(thenable)) = (task.kind, task.argument) {
            details.push(format!("of thenable {thenable}"));
        }
        if let (true, Some(reason)) = (is_rejected, task.argument) {
            details.push(format!("reason {reason}"));
        }
        let settles = |promise: &Tagged| format!("settles promise {promise}");
        details.extend(task.promise.as_ref().map(settles));
        details.join(", ")
    }

    fn json(&self, queue: &MicrotaskQueue, isolate: Option<u64>, index: usize) -> String {
        let address = |value: Tagged| format!("{:#x}", value.0);
        let task = self.task;
        output::json(&json!({
            "task": address(task.object),
            "queue": format!("{:#x}", queue.address),
            "index": index,
            "kind": kind_name(task.kind),
            "waits": task.waits.map(waits_name),
            "callback": self.callback.as_ref().map(Callback::json),
            "call": task.call.map(address),
            "goesOnWith": self.goes_on.as_ref().map(|(place, link)| place.json(link)),
            "argument": task.argument.map(address),
            "promise": task.promise.map(address),
            "isolate": isolate.map(|isolate| format!("{isolate:#x}")),
        }))
    }
}

/// How something waits, in one word; what cannot be told apart has the same.
fn waits_name(waits: Waits) -> &'static str {
    match waits {
        Waits::Await => "await",
        Waits::All | Waits::AllSettled => "all",
        Waits::Any => "any",
        Waits::Resolves => "resolve",
        Waits::Follows => "follows",
        Waits::Then => "then",
        Waits::Catch => "catch",
        Waits::Finally => "finally",
        Waits::Internal => "internal",
    }
}
