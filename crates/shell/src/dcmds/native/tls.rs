//! `::tls`: print where a thread has a thread-local variable.
//!
//! Of the thread whose id stands in front, or of the current one. In a pipe the address is handed on: `3007::tls errno | ::dump`. The name is as in the symbol table.

use std::io::Write;

use core_reader::Symbols;

use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::escape;
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "3007::tls _ZN2v88internal18g_current_isolate_E",
    r#"
7ff64c257ca0
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "tls",
    aliases: &[],
    summary: "print where a thread has a thread-local variable",
    family: Family::Process,
    address: AddressUse::Optional,
    takes: Takes::Only(&[Kind::Thread]),
    yields: Yields::Items(Kind::Address),
    options: &[],
    operands: Operands::one("symbol"),
    needs: &[Capability::Core],
    manual: include_str!("tls.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let name = args.operand(0).map(str::to_owned).ok_or_else(|| DcmdError::usage(""))?;
        Ok(for_each(move |context, item, out| {
            let thread = context.thread_of(item)?;
            let found = context.target()?.symbols().thread_local(&name, thread);
            let found = found.ok_or_else(|| {
                DcmdError::failed(format!(
                    "thread {:x} has no thread-local variable {}: unknown symbol name, or it has not used it",
                    thread.id,
                    escape(&name)
                ))
            })?;
            if out.is_pipe() {
                return out.emit(Item::address(found.0)).map(drop);
            }
            Ok(writeln!(out.text(), "{found}")?)
        }))
    },
};
