//! `::jsstacks`: print the stacks of all threads, those that are alike once.
//!
//! JavaScript and native functions, as `$C` shows them, under the ids of the threads that are in them; the most common first. Workers of the
//! kernel, which have no stack in the process, are left out. `-n` limits the functions of each.

use std::io::Write;

use crate::answers::merged_stacks::merged_stacks;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "uncaught-24",
    "::jsstacks -n 1",
    r#"
...
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsstacks",
    aliases: &["stacks"],
    summary: "print the stacks of all threads, those that are alike once",
    family: Family::Process,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[
        Opt::number('n', "functions", "print only so many of each stack, from the innermost on"),
        Opt::JSON,
    ],
    operands: Operands::NONE,
    needs: &[Capability::Core],
    manual: include_str!("jsstacks.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let most = args.number('n').map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
        let as_json = args.has('j');
        Ok(for_each(move |context, _, out| {
            let stacks = merged_stacks(context, most)?;
            for stack in stacks {
                if as_json {
                    out.json(&stack.json())?;
                    continue;
                }
                let ids: Vec<String> = stack.threads.iter().map(|id| format!("{id:x}")).collect();
                let word = if stack.threads.len() == 1 { "thread" } else { "threads" };
                let mut text = out.text();
                writeln!(text, "{} {word}: {}", stack.threads.len(), ids.join(" "))?;
                for call in stack.calls {
                    writeln!(text, "    {}", call.text)?;
                }
            }
            Ok(())
        }))
    },
};
