//! `::nmadd`: name an address.
//!
//! The name is a symbol from then on: expressions know it, and addresses in its reach are shown with it. Without `-s` or `-e`
//! it reaches as far as its one byte. `-f` makes it a function, `-o` an object, which is what it is if nothing is said. A
//! name that is taken moves.

use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::private_symbols::PrivateSymbol;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "12fd195c4fb9::nmadd -s 40 largest",
        r#"
v8mdb: added largest, value=12fd195c4fb9 size=40
"#,
    ),
    Example::on(
        "leak-24",
        "largest+8=p",
        r#"
                largest+0x8
"#,
    ),
    Example::on(
        "leak-24",
        "largest::jsprint request.id",
        r#"
12
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "nmadd",
    aliases: &[],
    summary: "name an address",
    family: Family::Memory,
    address: AddressUse::Optional,
    takes: Takes::Anything,
    yields: Yields::Text,
    options: &[
        Opt::flag('f', "it is a function"),
        Opt::flag('o', "it is an object"),
        Opt::number('e', "end", "the address behind its last byte"),
        Opt::number('s', "size", "its size in bytes"),
    ],
    operands: Operands::one("name"),
    needs: &[],
    manual: include_str!("nmadd.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let name = args.operand(0).unwrap_or("").to_owned();
        let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_' || c == '.';
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        if !name.starts_with(is_letter) || !name.chars().all(is_part) || name == "." {
            return Err(DcmdError::usage(
                "a symbol is a letter, '_' or '.', then letters, digits, '_' and '.'",
            ));
        }
        let (end, size, function) = (args.number('e'), args.number('s'), args.has('f'));
        if (end.is_some() && size.is_some()) || (function && args.has('o')) {
            return Err(DcmdError::usage(""));
        }
        Ok(for_each(move |context, item, _| {
            let value = item.map_or(context.dot(), |item| item.word);
            let size = match end {
                None => size.unwrap_or(0),
                Some(end) => end.checked_sub(value).ok_or_else(|| {
                    DcmdError::Failed(format!("the end {end:x} lies in front of the start {value:x}"))
                })?,
            };
            context.private_symbols.borrow_mut().add(&name, PrivateSymbol { value, size, function });
            context.warn(&format!("added {name}, value={value:x} size={size:x}"));
            Ok(())
        }))
    },
};
