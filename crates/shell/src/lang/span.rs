//! Where in the typed text something stands.

use std::fmt;

/// Bytes `start..end` of the text that was parsed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset of the first byte behind it.
    pub end: usize,
}

impl Span {
    /// The bytes `start..end`.
    pub fn new(start: usize, end: usize) -> Span {
        Span { start, end }
    }

    /// The text of the span; empty if it lies outside `source`.
    pub fn of(self, source: &str) -> &str {
        source.get(self.start..self.end).unwrap_or("")
    }
}

/// The line that holds `span`, and a line with a mark under it: what a parse error shows.
#[derive(Debug)]
pub struct Marked<'a> {
    /// The whole text that was parsed.
    pub source: &'a str,
    /// What to mark.
    pub span: Span,
}

impl fmt::Display for Marked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut start = self.span.start.min(self.source.len());
        while !self.source.is_char_boundary(start) {
            start -= 1;
        }
        let (before, after) = self.source.split_at(start);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = after.find('\n').map_or(self.source.len(), |newline| start + newline);
        let line = &self.source[line_start..line_end];
        let column = self.source[line_start..start].chars().count();
        let marked = self.source.get(start..self.span.end.clamp(start, line_end)).unwrap_or("");
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        writeln!(f, "  {}", line.chars().map(printable).collect::<String>().trim_end())?;
        write!(f, "  {:column$}{}", "", "^".repeat(marked.chars().count().max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mark_stands_under_the_span_of_its_own_line() {
        let source = "::echo a\n::nosuch b";
        let marked = Marked { source, span: Span::new(11, 17) };
        assert_eq!(marked.to_string(), "  ::nosuch b\n    ^^^^^^");
    }

    #[test]
    fn mark_behind_the_end_is_one_column() {
        assert_eq!(Marked { source: "1+", span: Span::new(2, 2) }.to_string(), "  1+\n    ^");
    }
}
