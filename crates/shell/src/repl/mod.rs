//! The interactive prompt.

mod completion;
mod history;

use std::borrow::Cow;
use std::io::IsTerminal;

use rustyline::config::{BellStyle, CompletionType};
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Config, Editor};

use crate::bare_words;
use crate::context::Context;
use crate::error::{DcmdError, reasons};
use crate::interpreter::{self, Source};
use crate::output::screen_height;
use completion::Completion;

/// Reads lines and runs them until the user quits; gives the exit status.
pub fn run(context: &Context) -> u8 {
    let mut editor = match editor(context) {
        Ok(editor) => editor,
        Err(error) => {
            context.error(&format!("failed to set up the terminal: {error}"));
            return 1;
        }
    };
    // What Ctrl-\ would do to a debugger full of results.
    let ignored = std::sync::Arc::default();
    if let Err(error) = signal_hook::flag::register(signal_hook::consts::SIGQUIT, ignored) {
        context.warn(&format!("failed to ignore ^\\: {error}"));
    }
    let history = history::path().filter(|_| !context.settings.restricted.get());
    if let Some(path) = &history {
        history::load(&mut editor, path);
    }
    while !context.prompt.is_quitting() {
        let prompt = context.settings.prompt.borrow().clone();
        match editor.readline(&prompt) {
            Ok(line) => {
                let is_new = !line.trim().is_empty() && editor.add_history_entry(&line).unwrap_or(false);
                if let Some(path) = history.as_ref().filter(|_| is_new) {
                    history::append(&mut editor, path);
                }
                context.terminal.log_input(&format!("{prompt}{line}"));
                run_line(context, &without_prompts(&line));
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) if context.settings.ignore_eof.get() => {
                context.message("use '::quit' or '$q' to leave");
            }
            Err(ReadlineError::Eof) => break,
            Err(error) => {
                context.error(&format!("failed to read a line: {error}"));
                return 1;
            }
        }
    }
    0
}

fn editor(context: &Context) -> rustyline::Result<Editor<Completion<'_>, FileHistory>> {
    let config = Config::builder()
        .max_history_size(history::LENGTH)?
        .history_ignore_dups(true)?
        .completion_type(CompletionType::List)
        .bell_style(BellStyle::None)
        .auto_add_history(false)
        .build();
    let mut editor = Editor::with_config(config)?;
    editor.set_helper(Some(Completion::new(context)));
    Ok(editor)
}

/// What was pasted, without the prompts that were copied along.
fn without_prompts(pasted: &str) -> Cow<'_, str> {
    if !pasted.lines().any(|line| line.starts_with("> ")) {
        return Cow::Borrowed(pasted);
    }
    let lines: Vec<_> = pasted.lines().map(bare_words::without_prompt).collect();
    Cow::Owned(lines.join("\n"))
}

fn run_line(context: &Context, line: &str) {
    context.interrupt.clear();
    let paging =
        context.settings.pager.get() && is_terminal() && std::env::var("TERM").is_ok_and(|t| t != "dumb");
    if let Some(height) = screen_height().filter(|_| paging) {
        context.terminal.start_paging(height, context.settings.restricted.get());
    }
    let result = if line.trim().is_empty() && context.settings.repeat_last.get() {
        interpreter::repeat_last(context, &context.text)
    } else {
        interpreter::run_guarded(context, line, Source::Prompt, &context.text)
    };
    let column = context.text.borrow().to_column_zero();
    let flushed = column.and_then(|()| context.text.flush());
    // Whatever went wrong, the pager has the terminal until the user leaves it.
    let left = context.terminal.finish_paging();
    match result.map(|_| ()).and(flushed.and(left).map_err(DcmdError::from)) {
        Ok(()) | Err(DcmdError::Closed) => {}
        Err(DcmdError::Interrupted) => context.message(""),
        Err(error) => context.error(&reasons(&error)),
    }
    context.interrupt.clear();
}

fn is_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && std::io::stderr().is_terminal()
}
