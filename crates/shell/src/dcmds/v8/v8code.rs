//! `::v8code`: print where machine code is, and what it is for.
//!
//! Takes a `Code`, an `InstructionStream`, a function, or the address of an instruction in one of V8's code pages.
//!
//! `-d` adds the instructions. Behind them code has tables, which the range does not tell apart: the last lines may be data.

use std::io::Write;

use v8_heap::layout::Kind as HeapKind;
use v8_heap::objects::place::FieldValue;
use v8_heap::objects::value::HeapObject;
use v8_heap::{Heap, Tagged};

use crate::answers::machine_code::{instructions, own_code};
use crate::answers::summary::summary;
use crate::context::Context;
use crate::dcmd::{
    AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each_item,
};
use crate::disassembly::instruction;
use crate::error::DcmdError;
use crate::output::escape;
use crate::print::function::{definition_name, origin, subject};
use crate::stage::Out;
use crate::value::Kind;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "1950f7e25d01::v8code",
    r#"
code: 13e17f702241
instructions: [7ff60c089300, 7ff60c08951c)
kind: BASELINE
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
    options: &[Opt::flag('d', "disassemble the instructions")],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("v8code.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let disassemble = args.has('d');
        Ok(for_each_item(move |context, item, out| {
            let heap = context.heap()?;
            let code = code_of(context, heap, item.word)?;
            describe(heap, code, out)?;
            if disassemble { instructions_as_text(context, heap, code, out) } else { Ok(()) }
        }))
    },
};

/// All instructions of some code, a line each.
pub(super) fn instructions_as_text(
    context: &Context,
    heap: &Heap<'_>,
    code: HeapObject<'_>,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let Some((mut at, end)) = instructions(heap, code) else {
        return Err(DcmdError::failed(format!(
            "{}: where its instructions are cannot be read",
            code.value()
        )));
    };
    while at < end {
        context.check_interrupt()?;
        let decoded = instruction(context, at)?;
        writeln!(out.text(), "{:<31} {}", format!("{at:x}:"), decoded.text)?;
        at = at.saturating_add(decoded.length.max(1) as u64);
    }
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
    if let Some(code) = own_code(heap, object) {
        return Ok(code);
    }
    let class = escape(heap.class_name(value)).into_owned();
    Err(DcmdError::failed(match object.kind() {
        HeapKind::JsFunction => format!("{value}: the machine code of this function is not known"),
        _ => format!("{value} is a {class}, not code"),
    }))
}

/// Where the instructions are, and what they are for.
pub(super) fn describe(
    heap: &Heap<'static>,
    code: HeapObject<'_>,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let mut text = out.text();
    writeln!(text, "code: {}", code.value())?;
    match instructions(heap, code) {
        Some((start, end)) => writeln!(text, "instructions: [{start:x}, {end:x})")?,
        None => writeln!(text, "instructions: not readable")?,
    }
    if let Ok(FieldValue::Unsigned(flags)) = heap.named_field(code, "flags") {
        let known = heap.layout().flags("CodeFlags");
        let kind = known.iter().find(|flag| flag.name == "kind").map_or(0, |flag| flag.of(flags));
        match heap.layout().value_name("CodeFlags", "kind", kind) {
            Some(name) => writeln!(text, "kind: {name}")?,
            None => writeln!(text, "kind: {kind}")?,
        }
        let set = |name| known.iter().any(|flag| flag.name == name && flag.of(flags) != 0);
        if set("marked_for_deoptimization") {
            writeln!(text, "marked for deoptimization")?;
        }
    }
    if let Some(shared) = heap.function_of_code(code)
        && let Ok(found) = subject(heap, shared)
    {
        let (name, origin) = (definition_name(heap, &found.shared), origin(heap, &found.shared));
        writeln!(text, "function: {} (defined at {})", escape(&name), escape(&origin))?;
    }
    if let Ok(FieldValue::Signed(builtin)) = heap.named_field(code, "builtin_id")
        && builtin >= 0
    {
        writeln!(text, "builtin: {builtin}")?;
    }
    for (label, name) in [
        ("instruction stream", "instruction_stream"),
        ("deoptimization data", "deoptimization_data_or_interpreter_data"),
        ("source positions", "source_position_table"),
    ] {
        if let Ok(FieldValue::Tagged(part)) = heap.named_field(code, name)
            && part.smi().is_none()
        {
            writeln!(text, "{label}: {part} ({})", summary(heap, part))?;
        }
    }
    Ok(())
}
