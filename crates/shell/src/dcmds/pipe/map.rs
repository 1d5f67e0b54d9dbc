//! `::map`: put the value of an expression in each value's place.
//!
//! Dot is the value while the expression is evaluated. What comes out is a number: any dcmd takes it.

use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    r#"::echo 10 | ::map ".+8""#,
    r#"
18
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "map",
    aliases: &[],
    summary: "put the value of an expression in each value's place",
    family: Family::Pipes,
    address: AddressUse::Optional,
    takes: Takes::Anything,
    yields: Yields::Items(Kind::Number),
    options: &[],
    operands: Operands::one("expr"),
    needs: &[],
    manual: include_str!("map.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let expr = super::grep::expression(args)?;
        Ok(for_each(move |context, _, out| {
            let value = context.value_of(&expr).map_err(DcmdError::abort)?;
            super::grep::show(context, Item::number(value), out)
        }))
    },
};
