//! `cargo xtask calls`: the JavaScript functions on a stack against what the program says of them.
//!
//! `testdata/scenarios/stacks.js` stops deep in calls of every kind, with what `new Error().stack` says at that moment. It runs once as it
//! is, and once with all of its functions compiled by each of V8's compilers. Every function must be there, in order, as V8 itself
//! writes it: name, receiver, `new`, file, line and column, of WebAssembly the place in the module. The innermost is left out: it stops at another line than the one on which it
//! took the trace.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use test_support::scenarios::debugger::Debugger;

use crate::judgement::Answer;
use crate::population::Population;
use crate::scenario::Scenario;
use crate::take_core::{self, Request, Start, Writer};

/// What runs.
const SCENARIO: &str = "stacks";
/// What its functions are compiled with.
const TIERS: [Option<&str>; 4] = [None, Some("baseline"), Some("maglev"), Some("turbofan")];
/// Failures printed of each release.
const SHOWN: usize = 6;
/// The function that takes the trace.
const INNERMOST: &str = "freeze ";
/// Functions of V8's own that are on the stack, and that no stack trace shows: they are outermost.
const HIDDEN: [&str; 2] = ["<anonymous>", "runMicrotasks (<anonymous>)"];

pub fn run(arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let (population, mut arguments) = Population::of(arguments)?;
    let (mut writer, mut keep) = (Writer::Gdb, false);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("kernel") => writer = Writer::Kernel,
            Long("keep") => keep = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let releases = population.releases();
    let executable = population.debugger()?;
    let mut failed = 0;
    for node in &releases {
        let answer = compare(&executable, node, writer, keep)?;
        println!("node {node:8} {}", answer.compared);
        for failure in answer.failures.iter().take(SHOWN) {
            println!("    {failure}");
        }
        if answer.failures.len() > SHOWN {
            println!("    and {} more", answer.failures.len() - SHOWN);
        }
        failed += usize::from(!answer.failures.is_empty());
    }
    ensure!(failed == 0, "the stacks of {failed} of {} releases are not read right", releases.len());
    Ok(())
}

/// All cores of one release.
pub fn compare(executable: &Path, node: &str, writer: Writer, keep: bool) -> Result<Answer> {
    let mut found = Found::default();
    for tier in TIERS {
        let name = tier.unwrap_or("own");
        let how = if writer == Writer::Kernel { "-kernel" } else { "" };
        let directory = take_core::directory_of(&format!("{SCENARIO}-{name}{how}"), node);
        let was_there = directory.join("core").is_file();
        take_core::take_once(&Request {
            node: node.to_owned(),
            scenario: Scenario::find(SCENARIO)?,
            directory: directory.clone(),
            writer,
            snapshot: false,
            arguments: tier.map(|tier| format!("--tier={tier}")).into_iter().collect(),
            start: Start::default(),
            stage: None,
        })?;
        let one = compare_one(executable, &directory);
        if !keep && !was_there {
            fs::remove_dir_all(&directory)?;
        }
        found.add(name, one.with_context(|| format!("compiled by {name}"))?);
    }
    Ok(found.answer())
}

/// What was compared.
#[derive(Debug, Default, PartialEq)]
struct Found {
    calls: usize,
    optimized: usize,
    merged: usize,
    failures: Vec<String>,
}

impl Found {
    fn add(&mut self, name: &str, other: Found) {
        self.calls += other.calls;
        self.optimized += other.optimized;
        self.merged += other.merged;
        self.failures.extend(other.failures.into_iter().map(|failure| format!("{name}: {failure}")));
    }

    fn answer(mut self) -> Answer {
        if self.optimized == 0 || self.merged == 0 {
            self.failures.push("no function was compiled with optimizations, or none was merged".to_owned());
        }
        Answer {
            compared: format!("{} ({} optimized, {} merged)", self.calls, self.optimized, self.merged),
            failures: self.failures,
        }
    }
}

