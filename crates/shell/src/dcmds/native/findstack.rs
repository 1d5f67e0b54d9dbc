//! `::findstack`: print the stack of a thread, under a line that says whose it is.
//!
//! For use behind `::walk thread`. Frames are as in `::stack`; `-v` adds their frame pointers.

use std::io::Write;

use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::print::stack::{Columns, print, warn_of_end};
use crate::value::Kind;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::walk thread | ::head -1 | ::findstack 3",
    r#"
stack pointer for thread 3007: 7ffdd6487ab8
  libc.so.6`syscall+0x19()
  0x2645f59()
  0x2646012()
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "findstack",
    aliases: &[],
    summary: "print the stack of a thread",
    family: Family::Process,
    address: AddressUse::Optional,
    takes: Takes::Only(&[Kind::Thread]),
    yields: Yields::Text,
    options: &[Opt::flag('v', "print frame pointers")],
    operands: Operands::optional("[frames]"),
    needs: &[Capability::Core],
    manual: include_str!("findstack.rs"),
    examples: EXAMPLES,
    start: |context, args| {
        let limit = super::stack::limit(context, args)?;
        let columns = Columns { frame_pointer: args.has('v'), address: false };
        Ok(for_each(move |context, item, out| {
            let thread = context.thread_of(item)?;
            writeln!(out.text(), "stack pointer for thread {:x}: {:x}", thread.id, thread.stack_pointer().0)?;
            let stack = context.stack_of(thread, limit)?;
            print(context, &stack, "  ", columns, out)?;
            warn_of_end(context, &stack, limit);
            Ok(())
        }))
    },
};
