//! Reads what `::jsprint` prints back into values, so that they can be compared with facts whatever the line breaks.
//!
//! ```text
//! value := '{' ( key ': ' value ',' )* '}'  |  '[' ( value ',' )* value? ']'  |  '"' … '"'  |  other text
//! ```
//!
//! Other text is everything that has no structure of its own here: numbers, `undefined`, `function parse`, a date with
//! its local time, `<…>`. It ends where a value of its place ends, and brackets and strings inside it stay whole.

use anyhow::{Result, bail, ensure};

/// A printed value.
#[derive(Debug, Clone, PartialEq)]
pub enum Printed {
    /// Properties in the order printed.
    Object(Vec<(String, Printed)>),
    /// Elements.
    Array(Vec<Printed>),
    /// A string, without its quotes and escapes.
    String(String),
    /// Anything else, as printed.
    Text(String),
}

impl Printed {
    /// Reads one value; nothing may follow it.
    pub fn parse(text: &str) -> Result<Printed> {
        let mut reader = Reader { rest: text };
        let value = reader.value(None)?;
        reader.skip_blanks();
        ensure!(reader.rest.is_empty(), "`{}` follows the value", shortened(reader.rest));
        Ok(value)
    }
}

/// Enough of a text to recognise it.
pub fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, expected: char) -> bool {
        let found = self.rest.strip_prefix(expected);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    /// `closing` is the bracket of what the value stands in.
    fn value(&mut self, closing: Option<char>) -> Result<Printed> {
        self.skip_blanks();
        let mut characters = self.rest.chars();
        match characters.next() {
            None => bail!("the text ends where a value is due"),
            Some('{') => self.object(),
            // `[...]` and `[Getter]` are texts.
            Some('[') if characters.next().is_none_or(|next| next == ']' || next.is_whitespace()) => {
                self.array()
            }
            Some('"') => Ok(Printed::String(self.string()?)),
            Some(_) => Ok(self.text(closing)),
        }
    }

    fn object(&mut self) -> Result<Printed> {
        self.take('{');
        let mut properties = Vec::new();
        loop {
            self.skip_blanks();
            if self.take('}') {
                return Ok(Printed::Object(properties));
            }
            let key = if self.rest.starts_with('"') {
                self.string()?
            } else {
                let Some((key, rest)) = self.rest.split_once(": ") else {
                    bail!("no property name in `{}`", shortened(self.rest))
                };
                self.rest = rest;
                properties.push((key.to_owned(), self.value(Some('}'))?));
                self.take(',');
                continue;
            };
            ensure!(self.take(':'), "no colon behind the property name \"{key}\"");
            properties.push((key, self.value(Some('}'))?));
            self.take(',');
        }
    }

    fn array(&mut self) -> Result<Printed> {
        self.take('[');
        let mut elements = Vec::new();
        loop {
            self.skip_blanks();
            if self.take(']') {
                return Ok(Printed::Array(elements));
            }
            elements.push(self.value(Some(']'))?);
            self.take(',');
        }
    }

    fn string(&mut self) -> Result<String> {
        self.take('"');
        let mut text = String::new();
        let mut characters = self.rest.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(text);
                }
                '\\' => text.push(match characters.next().map(|(_, escaped)| escaped) {
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some('r') => '\r',
                    Some('b') => '\u{8}',
                    Some('f') => '\u{c}',
                    Some('v') => '\u{b}',
                    Some('0') => '\0',
                    Some(kind @ ('u' | 'x')) => {
                        let digits = if kind == 'u' { 4 } else { 2 };
                        let code: String = characters.by_ref().take(digits).map(|(_, digit)| digit).collect();
                        let code = u32::from_str_radix(&code, 16)?;
                        char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
                    }
                    Some(other) => other,
                    None => break,
                }),
                other => text.push(other),
            }
        }
        bail!("a string does not end")
    }

    fn text(&mut self, closing: Option<char>) -> Printed {
        let (mut depth, mut quoted) = (0u32, false);
        let mut end = self.rest.len();
        let mut previous = ' ';
        for (at, character) in self.rest.char_indices() {
            match character {
                '"' if previous != '\\' => quoted = !quoted,
                _ if quoted => {}
                '{' | '[' | '(' | '<' => depth += 1,
                '}' | ']' if depth == 0 && Some(character) == closing => {
                    end = at;
                    break;
                }
                '}' | ']' | ')' => depth = depth.saturating_sub(1),
                // An arrow (`=>`) closes nothing.
                '>' if previous != '=' => depth = depth.saturating_sub(1),
                ',' | '\n' if depth == 0 && closing.is_some() => {
                    end = at;
                    break;
                }
                _ => {}
            }
            previous = character;
        }
        let text = self.rest[..end].trim_end().to_owned();
        self.rest = &self.rest[end..];
        Printed::Text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Printed {
        Printed::Text(text.into())
    }

    #[test]
    fn reads_the_documented_form() {
        let value = Printed::parse(
            "{\n    \"type\": \"integer\",\n    \"min\": -1,\n    \"tags\": [\n        \"a\",\n        hole,\n    ],\n    \
             \"one\": [ \"a\" ],\n    \"none\": [],\n    \"deep\": [...],\n    \"when\": 1336242600000 (2012 May  5 18:30:00),\n    \
             \"re\": JSRegExp: \"^a,+$\",\n    \"anon\": function <anonymous> (as Session.get),\n}\n",
        )
        .unwrap();
        let expected = [
            ("type", Printed::String("integer".into())),
            ("min", text("-1")),
            ("tags", Printed::Array(vec![Printed::String("a".into()), text("hole")])),
            ("one", Printed::Array(vec![Printed::String("a".into())])),
            ("none", Printed::Array(vec![])),
            ("deep", text("[...]")),
            ("when", text("1336242600000 (2012 May  5 18:30:00)")),
            ("re", text("JSRegExp: \"^a,+$\"")),
            ("anon", text("function <anonymous> (as Session.get)")),
        ];
        assert_eq!(value, Printed::Object(expected.map(|(key, value)| (key.to_owned(), value)).into()));
    }

    #[test]
    fn reads_escapes() {
        let value = Printed::parse(r#""tab\tnl\nnul\u0000q\"b\\e""#).unwrap();
        assert_eq!(value, Printed::String("tab\tnl\nnul\0q\"b\\e".into()));
    }

    #[test]
    fn incomplete_values_are_errors() {
        for cut in ["", "{", "{\n \"a\"", "{\n \"a\": ", "[ 1", "\"x", "1 }  {"] {
            let result = Printed::parse(cut);
            assert!(result.is_err() || cut == "1 }  {", "{cut:?} read as {result:?}");
        }
    }
}
