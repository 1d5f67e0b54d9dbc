//! How a dcmd is declared. Parsing, planning, help, completion and the generated pages all follow the declaration.

use crate::context::Context;
use crate::error::DcmdError;
use crate::stage::{Flow, Out, Stage};
use crate::value::{Item, Kind};

pub use crate::target::Capability;

pub use crate::arguments::{Args, Opt, Shape, Word};

/// Whether a dcmd wants `addr::` in front of it, or items from a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressUse {
    /// `addr::dcmd`, or at the end of a pipe.
    Required,
    /// Either way.
    Optional,
    /// Only `::dcmd`.
    Refused,
}

/// The kinds of items that may flow into a dcmd, from a pipe or as the address in front.
#[derive(Clone, Copy, Debug)]
pub enum Takes {
    /// None.
    Nothing,
    /// Some kinds.
    Only(&'static [Kind]),
    /// All kinds.
    Anything,
    /// As the arguments say.
    Depends(fn(&Args) -> Takes),
}

impl Takes {
    /// The answer for these arguments.
    pub fn with(self, args: &Args) -> Takes {
        match self {
            Takes::Depends(on) => on(args),
            other => other,
        }
    }
}

/// What a stage hands to the next one when its output is piped.
#[derive(Clone, Copy, Debug)]
pub enum Yields {
    /// Items of one kind.
    Items(Kind),
    /// Items of the kind that flows in.
    Same,
    /// Text whose lines are read back as expressions; their values flow on.
    Lines,
    /// Text only: nothing can follow.
    Text,
    /// As the arguments say.
    Depends(fn(&Args) -> Yields),
}

impl Yields {
    /// The answer for these arguments. Lines of JSON are text, whatever the dcmd yields without them.
    pub fn with(self, args: &Args) -> Yields {
        match self {
            _ if args.has(Opt::JSON.letter) => Yields::Text,
            Yields::Depends(on) => on(args),
            other => other,
        }
    }
}

/// What a dcmd is about. Lists show the families in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Objects of the program, what holds them, and its functions.
    JavaScript,
    /// What works on the values of a pipe.
    Pipes,
    /// The process: threads, stacks, files.
    Process,
    /// Bytes, symbols and machine code.
    Memory,
    /// How V8 keeps things.
    V8,
    /// The debugger itself.
    Session,
}

impl Family {
    /// All of them, in the order of lists.
    pub const ALL: [Family; 6] =
        [Family::JavaScript, Family::Pipes, Family::Process, Family::Memory, Family::V8, Family::Session];

    /// The heading of its part of a list.
    pub const fn title(self) -> &'static str {
        match self {
            Family::JavaScript => "JavaScript: objects, what holds them, functions",
            Family::Pipes => "Pipes: choose, count, sort",
            Family::Process => "The process: threads, stacks, files",
            Family::Memory => "Memory: bytes, symbols, machine code",
            Family::V8 => "V8's internals",
            Family::Session => "The debugger itself",
        }
    }
}

/// A stage that is ready to work, or why its arguments do not do.
pub type Started = Result<Box<dyn Stage>, DcmdError>;

/// A file that ships, on which examples are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shipped {
    /// A core.
    Core(&'static str),
    /// A heap snapshot.
    Snapshot(&'static str),
}

impl Shipped {
    /// Where it is below `testdata`.
    pub fn path(self) -> String {
        match self {
            Shipped::Core(name) => format!("cores/{name}.core.zst"),
            Shipped::Snapshot(name) => format!("snapshots/{name}.heapsnapshot.zst"),
        }
    }
}

/// A line on a file that ships, and what is then on the screen. A test runs it, and the manual shows it.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The file.
    pub file: Shipped,
    /// What is typed.
    pub line: &'static str,
    output: &'static str,
}

impl Example {
    /// `line` on the core `core` (`leak-24`) prints `output`, which may begin with a newline that does not count. A line `...` in it stands
    /// for any number of lines.
    pub const fn on(core: &'static str, line: &'static str, output: &'static str) -> Example {
        Example { file: Shipped::Core(core), line, output }
    }

    /// The same on a heap snapshot: `sessions-24`.
    pub const fn on_snapshot(snapshot: &'static str, line: &'static str, output: &'static str) -> Example {
        Example { file: Shipped::Snapshot(snapshot), line, output }
    }

    /// What is on the screen, line by line.
    pub fn output(&self) -> impl Iterator<Item = &'static str> {
        self.output.strip_prefix('\n').unwrap_or(self.output).lines()
    }
}

/// The declaration of a dcmd.
#[derive(Debug)]
pub struct Dcmd {
    /// The name behind `::`.
    pub name: &'static str,
    /// Other names: `$q`, or a second name behind `::`.
    pub aliases: &'static [&'static str],
    /// What it does, in one line, lower case, no full stop.
    pub summary: &'static str,
    /// What it is about; lists show the dcmds of a family together.
    pub family: Family,
    /// The address in front.
    pub address: AddressUse,
    /// What may flow in.
    pub takes: Takes,
    /// What flows on when the output is piped.
    pub yields: Yields,
    /// The options, in the order of the manual.
    pub options: &'static [Opt],
    /// What follows the options.
    pub operands: Operands,
    /// What the target must have.
    pub needs: &'static [Capability],
    /// The manual page: source text whose leading `//!` lines are the page (`include_str!` of the dcmd's own file).
    pub manual: &'static str,
    /// What it says to some lines. The lines on one file are run in a row, in one session.
    pub examples: &'static [Example],
    /// Reads the arguments and makes the stage.
    pub start: fn(&Context, &Args) -> Started,
}

