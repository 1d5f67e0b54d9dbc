//! `::dem`: show C++ names as in the source.
//!
//! ```text
//! > ::dem _ZN4node5StartEiPPc
//! _ZN4node5StartEiPPc == node::Start(int, char**)
//! ```

use std::io::Write;

use crate::dcmd::{AddressUse, Dcmd, Family, Operands, Takes, Yields, for_each};
use crate::output::escape;

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
