//! What waits for a promise, in words: which function, and where it is suspended or defined.

use serde_json::{Value as Json, json};
use v8_heap::Heap;
use v8_heap::objects::promise::Waits;
use v8_heap::pending::Link;

use super::callback::NODE;
use crate::print::function::{definition_name, file_name, script_name};

/// What waits, in words.
#[derive(Debug)]
pub struct AwaitPlace {
    /// How it waits, in one word: `await`, `all`.
    pub waits: &'static str,
    /// The same for people; nothing for what awaits.
    shown: String,
    /// The name of its function, if it has one.
    pub name: String,
    /// The last part of the name of its script; the whole name if that is Node.js's own.
    pub file: Option<String>,
    /// The whole name of its script.
    pub script: Option<String>,
    /// Where it is suspended, or where the function is defined.
    pub line: Option<u32>,
    /// The column there.
    pub column: Option<u32>,
}

impl AwaitPlace {
    /// Looks a link up.
    pub fn of(heap: &Heap<'_>, link: &Link) -> AwaitPlace {
        let (waits, shown) = match link.waits {
            Waits::Await => ("await", ""),
            Waits::All => ("all", "Promise.all"),
            Waits::AllSettled => ("allSettled", "Promise.allSettled"),
            Waits::Any => ("any", "Promise.any"),
            Waits::Resolves if link.is_race => ("race", "Promise.race"),
            Waits::Resolves => ("resolve", "Promise.race or then(resolve)"),
            Waits::Follows => ("follows", "promise resolved with it"),
            Waits::Then => ("then", "then"),
            Waits::Catch => ("catch", "catch"),
            Waits::Finally => ("finally", "finally"),
            Waits::Internal => ("internal", "V8"),
        };
        let mut place = AwaitPlace {
            waits,
            shown: shown.to_owned(),
            name: String::new(),
            file: None,
            script: None,
            line: None,
            column: None,
        };
        let shared =
            link.function.and_then(|function| heap.shared_function(heap.object(function).ok()?).ok());
        let Some(shared) = shared else { return place };
        place.name = definition_name(heap, &shared);
        if let Some(location) = heap.function_location(shared.object) {
            let script = script_name(heap, &location.script);
            let is_node = script.starts_with(NODE);
            place.file = Some(if is_node { script.clone() } else { file_name(heap, &location.script) });
            place.script = Some(script);
            let position = match link.offset {
                Some(offset) => heap.suspended_position(shared.object.value(), offset),
                None => Some(location.position),
            };
            let found = position.and_then(|position| heap.script_location(&location.script, position));
            place.line = found.map(|place| place.line);
            place.column = found.map(|place| place.column);
        }
        place
    }

    /// Whether the function is the program's: not Node.js's, nor V8's.
    pub fn is_own(&self) -> bool {
        self.script.as_ref().is_some_and(|script| !script.starts_with(NODE))
    }

    /// `getUser (db.js:41:9)`, `Promise.all`, not yet escaped.
    pub fn text(&self) -> String {
        let place = match (&self.file, self.line, self.column) {
            (Some(file), Some(line), Some(column)) => format!("({file}:{line}:{column})"),
            (Some(file), ..) => format!("({file})"),
            (None, ..) => String::new(),
        };
        // What has no name is called after the place of its definition, which may be this one.
        let end = self.line.zip(self.column).map(|(line, column)| format!(":{line}:{column})"));
        let is_said = end.is_some_and(|end| self.name.starts_with('(') && self.name.ends_with(&end));
        let name = if is_said { "" } else { self.name.as_str() };
        let parts = [self.shown.as_str(), name, place.as_str()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// As an object.
    pub fn json(&self, link: &Link) -> Json {
        json!({
            "waits": self.waits,
            "name": (!self.name.is_empty()).then_some(&self.name),
            "file": self.script,
            "line": self.line,
            "column": self.column,
            "shared": link.function.map(|shared| format!("{:#x}", shared.0)),
        })
    }
}
