//! What the dcmds that ask why objects are alive have in common: names of objects and roots, ways as text.

use std::io::Write;

use v8_heap::graph::{Life, RetainingPath, RootKind};
use v8_heap::index::{ObjectId, ObjectTable};
use v8_heap::layout::Kind;
use v8_heap::objects::place::Place;
use v8_heap::objects::value::HeapObject;
use v8_heap::questions::Hold;
use v8_heap::questions::{How, Reference, ReferenceKind};

use v8_heap::{Heap, Monitor, PropertyValue, Tagged};

use crate::answers::roots::root_text;
use crate::context::Context;
use crate::error::DcmdError;
use crate::output::escape;
use crate::print::function;
use crate::said::Once;
use crate::stage::Out;

/// The heap and its objects, with a warning, once in a session, if what keeps objects alive is not all in the core.
pub fn open<'c>(
    context: &'c Context,
    monitor: &dyn Monitor,
) -> Result<(&'c Heap<'static>, &'c ObjectTable), DcmdError> {
    let heap = context.heap()?;
    let table = heap.objects(monitor)?;
    let roots = heap.roots(monitor)?;
    if !roots.are_complete() && context.first(Once::Roots) {
        context.warn(&format_args!(
            "warning: the core lacks {}: what they alone keep alive seems to be garbage",
            roots.missing.join(", ")
        ));
    }
    if !heap.graph(monitor)?.follows_code && context.first(Once::Code) {
        context.warn(&"warning: the core lacks the table of functions' code: what code alone keeps alive seems to be garbage");
    }
    Ok((heap, table))
}

/// The number of the object at an address.
///
/// # Errors
/// There is none.
pub fn object_at(heap: &Heap<'_>, table: &ObjectTable, value: Tagged) -> Result<ObjectId, DcmdError> {
    let at = |address: u64| table.id_at(heap.spaces(), address);
    match value.object().and_then(at) {
        Some(id) => Ok(id),
        None if at(value.0).is_some() => Err(DcmdError::failed(format!(
            "{value} is not a valid object (addresses of objects are odd: did you mean {:x}?)",
            value.0 | 1
        ))),
        None => Err(DcmdError::failed(format!("{value} is not a valid object"))),
    }
}

/// Whether something keeps an object alive, `least` being good enough.
///
/// # Errors
/// Nothing does, or nothing has to.
pub fn alive(
    heap: &Heap<'_>,
    table: &ObjectTable,
    id: ObjectId,
    least: Life,
    monitor: &dyn Monitor,
) -> Result<(), DcmdError> {
    let shown = address(table, id);
    if table.address_of(id).and_then(|at| heap.spaces().page_of(at)).is_some_and(|page| page.is_read_only()) {
        return Err(DcmdError::failed(format!("{shown} is in a read-only page: it is never freed")));
    }
    match heap.liveness(monitor)?.of(id.0) {
        Life::Dead => Err(DcmdError::failed(format!("{shown} is garbage: nothing keeps it alive"))),
        Life::Unsure if least == Life::Live => Err(DcmdError::failed(format!(
            "{shown} is probably garbage: only words of native memory lead to it (see ::jspath)"
        ))),
        Life::Live | Life::Unsure => Ok(()),
    }
}

/// The tagged address of an object.
pub fn address(table: &ObjectTable, id: ObjectId) -> Tagged {
    Tagged::pointer(table.address_of(id).unwrap_or(0))
}

/// What an object is called: its constructor, the name of a function, the beginning of a string, or V8's class in brackets.
pub fn label(heap: &Heap<'_>, object: HeapObject<'_>) -> String {
    /// Longer strings are cut.
    const LONGEST: usize = 40;
    match object.kind() {
        Kind::JsFunction => match function::subject(heap, object.value()) {
            Ok(found) => format!("function {}", escape(&function::definition_name(heap, &found.shared))),
            Err(_) => "function".to_owned(),
        },
        Kind::JsGenerator => generator_label(heap, object),
        kind if kind.is_js_object() => {
            let constructor = escape(heap.name(heap.constructor_name(object)));
            match (&*constructor, module_file(heap, object)) {
                ("Module", Some(file)) => format!("Module {}", escape(&file)),
                _ => constructor.into_owned(),
            }
        }
        Kind::String => match heap.string(object.value(), LONGEST) {
            Ok(text) => format!("\"{}{}\"", escape(&text.to_text()), if text.is_cut() { "..." } else { "" }),
            Err(_) => format!("({})", heap.class_name(object.value())),
        },
        _ => format!("({})", heap.class_name(object.value())),
    }
}

