//! Pipelines: stages that push small batches of items to one another.
//!
//! A line is planned before it runs: every name is known, every option parsed, and what each stage yields is what the next one
//! takes. Then the first stage runs, and whatever it emits is pushed through the rest in batches; a stage that has enough
//! says so, and everything before it stops. Text appears only at the end.
//!
//! Two sorts of stages are piped as text all the same, as everything is in MDB. A dcmd that runs other commands or prints in a
//! format of the user's has its text read back, each line an expression; and so has a command of the shell between two
//! stages. A line that is no expression ends the pipeline.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use crate::context::Context;
use crate::correction::correction;
use crate::dcmd::{AddressUse, Args, Dcmd, Takes, Word, Yields};
use crate::error::DcmdError;
use crate::nothing;
use crate::output::{Text, TextSink};
use crate::shell_escape;
use crate::value::{Item, Kind};

/// Items pushed at a time. The first go alone, then two, then four: who wants only a few, as `::head` does, gets them before much is
/// done for those behind.
const BATCH: usize = 1024;

/// Values read back from text that are kept until all of it has been read: if a line of it is no value, none is used.
const MOST_HELD: usize = 1 << 16;

/// More text than this is not read back in one piece.
pub const MOST_TEXT: usize = 1 << 28;

/// Whether a stage wants more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Nothing that comes now matters.
    Enough,
}

/// A dcmd at work in one pipeline.
pub trait Stage {
    /// Works without an address and without input: `::dcmd` at the start of a line. Never called on a dcmd whose address is
    /// required.
    ///
    /// # Errors
    /// As [`Stage::push`].
    fn run(&mut self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError>;

    /// Works on items from the pipe, or on the one address in front.
    ///
    /// # Errors
    /// [`DcmdError::Failed`] gives up the batch, and the pipe goes on; all others end the pipeline. A failure of one item is
    /// better told to [`Out::fault`].
    fn push(&mut self, context: &Context, batch: &[Item], out: &mut Out<'_>) -> Result<Flow, DcmdError>;

    /// Takes the count in front of the dcmd (`addr,count::dcmd`) for itself, and is then run once. By default it does not, and
    /// is run so many times.
    fn takes_count(&mut self, _count: u64) -> bool {
        false
    }

    /// All input has been seen, or enough of it.
    ///
    /// # Errors
    /// As [`Stage::push`].
    fn finish(&mut self, _context: &Context, _out: &mut Out<'_>) -> Result<(), DcmdError> {
        Ok(())
    }
}

/// Where a stage's results go: to the next stage, or to the text at the end.
pub struct Out<'a> {
    context: &'a Context,
    text: Text,
    pending: Vec<Item>,
    /// Items pushed at a time now, and at most.
    batch: usize,
    most: usize,
    next: Option<Box<Next<'a>>>,
    enough: bool,
    /// Text of the stage that is to be read back.
    captured: Option<Captured>,
    /// A count in front makes the stage run again where it ended.
    counted: bool,
    /// Something has been handed on.
    emitted: bool,
}

/// Text on its way back.
#[derive(Clone, Default)]
struct Captured(Rc<RefCell<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut text = self.0.borrow_mut();
        if text.len() + bytes.len() > MOST_TEXT {
            return Err(io::Error::other("too much text to read values from"));
        }
        text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Next<'a> {
    call: &'a Call,
    stage: Box<dyn Stage>,
    out: Out<'a>,
}

impl std::fmt::Debug for Out<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Out")
            .field("piped", &self.is_pipe())
            .field("enough", &self.enough)
            .finish_non_exhaustive()
    }
}

impl<'a> Out<'a> {
    /// What a stage prints and emits: its items go to `next`, or its text to `text`.
    fn of(context: &'a Context, call: &Call, next: Option<Box<Next<'a>>>, text: &Text) -> Out<'a> {
        let reads_back = next.is_some() && matches!(call.dcmd.yields.with(&call.args), Yields::Lines);
        let captured = reads_back.then(Captured::default);
        let text = match &captured {
            Some(captured) => Text::new(TextSink::new(Box::new(captured.clone()), false)),
            None => text.clone(),
        };
        let (batch, most) = if reads_back { (MOST_HELD, MOST_HELD) } else { (1, BATCH) };
        Out {
            context,
            text,
            pending: Vec::new(),
            batch,
            most,
            next,
            enough: false,
            captured,
            counted: false,
            emitted: false,
        }
    }
}

