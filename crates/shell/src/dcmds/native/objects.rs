//! `::objects`: list the executable and the libraries.
//!
//! In the order in which symbols are looked up in them: first and last address, size, name. `-v` adds their build-ids, the
//! files that stand for them, and how these were recognised. With an address, the object that it lies in.
//!
//! Where the file of an object is not at hand, as after its image was built anew, a line behind the list says so, with the build-id
//! that the core holds. Only symbols and constants need the files. They are looked for at their paths, below `--sysroot`, in folders of
//! build-ids (`/usr/lib/debug/.build-id`, `-o build-ids=DIR`), and at the servers of `DEBUGINFOD_URLS`; a file with another
//! build-id is not used.

use std::io::Write;

use core_reader::{Address, Core, Module, Verification};
use serde_json::{Value, json};

use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::{Column, Hex, Table, escape, hex};
use crate::stage::Out;
use crate::value::Kind;

static TABLE: Table = Table::new(&[
    Column::right("BASE", 16),
    Column::right("LIMIT", 16),
    Column::right("SIZE", 16),
    Column::left("NAME", 0),
]);

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::objects",
    r#"
            BASE            LIMIT             SIZE NAME
          400000          6bb6000          67b6000 /tmp/v8mdb-stage/node-24.21.0/bin/node
    7ff64be1e000     7ff64c000000           1e2000 /usr/lib/x86_64-linux-gnu/libc.so.6
    7ff64c000000     7ff64c21a000           21a000 /usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30
...
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "objects",
    aliases: &[],
    summary: "list the executable and the libraries",
    family: Family::Process,
    address: AddressUse::Optional,
    takes: Takes::Only(&[Kind::Address]),
    yields: Yields::Text,
    options: &[Opt::flag('v', "add build-ids and the files that stand for the objects"), Opt::JSON],
    operands: Operands::optional("[name]").filter(),
    needs: &[Capability::Core],
    manual: include_str!("objects.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let (verbose, as_json) = (args.has('v'), args.has('j'));
        let name = args.operand(0).map(str::to_owned);
        let mut headed = false;
        Ok(for_each(move |context, item, out| {
            let mut any = false;
            for module in context.target()?.core().modules() {
                let wanted = item.is_none_or(|item| module.contains(Address(item.word)))
                    && name.as_deref().is_none_or(|name| module.is_called(name));
                if !wanted {
                    continue;
                }
                any = true;
                if as_json {
                    out.json(&line_of(module))?;
                    continue;
                }
                if !std::mem::replace(&mut headed, true) {
                    TABLE.heading(context.colours, &mut out.text())?;
                }
                let size = module.end.0 - module.start.0;
                let path = escape(&module.path);
                TABLE.row(&[&Hex(module.start.0), &Hex(module.end.0), &Hex(size), &path], &mut out.text())?;
                if !verbose {
                    continue;
                }
                let id = module
                    .build_id
                    .as_ref()
                    .map_or_else(|| "none in the core".to_owned(), ToString::to_string);
                writeln!(out.text(), "{:51}build-id: {id}", "")?;
                let file = match &module.file {
                    Ok(found) => {
                        let why = recognised(found.verification);
                        let what = if found.symbols_only { "symbols only, " } else { "" };
                        format!("{} ({what}{why})", escape(&found.path.to_string_lossy()))
                    }
                    Err(reason) => escape(reason).into_owned(),
                };
                writeln!(out.text(), "{:51}file: {file}", "")?;
                if module.deleted {
                    writeln!(out.text(), "{:51}removed or replaced while the process ran", "")?;
                }
            }
            if !as_json && item.is_none() && name.is_none() && context.target()?.core().origin().is_none() {
                missing(context.target()?.core(), out)?;
            }
            match any {
                true => Ok(()),
                false => Err(DcmdError::failed("no object there, or none of that name")),
            }
        }))
    },
};

/// How a file was recognised as that of an object.
fn recognised(verification: Verification) -> &'static str {
    match verification {
        Verification::BuildId => "same build-id",
        Verification::Headers => "same headers",
        Verification::Layout => "mapped at the same places; nothing else identifies it",
    }
}

/// An object as JSON, with what `-v` adds to the text.
fn line_of(module: &Module) -> Value {
    let found = module.file.as_ref().ok();
    json!({
        "base": hex(module.start.0),
        "limit": hex(module.end.0),
        "size": module.end.0 - module.start.0,
        "path": module.path,
        "executable": module.executable,
        "buildId": module.build_id.as_ref().map(ToString::to_string),
        "file": found.map(|found| found.path.to_string_lossy()),
        "symbolsOnly": found.is_some_and(|found| found.symbols_only),
        "recognisedBy": found.map(|found| recognised(found.verification)),
        "missing": module.file.as_ref().err(),
        "deleted": module.deleted,
    })
}

/// Which files are not at hand, and how to get them.
fn missing(core: &Core, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let mut any = false;
    for module in core.modules().iter().filter(|module| module.lacks_file()) {
        any = true;
        let id = module.build_id.as_ref();
        let id = id.map_or_else(|| "no build-id in the core".to_owned(), |id| format!("build-id {id}"));
        writeln!(out.text(), "not at hand: {} ({id})", escape(&module.path))?;
    }
    if any {
        writeln!(
            out.text(),
            "copies may be given with v8mdb OBJECT CORE, --sysroot DIR, -o build-ids=DIR or DEBUGINFOD_URLS"
        )?;
    }
    Ok(())
}
