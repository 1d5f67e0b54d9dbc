//! `$s`: show or set the symbol matching distance.
//!
//! How many bytes past its start an address still belongs to a symbol. 0 is the smart mode: as far as the symbol's size
//! reaches.

use std::io::Write;

use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Takes, Yields, for_each};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "$s",
    r#"
symbol matching distance = 0 (smart mode)
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "$s",
    aliases: &[],
    summary: "show or set the symbol matching distance",
    family: Family::Session,
    address: AddressUse::Optional,
    takes: Takes::Anything,
    yields: Yields::Text,
    options: &[],
    operands: Operands::NONE,
    needs: &[],
    manual: include_str!("symbol_distance.rs"),
    examples: EXAMPLES,
    start: |_, _| {
        Ok(for_each(|context, item, out| {
            let distance = &context.settings.symbol_distance;
            if let Some(item) = item {
                distance.set(item.word);
            }
            let mode = if distance.get() == 0 { "smart mode" } else { "absolute mode" };
            Ok(writeln!(out.text(), "symbol matching distance = {} ({mode})", distance.get())?)
        }))
    },
};
