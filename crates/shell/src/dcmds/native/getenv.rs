//! `::getenv`: print the environment of the process.
//!
//! All variables, or the value of one, as they were when the process started.
//!
//! What the program changed later, by `process.env` or `setenv()`, is elsewhere in memory and does not show here.

use std::io::Write;

use serde_json::json;

use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::escape;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::getenv",
    r#"
HOME=/home/app
LANG=C.UTF-8
PATH=/usr/bin:/bin
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "getenv",
    aliases: &["penv"],
    summary: "print the environment of the process",
    family: Family::Process,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[Opt::flag('t', "accepted; the environment is always that of the process"), Opt::JSON],
    operands: Operands::optional("[name]").filter(),
    needs: &[Capability::Core],
    manual: include_str!("getenv.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let as_json = args.has('j');
        let name = args.operand(0).map(str::to_owned);
        Ok(for_each(move |context, _, out| {
            let environment = &context.target()?.core().process().environment;
            if environment.is_empty() {
                return Err(DcmdError::failed(
                    "the part of the main thread's stack that holds it is not in the core, or it is empty",
                ));
            }
            let is_called = |entry: &&String| match &name {
                None => true,
                Some(name) => entry.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('=')),
            };
            for entry in environment.iter().filter(is_called) {
                if as_json {
                    let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
                    out.json(&json!({ "name": name, "value": value }))?;
                } else {
                    writeln!(out.text(), "{}", escape(entry))?;
                }
            }
            Ok(())
        }))
    },
};
