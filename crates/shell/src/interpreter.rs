//! Runs text: statement by statement, each parsed and planned whole before it runs.

use std::io::Read;
use std::rc::Rc;

use core_reader::ARCHITECTURES;

use crate::bare_words::{self, Meaning};
use crate::context::{Context, Repeatable};
use crate::dcmd::{Args, Word};
use crate::dcmds;
use crate::error::DcmdError;
use crate::format::words;
use crate::lang::{
    self, Argument, ArgumentValue, Command, FormatItem, Marked, Repeat, Shell, Span, Statement,
};
use crate::output::{Text, escape};
use crate::pipeline::{Call, Plan, PlanError, report_usage};
use crate::shell_escape;

/// Where text comes from; that decides what a bare expression does and where an error lets things go on.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// Typed at the prompt: an error drops the rest of the line.
    Prompt,
    /// A script: an error drops the rest of the statement, and names file and line.
    Script {
        /// The file, or `<stdin>`.
        name: &'a str,
        /// The number of the first line.
        line: usize,
    },
    /// A string (`-e`, `::eval`): a bare expression only sets dot; an error drops the rest.
    String,
}

/// Runs all statements of `input`; results go to `text`. Errors have been reported when this returns; it says whether all
/// went well.
///
/// # Errors
/// [`DcmdError::Interrupted`] and [`DcmdError::Closed`] end everything that is running.
pub fn run(context: &Context, input: &str, source: Source<'_>, text: &Text) -> Result<bool, DcmdError> {
    let mut start = 0;
    let mut well = true;
    while start < input.len() && !context.prompt.is_quitting() && !context.prompt.macros.leaving.get() {
        let recover = |at: usize| match source {
            Source::Script { .. } => lang::next_statement(input, at.max(start)),
            Source::Prompt => lang::next_line(input, at.max(start)),
            Source::String => input.len(),
        };
        if let Some((meaning, length)) = bare_words(context, &input[start..], source) {
            let behind = start + length;
            match translated(context, meaning, &input[behind..], moved(source, &input[..start]), text)? {
                Some((well_translated, length)) => {
                    well &= well_translated;
                    start = behind + length;
                }
                None => {
                    well = false;
                    start = recover(behind);
                }
            }
            continue;
        }
        match lang::statement(input, start) {
            Err(error) => {
                report_at(context, input, source, error.span, &error.message);
                well = false;
                start = recover(error.span.start);
            }
            Ok((statement, next)) => match run_statement(context, &statement, input, source, text)? {
                Ended::Well => start = next,
                Ended::Badly => {
                    well = false;
                    start = next;
                }
                Ended::NotRun => {
                    well = false;
                    start = match source {
                        Source::Script { .. } => next,
                        _ => recover(next.saturating_sub(1)),
                    };
                }
            },
        }
    }
    Ok(well)
}

/// The words of other debuggers at the start of `text`, unless they are symbols that an expression may mean.
fn bare_words(context: &Context, text: &str, source: Source<'_>) -> Option<(Meaning, usize)> {
    let (meaning, length) = bare_words::at_start(text, source)?;
    let word = text[..length].trim();
    let is_own = context.private_symbols.borrow().get(word).is_some();
    let is_plain = matches!(meaning, Meaning::Run { is_plain: true, .. });
    let is_symbol =
        is_own || (!is_plain && !matches!(source, Source::Prompt) && context.find_symbol(word).is_ok());
    (!is_symbol).then_some((meaning, length))
}

