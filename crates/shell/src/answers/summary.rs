//! Any tagged word in a few words: its class, and what tells it from others of its class.
//!
//! `JSObject: Server`, `JSFunction: parseHeader`, `Oddball: "true"`, `SeqOneByteString: "text"`, `Map: of JSArray`,
//! `SMI: value = 7`.

use v8_heap::layout::Kind;
use v8_heap::objects::value::{HeapObject, Value};
use v8_heap::{Heap, Tagged};

use crate::output::escape;
use crate::print::function::{definition_name, text};
use crate::print::{Place, Printer, Style};

/// Strings are shown up to this many characters.
const LONGEST_STRING: usize = 60;

/// What a word stands for.
pub fn summary(heap: &Heap<'static>, value: Tagged) -> String {
    if value.0 & 3 == 3 && value.object().is_none() {
        return "cleared weak reference".to_owned();
    }
    let weak = if value.0 & 3 == 3 { "weak " } else { "" };
    let class = escape(heap.class_name(value)).into_owned();
    let more = match heap.value(value) {
        Ok(Value::Smi(number)) => return format!("SMI: value = {number}"),
        Ok(Value::Hole) => Some("\"hole\"".to_owned()),
        Ok(Value::Undefined | Value::Null | Value::Boolean(_)) => {
            Some(format!("\"{}\"", printed(heap, value)))
        }
        Ok(Value::Double(_) | Value::String(_) | Value::Symbol(_) | Value::BigInt(_)) => {
            Some(printed(heap, value))
        }
        Ok(Value::Marker) => None,
        Ok(Value::Object(object)) => Some(of_object(heap, object)),
        Ok(Value::Internal(object)) => of_internal(heap, object),
        Err(_) => {
            return if value.0 & 1 == 0 { "not tagged".to_owned() } else { "no heap object".to_owned() };
        }
    };
    match more {
        Some(more) if !more.is_empty() => format!("{weak}{class}: {more}"),
        _ => format!("{weak}{class}"),
    }
}

/// A primitive as `::jsprint` prints it, strings cut.
fn printed(heap: &Heap<'static>, value: Tagged) -> String {
    let mut out = Vec::new();
    let style = Style { depth: 0, longest_string: LONGEST_STRING, ..Style::default() };
    let strong = Tagged::pointer(value.object().unwrap_or(0));
    let value = if value.smi().is_some() { value } else { strong };
    match Printer::new(heap, style, &mut out, &|| Ok(())).print(&Place::Value(value)) {
        Ok(()) => String::from_utf8_lossy(&out).into_owned(),
        Err(_) => String::new(),
    }
}

fn of_object(heap: &Heap<'_>, object: HeapObject<'_>) -> String {
    if object.kind() == Kind::JsFunction
        && let Ok(shared) = heap.shared_function_info(object).and_then(|shared| heap.shared_function(shared))
    {
        return escape(&definition_name(heap, &shared)).into_owned();
    }
    escape(heap.name(heap.constructor_name(object))).into_owned()
}

fn of_internal(heap: &Heap<'_>, object: HeapObject<'_>) -> Option<String> {
    match object.kind() {
        Kind::Map => {
            let (_, map) = heap.decoded_map(object.address).ok()?;
            Some(format!("of {}", escape(heap.layout().type_name(map.instance_type))))
        }
        Kind::SharedFunctionInfo => {
            let shared = heap.shared_function(object).ok()?;
            Some(escape(&definition_name(heap, &shared)).into_owned())
        }
        Kind::Script => {
            let script = heap.script(object.value()).ok()?;
            script.name.map(|name| escape(&text(heap, name)).into_owned())
        }
        Kind::PropertyCell => {
            let name = heap.field(object, heap.fields().property_cell_name).ok()?;
            heap.name_text(name).map(|name| escape(&name).into_owned())
        }
        _ => None,
    }
}
