//! `::jsstack`: print the JavaScript functions that a thread is in.
//!
//! Of the current thread, or of the one whose id stands in front: each function on its stack, innermost first, with the place that it
//! has come to, as V8 writes it in the stack of an error; also those that optimised code has merged into their callers.
//!
//! Where optimised code was interrupted, or calls V8 in a way that V8 keeps no place for, the place is that of a call nearby: it says
//! `approximate`. `-a` puts the native functions between them, and `-t all` shows every thread that is in JavaScript.
//!
//! `-v` adds the values of each call: `this`, the arguments that it was called with (`arg0`, ...), then what its bytecode keeps in
//! registers: variables that no closure captures, by name, `uninitialized` if the call has not reached their declarations; and without a name
//! (`r0`, ...) intermediate results and variables of blocks in which the call is not; then the variables that closures have
//! captured. What optimised code no longer needs is `optimized away`. Where names are missing, `::help jslocals` says why.
//!
//! `-s` prints the line of the source that each function is at, `-n` so many lines around it as well. `-m` shows the places that the
//! source maps of scripts give, as `::jssource -m` does.
//!
//! `-f` leaves only functions with exactly that name. `-p` prints one property of each: `file`, `posn` (line and column), `this`, or
//! `arg0` and so on; in a pipe it hands on the value: `::jsstack -f handle -p arg1 | ::jsprint`. Without it a pipe gets the functions, with `-a`
//! those of V8 and Node.js that have no source as well: `::jsstack | ::jssource`.
//!
//! Functions of WebAssembly show as V8 writes them, with their number in the module and where in it they are, in bytes, and the name that
//! the module gives them if it does; in front stands their instance.
//!
//! A thread that waits for events is in no JavaScript: `$C` shows its native stack.

use std::io::Write;

use core_reader::{Stack, Thread};
use serde_json::json;
use v8_heap::objects::frame::{FrameValue, JavaScriptFrame, Tier};
use v8_heap::objects::local_names::RegisterName;
use v8_heap::{Heap, Tagged};

use crate::answers::javascript_stack::{javascript_stack, place_of, print_values, text_of};
use crate::context::Context;
use crate::dcmd::{
    AddressUse, Args, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each,
};
use crate::error::DcmdError;
use crate::output::{self, escape};
use crate::print::function::{script_name, subject};
use crate::print::{Printer, Style};
use crate::source_map::Maps;
use crate::stage::{Flow, Out};
use crate::value::{Item, Kind};

use super::jssource::Listing;

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
    3e889a9647c9 find (/tmp/v8mdb-stage/app/busy.js:18:19), approximate
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
    yields: Yields::Depends(yields),
    options: OPTIONS,
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("jsstack.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let wanted = Wanted::of(args)?;
        let all_threads = match args.text('t') {
            None => false,
            Some("all") => true,
            Some(other) => {
                return Err(DcmdError::usage(format!("-t takes 'all', not '{}'", escape(other))));
            }
        };
        Ok(for_each(move |context, item, out| {
            let heap = context.heap()?;
            if all_threads {
                return wanted.all_threads(context, heap, out);
            }
            let thread = context.thread_of(item)?;
            let stack = context.stack_of(thread, usize::MAX)?;
            let innermost = match wanted.print(context, heap, &stack, None, out)? {
                Shown::Enough => return Ok(()),
                Shown::Innermost(function) => function,
            };
            let watched = out.text().is_watched();
            if let Some(function) = innermost.filter(|_| watched && !wanted.json) {
                writeln!(out.text(), "next: {function}::jssource (its source)   $C (native functions)")?;
            }
            if innermost.is_none() && !wanted.json {
                wanted.tell_of_nothing(context, thread);
            }
            Ok(())
        }))
    },
};

/// What the frames of a stack can be asked for.
pub(super) const OPTIONS: &[Opt] = &[
    Opt::flag('a', "all functions, native ones too"),
    Opt::text('f', "name", "only functions with this name"),
    Opt::flag('j', "print one line of JSON for each function, as docs/json.md describes it"),
    Opt::flag('m', "print the places that the source maps of scripts give"),
    Opt::number('n', "lines", "print the line of the source, and so many around it; none if 0"),
    Opt::text('p', "property", "print only this: file, posn, this, arg0, ..."),
    Opt::flag('s', "print the line of the source that each function is at"),
    Opt::text('t', "threads", "all: every thread that is in JavaScript"),
    Opt::flag('v', "print this, arguments and variables of each call"),
];

