//! `::v8frametypes`: list V8's types of stack frames.
//!
//! Where a frame has no context of a function it has one of these numbers, twice: V8 stores it as a small integer. The names
//! and numbers are those that the binary publishes.

use std::io::Write;

use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Takes, Yields, for_each};
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
    options: &[],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("v8frametypes.rs"),
    examples: EXAMPLES,
    start: |_, _| {
        Ok(for_each(move |context, _, out| {
            let types = context.heap()?.layout().published_frame_types();
            if types.is_empty() {
                return Err(DcmdError::failed("the binary publishes no frame types"));
            }
            let mut text = out.text();
            for (number, name) in types {
                writeln!(text, "{:<30} = 0x{number:02x}", escape(name))?;
            }
            Ok(())
        }))
    },
};
