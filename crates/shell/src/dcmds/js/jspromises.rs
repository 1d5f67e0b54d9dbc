//! `::jspromises`: list promises: what has become of them, who waits for them, what made them.
//!
//! One line for each promise that is alive. STATE is `pending`, `fulfilled` or `rejected`; `rejected!` is one whose rejection nobody handles:
//! Node.js ends the process for it, or is about to. WAIT says how many wait for it. Of a pending one DETAILS has what made it and the
//! first that waits for it; of a settled one its value or reason.
//!
//! What made a promise is known where it is that of an async function which is suspended, with the place where that is, or where it is settled
//! when another promise is: `then`, `catch`, `finally`, `Promise.all` and its kin.
//!
//! `-p`, `-f` and `-r` choose by state, `-u` only rejected ones that nobody handles. `-c` chooses those whose value or reason has this
//! constructor: `::jspromises -r -c TypeError`. `-w` chooses those for which something waits, `-n` those that a function made, or that one
//! awaits, which has this in its name. `-g` shows promises that are alike once, with a COUNT, most in front.
//!
//! In a pipe it hands on the promises. `::jsprint` prints one with everything that waits for it, `::jspath` who holds it, and `::jsasync`
//! shows whole chains and what would settle them.
//!
//! # Limits
//!
//! V8 keeps neither the place of `new Promise` nor that of a call of `then`: only what is told above. Where the core lacks what tells the
//! living from garbage, all promises are listed, and a warning says so.

use std::collections::HashMap;
use std::io::Write;

use serde_json::json;
use v8_heap::objects::promise::Promise;
use v8_heap::objects::value::Value;
use v8_heap::pending::{Link, PromiseState};
use v8_heap::{Heap, Tagged};

use crate::answers::await_place::AwaitPlace;
use crate::answers::summary::summary;
use crate::context::Context;
use crate::dcmd::{
    AddressUse, Args, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each,
};
use crate::error::DcmdError;
use crate::output::{self, escape};
use crate::stage::{Flow, Out};
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "pending-24",
        "::jspromises -g ! head -12",
        r#"
         PROMISE    COUNT STATE         WAIT DETAILS
    3de05add4179       11 pending          0 of handler (pending.js:102:16)
    3de05add56e9       11 pending         11 for getUser (pending.js:97:22)
    3de05add7e39       11 pending         11 of getUser (pending.js:97:22), for handler (pending.js:102:16)
    1c4bca61b9f1       10 pending          0
    3de05add5959        8 pending          8 for part (pending.js:132:3)
    3de05add3f99        7 fulfilled        0 Ticket
    3de05adc0199        3 pending          0 of hoarder (pending.js:227:3)
    3de05add40e9        3 rejected         0 RangeError
    3de05add4479        3 pending          0 of asker (pending.js:185:3)
    3de05add5659        3 pending          3 for asker (pending.js:185:3)
    3de05add5ad9        3 pending          3 for hoarder (pending.js:227:3)
"#,
    ),
    Example::on(
        "pending-24",
        "::jspromises -u",
        r#"
         PROMISE STATE         WAIT DETAILS
    3de05adc84b1 rejected!        0 3de05adcc359 JSError: RangeError
    3de05adc8521 rejected!        0 3de05adcc329 JSError: RangeError
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jspromises",
    aliases: &[],
    summary: "list promises: what has become of them, who waits for them, what made them",
    family: Family::JavaScript,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Depends(|args| if args.has('j') { Yields::Text } else { Yields::Items(Kind::Value) }),
    options: &[
        Opt::flag('p', "only pending ones").filter(),
        Opt::flag('f', "only fulfilled ones").filter(),
        Opt::flag('r', "only rejected ones").filter(),
        Opt::flag('u', "only rejected ones that nobody handles").filter(),
        Opt::flag('w', "only those for which something waits").filter(),
        Opt::flag('g', "those that are alike once, with a count"),
        Opt::flag('j', "print one line of JSON for each, as docs/json.md describes it"),
        Opt::text('c', "constructor", "only those whose value or reason has this constructor").filter(),
        Opt::text('n', "name", "only those that a function with this in its name made or awaits").filter(),
    ],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("jspromises.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let wanted = Wanted::of(args);
        Ok(for_each(move |context, _, out| wanted.answer(context, out)))
    },
};

struct Wanted {
    pending: bool,
    fulfilled: bool,
    rejected: bool,
    unhandled: bool,
    awaited: bool,
    grouped: bool,
    json: bool,
    constructor: Option<String>,
    name: Option<String>,
}

/// Promises that are alike.
struct Group {
    first: PromiseState,
    count: u64,
    waiters: u64,
    constructor: Option<String>,
}

