//! `::tail`: keep the last values of a pipe.

use std::collections::VecDeque;

use crate::context::Context;
use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Opt, Takes, Yields};
use crate::error::DcmdError;
use crate::stage::{Flow, Out, Stage};
use crate::value::Item;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::findjsobjects -c UpstreamConnection | ::findjsobjects | ::tail -1 | ::jsprint request.id",
    r#"
1530
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "tail",
    aliases: &[],
    summary: "keep the last values of a pipe",
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
    manual: include_str!("tail.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let wanted = super::head::wanted(args)?;
        Ok(Box::new(Tail { wanted: usize::try_from(wanted).unwrap_or(usize::MAX), last: VecDeque::new() }))
    },
};

struct Tail {
    wanted: usize,
    last: VecDeque<Item>,
}

impl Stage for Tail {
    fn run(&mut self, _: &Context, _: &mut Out<'_>) -> Result<(), DcmdError> {
        Ok(())
    }

    fn push(&mut self, _: &Context, batch: &[Item], _: &mut Out<'_>) -> Result<Flow, DcmdError> {
        let new = &batch[batch.len().saturating_sub(self.wanted)..];
        let left = (self.last.len() + new.len()).saturating_sub(self.wanted);
        self.last.drain(..left.min(self.last.len()));
        self.last.extend(new);
        Ok(Flow::Continue)
    }

    fn finish(&mut self, _: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        out.emit_all(self.last.drain(..)).map(|_| ())
    }
}
