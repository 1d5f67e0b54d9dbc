//! The pager of the debugger itself: a screenful, then a question.
//!
//! ```text
//! >> More [<space>, <cr>, q, n, c, a, b, /] ?
//! ```
//!
//! Space shows the next screenful, Enter and `n` one more line, `c` all the rest; `q` ends the command that prints, `a` the whole
//! line. `b` goes back a screenful, and `/` with a text goes on to the next line that has it; `/` alone looks for the same text again.

use std::io::{self, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};

use super::escape;

const QUESTION: &str = ">> More [<space>, <cr>, q, n, c, a, b, /] ? ";
/// So many bytes of what has been shown are kept, to go back to.
const MOST_KEPT: usize = 8 << 20;
const ESCAPE: u8 = 0x1b;
const DELETE: u8 = 0x7f;
const BACKSPACE: u8 = 8;
const CONTROL_C: u8 = 3;
const CONTROL_BACKSLASH: u8 = 0x1c;

/// What the user wants to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Screen,
    Line,
    All,
    /// The screenful before.
    Back,
    /// The next line with this text; with no text, that which was looked for last.
    Search(Vec<u8>),
    /// Nothing more of this command.
    EndCommand,
    /// Nothing more of this line.
    EndLine,
}

/// Counts the lines of a screen as they fill, and keeps what has been shown.
#[derive(Debug)]
pub(super) struct Screen {
    height: usize,
    width: usize,
    left: usize,
    column: usize,
    /// Inside of a sequence that only changes how text looks.
    in_escape: bool,
    /// What has been shown or skipped, lines whole but for the last.
    kept: Vec<u8>,
    /// What the user looks for; lines without it are skipped.
    seeking: bool,
    sought: Vec<u8>,
}

impl Screen {
    pub(super) fn new(height: u16, width: u16) -> Screen {
        // One line stays for the question.
        let height = usize::from(height).saturating_sub(1).max(1);
        Screen {
            height,
            width: usize::from(width).max(1),
            left: height,
            column: 0,
            in_escape: false,
            kept: Vec::new(),
            seeking: false,
            sought: Vec::new(),
        }
    }

    /// Writes what the user wants to see of `bytes`, and asks with `keys` whenever the screen is full. Gives what is to end, if the
    /// user ends something.
    ///
    /// # Errors
    /// The terminal's.
    pub(super) fn write(
        &mut self,
        mut bytes: &[u8],
        out: &mut dyn Write,
        keys: Keys<'_>,
    ) -> io::Result<Option<Answer>> {
        while !bytes.is_empty() {
            if self.seeking {
                bytes = self.skip(bytes, out)?;
                continue;
            }
            let (now, later) = bytes.split_at(self.fits(bytes));
            out.write_all(now)?;
            self.keep(now);
            bytes = later;
            if bytes.is_empty() {
                break;
            }
            let mut answer = ask(out, keys)?;
            while matches!(answer, Answer::Back | Answer::Search(_)) {
                answer = self.look_back(answer, out, keys)?;
                if self.seeking {
                    break;
                }
            }
            match answer {
                Answer::EndCommand | Answer::EndLine => {
                    self.go_on(&Answer::Screen);
                    return Ok(Some(answer));
                }
                answer => self.go_on(&answer),
            }
        }
        Ok(None)
    }

    /// What is still looked for when all has been written.
    pub(super) fn not_found(&self) -> Option<&[u8]> {
        self.seeking.then_some(&self.sought)
    }

