//! `::version`: print the name and version of the debugger.

use std::io::Write;

use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Takes, Yields, for_each};

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
    options: &[],
    operands: Operands::NONE,
    needs: &[],
    manual: include_str!("version.rs"),
    examples: EXAMPLES,
    start: |_, _| {
        Ok(for_each(|_, _, out| {
            Ok(writeln!(out.text(), "{} {}", crate::PROGRAM, env!("CARGO_PKG_VERSION"))?)
        }))
    },
};
