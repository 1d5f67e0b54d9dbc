//! `::jsstacks`: print the stacks of all threads, those that are alike once.
//!
//! JavaScript and native functions, as `$C` shows them, under the ids of the threads that are in them; the most common first. Workers of the
//! kernel, which have no stack in the process, are left out. `-n` limits the functions of each.
//!
//! `-o` writes them to a file, by the end of its name: `.svg` is a picture, `.json` is for speedscope, `.pb` for pprof, `.folded` for
//! `flamegraph.pl` and its kin.

use std::io::Write;

use crate::answers::merged_stacks::{merged_stacks, profile_of};
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::escape;
use crate::profile::{self, Format};

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
        Opt::text('o', "file", "write them to this file: .svg, .json, .pb or .folded"),
        Opt::JSON,
    ],
    operands: Operands::NONE,
    needs: &[Capability::Core],
    manual: include_str!("jsstacks.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let most = args.number('n').map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
        let as_json = args.has('j');
        let file = args.text('o').map(str::to_owned);
        let format = file.as_deref().map(Format::of).transpose().map_err(DcmdError::usage)?;
        Ok(for_each(move |context, _, out| {
            let stacks = merged_stacks(context, most)?;
            if let (Some(file), Some(format)) = (&file, format) {
                profile::save(context, file, format, &profile_of(&stacks))?;
                return Ok(writeln!(out.text(), "wrote {}: {} stacks", escape(file), stacks.len())?);
            }
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
