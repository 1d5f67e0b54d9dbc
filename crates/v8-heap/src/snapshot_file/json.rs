//! A reader of JSON that goes over bytes once and keeps none: what a file says of itself, and where its parts are.

use crate::{Error, Result};

/// A place in the bytes of a file.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    /// The next byte.
    pub at: usize,
    /// What is read, for errors.
    pub part: &'static str,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8], part: &'static str) -> Cursor<'a> {
        Cursor { bytes, at: 0, part }
    }

    /// The next byte that is no blank.
    pub fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    /// Takes `byte` if it comes next.
    pub fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Takes `byte`.
    ///
    /// # Errors
    /// Something else comes, or nothing.
    pub fn expect(&mut self, byte: u8) -> Result<()> {
        if self.takes(byte) { Ok(()) } else { Err(self.unexpected(&format!("{:?}", char::from(byte)))) }
    }

    /// What is wrong if `wanted` does not come.
    pub fn unexpected(&self, wanted: &str) -> Error {
        match self.bytes.get(self.at) {
            None => Error::SnapshotCut { part: self.part, at: self.at as u64 },
            Some(byte) => {
                damaged(self.part, self.at, format!("{:?} where {wanted} should be", char::from(*byte)))
            }
        }
    }

    /// A string, as it stands between its quotes.
    ///
    /// # Errors
    /// There is none, or it does not end.
    pub fn string(&mut self) -> Result<&'a [u8]> {
        self.expect(b'"')?;
        let start = self.at;
        let end = end_of_string(self.bytes, start);
        let Some(end) = end else {
            return Err(Error::SnapshotCut { part: self.part, at: self.bytes.len() as u64 });
        };
        self.at = end + 1;
        Ok(&self.bytes[start..end])
    }

    /// A whole number that is not negative.
    ///
    /// # Errors
    /// There is none, or it is too large.
    pub fn number(&mut self) -> Result<u64> {
        let mut number = None::<u64>;
        self.peek();
        while let Some(digit @ b'0'..=b'9') = self.bytes.get(self.at) {
            let digit = u64::from(digit - b'0');
            let next = number.unwrap_or(0).checked_mul(10).and_then(|number| number.checked_add(digit));
            number =
                Some(next.ok_or_else(|| damaged(self.part, self.at, "a number beyond 2^64".to_owned()))?);
            self.at += 1;
        }
        number.ok_or_else(|| self.unexpected("a number"))
    }

    /// Goes over a value of any kind; however deep it is nested.
    ///
    /// # Errors
    /// It does not end.
    pub fn skip(&mut self) -> Result<()> {
        let mut depth = 0u64;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.string()?;
                }
                Some(b'[' | b'{') => {
                    depth += 1;
                    self.at += 1;
                    continue;
                }
                Some(b']' | b'}') if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                Some(b',' | b':') if depth > 0 => {
                    self.at += 1;
                    continue;
                }
                Some(b'-' | b'0'..=b'9' | b'a'..=b'z') => {
                    while let Some(b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'E') =
                        self.bytes.get(self.at)
                    {
                        self.at += 1;
                    }
                }
                _ => return Err(self.unexpected("a value")),
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// The members of an object: `take` gets each name and must read its value; it may end the reading by `false`.
    ///
    /// # Errors
    /// What is no object, and what `take` fails with.
    pub fn members(&mut self, mut take: impl FnMut(&'a [u8], &mut Cursor<'a>) -> Result<bool>) -> Result<()> {
        self.expect(b'{')?;
        if self.takes(b'}') {
            return Ok(());
        }
        loop {
            self.peek();
            let name = self.string()?;
            self.expect(b':')?;
            if !take(name, self)? {
                return Ok(());
            }
            if !self.takes(b',') {
                return self.expect(b'}');
            }
        }
    }

    /// The elements of an array.
    ///
    /// # Errors
    /// What is no array, and what `take` fails with.
    pub fn elements(&mut self, mut take: impl FnMut(&mut Cursor<'a>) -> Result<()>) -> Result<()> {
        self.expect(b'[')?;
        if self.takes(b']') {
            return Ok(());
        }
        loop {
            take(self)?;
            if !self.takes(b',') {
                return self.expect(b']');
            }
        }
    }
}

/// What is damaged, and where.
pub(super) fn damaged(part: &'static str, at: usize, found: String) -> Error {
    Error::SnapshotDamaged { part, at: at as u64, found }
}

