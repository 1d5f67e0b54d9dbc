//! `::pargs`: print the arguments of the process.
//!
//! In full, one a line, from the stack of the main thread. `-e` prints the environment instead, as `::penv` does.
//!
//! These are the strings as the process left them: a program that sets `process.title` has overwritten them.

use std::io::Write;

use serde_json::json;

use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::escape;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::pargs",
    r#"
argv[0]: /tmp/v8mdb-stage/node-24.21.0/bin/node
argv[1]: /tmp/v8mdb-stage/app/leak.js
argv[2]: --report=/tmp/v8mdb-stage/out/process.json
argv[3]: --snapshot=/tmp/v8mdb-stage/out/v8.heapsnapshot
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "pargs",
    aliases: &[],
    summary: "print the arguments of the process",
    family: Family::Process,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[Opt::flag('e', "the environment"), Opt::JSON],
    operands: Operands::NONE,
    needs: &[Capability::Core],
    manual: include_str!("pargs.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let (environment, as_json) = (args.has('e'), args.has('j'));
        Ok(for_each(move |context, _, out| {
            let process = context.target()?.core().process();
            let (name, strings) =
                if environment { ("envp", &process.environment) } else { ("argv", &process.arguments) };
            if strings.is_empty() {
                return Err(DcmdError::failed(
                    "the part of the main thread's stack that holds them is not in the core, or nothing was passed",
                ));
            }
            for (index, string) in strings.iter().enumerate() {
                if as_json {
                    out.json(&json!({ "list": name, "index": index, "text": string }))?;
                } else {
                    writeln!(out.text(), "{name}[{index}]: {}", escape(string))?;
                }
            }
            Ok(())
        }))
    },
};
