//! `::pager`: turn the pager on or off.
//!
//! At the prompt, output longer than the screen goes through `$PAGER`, or `less` if that is not set and `less` is there. If it is empty, or
//! there is no `less`, a screen at a time is shown, and a
//! key says how to go on. Output into a pipe, a file or a shell command never waits. Without argument it says how things are.
//!
//! ```text
//! >> More [<space>, <cr>, q, n, c, a, b, /] ?
//! ```
//!
//! ```text
//! space      the next screen
//! Enter, n   one more line
//! c          all the rest
//! q, ^C      no more of this command
//! a          no more of this line
//! b          the screen before
//! /text      on to the next line that has this text; / alone looks for the same once more
//! ```

use std::io::Write;

use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Takes, Yields, for_each};
use crate::error::DcmdError;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on("leak-24", "::pager off", ""),
    Example::on(
        "leak-24",
        "::pager",
        r#"
pager is off
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "pager",
    aliases: &[],
    summary: "turn the pager on or off",
    family: Family::Session,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[],
    operands: Operands::optional("[on|off]"),
    needs: &[],
    manual: include_str!("pager.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let wanted = match args.operands().first().map(|word| word.text()) {
            None => None,
            Some(Some("on")) => Some(true),
            Some(Some("off")) => Some(false),
            Some(_) => return Err(DcmdError::usage("expected on or off")),
        };
        Ok(for_each(move |context, _, out| {
            let pager = &context.settings.pager;
            match wanted {
                Some(on) => pager.set(on),
                None => writeln!(out.text(), "pager is {}", if pager.get() { "on" } else { "off" })?,
            }
            Ok(())
        }))
    },
};