/// What makes promises alike.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    state: &'static str,
    maker: Option<Link>,
    first: Option<Link>,
    constructor: Option<String>,
}

/// Places of links that have been looked up.
#[derive(Default)]
struct Places {
    known: HashMap<Link, (String, String)>,
    /// The first link that reads the same: how far a call is V8 counts otherwise in optimised code.
    firsts: HashMap<Link, Link>,
    by_text: HashMap<String, Link>,
}

impl Places {
    /// A link as text, and the name of its function.
    fn of(&mut self, heap: &Heap<'_>, link: &Link) -> &(String, String) {
        self.known.entry(*link).or_insert_with(|| {
            let place = AwaitPlace::of(heap, link);
            (place.text(), place.name)
        })
    }

    /// One link for all that read the same.
    fn first(&mut self, heap: &Heap<'_>, link: &Link) -> Link {
        if let Some(first) = self.firsts.get(link) {
            return *first;
        }
        let text = self.of(heap, link).0.clone();
        let first = *self.by_text.entry(text).or_insert(*link);
        self.firsts.insert(*link, first);
        first
    }
}

impl Wanted {
    fn of(args: &Args) -> Wanted {
        let all = !['p', 'f', 'r', 'u'].into_iter().any(|letter| args.has(letter));
        Wanted {
            pending: all || args.has('p'),
            fulfilled: all || args.has('f'),
            rejected: all || args.has('r'),
            unhandled: args.has('u'),
            awaited: args.has('w'),
            grouped: args.has('g'),
            json: args.has('j'),
            constructor: args.text('c').map(str::to_owned),
            name: args.text('n').map(str::to_owned),
        }
    }

    fn wants(&self, heap: &Heap<'_>, promise: &PromiseState, places: &mut Places) -> bool {
        let by_state = match promise.state {
            Promise::Pending => self.pending,
            Promise::Fulfilled(_) => self.fulfilled,
            Promise::Rejected(_) => self.rejected || (self.unhandled && !promise.is_handled),
        };
        if !by_state || (self.awaited && promise.waiters == 0) {
            return false;
        }
        if let Some(wanted) = &self.constructor
            && constructor_of(heap, promise.state).as_ref() != Some(wanted)
        {
            return false;
        }
        self.name.as_ref().is_none_or(|name| {
            let mut links = [&promise.maker, &promise.first].into_iter().flatten();
            links.any(|link| places.of(heap, link).1.contains(name.as_str()))
        })
    }

    fn answer(&self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let heap = context.heap()?;
        let monitor = context.progress();
        let makers = heap.promise_makers(&monitor)?;
        if !makers.tells_lives {
            context.warn(&"warning: the core does not tell all that is alive: garbage is listed, too");
        }
        let mut places = Places::default();
        let mut has_heading = self.json || out.is_pipe();
        let mut groups: HashMap<Key, Group> = HashMap::new();
        let mut failed = None;
        let mut any = false;
        heap.for_each_promise(&makers, &monitor, |promise| {
            any = true;
            if !self.wants(heap, &promise, &mut places) {
                return true;
            }
            if self.grouped && !out.is_pipe() {
                let key = Key {
                    state: state_name(&promise),
                    maker: promise.maker.map(|link| places.first(heap, &link)),
                    first: promise.first.map(|link| places.first(heap, &link)),
                    constructor: constructor_of(heap, promise.state),
                };
                let constructor = key.constructor.clone();
                let group = groups.entry(key).or_insert_with(|| Group {
                    first: promise.clone(),
                    count: 0,
                    waiters: 0,
                    constructor,
                });
                group.count += 1;
                group.waiters += promise.waiters as u64;
                return true;
            }
            match self.line(context, heap, &promise, &mut places, &mut has_heading, out) {
                Ok(goes_on) => goes_on,
                Err(error) => {
                    failed = Some(error);
                    false
                }
            }
        })?;
        drop(monitor);
        if let Some(error) = failed {
            return Err(error);
        }
        if !any && !out.is_pipe() && !self.json {
            context.tell_of_nothing(&"no promise is alive");
        }
        let mut groups: Vec<Group> = groups.into_values().collect();
        groups.sort_by_key(|group| (std::cmp::Reverse(group.count), group.first.object));
        if !groups.is_empty() && !self.json {
            let heading = format!("{:>16} {:>8} {:<9} {:>8} DETAILS", "PROMISE", "COUNT", "STATE", "WAIT");
            out.text().heading(context.colours.underline(heading))?;
        }
        for group in &groups {
            context.check_interrupt()?;
            let details = match &group.constructor {
                Some(constructor) => constructor.clone(),
                None => pending_details(heap, &group.first, &mut places, false),
            };
            if self.json {
                let mut line = json_line(heap, &group.first, Some(group.count));
                line["waiters"] = json!(group.waiters);
                writeln!(out.text(), "{}", output::json(&line))?;
                continue;
            }
            let line = format!(
                "{:>16x} {:>8} {:<9} {:>8} {}",
                group.first.object.0,
                group.count,
                state_name(&group.first),
                group.waiters,
                escape(&details)
            );
            writeln!(out.text(), "{}", line.trim_end())?;
        }
        Ok(())
    }

