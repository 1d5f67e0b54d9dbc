//! `::jsframe`: print the JavaScript functions of one frame.
//!
//! Takes the frame pointer of a frame, as `$C` shows it and `::walk jsframe` hands it on, and prints what `::jsstack` says of that frame,
//! with the same options: several functions if optimised code has merged them.

use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Takes, Yields, for_each_item};
use crate::error::DcmdError;
use crate::value::Kind;

use super::jsstack::{OPTIONS, Shown, Wanted, yields};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "uncaught-24",
    "::walk jsframe | ::head -1 | ::jsframe",
    r#"
     75c5b7a48c1 Order.total (/tmp/v8mdb-stage/app/uncaught.js:9:23)
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsframe",
    aliases: &[],
    summary: "print the JavaScript functions of one frame",
    family: Family::JavaScript,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Address]),
    yields: Yields::Depends(yields),
    options: OPTIONS,
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("jsframe.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let wanted = Wanted::of(args)?;
        Ok(for_each_item(move |context, item, out| {
            let heap = context.heap()?;
            for thread in context.target()?.threads() {
                context.check_interrupt()?;
                let stack = context.stack_of(thread, usize::MAX)?;
                let is_here = |frame: &core_reader::Frame| {
                    frame.frame_pointer.is_some_and(|pointer| pointer.0 == item.word)
                };
                if !stack.frames.iter().any(is_here) {
                    continue;
                }
                return match wanted.print(context, heap, &stack, Some(item.word), out)? {
                    Shown::Innermost(None) => {
                        Err(DcmdError::failed(format!("{item}: the frame there is none of JavaScript")))
                    }
                    _ => Ok(()),
                };
            }
            Err(DcmdError::failed(format!("{item}: no thread has a frame there; $C shows the frames of one")))
        }))
    },
};