/// `async function stages, suspended at noise.js:29`
fn generator_label(heap: &Heap<'_>, object: HeapObject<'_>) -> String {
    let noun = match heap.class_name(object.value()) {
        "JSAsyncGeneratorObject" => "async generator",
        "JSAsyncFunctionObject" => "async function",
        _ => "generator",
    };
    let function = heap.generator(object).ok().map(|generator| generator.function);
    let name = match function.map(|function| function::subject(heap, function)) {
        Some(Ok(found)) => format!(" {}", escape(&function::definition_name(heap, &found.shared))),
        _ => String::new(),
    };
    match function::suspended_at(heap, object) {
        Some(place) => format!("{noun}{name}, suspended at {}", escape(&place)),
        None => format!("{noun}{name}"),
    }
}

/// The last part of the file of a module: an object of Node.js that has `filename`.
fn module_file(heap: &Heap<'_>, object: HeapObject<'_>) -> Option<String> {
    const LONGEST: usize = 4096;
    let Ok(Some(PropertyValue::Data(name))) = heap.own_property(object, "filename") else { return None };
    let name = heap.string(name, LONGEST).ok()?.to_text();
    name.rsplit('/').next().map(str::to_owned)
}

/// What a root is; `first` is the object that it holds. A worker's root says which thread that is.
pub fn root_of(context: &Context, path: &RetainingPath, table: &ObjectTable) -> String {
    let text = root_text(path.root.as_ref());
    let is_of_thread = matches!(
        path.root.as_ref().map(|root| root.kind),
        Some(RootKind::Stack(_) | RootKind::Register(_) | RootKind::NativeFrame(_))
    );
    let thread = path.objects.first().and_then(|first| worker_of(context, table, ObjectId(*first)));
    match thread {
        Some(thread) if !is_of_thread => format!("{text}, of worker thread {thread}"),
        _ => text,
    }
}

/// The thread of the worker in whose heap an object is; nothing for the main thread.
fn worker_of(context: &Context, table: &ObjectTable, id: ObjectId) -> Option<u32> {
    let heap = context.heap().ok()?;
    let target = context.target().ok()?;
    let page = heap.spaces().page_of(table.address_of(id)?)?;
    let isolate = heap.spaces().isolates().iter().find(|isolate| isolate.heap == page.heap)?;
    let thread = heap.thread_of(isolate)?.thread.id;
    (thread != target.core().process().id).then_some(thread)
}

/// One step of a way.
#[derive(Debug)]
pub struct Step {
    /// How the object is held by the one of the step before; nothing for the first.
    pub manner: Option<String>,
    /// How many steps in a row were the same, as along a list; the object is the last of them.
    pub times: u64,
    /// The object.
    pub object: Tagged,
    /// What it is called.
    pub label: String,
}

/// Takes the steps of a way; with `folds`, those that are the same again and again are one.
struct Steps<'t> {
    folds: bool,
    last: Option<Step>,
    take: &'t mut dyn FnMut(Step) -> Result<(), DcmdError>,
}

impl Steps<'_> {
    fn step(&mut self, manner: Option<String>, object: Tagged, label: String) -> Result<(), DcmdError> {
        match &mut self.last {
            Some(last) if self.folds && last.manner == manner && last.label == label => {
                last.times += 1;
                last.object = object;
                Ok(())
            }
            _ => {
                self.flush()?;
                self.last = Some(Step { manner, times: 1, object, label });
                Ok(())
            }
        }
    }

    fn flush(&mut self) -> Result<(), DcmdError> {
        match self.last.take() {
            Some(step) => (self.take)(step),
            None => Ok(()),
        }
    }
}

/// Prints a way, one object a line behind `indent` blanks. Without `verbose`, V8's storage between JavaScript objects is left out, and
/// steps that repeat share a line: `._idleNext x 922`.
pub fn print_path(
    context: &Context,
    path: &RetainingPath,
    verbose: bool,
    indent: usize,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    for_each_step(context, path, verbose, &mut |step| {
        let Step { manner, times, object, label } = step;
        let manner = match (manner, times) {
            (None, _) => String::new(),
            (Some(manner), 1) => format!("{manner} = "),
            (Some(manner), times) => format!("{manner} x {times} = "),
        };
        Ok(writeln!(out.text(), "{:indent$}{manner}{object} {label}", "")?)
    })
}

