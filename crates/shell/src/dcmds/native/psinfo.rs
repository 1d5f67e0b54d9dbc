//! `::psinfo`: say who the process was.
//!
//! What `ps` would have shown, the start of the command line included; `::pargs` prints it in full.

use std::io::Write;

use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Takes, Yields, for_each};
use crate::output::escape;
use crate::threads::number_of_threads;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::psinfo",
    r#"
name: node
pid: 12295
parent: 11917
user: 0
group: 0
threads: 7
executable: /tmp/v8mdb-stage/node-24.21.0/bin/node
command line: /tmp/v8mdb-stage/node-24.21.0/bin/node
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "psinfo",
    aliases: &[],
    summary: "say who the process was",
    family: Family::Process,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[],
    operands: Operands::NONE,
    needs: &[Capability::Core],
    manual: include_str!("psinfo.rs"),
    examples: EXAMPLES,
    start: |_, _| {
        Ok(for_each(|context, _, out| {
            let core = context.target()?.core();
            let process = core.process();
            let executable = core.modules().iter().find(|module| module.executable);
            let path = executable.map(|module| module.path.as_str()).or(process.executed_path.as_deref());
            let mut text = out.text();
            writeln!(text, "name: {}", escape(&process.name))?;
            writeln!(text, "pid: {}", process.id)?;
            writeln!(text, "parent: {}", process.parent_id)?;
            writeln!(text, "user: {}", process.user_id)?;
            writeln!(text, "group: {}", process.group_id)?;
            writeln!(text, "threads: {}", number_of_threads(core))?;
            writeln!(text, "executable: {}", escape(path.unwrap_or("unknown")))?;
            Ok(writeln!(text, "command line: {}", escape(&process.command_line))?)
        }))
    },
};
