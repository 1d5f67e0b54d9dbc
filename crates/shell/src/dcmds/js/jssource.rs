//! `::jssource`: print the source of a function, or of a whole script.
//!
//! Prints the lines of a function with their numbers, and five lines before and behind it, or as many as `-n` says. On a
//! terminal the function's own lines are bold. The source comes from the core itself: so it is the one that ran, whatever
//! has become of the file since, and Node.js's own modules and code made by `eval` and `new Function` have theirs.
//!
//! A function is given by any of its closures or by its `SharedFunctionInfo`; of a class, the whole class is printed. Any other object
//! stands for its class, a suspended function or generator for the function that was called. Of lines
//! too long to read, as in minified scripts, only what is near the function is shown, between `[...]`.
//!
//! Of a script (see `::jsscripts`), all lines are printed, or with `-n` as many from the first on. `-r` prints the exact text
//! of the function or script and nothing else, so that a file which is lost can be had back from the core:
//! `::jsscripts -s lib/http.js | ::jssource -r ! cat > http.js`.
//!
//! `-m` prints the lines that the function comes from in the source that its script was built from, by the script's source map:
//! a `data:` URL, or a file. The text of that source is the one in the map, or else in its file as it is today. Files are read below
//! `--sysroot DIR` and `--sources DIR` only, at their path below it or by their bare name, or where the script says if that is
//! below it: what a core says opens nothing else.

use std::io::Write;

use serde_json::json;
use v8_heap::layout::Kind as HeapKind;
use v8_heap::objects::script::{Lines, Script};
use v8_heap::objects::value::Value;
use v8_heap::{Heap, Tagged};

use crate::context::Context;
use crate::dcmd::{
    AddressUse, Args, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each_item,
};
use crate::error::DcmdError;
use crate::output::escape;
use crate::print::function::{Subject, script_name, subject};
use crate::source_map::Maps;
use crate::stage::Out;
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "1950f7e24b79::jssource -n 1",
        r#"
file: /tmp/v8mdb-stage/app/leak.js
   64
   65   close(id) {
   66     this.emit('closed', id);                      // and the connection stays in bySession: the leak
   67   }
   68 }
"#,
    ),
    Example::on(
        "leak-24",
        "15cb4477d409::jssource -n 0",
        r#"
file: /tmp/v8mdb-stage/app/leak.js
   38     this.resume = () => this.pending.length + request.id;
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jssource",
    aliases: &[],
    summary: "print the source of a function or script",
    family: Family::JavaScript,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Text,
    options: &[
        Opt::number('n', "lines", "lines to print around the function; 5 if not said"),
        Opt::flag('r', "print the exact text and nothing else"),
        Opt::flag('m', "print the source that the script was built from, by its source map"),
        Opt::JSON,
    ],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("jssource.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let wanted = Wanted::of(args);
        Ok(for_each_item(move |context, item, out| wanted.answer(context, item, out)))
    },
};

/// Lines around a function if nothing is said.
const AROUND: usize = 5;
/// Longer lines are cut where they are not the function's own, in code units.
const LONG_LINE: usize = 400;
/// Code units that are kept of a long line beside a function.
const BESIDE: usize = 80;
/// Code units of a source that are held at a time.
const PIECE: u32 = 1 << 20;

struct Wanted {
    around: Option<usize>,
    raw: bool,
    json: bool,
    maps: Option<Maps>,
}

impl Wanted {
    fn of(args: &Args) -> Wanted {
        Wanted {
            around: args.number('n').map(|lines| usize::try_from(lines).unwrap_or(usize::MAX)),
            raw: args.has('r') && !args.has('j'),
            json: args.has('j'),
            maps: args.has('m').then(Maps::default),
        }
    }

