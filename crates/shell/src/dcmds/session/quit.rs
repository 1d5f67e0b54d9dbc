//! `::quit`: leave the debugger.

use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Takes, Yields, for_each};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on("leak-24", "::quit", "")];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "quit",
    aliases: &["$q", "$Q", "$%"],
    summary: "leave the debugger",
    family: Family::Session,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[],
    operands: Operands::NONE,
    needs: &[],
    manual: include_str!("quit.rs"),
    examples: EXAMPLES,
    start: |_, _| {
        Ok(for_each(|context, _, _| {
            context.prompt.set_quit();
            Ok(())
        }))
    },
};
