//! Takes apart what `::jsprint` prints, by the grammar of its manual.
//!
//! ```text
//!   value   := [ head ] [ body ]
//!   body    := '{' line* '}' | '[' line* ']' | '[ ' value ' ]' | '{}' | '[]'
//!   line    := [ key ': ' ] value ',' | value ' => ' value ',' | 'hole x N,' | value ', ' value ... ','
//! ```

use std::iter::Peekable;
use std::str::Chars;

use anyhow::{Context, Result, ensure};

/// A printed value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Printed {
    /// What stands in front of the braces; all there is if there are none. Strings with their quotes.
    pub head: String,
    /// Braces or brackets, if there are any.
    pub bracket: Option<char>,
    /// What stands between them.
    pub lines: Vec<Line>,
}

/// A line between braces.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// `"name"`, `[Symbol(x)]`, `#x`, `[[Slot]]`
    pub key: Option<String>,
    /// The key of a Map's entry.
    pub entry_key: Option<Printed>,
    /// What stands behind the key.
    pub value: Printed,
}

impl Printed {
    /// Takes a whole text apart.
    ///
    /// # Errors
    /// Where it does not follow the grammar.
    pub fn parse(text: &str) -> Result<Printed> {
        let mut reader = Reader { chars: text.chars().peekable() };
        let value = reader.value("\n")?;
        reader.blanks();
        ensure!(reader.chars.peek().is_none(), "`{}` follows the value", shortened(&reader.rest()));
        Ok(value)
    }

    /// Something that is only a head.
    pub(super) fn bare(head: &str) -> Printed {
        Printed { head: head.to_owned(), ..Printed::default() }
    }

    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&Printed> {
        self.lines.iter().find(|line| line.key.as_deref() == Some(key)).map(|line| &line.value)
    }

    /// The values without keys, with holes counted out.
    pub fn items(&self) -> Vec<&Printed> {
        self.lines.iter().filter(|line| line.key.is_none()).map(|line| &line.value).collect()
    }

    /// The keys.
    pub fn keys(&self) -> Vec<&str> {
        self.lines.iter().filter_map(|line| line.key.as_deref()).collect()
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

/// Longer runs of holes are not spelt out.
const MOST_HOLES: u64 = 1 << 20;

struct Reader<'t> {
    chars: Peekable<Chars<'t>>,
}

impl Reader<'_> {
    fn rest(&self) -> String {
        self.chars.clone().collect()
    }

    fn at(&self, text: &str) -> bool {
        let mut chars = self.chars.clone();
        text.chars().all(|c| chars.next() == Some(c))
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.at(text);
        if found {
            text.chars().for_each(|_| _ = self.chars.next());
        }
        found
    }

    fn blanks(&mut self) {
        while self.chars.next_if(|c| matches!(c, ' ' | '\n')).is_some() {}
    }

    /// A value that ends at one of `ends`, or with its body.
    fn value(&mut self, end: &str) -> Result<Printed> {
        let mut value = Printed::default();
        if self.at("\"") {
            value.head = self.quoted()?;
            if self.take("[...]") {
                value.head.push_str("[...]");
            }
            return Ok(value);
        }
        loop {
            if self.at("{\n") || self.at("{}") || self.at("[\n") || self.at("[]") || self.at("[ ") {
                self.body(&mut value)?;
                break;
            }
            if self.chars.peek().is_none() || self.at(end) || self.at(",\n") || self.at(" => ") {
                break;
            }
            if self.at("\"") {
                value.head.push_str(&self.quoted()?);
            } else if self.at("[...]") {
                self.take("[...]");
                value.head.push_str("[...]");
            } else {
                value.head.extend(self.chars.next());
            }
        }
        value.head.truncate(value.head.trim_end().len());
        ensure!(!matches!(value.head.as_str(), "{" | "["), "a bracket is not closed");
        ensure!(
            !value.head.is_empty() || value.bracket.is_some(),
            "a value is missing at `{}`",
            shortened(&self.rest())
        );
        Ok(value)
    }

    fn quoted(&mut self) -> Result<String> {
        let mut text = String::new();
        text.extend(self.chars.next());
        loop {
            let c = self.chars.next().context("a string does not end")?;
            text.push(c);
            match c {
                '\\' => text.extend(self.chars.next()),
                '"' => return Ok(text),
                _ => {}
            }
        }
    }

