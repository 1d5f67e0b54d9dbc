//! `::context`: choose the current thread.
//!
//! `::regs`, `::stack` and the variables named after registers are those of the current thread. At first that is the one that
//! took the fatal signal, or the first of the core. The thread is named by its id. Without an id: back to that first thread.

use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Takes, Yields, for_each};
use crate::value::Kind;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on("leak-24", "3008::context", ""),
    Example::on(
        "leak-24",
        "$l",
        r#"
3008
"#,
    ),
    Example::on(
        "leak-24",
        "::stack 1",
        r#"
libc.so.6`epoll_pwait+0x6e()
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "context",
    aliases: &["$p", "thread"],
    summary: "choose the current thread",
    family: Family::Process,
    address: AddressUse::Optional,
    takes: Takes::Only(&[Kind::Thread]),
    yields: Yields::Text,
    options: &[],
    operands: Operands::NONE,
    needs: &[Capability::Core],
    manual: include_str!("context.rs"),
    examples: EXAMPLES,
    start: |_, _| {
        Ok(for_each(|context, item, _| {
            let chosen = item.map(|item| context.thread_of(Some(item))).transpose()?;
            context.current_thread.set(chosen.map(|thread| thread.id));
            Ok(())
        }))
    },
};
