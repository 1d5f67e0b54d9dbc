//! `::jsrequests`: list the requests that are under way: files, names, connections, writes.
//!
//! One line for each request that Node.js has given to libuv and that has not come back, in the order in which they were made: the
//! same as `process._getActiveRequests()` gives. KIND is what `process.getActiveResourcesInfo()` calls it. Then comes what it is about, as
//! far as the core has it: operation and path of a file, the name that is looked up, the address that is connected to; and what is
//! called when it is done, with the place where that is defined: the program's function, `through` that of Node.js which was given it. A request whose promise is awaited says so: `::jsprint` prints what
//! waits for it.
//!
//! In a pipe it hands on the objects of the requests.
//!
//! # Limits
//!
//! Requests of HTTP are in `::jshttp`. Work of `crypto` and `zlib` is not among them, nor what newer releases do with files behind promises: Node.js keeps no list of
//! that. The queue of requests is found by what Node.js publishes of itself in the data of its executable; a core without that
//! cannot tell.

use std::io::Write;

use serde_json::json;
use v8_heap::objects::value::Value;
use v8_heap::pending::Request;
use v8_heap::{Heap, Tagged};

use crate::answers::callback::Callback;
use crate::answers::unanswered::unanswered_requests;
use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::{self, escape};
use crate::stage::Flow;
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "pending-24",
    "::jsrequests",
    r#"
          OBJECT KIND                 DETAILS
    3de05adc0839 FSReqCallback        open /tmp/pending-s3VByg/fifo0, calls onDone (pending.js:307:1) through node:fs
    3de05adc08a9 FSReqCallback        open /tmp/pending-s3VByg/fifo1, calls onDone (pending.js:307:1) through node:fs
    3de05ade26f9 FSReqCallback        stat /tmp/v8mdb-stage/app/pending.js, calls onChange (pending.js:301:1) through node:fs
    3de05ade29b9 FSReqCallback        scandir /tmp/v8mdb-stage/app, calls onChange (pending.js:301:1) through node:fs
    3de05ade2bb9 GetAddrInfoReqWrap   looks up localhost, calls onMessage (pending.js:300:1)
    3de05ade3011 GetAddrInfoReqWrap   looks up 127.0.0.1.nip.invalid, calls onMessage (pending.js:300:1)
    3de05ade3239 GetNameInfoReqWrap   looks up 127.0.0.1, calls onMessage (pending.js:300:1)
    3de05adfa501 FSReqPromise         open /tmp/v8mdb-stage/app/pending.js, settles promise 3de05adfa539
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsrequests",
    aliases: &[],
    summary: "list the requests that are under way: files, names, connections, writes",
    family: Family::JavaScript,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Depends(|args| if args.has('j') { Yields::Text } else { Yields::Items(Kind::Value) }),
    options: &[Opt::flag('j', "print one line of JSON for each, as docs/json.md describes it")],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("jsrequests.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let as_json = args.has('j');
        Ok(for_each(move |context, _, out| {
            let heap = context.heap()?;
            let symbols = context.target()?.symbols();
            let monitor = context.progress();
            let environments = heap.environments(symbols, &monitor)?;
            let requests = heap.requests(&environments, symbols, &monitor)?;
            let is_alone = requests.is_empty() && !out.is_pipe() && !as_json;
            let others = if is_alone { unanswered_requests(heap, &monitor)? } else { String::new() };
            drop(monitor);
            if let Some(missing) = environments.missing {
                return Err(DcmdError::failed(format!(
                    "the core lacks {missing}: requests cannot be listed"
                )));
            }
            if is_alone {
                context.tell_of_nothing(&format!("no request is under way{others}"));
            }
            if !requests.is_empty() && !out.is_pipe() && !as_json {
                let heading = format!("{:>16} {:<20} DETAILS", "OBJECT", "KIND");
                out.text().heading(context.colours.underline(heading))?;
            }
            for request in &requests {
                context.check_interrupt()?;
                let row = Row::of(heap, request);
                if out.is_pipe() {
                    if let Some(object) = request.object
                        && out.emit(Item::value(object.0))? == Flow::Enough
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
    request: &'r Request,
    host: Option<String>,
    address: Option<String>,
    port: Option<f64>,
    callback: Option<Callback>,
    promise: Option<Tagged>,
}

impl<'r> Row<'r> {
    fn of(heap: &Heap<'_>, request: &'r Request) -> Row<'r> {
        let object = request.object.and_then(|object| match heap.value(object) {
            Ok(Value::Object(object)) => Some(object),
            _ => None,
        });
        let value = |name: &str| heap.data_property(object?, name);
        let text = |name: &str| heap.string(value(name)?, LONGEST).ok().map(|string| string.to_text());
        let is_object = |value: &Tagged| matches!(heap.value(*value), Ok(Value::Object(_)));
        // What the program gave, before what Node.js put around it.
        let callbacks =
            ["callback", "oncomplete"].into_iter().filter_map(|name| value(name).filter(is_object));
        let mut callbacks: Vec<Callback> = callbacks.map(|callback| Callback::of(heap, callback)).collect();
        callbacks.sort_by_key(Callback::is_foreign);
        Row {
            request,
            host: text("hostname"),
            address: text("address"),
            port: value("port").and_then(|port| heap.number(port)),
            callback: callbacks.into_iter().next(),
            promise: value("promise").filter(is_object),
        }
    }

    fn text(&self) -> String {
        let request = self.request;
        let mut details = Vec::new();
        if let Some(operation) = request.operation {
            let what = match (&request.path, request.descriptor) {
                (Some(path), _) => format!(" {path}"),
                (None, Some(descriptor)) => format!(" descriptor {descriptor}"),
                (None, None) => String::new(),
            };
            details.push(format!("{operation}{what}"));
        }
        if let Some(host) = &self.host {
            details.push(format!("looks up {host}"));
        }
        match (&self.address, self.port) {
            (Some(address), Some(port)) => details.push(format!("to {address}:{port}")),
            (Some(address), None) => details.push(format!("to {address}")),
            _ => {}
        }
        if let Some(callback) = &self.callback {
            details.push(format!("calls {}", callback.text()));
        }
        if let Some(promise) = self.promise {
            details.push(format!("settles promise {promise}"));
        }
        let line = format!(
            "{:>16x} {:<20} {}",
            request.object.unwrap_or_default().0,
            escape(&request.kind),
            escape(&details.join(", "))
        );
        line.trim_end().to_owned()
    }

    fn json(&self, context: &Context) -> String {
        let request = self.request;
        let isolate = context.heap().ok().and_then(|heap| {
            let isolate = heap.spaces().isolates().iter().find(|isolate| isolate.heap == request.heap)?;
            Some(format!("{:#x}", isolate.address))
        });
        let hexadecimal = |value: Option<Tagged>| value.map(|value| format!("{:#x}", value.0));
        output::json(&json!({
            "object": hexadecimal(request.object),
            "kind": request.kind,
            "operation": request.operation,
            "path": request.path,
            "fd": request.descriptor,
            "host": self.host,
            "address": self.address,
            "port": self.port,
            "callback": self.callback.as_ref().map(Callback::json),
            "promise": hexadecimal(self.promise),
            "isolate": isolate,
        }))
    }
}

/// Longer texts are cut, in code units.
const LONGEST: usize = 1 << 12;
