//! `::v8field`: say where a field of a class is.
//!
//! Fields of the classes that the class extends count too.
//!
//! An offset behind the name changes nothing: where fields are is known for each version of V8 and checked against the heap,
//! see `::status -v` and `::v8classes -c`.

use std::io::Write;

use serde_json::json;

use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::escape;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "::v8field JSArray length",
        r#"
JSArray::length at offset 0x18
"#,
    ),
    Example::on(
        "leak-24",
        "::v8field JSArray elements",
        r#"
JSObject::elements at offset 0x10
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "v8field",
    aliases: &[],
    summary: "say where a field of a class is",
    family: Family::V8,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[Opt::JSON],
    operands: Operands::between("class field [offset]", 2, 3),
    needs: &[Capability::V8Heap],
    manual: include_str!("v8field.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let words: Vec<String> =
            args.operands().iter().filter_map(|word| word.text()).map(str::to_owned).collect();
        let ([class, field] | [class, field, _]) = words.as_slice() else {
            return Err(DcmdError::usage("a class and a field are names"));
        };
        if words.len() > 2 {
            return Err(DcmdError::abort("offsets of fields cannot be changed"));
        }
        let (class, field) = (class.clone(), field.clone());
        let as_json = args.has('j');
        Ok(for_each(move |context, _, out| {
            let classes = context.heap()?.classes();
            let Some(id) = classes.find(&class) else {
                return Err(DcmdError::failed(format!("error: no such class: \"{}\"", escape(&class))));
            };
            let fields = classes.all_fields(id);
            let Some((class, field)) = fields.iter().rev().find(|(_, known)| known.name == field) else {
                return Err(DcmdError::failed(format!(
                    "error: no such field in class: \"{}\"",
                    escape(&field)
                )));
            };
            if as_json {
                let (class, name) = (class.name, field.name);
                return out.json(&json!({ "class": class, "field": name, "offset": field.offset }));
            }
            Ok(writeln!(out.text(), "{}::{} at offset 0x{:x}", class.name, field.name, field.offset)?)
        }))
    },
};