impl Out<'_> {
    /// Whether items flow on to another stage. If not, the stage may print what it likes.
    #[inline]
    pub fn is_pipe(&self) -> bool {
        self.next.is_some()
    }

    /// Whether the next stage has all it wants.
    #[inline]
    pub fn has_enough(&self) -> bool {
        self.enough
    }

    /// Hands on one item; at the end of the pipe it is printed in bare hexadecimal.
    ///
    /// # Errors
    /// What the following stages end with, or that output has nowhere to go.
    #[inline]
    pub fn emit(&mut self, item: Item) -> Result<Flow, DcmdError> {
        self.emitted = true;
        if self.next.is_none() {
            self.context.check_interrupt()?;
            self.text.borrow().hex_line(item.word)?;
            return Ok(Flow::Continue);
        }
        self.pending.push(item);
        if self.pending.len() >= self.batch { self.pass_on() } else { Ok(self.flow()) }
    }

    /// Hands on many items, as [`Out::emit`] one by one.
    ///
    /// # Errors
    /// As [`Out::emit`].
    pub fn emit_all(&mut self, items: impl IntoIterator<Item = Item>) -> Result<Flow, DcmdError> {
        for item in items {
            if self.emit(item)? == Flow::Enough {
                return Ok(Flow::Enough);
            }
        }
        Ok(Flow::Continue)
    }

    /// The text at the end of the pipe. Hold it for one statement only.
    #[inline]
    pub fn text(&self) -> std::cell::RefMut<'_, TextSink> {
        self.text.borrow()
    }

    /// A handle on the same text, for commands that run commands.
    pub fn shared_text(&self) -> Text {
        self.text.clone()
    }

    /// Reports that one item failed, and why. The pipe goes on; the exit status remembers.
    pub fn fault(&mut self, reason: &dyn std::fmt::Display) {
        self.context.error(reason);
    }

    /// Whether a count in front makes the stage run more than once, with dot moved on by the increment each time.
    pub fn is_counted(&self) -> bool {
        self.counted
    }

    /// Holds the first items back: what comes behind them may show that none is to be used.
    pub fn hold_back(&mut self) {
        self.batch = self.most;
    }

    /// Makes every item flow through all stages before the next one is taken.
    pub fn one_by_one(&mut self) {
        (self.batch, self.most) = (1, 1);
        if let Some(next) = &mut self.next {
            next.out.one_by_one();
        }
    }

    fn flow(&self) -> Flow {
        if self.enough { Flow::Enough } else { Flow::Continue }
    }

    /// Pushes what is pending through the next stage.
    fn pass_on(&mut self) -> Result<Flow, DcmdError> {
        let Some(next) = &mut self.next else { return Ok(Flow::Continue) };
        if !self.enough && !self.pending.is_empty() {
            self.context.check_interrupt()?;
            let pushed = next.stage.push(self.context, &self.pending, &mut next.out);
            next.out.read_back()?;
            if settle(self.context, next.call, pushed)? == Some(Flow::Enough) {
                self.enough = true;
            }
        }
        self.pending.clear();
        self.batch = self.batch.saturating_mul(2).min(self.most);
        Ok(self.flow())
    }

    /// Ends the pipe behind this output.
    fn close(&mut self) -> Result<(), DcmdError> {
        self.read_back()?;
        self.pass_on()?;
        if let Some(next) = &mut self.next {
            let finished = next.stage.finish(self.context, &mut next.out);
            settle(self.context, next.call, finished)?;
            next.out.close()?;
        }
        Ok(())
    }

    /// Emits the values of the text that the stage has printed since the last time.
    fn read_back(&mut self) -> Result<(), DcmdError> {
        let Some(captured) = self.captured.clone() else { return Ok(()) };
        self.text.borrow().to_column_zero()?;
        self.text.flush()?;
        let bytes = std::mem::take(&mut *captured.0.borrow_mut());
        for_each_value(self.context, &bytes, |value| Ok(self.emit(Item::number(value))? == Flow::Continue))?;
        Ok(())
    }
}

