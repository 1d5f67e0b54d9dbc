//! `$L`: print the ids of all threads.
//!
//! In decimal, as the system shows them; `::threads` tells more.
//!
//! ```text
//! > $L
//! lwpids 17992, 18002, 18000, 18003, 18001, 17998 and 17999 are in core of process 17992.
//! ```

use std::io::Write;

use crate::dcmd::{AddressUse, Capability, Dcmd, Family, Operands, Takes, Yields, for_each};

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
