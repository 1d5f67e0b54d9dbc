//! `::term`: print the type of the terminal.

use std::io::Write;

use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Takes, Yields, for_each};
use crate::output::escape;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::term",
    r#"
xterm-256color
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "term",
    aliases: &[],
    summary: "print the type of the terminal",
    family: Family::Session,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[],
    operands: Operands::NONE,
    needs: &[],
    manual: include_str!("term.rs"),
    examples: EXAMPLES,
    start: |_, _| {
        Ok(for_each(|_, _, out| {
            let name = std::env::var_os("TERM").unwrap_or_else(|| "unknown".into());
            Ok(writeln!(out.text(), "{}", escape(&name.to_string_lossy()))?)
        }))
    },
};
