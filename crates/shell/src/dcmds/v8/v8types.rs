//! `::v8types`: list V8's instance types.
//!
//! The number that a map gives its instances, by the name of the class. Numbers change from one version of V8 to the next.
//!
//! Types that embedders and special functions have, hundreds of each, are listed by their first number.

use std::io::Write;

use serde_json::json;

use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::output::escape;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::v8types ! grep JSArray",
    r#"
JSArrayBuffer                  = 0x80e
JSArrayIteratorPrototype       = 0x822
JSArray                        = 0x847
JSArrayIterator                = 0x848
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "v8types",
    aliases: &[],
    summary: "list V8's instance types",
    family: Family::V8,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[Opt::JSON],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("v8types.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let as_json = args.has('j');
        Ok(for_each(move |context, _, out| {
            let layout = context.heap()?.layout();
            let mut before = String::new();
            for (number, info) in layout.types() {
                if info.name.starts_with("type ") || *info.name == *before {
                    continue;
                }
                before = info.name.clone().into_string();
                if as_json {
                    out.json(&json!({ "name": &*info.name, "number": number }))?;
                } else {
                    writeln!(out.text(), "{:<30} = 0x{number:02x}", escape(&info.name))?;
                }
            }
            Ok(())
        }))
    },
};
