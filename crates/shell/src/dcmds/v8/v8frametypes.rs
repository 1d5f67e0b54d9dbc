//! `::v8frametypes`: list V8's types of stack frames.
//!
//! Where a frame has no context of a function it has one of these numbers, twice: V8 stores it as a small integer. The names
//! and numbers are those that the binary publishes.

use std::io::Write;

use serde_json::json;

use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::escape;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::v8frametypes",
    r#"
EntryFrame                     = 0x01
ConstructEntryFrame            = 0x02
ExitFrame                      = 0x03
...
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "v8frametypes",
    aliases: &[],
    summary: "list V8's types of stack frames",
    family: Family::V8,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[Opt::JSON],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("v8frametypes.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let as_json = args.has('j');
        Ok(for_each(move |context, _, out| {
            let types = context.heap()?.layout().published_frame_types();
            if types.is_empty() {
                return Err(DcmdError::failed("the binary publishes no frame types"));
            }
            for (number, name) in types {
                if as_json {
                    out.json(&json!({ "name": name, "number": number }))?;
                } else {
                    writeln!(out.text(), "{:<30} = 0x{number:02x}", escape(name))?;
                }
            }
            Ok(())
        }))
    },
};
