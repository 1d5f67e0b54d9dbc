//! `::jsstack`: print the JavaScript functions that a thread is in.
//!
//! Of the current thread, or of the one whose id stands in front: each function on its stack, innermost first, with the place that it
//! has come to, as V8 writes it in the stack of an error; also those that optimised code has merged into their callers.
//!
//! Where optimised code was interrupted, or calls V8 in a way that V8 keeps no place for, the place is that of a call nearby: it says
//! `approximate`. `-a` puts the native functions between them. In a pipe it hands on the functions: `::jsstack | ::jssource`.
//!
//! A thread that waits for events is in no JavaScript: `$C` shows its native stack.

use std::io::Write;

use serde_json::json;
use v8_heap::objects::frame::JavaScriptFrame;
use v8_heap::{Heap, Tagged};

use crate::answers::javascript_stack::javascript_stack;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::output::{self, escape};
use crate::print::function::{definition_name, origin, subject};
use crate::stage::Flow;
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "uncaught-24",
        "::jsstack",
        r#"
     75c5b7a48c1 Order.total (/tmp/v8mdb-stage/app/uncaught.js:9:23)
     75c5b7a4801 charge (/tmp/v8mdb-stage/app/uncaught.js:14:42)
     75c5b7a4841 handle (/tmp/v8mdb-stage/app/uncaught.js:19:10)
     75c5b7a4a09 Timeout._onTimeout (/tmp/v8mdb-stage/app/uncaught.js:23:19)
    213f4458e931 listOnTimeout (node:internal/timers:685:17)
    213f4458efd9 process.processTimers (node:internal/timers:618:7)
"#,
    ),
    Example::on(
        "uncaught-24",
        "::jsstack | ::head -1 | ::jssource -n 0",
        r#"
file: /tmp/v8mdb-stage/app/uncaught.js
    8   total() {
    9     return this.lines.reduce((sum, line) => sum + line.price, 0);
   10   }
"#,
    ),
    Example::on(
        "busy-24",
        "::jsstack",
        r#"
    3e889a9647c9 find (/tmp/v8mdb-stage/app/busy.js:17:3), there or further on
    3e889a964809 lookUp (/tmp/v8mdb-stage/app/busy.js:25:10)
    3e889a964979 Timeout._onTimeout (/tmp/v8mdb-stage/app/busy.js:28:18)
    12a86594e931 listOnTimeout (node:internal/timers, position unknown)
    12a86594efd9 process.processTimers (node:internal/timers, position unknown)
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsstack",
    aliases: &[],
    summary: "print the JavaScript functions that a thread is in",
    family: Family::JavaScript,
    address: AddressUse::Optional,
    takes: Takes::Only(&[Kind::Thread]),
    yields: Yields::Depends(|args| if args.has('j') { Yields::Text } else { Yields::Items(Kind::Value) }),
    options: &[
        Opt::flag('a', "all functions, native ones too"),
        Opt::flag('j', "print one line of JSON for each function, as docs/json.md describes it"),
    ],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("jsstack.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let (all, as_json) = (args.has('a'), args.has('j'));
        Ok(for_each(move |context, item, out| {
            let heap = context.heap()?;
            let thread = context.thread_of(item)?;
            let stack = context.stack_of(thread, usize::MAX)?;
            let javascript = javascript_stack(heap, &stack);
            let mut innermost = None;
            for (index, native) in stack.frames.iter().enumerate() {
                context.check_interrupt()?;
                let frames = javascript.functions(index);
                if frames.is_empty() && all && !as_json && !out.is_pipe() {
                    let name = context.show_frame(native);
                    writeln!(out.text(), "{:>16} {name}()", "")?;
                }
                for frame in &frames {
                    innermost.get_or_insert(frame.function);
                    let text = text_of(heap, frame);
                    if out.is_pipe() {
                        if out.emit(Item::value(frame.function.0))? == Flow::Enough {
                            return Ok(());
                        }
                    } else if as_json {
                        let line = json!({
                            "function": format!("0x{:x}", frame.function.0),
                            "text": text,
                            "exact": frame.is_exact,
                            "tier": frame.tier.name(),
                            "inlined": frame.is_inlined,
                        });
                        writeln!(out.text(), "{}", output::json(&line))?;
                    } else {
                        let text = escape(&text);
                        writeln!(out.text(), "{:>16x} {text}", frame.function.0)?;
                    }
                }
            }
            let watched = out.text().is_watched();
            if let Some(function) = innermost.filter(|_| watched && !as_json) {
                writeln!(out.text(), "next: {function}::jssource (its source)   $C (native functions)")?;
            }
            if innermost.is_none() && !as_json {
                context.tell_of_nothing(&format_args!(
                    "thread {:x} is in no JavaScript function ($C shows its native stack)",
                    thread.id
                ));
            }
            Ok(())
        }))
    },
};

/// `Order.total (/srv/app.js:2:96)`; a place that is near the right one says so.
fn text_of(heap: &Heap<'_>, frame: &JavaScriptFrame) -> String {
    let Some(site) = &frame.site else { return defined(heap, frame.function) };
    let text = heap.frame_text(site).to_text();
    if frame.is_exact { text } else { format!("{text}, approximate") }
}

/// `spin, in machine code (defined at /srv/app.js line 2)`
fn defined(heap: &Heap<'_>, function: Tagged) -> String {
    match subject(heap, function) {
        Ok(found) => {
            let name = definition_name(heap, &found.shared);
            format!("{name}, in machine code (defined at {})", origin(heap, &found.shared))
        }
        Err(_) => "(a function that cannot be read)".to_owned(),
    }
}
