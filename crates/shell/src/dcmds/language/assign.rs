//! `>`: assign a value to a variable.
//!
//! `value>name` assigns, `<name` reads. Without a value dot is assigned; at the end of a pipe the last value stays. A letter
//! between slashes keeps the low bytes only: `c` or `1` one, `s` or `2` two, `i` or `4` four, `l` or `8` all eight.

use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Takes, Yields, for_each};
use crate::lang::width;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on("leak-24", "1234>x", ""),
    Example::on(
        "leak-24",
        "<x+1=X",
        r#"
                1235
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: ">",
    aliases: &[],
    summary: "assign a value to a variable",
    family: Family::Session,
    address: AddressUse::Optional,
    takes: Takes::Anything,
    yields: Yields::Text,
    options: &[],
    operands: Operands::between("variable", 1, 2),
    needs: &[],
    manual: include_str!("assign.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let name = args.operand(0).unwrap_or("").to_owned();
        let size = args.operand(1).and_then(|modifier| modifier.chars().next()).map_or(8, width);
        Ok(for_each(move |context, item, _| {
            let value = item.map_or(context.dot(), |item| item.word);
            let kept = if size == 8 { value } else { value & ((1 << (8 * size)) - 1) };
            context.prompt.set_increment(0);
            context.assign(&name, kept)
        }))
    },
};
