//! The text sink: millions of lines without an allocation or a system call for each.

use std::cell::{RefCell, RefMut};
use std::io::{self, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::screen_width;

/// Bytes gathered before they are handed on.
const CAPACITY: usize = 64 * 1024;
/// How long text may be held back from somebody who watches it appear.
const PATIENCE: Duration = Duration::from_millis(50);

/// Gathers text and hands it to its destination in large pieces.
pub struct TextSink {
    buffer: Vec<u8>,
    destination: Box<dyn Write>,
    /// Set if somebody watches: text is handed on at least every [`PATIENCE`].
    watched: Option<Instant>,
    /// Whether a pager reads the text, and shows it on the terminal.
    paged: bool,
    column_zero: bool,
    /// Something has been printed since it was asked for last.
    written: bool,
}

impl std::fmt::Debug for TextSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextSink").field("buffered", &self.buffer.len()).finish_non_exhaustive()
    }
}

impl TextSink {
    /// A sink in front of `destination`; `watched` if that is a terminal.
    pub fn new(destination: Box<dyn Write>, watched: bool) -> TextSink {
        TextSink {
            buffer: Vec::with_capacity(CAPACITY),
            destination,
            watched: watched.then(Instant::now),
            paged: false,
            column_zero: true,
            written: false,
        }
    }

    /// A sink in front of a pager, which shows on the terminal what it reads.
    pub fn before_pager(destination: Box<dyn Write>) -> TextSink {
        TextSink { paged: true, ..TextSink::new(destination, false) }
    }

    /// Cells in a row of the terminal on which the text is read; nothing if a program reads it, or a file keeps it.
    pub fn width(&self) -> Option<usize> {
        if self.is_watched() || self.paged { screen_width().map(usize::from) } else { None }
    }

    /// Whether somebody watches the text appear on a terminal.
    pub fn is_watched(&self) -> bool {
        self.watched.is_some()
    }

    /// Whether anything has been printed since this was asked last.
    pub fn take_written(&mut self) -> bool {
        std::mem::take(&mut self.written)
    }

    /// Says whether what has been printed counts.
    pub fn set_written(&mut self, written: bool) {
        self.written = written;
    }

    /// Prints a line that says nothing by itself: a heading.
    ///
    /// # Errors
    /// As the destination's.
    pub fn heading(&mut self, line: impl std::fmt::Display) -> io::Result<()> {
        let written = self.written;
        writeln!(self, "{line}")?;
        self.written = written;
        Ok(())
    }

    /// `value` in bare lower-case hexadecimal and a newline.
    ///
    /// # Errors
    /// As the destination's.
    pub fn hex_line(&mut self, value: u64) -> io::Result<()> {
        let mut line = [0u8; 17];
        let mut start = 16;
        line[16] = b'\n';
        let mut rest = value;
        loop {
            start -= 1;
            line[start] = b"0123456789abcdef"[(rest & 0xf) as usize];
            rest >>= 4;
            if rest == 0 {
                break;
            }
        }
        self.write_all(&line[start..])
    }

    /// Ends a line that was begun.
    ///
    /// # Errors
    /// As the destination's.
    pub fn to_column_zero(&mut self) -> io::Result<()> {
        if self.column_zero { Ok(()) } else { self.write_all(b"\n") }
    }

    fn hand_on(&mut self) -> io::Result<()> {
        let written = self.destination.write_all(&self.buffer);
        self.buffer.clear();
        written
    }
}

impl Write for TextSink {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.buffer.len() + bytes.len() > CAPACITY {
            self.hand_on()?;
        }
        if bytes.len() > CAPACITY {
            self.destination.write_all(bytes)?;
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        if let Some(&last) = bytes.last() {
            self.written = true;
            self.column_zero = last == b'\n';
            if last == b'\n' && self.watched.is_some_and(|since| since.elapsed() > PATIENCE) {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            self.hand_on()?;
        }
        if self.watched.is_some() {
            self.watched = Some(Instant::now());
        }
        self.destination.flush()
    }
}

/// A text sink that several stages may write to in turn.
#[derive(Clone, Debug)]
pub struct Text(Rc<RefCell<TextSink>>);

impl Text {
    /// Shares `sink`.
    pub fn new(sink: TextSink) -> Text {
        Text(Rc::new(RefCell::new(sink)))
    }

    /// The sink, to write to. Hold it for one statement only: somebody else may be next.
    #[inline]
    pub fn borrow(&self) -> RefMut<'_, TextSink> {
        self.0.borrow_mut()
    }

    /// Hands on everything gathered, unless somebody is writing just now.
    ///
    /// # Errors
    /// As the destination's.
    pub fn flush(&self) -> io::Result<()> {
        match self.0.try_borrow_mut() {
            Ok(mut sink) => sink.flush(),
            Err(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Rc<RefCell<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn hexadecimal_lines_are_bare_and_lower_case() {
        let shared = Shared::default();
        let mut sink = TextSink::new(Box::new(shared.clone()), false);
        for value in [0, 0x10, 0xfc45_e249, u64::MAX] {
            sink.hex_line(value).unwrap();
        }
        assert!(shared.0.borrow().is_empty(), "nothing is handed on early");
        sink.flush().unwrap();
        assert_eq!(shared.0.borrow().as_slice(), b"0\n10\nfc45e249\nffffffffffffffff\n");
    }

    #[test]
    fn more_than_the_buffer_arrives_in_order() {
        let shared = Shared::default();
        let mut sink = TextSink::new(Box::new(shared.clone()), false);
        let mut expected = Vec::new();
        for round in 0..40u8 {
            let piece = vec![round; 5_000 * usize::from(round)];
            sink.write_all(&piece).unwrap();
            expected.extend(piece);
        }
        sink.flush().unwrap();
        assert!(*shared.0.borrow() == expected);
    }
}
