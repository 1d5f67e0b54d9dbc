//! `::grep`: keep the values for which an expression is not zero.
//!
//! Dot is the value while the expression is evaluated. Quote the expression if blanks, `|` or `!` occur in it.
//!
//! ```text
//! > ::echo 20 | ::grep ".==20"
//! 20
//! ```

use crate::context::Context;
use crate::dcmd::{AddressUse, Args, Dcmd, Operands, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::lang::{Expr, parse_expression};
use crate::value::Item;

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "grep",
    aliases: &[],
    summary: "keep the values for which an expression is not zero",
    address: AddressUse::Optional,
    takes: Takes::Anything,
    yields: Yields::Same,
    options: &[],
    operands: Operands::one("expr"),
    needs: &[],
    manual: include_str!("grep.rs"),
    start: |_, args| {
        let expr = expression(args)?;
        Ok(for_each(move |context, item, out| {
            let item = item.unwrap_or(Item::number(context.dot()));
            if context.value_of(&expr).map_err(DcmdError::abort)? != 0 {
                super::map::show(context, item, out)?;
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

impl Context {
    /// `value` in the default radix, without prefix.
    pub fn in_radix(&self, value: u64) -> String {
        let radix = u64::from(self.settings.radix.get().clamp(2, 16));
        let mut digits = Vec::new();
        let mut rest = value;
        while rest > 0 || digits.is_empty() {
            let digit = u32::try_from(rest % radix).unwrap_or(0);
            digits.extend(char::from_digit(digit, 16));
            rest /= radix;
        }
        digits.iter().rev().collect()
    }
}
