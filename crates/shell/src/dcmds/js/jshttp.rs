//! `::jshttp`: list requests of HTTP that have no whole answer: those to be answered, and those sent.
//!
//! What a hung service owes its clients, and what it waits for itself. One line for each request that is under way: those that this process
//! has to answer first, then those that it has sent. STATE is how far it has come; FD the descriptor of its connection. Then comes
//! what is asked for, of which host if it has been sent, and who has it in hand:
//!
//! | STATE | |
//! | --- | --- |
//! | `unanswered` | a server has given nothing of an answer |
//! | `answer begun` | headers have been given, and `end` has not been called |
//! | `answer not written` | all has been given, and the connection takes no more |
//! | `waits for a connection` | a client's agent has none to spare |
//! | `request not ended` | a client has not called `end` |
//! | `waits for an answer` | nothing has come back |
//! | `answer not read` | the answer has begun, and nobody has read it to its end: its connection stays taken |
//! | `no whole answer` | HTTP/2: all has been sent; whether an answer has begun to come is not told |
//!
//! Who has it in hand is the last handler of its route where a framework notes that in the request (Express does), else the program's
//! listener for requests of the server; for what was sent, who is called with the answer, or which promise that settles:
//! `::jsasync` has what awaits it.
//!
//! `-g` merges lines that differ only in what is asked for, largest first, and shows one of each.
//!
//! In a pipe it hands on the objects: a `ServerResponse`, whose request is `::jsprint req`, a `ClientRequest`, or the stream of HTTP/2.
//!
//! # Limits
//!
//! What Node.js's own modules `http`, `https` and `http2` have under way: what `fetch` asks for is in `::jsasync`. Of a stream of HTTP/2
//! that a server has not taken as a request with a response, what is asked for is shown as `?`: Node.js gives that away and does not
//! keep it. How long a request has waited is not in the core.

use std::collections::HashMap;
use std::io::Write;

use serde_json::json;
use v8_heap::objects::value::{HeapObject, Value};
use v8_heap::pending::{HttpExchange, HttpState};
use v8_heap::{Heap, Monitor, PropertyValue, Tagged};

use crate::answers::callback::Callback;
use crate::answers::listeners::listeners;
use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::{self, escape};
use crate::stage::Flow;
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "unanswered-20",
    "::jshttp -g",
    r#"
          OBJECT  COUNT STATE                  REQUEST
    2700146c1581     13 unanswered             GET /price/coffee?0, in hand of handle (unanswered.js:15:1)
    2f7e2b94e569     13 waits for an answer    GET /price/coffee?0 of 127.0.0.1, calls (unanswered.js:26:104)
    2f7e2b970c31      4 waits for a connection GET /price/milk?1 of 127.0.0.1, calls (unanswered.js:26:104)
    2f7e2b94fe89      3 answer not read        GET /stream/0 of 127.0.0.1
    2700146e1599      2 answer begun           GET /stream/0, in hand of handle (unanswered.js:15:1)
    2700146f04b1      1 unanswered             POST /upload/1, in hand of handle (unanswered.js:15:1)
    2700146ed429      1 answer not written     GET /film/1, in hand of handle (unanswered.js:15:1)
    2f7e2b9506e9      1 request not ended      POST /upload/1 of 127.0.0.1
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jshttp",
    aliases: &[],
    summary: "list requests of HTTP that have no whole answer: those to be answered, and those sent",
    family: Family::JavaScript,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Depends(|args| if args.has('j') { Yields::Text } else { Yields::Items(Kind::Value) }),
    options: &[
        Opt::flag('g', "merge those that differ only in what is asked for, largest first"),
        Opt::flag('j', "print one line of JSON for each, as docs/json.md describes it"),
    ],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("jshttp.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let (merge, as_json) = (args.has('g'), args.has('j'));
        Ok(for_each(move |context, _, out| {
            let heap = context.heap()?;
            let monitor = context.progress();
            let exchanges = heap.http_exchanges(&monitor)?;
            let descriptors = descriptors(context, heap, &monitor)?;
            drop(monitor);
            if exchanges.is_empty() && !out.is_pipe() && !as_json {
                context.tell_of_nothing(&"no request of HTTP is under way");
            }
            let mut rows = Vec::with_capacity(exchanges.len());
            for exchange in &exchanges {
                context.check_interrupt()?;
                rows.push(Row::of(heap, exchange, &descriptors));
            }
            let rows = if merge { merged(rows) } else { rows.into_iter().map(|row| (row, 1)).collect() };
            if !rows.is_empty() && !out.is_pipe() && !as_json {
                let count = if merge { "COUNT" } else { "FD" };
                let heading = format!("{:>16} {count:>6} {:<22} REQUEST", "OBJECT", "STATE");
                out.text().heading(context.colours.underline(heading))?;
            }
            for (row, count) in &rows {
                context.check_interrupt()?;
                if out.is_pipe() {
                    if out.emit(Item::value(row.exchange.object.0))? == Flow::Enough {
                        break;
                    }
                } else if as_json {
                    writeln!(out.text(), "{}", row.json(context, merge.then_some(*count)))?;
                } else {
                    writeln!(out.text(), "{}", row.text(merge.then_some(*count)))?;
                }
            }
            Ok(())
        }))
    },
};

