//! `::v8classes`: list the classes of V8's heap objects, with their fields.
//!
//! Each class with the one it extends, its size without what follows the fields, and its own fields with their offsets and
//! what is at them; those of its parents are listed there. `tail` is what fills an object behind its fields. Parts of a name
//! choose among the classes.
//!
//! Kinds: `tagged` holds an object or a small integer, `smi` always the latter, `weak` may be weak, `held` looks strong but
//! does not keep its object alive, `embedder` is for embedders, `pointer` and `code` point outside the heap; the rest are
//! numbers.
//!
//! `-c` checks the descriptions against every word of every object of this heap, and prints where they differ. Then the
//! objects of that class cannot be trusted to be shown right.

use std::io::Write;

use serde_json::{Value, json};
use v8_heap::layout::{Class, Classes, Field, FieldKind, TailLayout};

use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::{Facts, escape};
use crate::stage::Out;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::v8classes JSPromise",
    r#"
JSPromisePrototype < JSInternalPrototypeBase, size 0x18
JSPromise < JSObjectWithEmbedderSlots, size 0x28
    0x18 reactions_or_result: tagged
    0x20 flags: smi, JSPromiseFlags
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "v8classes",
    aliases: &[],
    summary: "list the classes of V8's heap objects, with their fields",
    family: Family::V8,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[Opt::flag('c', "check them against every word of the heap"), Opt::JSON],
    operands: Operands::any("[name ...]").filter(),
    needs: &[Capability::V8Heap],
    manual: include_str!("v8classes.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let names: Vec<String> =
            args.operands().iter().filter_map(|word| word.text()).map(str::to_owned).collect();
        let (check_all, as_json) = (args.has('c'), args.has('j'));
        Ok(for_each(move |context, _, out| {
            if check_all {
                return check(context, as_json, out);
            }
            let heap = context.heap()?;
            let classes = heap.classes();
            for class in classes.iter() {
                if names.is_empty() || names.iter().any(|name| class.name.contains(name.as_str())) {
                    context.check_interrupt()?;
                    match as_json {
                        true => out.json(&line_of(classes, class))?,
                        false => list(classes, class, out)?,
                    }
                }
            }
            Ok(())
        }))
    },
};

fn list(classes: &Classes, class: &Class, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let mut text = out.text();
    let parent = class.parent.map_or(String::new(), |parent| format!(" < {}", classes.class(parent).name));
    writeln!(text, "{}{parent}, size 0x{:x}", class.name, class.size)?;
    for field in &class.fields {
        let flags = field.flags.map_or(String::new(), |flags| format!(", {flags}"));
        writeln!(text, "    0x{:x} {}: {}{flags}", field.offset, field.name, kind_name(field.kind))?;
    }
    if let Some(tail) = &class.tail {
        let layout = layout_name(&tail.layout);
        writeln!(text, "    0x{:x} tail {}[]: {layout}", tail.offset, tail.name)?;
    }
    Ok(())
}

/// What is in the tail of an object.
fn layout_name(layout: &TailLayout) -> String {
    let name = match layout {
        TailLayout::Entries(parts) => {
            let parts = parts.iter().map(|part| match part.name {
                "" => kind_name(part.kind),
                name => format!("{name}: {}", kind_name(part.kind)),
            });
            return parts.collect::<Vec<_>>().join(", ");
        }
        TailLayout::Preparse => "bytes, then tagged",
        TailLayout::Machine => "machine code",
        TailLayout::Scope => "tagged, as the flags announce",
        TailLayout::NativeContext => "tagged, then held, pointer",
        TailLayout::Ephemeron => "smi, smi, smi, then pairs of held key and value",
        TailLayout::Small | TailLayout::Swiss => "tagged, then bytes",
        TailLayout::Wasm => "as a WebAssembly type says",
    };
    name.to_owned()
}

/// A class as one line of JSON.
fn line_of(classes: &Classes, class: &Class) -> Value {
    let field = |field: &Field| {
        let kind = kind_name(field.kind);
        json!({ "name": field.name, "offset": field.offset, "kind": kind, "flags": field.flags })
    };
    let tail = class
        .tail
        .as_ref()
        .map(|tail| json!({ "name": tail.name, "offset": tail.offset, "holds": layout_name(&tail.layout) }));
    json!({
        "class": class.name,
        "parent": class.parent.map(|parent| classes.class(parent).name),
        "size": class.size,
        "fields": class.fields.iter().map(field).collect::<Vec<_>>(),
        "tail": tail,
    })
}

/// As the kinds are called in the manual.
pub(super) fn kind_name(kind: FieldKind) -> String {
    match kind {
        FieldKind::Tagged => "tagged".to_owned(),
        FieldKind::Smi => "smi".to_owned(),
        FieldKind::Weak => "weak".to_owned(),
        FieldKind::Held => "held".to_owned(),
        FieldKind::InCodeCage => "tagged, in the cage of code".to_owned(),
        FieldKind::Embedder => "embedder".to_owned(),
        FieldKind::Pointer => "pointer".to_owned(),
        FieldKind::Code => "code".to_owned(),
        FieldKind::Unsigned(size) => format!("u{}", 8 * size),
        FieldKind::Signed(size) => format!("i{}", 8 * size),
        FieldKind::Double => "f64".to_owned(),
        FieldKind::External => "handle of an address".to_owned(),
        FieldKind::ExternalShared => "handle of an address, shared".to_owned(),
        FieldKind::Trusted => "handle of a trusted object".to_owned(),
        FieldKind::Protected => "tagged, in the trusted cage".to_owned(),
        FieldKind::ProtectedWeak => "weak, in the trusted cage".to_owned(),
        FieldKind::Sandboxed => "address in the sandbox".to_owned(),
        FieldKind::Bounded => "length in the sandbox".to_owned(),
    }
}

fn check(context: &Context, as_json: bool, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let heap = context.heap()?;
    let check = heap.check_classes(&context.progress())?;
    let mut facts = Facts::new();
    facts.line(format!(
        "{} objects of {} types, {} words, {} of them tagged",
        check.objects,
        check.types.len(),
        check.words,
        check.tagged
    ));
    facts.field("objects", check.objects);
    facts.field("types", check.types.len());
    facts.field("words", check.words);
    facts.field("tagged", check.tagged);
    let mut contradictions = Vec::new();
    for ((number, offset, what), (count, example)) in &check.contradictions {
        let name = escape(heap.layout().type_name(*number));
        let line = format!("{name} +0x{offset:x}: {what:?} x {count}, first {example}");
        contradictions.push(line.clone());
        facts.line(line);
    }
    facts.field("contradictions", contradictions);
    let unnamed: Vec<String> = check
        .types
        .keys()
        .map(|number| heap.layout().type_name(*number))
        .filter(|name| name.starts_with("type "))
        .map(str::to_owned)
        .collect();
    if !unnamed.is_empty() {
        facts.line(format!("not known by name: {}", unnamed.join(", ")));
    }
    facts.field("unnamed", unnamed.clone());
    facts.print(as_json, &mut out.text())?;
    if !check.contradictions.is_empty() {
        return Err(DcmdError::failed(format!(
            "{} places of the descriptions do not fit this heap",
            check.contradictions.len()
        )));
    }
    match unnamed.is_empty() {
        true => Ok(()),
        false => Err(DcmdError::failed(format!("{} types are not known by name", unnamed.len()))),
    }
}
