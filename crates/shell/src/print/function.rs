//! Functions in a few words: what they are called, and where they come from.

use std::fmt::Write;

use v8_heap::layout::Kind;
use v8_heap::objects::script::{Script, ScriptType};
use v8_heap::objects::shared_function_info::{FunctionCode, FunctionKind, SharedFunction};
use v8_heap::objects::value::{HeapObject, Value};
use v8_heap::{Heap, Tagged};

use crate::error::DcmdError;
use crate::output::escape;

/// Names are shown up to this many characters: those of scripts can be whole `data:` URLs.
const LONGEST_NAME: usize = 1 << 14;
/// An `eval` in an `eval` in an `eval`: so many are named.
const DEEPEST_EVAL: usize = 8;

/// What an address that should be a function's leads to.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'h> {
    /// The function, if it is one and not only the definition of some.
    pub function: Option<HeapObject<'h>>,
    /// Its definition.
    pub shared: SharedFunction<'h>,
}

/// The function or `SharedFunctionInfo` at an address.
///
/// # Errors
/// It is neither.
pub fn subject<'h>(heap: &'h Heap<'_>, value: Tagged) -> Result<Subject<'h>, DcmdError> {
    let object = match heap.value(value) {
        Ok(Value::Object(object) | Value::Internal(object)) => object,
        _ => return Err(DcmdError::failed(format!("{value} is not a heap object"))),
    };
    match object.kind() {
        Kind::JsFunction => {
            let shared = heap.shared_function(heap.shared_function_info(object)?)?;
            Ok(Subject { function: Some(object), shared })
        }
        Kind::SharedFunctionInfo => Ok(Subject { function: None, shared: heap.shared_function(object)? }),
        _ => Err(DcmdError::failed(format!("{value} is not a JSFunction"))),
    }
}

/// A string of the heap as text, what is cut marked by `[...]`; what cannot be read as a note that says so.
pub fn text(heap: &Heap<'_>, value: Tagged) -> String {
    match heap.string(value, LONGEST_NAME) {
        Ok(string) if string.is_cut() => string.to_text() + "[...]",
        Ok(string) => string.to_text(),
        Err(_) => "<cannot be read>".to_owned(),
    }
}

/// The name of a definition: as declared, else as the parser inferred it, `<anonymous> (as Server.onRequest)`.
pub fn definition_name(heap: &Heap<'_>, shared: &SharedFunction<'_>) -> String {
    // V8 calls these so in stack traces, and some versions after the class elsewhere.
    match shared.kind {
        FunctionKind::FieldInitializer => return "<instance_members_initializer>".to_owned(),
        FunctionKind::StaticInitializer => return "<static_initializer>".to_owned(),
        _ => {}
    }
    match heap.shared_name(shared.object) {
        Ok(Some(name)) => return text(heap, name),
        Ok(None) => {}
        Err(_) => return "<cannot be read>".to_owned(),
    }
    match heap.shared_inferred_name(shared.object) {
        Ok(Some(name)) => format!("<anonymous> (as {})", text(heap, name)),
        _ => nameless(heap, shared.object),
    }
}

/// Whether a definition's own name, or the one that the parser inferred, has `part` in it. One without either is `<anonymous>`.
pub fn has_in_name(heap: &Heap<'_>, shared: &SharedFunction<'_>, part: &str) -> bool {
    let name = definition_name(heap, shared);
    let is_nameless = name.starts_with('(') && name.ends_with(')');
    if is_nameless { "<anonymous>".contains(part) } else { name.contains(part) }
}

/// What stands for the name of a function that has none: where it is defined, `(app.js:26:27)`.
pub fn nameless(heap: &Heap<'_>, shared: HeapObject<'_>) -> String {
    match heap.function_location(shared) {
        Some(location) => {
            let place = match location.place {
                Some(place) => format!("{}:{}", place.line, place.column),
                None => format!("position {}", location.position),
            };
            format!("({}:{place})", file_name(heap, &location.script))
        }
        None => "(of V8)".to_owned(),
    }
}

/// The last part of a script's name: `app.js`. A script without a name comes from `eval` or the like.
pub fn file_name(heap: &Heap<'_>, script: &Script<'_>) -> String {
    match heap.script_name(script) {
        Some(name) => {
            let name = text(heap, name);
            if name.starts_with("data:") {
                // Its path is the source itself.
                return "data:".to_owned();
            }
            let file = name.trim_end_matches('/').rsplit('/').next().unwrap_or(&name);
            file.to_owned()
        }
        None => "eval".to_owned(),
    }
}

