//! `::jstimers`: list the timers, immediates and ticks that have still to run.
//!
//! One line for each, from Node.js's own lists, those of `process.nextTick` first, as they run first, then those of `setImmediate`,
//! then timers, the one that is due first in front. A timer that was cleared, or has run and does not repeat, is in no list and is
//! not shown. DUE is in how many milliseconds it is due, less than 0 if it is late; EVERY what it was given, for intervals the time
//! between two runs. REF says whether it keeps the process alive: `no` behind `unref()`. Then comes what is called, with the place
//! where that is defined; functions that were bound are seen through. A timer that settles a promise, such as those of
//! `timers/promises`, says which: `::jsprint` prints what waits for it.
//!
//! `-p` lists only those of the program: not those whose function is of Node.js itself. `-t`, `-i` and `-n` list only timers,
//! immediates, or ticks.
//!
//! In a pipe it hands on the `Timeout`s, `Immediate`s and ticks: `::jstimers -t | ::group _onTimeout` counts timers by function.
//!
//! # Limits
//!
//! Node.js takes immediates off their list before it runs them: those of a round that was being run are not here. When a timer is due
//! can be told if the core holds the data of the executable; else DUE is `?`. The clock is that of the event loop, which looks at it
//! once a round: a callback that ran for a second has made all others late by up to a second more.

use std::io::Write;

use serde_json::json;
use v8_heap::pending::Environments;
use v8_heap::{Heap, Tagged};

use crate::answers::callback::Callback;
use crate::context::Context;
use crate::dcmd::{
    AddressUse, Args, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each,
};
use crate::error::DcmdError;
use crate::output::{self, escape};
use crate::print::format_number;
use crate::stage::{Flow, Out};
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "pending-24",
        "::jstimers -p",
        r#"
          OBJECT KIND               DUE        EVERY REF CALLS
    3de05ade5181 tick                 -            - yes tick (pending.js:71:1)
    3de05ade5319 tick                 -            - yes tick (pending.js:71:1)
    3de05ade4c49 immediate            -            - yes soon (pending.js:70:1)
    3de05ade4e39 immediate            -            - no  soon (pending.js:70:1)
    3de05adcf111 interval         44992        45000 yes beat (pending.js:54:1)
    3de05adcefe1 timeout          59992        60000 yes late (pending.js:55:1)
    3de05adcef61 timeout          59992        60000 no  expire (pending.js:57:1)
    3de05adcf071 timeout          70000        70000 yes settles promise 3de05add0209
    3de05adced81 timeout          80000        80000 yes (pending.js:179:45)
    3de05adcecf1 timeout          89993        90001 yes rejectLater (pending.js:58:1)
    3de05adcf9f1 timeout          89993        90001 yes rejectLater (pending.js:58:1)
    3de05adcfc81 timeout          89993        90001 yes rejectLater (pending.js:58:1)
    3de05add0289 timeout          89993        90001 yes rejectLater (pending.js:58:1)
    3de05add0511 timeout          89993        90001 yes rejectLater (pending.js:58:1)
    3de05add0439 timeout          89993        90001 yes rejectLater (pending.js:58:1)
    3de05add0361 timeout          89993        90001 yes rejectLater (pending.js:58:1)
    3de05adcfba9 timeout          89993        90001 yes rejectLater (pending.js:58:1)
    3de05adcfab1 timeout          89993        90001 yes rejectLater (pending.js:58:1)
    3de05adcec71 timeout          89993        90001 yes rejectLater (pending.js:58:1)
    3de05adcee21 timeout     2147483639   2147483647 yes late (pending.js:55:1)
"#,
    ),
    Example::on(
        "pending-24",
        "::jstimers -t -p | ::count",
        r#"
16
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jstimers",
    aliases: &[],
    summary: "list the timers, immediates and ticks that have still to run",
    family: Family::JavaScript,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Depends(|args| if args.has('j') { Yields::Text } else { Yields::Items(Kind::Value) }),
    options: &[
        Opt::flag('t', "only timers").filter(),
        Opt::flag('i', "only immediates").filter(),
        Opt::flag('n', "only what process.nextTick was given").filter(),
        Opt::flag('p', "only what calls a function of the program").filter(),
        Opt::flag('j', "print one line of JSON for each, as docs/json.md describes it"),
    ],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("jstimers.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let wanted = Wanted::of(args);
        Ok(for_each(move |context, _, out| wanted.answer(context, out)))
    },
};

struct Wanted {
    timers: bool,
    immediates: bool,
    ticks: bool,
    own: bool,
    json: bool,
}