/// Runs what bare words mean, together with the rest of their statement, with which `behind` begins. Gives whether all went well, and
/// how much of `behind` was part of it; nothing if nothing was run.
fn translated(
    context: &Context,
    meaning: Meaning,
    behind: &str,
    source: Source<'_>,
    text: &Text,
) -> Result<Option<(bool, usize)>, DcmdError> {
    let command = match meaning {
        Meaning::Hint(hint) => {
            context.error(&escape(&hint));
            return Ok(None);
        }
        Meaning::Run { command, is_plain } => {
            if !is_plain {
                context.warn(&format!("this is '{}' here", escape(&command)));
            }
            command
        }
    };
    let rest = &behind[..lang::next_line(behind, 0)];
    let line = format!("{command}{rest}");
    // The words stand for whole statements, of which the last one goes on in the rest.
    let mut at = 0;
    let mut well = true;
    while at < command.len() {
        let (statement, next) = match lang::statement(&line, at) {
            Ok(parsed) => parsed,
            Err(error) => {
                report_at(context, &line, source, error.span, &error.message);
                return Ok(None);
            }
        };
        match run_statement(context, &statement, &line, source, text)? {
            Ended::Well => {}
            Ended::Badly => well = false,
            Ended::NotRun => return Ok(None),
        }
        if context.prompt.is_quitting() {
            break;
        }
        at = next;
    }
    Ok(Some((well, at.saturating_sub(command.len()))))
}

/// `source` behind the lines of `before`.
fn moved<'a>(source: Source<'a>, before: &str) -> Source<'a> {
    match source {
        Source::Script { name, line } => {
            Source::Script { name, line: line + before.bytes().filter(|&byte| byte == b'\n').count() }
        }
        other => other,
    }
}

/// No script, and no line of one, may be longer than this.
pub const LONGEST_SCRIPT: u64 = 16 << 20;

