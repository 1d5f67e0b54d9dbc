//! `! text`: a command of the user's shell, alone or fed with what a pipeline prints.

use std::process::{Child, Command, Stdio};

use crate::context::Context;
use crate::error::DcmdError;
use crate::output::{Text, TextSink};

fn spawn(context: &Context, text: &str, stdin: Stdio) -> Option<Child> {
    // What we printed so far comes first, whatever the shell command prints.
    if context.text.flush().and_then(|()| context.terminal.finish_paging()).is_err() {
        return None;
    }
    let shell =
        std::env::var_os("SHELL").filter(|shell| !shell.is_empty()).unwrap_or_else(|| "/bin/sh".into());
    match Command::new(&shell).arg("-c").arg(text).stdin(stdin).spawn() {
        Ok(child) => Some(child),
        Err(error) => {
            context.error(&format!("cannot access {}: {error}", shell.to_string_lossy()));
            None
        }
    }
}

fn wait(context: &Context, mut child: Child) {
    if let Err(error) = child.wait() {
        context.error(&format!("failed to wait for the shell: {error}"));
    }
}

/// Runs `text` and waits for it.
pub fn run(context: &Context, text: &str) {
    if let Some(child) = spawn(context, text, Stdio::inherit()) {
        wait(context, child);
    }
}

/// Runs `text` with what `work` prints as its input. That the command reads only some of it is no error.
///
/// # Errors
/// Those of `work`.
pub fn pipe_into(
    context: &Context,
    text: &str,
    work: impl FnOnce(&Text) -> Result<(), DcmdError>,
) -> Result<(), DcmdError> {
    let Some(mut child) = spawn(context, text, Stdio::piped()) else { return Err(DcmdError::Reported) };
    let Some(stdin) = child.stdin.take() else { return Err(DcmdError::Reported) };
    let input = Text::new(TextSink::new(Box::new(stdin), false));
    let result = work(&input).and_then(|()| Ok(input.flush()?));
    drop(input);
    wait(context, child);
    match result {
        Err(DcmdError::Closed) => Ok(()),
        other => other,
    }
}
