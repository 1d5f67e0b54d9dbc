//! `$d`: show or set the default radix.
//!
//! The radix of numbers without prefix, 2 to 16. The value in front is read in the radix that holds until then, so write it
//! with a prefix.

use std::io::Write;

use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Takes, Yields, for_each};
use crate::error::DcmdError;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "$d",
        r#"
radix = 16 base ten
"#,
    ),
    Example::on(
        "leak-24",
        "0t10$d",
        r#"
radix = 10 base ten
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "$d",
    aliases: &[],
    summary: "show or set the default radix",
    family: Family::Session,
    address: AddressUse::Optional,
    takes: Takes::Anything,
    yields: Yields::Text,
    options: &[],
    operands: Operands::NONE,
    needs: &[],
    manual: include_str!("radix.rs"),
    examples: EXAMPLES,
    start: |_, _| {
        Ok(for_each(|context, item, out| {
            let radix = &context.settings.radix;
            if let Some(item) = item {
                match u32::try_from(item.word) {
                    Ok(wanted @ 2..=16) => radix.set(wanted),
                    _ => return Err(DcmdError::failed("expected radix from 2 to 16")),
                }
            }
            Ok(writeln!(out.text(), "radix = {} base ten", radix.get())?)
        }))
    },
};
