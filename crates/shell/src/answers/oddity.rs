//! What takes more than it holds, as it is told.

use serde_json::{Value, json};

/// Bytes of copies of a text from which on they are told.
pub(crate) const MANY_COPIES: u64 = 100_000;
/// Characters of a text that are shown.
pub(crate) const SHOWN: usize = 40;

/// Something odd.
#[derive(Debug)]
pub(crate) struct Oddity {
    pub(crate) sort: &'static str,
    /// Escaped.
    pub(crate) says: String,
    /// What shows it.
    pub(crate) command: String,
    /// Fields of JSON of its own.
    pub(crate) fields: Vec<(&'static str, Value)>,
}

impl Oddity {
    pub(crate) fn json(&self) -> Value {
        let mut line = json!({ "oddity": self.sort, "says": self.says, "command": self.command });
        for (name, value) in &self.fields {
            line[name] = value.clone();
        }
        line
    }

    /// `text` is there `count` times, one of them being `object`; one copy would save so many bytes. `text` is not escaped.
    pub(crate) fn copies(text: &str, count: usize, wasted: u64, object: Value) -> Oddity {
        Oddity {
            sort: "copies",
            says: format!(
                "{count} copies of one text, \"{}\", where one would save {wasted} bytes",
                crate::output::escape(text)
            ),
            command: "::jsstrings -d".to_owned(),
            fields: vec![("object", object), ("count", json!(count)), ("bytes", json!(wasted))],
        }
    }

    /// So many `listeners` of an object of `constructor` for one event; `shown` is the object as it is typed. Names are not escaped.
    pub(crate) fn listeners(
        listeners: u64,
        constructor: &str,
        event: &str,
        shown: &str,
        object: Value,
    ) -> Oddity {
        use crate::output::escape;
        Oddity {
            sort: "listeners",
            says: format!("{listeners} listeners of one {} for event {}", escape(constructor), escape(event)),
            command: format!("{shown}::jsprint _events"),
            fields: vec![
                ("constructor", json!(constructor)),
                ("object", object),
                ("event", json!(event)),
                ("count", json!(listeners)),
            ],
        }
    }
}