/// One line.
struct Row {
    object: Tagged,
    kind: &'static str,
    callback: Callback,
    /// In milliseconds from now.
    due: Option<f64>,
    period: Option<f64>,
    is_referenced: Option<bool>,
    heap: u64,
}

impl Wanted {
    fn of(args: &Args) -> Wanted {
        let all = !args.has('t') && !args.has('i') && !args.has('n');
        Wanted {
            timers: all || args.has('t'),
            immediates: all || args.has('i'),
            ticks: all || args.has('n'),
            own: args.has('p'),
            json: args.has('j'),
        }
    }

    fn answer(&self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let heap = context.heap()?;
        let mut rows = self.rows(context, heap)?;
        if self.own {
            rows.retain(|row| row.callback.settles.is_some() || !row.callback.is_foreign());
        }
        if rows.is_empty() && !out.is_pipe() && !self.json {
            context.tell_of_nothing(&"nothing of that kind has still to run");
        }
        if !rows.is_empty() && !out.is_pipe() && !self.json {
            let heading =
                format!("{:>16} {:<9} {:>12} {:>12} {:<3} CALLS", "OBJECT", "KIND", "DUE", "EVERY", "REF");
            out.text().heading(context.colours.underline(heading))?;
        }
        for row in rows {
            context.check_interrupt()?;
            if out.is_pipe() {
                if out.emit(Item::value(row.object.0))? == Flow::Enough {
                    break;
                }
            } else if self.json {
                writeln!(out.text(), "{}", row.json(context))?;
            } else {
                writeln!(out.text(), "{}", row.text())?;
            }
        }
        Ok(())
    }

    fn rows(&self, context: &Context, heap: &Heap<'_>) -> Result<Vec<Row>, DcmdError> {
        let monitor = context.progress();
        let target = context.target()?;
        let of =
            |callback: Option<Tagged>| callback.map_or_else(Callback::default, |it| Callback::of(heap, it));
        let mut rows = Vec::new();
        if self.ticks {
            for tick in heap.ticks(&monitor)? {
                rows.push(Row {
                    object: tick.object,
                    kind: "tick",
                    callback: of(tick.callback),
                    due: None,
                    period: None,
                    is_referenced: Some(true),
                    heap: tick.heap,
                });
            }
        }
        if self.immediates {
            for immediate in heap.immediates(&monitor)? {
                rows.push(Row {
                    object: immediate.object,
                    kind: "immediate",
                    callback: of(immediate.callback),
                    due: None,
                    period: None,
                    is_referenced: immediate.is_referenced,
                    heap: immediate.heap,
                });
            }
        }
        if self.timers {
            let environments = heap.environments(target.symbols(), &monitor)?;
            for timer in heap.timers(&monitor)? {
                let now = now(&environments, timer.heap);
                rows.push(Row {
                    object: timer.object,
                    kind: if timer.is_interval { "interval" } else { "timeout" },
                    callback: of(timer.callback),
                    due: now.map(|now| timer.due() - now),
                    period: Some(timer.period),
                    is_referenced: timer.is_referenced,
                    heap: timer.heap,
                });
            }
        }
        Ok(rows)
    }
}

/// What the timers of a thread count by, in milliseconds.
fn now(environments: &Environments, heap: u64) -> Option<f64> {
    let environment = environments.list.iter().find(|environment| environment.heap == heap)?;
    Some(environment.clock?.now() as f64)
}

impl Row {
    fn text(&self) -> String {
        let number = |number: Option<f64>, otherwise: &str| match number {
            Some(number) => format_number(number),
            None => otherwise.to_owned(),
        };
        let unknown = if self.period.is_some() { "?" } else { "-" };
        let reference = match self.is_referenced {
            Some(true) => "yes",
            Some(false) => "no",
            None => "?",
        };
        format!(
            "{:>16x} {:<9} {:>12} {:>12} {reference:<3} {}",
            self.object.0,
            self.kind,
            number(self.due, unknown),
            number(self.period, "-"),
            escape(&self.callback.text())
        )
    }

    fn json(&self, context: &Context) -> String {
        let isolate = context.heap().ok().and_then(|heap| {
            let isolate = heap.spaces().isolates().iter().find(|isolate| isolate.heap == self.heap)?;
            Some(format!("{:#x}", isolate.address))
        });
        output::json(&json!({
            "object": format!("{:#x}", self.object.0),
            "kind": self.kind,
            "due": self.due,
            "every": self.period,
            "referenced": self.is_referenced,
            "callback": self.callback.json(),
            "isolate": isolate,
        }))
    }
}
