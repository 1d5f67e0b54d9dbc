//! Quoted text: `'…'` as it stands, `"…"` and character constants with the escapes of C.

use nom::bytes::complete::take_while;

use super::parser::{Parsed, fail};

/// `'…'`: no escapes.
pub(super) fn single(input: &str) -> Parsed<'_, &str> {
    let inside = &input[1..];
    let (rest, text) = take_while(|c| c != '\'' && c != '\n')(inside)?;
    match rest.strip_prefix('\'') {
        Some(rest) => Ok((rest, text)),
        None => fail(input, inside, "syntax error: ' unmatched"),
    }
}

/// `"…"` with escapes, as text. A byte over 0x7f becomes the character of that number.
pub(super) fn double(input: &str) -> Parsed<'_, String> {
    let (rest, pieces) = escaped(input, '"')?;
    Ok((rest, pieces.into_iter().collect()))
}

/// `'…'` with escapes: a number whose last character is the least significant byte.
pub(super) fn character_constant(input: &str) -> Parsed<'_, u64> {
    let (rest, pieces) = escaped(input, '\'')?;
    let mut value = 0u64;
    let mut length = 0;
    for c in pieces {
        let code = u32::from(c);
        let mut buffer = [0; 4];
        let bytes: &[u8] = match u8::try_from(code) {
            Ok(byte) => &[byte],
            Err(_) => c.encode_utf8(&mut buffer).as_bytes(),
        };
        for &byte in bytes {
            value = value << 8 | u64::from(byte);
            length += 1;
        }
    }
    if length > 8 {
        return fail(input, rest, "character constant may not exceed 8 bytes");
    }
    Ok((rest, value))
}

fn escaped(input: &str, quote: char) -> Parsed<'_, Vec<char>> {
    let mut text = Vec::new();
    let mut rest = &input[1..];
    loop {
        let mut chars = rest.chars();
        match chars.next() {
            None | Some('\n') => {
                return fail(input, &input[1..], format!("syntax error: {quote} unmatched"));
            }
            Some(c) if c == quote => return Ok((chars.as_str(), text)),
            Some('\\') => {
                let (after, c) = escape(chars.as_str());
                text.extend(c);
                rest = after;
            }
            Some(c) => {
                text.push(c);
                rest = chars.as_str();
            }
        }
    }
}

/// What stands behind a backslash. An unknown escape stands for its own letter.
fn escape(input: &str) -> (&str, Option<char>) {
    let mut chars = input.chars();
    let Some(first) = chars.next() else { return (input, None) };
    let simple = match first {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        '0'..='7' => return digits(input, 3, 8),
        'x' => {
            return match digits(chars.as_str(), 2, 16) {
                (_, None) => (chars.as_str(), Some('x')),
                found => found,
            };
        }
        '\n' => return (input, None),
        other => other,
    };
    (chars.as_str(), Some(simple))
}

/// Up to `most` digits as one byte.
fn digits(input: &str, most: usize, radix: u32) -> (&str, Option<char>) {
    let count = input.chars().take(most).take_while(|c| c.is_digit(radix)).count();
    let value = u32::from_str_radix(&input[..count], radix).ok();
    (&input[count..], value.and_then(|value| char::from_u32(value & 0xff)))
}
