//! `::load`: load a module.
//!
//! Support for V8 is built in and always at hand; `::load v8` says what it found in the target, and is there for scripts that
//! begin with it. The path of an `mdb_v8.so` means the same.

use std::io::Write;

use crate::context::Context;
use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::escape;
use crate::stage::Out;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::load v8",
    r#"
v8mdb version: 0.1.0
V8 version: 13.6.233.17-node.53
Autoconfigured V8 support from target
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "load",
    aliases: &[],
    summary: "load a module",
    family: Family::Session,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[Opt::flag('s', "print nothing")],
    operands: Operands::one("module"),
    needs: &[],
    manual: include_str!("load.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let module = args.operand(0).unwrap_or("").to_owned();
        let quiet = args.has('s');
        Ok(for_each(move |context, _, out| {
            let base = module.rsplit('/').next().unwrap_or("");
            if !matches!(base, "v8" | "v8.so" | "mdb_v8.so" | "mdb_v8") {
                let shown = escape(&module);
                return Err(DcmdError::Failed(format!("failed to load module {shown}: no such module")));
            }
            if quiet { Ok(()) } else { banner(context, out) }
        }))
    },
};

fn banner(context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
    writeln!(out.text(), "{} version: {}", crate::PROGRAM, env!("CARGO_PKG_VERSION"))?;
    if context.snapshot().is_some() {
        return Ok(writeln!(out.text(), "V8 version: none is in a heap snapshot")?);
    }
    let heap = context.target()?.heap().map_err(DcmdError::Failed)?;
    writeln!(out.text(), "V8 version: {}", heap.version())?;
    Ok(writeln!(out.text(), "Autoconfigured V8 support from target")?)
}
