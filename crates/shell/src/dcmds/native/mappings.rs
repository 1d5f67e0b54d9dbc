//! `::mappings`: list the memory of the process.
//!
//! One line per range of addresses: first address, the address behind, size in bytes, permissions, where the bytes come from,
//! and the mapped file, or what anonymous memory is for: `[ heap ]`, which ends at the program break, `[ stack ]` of a thread,
//! `[ vdso ]`, functions of the kernel, `[ anon ]`. With an address only the range that holds it; with the name of a file, or its
//! last part, only the ranges of that file.
//!
//! # Contents
//!
//! ```text
//! core       the core holds the bytes
//! binary     the core leaves them out; they are read from the file that was mapped
//! none       the process had no access: reserved addresses, or a guard; there is nothing to be read
//! absent     mapped, but neither in the core nor in a file at hand
//! truncated  the core file ends before them
//! ```

use core_reader::{Contents, Memory, MemoryRange};
use serde_json::json;

use crate::answers::mapping_name::mapping_name;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::{Column, Hex, Table, hex};
use crate::value::Kind;

static TABLE: Table = Table::new(&[
    Column::right("BASE", 16),
    Column::right("LIMIT", 16),
    Column::right("SIZE", 16),
    Column::left("PERM", 4),
    Column::left("CONTENTS", 9),
    Column::left("NAME", 0),
]);

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "::mappings",
        r#"
            BASE            LIMIT             SIZE PERM CONTENTS  NAME
          400000           400350              350 r--  core      /tmp/v8mdb-stage/node-24.21.0/bin/node
          400350           40036c               1c r--  absent    /tmp/v8mdb-stage/node-24.21.0/bin/node
          40036c           4003b0               44 r--  core      /tmp/v8mdb-stage/node-24.21.0/bin/node
...
"#,
    ),
    Example::on(
        "leak-24",
        "12fd195c4fb9::mappings",
        r#"
            BASE            LIMIT             SIZE PERM CONTENTS  NAME
    12fd195c0000     12fd19600000            40000 rw-  core      [ anon ]
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "mappings",
    aliases: &["$m"],
    summary: "list the memory of the process",
    family: Family::Process,
    address: AddressUse::Optional,
    takes: Takes::Only(&[Kind::Address]),
    yields: Yields::Text,
    options: &[Opt::JSON],
    operands: Operands::optional("[name]").filter(),
    needs: &[Capability::Core],
    manual: include_str!("mappings.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let as_json = args.has('j');
        let name = args.operand(0).map(str::to_owned);
        let mut headed = false;
        Ok(for_each(move |context, item, out| {
            let address = item.map(|item| item.word);
            let mut any = false;
            for range in context.memory()?.ranges() {
                let holds = |address| (range.start.0..range.end.0).contains(&address);
                let wanted =
                    address.is_none_or(holds) && name.as_deref().is_none_or(|name| is_called(range, name));
                if !wanted {
                    continue;
                }
                any = true;
                let size = range.end.0 - range.start.0;
                if as_json {
                    out.json(&json!({
                        "base": hex(range.start.0),
                        "limit": hex(range.end.0),
                        "size": size,
                        "permissions": range.permissions.to_string(),
                        "contents": contents(range),
                        "name": mapping_name(context.target()?.core(), range),
                        "file": range.file.as_deref(),
                    }))?;
                    continue;
                }
                if !std::mem::replace(&mut headed, true) {
                    TABLE.heading(context.colours, &mut out.text())?;
                }
                let row: [&dyn std::fmt::Display; 6] = [
                    &Hex(range.start.0),
                    &Hex(range.end.0),
                    &Hex(size),
                    &range.permissions.to_string(),
                    &contents(range),
                    &mapping_name(context.target()?.core(), range),
                ];
                TABLE.row(&row, &mut out.text())?;
            }
            match (any, address) {
                (true, _) => Ok(()),
                (false, Some(_)) => {
                    Err(DcmdError::failed("failed to obtain mapping: no mapping for address"))
                }
                (false, None) => Err(DcmdError::failed("failed to obtain mapping: no mapping of that name")),
            }
        }))
    },
};

fn contents(range: &MemoryRange) -> &'static str {
    match range.contents {
        Contents::Dumped => "core",
        Contents::FromBinary => "binary",
        Contents::NotDumped => "absent",
        Contents::NoAccess => "none",
        Contents::Truncated => "truncated",
    }
}

/// Whether `name` is the range's file: its whole path, its last part, or that part cut at a dot.
fn is_called(range: &MemoryRange, name: &str) -> bool {
    let Some(path) = range.file.as_deref() else { return false };
    let base = path.rsplit('/').next().unwrap_or(path);
    path == name || base == name || base.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'))
}
