//! `::jsconstructor`: name the constructor of a JavaScript object.
//!
//! The name of the class or function that made the object, as the constructor column of `::findjsobjects` has it. With `-v` the
//! function's address follows, if the object's prototype leads to it.
//!
//! ```text
//! > 1bc583adada1::jsconstructor
//! Timeout
//! > 1bc583adada1::jsconstructor -v
//! Timeout (JSFunction: 1f32640b9c9)
//! ```

use std::io::Write;

use v8_heap::Tagged;
use v8_heap::objects::value::Value;

use crate::dcmd::{AddressUse, Capability, Dcmd, Operands, Opt, Takes, Yields, for_each_item};
use crate::error::DcmdError;
use crate::output::escape;
use crate::value::Kind;

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsconstructor",
    aliases: &[],
    summary: "name the constructor of a JavaScript object",
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Text,
    options: &[Opt::flag('v', "print the constructor's address, too")],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("jsconstructor.rs"),
    start: |_, args| {
        let verbose = args.has('v');
        Ok(for_each_item(move |context, item, out| {
            let heap = context.heap()?;
            let value = Tagged(item.word);
            let Ok(Value::Object(object)) = heap.value(value) else {
                return Err(DcmdError::failed(format!("{value} is not a JSObject")));
            };
            let name = escape(heap.name(heap.constructor_name(object)));
            let mut text = out.text();
            write!(text, "{name}")?;
            if verbose && let Some(function) = heap.constructor_function(object) {
                write!(text, " (JSFunction: {function})")?;
            }
            Ok(writeln!(text)?)
        }))
    },
};
