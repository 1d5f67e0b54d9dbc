//! `::jsstrings`: find strings by what they say, by length, or by how often they are there.
//!
//! Without options: how many strings of each representation the heap has, garbage included, and how many bytes they take in it
//! and outside.
//!
//! With a condition, or `-s`: one line for each string that meets all conditions, with its address, its length in characters
//! (UTF-16 code units), the bytes that it takes in the heap and outside, and the first characters. `-p text` wants that text in it;
//! `-r regex` wants the text to match a regular expression (the syntax of the Rust crate `regex`; Latin-1 and UTF-16 are one to it,
//! surrogates without a partner are U+FFFD). `-l n` and `-L n` are the least and the greatest length; as all numbers, hexadecimal
//! unless they begin with `0t`. `-e` wants the characters outside the heap. `-s` puts the largest last, otherwise they come in the
//! order of addresses.
//!
//! `-d` lists texts that are there more than once, what wastes most last: how many bytes would be saved if there was one copy (the
//! smallest), how many copies there are, one of them, and the text. Ropes and slices have no characters of their own and are no
//! copies; strings of one and of two bytes a character that say the same are. The other conditions choose the strings first.
//!
//! `-w` lists the living strings that only slices of them keep alive, what wastes most last: the bytes of them that no slice shows, how
//! many slices there are, the length of the string, the string, one of the slices, and what that says. A slice of thirteen characters or
//! more refers to the string that it was cut from; a copy (`(' ' + slice).slice(1)`, or by a Buffer) does not.
//!
//! In a pipe the strings are handed on; with `-d` all copies, with `-w` all slices. `-j` prints one JSON object for each string, text or
//! representation.
//!
//! # Limits
//!
//! Of a heap snapshot the first 1024 characters of each string are known, which is what V8 writes of it unless it is told otherwise; `-d`
//! takes two that are longer for the same if they begin alike and take as much room.
//!
//! Ropes can share their parts, and say far more than they take. Each part is searched once, but of slices and of ropes no more than
//! 4 GB are searched altogether, and none of more than 67 million characters. A regular expression looks at each rope anew, at 1 GB of
//! them. What was left out is said.

use std::io::Write;

use regex::Regex;
use serde_json::json;
use v8_heap::questions::{Duplicate, SlicedParent, StringEntry, StringQuery, Strings, string_totals};
use v8_heap::{Heap, Tagged};

use crate::context::Context;
use crate::dcmd::{
    AddressUse, Args, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each,
};
use crate::error::DcmdError;
use crate::of_snapshot;
use crate::output::{self, Column, Table};
use crate::print::{Place, Printer, Style};
use crate::stage::{Flow, Out};
use crate::value::{Item, Kind};

/// What it says, on files that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "memory-24",
        "::jsstrings",
        r#"
STRINGS                      COUNT      IN HEAP      OUTSIDE
sequential, one byte          3215       365880            0
sequential, two bytes           53         3800            0
...
total                        15006       784632      5273478
"#,
    ),
    Example::on(
        "memory-24",
        "::jsstrings -r '^customer-04' | ::count",
        r#"
v8mdb: 128 strings could not be read in full
100
"#,
    ),
    Example::on(
        "memory-24",
        "::jsstrings -d -p copies",
        r#"
v8mdb: 128 strings could not be read in full
     WASTED     COPIES     LENGTH           STRING TEXT
       3600         51         27      38b344f1561 "fifty copies of a snowman ☃"
       4800        101         31      38b344f1511 "one hundred copies of this text"
"#,
    ),
    Example::on_snapshot(
        "sessions-24",
        "::jsstrings -p 'opened as 297'",
        r#"
          STRING   LENGTH      BYTES TEXT
          @70919       28         32 "opened as 297 中 \"quoted\" \\  "
          @93587       13         32 "opened as 297"
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsstrings",
    aliases: &[],
    summary: "find strings by what they say, by length, or by how often they are there",
    family: Family::JavaScript,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Items(Kind::Value),
    options: &[
        Opt::text('p', "text", "only strings with this text in them").filter(),
        Opt::text('r', "regex", "only strings that match this regular expression").filter(),
        Opt::number('l', "length", "only strings of at least this many characters").filter(),
        Opt::number('L', "length", "only strings of at most this many characters").filter(),
        Opt::flag('e', "only strings whose characters are outside the heap").filter(),
        Opt::flag('d', "list texts that are there more than once").filter(),
        Opt::flag('w', "list strings that only slices keep alive, by what is wasted").filter(),
        Opt::flag('s', "list strings, the largest last"),
        Opt::flag('j', "print JSON objects, one a line"),
    ],
    operands: Operands::NONE,
    needs: &[Capability::Graph],
    manual: include_str!("jsstrings.rs"),
    examples: EXAMPLES,
    start: |context, args| {
        let wanted = Wanted::of(args)?;
        if context.snapshot().is_some() {
            let asked = wanted.of_snapshot(args.text('p').map(str::to_owned))?;
            return Ok(for_each(move |context, _, out| of_snapshot::strings(context, &asked, out)));
        }
        Ok(for_each(move |context, _, out| wanted.run(context, out)))
    },
};