/// What a stage behind gets.
pub(super) fn yields(args: &Args) -> Yields {
    match args.text('p') {
        Some("file" | "posn") => Yields::Text,
        _ if args.has('j') => Yields::Text,
        _ => Yields::Items(Kind::Value),
    }
}

/// One property of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Property {
    File,
    Position,
    This,
    Argument(usize),
}

impl Property {
    fn parse(text: &str) -> Result<Property, DcmdError> {
        let argument = || text.strip_prefix("arg")?.parse().ok().map(Property::Argument);
        match text {
            "file" => Ok(Property::File),
            "posn" => Ok(Property::Position),
            "this" => Ok(Property::This),
            _ => argument()
                .ok_or_else(|| DcmdError::failed(format!("unknown frame property '{}'", escape(text)))),
        }
    }
}

/// How far printing has come.
pub(super) enum Shown {
    /// The stage behind wants no more.
    Enough,
    /// All of it; the innermost function.
    Innermost(Option<Tagged>),
}

/// What is asked for.
pub(super) struct Wanted {
    all: bool,
    pub json: bool,
    verbose: bool,
    /// Lines around the one that a function is at.
    source: Option<usize>,
    name: Option<String>,
    property: Option<Property>,
    maps: Option<Maps>,
}

impl Wanted {
    pub fn of(args: &Args) -> Result<Wanted, DcmdError> {
        let around = args.number('n').map(|lines| usize::try_from(lines).unwrap_or(usize::MAX));
        Ok(Wanted {
            all: args.has('a'),
            json: args.has('j'),
            verbose: args.has('v'),
            source: match (args.has('s'), around) {
                (true, around) => Some(around.unwrap_or(0)),
                (false, Some(around)) if around > 0 => Some(around),
                _ => None,
            },
            name: args.text('f').map(str::to_owned),
            property: args.text('p').map(Property::parse).transpose()?,
            maps: args.has('m').then(Maps::default),
        })
    }

    fn tell_of_nothing(&self, context: &Context, thread: &Thread) {
        let id = thread.id;
        match &self.name {
            Some(name) => context.tell_of_nothing(&format_args!(
                "no function called '{}' is on the stack of thread {id:x}",
                escape(name)
            )),
            None => context.tell_of_nothing(&format_args!(
                "thread {id:x} is in no JavaScript function ($C shows its native stack)"
            )),
        }
    }

    fn all_threads(
        &self,
        context: &Context,
        heap: &Heap<'static>,
        out: &mut Out<'_>,
    ) -> Result<(), DcmdError> {
        let mut in_none = true;
        for thread in context.target()?.threads() {
            let stack = context.stack_of(thread, usize::MAX)?;
            let javascript = javascript_stack(heap, &stack);
            if !(0..stack.frames.len()).any(|index| javascript.function(index).is_some()) {
                continue;
            }
            in_none = false;
            if !out.is_pipe() && !self.json && self.property.is_none() {
                writeln!(out.text(), "thread {:x}:", thread.id)?;
            }
            if let Shown::Enough = self.print(context, heap, &stack, None, out)? {
                return Ok(());
            }
        }
        if in_none && !self.json {
            context.tell_of_nothing(&format_args!("no thread is in a JavaScript function"));
        }
        Ok(())
    }

    /// The functions of a stack, or of the one frame that has this frame pointer.
    pub fn print(
        &self,
        context: &Context,
        heap: &Heap<'static>,
        stack: &Stack,
        only: Option<u64>,
        out: &mut Out<'_>,
    ) -> Result<Shown, DcmdError> {
        let javascript = javascript_stack(heap, stack);
        let mut innermost = None;
        let chosen = self.name.is_some() || self.property.is_some();
        for (index, native) in stack.frames.iter().enumerate() {
            context.check_interrupt()?;
            let pointer = native.frame_pointer.map(|pointer| pointer.0);
            if only.is_some() && only != pointer {
                continue;
            }
            let frames = javascript.functions(index);
            if frames.is_empty() && self.all && !chosen && !self.json && !out.is_pipe() {
                let name = context.show_frame(native);
                writeln!(out.text(), "{:>16} {name}()", "")?;
            }
            for frame in &frames {
                if let Some(name) = &self.name {
                    let of_wasm = frame.wasm.as_ref().and_then(|wasm| wasm.name.clone());
                    let own = of_wasm.or_else(|| heap.frame_name(frame.site.as_ref()?));
                    if own.as_deref().unwrap_or("<anonymous>") != name {
                        continue;
                    }
                }
                if !matches!(frame.tier, Tier::Builtin | Tier::WebAssembly) {
                    innermost.get_or_insert(frame.function);
                }
                if self.frame(context, heap, frame, pointer, out)? == Flow::Enough {
                    return Ok(Shown::Enough);
                }
            }
        }
        Ok(Shown::Innermost(innermost))
    }

