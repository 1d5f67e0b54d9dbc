//! Where the prompt stands: dot, what `+` adds to it, macro files that are running, when the command began, whether to quit.

use std::cell::Cell;
use std::time::Instant;

use crate::error::DcmdError;

/// Commands that run commands, one inside the other, at most.
const DEEPEST: u32 = 16;

/// Where the prompt stands.
#[derive(Debug)]
pub struct Prompt {
    /// Macro files that are running.
    pub macros: Macros,
    dot: Cell<u64>,
    increment: Cell<u64>,
    last_address: Cell<u64>,
    /// When the command that runs was begun.
    started: Cell<Instant>,
    quit: Cell<bool>,
    depth: Cell<u32>,
}

/// Macro files that are running.
#[derive(Debug, Default)]
pub struct Macros {
    /// How many, one inside the other.
    pub depth: Cell<u32>,
    /// The innermost is to end.
    pub leaving: Cell<bool>,
}

impl Default for Prompt {
    fn default() -> Prompt {
        Prompt {
            macros: Macros::default(),
            dot: Cell::new(0),
            increment: Cell::new(0),
            last_address: Cell::new(0),
            started: Cell::new(Instant::now()),
            quit: Cell::new(false),
            depth: Cell::new(0),
        }
    }
}

impl Prompt {
    /// Dot: the current address.
    pub fn dot(&self) -> u64 {
        self.dot.get()
    }

    /// Moves dot.
    #[inline]
    pub fn set_dot(&self, dot: u64) {
        self.dot.set(dot);
    }

    /// Moves dot to the address that a command is run with.
    pub fn set_address(&self, address: u64) {
        self.dot.set(address);
        self.last_address.set(address);
    }

    /// The address that the last command was run with.
    pub fn last_address(&self) -> u64 {
        self.last_address.get()
    }

    /// What `+` adds to dot.
    pub fn increment(&self) -> u64 {
        self.increment.get()
    }

    /// Says what `+` adds to dot.
    pub fn set_increment(&self, increment: u64) {
        self.increment.set(increment);
    }

    /// Moves dot on by the increment.
    pub fn advance_dot(&self) {
        self.dot.set(self.dot.get().wrapping_add(self.increment.get()));
    }

    /// A command of the user begins: its time is taken from now.
    pub fn begin_command(&self) {
        self.started.set(Instant::now());
    }

    /// When the command that runs was begun.
    pub fn started(&self) -> Instant {
        self.started.get()
    }

    /// Ends the session behind the present command.
    pub fn set_quit(&self) {
        self.quit.set(true);
    }

    /// Whether the session is to end.
    pub fn is_quitting(&self) -> bool {
        self.quit.get()
    }

    /// Forgets the levels of commands that run commands: nothing is running any more.
    pub fn leave_nesting(&self) {
        self.depth.set(0);
        self.macros.depth.set(0);
        self.macros.leaving.set(false);
    }

    /// Runs `work` one level deeper in commands that run commands.
    ///
    /// # Errors
    /// Those of `work`, or that there are too many levels.
    pub fn nested<T>(&self, work: impl FnOnce() -> Result<T, DcmdError>) -> Result<T, DcmdError> {
        if self.depth.get() >= DEEPEST {
            return Err(DcmdError::abort("commands are nested too deeply"));
        }
        self.depth.set(self.depth.get() + 1);
        let result = work();
        self.depth.set(self.depth.get() - 1);
        result
    }
}
