//! Where a session's text ends up: standard output, through a pager if it fills more than a screen, and the log.
//!
//! The pager is the program in `PAGER`, else `less` where it is there, else that of the debugger itself, which an empty `PAGER` asks
//! for.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Write};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::pager::{self, Answer, Screen};
use super::{Colours, Ink, escape, escape_lines};
use crate::error::reasons;
use crate::host_files;

/// How long a screenful may wait for its last line before the pager shows what there is.
const PATIENCE: Duration = Duration::from_secs(1);

/// More than this is no screenful, however few lines it has.
const MOST_HELD: usize = 1 << 20;

/// Columns of the terminal, if results go to one.
pub fn screen_width() -> Option<u16> {
    // Not of any other terminal at hand: what goes to a file or a pipe is for programs.
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0)
}

/// Lines of the terminal, if results go to one.
pub fn screen_height() -> Option<u16> {
    terminal_size::terminal_size_of(io::stdout()).map(|(_, height)| height.0)
}

/// The pager that the user has chosen, or `less`.
fn chosen_pager() -> Option<String> {
    match std::env::var("PAGER") {
        Ok(pager) => Some(pager).filter(|pager| !pager.trim().is_empty()),
        Err(_) => host_files::is_program("less").then(|| "less".to_owned()),
    }
}

/// The end of the line for results and messages of one session.
#[derive(Clone)]
pub struct Terminal(Rc<RefCell<State>>);

struct State {
    results: Box<dyn Write>,
    messages: Box<dyn Write>,
    message_colours: Colours,
    log: Option<(String, File)>,
    paging: Paging,
    /// What the user wants to end; taken when that has ended.
    ended: Option<Answer>,
}

enum Paging {
    Off,
    /// The first lines of a command's output, as long as they fit the screen.
    Holding {
        held: Vec<u8>,
        lines_left: usize,
        since: Option<Instant>,
    },
    /// A pager is running.
    Through(Child),
    /// A screen at a time.
    Screens(Screen),
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal").finish_non_exhaustive()
    }
}

impl Terminal {
    /// A session that writes results and messages to these.
    pub fn new(results: Box<dyn Write>, messages: Box<dyn Write>) -> Terminal {
        Terminal(Rc::new(RefCell::new(State {
            results,
            messages,
            message_colours: Colours::Never,
            log: None,
            paging: Paging::Off,
            ended: None,
        })))
    }

    /// Standard output and standard error.
    pub fn standard() -> Terminal {
        let terminal = Terminal::new(Box::new(io::stdout()), Box::new(io::stderr()));
        terminal.0.borrow_mut().message_colours = Colours::of_standard_error();
        terminal
    }

    /// Shows what follows by screens of `height` lines; or, if the user has chosen a pager, holds it back until it is known
    /// whether it fits one. In a restricted session, in which a pager could run anything, the screens are ours.
    pub fn start_paging(&self, height: u16, restricted: bool) {
        if restricted || chosen_pager().is_none() {
            let screen = Screen::new(height, screen_width().unwrap_or(80));
            self.0.borrow_mut().paging = Paging::Screens(screen);
            return;
        }
        let lines_left = usize::from(height).saturating_sub(1).max(1);
        self.0.borrow_mut().paging = Paging::Holding { held: Vec::new(), lines_left, since: None };
    }