/// Reads a script to its end.
///
/// # Errors
/// The system's reason, or that it is too long.
pub fn read_script(file: std::io::Result<std::fs::File>) -> Result<String, String> {
    let mut bytes = Vec::new();
    match file.and_then(|file| file.take(LONGEST_SCRIPT + 1).read_to_end(&mut bytes)) {
        Err(error) => Err(crate::error::reasons(&error)),
        Ok(length) if length as u64 > LONGEST_SCRIPT => Err(format!("longer than {LONGEST_SCRIPT} bytes")),
        Ok(_) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// Runs the text of a macro file, which was read from `name`; a `$<` without a file in it ends it early.
///
/// # Errors
/// As [`run`].
pub fn run_macro(context: &Context, input: &str, name: &str, text: &Text) -> Result<bool, DcmdError> {
    let macros = &context.prompt.macros;
    macros.depth.set(macros.depth.get() + 1);
    let well = context.prompt.nested(|| run(context, input, Source::Script { name, line: 1 }, text));
    macros.depth.set(macros.depth.get().saturating_sub(1));
    macros.leaving.set(false);
    well
}

/// How a statement ended.
enum Ended {
    Well,
    /// It ran, and failed; what follows runs all the same.
    Badly,
    /// It made no sense, so what follows is not to be trusted either.
    NotRun,
}

/// As [`run`]; a dcmd that panics, which none should, costs its line and not the session.
///
/// # Errors
/// As [`run`].
pub fn run_guarded(
    context: &Context,
    input: &str,
    source: Source<'_>,
    text: &Text,
) -> Result<bool, DcmdError> {
    guarded(context, || run(context, input, source, text))
}

/// Runs `work`; if it panics, that is reported as a failure of its own.
fn guarded(context: &Context, work: impl FnOnce() -> Result<bool, DcmdError>) -> Result<bool, DcmdError> {
    // What a command changes sits in cells, which are whole between any two changes.
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|_| {
        context.prompt.leave_nesting();
        context.error(&"internal error: the command was given up; please report it with the lines above");
        Ok(false)
    });
    context.kept_index.tell(context);
    context.damage.tell(context);
    result
}

/// Prints an error about a place in `input`.
fn report_at(context: &Context, input: &str, source: Source<'_>, span: Span, message: &str) {
    let Source::Script { name, line } = source else {
        context.error(&message);
        context.message(&Marked { source: input, span }.to_string());
        return;
    };
    let before = input.get(..span.start).unwrap_or("");
    let line = line + before.bytes().filter(|&byte| byte == b'\n').count();
    let place = format!(" on line {line} of {}", escape(name));
    match message.strip_prefix("syntax error") {
        Some(rest) => context.error(&format!("syntax error{place}{rest}")),
        None => context.error(&format!("{message}{place}")),
    }
}

/// Runs one statement.
fn run_statement(
    context: &Context,
    statement: &Statement,
    input: &str,
    source: Source<'_>,
    text: &Text,
) -> Result<Ended, DcmdError> {
    context.check_interrupt()?;
    if statement.is_empty() {
        return Ok(Ended::Well);
    }
    let evaluated = (|| -> Result<_, lang::EvalError> {
        let address = statement.address.as_ref().map(|expr| context.value_of(expr)).transpose()?;
        let count = statement.count.as_ref().map(|expr| context.value_of(expr)).transpose()?;
        Ok((address, count))
    })();
    let (address, count) = match evaluated {
        Ok(values) => values,
        Err(error) => {
            context.error(&explained(context, &error));
            return Ok(Ended::NotRun);
        }
    };
    if statement.pipeline.is_empty() {
        return bare(context, statement, address, count, source, text);
    }
    if let Some(address) = address {
        context.prompt.set_address(address);
    }
    let mut calls = Vec::with_capacity(statement.pipeline.len());
    for (index, command) in statement.pipeline.iter().enumerate() {
        match call(context, command, address.is_some() || index > 0) {
            Ok(call) => calls.push(call),
            Err(CallError::Unknown(message)) => {
                report_at(context, input, source, command.span(), &message);
                return Ok(Ended::NotRun);
            }
            Err(CallError::Reported) => return Ok(Ended::NotRun),
        }
    }
    let plan = match plan(calls.clone(), address.is_some()) {
        Ok(plan) => Rc::new(plan),
        Err(PlanError::Mismatch { stage, message }) => {
            let span = statement.pipeline.get(stage).map_or(Span::default(), Command::span);
            report_at(context, input, source, span, &message);
            return Ok(Ended::NotRun);
        }
        // Whatever is wrong with the address, nothing runs.
        Err(PlanError::Usage { .. }) if count == Some(0) => return Ok(Ended::Well),
        Err(PlanError::Usage { stage }) => {
            if let Some(Part::Call(call)) = calls.get(stage) {
                call.report_usage_with(context, address.is_some() || stage > 0, "");
            }
            return Ok(Ended::Badly);
        }
    };
    context.set_last_command(plan.clone());
    context.prompt.begin_command();
    run_plan(context, &*plan, address.is_some(), count, statement.shell.as_ref(), text)
}

/// A stage of a line.
#[derive(Clone)]
enum Part {
    /// A dcmd.
    Call(Call),
    /// A command of the shell.
    Shell(String),
}

/// The plan of a whole line.
fn plan(mut parts: Vec<Part>, has_address: bool) -> Result<Plan, PlanError> {
    let mut plan: Option<(String, Plan)> = None;
    loop {
        let shell = parts.iter().rposition(|part| matches!(part, Part::Shell(_)));
        let first = shell.map_or(0, |at| at + 1);
        let calls = parts.drain(first..).filter_map(|part| match part {
            Part::Call(call) => Some(call),
            Part::Shell(_) => None,
        });
        let (calls, has_address) = (calls.collect(), has_address || first > 0);
        let built = match plan {
            Some((shell, next)) => Plan::before(calls, has_address, shell, next),
            None => Plan::new(calls, has_address),
        };
        let built = built.map_err(|error| match error {
            PlanError::Mismatch { stage, message } => PlanError::Mismatch { stage: stage + first, message },
            PlanError::Usage { stage } => PlanError::Usage { stage: stage + first },
        })?;
        match parts.pop() {
            Some(Part::Shell(text)) => plan = Some((text, built)),
            _ => return Ok(built),
        }
    }
}

/// Why an expression has no value, with the name that may have been meant.
fn explained(context: &Context, error: &lang::EvalError) -> String {
    if let lang::EvalError::Variable(name) = error
        && ARCHITECTURES.iter().any(|one| one.registers_of(&[]).called(name).is_some())
        && context.thread().is_err()
    {
        return format!("{error}: it is a register, and there is no thread that has registers");
    }
    let near = match error {
        // `status` instead of `::status`: everybody's first line.
        lang::EvalError::Symbol { name, .. } if dcmds::find(name).is_ok() => Some(format!("::{name}")),
        lang::EvalError::Symbol { name, reason: lang::SymbolError::Name } => {
            context.constructor_hint(name).or_else(|| context.symbol_like(name))
        }
        lang::EvalError::Variable(name) => {
            let variables = context.variables.borrow();
            let names =
                variables.iter().map(|(name, _)| name).chain(context.register_names().iter().copied());
            crate::spelling::nearest(name, names).map(str::to_owned)
        }
        _ => None,
    };
    match near {
        Some(near) => format!("{error} (did you mean '{}'?)", escape(&near)),
        None => error.to_string(),
    }
}

/// A statement without a command: a bare expression, or only text for the shell.
fn bare(
    context: &Context,
    statement: &Statement,
    address: Option<u64>,
    count: Option<u64>,
    source: Source<'_>,
    text: &Text,
) -> Result<Ended, DcmdError> {
    if address.is_none() && count.is_none() {
        return match &statement.shell {
            None => Ok(Ended::Well),
            Some(shell) if shell.run_output => {
                let printed = shell_escape::output_of(context, &shell.text, None);
                run_output(context, printed, text)
            }
            Some(shell) => {
                shell_escape::run(context, &shell.text);
                Ok(Ended::Well)
            }
        };
    }
    let plan = if matches!(source, Source::String) { None } else { context.last_command() };
    match (address, &plan) {
        (Some(address), _) => context.prompt.set_address(address),
        (None, Some(_)) => context.prompt.advance_dot(),
        (None, None) => {}
    }
    let Some(plan) = plan else {
        context.prompt.set_increment(0);
        return Ok(Ended::Well);
    };
    if !plan.takes_address() {
        // The last command takes no address: there is nothing to repeat.
        return Ok(Ended::Well);
    }
    run_plan(context, &*plan, true, count, statement.shell.as_ref(), text)
}

/// Runs the last pipeline again at dot plus increment, as an empty line does with `-o repeatlast`; guarded as [`run_guarded`].
///
/// # Errors
/// As [`run`].
pub fn repeat_last(context: &Context, text: &Text) -> Result<bool, DcmdError> {
    let Some(plan) = context.last_command() else { return Ok(true) };
    context.prompt.advance_dot();
    let has_address = plan.takes_address();
    guarded(context, || {
        let ended = run_plan(context, &*plan, has_address, None, None, text)?;
        Ok(matches!(ended, Ended::Well))
    })
}

fn run_plan(
    context: &Context,
    plan: &dyn Repeatable,
    has_address: bool,
    count: Option<u64>,
    shell: Option<&Shell>,
    text: &Text,
) -> Result<Ended, DcmdError> {
    let result = match shell {
        None => {
            plan.run(context, has_address, count, text).and_then(|()| {
                text.borrow().to_column_zero()?;
                // Whoever watches is asked by the pager about this command before the next one runs.
                let watched = text.borrow().is_watched();
                if watched { Ok(text.flush()?) } else { Ok(()) }
            })
        }
        Some(shell) => {
            text.flush()?;
            let work = |text: &Text| {
                plan.run(context, has_address, count, text)?;
                Ok(text.borrow().to_column_zero()?)
            };
            if shell.run_output {
                let printed = shell_escape::output_of(context, &shell.text, Some(Box::new(work)));
                return run_output(context, printed, text);
            }
            shell_escape::pipe_into(context, &shell.text, work)
        }
    };
    settle(context, result)
}

/// Runs what a command of the shell printed.
fn run_output(
    context: &Context,
    printed: Result<Vec<u8>, DcmdError>,
    text: &Text,
) -> Result<Ended, DcmdError> {
    let run = |printed: Vec<u8>| {
        let commands = String::from_utf8_lossy(&printed);
        context.prompt.nested(|| run(context, &commands, Source::Script { name: "<shell>", line: 1 }, text))
    };
    match printed.and_then(run) {
        Ok(false) => Ok(Ended::Badly),
        other => settle(context, other.map(|_| ())),
    }
}

/// Reports what ended a pipeline; what ends everything is given on.
fn settle(context: &Context, result: Result<(), DcmdError>) -> Result<Ended, DcmdError> {
    match result {
        Ok(()) => Ok(Ended::Well),
        Err(DcmdError::Interrupted) => Err(DcmdError::Interrupted),
        // The pager's `q` ends this command; the next one prints again.
        Err(DcmdError::Closed) if context.terminal.take_end_of_command() => Ok(Ended::Badly),
        Err(DcmdError::Closed) => Err(DcmdError::Closed),
        Err(DcmdError::Reported) => Ok(Ended::Badly),
        Err(error) => {
            context.error(&error);
            Ok(Ended::Badly)
        }
    }
}

enum CallError {
    /// The name, or a part of the command, is unknown: the message, to be shown with its place.
    Unknown(String),
    /// The user has been told.
    Reported,
}

/// Looks up a command and parses its arguments.
fn call(context: &Context, command: &Command, has_address: bool) -> Result<Part, CallError> {
    let (name, words) = match command {
        Command::Named { module, name, arguments, .. } => {
            if let Some(module) = module
                && !matches!(module.as_str(), "v8" | "mdb" | "v8mdb")
            {
                let module = escape(module);
                let message = format!("invalid command '::{module}`{name}': specified module is not loaded");
                return Err(CallError::Unknown(message));
            }
            (name.clone(), argument_words(context, arguments)?)
        }
        Command::Shell { text, .. } => return Ok(Part::Shell(text.clone())),
        Command::Assign { modifier, name, .. } => {
            let modifier = modifier.map_or(String::new(), String::from);
            (">".to_owned(), vec![Word::Text(name.clone()), Word::Text(modifier)])
        }
        Command::FormatOperands { verb, letter, operands, .. } => {
            let mut words = vec![Word::Text(format!("{letter}{}", words::OPERANDS))];
            words.extend(argument_words(context, operands)?);
            (verb.to_string(), words)
        }
        Command::Format { verb, items, .. } => {
            let mut words = Vec::with_capacity(items.len());
            for item in items {
                words.push(Word::Text(match item {
                    FormatItem::Text(text) => format!("{}{text}", words::TEXT),
                    FormatItem::Verb { repeat: None, character } => character.to_string(),
                    FormatItem::Verb { repeat: Some(Repeat::Count(count)), character } => {
                        format!("{count}{character}")
                    }
                    FormatItem::Verb { repeat: Some(Repeat::Computed(expr)), character } => {
                        format!("{}{character}", value_of(context, expr)?)
                    }
                }));
            }
            (verb.to_string(), words)
        }
    };
    let dcmd = dcmds::find(&name).map_err(CallError::Unknown)?;
    match Args::parse(dcmd, &name, has_address, &words, context.settings.radix.get()) {
        Ok(args) => Ok(Part::Call(Call { dcmd, name, args })),
        Err(error) => {
            report_usage(context, dcmd, &name, &words, has_address, &error.to_string());
            Err(CallError::Reported)
        }
    }
}

/// Arguments as words, computed where they are to be computed.
fn argument_words(context: &Context, arguments: &[Argument]) -> Result<Vec<Word>, CallError> {
    let word = |argument: &Argument| match &argument.value {
        ArgumentValue::Text(text) => Ok(Word::Text(text.clone())),
        ArgumentValue::Immediate(expr) => Ok(Word::Number(value_of(context, expr)?)),
    };
    arguments.iter().map(word).collect()
}

fn value_of(context: &Context, expr: &lang::Expr) -> Result<u64, CallError> {
    context.value_of(expr).map_err(|error| {
        context.error(&explained(context, &error));
        CallError::Reported
    })
}
