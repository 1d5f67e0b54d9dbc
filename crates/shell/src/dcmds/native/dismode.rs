//! `::dismode`: name the architecture that is disassembled.

use std::io::Write;

use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::escape;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "$V",
    r#"
disassembly mode is amd64
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "dismode",
    aliases: &["$V", "disasms"],
    summary: "name the architecture that is disassembled",
    family: Family::Memory,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[],
    operands: Operands::optional("[mode]"),
    needs: &[],
    manual: include_str!("dismode.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let mode = args.operand(0).map(str::to_owned);
        Ok(for_each(move |_, _, out| match mode.as_deref() {
            None => Ok(writeln!(out.text(), "disassembly mode is amd64")?),
            Some("amd64") => Ok(()),
            Some(other) => Err(DcmdError::failed(format!(
                "failed to set disassembly mode: {}: no such mode",
                escape(other)
            ))),
        }))
    },
};
