//! `::version`: print the name and version of the debugger.

use std::io::Write;

use serde_json::json;

use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::version",
    r#"
v8mdb 0.1.0
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "version",
    aliases: &[],
    summary: "print the name and version of the debugger",
    family: Family::Session,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[Opt::JSON],
    operands: Operands::NONE,
    needs: &[],
    manual: include_str!("version.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let as_json = args.has('j');
        Ok(for_each(move |_, _, out| {
            if as_json {
                return out.json(&json!({ "program": crate::PROGRAM, "version": env!("CARGO_PKG_VERSION") }));
            }
            Ok(writeln!(out.text(), "{} {}", crate::PROGRAM, env!("CARGO_PKG_VERSION"))?)
        }))
    },
};
