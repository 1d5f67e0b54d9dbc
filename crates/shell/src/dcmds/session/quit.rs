//! `::quit`: leave the debugger.
//!
//! ```text
//! > ::quit
//! ```

use crate::dcmd::{AddressUse, Dcmd, Family, Operands, Takes, Yields, for_each};

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
    start: |_, _| {
        Ok(for_each(|context, _, _| {
            context.prompt.set_quit();
            Ok(())
        }))
    },
};
