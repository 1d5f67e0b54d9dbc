//! `! text`: a command of the user's shell, alone or fed with what a pipeline prints.

use std::io::Read;
use std::process::{Child, Command, Stdio};

use crate::context::Context;
use crate::error::DcmdError;
use crate::output::{Text, TextSink};
use crate::stage::MOST_TEXT;

fn spawn(context: &Context, text: &str, stdin: Stdio, stdout: Stdio) -> Option<Child> {
    if let Err(error) = context.settings.check_restriction() {
        context.error(&error);
        return None;
    }
    // What we printed so far comes first, whatever the shell command prints.
    if context.text.flush().and_then(|()| context.terminal.finish_paging()).is_err() {
        return None;
    }
    let shell =
        std::env::var_os("SHELL").filter(|shell| !shell.is_empty()).unwrap_or_else(|| "/bin/sh".into());
    match Command::new(&shell).arg("-c").arg(text).stdin(stdin).stdout(stdout).spawn() {
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
    if let Some(child) = spawn(context, text, Stdio::inherit(), Stdio::inherit()) {
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
    let Some(mut child) = spawn(context, text, Stdio::piped(), Stdio::inherit()) else {
        return Err(DcmdError::Reported);
    };
    let result = feed(&mut child, is_pager(text), work);
    wait(context, child);
    result
}

/// Whether `command` is a program that shows text on the terminal, and nothing more.
fn is_pager(command: &str) -> bool {
    if command.contains(['|', '>', ';', '&', '`', '$']) {
        return false;
    }
    let program = command.split_whitespace().next().unwrap_or("");
    let name = program.rsplit('/').next().unwrap_or(program);
    matches!(name, "less" | "more" | "most" | "pg" | "pager")
        || std::env::var("PAGER").is_ok_and(|pager| pager.split_whitespace().next() == Some(program))
}

/// Writes what `work` prints to the input of `child`, and closes it.
fn feed(
    child: &mut Child,
    is_pager: bool,
    work: impl FnOnce(&Text) -> Result<(), DcmdError>,
) -> Result<(), DcmdError> {
    let Some(stdin) = child.stdin.take() else { return Err(DcmdError::Reported) };
    let stdin = Box::new(stdin);
    let input = Text::new(if is_pager { TextSink::before_pager(stdin) } else { TextSink::new(stdin, false) });
    match work(&input).and_then(|()| Ok(input.flush()?)) {
        Err(DcmdError::Closed) => Ok(()),
        other => other,
    }
}

/// What prints the input of a command of the shell.
pub type Work<'a> = Box<dyn FnOnce(&Text) -> Result<(), DcmdError> + 'a>;

/// Runs `text`, with what `work` prints as its input if there is some, and gives what it prints.
///
/// # Errors
/// Those of `work`, or that it printed too much.
pub fn output_of(context: &Context, text: &str, work: Option<Work<'_>>) -> Result<Vec<u8>, DcmdError> {
    let stdin = if work.is_some() { Stdio::piped() } else { Stdio::inherit() };
    let Some(mut child) = spawn(context, text, stdin, Stdio::piped()) else {
        return Err(DcmdError::Reported);
    };
    let Some(stdout) = child.stdout.take() else { return Err(DcmdError::Reported) };
    // It may fill its output before it has read its input.
    let reader = std::thread::spawn(move || {
        let mut printed = Vec::new();
        stdout.take(MOST_TEXT as u64 + 1).read_to_end(&mut printed).map(|_| printed)
    });
    let fed = match work {
        Some(work) => feed(&mut child, false, work),
        None => Ok(()),
    };
    let printed = reader.join();
    wait(context, child);
    fed?;
    match printed {
        Ok(Ok(printed)) if printed.len() <= MOST_TEXT => Ok(printed),
        Ok(Ok(_)) => Err(DcmdError::abort("the shell command printed too much")),
        Ok(Err(error)) => {
            Err(DcmdError::Abort(format!("failed to read what the shell command printed: {error}")))
        }
        Err(_) => Err(DcmdError::abort("failed to read what the shell command printed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pagers_are_known_by_their_names() {
        for (command, expected) in [
            ("less", true),
            ("/usr/bin/less -S", true),
            ("more", true),
            ("less > file", false),
            ("grep less", false),
            ("sort | less", false),
            ("", false),
        ] {
            assert_eq!(is_pager(command), expected, "{command}");
        }
    }
}
