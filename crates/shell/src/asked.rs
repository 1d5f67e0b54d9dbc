//! A line of commands that the debugger itself asks: what it prints is kept, with what is said beside it, and bounded.
//!
//! `::report` collects its facts so, as the rows that every command prints with `-j`; and what an assistant asks for is run so.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use serde_json::Value;

use crate::context::Context;
use crate::error::DcmdError;
use crate::interpreter::{self, Source};
use crate::output::{Text, TextSink};

/// What a line has printed.
#[derive(Debug, Default)]
pub struct Answer {
    /// Results.
    pub text: String,
    /// Errors and warnings, a line each.
    pub messages: Vec<String>,
    /// All went well.
    pub well: bool,
    /// More than the bytes that were wanted would have come: results end with a whole line, and the command was stopped there.
    pub is_cut: bool,
}

impl Answer {
    /// The lines that are JSON.
    pub fn rows(&self) -> Vec<Value> {
        self.text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// What went wrong, on one line; nothing if all went well.
    pub fn failure(&self) -> Option<String> {
        (!self.well).then(|| match self.messages.is_empty() {
            true => "it failed, and did not say why".to_owned(),
            false => self.messages.join("; "),
        })
    }
}

/// Runs a line, and keeps up to `most` bytes of what it prints. Dot, the last command and the exit status stay as they were.
///
/// # Errors
/// [`DcmdError::Interrupted`]; or that commands are nested too deeply.
pub fn ask(context: &Context, line: &str, most: usize) -> Result<Answer, DcmdError> {
    let results = Kept { most, ..Kept::default() };
    let messages = Kept { most: MOST_MESSAGES, swallows: true, ..Kept::default() };
    let text = Text::new(TextSink::new(Box::new(results.clone()), false));
    let (dot, last, failed) = (context.dot(), context.last_command(), context.has_failed());
    context.restore_failed(false);
    let elsewhere = context.terminal.divert_messages(Box::new(messages.clone()));
    let ran = context.prompt.nested(|| interpreter::run_guarded(context, line, Source::String, &text));
    let flushed = text.flush();
    context.terminal.divert_messages(elsewhere);
    let has_failed = context.has_failed();
    context.restore_failed(failed);
    context.set_dot(dot);
    if let Some(last) = last {
        context.set_last_command(last);
    }
    let is_cut = results.state.borrow().is_full;
    let well = match ran {
        Ok(well) => well && !has_failed && flushed.is_ok(),
        Err(DcmdError::Closed) if is_cut => true,
        Err(error) => return Err(error),
    };
    let said = messages.text();
    let said = said.lines().map(|line| line.strip_prefix("v8mdb: ").unwrap_or(line).to_owned());
    Ok(Answer { text: results.text(), messages: said.collect(), well: well || is_cut, is_cut })
}

/// Bytes of messages that are kept.
const MOST_MESSAGES: usize = 1 << 14;

#[derive(Clone, Default)]
struct Kept {
    state: Rc<RefCell<State>>,
    most: usize,
    /// What is too much is dropped; else whoever writes it is told that nobody reads on.
    swallows: bool,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    is_full: bool,
}

impl Kept {
    /// What has been written, up to the end of the last line that fits.
    fn text(&self) -> String {
        let state = self.state.borrow();
        let bytes = match state.is_full {
            true => {
                &state.bytes[..state.bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)]
            }
            false => &state.bytes[..],
        };
        String::from_utf8_lossy(bytes).into_owned()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.state.borrow_mut();
        let room = self.most.saturating_sub(state.bytes.len());
        state.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if bytes.len() > room {
            state.is_full = true;
            if !self.swallows {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
