//! `::dem`: show C++ names as in the source.

use std::io::Write;

use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Takes, Yields, for_each};
use crate::output::escape;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::dem _ZN4node5StartEiPPc",
    r#"
_ZN4node5StartEiPPc == node::Start(int, char**)
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "dem",
    aliases: &[],
    summary: "show C++ names as in the source",
    family: Family::Memory,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[],
    operands: Operands::between("name ...", 1, usize::MAX),
    needs: &[],
    manual: include_str!("dem.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let names: Vec<String> =
            args.operands().iter().filter_map(|word| word.text()).map(str::to_owned).collect();
        Ok(for_each(move |_, _, out| {
            for name in &names {
                let shown = core_reader::demangle(name).unwrap_or_else(|| name.clone());
                writeln!(out.text(), "{} == {}", escape(name), escape(&shown))?;
            }
            Ok(())
        }))
    },
};
