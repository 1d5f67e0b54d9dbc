//! `::echo`: print the arguments.
//!
//! Every argument is printed with a blank behind it, then the line ends. `$[expr]` is evaluated and printed in the default
//! radix. In front of a `|` the line is read back as one expression, so one argument can start a pipe.

use std::fmt::Write as _;
use std::io::Write as _;

use super::cat::emit_lines;
use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Takes, Word, Yields, for_each};
use crate::output::escape;
use crate::value::Kind;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "::echo a 'b c' $[1+1]",
        r#"
a b c 2
"#,
    ),
    Example::on(
        "leak-24",
        r#"::echo 10 | ::map ".+8""#,
        r#"
18
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "echo",
    aliases: &[],
    summary: "print the arguments",
    family: Family::Pipes,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Items(Kind::Number),
    options: &[],
    operands: Operands::any("[args ...]"),
    needs: &[],
    manual: include_str!("echo.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let words = args.operands().to_vec();
        Ok(for_each(move |context, _, out| {
            let mut line = String::new();
            for word in &words {
                match word {
                    Word::Text(text) => line.push_str(text),
                    Word::Number(value) => line.push_str(&context.in_radix(*value)),
                }
                line.push(' ');
            }
            if out.is_pipe() {
                return emit_lines(context, line.as_bytes(), out).map(|_| ());
            }
            let mut shown = String::with_capacity(line.len());
            for (index, piece) in line.split('\n').enumerate() {
                let newline = if index > 0 { "\n" } else { "" };
                let written = write!(shown, "{newline}{}", escape(piece));
                debug_assert!(written.is_ok(), "a String takes all text");
            }
            Ok(writeln!(out.text(), "{shown}")?)
        }))
    },
};
