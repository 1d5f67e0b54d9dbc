//! What the dcmds that ask why objects are alive have in common: names of objects and roots, ways as text.

use std::io::Write;

use v8_heap::graph::{Life, RetainingPath, Root, RootKind};
use v8_heap::index::{ObjectId, ObjectTable};
use v8_heap::layout::Kind;
use v8_heap::objects::place::Place;
use v8_heap::objects::value::HeapObject;
use v8_heap::questions::Hold;
use v8_heap::questions::{How, Reference, ReferenceKind};

use v8_heap::{Heap, Monitor, PropertyValue, Tagged};

use crate::context::Context;
use crate::error::DcmdError;
use crate::output::escape;
use crate::pipeline::Out;
use crate::print::function;

/// The heap and its objects, with a warning, once in a session, if what keeps objects alive is not all in the core.
pub fn open<'c>(
    context: &'c Context,
    monitor: &dyn Monitor,
) -> Result<(&'c Heap<'static>, &'c ObjectTable), DcmdError> {
    let heap = context.heap()?;
    let table = heap.objects(monitor)?;
    let roots = heap.roots(monitor)?;
    if !roots.are_complete() && !context.told_of_roots.replace(true) {
        context.warn(&format_args!(
            "warning: the core lacks {}: what they alone keep alive seems to be garbage",
            roots.missing.join(", ")
        ));
    }
    if !heap.graph(monitor)?.follows_code && !context.told_of_code.replace(true) {
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
    if table.address_of(id).and_then(|at| heap.spaces().page_of(at)).is_some_and(|page| page.heap == 0) {
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
    let is_of_thread =
        matches!(path.root.as_ref().map(|root| root.kind), Some(RootKind::Stack(_) | RootKind::Register(_)));
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

/// What a root is.
pub fn root_text(root: Option<&Root>) -> String {
    let Some(root) = root else { return "global object".to_owned() };
    let name = root_name(root.kind);
    match root.kind {
        RootKind::Register(_) => name,
        RootKind::Isolate => format!("isolate, field at {:x}", root.at),
        RootKind::NativeMemory => format!("{name} at {:x} (perhaps left over)", root.at),
        RootKind::HandleScope | RootKind::Microtask => format!("{name}, at {:x}", root.at),
        _ => format!("{name} at {:x}", root.at),
    }
}

/// What a root of some kind is.
pub fn root_name(kind: RootKind) -> String {
    match kind {
        RootKind::Stack(thread) => return format!("stack of thread {thread}"),
        RootKind::Register(thread) => return format!("register of thread {thread}"),
        RootKind::RootsTable => "V8's table of roots",
        RootKind::Isolate => "isolate",
        RootKind::HandleScope => "handle of native code that is running",
        RootKind::GlobalHandle => "global handle",
        RootKind::EternalHandle => "eternal handle",
        RootKind::TracedHandle => "handle of a C++ object",
        RootKind::Microtask => "microtask that waits",
        RootKind::ObjectCache => "cache of the startup snapshot",
        RootKind::CompilationCache => "compilation cache",
        RootKind::StrongRoots => "list of V8's own roots",
        RootKind::NativeMemory => "native memory",
    }
    .to_owned()
}

/// One step of a way: how the object is held, its address, what it is called.
struct StepOfWay {
    manner: String,
    object: Tagged,
    label: String,
}

/// Prints steps; those that are the same again and again, as along a list, share a line: `._idleNext x 922`.
struct StepPrinter<'o, 'p> {
    out: &'o mut Out<'p>,
    indent: usize,
    folds: bool,
    /// The last step, and how often it has been taken.
    last: Option<(StepOfWay, u64)>,
}

impl StepPrinter<'_, '_> {
    fn step(&mut self, step: StepOfWay) -> Result<(), DcmdError> {
        match &mut self.last {
            Some((last, times)) if self.folds && last.manner == step.manner && last.label == step.label => {
                *times += 1;
                last.object = step.object;
                Ok(())
            }
            _ => {
                self.flush()?;
                self.last = Some((step, 1));
                Ok(())
            }
        }
    }

    fn flush(&mut self) -> Result<(), DcmdError> {
        let Some((step, times)) = self.last.take() else { return Ok(()) };
        let StepOfWay { manner, object, label } = step;
        let times = if times > 1 { format!(" x {times}") } else { String::new() };
        let indent = self.indent;
        Ok(writeln!(self.out.text(), "{:indent$}{manner}{times} = {object} {label}", "")?)
    }
}

/// Prints a way, one object a line behind `indent` blanks. Without `verbose`, V8's storage between JavaScript objects is left out, and
/// steps that repeat share a line.
pub fn print_path(
    context: &Context,
    path: &RetainingPath,
    verbose: bool,
    indent: usize,
    out: &mut Out<'_>,
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
    writeln!(out.text(), "{:indent$}{} {}", "", first.value(), label(heap, first))?;
    let mut steps = StepPrinter { out, indent, folds: !verbose, last: None };
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
            Some(manner) => {
                steps.step(StepOfWay { manner, object: next.value(), label: label(heap, next) })?;
            }
            None => {
                let mut holder = holder;
                for &id in &rest[..=ahead] {
                    let next = object(id)?;
                    let manner = match variable_in(heap, holder, next.value()) {
                        Some(variable) if !verbose => format!("variable \"{variable}\""),
                        _ => hold_text(&heap.hold(holder, next.value())),
                    };
                    steps.step(StepOfWay { manner, object: next.value(), label: label(heap, next) })?;
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
    heap.for_each_reference(holder, &mut |kind, value| {
        visited = visited.wrapping_add(1);
        if found.is_none() && value == target && kind != ReferenceKind::WeakRefTarget {
            found = Some(kind);
        }
        found.is_none() && !(visited.is_multiple_of(1 << 16) && stopped())
    });
    let kind = found?;
    let reference = Reference { target, holder: holder.value(), how: How::Known(kind) };
    let manner = crate::reference::describe_how(heap, &reference, &|_| String::new());
    Some(manner.trim_start().to_owned())
}

/// The variable of a context that holds `target`.
fn variable_in(heap: &Heap<'_>, context: HeapObject<'_>, target: Tagged) -> Option<String> {
    if !heap.class_name(context.value()).ends_with("Context") {
        return None;
    }
    let words = heap.object_words(context).ok()?;
    let at = words.iter().position(|(_, value)| value == target)?;
    match heap.place_at(context, 8 * at as u64) {
        Place::ContextSlot(_, Some(name)) => heap.name_text(name).map(|name| escape(&name).into_owned()),
        _ => None,
    }
}

fn hold_text(hold: &Hold) -> String {
    match hold {
        Hold::Field(name) => format!(".{name}"),
        Hold::Entry(name, index) => format!(".{name}[{index}]"),
        Hold::Word(at) => format!("+{at:#x}"),
        Hold::WeakValue => "value of this key in a WeakMap".to_owned(),
        Hold::Code => "code".to_owned(),
        Hold::Unknown => "(not known how)".to_owned(),
    }
}
