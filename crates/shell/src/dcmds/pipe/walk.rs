//! `::walk`: enumerate what a walker finds.
//!
//! Runs the walker and prints one value per line, or hands the values on. If a variable is named, it holds each value while
//! the rest of the pipe works on it. `::walkers` lists the walkers.

use std::io::Write;

use crate::dcmd::{AddressUse, Args, Dcmd, Example, Family, Operands, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::stage::Flow;
use crate::value::Kind;
use crate::variables::check_name;
use crate::walker::Walker;
use crate::walkers::find_walker;

/// What it says, on files that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "::walk thread | ::head -2",
        r#"
3007
3008
"#,
    ),
    Example::on(
        "leak-24",
        r#"::walk thread t | ::head -1 | ::eval "<t=D""#,
        r#"
                12295
"#,
    ),
    Example::on(
        "leak-24",
        "12fd195c8d49::walk jselement | ::jsprint sequence",
        r#"
0
1
2
"#,
    ),
    Example::on_snapshot(
        "sessions-24",
        "@104455::walk jsmapentry | ::count",
        r#"
300
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "walk",
    aliases: &[],
    summary: "enumerate what a walker finds",
    family: Family::Pipes,
    address: AddressUse::Optional,
    takes: Takes::Depends(|args| walker(args).map_or(Takes::Anything, |walker| walker.takes)),
    yields: Yields::Depends(|args| Yields::Items(walker(args).map_or(Kind::Number, |walker| walker.yields))),
    options: &[],
    operands: Operands::between("name [variable]", 1, 2),
    needs: &[],
    manual: include_str!("walk.rs"),
    examples: EXAMPLES,
    start: |context, args| {
        let walker = walker(args)?;
        if let Some(reason) = walker.needs.iter().find_map(|&need| context.lacks(need)) {
            let instead = match (context.snapshot(), args.has_address()) {
                (None, _) => String::new(),
                (Some(_), false) => " (try '::walk jsobject')".to_owned(),
                (Some(_), true) => format!(" (try '{}::walk jsprop')", context.word_text(context.dot())),
            };
            return Err(DcmdError::Abort(format!("failed to perform walk: {reason}{instead}")));
        }
        if args.has_address() && walker.address == AddressUse::Refused {
            return Err(walk_error("walker does not accept starting address"));
        }
        if !args.has_address() && walker.address == AddressUse::Required {
            return Err(walk_error("walker requires starting address"));
        }
        let variable = args.operand(1).map(str::to_owned);
        if let Some(name) = &variable {
            check_name(name).map_err(DcmdError::Abort)?;
        }
        Ok(for_each(move |context, item, out| {
            if variable.is_some() {
                out.one_by_one();
            }
            (walker.walk)(context, item, &mut |found| {
                context.check_interrupt()?;
                if let Some(variable) = &variable {
                    context.assign(variable, found.word)?;
                }
                if out.is_pipe() {
                    return out.emit(found);
                }
                if found.kind == Kind::Double {
                    return out.emit(found);
                }
                writeln!(out.text(), "{:#x}", found.word)?;
                Ok(Flow::Continue)
            })
        }))
    },
};

fn walk_error(reason: &str) -> DcmdError {
    DcmdError::Abort(format!("failed to perform walk: {reason}"))
}

fn walker(args: &Args) -> Result<&'static Walker, DcmdError> {
    let name = args.operand(0).ok_or_else(|| DcmdError::usage(""))?;
    find_walker(name).map_err(DcmdError::Abort)
}
