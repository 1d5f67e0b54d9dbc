//! `::findstack`: print the stack of a thread, under a line that says whose it is.
//!
//! For use behind `::walk thread`. Frames are as in `::stack`; `-v` adds their frame pointers.
//!
//! ```text
//! > ::walk thread | ::findstack 2
//! stack pointer for thread 4648: 7ffdd229e9e0
//!   libc.so.6`__pthread_kill_implementation+0x10c()
//!   libc.so.6`raise+0x12()
//! stack pointer for thread 4652: 7fd771508b70
//!   libc.so.6`__futex_abstimed_wait_common+0xc6()
//!   libc.so.6`pthread_cond_wait+0x1e8()
//! ```

use std::io::Write;

use crate::dcmd::{AddressUse, Capability, Dcmd, Family, Operands, Opt, Takes, Yields, for_each};
use crate::print::stack::{Columns, print, warn_of_end};
use crate::value::Kind;

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