/// Characters of a string that a list shows.
const SHOWN: usize = 80;

/// What the options ask for.
struct Wanted {
    text: Option<Vec<u16>>,
    regex: Option<Regex>,
    least: u32,
    most: Option<u32>,
    external: bool,
    duplicates: bool,
    wasted: bool,
    by_size: bool,
    json: bool,
    /// Strings one by one, not totals.
    list: bool,
}

impl Wanted {
    fn of(args: &Args) -> Result<Wanted, DcmdError> {
        let regex = args.text('r').map(Regex::new).transpose().map_err(|error| {
            DcmdError::usage(format!("invalid option for -r: {}", crate::output::escape(&error.to_string())))
        })?;
        // Longer than any string is as good as never.
        let length = |letter| args.number(letter).map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        let chooses = ['p', 'r'].iter().any(|o| args.text(*o).is_some())
            || ['l', 'L'].iter().any(|o| args.number(*o).is_some())
            || ['d', 'e', 's'].iter().any(|o| args.has(*o));
        if args.has('w') && chooses {
            return Err(DcmdError::usage("-w goes with no other option but -j"));
        }
        Ok(Wanted {
            text: args.text('p').map(|text| text.encode_utf16().collect()),
            regex,
            least: length('l').unwrap_or(0),
            most: length('L'),
            external: args.has('e'),
            duplicates: args.has('d'),
            wasted: args.has('w'),
            by_size: args.has('s'),
            json: args.has('j'),
            list: args.has('s')
                || args.has('e')
                || ['p', 'r'].iter().any(|o| args.text(*o).is_some())
                || ['l', 'L'].iter().any(|o| args.number(*o).is_some()),
        })
    }

    /// The same question to a heap snapshot, for strings that contain `text`.
    ///
    /// # Errors
    /// It cannot answer that.
    fn of_snapshot(self, text: Option<String>) -> Result<of_snapshot::AskedOfStrings, DcmdError> {
        if self.wasted || self.external {
            return Err(DcmdError::abort(
                "a heap snapshot tells neither whose characters are outside of the heap nor which part of a string a slice shows",
            ));
        }
        Ok(of_snapshot::AskedOfStrings {
            text,
            regex: self.regex,
            least: u64::from(self.least),
            most: self.most.map(u64::from),
            duplicates: self.duplicates,
            by_size: self.by_size,
            json: self.json,
            list: self.list,
        })
    }

    fn run(&self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        if self.wasted {
            return self.wasted(context, out);
        }
        let heap = context.heap()?;
        let is_match = self.regex.as_ref().map(|regex| move |text: &str| regex.is_match(text));
        let query = StringQuery {
            containing: self.text.clone(),
            matching: is_match.as_ref().map(|is_match| is_match as &(dyn Fn(&str) -> bool + Sync)),
            least: self.least,
            most: self.most,
            external: self.external,
        };
        let mut strings = heap.strings(&query, &context.progress())?;
        if strings.unsearched > 0 {
            context.warn(&format!(
                "{} ropes and slices were not searched: together they are too long",
                strings.unsearched
            ));
        }
        if strings.unreadable > 0 {
            context.warn(&format!("{} strings could not be read in full", strings.unreadable));
        }
        if self.by_size {
            strings.entries.sort_by_key(|entry| (entry.total(), entry.value));
        }
        if self.duplicates {
            let duplicates = heap.duplicate_strings(&strings.entries, &context.progress())?;
            return self.duplicates(context, &duplicates, out);
        }
        if out.is_pipe() {
            out.emit_all(strings.entries.iter().map(|entry| Item::value(entry.value.0)))?;
            return Ok(());
        }
        if self.list { self.entries(context, &strings, out) } else { self.totals(context, &strings, out) }
    }

    fn totals(&self, context: &Context, strings: &Strings, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let totals = string_totals(&strings.entries);
        if self.json {
            for (representation, count, inside, outside) in totals {
                let line = json!({
                    "representation": representation.name(),
                    "count": count,
                    "in_heap": inside,
                    "outside": outside,
                });
                writeln!(out.text(), "{}", output::json(&line))?;
            }
            return Ok(());
        }
        let mut text = out.text();
        TOTALS.heading(context.colours, &mut text)?;
        let mut all = (0u64, 0u64, 0u64);
        for (representation, count, inside, outside) in totals {
            all = (all.0 + count, all.1.saturating_add(inside), all.2.saturating_add(outside));
            TOTALS.row(&[&representation.name(), &count, &inside, &outside], &mut text)?;
        }
        Ok(TOTALS.row(&[&"total", &all.0, &all.1, &all.2], &mut text)?)
    }