fn compare_one(executable: &Path, directory: &Path) -> Result<Found> {
    let report = fs::read_to_string(directory.join("process.json")).context("no report of the process")?;
    let report: Value = serde_json::from_str(&report)?;
    let stack = report["stack"].as_str().context("the program has not said where it is")?;
    let debugger = Debugger::new(executable.to_owned(), &directory.join("core"));
    let ours = debugger.evaluate("::jsstack -j")?;
    let ours: Vec<Value> = ours.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    compare_lines(stack, &ours)
}

/// A stack trace against lines of `::jsstack -j`.
fn compare_lines(stack: &str, ours: &[Value]) -> Result<Found> {
    let theirs: Vec<&str> = stack
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("at "))
        .filter(|line| !line.starts_with("async "))
        .collect();
    let text = |frame: &Value| frame["text"].as_str().unwrap_or_default().to_owned();
    let innermost = ours.iter().position(|frame| text(frame).starts_with(INNERMOST));
    let ours = &ours[innermost.context("the function that stops is not on the stack")? + 1..];
    let theirs = theirs.get(1..).context("the program's stack is empty")?;
    let mut found = Found::default();
    for (index, line) in theirs.iter().enumerate() {
        let own = ours.get(index).map(text).unwrap_or_default();
        // Up to 12.4 V8 forgets `new` where Maglev's code calls a constructor.
        let is_same = own == **line || own.strip_prefix("new ") == Some(line);
        if !is_same || !ours.get(index).is_some_and(|frame| frame["exact"] == true) {
            found.failures.push(format!("call {index} is {line}, found {own}"));
        }
    }
    for more in ours.iter().skip(theirs.len()).map(text).filter(|text| !HIDDEN.contains(&text.as_str())) {
        found.failures.push(format!("{more} is not in the program's stack"));
    }
    let is_optimized = |frame: &&Value| matches!(frame["tier"].as_str(), Some("Maglev" | "TurboFan"));
    found.calls = theirs.len();
    found.optimized = ours.iter().filter(is_optimized).count();
    found.merged = ours.iter().filter(|frame| frame["inlined"] == true).count();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const STACK: &str = "Error: here\n    at freeze (a.js:1:2)\n    at run (a.js:3:4)\n    at new Point (a.js:5:6)\n    \
                         at async main (a.js:7:8)";

    fn frame(text: &str, tier: &str, exact: bool) -> Value {
        json!({ "text": text, "tier": tier, "exact": exact, "inlined": tier == "TurboFan" })
    }

    #[test]
    fn a_stack_is_compared_call_by_call() {
        let ours = [
            frame("abort (<anonymous>)", "builtin", true),
            frame("freeze (a.js:9:9)", "interpreted", true),
            frame("run (a.js:3:4)", "TurboFan", true),
            frame("new Point (a.js:5:6)", "Maglev", true),
            frame("<anonymous>", "builtin", true),
        ];
        let found = compare_lines(STACK, &ours).unwrap();
        assert_eq!(found, Found { calls: 2, optimized: 2, merged: 1, failures: Vec::new() });
        assert!(compare_lines(STACK, &ours[2..]).is_err(), "nothing to begin with");
    }

    #[test]
    fn another_column_a_missing_call_and_one_too_many_are_told() {
        let ours = |second: &str, exact| {
            [
                frame("freeze (a.js:9:9)", "baseline", true),
                frame("run (a.js:3:4)", "baseline", true),
                frame(second, "baseline", exact),
            ]
        };
        assert_eq!(compare_lines(STACK, &ours("new Point (a.js:5:7)", true)).unwrap().failures.len(), 1);
        assert_eq!(
            compare_lines(STACK, &ours("new Point (a.js:5:6)", false)).unwrap().failures.len(),
            1,
            "near"
        );
        assert_eq!(compare_lines(STACK, &ours("", true)[..2]).unwrap().failures.len(), 1);
        let mut more = ours("new Point (a.js:5:6)", true).to_vec();
        more.push(frame("other (a.js:1:1)", "baseline", true));
        assert_eq!(
            compare_lines(STACK, &more).unwrap().failures,
            ["other (a.js:1:1) is not in the program's stack"]
        );
    }
}
