//! `$L`: print the ids of all threads.
//!
//! In decimal, as the system shows them; `::threads` tells more.

use std::io::Write;

use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Takes, Yields, for_each};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "$L",
    r#"
lwpids 12295, 12296, 12297, 12298, 12299, 12300 and 12301 are in core of process 12295.
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "$L",
    aliases: &[],
    summary: "print the ids of all threads",
    family: Family::Process,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[],
    operands: Operands::NONE,
    needs: &[Capability::Core],
    manual: include_str!("thread_ids.rs"),
    examples: EXAMPLES,
    start: |_, _| {
        Ok(for_each(|context, _, out| {
            let core = context.target()?.core();
            let process = core.process().id;
            let ids: Vec<String> = core.threads().iter().map(|thread| thread.id.to_string()).collect();
            let mut text = out.text();
            match ids.split_last() {
                None => writeln!(text, "no threads are in core of process {process}.")?,
                Some((last, [])) => writeln!(text, "lwpid {last} is in core of process {process}.")?,
                Some((last, rest)) => {
                    let rest = rest.join(", ");
                    writeln!(text, "lwpids {rest} and {last} are in core of process {process}.")?;
                }
            }
            Ok(())
        }))
    },
};