/// Where a suspended function stopped: `noise.js:29`. Nothing if it is not suspended, or if that is not known.
pub fn suspended_at(heap: &Heap<'_>, generator: HeapObject<'_>) -> Option<String> {
    let function = heap.generator(generator).ok()?.function;
    let suspension = heap.suspension(generator).ok()??;
    let shared = heap.shared_function_info(heap.object(function).ok()?).ok()?;
    let location = heap.function_location(shared)?;
    let file = file_name(heap, &location.script);
    let place = heap.script_location(&location.script, suspension.position?)?;
    Some(format!("{file}:{}", place.line))
}

/// The name of a script; of one without, how it came about.
pub fn script_name(heap: &Heap<'_>, script: &Script<'_>) -> String {
    let mut shown = String::new();
    let mut script = *script;
    for _ in 0..DEEPEST_EVAL {
        if let Some(name) = heap.script_name(&script) {
            shown += &text(heap, name);
            return shown;
        }
        let Some(caller) = script.eval_from.and_then(|caller| heap.object(caller).ok()) else { break };
        let Ok(caller) = heap.shared_function(caller) else { break };
        let Some(of) = caller.script.and_then(|script| heap.script(script).ok()) else { break };
        let place = script.eval_position.and_then(|position| heap.script_location(&of, position));
        let written = match place {
            Some(place) => write!(shown, "eval at line {} of ", place.line),
            None => write!(shown, "eval in "),
        };
        debug_assert!(written.is_ok(), "a String takes all text");
        script = of;
    }
    shown + &format!("<script {}>", script.id)
}

/// How a script came about: `commonjs`, `module`, `eval`, `script`, `builtin` for those of Node.js, `wrapped` for the body
/// of any other function, or what V8 calls it if it is not the program's.
pub fn script_kind(heap: &Heap<'_>, script: &Script<'_>) -> &'static str {
    if script.script_type != ScriptType::Normal {
        return script.script_type.name();
    }
    if script.wrapped.is_some() {
        let parameters = heap.wrapped_parameters(script).unwrap_or_default();
        let names: Vec<String> = parameters.into_iter().map(|name| text(heap, name)).collect();
        let has = |wanted: &str| names.iter().any(|name| name == wanted);
        return match () {
            () if has("primordials") || has("internalBinding") => "builtin",
            () if has("exports") && has("require") && has("module") => "commonjs",
            () => "wrapped",
        };
    }
    match (script.is_eval, script.is_module) {
        (true, _) => "eval",
        (false, true) => "module",
        (false, false) => "script",
    }
}

/// Where a function is defined: `/srv/app/lib/http.js line 210`.
pub fn origin(heap: &Heap<'_>, shared: &SharedFunction<'_>) -> String {
    let Some(location) = heap.function_location(shared.object) else {
        return match (shared.code, shared.script.and_then(|script| heap.script(script).ok())) {
            (_, Some(script)) => format!("{} unknown position", script_name(heap, &script)),
            (FunctionCode::Builtin(number), None) => format!("<builtin {number} of V8>"),
            (FunctionCode::Native(_), None) => "<native code>".to_owned(),
            (_, None) => "<no script>".to_owned(),
        };
    };
    let name = script_name(heap, &location.script);
    match location.place {
        Some(place) => format!("{name} line {}", place.line),
        None => format!("{name} position {}", location.position),
    }
}

/// What a function is in the language: `async arrow function`.
pub fn kind_name(shared: &SharedFunction<'_>) -> String {
    let mut words = Vec::new();
    if shared.is_static && !matches!(shared.kind, FunctionKind::StaticInitializer) {
        words.push("static");
    }
    if shared.is_async {
        words.push("async");
    }
    if shared.is_generator {
        words.push("generator");
    }
    words.push(match shared.kind {
        FunctionKind::Plain if shared.is_wrapped => "CommonJS module",
        FunctionKind::Plain if shared.is_top_level => "script",
        FunctionKind::Plain if shared.is_generator => "",
        FunctionKind::Plain => "function",
        FunctionKind::Module => "module",
        FunctionKind::Class => "class",
        FunctionKind::Getter => "getter",
        FunctionKind::Setter => "setter",
        FunctionKind::Arrow => "arrow function",
        FunctionKind::Method => "method",
        FunctionKind::FieldInitializer => "field initializer",
        FunctionKind::StaticInitializer => "static initializer",
    });
    words.retain(|word| !word.is_empty());
    words.join(" ")
}

/// As a cell of a table: escaped.
pub fn cell(text: &str) -> String {
    escape(text).into_owned()
}