/// Reads each line of `text`, and each part of one between `;`, as an expression. Stops once `take` says so.
///
/// # Errors
/// A line is no expression, or has no value: the pipeline is aborted.
pub fn for_each_value(
    context: &Context,
    text: &[u8],
    mut take: impl FnMut(u64) -> Result<bool, DcmdError>,
) -> Result<(), DcmdError> {
    for line in text.split(|&byte| byte == b'\n' || byte == b';') {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        context.check_interrupt()?;
        let value = context.evaluate(String::from_utf8_lossy(line).trim()).map_err(DcmdError::abort)?;
        if !take(value)? {
            break;
        }
    }
    Ok(())
}

/// Reports what concerns one stage only; gives on what ends the pipeline.
fn settle<T>(context: &Context, call: &Call, result: Result<T, DcmdError>) -> Result<Option<T>, DcmdError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(DcmdError::Failed(reason)) => {
            context.error(&reason);
            Ok(None)
        }
        Err(DcmdError::Usage(reason)) => {
            call.report_usage(context, &reason);
            Err(DcmdError::Reported)
        }
        Err(error) => Err(error),
    }
}

/// One stage of a planned line.
#[derive(Clone, Debug)]
pub struct Call {
    /// What runs.
    pub dcmd: &'static Dcmd,
    /// The name it was called by: `$q`, `quit`.
    pub name: String,
    /// Its arguments.
    pub args: Args,
}

impl Call {
    fn shown(&self) -> String {
        let sign =
            if self.name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') { "::" } else { "" };
        format!("{sign}{}", self.name)
    }

    /// Prints what is wrong with the call, and how it is made right.
    pub fn report_usage(&self, context: &Context, reason: &str) {
        self.report_usage_with(context, self.args.has_address(), reason);
    }

    /// The same for a call that turned out to have an address in front, or to have none.
    pub fn report_usage_with(&self, context: &Context, has_address: bool, reason: &str) {
        report_usage(context, self.dcmd, &self.name, self.args.words(), has_address, reason);
    }
}

/// Prints `reason` if there is one, the usage of `dcmd`, and how the call should be.
pub fn report_usage(
    context: &Context,
    dcmd: &Dcmd,
    name: &str,
    words: &[Word],
    has_address: bool,
    reason: &str,
) {
    if reason.is_empty() {
        context.set_failed();
    } else {
        context.error(&reason);
    }
    context.message(&dcmd.usage(name));
    let quoted = if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        format!("::help {name}")
    } else {
        format!("::help \"{name}\"")
    };
    context.message(&format!("{}: try '{quoted}' for more information", crate::PROGRAM));
    if let Some(correction) = correction(dcmd, name, words, has_address, context.settings.radix.get()) {
        context.error(&correction);
    }
}

/// A line that may run: all its stages fit.
#[derive(Clone, Debug)]
pub struct Plan {
    calls: Vec<Call>,
    /// A command of the shell that gets the text of these stages, and what takes the values that it prints.
    then: Option<Box<(String, Plan)>>,
}

/// What the first stage of a plan works on.
enum Input {
    /// Nothing, or dot, and so many times.
    Dot { has_address: bool, count: Option<u64> },
    /// Values.
    Values(Vec<u64>),
}

/// Why a line may not run.
#[derive(Debug)]
pub enum PlanError {
    /// Stage `stage` does not fit the one before it.
    Mismatch {
        /// Index of the stage that cannot take what comes.
        stage: usize,
        /// What comes and what is taken.
        message: String,
    },
    /// Stage `stage` is called with an address it does not take, or without the one it wants.
    Usage {
        /// Index of the stage.
        stage: usize,
    },
}

impl Plan {
    /// Checks that what each stage yields is what the next one takes. `has_address` tells whether an address stands in front
    /// of the first.
    ///
    /// # Errors
    /// Which stage does not fit, and why.
    pub fn new(calls: Vec<Call>, has_address: bool) -> Result<Plan, PlanError> {
        let plan = Plan { calls, then: None };
        plan.check(has_address)?;
        Ok(plan)
    }

