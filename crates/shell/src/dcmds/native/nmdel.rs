//! `::nmdel`: remove a name that `::nmadd` gave.

use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::escape;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "12fd195c4fb9::nmadd largest",
        r#"
v8mdb: added largest, value=12fd195c4fb9 size=0
"#,
    ),
    Example::on(
        "leak-24",
        "::nmdel largest",
        r#"
v8mdb: deleted largest, value=12fd195c4fb9 size=0
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "nmdel",
    aliases: &[],
    summary: "remove a name that ::nmadd gave",
    family: Family::Memory,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[],
    operands: Operands::one("name"),
    needs: &[],
    manual: include_str!("nmdel.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let name = args.operand(0).unwrap_or("").to_owned();
        Ok(for_each(move |context, _, _| {
            let symbol = context.private_symbols.borrow().get(&name);
            let Some(symbol) = symbol else {
                let shown = escape(&name);
                return Err(DcmdError::Failed(format!("symbol '{shown}' not found in private symbol table")));
            };
            context.private_symbols.borrow_mut().remove(&name);
            context.warn(&format!("deleted {name}, value={:x} size={:x}", symbol.value, symbol.size));
            Ok(())
        }))
    },
};