/// The words behind the options.
#[derive(Clone, Copy, Debug)]
pub struct Operands {
    /// As the synopsis shows them: `[member ...]`.
    pub synopsis: &'static str,
    /// Fewest.
    pub least: usize,
    /// Most.
    pub most: usize,
    /// They choose among what there is: if nothing is left, the user is told.
    pub filters: bool,
}

impl Operands {
    /// No words at all.
    pub const NONE: Operands = Operands { synopsis: "", least: 0, most: 0, filters: false };

    /// Any number of words.
    pub const fn any(synopsis: &'static str) -> Operands {
        Operands { synopsis, least: 0, most: usize::MAX, filters: false }
    }

    /// At least and at most so many words.
    pub const fn between(synopsis: &'static str, least: usize, most: usize) -> Operands {
        Operands { synopsis, least, most, filters: false }
    }

    /// One word, or none.
    pub const fn optional(synopsis: &'static str) -> Operands {
        Operands { synopsis, least: 0, most: 1, filters: false }
    }

    /// The same words, which choose among what there is.
    pub const fn filter(self) -> Operands {
        Operands { filters: true, ..self }
    }

    /// Exactly one word.
    pub const fn one(synopsis: &'static str) -> Operands {
        Operands { synopsis, least: 1, most: 1, filters: false }
    }
}

impl Dcmd {
    /// Options and operands as the usage line shows them: `[-ab] [-d depth] [member ...]`.
    pub fn synopsis(&self) -> String {
        let mut text = String::new();
        let flags: String = self
            .options
            .iter()
            .filter(|option| option.shape == Shape::Flag)
            .map(|option| option.letter)
            .collect();
        if !flags.is_empty() {
            text.push_str(&format!("[-{flags}]"));
        }
        for option in self.options {
            let shown = match option.shape {
                Shape::Flag => continue,
                Shape::Digits => format!("[-{}]", option.value),
                Shape::Number | Shape::Text => format!("[-{} {}]", option.letter, option.value),
                Shape::Switch => format!("[+/-{} {}]", option.letter, option.value),
                Shape::Toggle => format!("[+/-{}]", option.letter),
            };
            separate(&mut text, &shown);
        }
        separate(&mut text, self.operands.synopsis);
        text
    }

    /// The `Usage:` line for the dcmd as called by `name`.
    pub fn usage(&self, name: &str) -> String {
        let address = match self.address {
            AddressUse::Required => "address",
            AddressUse::Optional => "[address]",
            AddressUse::Refused => "",
        };
        let is_word = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let sign = if !address.is_empty() && is_word { "::" } else { "" };
        format!("Usage: {address}{sign}{name} {}", self.synopsis())
    }

    /// Whether it works on objects of JavaScript.
    pub fn needs_objects(&self) -> bool {
        Capability::are_of_v8(self.needs)
    }

    /// Whether `name` means this dcmd.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}

fn separate(text: &mut String, word: &str) {
    if !text.is_empty() && !word.is_empty() {
        text.push(' ');
    }
    text.push_str(word);
}

/// A stage that does its work item by item, and once if there is no item.
///
/// The work gets `None` when the dcmd runs without an address. Dot is the item's word while it runs. If it fails on an item,
/// the failure is reported and the next item is tried.
pub fn for_each<F>(work: F) -> Box<dyn Stage>
where
    F: FnMut(&Context, Option<Item>, &mut Out<'_>) -> Result<(), DcmdError> + 'static,
{
    Box::new(ForEach { work })
}

/// [`for_each`] for dcmds that always have an item.
pub fn for_each_item<F>(mut work: F) -> Box<dyn Stage>
where
    F: FnMut(&Context, Item, &mut Out<'_>) -> Result<(), DcmdError> + 'static,
{
    for_each(move |context, item, out| match item {
        Some(item) => work(context, item, out),
        None => Err(DcmdError::usage("")),
    })
}

/// As [`for_each`], for dcmds to which a count in front means a size and not how often to run: the work gets it.
pub fn for_each_counted<F>(work: F) -> Box<dyn Stage>
where
    F: FnMut(&Context, Option<Item>, Option<u64>, &mut Out<'_>) -> Result<(), DcmdError> + 'static,
{
    Box::new(Counted { work, count: None })
}

struct Counted<F> {
    work: F,
    count: Option<u64>,
}

impl<F> Stage for Counted<F>
where
    F: FnMut(&Context, Option<Item>, Option<u64>, &mut Out<'_>) -> Result<(), DcmdError>,
{
    fn run(&mut self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        (self.work)(context, None, self.count, out)
    }

    fn push(&mut self, context: &Context, batch: &[Item], out: &mut Out<'_>) -> Result<Flow, DcmdError> {
        let (work, count) = (&mut self.work, self.count);
        ForEach {
            work: |context: &Context, item: Option<Item>, out: &mut Out<'_>| work(context, item, count, out),
        }
        .push(context, batch, out)
    }

    fn takes_count(&mut self, count: u64) -> bool {
        self.count = Some(count);
        true
    }
}

struct ForEach<F> {
    work: F,
}

impl<F> Stage for ForEach<F>
where
    F: FnMut(&Context, Option<Item>, &mut Out<'_>) -> Result<(), DcmdError>,
{
    fn run(&mut self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        (self.work)(context, None, out)
    }

    fn push(&mut self, context: &Context, batch: &[Item], out: &mut Out<'_>) -> Result<Flow, DcmdError> {
        for &item in batch {
            context.check_interrupt()?;
            context.set_dot(item.word);
            match (self.work)(context, Some(item), out) {
                Ok(()) => {}
                Err(DcmdError::Failed(reason)) => out.fault(&reason),
                Err(error) => return Err(error),
            }
            if out.has_enough() {
                return Ok(Flow::Enough);
            }
        }
        Ok(Flow::Continue)
    }
}
