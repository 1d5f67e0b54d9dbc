//! `cargo xtask endings`: what `::jscrash` says of a core against what its process wrote on its standard error, word for word.
//!
//! `testdata/scenarios/endings.js` ends in every way in which services end: on errors and other values that nobody catches, on rejected
//! promises, without memory, on failed checks of V8 and of Node.js, on a fault in an add-on, by signals, and on its way out. The kernel
//! writes the cores; of a signal that leaves none, gdb does, at the moment at which it comes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use test_support::scenarios::debugger::Debugger;

use crate::population::Population;
use crate::take_core::{self, Running};
use crate::{node_release, places};

/// What is given up for.
const PATIENCE: Duration = Duration::from_secs(120);
/// Megabytes that the heaps may grow to which are to overflow.
const LIMIT: u64 = 40;
const LIMIT_OPTION: &str = "--max-old-space-size=40";
/// Where the add-on writes to.
const FAULT: &str = "0x10";

/// What ends a process, and what it says of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    /// `Uncaught ...`, and the stack behind `FROM`: V8.
    Uncaught,
    /// The error with its stack: Node.js.
    Rejection,
    /// `FATAL ERROR: ...`, and the last collections.
    OutOfMemory {
        /// What the limit comes from.
        from: &'static str,
    },
    /// `process.abort()`: nothing.
    Abort,
    /// An assertion of Node.js.
    Assertion,
    /// A check of V8.
    Check,
    /// A fault in an add-on: nothing.
    Fault,
    /// A signal from outside: nothing.
    Term,
    /// `process.exit(7)`: nothing.
    Exit,
}

/// A way to end.
struct Way {
    name: &'static str,
    options: &'static [&'static str],
    signal: Option<&'static str>,
    said: Said,
}

const fn uncaught(name: &'static str) -> Way {
    Way { name, options: &["--abort-on-uncaught-exception"], signal: Some("SIGTRAP"), said: Said::Uncaught }
}

