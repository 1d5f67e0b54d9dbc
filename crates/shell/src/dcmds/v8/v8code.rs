//! `::v8code`: print where machine code is, and what it is for.
//!
//! Takes a `Code`, an `InstructionStream`, a function, or the address of an instruction in one of V8's code pages. Of an instruction it says
//! which function it belongs to, the line of the source, and into which functions optimised code has merged that.
//!
//! `-d` adds the instructions. Behind them code has tables, which the range does not tell apart: the last lines may be data.

use serde_json::{Value, json};
use v8_heap::layout::Kind as HeapKind;
use v8_heap::objects::place::FieldValue;
use v8_heap::objects::value::HeapObject;
use v8_heap::{Heap, Tagged};

use crate::answers::machine_code::{JavaScriptCode, current_code, instructions};
use crate::answers::summary::summary;
use crate::context::Context;
use crate::dcmd::{
    AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each_item,
};
use crate::disassembly::instruction;
use crate::error::DcmdError;
use crate::output::{Facts, escape, hex};
use crate::print::function::{definition_name, origin, subject};
use crate::value::Kind;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "1950f7e25d01::v8code",
    r#"
code: 13e17f70bcb9
instructions: [7ff60c08da40, 7ff60c08e0b8)
kind: MAGLEV
...
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "v8code",
    aliases: &[],
    summary: "print where machine code is, and what it is for",
    family: Family::V8,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Text,
    options: &[Opt::flag('d', "disassemble the instructions"), Opt::JSON],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("v8code.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let (disassemble, as_json) = (args.has('d'), args.has('j'));
        Ok(for_each_item(move |context, item, out| {
            let heap = context.heap()?;
            let code = code_of(context, heap, item.word)?;
            let mut facts = describe(heap, code);
            let is_instruction = heap.object(Tagged(item.word)).is_err();
            let of_address = is_instruction.then(|| JavaScriptCode::at(heap, item.word)).flatten();
            let places = match &of_address {
                Some(code) => code.places(item.word, &context.progress())?,
                None => Vec::new(),
            };
            if let (Some(code), Some((own, callers))) = (of_address, places.split_first()) {
                facts.line(format!("at: {} in {} code", escape(own), code.tier().name()));
                for caller in callers {
                    facts.line(format!("merged into: {}", escape(caller)));
                }
            }
            facts.field("places", places);
            if disassemble {
                disassembly(context, heap, code, &mut facts)?;
            }
            Ok(facts.print(as_json, &mut out.text())?)
        }))
    },
};

/// Adds all instructions of some code, a line each.
pub(super) fn disassembly(
    context: &Context,
    heap: &Heap<'_>,
    code: HeapObject<'_>,
    facts: &mut Facts,
) -> Result<(), DcmdError> {
    let Some((mut at, end)) = instructions(heap, code) else {
        return Err(DcmdError::failed(format!(
            "{}: where its instructions are cannot be read",
            code.value()
        )));
    };
    let mut listed = Vec::new();
    while at < end {
        context.check_interrupt()?;
        let decoded = instruction(context, at)?;
        facts.line(format!("{:<31} {}", format!("{at:x}:"), decoded.text));
        listed.push(json!({ "address": hex(at), "instruction": decoded.text }));
        at = at.saturating_add(decoded.length.max(1) as u64);
    }
    facts.field("disassembly", listed);
    Ok(())
}

/// The `Code` that an address leads to.
fn code_of<'h>(context: &Context, heap: &'h Heap<'static>, word: u64) -> Result<HeapObject<'h>, DcmdError> {
    let value = Tagged(word);
    let object = match heap.object(value) {
        Ok(object) => object,
        // An address of an instruction.
        Err(_) if let Some(code) = heap.machine_code_at(word) => return Ok(code.object),
        Err(_) => match heap.object_around(word, &context.progress())? {
            Some((object, _)) if heap.class_name(object.value()) == "InstructionStream" => object,
            _ => return Err(DcmdError::failed(format!("{value} is no code"))),
        },
    };
    if let Some(code) = current_code(heap, object, &context.progress())? {
        return Ok(code);
    }
    let class = escape(heap.class_name(value)).into_owned();
    Err(DcmdError::failed(match object.kind() {
        HeapKind::JsFunction => format!("{value}: the machine code of this function is not known"),
        _ => format!("{value} is a {class}, not code"),
    }))
}

/// Where the instructions are, and what they are for.
pub(super) fn describe(heap: &Heap<'static>, code: HeapObject<'_>) -> Facts {
    let mut facts = Facts::new();
    facts.tell("code", hex(code.value().0), format!("code: {}", code.value()));
    match instructions(heap, code) {
        Some((start, end)) => facts.tell(
            "instructions",
            json!([hex(start), hex(end)]),
            format!("instructions: [{start:x}, {end:x})"),
        ),
        None => facts.tell("instructions", Value::Null, "instructions: not readable"),
    }
    if let Ok(FieldValue::Unsigned(flags)) = heap.named_field(code, "flags") {
        let known = heap.layout().flags("CodeFlags");
        let kind = known.iter().find(|flag| flag.name == "kind").map_or(0, |flag| flag.of(flags));
        let name = heap.layout().value_name("CodeFlags", "kind", kind);
        let name = name.map_or_else(|| kind.to_string(), str::to_owned);
        facts.tell("kind", name.as_str(), format!("kind: {name}"));
        let set = |name| known.iter().any(|flag| flag.name == name && flag.of(flags) != 0);
        facts.field("markedForDeoptimization", set("marked_for_deoptimization"));
        if set("marked_for_deoptimization") {
            facts.line("marked for deoptimization");
        }
    }
    if let Some(shared) = heap.function_of_code(code)
        && let Ok(found) = subject(heap, shared)
    {
        let (name, origin) = (definition_name(heap, &found.shared), origin(heap, &found.shared));
        facts.field("function", name.as_str());
        facts.tell(
            "definedAt",
            origin.as_str(),
            format!("function: {} (defined at {})", escape(&name), escape(&origin)),
        );
    }
    if let Ok(FieldValue::Signed(builtin)) = heap.named_field(code, "builtin_id")
        && builtin >= 0
    {
        facts.tell("builtin", builtin, format!("builtin: {builtin}"));
    }
    for (key, label, name) in [
        ("instructionStream", "instruction stream", "instruction_stream"),
        ("deoptimizationData", "deoptimization data", "deoptimization_data_or_interpreter_data"),
        ("sourcePositions", "source positions", "source_position_table"),
    ] {
        if let Ok(FieldValue::Tagged(part)) = heap.named_field(code, name)
            && part.smi().is_none()
        {
            facts.tell(key, hex(part.0), format!("{label}: {part} ({})", summary(heap, part)));
        }
    }
    facts
}
