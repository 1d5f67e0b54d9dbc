//! `::formats`: list the format characters.
//!
//! What may stand behind `/`, `\`, `?`, `@` and `=`, with the number of bytes that each moves dot.

use std::io::Write;

use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Takes, Yields, for_each};
use crate::format::letters::LETTERS;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::formats",
    r#"
+ - move dot forward by the count of bytes (variable size)
- - move dot back by the count of bytes (variable size)
B - hexadecimal byte (1 byte)
C - character with C escapes (1 byte)
...
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "formats",
    aliases: &[],
    summary: "list the format characters",
    family: Family::Memory,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[],
    operands: Operands::NONE,
    needs: &[],
    manual: include_str!("formats.rs"),
    examples: EXAMPLES,
    start: |_, _| {
        Ok(for_each(|_, _, out| {
            for letter in LETTERS {
                let size = match letter.size() {
                    Some(1) => "1 byte".to_owned(),
                    Some(size) => format!("{size} bytes"),
                    None => "variable size".to_owned(),
                };
                writeln!(out.text(), "{} - {} ({size})", letter.character, letter.description)?;
            }
            Ok(())
        }))
    },
};
