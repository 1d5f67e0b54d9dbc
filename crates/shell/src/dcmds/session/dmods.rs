//! `::dmods`: list the modules.
//!
//! Everything is built in; what needs a V8 heap belongs to `v8`. `-l` lists the dcmds and walkers of each.

use std::io::Write;

use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::dcmds::ALL;
use crate::error::DcmdError;
use crate::walkers::WALKERS;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "::dmods",
        r#"
v8
v8mdb
"#,
    ),
    Example::on(
        "leak-24",
        "::dmods -l v8",
        r#"
v8
-----------------------------------------------------------------
  dcmd diff                 - say what has grown since an older core of the same service
  dcmd findjsobjects        - list kinds of JavaScript objects, their instances, and who refers to them
  dcmd group                - count objects by the value of an expression
...
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "dmods",
    aliases: &[],
    summary: "list the modules",
    family: Family::Session,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[Opt::flag('l', "list the dcmds and walkers of each")],
    operands: Operands::optional("[module]").filter(),
    needs: &[],
    manual: include_str!("dmods.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let wanted = args.operand(0).map(str::to_owned);
        let list = args.has('l');
        Ok(for_each(move |_, _, out| {
            let module = |needs: &[Capability]| {
                if Capability::are_of_v8(needs) { "v8" } else { crate::PROGRAM }
            };
            let mut found = false;
            for name in ["v8", crate::PROGRAM] {
                if wanted.as_ref().is_some_and(|wanted| wanted != name) {
                    continue;
                }
                found = true;
                writeln!(out.text(), "{name}")?;
                if !list {
                    continue;
                }
                writeln!(out.text(), "{:-<65}", "")?;
                for dcmd in ALL.iter().filter(|dcmd| module(dcmd.needs) == name) {
                    writeln!(out.text(), "  dcmd {:<20} - {}", dcmd.name, dcmd.summary)?;
                }
                for walker in WALKERS.iter().filter(|walker| module(walker.needs) == name) {
                    writeln!(out.text(), "  walk {:<20} - {}", walker.name, walker.summary)?;
                }
            }
            if found { Ok(()) } else { Err(DcmdError::failed("specified module is not loaded")) }
        }))
    },
};
