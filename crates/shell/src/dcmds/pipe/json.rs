//! `::json`: print the values of a pipe as lines of JSON.
//!
//! One line for each, by what it is: a JavaScript value as `::jsprint -j` prints it, two levels deep or as `-d` says; an address
//! with its symbol; a thread with its id and where it is; a number as it is. `docs/json.md` is the schema.

use std::io::Write;

use serde_json::{Map, Value as Json, json};
use v8_heap::Tagged;

use crate::context::Context;
use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each_item};
use crate::error::DcmdError;
use crate::of_snapshot;
use crate::output;
use crate::print::{Place, Printer, Style};
use crate::stage::Out;
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "::echo 10 | ::json",
        r#"
{"type":"number","value":"0x10"}
"#,
    ),
    Example::on(
        "leak-24",
        "::walk thread | ::head -1 | ::json",
        r#"
{"type":"thread","id":12295,"address":"0x7ff64bf1f829","symbol":"libc.so.6`syscall+0x19"}
"#,
    ),
    Example::on(
        "leak-24",
        "12fd195c4fb9::walk jsprop | ::tail -2 | ::json -d 1",
        r#"
2.25
{"type":"object","address":"0x1950f7e1b411","class":"JSFunction","constructor":"Function","text":"function <anonymous> (as UpstreamConnection.resume)","properties":{}}
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "json",
    aliases: &[],
    summary: "print the values of a pipe as lines of JSON",
    family: Family::Pipes,
    address: AddressUse::Required,
    takes: Takes::Anything,
    yields: Yields::Text,
    options: &[Opt::number('d', "depth", "levels of JavaScript values to print; 2 if not said")],
    operands: Operands::NONE,
    needs: &[],
    manual: include_str!("json.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let depth = args.number('d').unwrap_or(2);
        Ok(for_each_item(move |context, item, out| print(context, item, depth, out)))
    },
};

fn print(context: &Context, item: Item, depth: u64, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let line = match item.kind {
        Kind::Value | Kind::Group(_) if context.snapshot().is_some() => {
            return of_snapshot::print_json(context, item, depth, out);
        }
        Kind::Value | Kind::Group(_) => return print_value(context, item, depth, out),
        Kind::Double => {
            return print_place(context, item, &Place::Number(f64::from_bits(item.word)), depth, out);
        }
        Kind::Number => json!({ "type": "number", "value": format!("{:#x}", item.word) }),
        Kind::Address => {
            let mut line = Map::from_iter([("type".to_owned(), json!("address"))]);
            add_place(&mut line, context, item.word);
            Json::Object(line)
        }
        Kind::Thread => {
            let mut line = Map::new();
            line.insert("type".to_owned(), json!("thread"));
            line.insert("id".to_owned(), json!(item.word));
            if let Some(thread) = context.thread_with_id(item.word) {
                add_place(&mut line, context, thread.registers.instruction_pointer());
            }
            Json::Object(line)
        }
    };
    Ok(writeln!(out.text(), "{}", output::json(&line))?)
}

/// Adds an address, and the symbol there if there is one.
fn add_place(line: &mut Map<String, Json>, context: &Context, address: u64) {
    line.insert("address".to_owned(), json!(format!("{address:#x}")));
    if let Some(symbol) = context.symbolic(address) {
        line.insert("symbol".to_owned(), json!(symbol));
    }
}

fn print_value(context: &Context, item: Item, depth: u64, out: &mut Out<'_>) -> Result<(), DcmdError> {
    print_place(context, item, &Place::Value(Tagged(item.word)), depth, out)
}

fn print_place(
    context: &Context,
    item: Item,
    place: &Place,
    depth: u64,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let heap = context.heap()?;
    let check = || context.check_interrupt();
    let style = Style { depth, longest_string: usize::MAX, ..Style::default() };
    let mut text = out.text();
    let mut printer = Printer::new(heap, style, &mut *text, &check);
    printer.print_json(place)?;
    let faults = printer.faults();
    writeln!(text)?;
    match faults {
        0 => Ok(()),
        _ => Err(DcmdError::Failed(format!("{item}: {faults} values could not be read"))),
    }
}
