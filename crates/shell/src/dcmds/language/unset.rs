//! `::unset`: remove variables.

use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Takes, Yields, for_each};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on("leak-24", "1234>x", ""),
    Example::on("leak-24", "::unset x", ""),
    Example::on(
        "leak-24",
        "<x=J",
        r#"
v8mdb: variable 'x' is not defined
"#,
    ),
];

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
    examples: EXAMPLES,
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
