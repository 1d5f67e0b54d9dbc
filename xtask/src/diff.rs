//! `cargo xtask diff`: what has grown from one core of `testdata/scenarios/growth.js` to the next, on every line of Node.js: against
//! what the program makes at each stage, and against the difference of V8's own heap snapshots.
//!
//! The cores are whole ones; those that ship are trimmed.

use std::path::Path;

use anyhow::{Result, ensure};
use test_support::scenarios::debugger::Debugger;
use test_support::scenarios::{growth, shipped};

use crate::heap_snapshot::HeapSnapshot;
use crate::population::Population;
use crate::scenario::Scenario;
use crate::take_core::{self, Request, Start, Writer};

/// Stages that are put side by side, the last being the core of the session.
const TOGETHER: [&[usize]; 4] = [&[1, 2], &[1, 3], &[2, 3], &[1, 2, 3]];

pub fn run(arguments: lexopt::Parser) -> Result<()> {
    let population = Population::only(arguments)?;
    let executable = population.debugger()?;
    let nodes = population.releases();
    let mut failures = Vec::new();
    for node in &nodes {
        let mut directories = Vec::new();
        let mut truths = Vec::new();
        for stage in 1..=shipped::LAST_STAGE {
            let directory = take_core::directory_of(&format!("{}-{stage}", shipped::GROWTH), node);
            take_core::take_once(&Request {
                node: node.clone(),
                scenario: Scenario::find(shipped::GROWTH)?,
                directory: directory.clone(),
                writer: Writer::Gdb,
                snapshot: true,
                arguments: vec![format!("--stage={stage}")],
                start: Start::default(),
                stage: None,
            })?;
            truths.push(HeapSnapshot::read(&directory.join("v8.heapsnapshot"))?.objects);
            directories.push(directory.join("core"));
        }
        for stages in TOGETHER {
            let of = |stage: &usize| directories[stage - 1].as_path();
            let cores: Vec<&Path> = stages.iter().map(of).collect();
            let counts: Vec<_> = stages.iter().map(|stage| truths[stage - 1].clone()).collect();
            let debugger = Debugger::new(executable.clone(), cores[cores.len() - 1]);
            let found = growth::check(&debugger, stages, &cores, &counts)?;
            println!(
                "node {node}, stages {stages:?}: {}",
                if found.is_empty() { "as it should be" } else { "differs" }
            );
            failures.extend(found.into_iter().map(|failure| format!("node {node}, {failure}")));
        }
    }
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}
