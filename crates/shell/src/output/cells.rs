//! Widths in the cells of a terminal: an ideograph or an emoji takes two, a combining mark none.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The mark that something is cut off.
const CUT: &str = "...";

/// How many cells `text` takes.
pub fn cells(text: &str) -> usize {
    text.width()
}

/// `text` in at most `width` cells: what does not fit is cut, which three dots say.
pub fn cut(text: &str, width: usize) -> Cow<'_, str> {
    // Most text is short and plain.
    if text.len() <= width || cells(text) <= width {
        return Cow::Borrowed(text);
    }
    let room = width.saturating_sub(CUT.len());
    let mut used = 0;
    let mut end = 0;
    for (at, c) in text.char_indices() {
        let own = c.width().unwrap_or(0);
        if used + own > room {
            break;
        }
        used += own;
        end = at + c.len_utf8();
    }
    let dots = &CUT[..CUT.len().min(width)];
    Cow::Owned(format!("{}{dots}", &text[..end]))
}

/// `text` with blanks behind it, `width` cells in all.
pub fn padded(text: &str, width: usize) -> Cow<'_, str> {
    match width.saturating_sub(cells(text)) {
        0 => Cow::Borrowed(text),
        missing => Cow::Owned(format!("{text}{:missing$}", "")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ideographs_and_emoji_take_two_cells() {
        for (text, expected) in [("abc", 3), ("größe", 5), ("注文", 4), ("🦀", 2), ("e\u{301}", 1), ("", 0)]
        {
            assert_eq!(cells(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_cut_never_takes_more_than_it_may() {
        for text in
            ["plain ascii text", "注文の明細と合計", "🦀🦀🦀🦀🦀🦀", "e\u{301}e\u{301}e\u{301}e\u{301}"]
        {
            for width in 0..20 {
                let shown = cut(text, width);
                assert!(cells(&shown) <= width, "{shown} in {width}");
                assert!(shown == text || shown.ends_with(&CUT[..3.min(width)]), "{shown} in {width}");
            }
        }
        assert_eq!(cut("注文の明細", 8), "注文...");
        assert_eq!(padded("注文", 6), "注文  ");
    }
}
