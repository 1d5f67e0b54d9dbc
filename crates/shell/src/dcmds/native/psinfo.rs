//! `::psinfo`: say who the process was.
//!
//! What `ps` would have shown, the start of the command line included; `::pargs` prints it in full.

use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::output::{Facts, escape};
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
    options: &[Opt::JSON],
    operands: Operands::NONE,
    needs: &[Capability::Core],
    manual: include_str!("psinfo.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let as_json = args.has('j');
        Ok(for_each(move |context, _, out| {
            let core = context.target()?.core();
            let process = core.process();
            let executable = core.modules().iter().find(|module| module.executable);
            let path = executable.map(|module| module.path.as_str()).or(process.executed_path.as_deref());
            let threads = number_of_threads(core);
            let mut facts = Facts::new();
            facts.tell("name", process.name.as_str(), format!("name: {}", escape(&process.name)));
            facts.tell("pid", process.id, format!("pid: {}", process.id));
            facts.tell("parent", process.parent_id, format!("parent: {}", process.parent_id));
            facts.tell("user", process.user_id, format!("user: {}", process.user_id));
            facts.tell("group", process.group_id, format!("group: {}", process.group_id));
            facts.tell("threads", core.threads().len(), format!("threads: {threads}"));
            facts.tell("executable", path, format!("executable: {}", escape(path.unwrap_or("unknown"))));
            let command = process.command_line.as_str();
            facts.tell("commandLine", command, format!("command line: {}", escape(command)));
            Ok(facts.print(as_json, &mut out.text())?)
        }))
    },
};
