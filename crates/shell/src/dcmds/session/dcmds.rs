//! `::dcmds`: list the dcmds.
//!
//! One line each, those that belong together under one heading, sorted by name. A regular expression chooses among them.
//! `-n` prints names only, all of them sorted, without headings.

use std::io::Write;

use regex::Regex;

use crate::dcmd::{AddressUse, Args, Dcmd, Example, Family, Operands, Opt, Started, Takes, Yields, for_each};
use crate::dcmds::ALL;
use crate::error::DcmdError;
use crate::output::escape;
use crate::spelling::similar;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::dcmds ^jsre",
    r#"
JavaScript: objects, what holds them, functions
  jsrequests       list the requests that are under way: files, names, connections, writes
  jsretained       say how much would be freed with an object, and who holds it
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "dcmds",
    aliases: &[],
    summary: "list the dcmds",
    family: Family::Session,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[Opt::flag('n', "print names only")],
    operands: Operands::optional("[regex]").filter(),
    needs: &[],
    manual: include_str!("dcmds.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let filter = filter(args)?;
        let names_only = args.has('n');
        Ok(for_each(move |context, _, out| {
            let mut found: Vec<_> = ALL
                .iter()
                .flat_map(|dcmd| {
                    std::iter::once(dcmd.name).chain(dcmd.aliases.iter().copied()).map(|name| (name, *dcmd))
                })
                .filter(|(name, _)| filter.as_ref().is_none_or(|filter| filter.is_match(name)))
                .collect();
            found.sort_unstable_by_key(|(name, _)| *name);
            if let (true, Some(filter)) = (found.is_empty(), &filter) {
                return Err(nothing(filter, ALL.iter().map(|dcmd| dcmd.name)));
            }
            if names_only {
                for (name, _) in &found {
                    writeln!(out.text(), "{name}")?;
                }
                return Ok(());
            }
            let mut is_first = true;
            for family in Family::ALL {
                let mut members = found.iter().filter(|(_, dcmd)| dcmd.family == family).peekable();
                if members.peek().is_none() {
                    continue;
                }
                if !std::mem::take(&mut is_first) {
                    writeln!(out.text())?;
                }
                writeln!(out.text(), "{}", context.colours.bold(family.title()))?;
                for (name, dcmd) in members {
                    writeln!(out.text(), "  {name:<16} {}", dcmd.summary)?;
                }
            }
            Ok(())
        }))
    },
};

/// The regular expression that chooses among names, if one is given.
fn filter(args: &Args) -> Result<Option<Regex>, DcmdError> {
    args.operand(0).map(Regex::new).transpose().map_err(DcmdError::abort)
}

/// Says that no name matches, and which one was probably meant.
fn nothing<'n>(filter: &Regex, names: impl Iterator<Item = &'n str> + Clone) -> DcmdError {
    let hint = similar(filter.as_str(), names);
    let hint = hint.map_or(String::new(), |near| format!(" (did you mean '{near}'?)"));
    DcmdError::failed(format!("no name matches '{}'{hint}", escape(filter.as_str())))
}

/// A stage that lists names with their summaries, as the arguments choose.
pub(super) fn list(args: &Args, entries: Vec<(&'static str, &'static str)>) -> Started {
    let names_only = args.has('n');
    let filter = filter(args)?;
    Ok(for_each(move |_, _, out| {
        let is_chosen = |name: &str| filter.as_ref().is_none_or(|filter| filter.is_match(name));
        if let Some(filter) = filter.as_ref().filter(|_| !entries.iter().any(|(name, _)| is_chosen(name))) {
            return Err(nothing(filter, entries.iter().map(|(name, _)| *name)));
        }
        for (name, summary) in &entries {
            if !is_chosen(name) {
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