    fn body(&mut self, value: &mut Printed) -> Result<()> {
        let open = self.chars.next().context("a bracket is missing")?;
        let close = if open == '{' { "}" } else { "]" };
        value.bracket = Some(open);
        let one_line = self.at(" ");
        self.blanks();
        while !self.take(close) {
            self.line(value, if one_line { " ]" } else { "\n" })?;
            self.blanks();
        }
        Ok(())
    }

    fn line(&mut self, value: &mut Printed, end: &str) -> Result<()> {
        if self.take("hole x ") {
            let mut count = String::new();
            while let Some(digit) = self.chars.next_if(char::is_ascii_digit) {
                count.push(digit);
            }
            ensure!(self.take(","), "no comma at `{}`", shortened(&self.rest()));
            let count: u64 = count.parse().context("a count of holes")?;
            ensure!(count <= MOST_HOLES, "{count} holes in a row are looked at by element");
            for _ in 0..count {
                value.lines.push(Line { key: None, entry_key: None, value: Printed::bare("hole") });
            }
            return Ok(());
        }
        if self.take("... ") {
            // `... 4872 more`
            while self.chars.next_if(|c| *c != '\n').is_some() {}
            return Ok(());
        }
        let key = self.key()?;
        let mut found = self.value(end)?;
        // Contents of typed arrays: several on a line.
        if key.is_none() && found.head.contains(", ") && found.bracket.is_none() && !found.head.contains('"')
        {
            for item in found.head.split(", ") {
                value.lines.push(Line { key: None, entry_key: None, value: Printed::bare(item) });
            }
            ensure!(self.take(","), "no comma at `{}`", shortened(&self.rest()));
            return Ok(());
        }
        let mut entry_key = None;
        if self.take(" => ") {
            entry_key = Some(found);
            found = self.value(end)?;
        }
        value.lines.push(Line { key, entry_key, value: found });
        ensure!(self.take(",") || end == " ]", "no comma at `{}`", shortened(&self.rest()));
        Ok(())
    }

    fn key(&mut self) -> Result<Option<String>> {
        let mut ahead = Reader { chars: self.chars.clone() };
        let key = if ahead.at("\"") {
            ahead.quoted()?
        } else if ahead.at("[Symbol(") || ahead.at("[[") || ahead.at("#") {
            let end = if ahead.at("[Symbol(") {
                ")]: "
            } else if ahead.at("[[") {
                "]]: "
            } else {
                ": "
            };
            let text = ahead.rest();
            let Some(at) = text.find(end).map(|at| at + end.len() - 2) else { return Ok(None) };
            text[..at].chars().for_each(|_| _ = ahead.chars.next());
            text[..at].to_owned()
        } else {
            return Ok(None);
        };
        if !ahead.take(": ") {
            return Ok(None);
        }
        self.chars = ahead.chars;
        Ok(Some(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_documented_form() {
        let printed = Printed::parse(
            "Map(2) {\n    \"k, 1\" => [ \"a\" ],\n    {\n        \"a: b\": 1,\n        [Symbol(x)]: [],\n        #p: hole,\n    } \
             => Error: \"m {\" {\n        [[S]]: function f,\n    },\n    hole x 2,\n}\n",
        )
        .unwrap();
        assert_eq!(printed.head, "Map(2)");
        assert_eq!(printed.lines.len(), 4);
        assert_eq!(printed.lines[0].entry_key.as_ref().unwrap().head, "\"k, 1\"");
        assert_eq!(printed.lines[0].value.items()[0].head, "\"a\"");
        assert_eq!(printed.lines[1].entry_key.as_ref().unwrap().keys(), ["\"a: b\"", "[Symbol(x)]", "#p"]);
        assert_eq!(printed.lines[1].value.head, "Error: \"m {\"");
        assert_eq!(printed.lines[1].value.get("[[S]]").unwrap().head, "function f");
        assert_eq!(Printed::parse("Int16Array(2) [\n    -1, 300,\n]").unwrap().items().len(), 2);
    }

    #[test]
    fn incomplete_values_are_errors() {
        for cut in ["", "{", "{\n \"a\"", "{\n \"a\": ", "[ 1", "\"x", "{\n    \"a\": 1,\n}  {"] {
            let result = Printed::parse(cut);
            assert!(result.is_err(), "{cut:?} read as {result:?}");
        }
    }
}
