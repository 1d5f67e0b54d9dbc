//! `::map`: put the value of an expression in each value's place.
//!
//! Dot is the value while the expression is evaluated. What comes out is a number: any dcmd takes it.
//!
//! ```text
//! > ::echo 10 | ::map ".+8"
//! 18
//! ```

use crate::dcmd::{AddressUse, Dcmd, Family, Operands, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::value::{Item, Kind};

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
    start: |_, args| {
        let expr = super::grep::expression(args)?;
        Ok(for_each(move |context, _, out| {
            let value = context.value_of(&expr).map_err(DcmdError::abort)?;
            super::grep::show(context, Item::number(value), out)
        }))
    },
};
