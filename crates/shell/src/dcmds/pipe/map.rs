//! `::map`: put the value of an expression in each value's place.
//!
//! Dot is the value while the expression is evaluated. What comes out is a number: any dcmd takes it.
//!
//! A path of JavaScript, `request.url` or `pending[0]`, puts that member in the place of each object, as `::jsprint` finds it. What can
//! be read as a symbol of the program is one.

use v8_heap::Tagged;

use crate::context::Context;
use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::lang::parse_expression;
use crate::of_snapshot;
use crate::print::{Member, Place};
use crate::value::{Item, Kind};

/// What it says, on files that ship.
const EXAMPLES: &[Example] = &[
    Example::on("leak-24", r#"::echo 10 | ::map ".+8""#, "18"),
    Example::on("leak-24", "12fd195c8d49::jsarray | ::map bytes | ::jsprint length", "16\n16\n16"),
    Example::on("leak-24", "12fd195c4fb9::map request.url | ::jsprint", "\"/v1/images/12?size=160\""),
    Example::on_snapshot(
        "sessions-24",
        "@70897::map client.name | ::jsprint",
        r#"
"client-290"
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "map",
    aliases: &[],
    summary: "put the value of an expression in each value's place",
    family: Family::Pipes,
    address: AddressUse::Optional,
    takes: Takes::Anything,
    yields: Yields::Items(Kind::Number),
    options: &[],
    operands: Operands::one("expr | path"),
    needs: &[],
    manual: include_str!("map.rs"),
    examples: EXAMPLES,
    start: |context, args| {
        let text = args.operand(0).unwrap_or("").to_owned();
        if let Some(path) = path(context, &text) {
            return Ok(for_each(move |context, item, out| {
                let item = item.unwrap_or(Item::number(context.dot()));
                let found = match context.snapshot() {
                    Some(_) => of_snapshot::member(context, item, &text, &path)?,
                    None => member(context, &path, item)?,
                };
                out.emit(found).map(|_| ())
            }));
        }
        let expr = super::grep::expression(args)?;
        Ok(for_each(move |context, _, out| {
            let value = context.value_of(&expr).map_err(DcmdError::abort)?;
            super::grep::show(context, Item::number(value), out)
        }))
    },
};

/// The path that `text` is, if it is one: it begins with a name or a bracket, and is no symbol and no other expression.
fn path(context: &Context, text: &str) -> Option<Member> {
    if !text.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '$' | '#' | '[')) {
        return None;
    }
    let is_expression = parse_expression(text).is_ok_and(|expr| context.value_of(&expr).is_ok());
    // With an operator, it was meant to be one.
    let has_operator = text.contains(['+', '*', '%', '&', '|', '<', '=', ' ']);
    if is_expression || has_operator { None } else { Member::parse(text).ok() }
}

/// The member of an object.
fn member(context: &Context, path: &Member, item: Item) -> Result<Item, DcmdError> {
    let heap = context.heap()?;
    let (place, strange) = path.find(heap, Tagged(item.word))?;
    match place {
        Place::Value(value) => Ok(Item::value(value.0)),
        Place::Number(number) => Ok(Item::double(number)),
        Place::Address(address) => Ok(Item::address(address)),
        Place::Missing => {
            Err(DcmdError::Failed(strange.unwrap_or_else(|| format!("{item}: there is no such member"))))
        }
        _ => Err(DcmdError::Failed(format!("{item}: the member is no value that can be handed on"))),
    }
}
