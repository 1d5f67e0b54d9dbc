//! `cargo xtask pending`: a program with something of every kind that it waits for, on every supported line: timers, ticks, handles,
//! requests and await chains must be those that the program and Node.js list themselves.
//!
//! What is true the program says itself (`testdata/scenarios/pending.js`). The cores are kept for the next run.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use test_support::scenarios::debugger::Debugger;
use test_support::scenarios::pending::check;

use crate::judgement::Answer;
use crate::population::Population;
use crate::scenario::Scenario;
use crate::take_core::{self, Request, Start, Writer};

pub fn run(arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let (population, mut arguments) = Population::of(arguments)?;
    let mut calls = Vec::new();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("calls") => calls.push(arguments.value()?.parse::<u64>()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let releases = population.releases();
    if calls.is_empty() {
        calls = vec![11, 1000];
    }
    let executable = population.debugger()?;
    let mut failed = 0;
    for node in &releases {
        for calls in &calls {
            match one(&executable, node, *calls) {
                Ok(found) => println!("node {node}, {calls} calls: {found}"),
                Err(error) => {
                    failed += 1;
                    println!("node {node}, {calls} calls WRONG: {error:#}");
                }
            }
        }
    }
    ensure!(failed == 0, "{failed} programs wait for something else");
    Ok(())
}

/// The answer to the question `pending` of a release: the program collects no garbage before its core is taken, so that most of what
/// it waits for is in the young generation.
pub fn compare(executable: &Path, node: &str, keep: bool) -> Result<Answer> {
    const CALLS: u64 = 11;
    let directory = directory_of(node, CALLS);
    let was_there = directory.join("core").is_file();
    let found = one(executable, node, CALLS);
    if !keep && !was_there && directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    let told = found?;
    let parts: Vec<&str> = told
        .split(", ")
        .filter(|part| ["chains", "promises"].iter().any(|end| part.ends_with(end)))
        .collect();
    Ok(Answer { compared: parts.join(", "), failures: Vec::new() })
}

fn directory_of(node: &str, calls: u64) -> PathBuf {
    take_core::directory_of(&format!("pending-{calls}"), node)
}

fn one(executable: &Path, node: &str, calls: u64) -> Result<String> {
    let directory = directory_of(node, calls);
    take_core::take_once(&Request {
        node: node.to_owned(),
        scenario: Scenario::find("pending")?,
        directory: directory.clone(),
        writer: Writer::Gdb,
        snapshot: false,
        arguments: vec![format!("--calls={calls}")],
        start: Start::default(),
        stage: None,
    })?;
    let report = serde_json::from_str(&fs::read_to_string(directory.join("process.json"))?)?;
    check(&Debugger::new(executable.to_owned(), &directory.join("core")), &report)
}
