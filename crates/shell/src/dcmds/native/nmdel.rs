//! `::nmdel`: remove a name that `::nmadd` gave.
//!
//! ```text
//! > ::nmdel limits
//! v8mdb: deleted limits, value=2b1e00c0ffe9 size=20
//! ```

use crate::dcmd::{AddressUse, Dcmd, Family, Operands, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::escape;

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
