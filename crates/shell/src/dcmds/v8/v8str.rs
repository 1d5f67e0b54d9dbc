//! `::v8str`: print a string, or how it is stored.
//!
//! In quotes, escaped as in JSON. `-N n` cuts it behind n characters, with `[...]` in place of the rest. `-r` prints it as it is,
//! without quotes; on a terminal what could steer that is escaped all the same.
//!
//! `-v` says in front how the string is stored: the characters follow its header (`SeqOneByteString`, `SeqTwoByteString`), are two
//! other strings (`ConsString`, a rope), part of another (`SlicedString`), another (`ThinString`), or outside the heap
//! (`ExternalOneByteString`, `ExternalTwoByteString`), where an object of the program that embeds V8 owns them.

use std::io::Write;

use v8_heap::objects::string::StringStorage;
use v8_heap::{Heap, Tagged};

use crate::context::Context;
use crate::dcmd::{
    AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each_item,
};
use crate::error::DcmdError;
use crate::output::is_safe;
use crate::print::{Place, Printer, Style};
use crate::stage::Out;
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "12fd195c8c99::v8str",
        r#"
"/v1/images/12?size=160"
"#,
    ),
    Example::on(
        "leak-24",
        "12fd195c8c99::v8str -v",
        r#"
str 12fd195c8c99: length 22, ConsString
    first: 12fd195d1ff9 (ConsString, length 19)
    second: 1950f7e3ecb1 (SeqOneByteString, length 3)
"/v1/images/12?size=160"
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "v8str",
    aliases: &[],
    summary: "print a string, or how it is stored",
    family: Family::V8,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Text,
    options: &[
        Opt::flag('v', "say how it is stored"),
        Opt::flag('r', "print it as it is, without quotes"),
        Opt::number('N', "length", "cut it behind this many characters"),
    ],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("v8str.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let (verbose, raw) = (args.has('v'), args.has('r'));
        let limit = args.number('N').map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(for_each_item(move |context, item, out| {
            if verbose {
                describe(context.heap()?, Tagged(item.word), out)?;
            }
            if raw { as_it_is(context, item, limit, out) } else { quoted(context, item, limit, out) }
        }))
    },
};

fn describe(heap: &Heap<'_>, string: Tagged, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let length = heap.string_length(string)?;
    let storage = heap.string_storage(string)?;
    let part = |part: Tagged| match heap.string_length(part) {
        Ok(length) => format!("{part} ({}, length {length})", heap.class_name(part)),
        Err(_) => format!("{part} ({})", heap.class_name(part)),
    };
    let mut text = out.text();
    writeln!(text, "str {string}: length {length}, {}", heap.class_name(string))?;
    match storage {
        StringStorage::Sequential { data, .. } => writeln!(text, "    characters: at {data:x}")?,
        StringStorage::Cons { first, second } => {
            writeln!(text, "    first: {}\n    second: {}", part(first), part(second))?;
        }
        StringStorage::Sliced { parent, offset } => {
            writeln!(text, "    parent: {}, from {offset} on", part(parent))?;
        }
        StringStorage::Thin { actual } => writeln!(text, "    stands for: {}", part(actual))?,
        StringStorage::External { one_byte, resource, data } => {
            let bytes = u64::from(length) * if one_byte { 1 } else { 2 };
            writeln!(text, "    resource: {resource:x}, {bytes} bytes at {data:x}")?;
        }
    }
    Ok(())
}

fn quoted(context: &Context, item: Item, limit: usize, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let heap = context.heap()?;
    heap.string_length(Tagged(item.word))?;
    let check = || context.check_interrupt();
    let style = Style { depth: 0, longest_string: limit, ..Style::default() };
    let mut text = out.text();
    let mut printer = Printer::new(heap, style, &mut *text, &check);
    printer.print(&Place::Value(Tagged(item.word)))?;
    let faults = printer.faults();
    writeln!(text)?;
    if faults > 0 {
        Err(DcmdError::failed(format!("{item:x}: part of the string could not be read", item = item.word)))
    } else {
        Ok(())
    }
}

fn as_it_is(context: &Context, item: Item, limit: usize, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let string = context.heap()?.string(Tagged(item.word), limit)?;
    let mut text = out.text();
    let watched = text.is_watched();
    let mut shown = String::with_capacity(string.units.len());
    for character in string.chars() {
        match character.unwrap_or(char::REPLACEMENT_CHARACTER) {
            c if !watched || is_safe(c) || c == '\n' || c == '\t' => shown.push(c),
            c => shown.push_str(&crate::output::escape_char(c)),
        }
    }
    writeln!(text, "{shown}{}", if string.is_cut() { "[...]" } else { "" })?;
    Ok(())
}