    /// Takes a line that is not shown, unless it has what is looked for; gives what comes behind it.
    fn skip<'b>(&mut self, bytes: &'b [u8], out: &mut dyn Write) -> io::Result<&'b [u8]> {
        let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1);
        let (line, later) = bytes.split_at(end);
        let is_new = self.kept.last().is_none_or(|byte| *byte == b'\n');
        let start = if is_new { self.kept.len() } else { self.line_start() };
        self.kept.extend_from_slice(line);
        if line.ends_with(b"\n") && contains(&self.kept[start..], &self.sought) {
            self.seeking = false;
            self.go_on(&Answer::Screen);
            self.left = self.left.saturating_sub(1).max(1);
            out.write_all(&self.kept[start..])?;
        }
        self.trim();
        Ok(later)
    }

    /// Shows what has been shown before, as long as the user wants; gives what is wanted of the rest.
    fn look_back(&mut self, mut answer: Answer, out: &mut dyn Write, keys: Keys<'_>) -> io::Result<Answer> {
        let lines: Vec<&[u8]> = self.kept.split_inclusive(|byte| *byte == b'\n').collect();
        let last = lines.len().saturating_sub(self.height);
        // The first line on the screen, and the one behind the last.
        let (mut top, mut end) = (last, lines.len());
        loop {
            (top, end) = match answer {
                Answer::Back => {
                    let top = top.saturating_sub(self.height);
                    (top, lines.len().min(top + self.height))
                }
                Answer::Screen if end < lines.len() => (end, lines.len().min(end + self.height)),
                Answer::Line if end < lines.len() => {
                    out.write_all(lines[end])?;
                    answer = ask(out, keys)?;
                    (top, end) = (top + 1, end + 1);
                    continue;
                }
                Answer::Search(ref text) => {
                    if !text.is_empty() {
                        self.sought.clone_from(text);
                    }
                    let from = (top + 1).min(lines.len());
                    match lines[from..].iter().position(|line| contains(line, &self.sought)) {
                        Some(at) if from + at < last => (from + at, lines.len().min(from + at + self.height)),
                        _ => {
                            self.seeking = !self.sought.is_empty();
                            return Ok(Answer::Screen);
                        }
                    }
                }
                other => return Ok(other),
            };
            for line in &lines[top..end] {
                out.write_all(line)?;
            }
            answer = ask(out, keys)?;
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.kept.extend_from_slice(bytes);
        self.trim();
    }

    /// Forgets the oldest half of what has been kept, if that is too much.
    fn trim(&mut self) {
        if self.kept.len() > MOST_KEPT {
            let half = self.kept.len() / 2;
            let end = self.kept[half..].iter().position(|byte| *byte == b'\n');
            self.kept.drain(..end.map_or(half, |end| half + end + 1));
        }
    }

    /// Where the last line of what is kept begins.
    fn line_start(&self) -> usize {
        self.kept.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1)
    }

    /// How many of `bytes` still fit on the screen.
    pub(super) fn fits(&mut self, bytes: &[u8]) -> usize {
        for (at, &byte) in bytes.iter().enumerate() {
            if self.left == 0 {
                return at;
            }
            if self.in_escape {
                self.in_escape = byte == b'[' || !byte.is_ascii_alphabetic();
            } else if byte == ESCAPE {
                self.in_escape = true;
            } else if byte == b'\n' {
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

    fn go_on(&mut self, answer: &Answer) {
        self.left = match answer {
            Answer::Screen => self.height,
            Answer::Line => 1,
            _ => usize::MAX,
        };
    }
}

/// Where keys come from, one at a time; nothing at the end of the input.
pub(super) type Keys<'k> = &'k mut dyn FnMut() -> io::Result<Option<u8>>;

/// Asks on the terminal, and erases the question.
fn ask(out: &mut dyn Write, keys: Keys<'_>) -> io::Result<Answer> {
    write!(out, "{QUESTION}")?;
    out.flush()?;
    let key = keys();
    write!(out, "\r{:1$}\r", "", QUESTION.len())?;
    out.flush()?;
    match key? {
        Some(b'/') => Ok(typed_text(out, keys)?.map_or(Answer::Line, Answer::Search)),
        key => Ok(answer(key)),
    }
}

/// The text that the user types behind a `/`; nothing if it is given up. What is typed is erased.
fn typed_text(out: &mut dyn Write, keys: Keys<'_>) -> io::Result<Option<Vec<u8>>> {
    let mut text = Vec::new();
    let mut shown = 1;
    let typed = loop {
        write!(out, "\r/{}", escape(&String::from_utf8_lossy(&text)))?;
        out.flush()?;
        shown = shown.max(1 + text.len());
        match keys()? {
            Some(b'\r' | b'\n') => break Some(text),
            None | Some(CONTROL_C | CONTROL_BACKSLASH | ESCAPE) => break None,
            Some(DELETE | BACKSPACE) => {
                text.pop();
                write!(out, "\r{:1$}", "", shown + 1)?;
            }
            Some(key) if key >= b' ' => text.push(key),
            Some(_) => {}
        }
    };
    write!(out, "\r{:1$}\r", "", shown + 1)?;
    out.flush()?;
    Ok(typed)
}

fn contains(line: &[u8], text: &[u8]) -> bool {
    memchr::memmem::find(line, text).is_some()
}

fn answer(key: Option<u8>) -> Answer {
    match key {
        Some(b'\r' | b'\n' | b'n') => Answer::Line,
        Some(b'c') => Answer::All,
        Some(b'b') => Answer::Back,
        Some(b'q' | CONTROL_C | CONTROL_BACKSLASH) => Answer::EndCommand,
        Some(b'a') | None => Answer::EndLine,
        Some(_) => Answer::Screen,
    }
}

/// One key, as it is pressed; nothing at the end of the input.
pub(super) fn key() -> io::Result<Option<u8>> {
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
        screen.go_on(&Answer::Line);
        assert_eq!(screen.fits(b"d\ne\n"), 2);
        screen.go_on(&Answer::Screen);
        assert_eq!(screen.fits(b"e\nf\n"), 4);
        screen.go_on(&Answer::All);
        assert_eq!(screen.fits(&[b'\n'; 1000]), 1000);
    }

    #[test]
    fn long_lines_take_several() {
        let mut screen = Screen::new(3, 4);
        assert_eq!(screen.fits(b"12345678901"), 8);
        let mut screen = Screen::new(3, 4);
        assert_eq!(screen.fits("äöüß\nx".as_bytes()), 10, "a character is one column");
    }

    /// What is on the terminal after twenty numbered lines on a screen of four, as these keys are pressed.
    fn seen(keys: &[u8]) -> String {
        let mut keys = keys.iter().copied();
        let mut screen = Screen::new(5, 80);
        let mut out = Vec::new();
        for line in 1..=20 {
            let text = format!("line {line}\n");
            let (first, second) = text.as_bytes().split_at(3);
            for part in [first, second] {
                if screen.write(part, &mut out, &mut || Ok(keys.next())).unwrap().is_some() {
                    return shown(&out);
                }
            }
        }
        shown(&out)
    }

    /// Without questions and what erases them.
    fn shown(out: &[u8]) -> String {
        let text = String::from_utf8_lossy(out).replace(QUESTION, "");
        let lines = text.split('\n').map(|line| line.rsplit('\r').next().unwrap());
        lines.map(|line| line.replace("line ", "")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn one_can_go_back_and_on_again() {
        assert_eq!(seen(b" q"), "1 2 3 4 5 6 7 8 ");
        assert_eq!(seen(b" bq"), "1 2 3 4 5 6 7 8 1 2 3 4 ");
        // On from there: the second screen, then what is new.
        assert_eq!(seen(b" b  q"), "1 2 3 4 5 6 7 8 1 2 3 4 5 6 7 8 9 10 11 12 ");
        assert_eq!(seen(b"b\rq"), "1 2 3 4 1 2 3 4 5 ", "no further back than the first line");
    }

    #[test]
    fn a_search_goes_on_to_the_line() {
        assert_eq!(seen(b"/line 11\rq"), "1 2 3 4 11 12 13 14 ");
        assert_eq!(seen(b"/xx\x7f\x7f9\rq"), "1 2 3 4 9 10 11 12 ");
        assert_eq!(seen(b"/9\r/\rq"), "1 2 3 4 9 10 11 12 19 20 ", "the same once more");
        assert_eq!(seen(b"/nowhere\rq"), "1 2 3 4 ");
        // Back to the first screen, and on to a line that has been shown.
        assert_eq!(seen(b"  bb/6\rq"), "1 2 3 4 5 6 7 8 9 10 11 12 5 6 7 8 1 2 3 4 6 7 8 9 ");
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
