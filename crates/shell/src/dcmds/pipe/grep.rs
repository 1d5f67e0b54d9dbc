//! `::grep`: keep the values for which an expression is not zero.
//!
//! Dot is the value while the expression is evaluated. Quote the expression if blanks, `|` or `!` occur in it.

use std::io::Write;

use crate::context::Context;
use crate::dcmd::{AddressUse, Args, Dcmd, Example, Family, Operands, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::lang::{Expr, parse_expression};
use crate::stage::Out;
use crate::value::Item;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    r#"::walk thread | ::grep ".&1==1" | ::head -2"#,
    r#"
3007
3009
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "grep",
    aliases: &[],
    summary: "keep the values for which an expression is not zero",
    family: Family::Pipes,
    address: AddressUse::Optional,
    takes: Takes::Anything,
    yields: Yields::Same,
    options: &[],
    operands: Operands::one("expr"),
    needs: &[],
    manual: include_str!("grep.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let expr = expression(args)?;
        Ok(for_each(move |context, item, out| {
            let item = item.unwrap_or(Item::number(context.dot()));
            if context.value_of(&expr).map_err(DcmdError::abort)? != 0 {
                show(context, item, out)?;
            }
            Ok(())
        }))
    },
};

/// The expression that is the only operand.
pub(super) fn expression(args: &Args) -> Result<Expr, DcmdError> {
    let text = args.operand(0).ok_or_else(|| DcmdError::usage("expected an expression"))?;
    parse_expression(text).map_err(|error| {
        DcmdError::Abort(format!("{error} in expression \"{}\"", crate::output::escape(text)))
    })
}

/// Hands on an item, or prints it in the default radix.
pub(super) fn show(context: &Context, item: Item, out: &mut Out<'_>) -> Result<(), DcmdError> {
    if out.is_pipe() || context.settings.radix.get() == 16 {
        out.emit(item)?;
    } else {
        writeln!(out.text(), "{}", context.in_radix(item.word))?;
    }
    Ok(())
}
