//! What a command has to say of one thing: lines of text, or one line of JSON with the same facts.

use std::io::{self, Write};

use serde_json::{Map, Value};

use super::{TextSink, json};

/// Facts of one thing, in the order in which they are told. Each is a line of text and a field of an object.
#[derive(Debug, Default)]
pub struct Facts {
    lines: Vec<String>,
    fields: Map<String, Value>,
}

impl Facts {
    /// No facts yet.
    pub fn new() -> Facts {
        Facts::default()
    }

    /// A fact that both forms have. The line is escaped already.
    pub fn tell(&mut self, key: &str, value: impl Into<Value>, line: impl Into<String>) {
        self.lines.push(line.into());
        self.field(key, value);
    }

    /// A line that only the text has.
    pub fn line(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    /// A field that only JSON has: what another line says already, or that there is nothing to be said.
    pub fn field(&mut self, key: &str, value: impl Into<Value>) {
        self.fields.insert(key.to_owned(), value.into());
    }

    /// Facts of a part of the thing: their lines follow, and JSON has them as an object of their own.
    pub fn part(&mut self, key: &str, part: Facts) {
        self.lines.extend(part.lines);
        self.fields.insert(key.to_owned(), Value::Object(part.fields));
    }

    /// Prints the lines, or the object.
    ///
    /// # Errors
    /// As the sink's.
    pub fn print(self, as_json: bool, sink: &mut TextSink) -> io::Result<()> {
        if as_json {
            return writeln!(sink, "{}", json(&Value::Object(self.fields)));
        }
        self.lines.iter().try_for_each(|line| writeln!(sink, "{line}"))
    }
}
