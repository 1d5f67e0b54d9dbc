//! Pipelines: stages that push small batches of items to one another.
//!
//! A line is planned before it runs: every name is known, every option parsed, and what each stage yields is what the next one
//! takes. Then the first stage runs, and whatever it emits is pushed through the rest in batches; a stage that has enough
//! says so, and everything before it stops. Text appears only at the end.
//!
//! Two sorts of stages are piped as text all the same, as everything is in MDB. A dcmd that runs other commands or prints in a
//! format of the user's has its text read back, each line an expression; and so has a command of the shell between two
//! stages. A line that is no expression ends the pipeline.

use crate::context::{Context, Repeatable};
use crate::correction::{correction, typed_word};
use crate::dcmd::{AddressUse, Args, Dcmd, Takes, Word, Yields};
use crate::error::DcmdError;
use crate::nothing;
use crate::of_snapshot;
use crate::output::Text;
use crate::said::Once;
use crate::shell_escape;
use crate::stage::{BATCH, Called, Flow, Out, for_each_value, settle};
use crate::value::{Item, Kind};

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

    /// The call as it is typed.
    fn typed(&self) -> String {
        let words = self.args.words().iter().map(|word| format!(" {}", typed_word(word)));
        format!("{}{}", self.shown(), words.collect::<String>())
    }

    /// Prints what is wrong with the call, which turned out to have an address in front, or to have none.
    pub fn report_usage_with(&self, context: &Context, has_address: bool, reason: &str) {
        report_usage(context, self.dcmd, &self.name, self.args.words(), has_address, reason);
    }
}

impl Called for Call {
    fn report_usage(&self, context: &Context, reason: &str) {
        self.report_usage_with(context, self.args.has_address(), reason);
    }

    fn is_read_back(&self) -> bool {
        matches!(self.dcmd.yields.with(&self.args), Yields::Lines)
    }

    fn takes(&self, kind: Kind) -> bool {
        match self.dcmd.takes.with(&self.args) {
            Takes::Anything => true,
            Takes::Only(kinds) => kinds.contains(&kind),
            Takes::Nothing | Takes::Depends(_) => false,
        }
    }

    fn shown(&self) -> String {
        Call::shown(self)
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
                        let message = self.mismatch(stage, Some(kind), takes, has_address);
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
                        self.mismatch(stage + 1, None, next.dcmd.takes.with(&next.args), has_address);
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

    /// `cannot pipe '::a' into '::b': ::a yields addresses, ::b takes threads (try '::walk thread | ::b')`
    fn mismatch(&self, stage: usize, yields: Option<Kind>, takes: Takes, has_address: bool) -> String {
        let (before, after) = (self.calls[stage - 1].shown(), self.calls[stage].shown());
        let taken = match takes {
            Takes::Nothing | Takes::Depends(_) => "no input".to_owned(),
            Takes::Anything => "values".to_owned(),
            Takes::Only(kinds) => kinds.iter().map(|kind| kind.plural()).collect::<Vec<_>>().join(" or "),
        };
        let yielded =
            yields.map_or_else(|| "yields only text".to_owned(), |kind| format!("yields {}", kind.plural()));
        let typed = self.calls[stage].typed();
        let instead = match (yields, takes) {
            (_, Takes::Nothing | Takes::Depends(_)) => typed,
            (None, _) => {
                // The text is of use to a command of the shell.
                let line: Vec<_> = self.calls[..stage].iter().map(Call::typed).collect();
                format!("{}{} ! head", if has_address { "." } else { "" }, line.join(" | "))
            }
            (Some(_), Takes::Only(kinds)) if kinds.contains(&Kind::Thread) => {
                format!("::walk thread | {typed}")
            }
            (Some(_), Takes::Only(kinds))
                if kinds.contains(&Kind::Address) && !self.calls[stage].dcmd.needs_objects() =>
            {
                format!("<rsp{typed}")
            }
            _ => format!("::findjsobjects | ::head -1 | {typed}"),
        };
        format!(
            "cannot pipe '{before}' into '{after}': {before} {yielded}, {after} takes {taken} (try '{}')",
            crate::output::escape(&instead)
        )
    }

    /// A line that works where a heap snapshot cannot answer a stage: ` (try '@7::jsprint')`.
    fn instead(&self, context: &Context, stage: usize, input: &Input) -> String {
        if context.snapshot().is_none() {
            return String::new();
        }
        let address = match input {
            Input::Dot { has_address: true, .. } => context.word_text(context.dot()),
            _ => String::new(),
        };
        let before = &self.calls[..stage];
        // What a walker walks over is known only when it runs.
        let is_sure = |call: &Call| {
            let is_thread = matches!(call.dcmd.yields.with(&call.args), Yields::Items(Kind::Thread));
            call.dcmd.name != "walk" && !is_thread
        };
        let front = match before {
            [] => address,
            _ if before.iter().all(is_sure) => {
                let typed: Vec<String> = before.iter().map(Call::typed).collect();
                format!("{address}{} | ", typed.join(" | "))
            }
            _ => "::findjsobjects | ::head -1 | ".to_owned(),
        };
        let line = format!("{front}{}", of_snapshot::instead(self.calls[stage].dcmd.name, !front.is_empty()));
        format!(" (try '{}')", crate::output::escape(&line))
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
        for (stage, call) in self.calls.iter().enumerate() {
            for &need in call.dcmd.needs {
                if let Some(reason) = context.lacks(need) {
                    let instead = self.instead(context, stage, &input);
                    return Err(DcmdError::Abort(format!("{}: {reason}{instead}", call.shown())));
                }
            }
        }
        if self.calls.iter().any(|call| call.dcmd.needs_objects()) {
            warn_of_line(context);
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
        let behind = later
            .iter()
            .map(|call| Ok((call as &dyn Called, start(call)?)))
            .collect::<Result<Vec<_>, DcmdError>>()?;
        let mut out = Out::of_chain(context, first, behind, text);
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
                out.set_counted(times > 1);
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
                        context.prompt.advance_dot();
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
            let has_something = own.has_emitted() || (is_last && has_written);
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
            out = own.behind();
        }
    }
}

impl Repeatable for Plan {
    fn takes_address(&self) -> bool {
        self.check(true).is_ok()
    }

    /// Everything that one stage or one item is guilty of has been reported when this returns.
    fn run(
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
}

/// Says once in a session that what runs V8 is none of the lines that are supported.
fn warn_of_line(context: &Context) {
    let Ok(heap) = context.heap() else { return };
    let layout = heap.layout();
    if !layout.supported && context.first(Once::Line) {
        let (major, minor) = layout.table_version;
        context.warn(&format_args!(
            "warning: V8 {major}.{minor} ({}) is not one of the supported lines: {} (see ::status)",
            layout.table_line, layout.shortcoming
        ));
    }
}