    fn answer(&self, context: &Context, item: Item, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let heap = context.heap()?;
        let value = Tagged(item.word);
        if let Ok(Value::Internal(object)) = heap.value(value)
            && object.kind() == HeapKind::Script
        {
            return self.script(context, &heap.script(value)?, out);
        }
        let found = subject(heap, function_of(heap, value))?;
        if let Some(maps) = &self.maps {
            return self.original(context, maps, &found, out);
        }
        let script = match found.shared.script {
            Some(script) => heap.script(script)?,
            None => return Err(failed(value, "failed to find script for function")),
        };
        let Some((start, end)) = text_range(heap, &found)? else {
            return Err(failed(value, "where the function is in its script is not known"));
        };
        if self.raw {
            return raw(context, &script, (start, end), out);
        }
        let listing = Listing::begin(self.json, script_name(heap, &script), out)?;
        let lines = heap.script_lines(&script)?;
        let line_of = |position: u32| lines.place(position).map(|(line, _)| line as usize);
        let Some((first, last)) = line_of(start).zip(line_of(end.saturating_sub(1).max(start))) else {
            return Err(failed(value, "it lies outside of its script"));
        };
        let around = self.around.unwrap_or(AROUND);
        let until = last.saturating_add(around).saturating_add(1).min(lines.count());
        for line in first.saturating_sub(around)..until {
            let own = (first..=last).contains(&line).then_some((start, end));
            listing.line(context, &script, &lines, line, own, out)?;
        }
        Ok(())
    }

    /// A whole script.
    fn script(&self, context: &Context, script: &Script<'_>, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let heap = context.heap()?;
        if self.maps.is_some() {
            return Err(failed(script.object.value(), "-m is for functions: a script may have many sources"));
        }
        if self.raw {
            return raw(context, script, (0, u32::MAX), out);
        }
        let listing = Listing::begin(self.json, script_name(heap, script), out)?;
        let lines = heap.script_lines(script)?;
        let count = match lines.range(lines.count().wrapping_sub(1)) {
            // Behind the last terminator there is nothing to show.
            Some((start, end)) if start == end => lines.count() - 1,
            _ => lines.count(),
        };
        for line in 0..count.min(self.around.unwrap_or(usize::MAX)) {
            listing.line(context, script, &lines, line, Some((0, u32::MAX)), out)?;
        }
        Ok(())
    }

    /// The source that the script was built from.
    fn original(
        &self,
        context: &Context,
        maps: &Maps,
        found: &Subject<'_>,
        out: &mut Out<'_>,
    ) -> Result<(), DcmdError> {
        let value = found.function.map_or(found.shared.object, |function| function).value();
        let source = maps.source_of(context, &found.shared).map_err(|reason| failed(value, &reason))?;
        let (first, last) = (source.lines.0 as usize, source.lines.1 as usize);
        let around = if self.raw { 0 } else { self.around.unwrap_or(AROUND) };
        let listing = match self.raw {
            true => None,
            false => Some(Listing::begin(self.json, source.file.clone(), out)?),
        };
        let mut printed = false;
        for (index, line) in source.text.lines().enumerate() {
            context.check_interrupt()?;
            let number = index + 1;
            if number < first.saturating_sub(around) || number > last.saturating_add(around) {
                continue;
            }
            printed |= number >= first;
            match &listing {
                None => write_exactly(&format!("{line}\n"), out)?,
                Some(listing) => {
                    listing.numbered(context, number as u64, line, (first..=last).contains(&number), out)?;
                }
            }
        }
        if printed {
            return Ok(());
        }
        Err(failed(value, &format!("{} has no line {first}", escape(&source.file))))
    }
}

fn failed(value: Tagged, reason: &str) -> DcmdError {
    DcmdError::failed(format!("{value}: {reason}"))
}

/// The code units of a function in its script; of a class whose constructor is at hand, those of the class.
fn text_range(heap: &Heap<'_>, found: &Subject<'_>) -> Result<Option<(u32, u32)>, DcmdError> {
    match found.function {
        Some(function) => Ok(heap.function_text_range(function)?),
        None => Ok(heap.shared_range(&found.shared)?.map(|range| (range.definition, range.end))),
    }
}

/// Text, exactly as it is; escaped only for somebody who watches.
fn write_exactly(text: &str, out: &mut Out<'_>) -> Result<(), DcmdError> {
    if !out.text().is_watched() {
        return Ok(out.text().write_all(text.as_bytes())?);
    }
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        write!(out.text(), "{}{end}", printable(line))?;
    }
    Ok(())
}

