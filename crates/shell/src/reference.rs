//! How a reference reads: `2b1e00d41c09.height`, `2b1e01aa0031[17]`, `2b1e00104ae1 closure variable "cache" of refill`.

use std::fmt::Write;

use v8_heap::index::{Reference, ReferenceKind};
use v8_heap::{Heap, Tagged};

use crate::output::escape;

/// Who refers, and how.
pub fn describe(heap: &Heap<'_>, reference: &Reference) -> String {
    format!("{:x}{}", reference.holder.0, manner(heap, reference))
}

/// How somebody refers: `.height`, `[17]`, ` closure variable "cache" of refill`.
pub fn manner(heap: &Heap<'_>, reference: &Reference) -> String {
    let mut text = String::new();
    let name = |name: Tagged| {
        let name = heap.name_text(name).unwrap_or_else(|| "<unreadable name>".to_owned());
        escape(&name).into_owned()
    };
    let written = match reference.kind {
        ReferenceKind::Property(property) => write!(text, ".{}", name(property)),
        ReferenceKind::Element(index) => write!(text, "[{index}]"),
        ReferenceKind::Getter(property) => write!(text, ".{} (getter)", name(property)),
        ReferenceKind::Setter(property) => write!(text, ".{} (setter)", name(property)),
        ReferenceKind::Variable(variable) => {
            write!(text, " closure variable \"{}\"{}", name(variable), of_function(heap, reference.holder))
        }
        ReferenceKind::ScriptVariable(variable) => {
            write!(text, " variable \"{}\" of a script", name(variable))
        }
        ReferenceKind::WithObject => {
            let function = of_function(heap, reference.holder);
            write!(text, " object of a \"with\" around {}", function.trim_start_matches(" of "))
        }
        ReferenceKind::MapKey => write!(text, " map key"),
        ReferenceKind::MapValue(key) => write!(text, " map value of key {}", brief(heap, key)),
        ReferenceKind::SetEntry => write!(text, " set entry"),
        ReferenceKind::BoundTarget => write!(text, " bound function"),
        ReferenceKind::BoundThis => write!(text, " bound \"this\""),
        ReferenceKind::BoundArgument(index) => write!(text, " bound argument {index}"),
        ReferenceKind::PromiseResult => write!(text, " promise result"),
        ReferenceKind::ProxyTarget => write!(text, " proxy target"),
        ReferenceKind::ProxyHandler => write!(text, " proxy handler"),
        ReferenceKind::WrappedValue => write!(text, " wrapped value"),
        ReferenceKind::GeneratorFunction => write!(text, " function of a generator"),
        ReferenceKind::GeneratorReceiver => write!(text, " \"this\" of a generator"),
        ReferenceKind::GeneratorLocal(register) => write!(text, " generator local {register}"),
        ReferenceKind::WeakRefTarget => write!(text, " WeakRef target (weak)"),
        ReferenceKind::Iterated => write!(text, " iterated object"),
    };
    debug_assert!(written.is_ok(), "a String takes all text");
    text
}

/// ` of NAME`, for a function.
fn of_function(heap: &Heap<'_>, function: Tagged) -> String {
    let Ok(function) = heap.object(function) else { return String::new() };
    let text = |name: Tagged| heap.name_text(name).map(|name| escape(&name).into_owned());
    if let Some(name) = heap.function_name(function).ok().flatten().and_then(text) {
        return format!(" of {name}");
    }
    match heap.inferred_name(function).ok().flatten().and_then(text) {
        Some(name) => format!(" of <anonymous> (as {name})"),
        None => " of <anonymous>".to_owned(),
    }
}

/// A key in a few characters.
fn brief(heap: &Heap<'_>, value: Tagged) -> String {
    /// Longer strings are cut.
    const LONGEST: usize = 40;
    if let Some(smi) = value.smi() {
        return smi.to_string();
    }
    match heap.string(value, LONGEST) {
        Ok(string) => {
            format!("\"{}{}\"", escape(&string.to_text()), if string.is_cut() { "..." } else { "" })
        }
        Err(_) => format!("{:x}", value.0),
    }
}
