//! `$s`: show or set the symbol matching distance.
//!
//! How many bytes past its start an address still belongs to a symbol. 0 is the smart mode: as far as the symbol's size
//! reaches.
//!
//! ```text
//! > $s
//! symbol matching distance = 0 (smart mode)
//! ```

use std::io::Write;

use crate::dcmd::{AddressUse, Dcmd, Family, Operands, Takes, Yields, for_each};

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
