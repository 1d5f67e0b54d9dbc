//! What runs in the process of one core: it answers questions, a line of JSON each, until its input ends.

use std::io::{BufRead, Read, Write};
use std::sync::mpsc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::asked::ask;
use crate::context::Context;
use crate::dcmd::{Dcmd, Yields};
use crate::dcmds;
use crate::error::DcmdError;

/// A question.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Question {
    /// What to run.
    pub(super) line: String,
    /// Bytes of results that are wanted at most.
    pub(super) bytes: usize,
    /// How long it may take.
    pub(super) seconds: u64,
    /// Results are wanted as rows of JSON, if the line can give such.
    pub(super) as_rows: bool,
}

/// An answer.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Reply {
    /// What was run.
    pub(super) line: String,
    /// What it printed.
    pub(super) text: String,
    /// Errors and warnings.
    pub(super) messages: Vec<String>,
    /// All went well.
    pub(super) well: bool,
    /// There was more than the bytes that were wanted.
    pub(super) cut: bool,
    /// It took too long, and was stopped.
    pub(super) stopped: bool,
}

/// A longer question is none.
const LONGEST: u64 = 1 << 20;

/// Answers the questions of standard input.
///
/// # Errors
/// Nobody reads the answers.
pub(crate) fn answer_questions(context: &Context) -> std::io::Result<()> {
    let mut input = std::io::stdin().lock();
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut input).take(LONGEST).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let reply = match serde_json::from_slice::<Question>(&line) {
            Ok(question) => answer(context, &question),
            Err(error) => Reply { messages: vec![format!("no question: {error}")], ..Reply::default() },
        };
        let mut output = std::io::stdout().lock();
        serde_json::to_writer(&mut output, &reply)?;
        output.write_all(b"\n")?;
        output.flush()?;
    }
}

fn answer(context: &Context, question: &Question) -> Reply {
    let line = if question.as_rows { as_rows(&question.line) } else { question.line.clone() };
    context.interrupt.clear();
    let (done, is_done) = mpsc::channel::<()>();
    let interrupt = context.interrupt.clone();
    let limit = Duration::from_secs(question.seconds);
    let watch = std::thread::spawn(move || {
        let is_late = is_done.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout);
        if is_late {
            interrupt.set();
        }
        is_late
    });
    let answered = ask(context, &line, question.bytes);
    drop(done);
    let stopped = watch.join().unwrap_or(false);
    context.interrupt.clear();
    match answered {
        Ok(answer) => Reply {
            line,
            text: answer.text,
            messages: answer.messages,
            well: answer.well && !stopped,
            cut: answer.is_cut,
            stopped,
        },
        Err(error) => {
            let message = match error {
                DcmdError::Interrupted => format!("stopped after {} s", question.seconds),
                error => error.to_string(),
            };
            Reply { line, messages: vec![message], stopped, ..Reply::default() }
        }
    }
}

/// The line, so that it prints rows of JSON where it can: with `-j`, or with `::json` behind it.
fn as_rows(line: &str) -> String {
    // What is in quotes, behind a semicolon or for the shell is left as it is.
    if line.contains(['"', '\'', ';', '!', '\n']) {
        return line.to_owned();
    }
    let last = line.rsplit('|').next().unwrap_or(line);
    let Some((_, call)) = last.split_once("::") else { return line.to_owned() };
    let mut words = call.split_whitespace();
    let Some(name) = words.next() else { return line.to_owned() };
    let Some(dcmd) = dcmds::ALL.iter().find(|dcmd: &&&Dcmd| dcmd.is_called(name)) else {
        return line.to_owned();
    };
    let has_it =
        words.clone().any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains('j'));
    let knows_it = dcmd.options.iter().any(|option| option.letter == 'j');
    match (knows_it, has_it, dcmd.yields) {
        (true, false, _) => {
            let at = line.len() - call.len() + call.find(name).unwrap_or(0) + name.len();
            format!("{} -j{}", &line[..at], &line[at..])
        }
        (false, _, Yields::Items(_) | Yields::Same) => format!("{line} | ::json"),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_prints_rows_where_it_can() {
        for (line, rows) in [
            ("::jsleaks -n 3", "::jsleaks -j -n 3"),
            ("::jsleaks -j", "::jsleaks -j"),
            (
                "::findjsobjects -c Session | ::findjsobjects",
                "::findjsobjects -c Session | ::findjsobjects -j",
            ),
            ("::findjsobjects -c A | ::head -1", "::findjsobjects -c A | ::head -1 | ::json"),
            ("12fd::jsprint id", "12fd::jsprint -j id"),
            ("$C", "$C"),
            ("::nothing", "::nothing"),
            ("::where 'a == 1'", "::where 'a == 1'"),
        ] {
            assert_eq!(as_rows(line), rows);
        }
    }
}
