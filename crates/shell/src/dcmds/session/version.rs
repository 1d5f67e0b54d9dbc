//! `::version`: print the name and version of the debugger.
//!
//! ```text
//! > ::version
//! v8mdb 0.1.0
//! ```

use std::io::Write;

use crate::dcmd::{AddressUse, Dcmd, Family, Operands, Takes, Yields, for_each};

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "version",
    aliases: &[],
    summary: "print the name and version of the debugger",
    family: Family::Session,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[],
    operands: Operands::NONE,
    needs: &[],
    manual: include_str!("version.rs"),
    start: |_, _| {
        Ok(for_each(|_, _, out| {
            Ok(writeln!(out.text(), "{} {}", crate::PROGRAM, env!("CARGO_PKG_VERSION"))?)
        }))
    },
};
