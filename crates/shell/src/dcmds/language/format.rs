//! `=`: print the value of an expression in a format.
//!
//! The value stands in front, the format behind: characters that each print the value once more, with a decimal repeat count
//! if wanted, and quoted text. Without a value dot is printed; with a count, the whole format is repeated. `::formats` lists
//! the characters, and `/` prints what memory holds in the same formats.
//!
//! `+` and `-` change the value by the count in front of them, for all that follows: this generates four addresses.

use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::format::layout::Line;
use crate::format::{Format, Source};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "10=D",
        r#"
                16
"#,
    ),
    Example::on(
        "leak-24",
        "0t100=XD",
        r#"
                64              100
"#,
    ),
    Example::on(
        "leak-24",
        "4fa5541a=Y",
        r#"
                2012 May  5 16:23:54
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "=",
    aliases: &[],
    summary: "print the value of an expression in a format",
    family: Family::Memory,
    address: AddressUse::Optional,
    takes: Takes::Anything,
    yields: Yields::Lines,
    options: &[],
    operands: Operands::any("format"),
    needs: &[],
    manual: include_str!("format.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let format = Format::parse(args)?;
        if format.is_empty() {
            return Err(DcmdError::abort("expected one or more format characters following '='"));
        }
        let mut line = Line::default();
        Ok(for_each(move |context, item, out| {
            if let Some(item) = item {
                context.set_dot(item.word);
            }
            let pass = format.pass(context, Source::Dot, &mut line, out)?;
            context.set_dot(pass.end);
            context.prompt.set_increment(0);
            debug_assert!(pass.failure.is_none(), "a value is always at hand");
            Ok(())
        }))
    },
};
