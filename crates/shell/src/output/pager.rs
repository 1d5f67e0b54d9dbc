//! The pager of the debugger itself: a screenful, then a question.
//!
//! ```text
//! >> More [<space>, <cr>, q, n, c, a] ?
//! ```
//!
//! Space shows the next screenful, Enter and `n` one more line, `c` all the rest; `q` ends the command that prints, `a` the whole
//! line.

use std::io::{self, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};

const QUESTION: &str = ">> More [<space>, <cr>, q, n, c, a] ? ";
const CONTROL_C: u8 = 3;
const CONTROL_BACKSLASH: u8 = 0x1c;

/// What the user wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Screen,
    Line,
    All,
    /// Nothing more of this command.
    EndCommand,
    /// Nothing more of this line.
    EndLine,
}

/// Counts the lines of a screen as they fill.
#[derive(Debug)]
pub(super) struct Screen {
    height: usize,
    width: usize,
    left: usize,
    column: usize,
}

impl Screen {
    pub(super) fn new(height: u16, width: u16) -> Screen {
        // One line stays for the question.
        let height = usize::from(height).saturating_sub(1).max(1);
        Screen { height, width: usize::from(width).max(1), left: height, column: 0 }
    }

    /// How many of `bytes` still fit on the screen.
    pub(super) fn fits(&mut self, bytes: &[u8]) -> usize {
        for (at, &byte) in bytes.iter().enumerate() {
            if self.left == 0 {
                return at;
            }
            if byte == b'\n' {
                self.left -= 1;
                self.column = 0;
            } else if byte & 0xc0 != 0x80 {
                // The next character wraps.
                if self.column >= self.width {
                    self.left -= 1;
                    self.column = 0;
                    if self.left == 0 {
                        return at;
                    }
                }
                self.column += 1;
            }
        }
        bytes.len()
    }

    pub(super) fn go_on(&mut self, answer: Answer) {
        self.left = match answer {
            Answer::Screen => self.height,
            Answer::Line => 1,
            _ => usize::MAX,
        };
    }
}

/// Asks on the terminal, and erases the question.
///
/// # Errors
/// The terminal's.
pub(super) fn ask(out: &mut dyn Write) -> io::Result<Answer> {
    write!(out, "{QUESTION}")?;
    out.flush()?;
    let key = key();
    write!(out, "\r{:1$}\r", "", QUESTION.len())?;
    out.flush()?;
    Ok(answer(key?))
}

fn answer(key: Option<u8>) -> Answer {
    match key {
        Some(b'\r' | b'\n' | b'n') => Answer::Line,
        Some(b'c') => Answer::All,
        Some(b'q' | CONTROL_C | CONTROL_BACKSLASH) => Answer::EndCommand,
        Some(b'a') | None => Answer::EndLine,
        Some(_) => Answer::Screen,
    }
}

/// One key, as it is pressed; nothing at the end of the input.
fn key() -> io::Result<Option<u8>> {
    let stdin = io::stdin();
    let before = tcgetattr(&stdin)?;
    let mut raw = before.clone();
    raw.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
    raw.special_codes[SpecialCodeIndex::VMIN] = 1;
    raw.special_codes[SpecialCodeIndex::VTIME] = 0;
    tcsetattr(&stdin, OptionalActions::Drain, &raw)?;
    let mut byte = [0];
    let read = loop {
        match stdin.lock().read(&mut byte) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => break other,
        }
    };
    tcsetattr(&stdin, OptionalActions::Drain, &before)?;
    Ok((read? == 1).then_some(byte[0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_is_full_when_its_last_line_is() {
        let mut screen = Screen::new(4, 10);
        assert_eq!(screen.fits(b"a\nb\nc\nd\n"), 6, "one line is for the question");
        screen.go_on(Answer::Line);
        assert_eq!(screen.fits(b"d\ne\n"), 2);
        screen.go_on(Answer::Screen);
        assert_eq!(screen.fits(b"e\nf\n"), 4);
        screen.go_on(Answer::All);
        assert_eq!(screen.fits(&[b'\n'; 1000]), 1000);
    }

    #[test]
    fn long_lines_take_several() {
        let mut screen = Screen::new(3, 4);
        assert_eq!(screen.fits(b"12345678901"), 8);
        let mut screen = Screen::new(3, 4);
        assert_eq!(screen.fits("äöüß\nx".as_bytes()), 10, "a character is one column");
    }

    #[test]
    fn keys_are_those_of_mdb() {
        for (key, expected) in [
            (b' ', Answer::Screen),
            (b'\r', Answer::Line),
            (b'n', Answer::Line),
            (b'c', Answer::All),
            (b'q', Answer::EndCommand),
            (CONTROL_C, Answer::EndCommand),
            (CONTROL_BACKSLASH, Answer::EndCommand),
            (b'a', Answer::EndLine),
        ] {
            assert_eq!(answer(Some(key)), expected, "{key}");
        }
        assert_eq!(answer(None), Answer::EndLine);
    }
}
