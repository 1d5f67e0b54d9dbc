//! Why a gathering may be meant to be as large as it is, in words.

use serde_json::json;
use v8_heap::questions::Meant;

use crate::output::escape;

/// Why a gathering may be meant to be as large as it is, in words.
pub(crate) fn meant_text(meant: &Meant) -> String {
    match meant {
        Meant::Files { part_by: None, name } => {
            format!("a graph of modules: `.{}` of each is another source file", escape(name))
        }
        Meant::Files { part_by: Some(by), name } => format!(
            "parts of source files: `.{}` leads from each to what has the file in `.{}`",
            escape(by),
            escape(name)
        ),
        Meant::Bounded { by, most: Some(most) } => {
            format!("no more than its `{}` of {most} allows", escape(by))
        }
        Meant::Bounded { by, most: None } => {
            format!("perhaps no more than its `{}` allows, a number that is not told", escape(by))
        }
        Meant::WebAssembly => "the memory of WebAssembly, which never shrinks".to_owned(),
        Meant::Timers { milliseconds } => format!("timers that run once, within {milliseconds} ms"),
    }
}

/// The same as JSON.
pub(crate) fn meant_json(meant: &Meant) -> serde_json::Value {
    let why = match meant {
        Meant::Files { .. } => "files",
        Meant::Bounded { .. } => "bounded",
        Meant::WebAssembly => "webAssembly",
        Meant::Timers { .. } => "timers",
    };
    json!({ "why": why, "says": meant_text(meant) })
}
