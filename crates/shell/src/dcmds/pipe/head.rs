//! `::head`: keep the first values of a pipe.
//!
//! Keeps ten values, or as many as the option says, in decimal. Then it has enough, and the dcmds in front of it stop
//! working. Outside a pipe it prints nothing.

use crate::context::Context;
use crate::dcmd::{AddressUse, Args, Dcmd, Example, Family, Operands, Opt, Takes, Yields};
use crate::error::DcmdError;
use crate::stage::{Flow, Out, Stage};
use crate::value::Item;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::findjsobjects -c UpstreamConnection | ::findjsobjects | ::head -2",
    r#"
8ba8239fd91
8ba823be489
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "head",
    aliases: &[],
    summary: "keep the first values of a pipe",
    family: Family::Pipes,
    address: AddressUse::Optional,
    takes: Takes::Anything,
    yields: Yields::Same,
    options: &[
        Opt::digits("N", "how many values to keep, in decimal; 10 if not said"),
        Opt::text('n', "N", "the same"),
    ],
    operands: Operands::optional("[N]"),
    needs: &[],
    manual: include_str!("head.rs"),
    examples: EXAMPLES,
    start: |_, args| Ok(Box::new(Head { wanted: wanted(args)? })),
};

/// How many values are wanted, in decimal.
pub(super) fn wanted(args: &Args) -> Result<u64, DcmdError> {
    match args.text('n').or(args.operand(0)) {
        None => Ok(args.number('#').unwrap_or(10)),
        Some(text) => text.parse().map_err(|_| {
            let shown = crate::output::escape(text);
            DcmdError::usage(format!("invalid number of values: \"{shown}\""))
        }),
    }
}

struct Head {
    wanted: u64,
}

impl Stage for Head {
    fn run(&mut self, _: &Context, _: &mut Out<'_>) -> Result<(), DcmdError> {
        Ok(())
    }

    fn push(&mut self, _: &Context, batch: &[Item], out: &mut Out<'_>) -> Result<Flow, DcmdError> {
        for &item in batch {
            if self.wanted == 0 {
                return Ok(Flow::Enough);
            }
            self.wanted -= 1;
            if out.emit(item)? == Flow::Enough {
                return Ok(Flow::Enough);
            }
        }
        Ok(if self.wanted == 0 { Flow::Enough } else { Flow::Continue })
    }
}
