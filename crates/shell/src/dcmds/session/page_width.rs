//! `$w`: show or set the width of the output page.
//!
//! In columns; formats of `=` begin a new line there. Nothing else is ever cut or wrapped to it.

use std::io::Write;

use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Takes, Yields, for_each};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "$w",
        r#"
output page width = 80
"#,
    ),
    Example::on("leak-24", "0t120$w", ""),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "$w",
    aliases: &[],
    summary: "show or set the width of the output page",
    family: Family::Session,
    address: AddressUse::Optional,
    takes: Takes::Anything,
    yields: Yields::Text,
    options: &[],
    operands: Operands::NONE,
    needs: &[],
    manual: include_str!("page_width.rs"),
    examples: EXAMPLES,
    start: |_, _| {
        Ok(for_each(|context, item, out| {
            match item {
                Some(item) => context.settings.width.set(Some(item.word)),
                None => writeln!(out.text(), "output page width = {}", context.settings.page_width())?,
            }
            Ok(())
        }))
    },
};