    fn entries(&self, context: &Context, strings: &Strings, out: &mut Out<'_>) -> Result<(), DcmdError> {
        if !self.json {
            LIST.heading(context.colours, &mut out.text())?;
        }
        for entry in &strings.entries {
            context.check_interrupt()?;
            let StringEntry { value, length, representation, .. } = *entry;
            let (inside, outside) = entry.bytes();
            if self.json {
                let line = json!({
                    "string": format!("{value:?}"),
                    "length": length,
                    "representation": representation.name(),
                    "in_heap": inside,
                    "outside": outside,
                    "text": start_of(context.heap()?, value),
                });
                writeln!(out.text(), "{}", output::json(&line))?;
            } else {
                let shown = shown(context, value)?;
                LIST.row(&[&value.to_string(), &length, &(inside + outside), &shown], &mut out.text())?;
            }
            if out.has_enough() {
                break;
            }
        }
        Ok(())
    }

    /// What only slices keep alive.
    fn wasted(&self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let heap = context.heap()?;
        let mut found = heap.sliced_parents(&context.progress())?;
        found.reverse();
        if out.is_pipe() {
            for slice in found.iter().flat_map(|parent| &parent.slices) {
                if out.emit(Item::value(slice.0))? == Flow::Enough {
                    break;
                }
            }
            return Ok(());
        }
        if found.is_empty() {
            if !self.json {
                context.tell_of_nothing(&"no living string is kept by slices alone");
            }
            return Ok(());
        }
        if !self.json {
            WASTED.heading(context.colours, &mut out.text())?;
        }
        for SlicedParent { parent, slices, length, wasted } in &found {
            context.check_interrupt()?;
            let Some(slice) = slices.first().copied() else { continue };
            if self.json {
                let line = json!({
                    "string": format!("{parent:?}"),
                    "slices": slices.len(),
                    "slice": format!("{slice:?}"),
                    "length": length,
                    "wasted": wasted,
                    "text": start_of(heap, slice),
                });
                writeln!(out.text(), "{}", output::json(&line))?;
            } else {
                let cells: [&dyn std::fmt::Display; 6] = [
                    wasted,
                    &slices.len(),
                    length,
                    &parent.to_string(),
                    &slice.to_string(),
                    &shown(context, slice)?,
                ];
                WASTED.row(&cells, &mut out.text())?;
            }
        }
        Ok(())
    }

    fn duplicates(&self, context: &Context, found: &[Duplicate], out: &mut Out<'_>) -> Result<(), DcmdError> {
        if out.is_pipe() {
            for copy in found.iter().flat_map(|same| &same.copies) {
                if out.emit(Item::value(copy.0))? == Flow::Enough {
                    break;
                }
            }
            return Ok(());
        }
        if !self.json {
            DUPLICATES.heading(context.colours, &mut out.text())?;
        }
        for same in found {
            context.check_interrupt()?;
            let Duplicate { copies, length, wasted } = same;
            let first = copies[0];
            if self.json {
                let line = json!({
                    "string": format!("{first:?}"),
                    "copies": copies.len(),
                    "length": length,
                    "wasted": wasted,
                    "text": start_of(context.heap()?, first),
                });
                writeln!(out.text(), "{}", output::json(&line))?;
            } else {
                let cells: [&dyn std::fmt::Display; 5] =
                    [wasted, &copies.len(), length, &first.to_string(), &shown(context, first)?];
                DUPLICATES.row(&cells, &mut out.text())?;
            }
        }
        Ok(())
    }
}

static TOTALS: Table = Table::new(&[
    Column::left("STRINGS", 24),
    Column::right("COUNT", 9),
    Column::right("IN HEAP", 12),
    Column::right("OUTSIDE", 12),
]);

static LIST: Table = Table::new(&[
    Column::right("ADDRESS", 16),
    Column::right("LENGTH", 10),
    Column::right("BYTES", 10),
    Column::left("STRING", 0),
]);

static DUPLICATES: Table = Table::new(&[
    Column::right("WASTED", 11),
    Column::right("COPIES", 10),
    Column::right("LENGTH", 10),
    Column::right("STRING", 16),
    Column::left("TEXT", 0),
]);

static WASTED: Table = Table::new(&[
    Column::right("WASTED", 11),
    Column::right("SLICES", 10),
    Column::right("LENGTH", 10),
    Column::right("STRING", 16),
    Column::right("SLICE", 16),
    Column::left("SAYS", 0),
]);

/// The first characters, in quotes.
fn shown(context: &Context, string: Tagged) -> Result<String, DcmdError> {
    let check = || context.check_interrupt();
    let style = Style { depth: 0, longest_string: SHOWN, ..Style::default() };
    let mut bytes = Vec::new();
    Printer::new(context.heap()?, style, &mut bytes, &check).print(&Place::Value(string))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The first characters, for programs.
fn start_of(heap: &Heap<'_>, string: Tagged) -> Option<String> {
    Some(heap.string(string, SHOWN).ok()?.to_text())
}
