//! The state of a session: target, settings, variables, dot, and where output goes.
//!
//! One thread works on it, and stages of a pipeline use it in turn; so everything that changes sits in cells, and a stage may
//! keep references into the target while the stages behind it run.

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::rc::Rc;

use core_reader::{Address, AddressSpace, Memory};
use v8_heap::index::{Kinds, ObjectTable};

use crate::bases::Bases;
use crate::damage::Damage;
use crate::dcmd::Capability;
use crate::error::DcmdError;
use crate::format::reason;
use crate::interrupt::Interrupt;
use crate::kept_index::KeptIndex;
use crate::lang::{Environment, EvalError, Space, SymbolError, evaluate, parse_expression};
use crate::output::{Colours, Progress, Terminal, Text, TextSink};
use crate::pipeline::Plan;
use crate::settings::Settings;
use crate::symbols::PrivateSymbols;
use crate::target::Target;
use crate::variables::{self, Variables, register};

/// The state of a session.
#[derive(Debug)]
pub struct Context {
    target: Option<Target>,
    /// Older cores beside the target.
    pub bases: Bases,
    /// Options and the like.
    pub settings: Settings,
    /// Variables that the user assigned.
    pub variables: RefCell<Variables>,
    /// Symbols that the user added.
    pub private_symbols: RefCell<PrivateSymbols>,
    /// The id of the thread that the user has chosen.
    pub current_thread: Cell<Option<u32>>,
    /// The flag that Ctrl-C sets.
    pub interrupt: Interrupt,
    /// Results and messages.
    pub terminal: Terminal,
    /// The text that ends on the terminal.
    pub text: Text,
    /// Whether to style text.
    pub colours: Colours,
    /// Whether the user has been told what is missing from the heap.
    pub told_what_is_missing: Cell<bool>,
    /// Whether the user has been told which roots the core lacks.
    pub told_of_roots: Cell<bool>,
    /// Whether it has been said that garbage is counted, as it cannot be told.
    pub told_of_lives: Cell<bool>,
    /// Whether the user has been told that the core lacks what leads from functions to their code.
    pub told_of_code: Cell<bool>,
    /// Objects whose referrers are to be found together.
    pub marked: RefCell<std::collections::BTreeSet<v8_heap::Tagged>>,
    /// What earlier sessions have computed of the heap.
    pub kept_index: KeptIndex,
    /// Macro files that are running.
    pub macros: Macros,
    /// Files that have lost bytes.
    pub damage: Damage,
    dot: Cell<u64>,
    increment: Cell<u64>,
    last_address: Cell<u64>,
    last_plan: RefCell<Option<Rc<Plan>>>,
    failed: Cell<bool>,
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

impl Context {
    /// A session on `target` that writes to `terminal`; `watched` if somebody looks at it.
    pub fn new(target: Option<Target>, terminal: Terminal, interrupt: Interrupt, watched: bool) -> Context {
        let text = Text::new(TextSink::new(Box::new(terminal.clone()), watched));
        let mut variables = Variables::default();
        if let Some(target) = &target {
            variables.describe(target.core());
        }
        Context {
            target,
            bases: Bases::default(),
            settings: Settings::default(),
            variables: RefCell::new(variables),
            private_symbols: RefCell::default(),
            current_thread: Cell::new(None),
            interrupt,
            terminal,
            text,
            colours: Colours::Never,
            told_what_is_missing: Cell::new(false),
            told_of_roots: Cell::new(false),
            told_of_lives: Cell::new(false),
            told_of_code: Cell::new(false),
            marked: RefCell::default(),
            kept_index: KeptIndex::default(),
            macros: Macros::default(),
            damage: Damage::default(),
            dot: Cell::new(0),
            increment: Cell::new(0),
            last_address: Cell::new(0),
            last_plan: RefCell::default(),
            failed: Cell::new(false),
            quit: Cell::new(false),
            depth: Cell::new(0),
        }
    }

    /// The target.
    ///
    /// # Errors
    /// There is none.
    pub fn target(&self) -> Result<&Target, DcmdError> {
        self.target.as_ref().ok_or_else(|| DcmdError::abort("no target is open"))
    }

    /// The memory of the target.
    ///
    /// # Errors
    /// There is no target.
    pub fn memory(&self) -> Result<&'static AddressSpace, DcmdError> {
        Ok(self.target()?.memory())
    }

