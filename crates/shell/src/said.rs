//! What has been said: results, messages, failures, and what is told once in a session.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt::Display;

use crate::output::{Terminal, Text, TextSink};

/// What is told once in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Once {
    /// What is missing from the heap.
    Missing,
    /// Which roots the core lacks.
    Roots,
    /// Garbage is counted, as it cannot be told.
    Lives,
    /// The core lacks what leads from functions to their code.
    Code,
    /// The line of Node.js is not supported.
    Line,
}

/// Where results and messages go, and what has been said so far.
#[derive(Debug)]
pub struct Said {
    /// Results and messages.
    pub terminal: Terminal,
    /// The text that ends on the terminal.
    pub text: Text,
    failed: Cell<bool>,
    /// Failures reported so far.
    errors: Cell<u64>,
    /// The user has been told why there is nothing.
    told_of_nothing: Cell<bool>,
    once: RefCell<BTreeSet<Once>>,
}

impl Said {
    /// Nothing yet; what is said goes to `terminal`, which somebody looks at if it is `watched`.
    pub fn new(terminal: Terminal, watched: bool) -> Said {
        Said {
            text: Text::new(TextSink::new(Box::new(terminal.clone()), watched)),
            terminal,
            failed: Cell::new(false),
            errors: Cell::new(0),
            told_of_nothing: Cell::new(false),
            once: RefCell::default(),
        }
    }

    /// Reports a failure: prints it and remembers it for the exit status.
    pub fn error(&self, reason: &dyn Display) {
        self.set_failed();
        self.errors.set(self.errors.get().wrapping_add(1));
        self.tell_failure(reason);
    }

    /// How many failures have been reported.
    pub fn errors(&self) -> u64 {
        self.errors.get()
    }

    /// Whether this is the first time that `what` is asked for.
    pub fn first(&self, what: Once) -> bool {
        self.once.borrow_mut().insert(what)
    }

    /// Says why there is nothing to show; a command that then shows nothing has failed.
    pub fn tell_of_nothing(&self, reason: &dyn Display) {
        self.told_of_nothing.set(true);
        self.warn(reason);
    }

    /// Whether [`Said::tell_of_nothing`] has been called since this was asked last.
    pub fn take_told_of_nothing(&self) -> bool {
        self.told_of_nothing.take()
    }

    /// Prints a warning.
    pub fn warn(&self, text: &dyn Display) {
        self.message(&format!("{}: {text}", crate::PROGRAM));
    }

    /// Prints a line on standard error, behind all results so far.
    pub fn message(&self, text: &str) {
        // Where results cannot be written, a message is all there is.
        let _ = self.text.flush();
        self.terminal.message(text);
    }

    /// Prints that something failed; in red, where it appears on a terminal.
    fn tell_failure(&self, reason: &dyn Display) {
        let _ = self.text.flush();
        self.terminal.failure(&format!("{}: {reason}", crate::PROGRAM));
    }

    /// Notes that a command failed.
    pub fn set_failed(&self) {
        self.failed.set(true);
    }

    /// Forgets failures since `failed` was asked for.
    pub fn restore_failed(&self, failed: bool) {
        self.failed.set(failed);
    }

    /// Whether a command failed so far.
    pub fn has_failed(&self) -> bool {
        self.failed.get()
    }
}
