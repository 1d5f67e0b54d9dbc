//! `::count`: count the values of a pipe.
//!
//! Prints how many values came, in decimal.

use std::io::Write;

use crate::context::Context;
use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Takes, Yields};
use crate::error::DcmdError;
use crate::stage::{Flow, Out, Stage};
use crate::value::Item;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::findjsobjects -c UpstreamConnection | ::findjsobjects | ::count",
    r#"
800
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "count",
    aliases: &[],
    summary: "count the values of a pipe",
    family: Family::Pipes,
    address: AddressUse::Required,
    takes: Takes::Anything,
    yields: Yields::Text,
    options: &[],
    operands: Operands::NONE,
    needs: &[],
    manual: include_str!("count.rs"),
    examples: EXAMPLES,
    start: |_, _| Ok(Box::new(Count { seen: 0 })),
};

struct Count {
    seen: u64,
}

impl Stage for Count {
    fn run(&mut self, _: &Context, _: &mut Out<'_>) -> Result<(), DcmdError> {
        Ok(())
    }

    fn push(&mut self, _: &Context, batch: &[Item], _: &mut Out<'_>) -> Result<Flow, DcmdError> {
        self.seen += batch.len() as u64;
        Ok(Flow::Continue)
    }

    fn finish(&mut self, _: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        Ok(writeln!(out.text(), "{}", self.seen)?)
    }
}
