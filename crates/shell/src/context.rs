//! What a command works with: the session, and where the prompt stands.
//!
//! One thread works on it, and stages of a pipeline use it in turn; so everything that changes sits in cells, and a stage may
//! keep references into the target while the stages behind it run.

use core_reader::X86_64;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::ops::Deref;
use std::rc::Rc;

use crate::error::DcmdError;
use crate::interrupt::Interrupt;
use crate::lang::{Environment, EvalError, Space, SymbolError, evaluate, parse_expression};
use crate::opened::Opened;
use crate::output::{Progress, Terminal, Text};
use crate::prompt::Prompt;
use crate::session::Session;
use crate::target::Target;
use crate::variables;

/// A command that can be run again.
pub trait Repeatable: Debug {
    /// Whether it takes an address in front.
    fn takes_address(&self) -> bool;

    /// Runs it, `count` times if that is said, from dot if `has_address`; text goes to `text`.
    ///
    /// # Errors
    /// What ended it early.
    fn run(
        &self,
        context: &Context,
        has_address: bool,
        count: Option<u64>,
        text: &Text,
    ) -> Result<(), DcmdError>;
}

/// What a command works with.
#[derive(Debug)]
pub struct Context {
    /// The session.
    pub session: Session,
    /// Where the prompt stands.
    pub prompt: Prompt,
    /// The command that a bare expression runs again.
    last_command: RefCell<Option<Rc<dyn Repeatable>>>,
    /// Objects whose referrers are to be found together.
    pub marked: RefCell<BTreeSet<v8_heap::Tagged>>,
}

/// Most of what a command asks for is the session's.
impl Deref for Context {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl Context {
    /// A session on the core `target` that writes to `terminal`; `watched` if somebody looks at it.
    pub fn new(target: Option<Target>, terminal: Terminal, interrupt: Interrupt, watched: bool) -> Context {
        Context::on(target.map(Opened::from), terminal, interrupt, watched)
    }

    /// The same on whatever is `opened`.
    pub fn on(opened: Option<Opened>, terminal: Terminal, interrupt: Interrupt, watched: bool) -> Context {
        Context {
            session: Session::new(opened, terminal, interrupt, watched),
            prompt: Prompt::default(),
            last_command: RefCell::default(),
            marked: RefCell::default(),
        }
    }

    /// A monitor for long work: progress on the terminal, stopped by Ctrl-C.
    pub fn progress(&self) -> Progress {
        Progress::since(self.interrupt.clone(), self.prompt.started())
    }

    /// Keeps what has been computed of the heap, if the user wants it.
    pub fn keep_index(&self) {
        if let Some(heap) = self.heap_to_keep() {
            self.kept_index.tell(self);
            self.kept_index.keep(self, heap, &self.progress());
        }
    }

    /// Dot: the current address.
    pub fn dot(&self) -> u64 {
        self.prompt.dot()
    }

    /// Moves dot.
    #[inline]
    pub fn set_dot(&self, dot: u64) {
        self.prompt.set_dot(dot);
    }

    /// The command that a bare expression runs again.
    pub fn last_command(&self) -> Option<Rc<dyn Repeatable>> {
        self.last_command.borrow().clone()
    }

    /// Keeps `command` for a bare expression.
    pub fn set_last_command(&self, command: Rc<dyn Repeatable>) {
        *self.last_command.borrow_mut() = Some(command);
    }

    /// The value of `text` as an expression.
    ///
    /// # Errors
    /// It is none, or it has no value.
    pub fn evaluate(&self, text: &str) -> Result<u64, DcmdError> {
        let expr = parse_expression(text).map_err(DcmdError::failed)?;
        Ok(evaluate(&expr, self)?)
    }

    /// The value of a parsed expression.
    ///
    /// # Errors
    /// It has none.
    pub fn value_of(&self, expr: &crate::lang::Expr) -> Result<u64, EvalError> {
        evaluate(expr, self)
    }

    /// The names of the registers that a thread of the target has; those of the processor of most cores if there is no target.
    pub fn register_names(&self) -> &'static [&'static str] {
        let architecture = self.target().map_or(&X86_64, |target| target.core().architecture());
        architecture.listed
    }

    /// Assigns to a variable, unless it is a register or the like.
    ///
    /// # Errors
    /// It cannot be changed.
    pub fn assign(&self, name: &str, value: u64) -> Result<(), DcmdError> {
        if name == variables::SYMBOLIC {
            self.settings.symbolic.set(value != 0);
            return Ok(());
        }
        let assigned_before = self.variables.borrow().get(name).is_some();
        if !assigned_before && self.variable(name).is_some() {
            return Err(DcmdError::Failed(format!("cannot modify read-only variable '{name}'")));
        }
        self.variables.borrow_mut().set(name, value);
        Ok(())
    }
}

impl Environment for Context {
    fn dot(&self) -> u64 {
        self.prompt.dot()
    }

    fn increment(&self) -> u64 {
        self.prompt.increment()
    }

    fn last_address(&self) -> u64 {
        self.prompt.last_address()
    }

    fn radix(&self) -> u32 {
        self.settings.radix.get()
    }

    fn variable(&self, name: &str) -> Option<u64> {
        if name == variables::SYMBOLIC {
            return Some(u64::from(self.settings.symbolic.get()));
        }
        if let Some(value) = self.variables.borrow().get(name) {
            return Some(value);
        }
        let thread = self.thread().ok()?;
        if name == "thread" { Some(u64::from(thread.id)) } else { thread.registers.called(name) }
    }

    fn symbol(&self, name: &str) -> Result<u64, SymbolError> {
        self.find_symbol(name)
    }

    fn read(&self, space: Space, address: u64, size: usize) -> Result<u64, String> {
        self.number_at(space, address, size)
    }
}
