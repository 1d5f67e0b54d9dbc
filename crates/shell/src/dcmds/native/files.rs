//! `::files`: list the files that the process had mapped.
//!
//! One line for each mapping: first address, the address behind, offset in the file, and the file. With an address only the
//! mapping that holds it. `-s` lists the source files that the symbol tables name instead, numbered.
//!
//! # Limits
//!
//! A core does not hold the table of open files: that is the kernel's. Descriptors of sockets, pipes and files are numbers in
//! the objects that use them.

use std::io::Write;

use core_reader::TableKind;
use serde_json::json;

use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::{Column, Hex, Table, escape, hex};
use crate::stage::Out;
use crate::value::Kind;

static TABLE: Table = Table::new(&[
    Column::right("BASE", 16),
    Column::right("LIMIT", 16),
    Column::right("OFFSET", 16),
    Column::left("NAME", 0),
]);

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::files",
    r#"
            BASE            LIMIT           OFFSET NAME
          400000           746000                0 /tmp/v8mdb-stage/node-24.21.0/bin/node
          746000           749000           346000 /tmp/v8mdb-stage/node-24.21.0/bin/node
...
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "files",
    aliases: &["$f"],
    summary: "list the files that the process had mapped",
    family: Family::Process,
    address: AddressUse::Optional,
    takes: Takes::Only(&[Kind::Address]),
    yields: Yields::Text,
    options: &[Opt::flag('s', "the source files that the symbol tables name"), Opt::JSON],
    operands: Operands::optional("[object]").filter(),
    needs: &[Capability::Core],
    manual: include_str!("files.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let sources = args.has('s') || args.called() == "$f";
        let as_json = args.has('j');
        let name = args.operand(0).map(str::to_owned);
        let mut headed = false;
        Ok(for_each(move |context, item, out| {
            if sources {
                return source_files(context, name.as_deref(), as_json, out);
            }
            let core = context.target()?.core();
            let mut any = false;
            for file in core.mapped_files() {
                let base = file.path.rsplit('/').next().unwrap_or_default();
                let is_called = |name: &str| *file.path == *name || base == name;
                let wanted = item.is_none_or(|item| (file.start.0..file.end.0).contains(&item.word))
                    && name.as_deref().is_none_or(is_called);
                if !wanted {
                    continue;
                }
                any = true;
                if as_json {
                    out.json(&json!({
                        "base": hex(file.start.0),
                        "limit": hex(file.end.0),
                        "offset": file.offset,
                        "path": &*file.path,
                        "deleted": file.deleted,
                    }))?;
                    continue;
                }
                if !std::mem::replace(&mut headed, true) {
                    TABLE.heading(context.colours, &mut out.text())?;
                }
                let deleted = if file.deleted { " (deleted)" } else { "" };
                let path = format!("{}{deleted}", escape(&file.path));
                let row: [&dyn std::fmt::Display; 4] =
                    [&Hex(file.start.0), &Hex(file.end.0), &Hex(file.offset), &path];
                TABLE.row(&row, &mut out.text())?;
            }
            match (any, core.mapped_files().is_empty()) {
                (true, _) => Ok(()),
                (false, true) => Err(DcmdError::failed("the core does not say which files were mapped")),
                (false, false) => Err(DcmdError::failed("no mapped file there, or none of that name")),
            }
        }))
    },
};

/// Names of the source files of static symbols (`STT_FILE`).
fn source_files(
    context: &Context,
    object: Option<&str>,
    as_json: bool,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    const FILE: u8 = 4;
    let target = context.target()?;
    let mut number = 0;
    for (index, module) in target.core().modules().iter().enumerate() {
        if object.is_some_and(|object| !module.is_called(object)) {
            continue;
        }
        for entry in target.symbols().entries(index, TableKind::Static).filter(|entry| entry.kind == FILE) {
            context.check_interrupt()?;
            number += 1;
            if as_json {
                out.json(&json!({ "number": number, "path": entry.name, "object": module.name() }))?;
            } else {
                writeln!(out.text(), "{number:<6}{}", escape(&entry.name))?;
            }
        }
    }
    match number {
        0 => Err(DcmdError::failed("the symbol tables name no source files")),
        _ => Ok(()),
    }
}
