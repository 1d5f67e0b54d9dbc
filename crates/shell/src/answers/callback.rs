//! Callbacks in a few words: what is called, where it is defined, or which promise is settled.

use serde_json::{Value as Json, json};
use v8_heap::layout::Kind;
use v8_heap::objects::context::VariableValue;
use v8_heap::objects::value::{HeapObject, Value};
use v8_heap::{Heap, PropertyValue, Tagged};

use crate::print::function::{definition_name, file_name, script_name};

/// Functions that call another are followed up to here.
const DEEPEST: usize = 8;

/// What the names of Node.js's own scripts begin with.
pub const NODE: &str = "node:";

/// What is called.
#[derive(Clone, Debug, Default)]
pub struct Callback {
    /// The function itself, behind what was bound or wrapped.
    pub function: Option<Tagged>,
    /// Its name.
    pub name: String,
    /// The last part of its script's name, or none if it is V8's.
    pub file: Option<String>,
    /// The whole name of its script.
    pub script: Option<String>,
    /// Where it is defined.
    pub line: Option<u32>,
    /// The column there.
    pub column: Option<u32>,
    /// The promise that it settles, if it is one of V8's own for that.
    pub settles: Option<Tagged>,
    /// The script of Node.js whose function is called first, and was given this one as its callback.
    pub through: Option<String>,
}

impl Callback {
    /// What `value` calls in the end: bound functions and the wrappers of `once` are seen through.
    pub fn of(heap: &Heap<'_>, value: Tagged) -> Callback {
        let (mut value, mut through) = (value, None);
        for _ in 0..DEEPEST {
            let Ok(Value::Object(object)) = heap.value(value) else { break };
            if let Ok(Some(PropertyValue::Data(listener))) = heap.own_property(object, "listener")
                && matches!(heap.value(listener), Ok(Value::Object(_)))
            {
                value = listener;
            } else if object.kind() == Kind::JsBoundFunction
                && let Ok(bound) = heap.bound_function(object)
            {
                let given = heap.bound_arguments(&bound).unwrap_or_default();
                match given_to_node(heap, bound.target, given) {
                    Some((function, script)) => (value, through) = (function, Some(script)),
                    None => value = bound.target,
                }
            } else if let Some((function, script)) = given_to_node(heap, value, captured(heap, object)) {
                (value, through) = (function, Some(script));
            } else {
                break;
            }
        }
        let settles = heap.settled_by(value);
        let mut callback = Callback { function: Some(value), settles, through, ..Callback::default() };
        let shared = heap
            .object(value)
            .ok()
            .filter(|object| object.kind() == Kind::JsFunction)
            .and_then(|function| heap.shared_function(heap.shared_function_info(function).ok()?).ok());
        let Some(shared) = shared else {
            callback.name = "(no function)".to_owned();
            return callback;
        };
        callback.name = definition_name(heap, &shared);
        if let Some(location) = heap.function_location(shared.object) {
            let script = script_name(heap, &location.script);
            // Whose it is shows in the names of Node.js's own.
            let is_foreign = script.starts_with(NODE);
            callback.file = Some(if is_foreign { script.clone() } else { file_name(heap, &location.script) });
            callback.script = Some(script);
            callback.line = location.place.map(|place| place.line);
            callback.column = location.place.map(|place| place.column);
        }
        callback
    }

    /// Whether it belongs to Node.js or V8 and not to the program.
    pub fn is_foreign(&self) -> bool {
        self.script.as_ref().is_none_or(|script| script.starts_with(NODE))
    }

    /// `onOrder (app.js:26:27)`, not yet escaped.
    pub fn text(&self) -> String {
        if let Some(promise) = self.settles {
            return format!("settles promise {promise}");
        }
        let through = self.through.as_ref().map_or_else(String::new, |script| format!(" through {script}"));
        let text = match (&self.file, self.line, self.column) {
            // A name that says where it is need not say it twice.
            _ if self.name.starts_with('(') => self.name.clone(),
            (Some(file), Some(line), Some(column)) => format!("{} ({file}:{line}:{column})", self.name),
            (Some(file), ..) => format!("{} ({file})", self.name),
            (None, ..) => self.name.clone(),
        };
        text + &through
    }

    /// As an object.
    pub fn json(&self) -> Json {
        json!({
            "function": self.function.map(|function| format!("{:#x}", function.0)),
            "name": self.name,
            "file": self.script,
            "line": self.line,
            "column": self.column,
            "through": self.through,
            "settles": self.settles.map(|promise| format!("{:#x}", promise.0)),
        })
    }
}

/// The variables in which functions of Node.js keep what the program gave them to call.
const GIVEN: [&str; 3] = ["cb", "callback", "listener"];

/// What a function has captured as the callback that it was given.
fn captured(heap: &Heap<'_>, function: HeapObject<'_>) -> Vec<Tagged> {
    let variables = || {
        let function = Some(function).filter(|function| function.kind() == Kind::JsFunction)?;
        let context = heap.object(heap.function_context(function).ok()?).ok()?;
        heap.context_variables(context).ok()
    };
    let given = variables().unwrap_or_default().into_iter().filter_map(|variable| match variable.value {
        VariableValue::Tagged(value) if GIVEN.iter().any(|name| heap.is_text(variable.name, name)) => {
            Some(value)
        }
        _ => None,
    });
    given.collect()
}

/// The program's function among what a function of Node.js was `given`, and the script of that; or, where there is none, another function
/// of Node.js that was given one.
fn given_to_node(heap: &Heap<'_>, called: Tagged, given: Vec<Tagged>) -> Option<(Tagged, String)> {
    let script_of = |value: Tagged| {
        let function = heap.object(value).ok().filter(|object| object.kind() == Kind::JsFunction)?;
        let location = heap.function_location(heap.shared_function_info(function).ok()?)?;
        Some(script_name(heap, &location.script))
    };
    if given.is_empty() {
        return None;
    }
    let script = script_of(called).filter(|script| script.starts_with(NODE))?;
    let is_own = |value: &Tagged| script_of(*value).is_some_and(|own| !own.starts_with(NODE));
    let leads_on = |value: &Tagged| {
        let function = heap.object(*value).ok().filter(|object| object.kind() == Kind::JsFunction);
        function.is_some_and(|function| captured(heap, function).iter().any(is_own))
    };
    let function =
        given.iter().find(|value| is_own(value)).or_else(|| given.iter().find(|value| leads_on(value)))?;
    Some((*function, script))
}
