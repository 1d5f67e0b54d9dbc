//! `::walkers`: list the walkers.
//!
//! What `::walk` can enumerate, one line each, sorted by name. A regular expression chooses among them; `-n` prints names only.

use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Opt, Takes, Yields};
use crate::walkers::WALKERS;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::walkers thread",
    r#"
thread                   - walk the ids of the threads
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "walkers",
    aliases: &[],
    summary: "list the walkers",
    family: Family::Pipes,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[Opt::flag('n', "print names only"), Opt::JSON],
    operands: Operands::optional("[regex]").filter(),
    needs: &[],
    manual: include_str!("walkers.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        super::dcmds::list(args, WALKERS.iter().map(|walker| (walker.name, walker.summary)).collect())
    },
};