/// Descriptors of connections, by the object that the program knows them by; none if the core does not tell.
fn descriptors(
    context: &Context,
    heap: &Heap<'_>,
    monitor: &dyn Monitor,
) -> Result<HashMap<u64, i32>, DcmdError> {
    let symbols = context.target()?.symbols();
    let environments = heap.environments(symbols, monitor)?;
    let handles = heap.handles(&environments, symbols, monitor)?;
    Ok(handles.into_iter().filter_map(|handle| Some((handle.owner?.0, handle.descriptor?))).collect())
}

/// One line.
struct Row<'r> {
    exchange: &'r HttpExchange,
    descriptor: Option<i32>,
    in_hand: Option<Callback>,
}

impl<'r> Row<'r> {
    fn of(heap: &Heap<'_>, exchange: &'r HttpExchange, descriptors: &HashMap<u64, i32>) -> Row<'r> {
        let in_hand = if exchange.state.is_of_server() {
            routed(heap, exchange).or_else(|| listener_of_server(heap, exchange))
        } else {
            object(heap, exchange.object).and_then(|request| listener(heap, request, "response"))
        };
        let descriptor = exchange.socket.and_then(|socket| descriptors.get(&socket.0).copied());
        Row { exchange, descriptor, in_hand }
    }

    /// What is asked for, and who has it in hand, not yet escaped.
    fn details(&self, count: usize) -> String {
        let HttpExchange { method, target, host, state, .. } = self.exchange;
        let mut details = [method, target].map(|part| part.as_deref().unwrap_or("?")).join(" ");
        if let Some(host) = host {
            details = format!("{details} of {host}");
        }
        match &self.in_hand {
            Some(callback) if state.is_of_server() => format!("{details}, in hand of {}", callback.text()),
            Some(Callback { settles: Some(_), .. }) if count > 1 => {
                format!("{details}, settles a promise each")
            }
            Some(callback) if callback.settles.is_some() => format!("{details}, {}", callback.text()),
            Some(callback) => format!("{details}, calls {}", callback.text()),
            None => details,
        }
    }

    fn text(&self, count: Option<usize>) -> String {
        let number = match count {
            Some(count) => count.to_string(),
            None => self.descriptor.map_or_else(|| "-".to_owned(), |descriptor| descriptor.to_string()),
        };
        let HttpExchange { object, state, .. } = self.exchange;
        format!(
            "{:>16x} {number:>6} {:<22} {}",
            object.0,
            state.name(),
            escape(&self.details(count.unwrap_or(1)))
        )
    }

    fn json(&self, context: &Context, count: Option<usize>) -> String {
        let exchange = self.exchange;
        let isolate = context.heap().ok().and_then(|heap| {
            let isolate = heap.spaces().isolates().iter().find(|isolate| isolate.heap == exchange.heap)?;
            Some(format!("{:#x}", isolate.address))
        });
        let hexadecimal = |value: Option<Tagged>| value.map(|value| format!("{:#x}", value.0));
        let mut line = json!({
            "object": format!("{:#x}", exchange.object.0),
            "side": if exchange.state.is_of_server() { "server" } else { "client" },
            "http": exchange.version,
            "state": exchange.state.name(),
            "method": exchange.method,
            "target": exchange.target,
            "host": exchange.host,
            "incoming": hexadecimal(exchange.incoming),
            "socket": hexadecimal(exchange.socket),
            "fd": self.descriptor,
            "callback": self.in_hand.as_ref().map(Callback::json),
            "isolate": isolate,
        });
        if let Some(count) = count {
            line["count"] = json!(count);
        }
        output::json(&line)
    }
}

