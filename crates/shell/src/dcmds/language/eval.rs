//! `::eval`: run a string of commands.
//!
//! Dot is the value that flows in, for each in turn. Dot and variables keep what the commands leave in them. An error in the
//! commands ends the pipeline.

use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::interpreter::{self, Source};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    r#"::echo 10 | ::eval ".+10=X""#,
    r#"
                20
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "eval",
    aliases: &[],
    summary: "run a string of commands",
    family: Family::Pipes,
    address: AddressUse::Optional,
    takes: Takes::Anything,
    yields: Yields::Lines,
    options: &[],
    operands: Operands::one("commands"),
    needs: &[],
    manual: include_str!("eval.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let Some(commands) = args.operand(0).map(str::to_owned) else {
            return Err(DcmdError::usage("expected commands"));
        };
        Ok(for_each(move |context, _, out| {
            let text = out.shared_text();
            match context.prompt.nested(|| interpreter::run(context, &commands, Source::String, &text))? {
                true => Ok(()),
                false => Err(DcmdError::Reported),
            }
        }))
    },
};
