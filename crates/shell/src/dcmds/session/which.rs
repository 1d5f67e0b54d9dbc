//! `::which`: say what a name stands for.

use std::io::Write;

use serde_json::json;

use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::dcmds::ALL;
use crate::error::DcmdError;
use crate::output::escape;
use crate::walkers::WALKERS;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::which head thread",
    r#"
head is a built-in dcmd
thread is a built-in dcmd
thread is a built-in walker
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "which",
    aliases: &["whence"],
    summary: "say what a name stands for",
    family: Family::Memory,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[Opt::flag('v', "accepted; all meanings are always shown"), Opt::JSON],
    operands: Operands::between("name ...", 1, usize::MAX),
    needs: &[],
    manual: include_str!("which.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let names: Vec<String> =
            args.operands().iter().filter_map(|word| word.text()).map(str::to_owned).collect();
        let as_json = args.has('j');
        Ok(for_each(move |_, _, out| {
            let mut missing = Vec::new();
            for name in &names {
                let shown = escape(name);
                let dcmd = ALL.iter().find(|dcmd| dcmd.is_called(name.trim_start_matches("::")));
                let walker = WALKERS.iter().find(|walker| walker.name == name);
                let meanings = dcmd
                    .map(|dcmd| ("dcmd", dcmd.needs))
                    .into_iter()
                    .chain(walker.map(|walker| ("walker", walker.needs)));
                for (what, needs) in meanings {
                    if as_json {
                        let module = Capability::are_of_v8(needs).then_some("v8");
                        out.json(&json!({ "name": name, "is": what, "module": module }))?;
                    } else {
                        writeln!(out.text(), "{shown} is a {}", origin(needs, what))?;
                    }
                }
                if dcmd.is_none() && walker.is_none() {
                    missing.push(shown);
                }
            }
            match missing.as_slice() {
                [] => Ok(()),
                missing => Err(DcmdError::Failed(format!("{} not found", missing.join(", ")))),
            }
        }))
    },
};

fn origin(needs: &[Capability], what: &str) -> String {
    if Capability::are_of_v8(needs) { format!("{what} from module v8") } else { format!("built-in {what}") }
}
