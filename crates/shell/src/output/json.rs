//! JSON: the one writer of it.
//!
//! Strict readers take what is written here, and no terminal obeys it: characters that could steer one or that hide what stands
//! around them are escaped, which JSON lets be done with any character. Half a surrogate pair has no such form: whoever has one says
//! so beside the text, in which U+FFFD stands for it.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

use super::is_safe;

/// A value as JSON, on one line.
pub fn json(value: &Value) -> String {
    let mut bytes = Vec::new();
    let written = value.serialize(&mut Serializer::with_formatter(&mut bytes, Escaping));
    debug_assert!(written.is_ok(), "a Vec takes all bytes");
    String::from_utf8(bytes).unwrap_or_default()
}

/// An address as JSON has it: hexadecimal behind `0x`, in a string.
pub fn hex(address: u64) -> Value {
    Value::String(format!("{address:#x}"))
}

/// Writes a character between quotes that is not safe: as one or two escapes.
///
/// # Errors
/// The writer's.
pub fn escape_json(c: char, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let mut units = [0; 2];
    c.encode_utf16(&mut units).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}"))
}

struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, text: &str) -> io::Result<()> {
        let mut rest = text;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| !is_safe(*c)) {
            out.write_all(&rest.as_bytes()[..at])?;
            escape_json(c, out)?;
            rest = &rest[at + c.len_utf8()..];
        }
        out.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json as value;

    use super::*;

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        let text = "\x1b[2J\u{9b}1m\u{7f}\u{202e}x\u{feff}\u{e0041}\u{2028}\"\\ü🚀";
        assert_eq!(
            json(&value!({ text: text })),
            format!("{{{0}:{0}}}", r#""\u001b[2J\u009b1m\u007f\u202ex\ufeff\udb40\udc41\u2028\"\\ü🚀""#)
        );
    }

    proptest! {
        #[test]
        fn readers_read_what_was_written(text: String, key: String) {
            let written = value!({ key: [text] });
            let line = json(&written);
            prop_assert!(line.chars().all(is_safe));
            prop_assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), written);
        }
    }
}
