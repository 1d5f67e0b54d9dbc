//! `::jsbytecode`: print the bytecode of a function.
//!
//! Takes a function, or a `SharedFunctionInfo`. One instruction a line: the line and column of the source that it comes from, where it has
//! a place of its own; its offset; then the instruction as V8 writes it, with what it refers to behind it: constants as values, the targets of
//! jumps by their offset. The lines of the source stand between them.
//!
//! Registers are `r0` and so on, arguments `a0`, ... `<this>`, `<context>` and `<closure>` are words of the frame as well. `[3]` is a
//! number, a slot of the feedback vector or of a context, by what the instruction does with it; the result of most instructions is the
//! accumulator. At the end stands what a `try` covers: from, to, where it goes on after an exception, and which register has the context.
//!
//! V8 compiles a function when it is first called, and forgets bytecode that has not been used for long: such a function has none.
//!
//! # Limits
//!
//! The list of bytecodes belongs to the version of V8. Where the binary has another one, nothing is shown.

use std::io::Write;

use serde_json::json;
use v8_heap::layout::Scale;
use v8_heap::objects::bytecode::{FunctionBytecode, Instruction, Operand, Register};
use v8_heap::{Heap, Tagged};

use crate::answers::summary::summary;
use crate::dcmd::{
    AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each_item,
};
use crate::error::DcmdError;
use crate::output::{escape, hex};
use crate::print::function::{definition_name, origin, subject};
use crate::value::Kind;

use super::jssource::Listing;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "uncaught-24",
    "::jsstack -f charge | ::jsbytecode",
    r#"
function: charge (defined at /tmp/v8mdb-stage/app/uncaught.js line 13)
bytecode: 95c9f1c1c21, 32 bytes, 2 registers
   14   return { order: order.id, cents: order.total() * 100 };
        14:3     0: CreateObjectLiteral [0], [0], #41  ; 370a87e29199 (ObjectBoilerplateDescription)
                 4: Star0
       14:25     5: GetNamedProperty a0, [1], [1]  ; 3b20d63071b1 (SeqOneByteString: "id")
                 9: DefineNamedOwnProperty r0, [2], [3]  ; 370a87e27c89 (SeqOneByteString: "order")
       14:42    13: GetNamedProperty a0, [3], [6]  ; 3b20d6308389 (SeqOneByteString: "total")
                17: Star1
       14:42    18: CallProperty0 r1, a0, [8]
       14:50    22: MulSmi [100], [5]
                25: DefineNamedOwnProperty r0, [4], [10]  ; 370a87e29131 (SeqOneByteString: "cents")
                29: Ldar r0
       14:58    31: Return
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsbytecode",
    aliases: &[],
    summary: "print the bytecode of a function",
    family: Family::JavaScript,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Text,
    options: &[
        Opt::flag('j', "print one line of JSON for each instruction, as docs/json.md describes it"),
        Opt::flag('r', "print the bytes of each instruction as well"),
    ],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("jsbytecode.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let (as_json, raw) = (args.has('j'), args.has('r'));
        Ok(for_each_item(move |context, item, out| {
            let heap = context.heap()?;
            let found = subject(heap, Tagged(item.word))?;
            let (name, place) = (definition_name(heap, &found.shared), origin(heap, &found.shared));
            let Some(bytecodes) = &heap.layout().bytecodes else {
                return Err(DcmdError::failed(
                    "the binary of this core has other bytecodes than those known of its version of V8",
                ));
            };
            let Some(code) = heap.bytecode_of(found.shared.object, bytecodes)? else {
                return Err(DcmdError::failed(format!(
                    "{item}: {} has no bytecode: it was never called, V8 has dropped it, or it is a builtin",
                    escape(&name)
                )));
            };
            let script = found.shared.script.and_then(|script| heap.script(script).ok());
            let lines = script.as_ref().and_then(|script| heap.script_lines(script).ok());
            if !as_json {
                let mut text = out.text();
                writeln!(text, "function: {} (defined at {})", escape(&name), escape(&place))?;
                let (array, count) = (code.array, code.registers);
                let length: usize = code.instructions.iter().map(|own| own.bytes.len()).sum();
                writeln!(text, "bytecode: {array}, {} bytes, {count} registers", length + code.unread)?;
            }
            let mut last_line = None;
            for own in &code.instructions {
                context.check_interrupt()?;
                let position = code.position(own.offset);
                let here = position.and_then(|position| {
                    let place = heap.script_location(script.as_ref()?, position)?;
                    let (line, _) = lines.as_ref()?.place(position)?;
                    Some((place, line, position))
                });
                if as_json {
                    out.json(&json!({
                        "function": hex(found.shared.object.value().0),
                        "offset": own.offset,
                        "bytes": bytes_of(own),
                        "name": own.name,
                        "text": text_of(own),
                        "constants": constants_of(heap, &code, own),
                        "targets": own.targets.iter().map(|target| target.offset).collect::<Vec<_>>(),
                        "line": here.as_ref().map(|(place, ..)| place.line),
                        "column": here.as_ref().map(|(place, ..)| place.column),
                    }))?;
                    continue;
                }
                if let (Some(script), Some(lines), Some((_, line, position))) = (&script, &lines, &here)
                    && last_line != Some(*line)
                {
                    last_line = Some(*line);
                    let range = Some((*position, position.saturating_add(1)));
                    Listing::of_text().line(context, script, lines, *line as usize, range, out)?;
                }
                let place =
                    here.map_or(String::new(), |(place, ..)| format!("{}:{}", place.line, place.column));
                let bytes = if raw { format!("{:<20} ", bytes_of(own)) } else { String::new() };
                let mut notes = constants_of(heap, &code, own);
                notes.extend(own.targets.iter().map(|target| match target.case {
                    Some(case) => format!("{case}: to {}", target.offset),
                    None => format!("to {}", target.offset),
                }));
                let line = format!("{place:>12} {:>5}: {bytes}{}", own.offset, text_of(own));
                let notes =
                    if notes.is_empty() { String::new() } else { format!("  ; {}", notes.join(", ")) };
                writeln!(out.text(), "{line}{notes}")?;
            }
            if as_json {
                return Ok(());
            }
            let mut text = out.text();
            if code.unread > 0 {
                writeln!(text, "{} bytes behind it are no bytecode of this version of V8", code.unread)?;
            }
            if code.positions.is_none() {
                writeln!(text, "V8 has not kept which places of the source it comes from")?;
            }
            for handler in &code.handlers {
                let (start, end) = (handler.start, handler.end);
                writeln!(
                    text,
                    "exceptions from {start} to {end}: go on at {}, context in {}",
                    handler.handler, handler.context
                )?;
            }
            Ok(())
        }))
    },
};