    fn frame(
        &self,
        context: &Context,
        heap: &Heap<'static>,
        frame: &JavaScriptFrame,
        pointer: Option<u64>,
        out: &mut Out<'_>,
    ) -> Result<Flow, DcmdError> {
        if let Some(property) = self.property {
            return property_of(context, heap, frame, property, out);
        }
        if out.is_pipe() {
            // Builtins have no source, nor anything else that a stage behind could want. WebAssembly has its instance.
            let is_wanted = self.all || !matches!(frame.tier, Tier::Builtin | Tier::WebAssembly);
            return if is_wanted { out.emit(Item::value(frame.function.0)) } else { Ok(Flow::Continue) };
        }
        if self.json {
            self.json_line(context, heap, frame, pointer, out)?;
            return Ok(Flow::Continue);
        }
        let text = self.mapped(context, heap, frame).unwrap_or_else(|| text_of(heap, frame));
        writeln!(out.text(), "{:>16x} {}", frame.function.0, escape(&text))?;
        if self.verbose {
            print_values(context, heap, frame, &mut *out.text())?;
        }
        if let Some(around) = self.source {
            source(context, heap, frame, around, out)?;
        }
        Ok(Flow::Continue)
    }

    /// `total (src/order.ts:12:5)`, if source maps are asked for and the script has one.
    fn mapped(&self, context: &Context, heap: &Heap<'static>, frame: &JavaScriptFrame) -> Option<String> {
        let maps = self.maps.as_ref()?;
        let site = frame.site.as_ref()?;
        let (script, position) = heap.frame_position(site)?;
        let original = maps.of_position(context, &script, position)?;
        let name = subject(heap, frame.function)
            .ok()
            .and_then(|found| maps.of_definition(context, &found.shared)?.name)
            .or_else(|| heap.frame_name(site));
        let new = if frame.is_constructor { "new " } else { "" };
        let place = format!("{}:{}:{}", original.file, original.line, original.column);
        let near = if frame.is_exact { "" } else { ", approximate" };
        Some(match name {
            Some(name) => format!("{new}{name} ({place}){near}"),
            None => format!("{place}{near}"),
        })
    }

    fn json_line(
        &self,
        context: &Context,
        heap: &Heap<'static>,
        frame: &JavaScriptFrame,
        pointer: Option<u64>,
        out: &mut Out<'_>,
    ) -> Result<(), DcmdError> {
        let mut line = json!({
            "function": format!("0x{:x}", frame.function.0),
            "frame": pointer.map(|pointer| format!("0x{pointer:x}")),
            "name": match &frame.wasm {
                Some(wasm) => wasm.name.clone(),
                None => frame.site.as_ref().and_then(|site| heap.frame_name(site)),
            },
            "wasmFunction": frame.wasm.as_ref().and_then(|wasm| wasm.index),
            "wasmOffset": frame.wasm.as_ref().and_then(|wasm| wasm.offset),
            "text": text_of(heap, frame),
            "exact": frame.is_exact,
            "tier": (frame.tier != Tier::Unknown).then(|| frame.tier.name()),
            "inlined": frame.is_inlined,
            "constructor": frame.is_constructor,
            "file": null,
            "line": null,
            "column": null,
            "original": self.mapped(context, heap, frame),
        });
        if let Some((script, position)) = frame.site.as_ref().and_then(|site| heap.frame_position(site)) {
            line["file"] = json!(script_name(heap, &script));
            if let Some(place) = heap.script_location(&script, position) {
                (line["line"], line["column"]) = (json!(place.line), json!(place.column));
            }
        }
        let line = output::json(&line);
        let mut text = out.text();
        if !self.verbose {
            return Ok(writeln!(text, "{line}")?);
        }
        // What values are follows as their printer writes it.
        write!(text, "{},\"this\":", line.strip_suffix('}').unwrap_or(&line))?;
        json_value(context, heap, &frame.receiver, &mut *text)?;
        write!(text, ",\"passed\":{}", frame.passed.map_or("null".to_owned(), |passed| passed.to_string()))?;
        let names = frame.registers.is_some().then(|| {
            let with_value = |name: RegisterName| name.has_value.then_some(name.name);
            heap.register_names(frame).into_iter().map(|name| with_value(name?)).collect::<Vec<_>>()
        });
        write!(text, ",\"registerNames\":{}", json!(names))?;
        for (name, values) in [("arguments", Some(&frame.arguments)), ("registers", frame.registers.as_ref())]
        {
            let Some(values) = values else {
                write!(text, ",\"{name}\":null")?;
                continue;
            };
            write!(text, ",\"{name}\":[")?;
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    write!(text, ",")?;
                }
                json_value(context, heap, value, &mut *text)?;
            }
            write!(text, "]")?;
        }
        Ok(writeln!(text, "}}")?)
    }
}

