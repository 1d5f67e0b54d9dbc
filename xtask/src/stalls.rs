//! `cargo xtask stalls`: services that answer no more, built on packages that many use, on every supported line. What the debugger says must
//! lead to the line that waits, and to the one that is to blame, as far as a core can tell.
//!
//! Programs are in `testdata/scenarios/stalls`; each marks the lines that an answer must name: `// WAITS`, `// CULPRIT`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use test_support::scenarios::debugger::Debugger;

use crate::population::Population;
use crate::{node_release, places, take_core};

/// What is asked of the core of a program, and what one line of the answer must say.
struct Question {
    program: &'static str,
    command: &'static str,
    /// All of these,
    words: &'static [&'static str],
    /// and the place that the program marks so.
    mark: &'static str,
}

const fn question(
    program: &'static str,
    command: &'static str,
    words: &'static [&'static str],
    mark: &'static str,
) -> Question {
    Question { program, command, words, mark }
}

/// Each program makes 40 calls that get no answer.
const QUESTIONS: [Question; 17] = [
    // All connections of a pool are gone: calls wait for one, until the pool's own timer.
    question("pool", "::jsasync", &[" 40 ", "timer", "order ("], "WAITS"),
    question("pool", "::jshttp -g", &[" 40 ", " unanswered "], "SERVES"),
    // A lost callback leaves a promise that nobody can settle, and that nobody holds: only the requests are left.
    question("handler", "::jsasync", &["160 requests of HTTP are: ::jshttp"], ""),
    question("handler", "::jshttp -g", &[" 40 ", " unanswered ", "showUser ("], "SHOWS"),
    question("handler", "::jshttp -g", &[" 40 ", " unanswered ", "forgets ("], "FORGETS"),
    question("queue", "::jsasync", &[" 40 ", "Task.callback", "checkout ("], "WAITS"),
    question("all", "::jsasync", &[" 40 ", "part (", "Promise.all <- page ("], "WAITS"),
    question("all", "::jsasync", &[" 40 ", "part (", "Promise.all <- page ("], "CULPRIT"),
    question("agent", "::jsasync", &[" 40 ", "price ("], "WAITS"),
    question("agent", "::jshttp -g", &[" 40 ", " waits for a connection ", "settles a promise each"], ""),
    question("agent", "::jshttp -g", &[" 4 ", " answer not read "], ""),
    question("http2", "::jshttp -g", &[" 40 ", " unanswered ", "GET /price/", "forgets ("], "FORGETS"),
    question("http2", "::jshttp -g", &[" 1 ", " unanswered ", "POST /upload", "forgets ("], "FORGETS"),
    question("http2", "::jshttp -g", &[" 7 ", " answer begun ", "GET /stream/", "forgets ("], "FORGETS"),
    question(
        "http2",
        "::jshttp -g",
        &[" 47 ", " no whole answer ", "127.0.0.1:", "calls answered ("],
        "ASKS",
    ),
    question("http2", "::jshttp -g", &[" 1 ", " request not ended ", "POST /upload"], ""),
    question(
        "http2",
        "::jshttp -g",
        &[" 5 ", " waits for a connection ", "GET /never/", "of nowhere"],
        "ASKS",
    ),
];

pub fn run(arguments: lexopt::Parser) -> Result<()> {
    let population = Population::only(arguments)?;
    let releases = population.releases();
    let executable = population.debugger()?;
    let manifest = places::scenarios().join("stalls/packages.json");
    let packages = format!("--packages={}", node_release::packages("stalls", &manifest)?.display());
    let (mut tried, mut failed) = (0, 0);
    for node in &releases {
        for questions in QUESTIONS.chunk_by(|a, b| a.program == b.program) {
            let program = questions[0].program;
            let directory = tempfile::tempdir_in(places::target())?;
            let source = places::scenarios().join(format!("stalls/{program}.js"));
            take_core::of_waiting(node, &source, std::slice::from_ref(&packages), directory.path())
                .with_context(|| format!("{program} on {node}"))?;
            let debugger = Debugger::new(executable.clone(), &directory.path().join("core"));
            for question in questions {
                tried += 1;
                match check(question, &source, &debugger) {
                    Ok(line) => println!("{program} on {node}, {}: {line}", question.command),
                    Err(error) => {
                        failed += 1;
                        println!("{program} on {node}, {} WRONG: {error:#}", question.command);
                    }
                }
            }
        }
    }
    ensure!(failed == 0, "{failed} answers of {tried} lead nowhere");
    println!("all {tried} answers name what stands still");
    Ok(())
}

/// The line of the answer that says it.
fn check(question: &Question, source: &Path, debugger: &Debugger) -> Result<String> {
    let place = match question.mark {
        "" => String::new(),
        mark => {
            let text = fs::read_to_string(source)?;
            let mark = format!("// {mark}");
            let line = text.lines().position(|line| line.contains(&mark));
            format!("({}.js:{}:", question.program, line.with_context(|| format!("no line says {mark}"))? + 1)
        }
    };
    // An empty answer says why it is empty, and fails.
    let answer = match debugger.evaluate_aloud(question.command) {
        Ok((answer, warnings)) => answer + &warnings,
        Err(error) => error.to_string(),
    };
    let says = |line: &&str| question.words.iter().all(|word| line.contains(word)) && line.contains(&place);
    let said = answer.lines().find(says);
    Ok(said.with_context(|| format!("{place} {:?} is not in {answer}", question.words))?.trim().to_owned())
}
