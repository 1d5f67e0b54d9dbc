//! Strings in double quotes, as JSON writes them.
//!
//! What is printed between the quotes is valid JSON, so that it can be copied into a program or read by one. Characters that
//! could steer a terminal, or that show nothing, are escaped, and so are surrogates without their partner.

use std::io::{self, Write};

use crate::output::{escape_json, is_safe};

/// Writes the inside of a quoted string from UTF-16 code units that come in pieces.
pub(super) struct Quoting<'w> {
    out: &'w mut dyn Write,
    /// A first half of a surrogate pair whose second half may be next.
    high: Option<u16>,
    /// What stands around the text, and so must not appear in it unescaped.
    quote: Option<char>,
}

impl<'w> Quoting<'w> {
    /// Writes to `out`; escapes `quote`, if the text is in quotes, and backslashes.
    pub fn new(out: &'w mut dyn Write, quote: Option<char>) -> Quoting<'w> {
        Quoting { out, high: None, quote }
    }

    /// Writes one code unit.
    pub fn unit(&mut self, unit: u16) -> io::Result<()> {
        if let Some(high) = self.high.take() {
            if let Some(Ok(c)) = char::decode_utf16([high, unit]).next() {
                return self.character(c);
            }
            write!(self.out, "\\u{high:04x}")?;
        }
        match unit {
            0xd800..=0xdbff => {
                self.high = Some(unit);
                Ok(())
            }
            0xdc00..=0xdfff => write!(self.out, "\\u{unit:04x}"),
            _ => match char::from_u32(u32::from(unit)) {
                Some(c) => self.character(c),
                None => write!(self.out, "\\u{unit:04x}"),
            },
        }
    }

    /// Writes what is still held back.
    pub fn finish(&mut self) -> io::Result<()> {
        match self.high.take() {
            Some(high) => write!(self.out, "\\u{high:04x}"),
            None => Ok(()),
        }
    }

    fn character(&mut self, c: char) -> io::Result<()> {
        match c {
            '\\' => self.out.write_all(b"\\\\"),
            c if Some(c) == self.quote => write!(self.out, "\\{c}"),
            '\n' => self.out.write_all(b"\\n"),
            '\r' => self.out.write_all(b"\\r"),
            '\t' => self.out.write_all(b"\\t"),
            '\u{8}' => self.out.write_all(b"\\b"),
            '\u{c}' => self.out.write_all(b"\\f"),
            c if is_safe(c) => write!(self.out, "{c}"),
            c => escape_json(c, self.out),
        }
    }

    /// Writes Latin-1; most of it in one go.
    pub fn latin1(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            let plain = if self.high.is_some() { 0 } else { self.plain(rest) };
            if plain == 0 {
                self.unit(u16::from(first))?;
                rest = &rest[1..];
            } else {
                self.out.write_all(&rest[..plain])?;
                rest = &rest[plain..];
            }
        }
        Ok(())
    }

    /// How many of the first bytes are ASCII that needs no escape.
    fn plain(&self, bytes: &[u8]) -> usize {
        let is_plain = |byte: &u8| {
            matches!(byte, b' '..=b'~') && *byte != b'\\' && Some(char::from(*byte)) != self.quote
        };
        bytes.iter().take_while(|byte| is_plain(byte)).count()
    }
}

/// A text in quotes, escaped as strings of a core are; of one that `is_cut` this is the beginning.
pub(crate) fn quoted(text: &str, is_cut: bool) -> String {
    let mut inside = Vec::new();
    let mut quoting = Quoting::new(&mut inside, Some('"'));
    let written = text.encode_utf16().try_for_each(|unit| quoting.unit(unit)).and_then(|()| quoting.finish());
    debug_assert!(written.is_ok(), "memory takes all bytes");
    format!("\"{}{}\"", String::from_utf8_lossy(&inside), if is_cut { "..." } else { "" })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quoted(units: &[u16]) -> String {
        let mut out = Vec::new();
        let mut quoting = Quoting::new(&mut out, Some('"'));
        for &unit in units {
            quoting.unit(unit).unwrap();
        }
        quoting.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    fn units(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    #[test]
    fn text_is_escaped_as_in_json() {
        assert_eq!(quoted(&units("tab\tnl\nnul\0quote\"back\\end")), r#"tab\tnl\nnul\u0000quote\"back\\end"#);
        assert_eq!(quoted(&units("café 你好 🚀")), "café 你好 🚀");
        assert_eq!(quoted(&units("it's")), "it's");
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(
            quoted(&units("\x1b[2J\u{9b}1m\u{7f}\u{202e}x\u{feff}")),
            r"\u001b[2J\u009b1m\u007f\u202ex\ufeff"
        );
        assert_eq!(quoted(&units("\u{e0041}")), r"\udb40\udc41", "invisible tags");
    }

    #[test]
    fn surrogates_without_partner_are_escaped() {
        assert_eq!(quoted(&[0x62, 0xd800, 0x20]), r"b\ud800 ");
        assert_eq!(quoted(&[0xdc00, 0xd83d]), r"\udc00\ud83d");
        assert_eq!(quoted(&[0xd83d, 0xd83d, 0xde80]), "\\ud83d🚀");
    }

    proptest! {
        #[test]
        fn latin1_in_one_go_is_the_same_as_unit_by_unit(bytes: Vec<u8>) {
            let mut out = Vec::new();
            let mut quoting = Quoting::new(&mut out, Some('"'));
            quoting.latin1(&bytes).unwrap();
            quoting.finish().unwrap();
            let units: Vec<u16> = bytes.iter().map(|b| u16::from(*b)).collect();
            prop_assert_eq!(String::from_utf8(out).unwrap(), quoted(&units));
        }

        #[test]
        fn text_without_quotes_is_as_safe(units: Vec<u16>, bytes: Vec<u8>) {
            let mut out = Vec::new();
            let mut quoting = Quoting::new(&mut out, None);
            units.iter().try_for_each(|unit| quoting.unit(*unit)).unwrap();
            quoting.latin1(&bytes).unwrap();
            quoting.finish().unwrap();
            prop_assert!(String::from_utf8(out).unwrap().chars().all(is_safe));
        }

        #[test]
        fn json_reads_the_same_units_back(units: Vec<u16>) {
            let text = quoted(&units);
            prop_assert!(text.chars().all(is_safe));
            // JSON escapes, undone by hand: JSON readers refuse lone surrogates.
            let mut back = Vec::new();
            let mut chars = text.chars();
            while let Some(c) = chars.next() {
                if c != '\\' {
                    back.extend(c.encode_utf16(&mut [0; 2]).iter());
                    continue;
                }
                back.push(match chars.next().unwrap() {
                    'n' => 10, 'r' => 13, 't' => 9, 'b' => 8, 'f' => 12, '"' => 34, '\\' => 92,
                    'u' => {
                        let hex: String = chars.by_ref().take(4).collect();
                        u16::from_str_radix(&hex, 16).unwrap()
                    }
                    other => panic!("no escape of JSON: {other}"),
                });
            }
            prop_assert_eq!(back, units);
        }
    }
}