const fn aborted(name: &'static str, options: &'static [&'static str], said: Said) -> Way {
    Way { name, options, signal: Some("SIGABRT"), said }
}

const WAYS: &[Way] = &[
    uncaught("error"),
    uncaught("string"),
    uncaught("object"),
    uncaught("number"),
    uncaught("nothing"),
    uncaught("list"),
    // A small stack: V8 prints all of it.
    Way { options: &["--abort-on-uncaught-exception", "--stack-size=100"], ..uncaught("overflow") },
    aborted("rejection", &["--abort-on-uncaught-exception"], Said::Rejection),
    aborted("reason", &["--abort-on-uncaught-exception"], Said::Rejection),
    aborted("memory", &[LIMIT_OPTION], Said::OutOfMemory { from: "on the command line" }),
    aborted("huge", &[], Said::OutOfMemory { from: "in NODE_OPTIONS" }),
    aborted("abort", &[], Said::Abort),
    aborted("assertion", &["--expose-internals"], Said::Assertion),
    Way { name: "check", options: &["--allow-natives-syntax"], signal: Some("SIGTRAP"), said: Said::Check },
    Way { name: "fault", options: &[], signal: Some("SIGSEGV"), said: Said::Fault },
    Way { name: "term", options: &[], signal: Some("SIGTERM"), said: Said::Term },
    Way { name: "exit", options: &[], signal: None, said: Said::Exit },
];

pub fn run(arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let (population, mut arguments) = Population::of(arguments)?;
    let mut only = Vec::new();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("only") => only.push(arguments.value()?.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let releases = population.releases();
    take_core::require_kernel_cores()?;
    let executable = population.debugger()?;
    let mut failed = 0;
    for node in &releases {
        let mut compared = 0;
        for way in WAYS.iter().filter(|way| only.is_empty() || only.iter().any(|name| name == way.name)) {
            let failures =
                compare(&executable, node, way).with_context(|| format!("{node}: {}", way.name))?;
            compared += 1;
            for failure in &failures {
                println!("    {node} {}: {failure}", way.name);
            }
            failed += usize::from(!failures.is_empty());
        }
        println!("node {node:8} {compared} endings");
    }
    ensure!(failed == 0, "{failed} endings are not told as the process told them");
    Ok(())
}

fn compare(executable: &Path, node: &str, way: &Way) -> Result<Vec<String>> {
    let directory = tempfile::tempdir()?;
    let stderr = take(node, way, directory.path())?;
    let debugger = Debugger::new(executable.to_owned(), &directory.path().join("core"));
    let answer = debugger.evaluate("::jscrash -j")?;
    let answer: Value = serde_json::from_str(answer.trim()).context("::jscrash -j prints no JSON")?;
    Ok(differences(way, &answer, &stderr))
}

/// Takes the core, `core` in a directory; gives what the process wrote on its standard error.
fn take(node: &str, way: &Way, directory: &Path) -> Result<String> {
    let node = node_release::executable(node)?;
    let program = places::scenarios().join("endings.js");
    let (stdout, stderr) = (directory.join("stdout"), directory.join("stderr"));
    let by_gdb = way.said == Said::Term;
    let mut command = if by_gdb {
        let mut gdb = Command::new("gdb");
        gdb.args(["-q", "-nx", "-batch", "-ex", "set confirm off", "-ex", "set startup-with-shell off"]);
        gdb.args(["-ex", "handle SIGUSR1 SIGUSR2 SIGPIPE SIGCHLD nostop noprint pass"]);
        gdb.args(["-ex", "handle SIGTERM stop print", "-ex", "run", "-ex", "gcore core", "-ex", "kill"]);
        gdb.arg("--args").arg(&node);
        gdb
    } else {
        let mut shell = Command::new("sh");
        shell.args(["-c", "ulimit -c unlimited && exec \"$0\" \"$@\""]).arg(&node);
        shell
    };
    command.args(way.options).arg(program).arg(way.name).current_dir(directory);
    if way.said == Said::Fault {
        command.arg(add_on(directory)?);
    }
    if way.name == "huge" {
        command.env("NODE_OPTIONS", LIMIT_OPTION);
    }
    command.stdin(Stdio::null()).stdout(File::create(&stdout)?).stderr(File::create(&stderr)?);
    let mut process = Running(command.spawn().context("cannot run it")?);
    let start = Instant::now();
    let ended = loop {
        if way.said == Said::Exit && fs::read_to_string(&stdout)?.contains("READY ") {
            take_core::gcore(process.0.id(), directory)?;
            break None;
        }
        if let Some(status) = process.0.try_wait()? {
            break Some(status);
        }
        ensure!(start.elapsed() < PATIENCE, "it did not end within {} s", PATIENCE.as_secs());
        sleep(Duration::from_millis(20));
    };
    match ended {
        None => {}
        Some(_) if by_gdb => ensure!(directory.join("core").is_file(), "gdb took no core"),
        Some(status) => {
            ensure!(!status.success() && way.said != Said::Exit, "it ended with {status}");
            let written = take_core::kernel_core(directory, process.0.id())?;
            fs::rename(written, directory.join("core"))?;
        }
    }
    Ok(String::from_utf8_lossy(&fs::read(stderr)?).into_owned())
}

/// Compiles the add-on.
fn add_on(directory: &Path) -> Result<PathBuf> {
    let made = directory.join("fault.node");
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&made)
        .arg(places::scenarios().join("endings.c"))
        .status()
        .context("cannot run cc")?;
    ensure!(status.success(), "the add-on does not compile");
    Ok(made)
}

/// What `::jscrash -j` says otherwise than the process.
fn differences(way: &Way, answer: &Value, stderr: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut same = |what: &str, ours: Option<&str>, theirs: Option<&str>| {
        if ours != theirs {
            found.push(format!("{what} is {ours:?}, and the process said {theirs:?}"));
        }
    };
    let ours = |name: &str| answer[name].as_str();
    let lines = || stderr.lines();
    same("the signal", ours("signal"), way.signal);
    match way.said {
        Said::Uncaught => {
            let text = lines().find_map(|line| line.strip_prefix("Uncaught "));
            same("the text", ours("text"), text);
            let from = lines().skip_while(|line| *line != "FROM").skip(1).filter(|line| !line.is_empty());
            let from: Vec<&str> = from.collect();
            let calls = answer["calls"].as_array().map_or(&[][..], Vec::as_slice);
            let calls: Vec<&str> = calls.iter().filter_map(Value::as_str).collect();
            // Early versions of V8 write all in one line.
            let joined = calls.concat();
            if let [line] = from[..]
                && calls.len() > 1
            {
                // As many of them as both have.
                let length = line.len().min(joined.len());
                same("the calls", joined.get(..length), line.get(..length));
            } else {
                for (index, line) in from.into_iter().take(calls.len()).enumerate() {
                    same(&format!("call {index}"), Some(calls[index]), Some(line));
                }
            }
            same("the number of calls", if calls.is_empty() { Some("none") } else { None }, None);
        }
        Said::Rejection => {
            let text = ours("text").unwrap_or("nothing");
            let said = lines().any(|line| line == text || line.trim_matches(['[', ']', '{', ' ']) == text);
            same("the text", Some(text), if said { Some(text) } else { Some(stderr) });
        }
        Said::OutOfMemory { from } => {
            let text = lines().find(|line| line.starts_with("FATAL ERROR: "));
            same("the text", ours("text").map(str::trim_end), text.map(str::trim_end));
            let collections = stderr
                .split("<--- Last few GCs --->")
                .nth(1)
                .and_then(|rest| rest.split("<--- JS stacktrace --->").next()?.split("FATAL ERROR: ").next());
            same(
                "what it says of collections",
                ours("lastCollections").map(str::trim),
                collections.map(str::trim),
            );
            let limit = (LIMIT << 20).to_string();
            same("the limit", Some(answer["firstHeapLimit"].to_string().as_str()), Some(limit.as_str()));
            let origin = format!("{LIMIT_OPTION} {from}");
            same("the origin of the limit", ours("heapLimitFrom"), Some(origin.as_str()));
        }
        Said::Abort => same("the text", ours("text"), Some("process.abort()")),
        Said::Assertion => {
            let (text, place) = lines().find_map(old_assertion).unwrap_or_else(|| {
                let text = lines().find_map(|line| Some(line.split_once("Assertion failed: ")?.1));
                // `node[123]: void node::fs::Open(...) at ../src/node_file.cc:2112`
                let place =
                    lines().find(|line| line.contains(" at ../src/")).and_then(|line| line.split_once("]: "));
                (text.unwrap_or_default().to_owned(), place.unwrap_or_default().1.to_owned())
            });
            same("the text", ours("text"), Some(format!("Assertion failed: {text}").as_str()));
            same("the place", ours("place"), Some(place.as_str()));
        }
        Said::Check => {
            let text = lines().find_map(|line| line.strip_prefix("# Check failed: "));
            let text = text.map(|text| format!("Check failed: {text}"));
            same("the text", ours("text"), text.as_deref());
        }
        Said::Fault => {
            same("the address", ours("address"), Some(FAULT));
            let native = ours("native").filter(|native| native.contains("write_to"));
            same("the native function", native.map(|_| "write_to"), Some("write_to"));
        }
        Said::Term => {
            let calls = answer["calls"].as_array().map_or(0, Vec::len);
            same("the number of calls", if calls == 0 { Some("none") } else { None }, None);
        }
        Said::Exit => {
            same("that it exits", Some(answer["exiting"].to_string().as_str()), Some("true"));
            same("the exit code", Some(answer["exitCode"].to_string().as_str()), Some("7"));
        }
    }
    found
}

/// What early releases write, as text and place of later ones:
/// ``node[123]: ../src/node_file.cc:1899:void node::fs::Open(...): Assertion `(argc) >= (3)' failed.``
fn old_assertion(line: &str) -> Option<(String, String)> {
    let (place, text) = line.split_once(": Assertion `")?;
    let text = text.split_once("' failed")?.0;
    let (_, place) = place.split_once("]: ")?;
    let (file, rest) = place.split_once(':')?;
    let (number, function) = rest.split_once(':')?;
    Some((text.to_owned(), format!("{function} at {file}:{number}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_process_wrote_is_compared_word_for_word() {
        let way = &WAYS[0];
        let stderr = "\nUncaught TypeError: x is not a function\n\nFROM\nrun (a.js:1:2)\nmain (a.js:3:4)\n";
        let answer =
            |text, call| json!({ "signal": "SIGTRAP", "text": text, "calls": [call, "main (a.js:3:4)"] });
        assert!(
            differences(way, &answer("TypeError: x is not a function", "run (a.js:1:2)"), stderr).is_empty()
        );
        assert_eq!(
            differences(way, &answer("TypeError: y is not a function", "run (a.js:1:2)"), stderr).len(),
            1
        );
        assert_eq!(
            differences(way, &answer("TypeError: x is not a function", "run (a.js:1:3)"), stderr).len(),
            1
        );
    }

    #[test]
    fn every_way_to_end_is_one_of_the_program() {
        let program = fs::read_to_string(places::scenarios().join("endings.js")).unwrap();
        for way in WAYS {
            assert!(program.contains(&format!("\n  {}() {{", way.name)), "{}", way.name);
        }
    }
}