    /// Shows one; `false` if no more are wanted.
    fn line(
        &self,
        context: &Context,
        heap: &Heap<'static>,
        promise: &PromiseState,
        places: &mut Places,
        has_heading: &mut bool,
        out: &mut Out<'_>,
    ) -> Result<bool, DcmdError> {
        context.check_interrupt()?;
        if out.is_pipe() {
            return Ok(out.emit(Item::value(promise.object.0))? != Flow::Enough);
        }
        if self.json {
            writeln!(out.text(), "{}", output::json(&json_line(heap, promise, None)))?;
            return Ok(true);
        }
        if !std::mem::replace(has_heading, true) {
            let heading = format!("{:>16} {:<9} {:>8} DETAILS", "PROMISE", "STATE", "WAIT");
            out.text().heading(context.colours.underline(heading))?;
        }
        let details = match promise.state {
            Promise::Pending => escape(&pending_details(heap, promise, places, true)).into_owned(),
            Promise::Fulfilled(value) | Promise::Rejected(value) => {
                format!("{value} {}", summary(heap, value))
            }
        };
        let line =
            format!("{:>16x} {:<9} {:>8} {details}", promise.object.0, state_name(promise), promise.waiters);
        writeln!(out.text(), "{}", line.trim_end())?;
        Ok(true)
    }
}

/// `of getUser (db.js:41:9), awaited by handler (app.js:12:16) and 2 more`
fn pending_details(heap: &Heap<'_>, promise: &PromiseState, places: &mut Places, with_count: bool) -> String {
    let mut details = Vec::new();
    if let Some(maker) = &promise.maker {
        details.push(format!("of {}", places.of(heap, maker).0));
    }
    if let Some(first) = &promise.first {
        let more = match promise.waiters {
            0 | 1 => String::new(),
            _ if !with_count => " and more".to_owned(),
            more => format!(" and {} more", more - 1),
        };
        details.push(format!("for {}{more}", places.of(heap, first).0));
    }
    details.join(", ")
}

fn state_name(promise: &PromiseState) -> &'static str {
    match promise.state {
        Promise::Pending => "pending",
        Promise::Fulfilled(_) => "fulfilled",
        Promise::Rejected(_) if promise.is_handled => "rejected",
        Promise::Rejected(_) => "rejected!",
    }
}

/// The constructor of the value or reason of a promise; the name of its type if it is no object.
fn constructor_of(heap: &Heap<'_>, state: Promise) -> Option<String> {
    let (Promise::Fulfilled(value) | Promise::Rejected(value)) = state else { return None };
    Some(match heap.value(value) {
        Ok(Value::Object(object)) => heap.name(heap.constructor_name(object)).to_owned(),
        Ok(Value::Undefined) => "undefined".to_owned(),
        Ok(Value::Null) => "null".to_owned(),
        Ok(Value::Boolean(_)) => "boolean".to_owned(),
        Ok(Value::Smi(_) | Value::Double(_)) => "number".to_owned(),
        Ok(Value::String(_)) => "string".to_owned(),
        Ok(Value::Symbol(_)) => "symbol".to_owned(),
        Ok(Value::BigInt(_)) => "bigint".to_owned(),
        _ => heap.class_name(value).to_owned(),
    })
}

fn json_line(heap: &Heap<'_>, promise: &PromiseState, count: Option<u64>) -> serde_json::Value {
    let address = |value: Tagged| format!("{:#x}", value.0);
    let link = |link: &Option<Link>| link.as_ref().map(|link| AwaitPlace::of(heap, link).json(link));
    let value = match promise.state {
        Promise::Pending => None,
        Promise::Fulfilled(value) | Promise::Rejected(value) => Some(address(value)),
    };
    json!({
        "promise": address(promise.object),
        "count": count.unwrap_or(1),
        "state": state_name(promise).trim_end_matches('!'),
        "handled": promise.is_handled,
        "value": value,
        "constructor": constructor_of(heap, promise.state),
        "waiters": promise.waiters,
        "awaitedBy": link(&promise.first),
        "madeBy": link(&promise.maker),
    })
}