/// The exact text of a range of a script.
fn raw(
    context: &Context,
    script: &Script<'_>,
    (start, end): (u32, u32),
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let heap = context.heap()?;
    let mut lost = 0_usize;
    let mut next = start;
    while next < end {
        context.check_interrupt()?;
        let mut units = heap.script_text(script, next, end.min(next.saturating_add(PIECE)))?;
        // A surrogate pair stays in one piece.
        if units.len() == PIECE as usize && units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit)) {
            units.pop();
        }
        if units.is_empty() {
            break;
        }
        next = next.saturating_add(units.len() as u32);
        let characters = char::decode_utf16(units).map(|unit| {
            unit.unwrap_or_else(|_| {
                lost += 1;
                char::REPLACEMENT_CHARACTER
            })
        });
        let text: String = characters.collect();
        write_exactly(&text, out)?;
    }
    if lost > 0 {
        context.warn(&format_args!(
            "warning: {lost} surrogates without a partner have no UTF-8, and are written as U+FFFD"
        ));
    }
    Ok(())
}

/// Escaped, but for tabs.
fn printable(line: &str) -> String {
    line.split('\t').map(|part| escape(part).into_owned()).collect::<Vec<_>>().join("\t")
}

/// Lines of one file.
pub(super) struct Listing {
    json: bool,
    file: String,
}

impl Listing {
    /// Lines as text, of a file that needs not be named.
    pub(super) fn of_text() -> Listing {
        Listing { json: false, file: String::new() }
    }

    /// Names the file, as text does once for all lines.
    fn begin(json: bool, file: String, out: &mut Out<'_>) -> Result<Listing, DcmdError> {
        if !json {
            writeln!(out.text(), "file: {}", escape(&file))?;
        }
        Ok(Listing { json, file })
    }

    /// A line of a script; `own` is the range whose text in it is never cut.
    pub(super) fn line(
        &self,
        context: &Context,
        script: &Script<'_>,
        lines: &Lines,
        line: usize,
        own: Option<(u32, u32)>,
        out: &mut Out<'_>,
    ) -> Result<(), DcmdError> {
        context.check_interrupt()?;
        let heap = context.heap()?;
        let Some((start, end)) = lines.range(line) else { return Ok(()) };
        let (mut from, mut to) = (start, end);
        if (end - start) as usize > LONG_LINE {
            match own {
                None => to = start + LONG_LINE as u32,
                Some((first, last)) => {
                    from = from.max(first.saturating_sub(BESIDE as u32));
                    to = to.min(last.saturating_add(BESIDE as u32)).max(from);
                }
            }
        }
        let units = heap.script_text(script, from, to)?;
        let text = String::from_utf16_lossy(&units);
        let text = text.trim_end_matches(['\n', '\r', '\u{2028}', '\u{2029}']);
        let cut = |is_cut: bool| if is_cut { "[...]" } else { "" };
        let shown = format!("{}{text}{}", cut(from > start), cut(to < end));
        let number = u64::try_from(line as i64 + 1 + i64::from(script.line_offset)).unwrap_or(0);
        self.numbered(context, number, &shown, own.is_some_and(|(_, last)| last < u32::MAX), out)
    }

    /// `  210 function parseHeader(line) {`; `own` lines are the function's.
    fn numbered(
        &self,
        context: &Context,
        number: u64,
        text: &str,
        own: bool,
        out: &mut Out<'_>,
    ) -> Result<(), DcmdError> {
        if self.json {
            return out.json(&json!({ "file": self.file, "line": number, "text": text, "own": own }));
        }
        let text = printable(text);
        let line = if text.is_empty() { format!("{number:>5}") } else { format!("{number:>5} {text}") };
        let mut sink = out.text();
        if own {
            return Ok(writeln!(sink, "{}", context.colours.bold(line))?);
        }
        Ok(writeln!(sink, "{line}")?)
    }
}

/// The function that an object stands for: its class, or what was called to make a generator; else the object itself.
fn function_of(heap: &Heap<'_>, value: Tagged) -> Tagged {
    let Ok(Value::Object(object)) = heap.value(value) else { return value };
    let function = match object.kind() {
        HeapKind::JsFunction => None,
        HeapKind::JsGenerator => heap.generator(object).ok().map(|generator| generator.function),
        _ => heap.constructor_function(object),
    };
    function.unwrap_or(value)
}