    /// The V8 heap of the target.
    ///
    /// # Errors
    /// There is no target, or no heap that can be read in it.
    pub fn heap(&self) -> Result<&v8_heap::Heap<'static>, DcmdError> {
        let target = self.target()?;
        let heap = target.heap().map_err(DcmdError::Abort)?;
        if self.settings.cache.get() && !self.settings.restricted.get() {
            self.kept_index.attach(target, heap);
        }
        Ok(heap)
    }

    /// Keeps what has been computed of the heap, if the user wants it.
    pub fn keep_index(&self) {
        if self.settings.cache.get()
            && !self.settings.restricted.get()
            && let Some(target) = &self.target
            && let Some(heap) = target.known_heap()
        {
            self.kept_index.attach(target, heap);
            self.kept_index.tell(self);
            self.kept_index.keep(self, heap, &self.progress());
        }
    }

    /// The heap with its objects and their kinds, if all that has been found already: starts no work.
    pub fn known_kinds(&self) -> Option<(&v8_heap::Heap<'static>, &ObjectTable, &Kinds)> {
        let heap = self.target.as_ref()?.known_heap()?;
        let (table, kinds) = heap.known_kinds()?;
        Some((heap, table, kinds))
    }

    /// Why the target does not have `capability`; nothing if it does.
    pub fn lacks(&self, capability: Capability) -> Option<String> {
        let Some(target) = &self.target else { return Some("no target is open".to_owned()) };
        match capability {
            Capability::Core => None,
            Capability::V8Heap => target.heap().err(),
        }
    }

    /// A monitor for long work: progress on the terminal, stopped by Ctrl-C.
    pub fn progress(&self) -> Progress {
        Progress::new(self.interrupt.clone())
    }

    /// Ends a command that the user cancelled.
    ///
    /// # Errors
    /// [`DcmdError::Interrupted`] if so.
    #[inline]
    pub fn check_interrupt(&self) -> Result<(), DcmdError> {
        if self.interrupt.is_set() { Err(DcmdError::Interrupted) } else { Ok(()) }
    }

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

    /// What `+` adds to dot.
    pub fn set_increment(&self, increment: u64) {
        self.increment.set(increment);
    }

    /// Moves dot on by the increment.
    pub fn advance_dot(&self) {
        self.dot.set(self.dot.get().wrapping_add(self.increment.get()));
    }

    /// The pipeline that a bare expression runs again.
    pub fn last_plan(&self) -> Option<Rc<Plan>> {
        self.last_plan.borrow().clone()
    }

    /// Keeps `plan` for a bare expression.
    pub fn set_last_plan(&self, plan: Rc<Plan>) {
        *self.last_plan.borrow_mut() = Some(plan);
    }

    /// The value of `text` as an expression.
    ///
    /// # Errors
    /// It is none, or it has no value.
    pub fn evaluate(&self, text: &str) -> Result<u64, DcmdError> {
        let expr = parse_expression(text).map_err(DcmdError::failed)?;
        Ok(evaluate(&expr, self)?)
    }

    /// Reports a failure: prints it and remembers it for the exit status.
    pub fn error(&self, reason: &dyn Display) {
        self.set_failed();
        self.message(&format!("{}: {reason}", crate::PROGRAM));
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
        if self.depth.get() >= 16 {
            return Err(DcmdError::abort("commands are nested too deeply"));
        }
        self.depth.set(self.depth.get() + 1);
        let result = work();
        self.depth.set(self.depth.get() - 1);
        result
    }
}

impl Environment for Context {
    fn dot(&self) -> u64 {
        self.dot.get()
    }

    fn increment(&self) -> u64 {
        self.increment.get()
    }

    fn last_address(&self) -> u64 {
        self.last_address.get()
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
        if name == "thread" { Some(u64::from(thread.id)) } else { register(&thread.registers, name) }
    }

    fn symbol(&self, name: &str) -> Result<u64, SymbolError> {
        self.find_symbol(name)
    }

    fn read(&self, space: Space, address: u64, size: usize) -> Result<u64, String> {
        let target = self.target.as_ref().ok_or("no target is open")?;
        let mut bytes = [0; 8];
        let into = bytes.get_mut(..size).unwrap_or(&mut []);
        match space {
            Space::Memory => {
                target.memory().read_into(Address(address), into).map_err(|error| reason(&error))?;
            }
            Space::Object => target.read_file(address, into)?,
        }
        Ok(u64::from_le_bytes(bytes))
    }
}

impl Context {
    /// The value of a parsed expression.
    ///
    /// # Errors
    /// It has none.
    pub fn value_of(&self, expr: &crate::lang::Expr) -> Result<u64, EvalError> {
        evaluate(expr, self)
    }
}
