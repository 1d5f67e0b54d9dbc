//! A run of the program: open the target, then commands from `-e`, standard input or the prompt.

use std::fs::File;
use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::Path;

use core_reader::STANDARD_INPUT;

use crate::context::Context;
use crate::dcmds::report;
use crate::error::DcmdError;
use crate::host_files;
use crate::interpreter::{self, LONGEST_SCRIPT, Source};
use crate::interrupt::Interrupt;
use crate::opened::Opened;
use crate::opening::is_of_opening;
use crate::options::{Options, Task};
use crate::output::{Colours, Terminal, escape};
use crate::report::Values;

/// Older cores that can be compared with at once.
const MOST_BASES: usize = 2;
/// All went well.
const SUCCESS: u8 = 0;
/// A command failed, or the core could not be opened.
const FAILURE: u8 = 1;
/// The command line is wrong.
const USAGE: u8 = 2;

/// Runs the program with these options; gives its exit status.
pub fn run(options: &Options) -> u8 {
    let terminal = Terminal::standard();
    if let Some(process) = &options.process {
        terminal.message(&format!(
            "{0}: cannot look at process {1}: {0} reads cores; take one with gcore {1}",
            crate::PROGRAM,
            escape(process)
        ));
        return USAGE;
    }
    if let Task::Assistants { idle } = options.task {
        return serve_assistants(&terminal, idle);
    }
    let opening = match options.opening() {
        Ok(opening) => opening,
        Err(error) => {
            terminal.message(&format!("{}: {error}", crate::PROGRAM));
            return USAGE;
        }
    };
    if let Task::Report { output: Some(path), .. } = &options.task
        && let Err(reason) = report::Format::of(path)
    {
        terminal.message(&format!("{}: {reason}", crate::PROGRAM));
        return USAGE;
    }
    let to_open = options.target(&opening);
    // Standard input that holds the core cannot hold commands as well: these come from the terminal then.
    let mut terminal_input = None;
    let asks = options.task == Task::Commands;
    if to_open.core == Path::new(STANDARD_INPUT) && options.commands.is_empty() && asks {
        match File::open("/dev/tty") {
            Ok(opened) => terminal_input = Some(opened),
            Err(_) => {
                terminal.message(&format!(
                    "{}: the core is read from standard input, and there is no terminal for commands: give them with -e",
                    crate::PROGRAM
                ));
                return USAGE;
            }
        }
    }
    let interactive =
        asks && (terminal_input.is_some() || (options.commands.is_empty() && std::io::stdin().is_terminal()));
    let interrupt = match Interrupt::on_signal(interactive) {
        Ok(interrupt) => interrupt,
        Err(error) => {
            terminal.message(&format!("{}: failed to watch for Ctrl-C: {error}", crate::PROGRAM));
            return FAILURE;
        }
    };
    let opened = match Opened::open(&to_open, &interrupt) {
        Ok(opened) => opened,
        Err(error) => {
            terminal.message(&format!("{}: {}", crate::PROGRAM, escape(&error)));
            return FAILURE;
        }
    };
    if let Some(input) = terminal_input
        && let Err(error) = rustix::stdio::dup2_stdin(&input)
    {
        terminal.message(&format!("{}: failed to read from the terminal: {error}", crate::PROGRAM));
        return FAILURE;
    }
    for warning in opened.warnings() {
        terminal.message(&format!("{}: warning: {}", crate::PROGRAM, escape(&warning)));
    }
    let watched = std::io::stdout().is_terminal();
    let mut context = Context::on(Some(opened), terminal, interrupt, watched);
    context.session.colours = Colours::of_standard_output();
    context.session.bases = options.bases(&opening);
    context.session.folders = options.folders();
    if options.base.len() > MOST_BASES {
        context.error(&format!(
            "{} cores are given with --base: ::diff compares with one or two",
            options.base.len()
        ));
        return USAGE;
    }
    // ::diff opens older snapshots itself.
    for base in options.base.iter().filter(|_| context.snapshot().is_none()) {
        let warn = |warning: &dyn std::fmt::Display| context.warn(&escape(&warning.to_string()));
        if let Err(reason) = context.bases.open(base, None, &context.interrupt, &warn) {
            context.error(&escape(&format!("--base: {reason}")));
            return FAILURE;
        }
    }
    if let Err(error) = configure(&context, options) {
        context.error(&error);
        return USAGE;
    }
    if interactive && watched {
        greet(&context);
    }
    if !options.no_rc_file && !context.settings.restricted.get() {
        run_rc_file(&context);
    }
    let status = if let Task::Report { output, values } = &options.task {
        write_report(&context, output.as_deref(), *values)
    } else if options.task == Task::Session {
        answer_questions(&context)
    } else if !options.commands.is_empty() {
        run_strings(&context, &options.commands)
    } else if interactive {
        crate::repl::run(&context)
    } else {
        run_standard_input(&context)
    };
    let flushed = context.text.flush();
    // An index of a core that has lost bytes would be one of zeros.
    if core_reader::damaged_files().is_empty() {
        context.keep_index();
    }
    match flushed {
        Ok(()) => status,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => status,
        Err(error) => {
            context.error(&format!("failed to write output: {error}"));
            FAILURE
        }
    }
}