/// A way as JSON: its steps as [`for_each_step`] gives them.
pub fn path_json(
    context: &Context,
    path: &RetainingPath,
    verbose: bool,
) -> Result<Vec<serde_json::Value>, DcmdError> {
    let mut steps = Vec::new();
    for_each_step(context, path, verbose, &mut |step| {
        steps.push(serde_json::json!({
            "object": format!("0x{:x}", step.object.0),
            "name": step.label,
            "how": step.manner,
            "times": step.times,
        }));
        Ok(())
    })?;
    Ok(steps)
}

/// Gives the steps of a way, as [`print_path`] prints them.
pub fn for_each_step(
    context: &Context,
    path: &RetainingPath,
    verbose: bool,
    take: &mut dyn FnMut(Step) -> Result<(), DcmdError>,
) -> Result<(), DcmdError> {
    let heap = context.heap()?;
    let monitor = context.progress();
    let table = heap.objects(&monitor)?;
    let object = |id: u32| {
        heap.object_by_id(table, ObjectId(id))
            .ok_or_else(|| DcmdError::failed("an object on the way has no map"))
    };
    let Some((&first, rest)) = path.objects.split_first() else { return Ok(()) };
    let first = object(first)?;
    let mut steps = Steps { folds: !verbose, last: None, take };
    steps.step(None, first.value(), label(heap, first))?;
    let mut holder = first;
    let mut rest = rest;
    while !rest.is_empty() {
        context.check_interrupt()?;
        // As far as the next JavaScript object, or to the end.
        let is_stop = |id: &u32| object(*id).is_ok_and(|object| object.kind().is_js_object());
        let ahead = rest.iter().position(is_stop).unwrap_or(rest.len() - 1);
        let next = object(rest[ahead])?;
        let known = if verbose {
            None
        } else {
            manner_of(heap, holder, next.value(), &|| context.interrupt.is_set())
        };
        match known {
            Some(manner) => steps.step(Some(manner), next.value(), label(heap, next))?,
            None => {
                let mut holder = holder;
                for &id in &rest[..=ahead] {
                    let next = object(id)?;
                    let manner = match variable_in(heap, holder, next.value()) {
                        Some(variable) if !verbose => format!("variable \"{variable}\""),
                        _ => hold_text(&heap.hold(holder, next.value())),
                    };
                    steps.step(Some(manner), next.value(), label(heap, next))?;
                    holder = next;
                }
            }
        }
        holder = next;
        rest = &rest[ahead + 1..];
    }
    steps.flush()
}

/// How a JavaScript object refers to another, in terms of the language.
pub fn manner_of(
    heap: &Heap<'_>,
    holder: HeapObject<'_>,
    target: Tagged,
    stopped: &dyn Fn() -> bool,
) -> Option<String> {
    if !holder.kind().is_js_object() {
        return None;
    }
    let mut found: Option<ReferenceKind> = None;
    let mut visited = 0u32;
    let mut visit = |kind: ReferenceKind, value| {
        visited = visited.wrapping_add(1);
        if found.is_none() && value == target && kind.keeps_alive() {
            found = Some(kind);
        }
        found.is_none() && !(visited.is_multiple_of(1 << 16) && stopped())
    };
    heap.for_each_reference(holder, &mut visit);
    heap.for_each_hidden_reference(holder, &mut visit);
    let kind = found?;
    let reference = Reference { target, holder: holder.value(), how: How::Known(kind) };
    let manner = crate::answers::reference::describe_how(heap, &reference, &|_| String::new());
    Some(manner.trim_start().to_owned())
}

/// The variable of a context that holds `target`.
fn variable_in(heap: &Heap<'_>, context: HeapObject<'_>, target: Tagged) -> Option<String> {
    if !heap.class_name(context.value()).ends_with("Context") {
        return None;
    }
    let words = heap.object_words(context).ok()?;
    let at = words.iter().position(|(_, value)| value == target)?;
    match heap.place_at(context, heap.fields().words.tagged * at as u64) {
        Place::ContextSlot(_, Some(name)) => heap.name_text(name).map(|name| escape(&name).into_owned()),
        _ => None,
    }
}

pub fn hold_text(hold: &Hold) -> String {
    match hold {
        Hold::Field(name) => format!(".{name}"),
        Hold::Entry(name, index) => format!(".{name}[{index}]"),
        Hold::Word(at) => format!("+{at:#x}"),
        Hold::CppObject(at) => format!("by its C++ object at {at:x}"),
        Hold::WeakValue => "value of this key in a WeakMap".to_owned(),
        Hold::Code => "code".to_owned(),
        Hold::Instruction => "in its machine code".to_owned(),
        Hold::Unknown => "(not known how)".to_owned(),
    }
}
