//! Where the source adds to a collection.

use v8_heap::graph::RetainingPath;
use v8_heap::index::{ObjectId, ObjectTable};
use v8_heap::layout::Kind as HeapKind;
use v8_heap::objects::script::Script;
use v8_heap::{Heap, Tagged};

use super::excerpt::{LONGEST_SOURCE, SourceLine};
use super::retention::manner_of;
use crate::context::Context;
use crate::print::function;

/// Where the source says that something is added to the collection at the end of a way. Looked for is the name by which the collection is
/// held, in the scripts of the classes and functions on the way.
pub(crate) fn adding_place(
    context: &Context,
    heap: &Heap<'_>,
    table: &ObjectTable,
    path: &RetainingPath,
) -> Option<SourceLine> {
    let [.., holder, collection] = path.objects.as_slice() else { return None };
    let object = |id: u32| heap.object_by_id(table, ObjectId(id));
    let collection = object(*collection)?;
    let holder = object(*holder)?;
    let manner = manner_of(heap, holder, collection.value(), &|| context.interrupt.is_set())?;
    // `.name`, or `closure variable "name" of f`.
    let name = match manner.strip_prefix('.') {
        Some(name) => name.to_owned(),
        None => manner.split('"').nth(1)?.to_owned(),
    };
    let verbs: &[&str] = match heap.name(heap.constructor_name(collection)) {
        "Map" | "WeakMap" => &["set"],
        "Set" | "WeakSet" => &["add"],
        "Array" => &["push", "unshift", "splice"],
        _ => &[],
    };
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '#');
    if name.is_empty() || !name.chars().all(is_word) {
        return None;
    }
    let verbs =
        if verbs.is_empty() { String::new() } else { format!(r"(\?\.|\.)({})\s*\(|", verbs.join("|")) };
    let pattern = format!(r"(^|[^\w$#]){}\s*({verbs}\[[^\]]*\]\s*=[^=])", regex::escape(&name));
    let pattern = regex::Regex::new(&pattern).ok()?;
    let mut seen = Vec::new();
    for &id in path.objects.iter().rev().take(MOST_HOLDERS) {
        let Some(object) = object(id).filter(|object| object.kind().is_js_object()) else { continue };
        let function = match object.kind() {
            HeapKind::JsFunction => Some(object.value()),
            _ => heap.constructor_function(object),
        };
        let Some(script) = function.and_then(|function| script_of(heap, function)) else { continue };
        if seen.contains(&script.object.address) {
            continue;
        }
        seen.push(script.object.address);
        let Some(source) = script.source.and_then(|source| heap.string(source, LONGEST_SOURCE).ok()) else {
            continue;
        };
        let source = source.to_text();
        let found = source.lines().enumerate().find(|(_, line)| pattern.is_match(line));
        if let Some((index, line)) = found {
            return Some(SourceLine::of(heap, &script, index, line));
        }
    }
    None
}

/// Objects of a way whose scripts are looked at, from its end.
const MOST_HOLDERS: usize = 8;

/// The script of a function.
fn script_of<'h>(heap: &'h Heap<'_>, function: Tagged) -> Option<Script<'h>> {
    let found = function::subject(heap, function).ok()?;
    heap.script(found.shared.script?).ok()
}