/// A value of a call as JSON; null if it is not known.
fn json_value(
    context: &Context,
    heap: &Heap<'static>,
    value: &FrameValue,
    out: &mut dyn Write,
) -> Result<(), DcmdError> {
    let check = || context.check_interrupt();
    let style = Style { depth: 1, ..Style::default() };
    match place_of(value) {
        Ok(place) => Printer::new(heap, style, out, &check).print_json(&place),
        Err(_) => Ok(write!(out, "null")?),
    }
}

/// Prints one property, or hands it on.
fn property_of(
    context: &Context,
    heap: &Heap<'static>,
    frame: &JavaScriptFrame,
    property: Property,
    out: &mut Out<'_>,
) -> Result<Flow, DcmdError> {
    let position = frame.site.as_ref().and_then(|site| heap.frame_position(site));
    let value = match property {
        Property::File => {
            let name =
                position.map_or_else(|| "<unknown>".to_owned(), |(script, _)| script_name(heap, &script));
            writeln!(out.text(), "{}", escape(&name))?;
            return Ok(Flow::Continue);
        }
        Property::Position => {
            let place = position.and_then(|(script, position)| heap.script_location(&script, position));
            match place {
                Some(place) => writeln!(out.text(), "line {} column {}", place.line, place.column)?,
                None => writeln!(out.text(), "unknown position")?,
            }
            return Ok(Flow::Continue);
        }
        Property::This => Some(&frame.receiver),
        Property::Argument(index) => frame.arguments.get(index),
    };
    let item = match value {
        Some(FrameValue::Value(value)) => Item::value(value.0),
        Some(FrameValue::Number(number)) => Item::double(*number),
        other => {
            let why = other
                .map_or("it was not passed", |value| place_of(value).err().unwrap_or("no word holds it"));
            context.warn(&format_args!("{} left out: {why}", escape(&text_of(heap, frame))));
            return Ok(Flow::Continue);
        }
    };
    if out.is_pipe() {
        return out.emit(item);
    }
    match value.map(place_of) {
        Some(Ok(crate::print::Place::Number(number))) => writeln!(out.text(), "{number}")?,
        _ => writeln!(out.text(), "{item}")?,
    }
    Ok(Flow::Continue)
}

/// The line of the source that a function is at, with those around it.
fn source(
    context: &Context,
    heap: &Heap<'static>,
    frame: &JavaScriptFrame,
    around: usize,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let Some((script, position)) = frame.site.as_ref().and_then(|site| heap.frame_position(site)) else {
        return Ok(());
    };
    let Ok(lines) = heap.script_lines(&script) else { return Ok(()) };
    let Some((own, _)) = lines.place(position) else { return Ok(()) };
    let own = own as usize;
    let until = own.saturating_add(around).saturating_add(1).min(lines.count());
    for line in own.saturating_sub(around)..until {
        let range = (line == own).then_some((position, position.saturating_add(1)));
        Listing::of_text().line(context, &script, &lines, line, range, out)?;
    }
    Ok(())
}
