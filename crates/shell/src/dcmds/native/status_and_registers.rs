//! `$?`: say how the process ended, and what was in its registers.
//!
//! That there is no process any more, the signal that ended it, if one did, and the registers of the current thread, or of the one whose id stands
//! in front. `::status` says more of the process, `::signal` of the signal.

use std::io::Write;

use super::regs;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Takes, Yields, for_each};
use crate::value::Kind;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "$?",
    r#"
no process
%rax = 0xfffffffffffffe00                 %r8  = 0x0000000000000000
...
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "$?",
    aliases: &[],
    summary: "say how the process ended, and what was in its registers",
    family: Family::Process,
    address: AddressUse::Optional,
    takes: Takes::Only(&[Kind::Thread]),
    yields: Yields::Text,
    options: &[],
    operands: Operands::NONE,
    needs: &[Capability::Core],
    manual: include_str!("status_and_registers.rs"),
    examples: EXAMPLES,
    start: |_, _| {
        Ok(for_each(|context, item, out| {
            let thread = context.thread_of(item)?;
            writeln!(out.text(), "no process")?;
            if let Some(signal) = context.target()?.core().signal() {
                writeln!(out.text(), "{}: {}", signal.name, signal.description)?;
            }
            regs::print(context, &thread.registers, out)
        }))
    },
};