    /// Puts `calls` and a command of the shell in front of a plan; there may be no calls.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn before(calls: Vec<Call>, has_address: bool, shell: String, plan: Plan) -> Result<Plan, PlanError> {
        let plan = Plan { calls, then: Some(Box::new((shell, plan))) };
        plan.check(has_address)?;
        Ok(plan)
    }

    /// Checks the plan once more, for a first stage with or without an address.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn check(&self, has_address: bool) -> Result<(), PlanError> {
        let mut flowing = has_address.then_some(Kind::Number);
        for (stage, call) in self.calls.iter().enumerate() {
            let takes = call.dcmd.takes.with(&call.args);
            match flowing {
                Some(kind) => {
                    let fits = match takes {
                        Takes::Nothing | Takes::Depends(_) => false,
                        Takes::Anything => true,
                        Takes::Only(kinds) => kinds.iter().any(|&taken| kind.fits(taken)),
                    };
                    if call.dcmd.address == AddressUse::Refused && stage == 0 {
                        return Err(PlanError::Usage { stage });
                    }
                    if !fits && stage > 0 {
                        let message = self.mismatch(stage, &format!("yields {}", kind.plural()), takes);
                        return Err(PlanError::Mismatch { stage, message });
                    }
                }
                None if call.dcmd.address == AddressUse::Required => return Err(PlanError::Usage { stage }),
                None => {}
            }
            flowing = match call.dcmd.yields.with(&call.args) {
                Yields::Items(kind) => Some(kind),
                Yields::Same => Some(flowing.unwrap_or(Kind::Number)),
                Yields::Lines => Some(Kind::Number),
                Yields::Text | Yields::Depends(_) if stage + 1 == self.calls.len() => None,
                Yields::Text | Yields::Depends(_) => {
                    let next = &self.calls[stage + 1];
                    let message =
                        self.mismatch(stage + 1, "yields only text", next.dcmd.takes.with(&next.args));
                    return Err(PlanError::Mismatch { stage: stage + 1, message });
                }
            };
        }
        let Some(then) = &self.then else { return Ok(()) };
        // The shell's command counts as a stage.
        let behind = self.calls.len() + 1;
        then.1.check(true).map_err(|error| match error {
            PlanError::Mismatch { stage, message } => PlanError::Mismatch { stage: stage + behind, message },
            PlanError::Usage { stage } => PlanError::Usage { stage: stage + behind },
        })
    }

    /// `cannot pipe '::a' into '::b': ::a yields addresses, ::b takes threads`
    fn mismatch(&self, stage: usize, yields: &str, takes: Takes) -> String {
        let (before, after) = (self.calls[stage - 1].shown(), self.calls[stage].shown());
        let taken = match takes {
            Takes::Nothing | Takes::Depends(_) => "no input".to_owned(),
            Takes::Anything => "values".to_owned(),
            Takes::Only(kinds) => kinds.iter().map(|kind| kind.plural()).collect::<Vec<_>>().join(" or "),
        };
        format!("cannot pipe '{before}' into '{after}': {before} {yields}, {after} takes {taken}")
    }

    /// The stages; those behind a command of the shell are left out.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// The call of the stage at `index`, where commands of the shell count as stages.
    pub fn call_at(&self, index: usize) -> Option<&Call> {
        match index.checked_sub(self.calls.len() + 1) {
            Some(behind) => self.then.as_ref()?.1.call_at(behind),
            None => self.calls.get(index),
        }
    }

    /// Runs the plan, `count` times if that is said, from dot if `has_address`; text goes to `text`. Everything that one stage
    /// or one item is guilty of has been reported when this returns.
    ///
    /// # Errors
    /// What ended the pipeline early.
    pub fn run(
        &self,
        context: &Context,
        has_address: bool,
        count: Option<u64>,
        text: &Text,
    ) -> Result<(), DcmdError> {
        if count == Some(0) {
            return Ok(());
        }
        self.run_on(context, Input::Dot { has_address, count }, text)
    }

    fn run_on(&self, context: &Context, input: Input, text: &Text) -> Result<(), DcmdError> {
        let Some(then) = &self.then else { return self.run_calls(context, input, text) };
        let (shell, plan) = &**then;
        let printed = if self.calls.is_empty() {
            shell_escape::output_of(context, shell, None)?
        } else {
            let work = |text: &Text| {
                self.run_calls(context, input, text)?;
                Ok(text.borrow().to_column_zero()?)
            };
            shell_escape::output_of(context, shell, Some(Box::new(work)))?
        };
        let mut values = Vec::new();
        for_each_value(context, &printed, |value| {
            values.push(value);
            Ok(true)
        })?;
        if values.is_empty() { Ok(()) } else { plan.run_on(context, Input::Values(values), text) }
    }

    fn run_calls(&self, context: &Context, input: Input, text: &Text) -> Result<(), DcmdError> {
        let Some((first, later)) = self.calls.split_first() else { return Ok(()) };
        for call in &self.calls {
            for &need in call.dcmd.needs {
                if let Some(reason) = context.lacks(need) {
                    return Err(DcmdError::Abort(format!("{}: {reason}", call.shown())));
                }
            }
        }
        // All stages read their arguments before any of them works.
        let start = |call: &Call| {
            let started = (call.dcmd.start)(context, &call.args);
            started.map_err(|error| match error {
                DcmdError::Usage(reason) => {
                    call.report_usage(context, &reason);
                    DcmdError::Reported
                }
                DcmdError::Failed(reason) => DcmdError::Abort(reason),
                other => other,
            })
        };
        let errors = context.errors();
        context.take_told_of_nothing();
        text.borrow().take_written();
        let mut stage = start(first)?;
        let mut stages = later.iter().map(start).collect::<Result<Vec<_>, _>>()?;
        let mut next = None;
        for call in later.iter().rev() {
            let Some(stage) = stages.pop() else { break };
            let out = Out::of(context, call, next.take(), text);
            next = Some(Box::new(Next { call, stage, out }));
        }
        let mut out = Out::of(context, first, next, text);
        match input {
            Input::Values(values) => {
                for values in values.chunks(BATCH) {
                    context.check_interrupt()?;
                    let items: Vec<Item> = values.iter().map(|&value| Item::number(value)).collect();
                    let done = stage.push(context, &items, &mut out);
                    out.read_back()?;
                    if settle(context, first, done)? == Some(Flow::Enough) || out.has_enough() {
                        break;
                    }
                }
            }
            Input::Dot { has_address, count } => {
                let times = match count {
                    Some(count) if stage.takes_count(count) => 1,
                    count => count.unwrap_or(1),
                };
                out.counted = times > 1;
                for time in 0..times {
                    context.check_interrupt()?;
                    let done = if has_address {
                        stage.push(context, &[Item::number(context.dot())], &mut out)
                    } else {
                        stage.run(context, &mut out).map(|()| Flow::Continue)
                    };
                    out.read_back()?;
                    if settle(context, first, done)? == Some(Flow::Enough) || out.has_enough() {
                        break;
                    }
                    if time + 1 < times {
                        context.advance_dot();
                    }
                }
            }
        }
        let finished = stage.finish(context, &mut out);
        settle(context, first, finished)?;
        out.close()?;
        if context.errors() == errors {
            self.tell_of_nothing(context, &out, text);
        }
        Ok(())
    }

    /// Says so if a stage was to choose, and has left nothing.
    fn tell_of_nothing(&self, context: &Context, first: &Out<'_>, text: &Text) {
        let has_written = text.borrow().take_written();
        let told = context.take_told_of_nothing();
        let mut out = Some(first);
        for (index, call) in self.calls.iter().enumerate() {
            let Some(own) = out else { return };
            let is_last = index + 1 == self.calls.len();
            let has_something = own.emitted || own.enough || (is_last && has_written);
            if !has_something {
                let filters = call.args.filters(call.dcmd);
                if told {
                    context.set_failed();
                } else if !filters.is_empty() {
                    let reason = nothing::reason(context, call.dcmd, &call.shown(), &filters);
                    context.error(&reason);
                }
                // What comes behind had nothing to work on.
                return;
            }
            out = own.next.as_ref().map(|next| &next.out);
        }
    }
}