/// `0d 01`
fn bytes_of(own: &Instruction) -> String {
    own.bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// `CallProperty1 r7, a0, a1, [2]`
fn text_of(own: &Instruction) -> String {
    let operand = |operand: &Operand| match operand {
        Operand::Registers(first, 1) => first.to_string(),
        // As V8 writes it, which could be taken for one.
        Operand::RegisterList(first, 0) => format!("{first}-{first} (none)"),
        Operand::Registers(first, count) | Operand::RegisterList(first, count) => match first {
            Register::Number(number) => {
                format!("{first}-{}", Register::Number(number.saturating_add(count.saturating_sub(1))))
            }
            _ => format!("{first} and {} more", count.saturating_sub(1)),
        },
        Operand::Constant(number) | Operand::Feedback(number) => format!("[{number}]"),
        Operand::Number(number) => format!("[{number}]"),
        Operand::Flags(flags) => format!("#{flags}"),
        Operand::Runtime(number) => format!("[runtime function {number}]"),
        Operand::NativeContextFunction(number) => format!("[native context slot {number}]"),
        Operand::EmbeddedFeedback(feedback) => format!("[{feedback}]"),
    };
    let suffix = match own.scale {
        Scale::Single => "",
        Scale::Double => ".Wide",
        Scale::Quadruple => ".ExtraWide",
    };
    let operands: Vec<String> = own.operands.iter().map(operand).collect();
    format!("{}{suffix} {}", own.name, operands.join(", ")).trim_end().to_owned()
}

/// The constants that an instruction refers to, as values; of a jump that is its target, which is told otherwise.
fn constants_of(heap: &Heap<'static>, code: &FunctionBytecode, own: &Instruction) -> Vec<String> {
    if !own.targets.is_empty() {
        return Vec::new();
    }
    let numbers = own.operands.iter().filter_map(|operand| match operand {
        Operand::Constant(number) => Some(*number),
        _ => None,
    });
    numbers
        .map(|number| match code.constants.get(number as usize) {
            Some(value) => format!("{value} ({})", summary(heap, *value)),
            None => format!("constant {number} is missing"),
        })
        .collect()
}
