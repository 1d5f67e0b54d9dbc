//! `::typeset`: declare variables.
//!
//! With an address each of them gets that value; without one those that are new are 0, and the others keep what they have.
//! `-t` marks them, `+t` takes the mark away; `::vars -t` lists the marked ones.

use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::lang::Environment;
use crate::variables::check_name;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on("leak-24", "12fd195c4fb9::typeset -t suspect", ""),
    Example::on(
        "leak-24",
        "::vars -t",
        r#"
suspect = 12fd195c4fb9
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "typeset",
    aliases: &[],
    summary: "declare variables",
    family: Family::Session,
    address: AddressUse::Optional,
    takes: Takes::Anything,
    yields: Yields::Text,
    options: &[Opt::toggle('t', "mark the variables, or take the mark away")],
    operands: Operands::between("variable ...", 1, usize::MAX),
    needs: &[],
    manual: include_str!("typeset.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let names: Vec<String> =
            args.operands().iter().map(|word| word.text().unwrap_or("").to_owned()).collect();
        names.iter().try_for_each(|name| check_name(name)).map_err(DcmdError::Abort)?;
        let mark = args.toggled('t');
        Ok(for_each(move |context, item, _| {
            for name in &names {
                match item {
                    Some(item) => context.assign(name, item.word)?,
                    None if context.variable(name).is_none() => context.assign(name, 0)?,
                    None => {}
                }
                if let Some(mark) = mark {
                    context.variables.borrow_mut().set_tag(name, mark);
                }
            }
            Ok(())
        }))
    },
};
