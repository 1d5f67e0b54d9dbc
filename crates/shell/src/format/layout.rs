//! Where fields stand: columns, tab stops, the left margin, and the right one on a terminal.

use std::io::Write;

use crate::error::DcmdError;
use crate::output::screen_width;
use crate::stage::Out;

/// The left margin, and the distance of the tab stops behind addresses.
pub const MARGIN: usize = 16;

/// No field starts further to the right because of blanks.
const WIDEST: usize = 1 << 16;

/// More blanks than this are never wanted.
const MOST_BLANKS: u64 = 1 << 12;

/// The line that is being printed. Blanks behind a field are only written when another field follows.
#[derive(Debug, Default)]
pub struct Line {
    /// Where the last text ends.
    end: usize,
    /// Where the next field starts, if it does not start at the margin.
    next: usize,
    /// The next field starts where the last one ended, whatever the margin is.
    tight: bool,
}

impl Line {
    /// A field of `width` columns, with a blank behind it if it fills them; of one column: right behind the last.
    ///
    /// # Errors
    /// As the output's.
    pub fn field(&mut self, text: &str, width: usize, page: usize, out: &Out<'_>) -> Result<(), DcmdError> {
        if out.is_pipe() {
            return Ok(writeln!(out.text(), "{text}")?);
        }
        let length = text.chars().count();
        if self.next > MARGIN && self.next.saturating_add(length) > page {
            self.new_line(out)?;
        }
        let start = if std::mem::take(&mut self.tight) { self.end } else { self.next.max(MARGIN) };
        self.put(start, text, length, out)?;
        self.next = match width {
            1 => self.end,
            _ => self.end + (width.max(length + 1) - length),
        };
        Ok(())
    }

    /// Text as it stands, with nothing behind it.
    ///
    /// # Errors
    /// As the output's.
    pub fn text(&mut self, text: &str, page: usize, out: &Out<'_>) -> Result<(), DcmdError> {
        self.field(text, 1, page, out)
    }

    /// An address with its colon, from the left edge if nothing stands there yet, up to a tab stop.
    ///
    /// # Errors
    /// As the output's.
    pub fn label(&mut self, address: &str, out: &Out<'_>) -> Result<(), DcmdError> {
        if out.is_pipe() {
            return Ok(writeln!(out.text(), "{address}")?);
        }
        let text = format!("{address}:");
        self.put(self.next, &text, text.chars().count(), out)?;
        self.next = (self.end + 1).next_multiple_of(MARGIN);
        Ok(())
    }

    /// No blanks behind the address: what follows stands right behind it.
    pub fn close_up(&mut self) {
        self.next = self.end;
        self.tight = true;
    }

    /// Blanks.
    pub fn blanks(&mut self, count: u64) {
        let count = usize::try_from(count.min(MOST_BLANKS)).unwrap_or(0);
        self.next = (self.next.max(MARGIN) + count).min(WIDEST);
    }

    /// Blanks up to the next multiple of `stop` columns.
    pub fn tab(&mut self, stop: u64) {
        let stop = usize::try_from(stop.clamp(1, MOST_BLANKS)).unwrap_or(1);
        self.next = self.next.max(MARGIN).next_multiple_of(stop);
    }

    /// Ends the line if anything stands in it.
    ///
    /// # Errors
    /// As the output's.
    pub fn finish(&mut self, out: &Out<'_>) -> Result<(), DcmdError> {
        *self = Line::default();
        Ok(out.text().to_column_zero()?)
    }

    /// Ends the line.
    ///
    /// # Errors
    /// As the output's.
    pub fn new_line(&mut self, out: &Out<'_>) -> Result<(), DcmdError> {
        *self = Line::default();
        if out.is_pipe() { Ok(()) } else { Ok(writeln!(out.text())?) }
    }

    fn put(&mut self, start: usize, text: &str, length: usize, out: &Out<'_>) -> Result<(), DcmdError> {
        const BLANKS: &str = "                                                                ";
        let mut sink = out.text();
        let mut missing = start.saturating_sub(self.end);
        while missing > 0 {
            let some = missing.min(BLANKS.len());
            sink.write_all(&BLANKS.as_bytes()[..some])?;
            missing -= some;
        }
        sink.write_all(text.as_bytes())?;
        self.end = start.max(self.end) + length;
        Ok(())
    }
}

/// Columns of a line: as wide as the terminal, or as the user set the page. What goes to a file or a pipe is never wrapped.
pub fn page_width(context: &crate::context::Context, out: &Out<'_>) -> usize {
    if !out.text().is_watched() {
        return usize::MAX;
    }
    let set = context.settings.width.get().map(|width| usize::try_from(width).unwrap_or(usize::MAX));
    set.or_else(|| screen_width().map(usize::from))
        .unwrap_or(usize::try_from(crate::settings::DEFAULT_WIDTH).unwrap_or(80))
}
