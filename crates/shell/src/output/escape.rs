//! Text from a core may hold anything: nothing of it reaches a terminal unescaped.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether `c` may be printed as it is. Controls move the cursor or start terminal commands; the format characters
/// listed here reorder or hide what stands around them.
pub fn is_safe(c: char) -> bool {
    !(c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'))
}

fn push_escaped(out: &mut String, c: char) {
    let written = match c {
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\t' => out.write_str("\\t"),
        c if u32::from(c) <= 0xff => write!(out, "\\x{:02x}", u32::from(c)),
        c => write!(out, "\\u{:04x}", u32::from(c)),
    };
    debug_assert!(written.is_ok(), "a String takes all text");
}

/// `text` with everything that could steer a terminal written as `\n`, `\x1b`, `\u202e`; borrowed if there is nothing.
pub fn escape(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(|c| !is_safe(c)) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len() + 8);
    out.push_str(&text[..first]);
    for c in text[first..].chars() {
        if is_safe(c) {
            out.push(c);
        } else {
            push_escaped(&mut out, c);
        }
    }
    Cow::Owned(out)
}

/// `text` of several lines, escaped as in [`escape`] but for line ends and tabs.
pub fn escape_lines(text: &str) -> Cow<'_, str> {
    let is_kept = |c: char| is_safe(c) || matches!(c, '\n' | '\t');
    if text.chars().all(is_kept) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_kept(c) {
            out.push(c);
        } else {
            push_escaped(&mut out, c);
        }
    }
    Cow::Owned(out)
}

/// One character, escaped as in [`escape`].
pub fn escape_char(c: char) -> String {
    let mut buffer = [0; 4];
    escape(c.encode_utf8(&mut buffer)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_borrowed() {
        assert!(matches!(escape("größe – 大"), Cow::Borrowed("größe – 大")));
    }

    #[test]
    fn terminal_commands_lose_their_power() {
        assert_eq!(escape("a\x1b[2Jb\n\u{9b}c\u{202e}d"), "a\\x1b[2Jb\\n\\x9bc\\u202ed");
        assert_eq!(escape_lines("a\x1b[2Jb\n\tc\0\r"), "a\\x1b[2Jb\n\tc\\x00\\r");
        assert!(matches!(escape_lines("a\n\tb"), Cow::Borrowed(_)));
    }
}