fn configure(context: &Context, options: &Options) -> Result<(), String> {
    if let Some(prompt) = &options.prompt {
        context.settings.set_prompt(prompt)?;
    }
    if let Some(distance) = options.symbol_distance {
        context.settings.symbol_distance.set(distance);
    }
    if let Some(path) = &options.macro_path {
        context.settings.set_macro_path(path);
    }
    let mut set = options.set.iter().filter(|option| !is_of_opening(option));
    set.try_for_each(|option| context.settings.set_option(option, true))?;
    options.clear.iter().try_for_each(|option| context.settings.set_option(option, false))
}

/// Says what is debugged, to somebody at a terminal.
fn greet(context: &Context) {
    let printed = crate::banner::print(context).and_then(|()| Ok(context.text.flush()?));
    if let Err(error) = printed {
        context.warn(&escape(&error.to_string()));
    }
}

fn status_of(context: &Context) -> u8 {
    if context.has_failed() { FAILURE } else { SUCCESS }
}

/// Runs a piece of text; false if nothing more is to be run. Its results have been written when this returns.
fn run_piece(context: &Context, input: &str, source: Source<'_>) -> bool {
    let result = interpreter::run_guarded(context, input, source, &context.text);
    let flushed = context.text.flush().map_err(DcmdError::from);
    match result.and(flushed) {
        Ok(()) => !context.prompt.is_quitting(),
        Err(DcmdError::Closed) => false,
        Err(error) => {
            context.error(&error);
            false
        }
    }
}

/// `v8mdb mcp`
#[cfg(feature = "mcp")]
fn serve_assistants(terminal: &Terminal, idle: u64) -> u8 {
    match crate::assistants::serve(std::time::Duration::from_secs(idle)) {
        Ok(()) => SUCCESS,
        Err(reason) => {
            terminal.message(&format!("{}: {reason}", crate::PROGRAM));
            FAILURE
        }
    }
}

/// What it starts for each core.
#[cfg(feature = "mcp")]
fn answer_questions(context: &Context) -> u8 {
    match crate::assistants::answer_questions(context) {
        Ok(()) => SUCCESS,
        Err(_) => FAILURE,
    }
}

#[cfg(not(feature = "mcp"))]
fn serve_assistants(terminal: &Terminal, _: u64) -> u8 {
    terminal.message(&format!("{}: built without mcp", crate::PROGRAM));
    USAGE
}

#[cfg(not(feature = "mcp"))]
fn answer_questions(context: &Context) -> u8 {
    context.error(&"built without mcp");
    USAGE
}

/// `v8mdb report`
fn write_report(context: &Context, output: Option<&Path>, values: bool) -> u8 {
    let values = if values { Values::Shown } else { Values::LeftOut };
    let written = report::collect(context, values).and_then(|made| match output {
        None => Ok(context.text.borrow().write_all(report::Format::Text.written(&made).as_bytes())?),
        Some(path) => {
            let format = report::Format::of(path).map_err(DcmdError::Abort)?;
            report::save(context, path, &format.written(&made))?;
            Ok(writeln!(context.text.borrow(), "{}", made.title())?)
        }
    });
    match written {
        Ok(()) => status_of(context),
        Err(DcmdError::Closed) => SUCCESS,
        Err(error) => {
            context.error(&error);
            FAILURE
        }
    }
}

/// `-e`
fn run_strings(context: &Context, commands: &[String]) -> u8 {
    for command in commands {
        if !run_piece(context, command, Source::String) {
            break;
        }
    }
    status_of(context)
}

/// Commands from a pipe or a file, each run as its line arrives.
fn run_standard_input(context: &Context) -> u8 {
    let mut input = std::io::stdin().lock();
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        match (&mut input).take(LONGEST_SCRIPT).read_until(b'\n', &mut bytes) {
            Ok(0) => break,
            Ok(length) if length as u64 == LONGEST_SCRIPT && !bytes.ends_with(b"\n") => {
                context.error(&format!("line {line} of <stdin> is longer than {LONGEST_SCRIPT} bytes"));
                break;
            }
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => {
                context.error(&format!("failed to read standard input: {error}"));
                break;
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        context.terminal.log_input(text.trim_end());
        if !run_piece(context, &text, Source::Script { name: "<stdin>", line }) {
            break;
        }
    }
    status_of(context)
}

/// `~/.v8mdbrc` if there is one, else the `~/.mdbrc` of somebody who comes from MDB. Its errors are told, and do not count.
/// What somebody else can have written is not run.
fn run_rc_file(context: &Context) {
    let Some(home) = std::env::home_dir() else { return };
    for path in [".v8mdbrc", ".mdbrc"].map(|name| home.join(name)) {
        let file = host_files::open_own(&path);
        if file.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
            continue;
        }
        let name = path.to_string_lossy();
        match interpreter::read_script(file) {
            Ok(text) => {
                let failed_before = context.has_failed();
                run_piece(context, &text, Source::Script { name: &name, line: 1 });
                context.restore_failed(failed_before);
            }
            Err(reason) => context.warn(&format!("warning: {} is not run: {reason}", escape(&name))),
        }
        return;
    }
}
