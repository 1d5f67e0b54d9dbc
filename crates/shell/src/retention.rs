//! What the dcmds that ask why objects are alive have in common: names of objects and roots, ways as text.

use std::io::Write;

use v8_heap::graph::{Hold, Life, RetainingPath, Root, RootKind};
use v8_heap::index::{How, ObjectId, ObjectTable, Reference, ReferenceKind};
use v8_heap::layout::Kind;
use v8_heap::objects::value::HeapObject;
use v8_heap::{Heap, Monitor, Tagged};

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
        kind if kind.is_js_object() => escape(heap.name(heap.constructor_name(object))).into_owned(),
        Kind::String => match heap.string(object.value(), LONGEST) {
            Ok(text) => format!("\"{}{}\"", escape(&text.to_text()), if text.is_cut() { "..." } else { "" }),
            Err(_) => format!("({})", heap.class_name(object.value())),
        },
        _ => format!("({})", heap.class_name(object.value())),
    }
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

/// Prints a way, one object a line behind `indent` blanks. Without `verbose`, V8's storage between JavaScript objects is left out.
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
                writeln!(out.text(), "{:indent$}{manner} = {} {}", "", next.value(), label(heap, next))?;
            }
            None => {
                let mut holder = holder;
                for &id in &rest[..=ahead] {
                    let next = object(id)?;
                    let manner = hold_text(&heap.hold(holder, next.value()));
                    writeln!(out.text(), "{:indent$}{manner} = {} {}", "", next.value(), label(heap, next))?;
                    holder = next;
                }
            }
        }
        holder = next;
        rest = &rest[ahead + 1..];
    }
    Ok(())
}

/// How a JavaScript object refers to another, in terms of the language.
fn manner_of(
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
