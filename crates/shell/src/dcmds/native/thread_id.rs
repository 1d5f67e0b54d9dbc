//! `$l`: print the id of the current thread.

use std::io::Write;

use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Takes, Yields, for_each};
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "$l",
    r#"
3007
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "$l",
    aliases: &[],
    summary: "print the id of the current thread",
    family: Family::Process,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Items(Kind::Thread),
    options: &[],
    operands: Operands::NONE,
    needs: &[Capability::Core],
    manual: include_str!("thread_id.rs"),
    examples: EXAMPLES,
    start: |_, _| {
        Ok(for_each(|context, _, out| {
            let id = context.thread()?.id;
            if out.is_pipe() {
                return out.emit(Item::thread(id)).map(drop);
            }
            Ok(writeln!(out.text(), "{id:x}")?)
        }))
    },
};