/// Where the string whose first byte is at `start` has its closing quote.
pub(super) fn end_of_string(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

/// What a string between its quotes says. A surrogate without its partner, and bytes that are no UTF-8, become U+FFFD.
pub(super) fn unescaped(raw: &[u8]) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        text.push_str(&String::from_utf8_lossy(&rest[..at]));
        let escape = &rest[at..];
        rest = escape.get(2..).unwrap_or(&[]);
        match escape.get(1) {
            Some(b'n') => text.push('\n'),
            Some(b't') => text.push('\t'),
            Some(b'r') => text.push('\r'),
            Some(b'b') => text.push('\u{8}'),
            Some(b'f') => text.push('\u{c}'),
            Some(b'u') => {
                let Some(unit) = unit(rest) else {
                    text.push(char::REPLACEMENT_CHARACTER);
                    continue;
                };
                rest = &rest[4..];
                let low = (unit & 0xfc00 == 0xd800 && rest.starts_with(b"\\u"))
                    .then(|| rest.get(2..).and_then(self::unit))
                    .flatten()
                    .filter(|low| low & 0xfc00 == 0xdc00);
                let code = match low {
                    Some(low) => {
                        rest = &rest[6..];
                        0x10000 + ((u32::from(unit) & 0x3ff) << 10) + (u32::from(low) & 0x3ff)
                    }
                    None => u32::from(unit),
                };
                text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(&other) => text.push(char::from(other)),
            None => {}
        }
    }
    text.push_str(&String::from_utf8_lossy(rest));
    text
}

/// Four hexadecimal digits.
fn unit(digits: &[u8]) -> Option<u16> {
    let digits = std::str::from_utf8(digits.get(..4)?).ok()?;
    if digits.starts_with('+') { None } else { u16::from_str_radix(digits, 16).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_those_of_json() {
        let cases: [(&[u8], &str); 12] = [
            (b"plain", "plain"),
            (br#"a\"b\\c\/d"#, "a\"b\\c/d"),
            (br"\n\t\r\b\f", "\n\t\r\u{8}\u{c}"),
            (br"\u0041\u00e9", "A\u{e9}"),
            (br"\u0000", "\0"),
            (br"\ud83d\ude00!", "\u{1f600}!"),
            (br"\ud83d", "\u{fffd}"),
            (br"\ude00\ud83d", "\u{fffd}\u{fffd}"),
            (br"\ud83d\u0041", "\u{fffd}A"),
            (br"\u12", "\u{fffd}12"),
            (b"\xff", "\u{fffd}"),
            ("\u{4e2d}".as_bytes(), "\u{4e2d}"),
        ];
        for (raw, text) in cases {
            assert_eq!(unescaped(raw), text, "{}", String::from_utf8_lossy(raw));
        }
    }

    #[test]
    fn values_of_any_depth_are_passed_over() {
        let deep = [vec![b'['; 1 << 20], vec![b']'; 1 << 20], b",7".to_vec()].concat();
        let mut cursor = Cursor::new(&deep, "test");
        cursor.skip().unwrap();
        assert_eq!(cursor.at, 2 << 20);
        for (text, rest) in [("\"a\\\"b\",1", ",1"), ("{\"a\":[1,-2.5e3,true]}x", "x"), ("null]", "]")] {
            let mut cursor = Cursor::new(text.as_bytes(), "test");
            cursor.skip().unwrap();
            assert_eq!(&text[cursor.at..], rest);
        }
        for cut in ["", "[1,2", "\"abc", "\"abc\\", "{\"a\":"] {
            assert!(
                matches!(Cursor::new(cut.as_bytes(), "test").skip(), Err(Error::SnapshotCut { .. })),
                "{cut}"
            );
        }
        for wrong in ["]", "#", "[1}x"] {
            let _ = Cursor::new(wrong.as_bytes(), "test").skip();
        }
    }

    #[test]
    fn numbers_beyond_64_bits_are_refused() {
        let number = |text: &str| Cursor::new(text.as_bytes(), "test").number();
        assert_eq!(number("18446744073709551615").unwrap(), u64::MAX);
        assert!(matches!(number("18446744073709551616"), Err(Error::SnapshotDamaged { .. })));
        assert!(matches!(number("-1"), Err(Error::SnapshotDamaged { .. })));
    }
}
