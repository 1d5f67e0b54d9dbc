//! `::dcmds`: list the dcmds.
//!
//! One line each, sorted by name. A regular expression chooses among them; `-n` prints names only.
//!
//! ```text
//! > ::dcmds head
//! head                     - keep the first values of a pipe
//! ```

use std::io::Write;

use regex::Regex;

use crate::dcmd::{AddressUse, Args, Dcmd, Operands, Opt, Started, Takes, Yields, for_each};
use crate::dcmds::ALL;
use crate::error::DcmdError;

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "dcmds",
    aliases: &[],
    summary: "list the dcmds",
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[Opt::flag('n', "print names only")],
    operands: Operands::optional("[regex]"),
    needs: &[],
    manual: include_str!("dcmds.rs"),
    start: |_, args| {
        let mut names: Vec<_> = ALL
            .iter()
            .flat_map(|dcmd| {
                std::iter::once(dcmd.name)
                    .chain(dcmd.aliases.iter().copied())
                    .map(|name| (name, dcmd.summary))
            })
            .collect();
        names.sort_unstable();
        list(args, names)
    },
};

/// A stage that lists names with their summaries, as the arguments choose.
pub(super) fn list(args: &Args, entries: Vec<(&'static str, &'static str)>) -> Started {
    let names_only = args.has('n');
    let filter = args.operand(0).map(Regex::new).transpose().map_err(DcmdError::abort)?;
    Ok(for_each(move |_, _, out| {
        for (name, summary) in &entries {
            if filter.as_ref().is_some_and(|filter| !filter.is_match(name)) {
                continue;
            }
            if names_only {
                writeln!(out.text(), "{name}")?;
            } else {
                writeln!(out.text(), "{name:<24} - {summary}")?;
            }
        }
        Ok(())
    }))
}
