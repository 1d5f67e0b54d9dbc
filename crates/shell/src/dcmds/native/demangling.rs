//! `$G`: show C++ symbols as in the source, or as in the symbol table.
//!
//! They are shown as in the source until this is said for the first time; saying it again goes back.

use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Takes, Yields, for_each};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "$G",
    r#"
v8mdb: C++ symbol demangling disabled
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "$G",
    aliases: &[],
    summary: "show C++ symbols as in the source, or as in the symbol table",
    family: Family::Memory,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[],
    operands: Operands::NONE,
    needs: &[],
    manual: include_str!("demangling.rs"),
    examples: EXAMPLES,
    start: |_, _| {
        Ok(for_each(|context, _, _| {
            let on = !context.settings.demangle.get();
            context.settings.demangle.set(on);
            context.warn(&format!("C++ symbol demangling {}", if on { "enabled" } else { "disabled" }));
            Ok(())
        }))
    },
};