/// The first of those that differ only in what is asked for, with how many they are: most first, then as they come.
fn merged(rows: Vec<Row<'_>>) -> Vec<(Row<'_>, usize)> {
    type Key<'k> =
        (HttpState, Option<&'k str>, Option<&'k str>, Option<(String, Option<String>, Option<u32>)>);
    let mut places: HashMap<Key<'_>, usize> = HashMap::new();
    let mut all: Vec<(Row<'_>, usize)> = Vec::new();
    for row in rows {
        let HttpExchange { state, method, host, .. } = row.exchange;
        // Each settles a promise of its own.
        let in_hand = row.in_hand.as_ref().map(|callback| match callback.settles {
            Some(_) => (String::new(), None, None),
            None => (callback.name.clone(), callback.script.clone(), callback.line),
        });
        let place = *places.entry((*state, method.as_deref(), host.as_deref(), in_hand)).or_insert(all.len());
        match all.get_mut(place) {
            Some((_, count)) => *count += 1,
            None => all.push((row, 1)),
        }
    }
    all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    all
}

/// The last handler of the route that a framework has found for a request: `route.stack[].handle` of Express.
fn routed(heap: &Heap<'_>, exchange: &HttpExchange) -> Option<Callback> {
    let route = property(heap, object(heap, exchange.incoming?)?, "route")?;
    let stack = property(heap, route, "stack")?;
    let mut last = None;
    heap.for_each_element(&heap.elements(stack).ok()?, |_, value| {
        if let PropertyValue::Data(value) = value {
            last = Some(value);
        }
        true
    })
    .ok()?;
    let handle = heap.data_property(object(heap, last?)?, "handle")?;
    Some(Callback::of(heap, handle)).filter(|callback| callback.function.is_some() && !callback.is_foreign())
}

/// The program's listener for requests of the server whose connection it is.
fn listener_of_server(heap: &Heap<'_>, exchange: &HttpExchange) -> Option<Callback> {
    let connection = object(heap, exchange.session.or(exchange.socket)?)?;
    let server =
        property(heap, connection, "server").or_else(|| property(heap, connection, "Symbol(server)"))?;
    listener(heap, server, "request").or_else(|| listener(heap, server, "stream"))
}

/// Who listens for an event, and is not Node.js itself.
fn listener(heap: &Heap<'_>, emitter: HeapObject<'_>, event: &str) -> Option<Callback> {
    let mut all = listeners(heap, emitter).into_iter().filter(|listener| listener.event == event);
    let is_known = |callback: &Callback| callback.settles.is_some() || !callback.is_foreign();
    all.find(|listener| is_known(&listener.callback)).map(|listener| listener.callback)
}

fn object<'h>(heap: &'h Heap<'_>, value: Tagged) -> Option<HeapObject<'h>> {
    match heap.value(value) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

/// The object in an own data property.
fn property<'h>(heap: &'h Heap<'_>, of: HeapObject<'_>, name: &str) -> Option<HeapObject<'h>> {
    object(heap, heap.data_property(of, name)?)
}
