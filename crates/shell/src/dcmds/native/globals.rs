//! `$e`: list the global symbols with what is at them.
//!
//! Functions and variables of all objects: the name, the address in parentheses, and the word there; `?` where it cannot be read. `::nm`
//! lists symbols of all kinds.

use std::io::Write;

use core_reader::{Address, Memory, TableKind};

use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Takes, Yields, for_each};
use crate::output::escape;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "$e ! grep '^epoll_wait(' | tr '\t' ' '",
    r#"
epoll_wait(7ff64bf26ee0): 4100000d26f13d80
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "$e",
    aliases: &[],
    summary: "list the global symbols with what is at them",
    family: Family::Memory,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[],
    operands: Operands::NONE,
    needs: &[Capability::Core],
    manual: include_str!("globals.rs"),
    examples: EXAMPLES,
    start: |_, _| {
        Ok(for_each(|context, _, out| {
            let target = context.target()?;
            for index in 0..target.core().modules().len() {
                // A stripped object has the dynamic table alone.
                let table = match target.symbols().entries(index, TableKind::Static).next() {
                    Some(_) => TableKind::Static,
                    None => TableKind::Dynamic,
                };
                for entry in target.symbols().entries(index, table) {
                    context.check_interrupt()?;
                    if entry.is_undefined()
                        || entry.binding != GLOBAL
                        || !matches!(entry.kind, OBJECT | FUNCTION)
                    {
                        continue;
                    }
                    let name = context.symbol_name(entry.name.split('@').next().unwrap_or_default());
                    let (name, at) = (escape(&name), entry.value);
                    match target.memory().read_u64(Address(at)) {
                        Ok(word) => writeln!(out.text(), "{name}({at:x}):\t{word:x}")?,
                        Err(_) => writeln!(out.text(), "{name}({at:x}):\t?")?,
                    }
                }
            }
            Ok(())
        }))
    },
};

/// `STB_GLOBAL`, `STT_OBJECT`, `STT_FUNC`.
const GLOBAL: u8 = 1;
const OBJECT: u8 = 1;
const FUNCTION: u8 = 2;
