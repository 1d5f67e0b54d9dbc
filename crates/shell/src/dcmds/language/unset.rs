//! `::unset`: remove variables.
//!
//! ```text
//! > 1234>x
//! > ::unset x
//! > <x=J
//! v8mdb: variable 'x' is not defined
//! ```

use crate::dcmd::{AddressUse, Dcmd, Family, Operands, Takes, Yields, for_each};

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "unset",
    aliases: &[],
    summary: "remove variables",
    family: Family::Session,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[],
    operands: Operands::between("variable ...", 1, usize::MAX),
    needs: &[],
    manual: include_str!("unset.rs"),
    start: |_, args| {
        let names: Vec<String> =
            args.operands().iter().filter_map(|word| word.text()).map(str::to_owned).collect();
        Ok(for_each(move |context, _, out| {
            for name in &names {
                if let Err(reason) = context.variables.borrow_mut().remove(name) {
                    out.fault(&reason);
                }
            }
            Ok(())
        }))
    },
};
