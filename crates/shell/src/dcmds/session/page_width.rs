//! `$w`: show or set the width of the output page.
//!
//! In columns; formats of `=` begin a new line there. Nothing else is ever cut or wrapped to it.
//!
//! ```text
//! > $w
//! output page width = 80
//! > 0t120$w
//! ```

use std::io::Write;

use crate::dcmd::{AddressUse, Dcmd, Family, Operands, Takes, Yields, for_each};

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
