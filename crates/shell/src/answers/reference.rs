//! How a reference reads: `2b1e00d41c09.height`, `2b1e01aa0031[17]`, `2b1e00104ae1 closure variable "cache" of refill`,
//! `2b1e00201001 queue.value (JSAsyncGeneratorObject)`.

use std::fmt::Write;

use v8_heap::objects::value::HeapObject;
use v8_heap::questions::{How, Reference, ReferenceKind, Step};
use v8_heap::{Heap, PropertyValue, Tagged, Word};

use crate::answers::place_name::place_name;
use crate::answers::roots::root_name;
use crate::output::escape;
use crate::print::function;

/// Who refers, and how. `place` says what is at an address outside the heap.
pub fn describe(heap: &Heap<'_>, reference: &Reference, place: &dyn Fn(u64) -> String) -> String {
    format!("{:x}{}", reference.holder.0, describe_how(heap, reference, place))
}

/// How an object refers to another, to be written behind its address.
pub fn describe_how(heap: &Heap<'_>, reference: &Reference, place: &dyn Fn(u64) -> String) -> String {
    let at = reference.holder.0;
    match &reference.how {
        How::Known(kind) => describe_known(heap, reference, *kind),
        How::Fields(steps) => through(heap, reference, steps),
        How::Root(kind) => format!(" {}", root_name(*kind)),
        How::GlobalHandle { weak: false } => " global handle".to_owned(),
        How::GlobalHandle { weak: true } => " global handle (weak)".to_owned(),
        How::Isolate(offset) => format!(" isolate {:x}, +0x{offset:x}", at.wrapping_sub(*offset)),
        How::Outside => format!(" {}", place(at)),
    }
}

/// The fields on the way, and what the holder is: ` queue.next.value (JSAsyncGeneratorObject)`.
fn through(heap: &Heap<'_>, reference: &Reference, steps: &[Step]) -> String {
    let mut text = String::new();
    let mut weak = false;
    for (index, step) in steps.iter().enumerate() {
        let Ok(object) = heap.object(Tagged::pointer(step.object)) else { continue };
        let place = place_name(heap, &heap.place_at(object, step.offset));
        if index == 0 {
            text.push(' ');
        } else if !place.starts_with('.') {
            text.push('.');
        }
        // A place begins with a dot where it is a property.
        text.push_str(if index == 0 { place.trim_start_matches('.') } else { &place });
        weak |= is_weak(heap, object, step.offset);
    }
    let class = escape(heap.class_name(reference.holder)).into_owned();
    format!("{text}{} ({class})", if weak { ", weak" } else { "" })
}

/// Whether a word, or an address in an instruction, does not keep the object alive that it refers to.
fn is_weak(heap: &Heap<'_>, object: HeapObject<'_>, offset: u64) -> bool {
    if heap.is_pointer_in_code(object, offset) {
        return heap
            .pointers_in_code(object)
            .any(|(at, word)| at == offset && heap.is_weak_in_code(Tagged(word)));
    }
    match heap.object_words(object).map(|words| words.at(offset)) {
        Ok(Word::Held | Word::EphemeronKey) => true,
        Ok(Word::Weak) => heap.field(object, offset).is_ok_and(|word| word.0 & 3 == 3),
        _ => false,
    }
}

/// A reference in the terms of the language.
fn describe_known(heap: &Heap<'_>, reference: &Reference, kind: ReferenceKind) -> String {
    let mut text = String::new();
    let name = |name: Tagged| {
        let name = heap.name_text(name).unwrap_or_else(|| "<unreadable name>".to_owned());
        escape(&name).into_owned()
    };
    let written = match kind {
        ReferenceKind::Property(property) => write!(text, ".{}", name(property)),
        ReferenceKind::Element(index) => write!(text, "[{index}]"),
        ReferenceKind::Getter(property) => write!(text, ".{} (getter)", name(property)),
        ReferenceKind::Setter(property) => write!(text, ".{} (setter)", name(property)),
        ReferenceKind::Variable(variable) => {
            write!(text, " closure variable \"{}\"{}", name(variable), of_function(heap, reference.holder))
        }
        ReferenceKind::ScriptVariable(variable) => {
            let scope = match heap.class_name(reference.holder) {
                "ScriptContext" => "script",
                "ModuleContext" => "module",
                _ => "context",
            };
            write!(text, " variable \"{}\" of a {scope}", name(variable))
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
        ReferenceKind::StackReceiver(frame) => write!(text, " \"this\" of {}", frame_name(frame)),
        ReferenceKind::StackFunction(frame) => write!(text, " function of {}", frame_name(frame)),
        ReferenceKind::HeldValue => write!(text, " held value of a registration"),
        ReferenceKind::WatchedTarget => write!(text, " target of a registration (weak)"),
    };
    debug_assert!(written.is_ok(), "a String takes all text");
    text
}

/// A frame of an error's stack by its number, or the frame of a call site, which has none.
fn frame_name(frame: Option<u64>) -> String {
    frame.map_or_else(|| "its frame".to_owned(), |frame| format!("frame {frame} of its unread stack"))
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
        None => match heap.shared_function_info(function) {
            Ok(shared) => format!(" of function {}", escape(&function::nameless(heap, shared))),
            Err(_) => " of a function".to_owned(),
        },
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
        Err(_) => match heap.object(value) {
            Ok(object) if object.kind().is_js_object() => {
                let class = escape(heap.name(heap.constructor_name(object)));
                format!("{:x} {class}{}", value.0, own_name(heap, object))
            }
            _ => format!("{:x}", value.0),
        },
    }
}

/// What a program calls the objects that it uses as keys for a purpose: ` "request"`, for `new AsyncLocalStorage({ name: 'request' })`.
/// Nothing for most objects.
fn own_name(heap: &Heap<'_>, object: HeapObject<'_>) -> String {
    /// Longer names are cut.
    const LONGEST: usize = 40;
    let name = match heap.own_property(object, "#name") {
        Ok(Some(PropertyValue::Data(name))) => heap.string(name, LONGEST).ok(),
        _ => None,
    };
    let name = name.map(|name| name.to_text()).filter(|name| !name.is_empty());
    name.map_or_else(String::new, |name| format!(" \"{}\"", escape(&name)))
}