    /// Writes what is held back, and waits for the user to leave the pager.
    ///
    /// # Errors
    /// As standard output's.
    pub fn finish_paging(&self) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.ended = None;
        match std::mem::replace(&mut state.paging, Paging::Off) {
            Paging::Off => Ok(()),
            Paging::Screens(screen) => {
                if let Some(text) = screen.not_found() {
                    let text = String::from_utf8_lossy(text).into_owned();
                    writeln!(state.results, "(no line further on has \"{}\")", escape(&text))?;
                }
                state.results.flush()
            }
            Paging::Holding { held, .. } => {
                state.results.write_all(&held)?;
                state.results.flush()
            }
            Paging::Through(mut pager) => {
                drop(pager.stdin.take());
                pager.wait().map(|_| ())
            }
        }
    }

    /// Whether the user has told the pager to end the command that was printing, and only that; says so once.
    pub fn take_end_of_command(&self) -> bool {
        let mut state = self.0.borrow_mut();
        let ended = state.ended == Some(Answer::EndCommand);
        if ended {
            state.ended = None;
        }
        ended
    }

    /// Prints a line of ours: errors and warnings. Whoever quotes in it what somebody typed, or what a core says, escapes that where
    /// it ends; what was forgotten does no harm.
    pub fn message(&self, text: &str) {
        let mut state = self.0.borrow_mut();
        let state = &mut *state;
        let line = format!("{}\n", escape_lines(text));
        // A message that cannot be printed has nowhere else to go.
        if !matches!(state.paging, Paging::Off) {
            let _ = state.write_all(line.as_bytes());
            return;
        }
        let _ = state.results.flush().and_then(|()| state.messages.write_all(line.as_bytes()));
        state.log(line.as_bytes());
    }

    /// The same for what went wrong: in the colour for it, where messages go to a terminal.
    pub fn failure(&self, text: &str) {
        let mut state = self.0.borrow_mut();
        let colours = state.message_colours;
        if colours == Colours::Never || !matches!(state.paging, Paging::Off) {
            drop(state);
            return self.message(text);
        }
        let plain = format!("{}\n", escape_lines(text));
        let painted = format!("{}\n", colours.ink(Ink::Error, escape_lines(text)));
        let state = &mut *state;
        let _ = state.results.flush().and_then(|()| state.messages.write_all(painted.as_bytes()));
        state.log(plain.as_bytes());
    }

    /// Sends messages elsewhere from now on; gives back where they went.
    pub fn divert_messages(&self, to: Box<dyn Write>) -> Box<dyn Write> {
        std::mem::replace(&mut self.0.borrow_mut().messages, to)
    }

    /// Notes a line of input in the log.
    pub fn log_input(&self, line: &str) {
        self.0.borrow_mut().log(format!("{line}\n").as_bytes());
    }

    /// Starts or stops the log; gives back the name of the one that was active.
    pub fn set_log(&self, log: Option<(String, File)>) -> Option<String> {
        std::mem::replace(&mut self.0.borrow_mut().log, log).map(|(name, _)| name)
    }

    /// The name of the active log.
    pub fn log_name(&self) -> Option<String> {
        self.0.borrow().log.as_ref().map(|(name, _)| name.clone())
    }
}

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        match &mut state.paging {
            Paging::Off | Paging::Screens(_) => state.results.flush(),
            Paging::Holding { since: Some(since), .. } if since.elapsed() > PATIENCE => state.start_pager(),
            Paging::Holding { .. } => Ok(()),
            Paging::Through(pager) => pager.stdin.as_mut().map_or(Ok(()), Write::flush),
        }
    }
}

impl State {
    /// Adds to the log, if one is kept. One that cannot be written ends: the session does not depend on it.
    fn log(&mut self, bytes: &[u8]) {
        let Some((_, log)) = &mut self.log else { return };
        let Err(error) = log.write_all(bytes) else { return };
        let Some((name, _)) = self.log.take() else { return };
        let (program, name, reason) = (crate::PROGRAM, escape(&name), reasons(&error));
        let line = format!("{program}: logging to \"{name}\" ends here: {reason}\n");
        // A message that cannot be printed has nowhere else to go.
        let _ = match &mut self.paging {
            Paging::Off => self.results.flush().and_then(|()| self.messages.write_all(line.as_bytes())),
            _ => self.write_all(line.as_bytes()),
        };
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.ended.is_some() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.log(bytes);
        match &mut self.paging {
            Paging::Off => self.results.write_all(bytes),
            Paging::Screens(_) => self.write_screens(bytes),
            Paging::Through(pager) => pager.stdin.as_mut().map_or(Ok(()), |stdin| stdin.write_all(bytes)),
            Paging::Holding { held, lines_left, since } => {
                held.extend_from_slice(bytes);
                let since = *since.get_or_insert_with(Instant::now);
                *lines_left = lines_left.saturating_sub(bytes.iter().filter(|&&byte| byte == b'\n').count());
                if *lines_left == 0 || held.len() > MOST_HELD || since.elapsed() > PATIENCE {
                    self.start_pager()
                } else {
                    Ok(())
                }
            }
        }
    }

    /// Writes to the screen, and asks whenever it is full.
    fn write_screens(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Paging::Screens(screen) = &mut self.paging else { return self.results.write_all(bytes) };
        let ended = screen.write(bytes, &mut *self.results, &mut pager::key)?;
        if ended.is_none() {
            return Ok(());
        }
        self.ended = ended;
        Err(io::ErrorKind::BrokenPipe.into())
    }

    /// Starts the pager on what is held back; without one, everything goes straight to the terminal.
    fn start_pager(&mut self) -> io::Result<()> {
        let Paging::Holding { held, .. } = std::mem::replace(&mut self.paging, Paging::Off) else {
            return Ok(());
        };
        let Some(chosen) = chosen_pager() else { return self.results.write_all(&held) };
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(format!("exec {chosen}")).stdin(Stdio::piped());
        if std::env::var_os("LESS").is_none() {
            command.env("LESS", "FRX");
        }
        if let Ok(mut pager) = command.spawn() {
            if let Some(stdin) = &mut pager.stdin
                && let Err(error) = stdin.write_all(&held)
                && error.kind() != io::ErrorKind::BrokenPipe
            {
                return Err(error);
            }
            self.paging = Paging::Through(pager);
            return Ok(());
        }
        self.results.write_all(&held)
    }
}
