//! `cargo xtask retained`: what `::jsretained -s` says would be freed with a set of objects, against what V8 frees.
//!
//! `testdata/scenarios/sets.js` holds 1200 objects of all sorts in random sets that overlap. When its core has been taken it drops one set
//! after another, collects all garbage each time, and writes what V8 counts as used in its heap and outside of it. The difference must
//! be what the debugger says of the first set, of the first two together, and so on.
//!
//! Both must be equal, to the byte. The program sees to it that nothing else is freed: it has done all that it will do before, V8 makes no
//! code and forgets none, and objects of every shape stay. (With the last object of a shape V8 shortens its own lists of shapes, by some 40
//! bytes: these do not hang on the objects.)

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use test_support::scenarios::debugger::Debugger;

use crate::population::Population;
use crate::take_core::{self, Running};
use crate::{node_release, places};

/// So that V8 neither makes code nor forgets any, nor begins to learn. A version that does not know one of them does without.
const OPTIONS: [&str; 6] = [
    "--expose-gc",
    "--no-flush-bytecode",
    "--no-opt",
    "--no-sparkplug",
    "--no-maglev",
    "--no-lazy-feedback-allocation",
];
/// Random choices of sets on each line, if nothing is said.
const SEEDS: u64 = 3;

/// What V8 counts: twice before anything is dropped, then after each set.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Freed {
    heap_used: Vec<u64>,
    external: Vec<u64>,
}

pub fn run(arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let (population, mut arguments) = Population::of(arguments)?;
    let mut seeds = SEEDS;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("seeds") => seeds = arguments.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    let releases = population.releases();
    let executable = population.debugger()?;
    let (mut tried, mut failed) = (0, 0);
    for node in &releases {
        for seed in 1..=seeds {
            match check(&executable, node, seed) {
                Ok((sets, Sizes { objects, retained, outside })) => {
                    tried += sets;
                    println!(
                        "node {node}, choice {seed}: {sets} sets agree; the largest, of {objects} objects, frees {retained} bytes of the heap and {outside} outside"
                    );
                }
                Err(error) => {
                    failed += 1;
                    println!("node {node}, choice {seed} WRONG: {error:#}");
                }
            }
        }
    }
    ensure!(failed == 0, "{failed} choices of sets are not freed as ::jsretained -s says");
    println!("all {tried} sets are freed as ::jsretained -s says");
    Ok(())
}

/// What is said of a set.
#[derive(Debug, Default, Deserialize)]
struct Sizes {
    objects: u64,
    retained: u64,
    outside: u64,
}

/// Those of [`OPTIONS`] that a program knows, by its own list; it refuses others.
fn known_options(node: &Path) -> Result<Vec<&'static str>> {
    let listed = Command::new(node).arg("--v8-options").output().context("cannot run node")?;
    let listed = String::from_utf8_lossy(&listed.stdout);
    let names: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let is_known = |option: &&str| {
        let name = option.trim_start_matches("--");
        let name = name.strip_prefix("no-").unwrap_or(name);
        names.iter().any(|listed| listed.strip_prefix("--") == Some(name))
    };
    let known: Vec<&str> = OPTIONS.into_iter().filter(is_known).collect();
    ensure!(!known.is_empty(), "node does not list its options");
    Ok(known)
}

/// Returns how many sets agree, and what is said of the last, the largest.
fn check(executable: &Path, node: &str, seed: u64) -> Result<(u64, Sizes)> {
    let directory = tempfile::tempdir_in(places::target())?;
    let file = |name: &str| directory.path().join(name);
    let node = node_release::executable(node)?;
    let mut child = Command::new(&node)
        .args(known_options(&node)?)
        .arg(places::scenarios().join("sets.js"))
        .arg(format!("--seed={seed}"))
        .arg(format!("--go={}", file("go").display()))
        .arg(format!("--freed={}", file("freed.json").display()))
        .arg(format!("--report={}", file("process.json").display()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map(Running)
        .context("cannot run node")?;
    let output = child.0.stdout.take().context("no output")?;
    let is_ready = |line: String| line.starts_with("READY ");
    ensure!(
        BufReader::new(output).lines().map_while(std::result::Result::ok).any(is_ready),
        "the program has ended"
    );
    std::thread::sleep(Duration::from_millis(300));
    take_core::gcore(child.0.id(), directory.path())?;
    fs::write(file("go"), "")?;
    let status = child.0.wait()?;
    ensure!(status.success(), "the program failed ({status})");
    let freed: Freed = serde_json::from_str(&fs::read_to_string(file("freed.json"))?)?;
    let report: serde_json::Value = serde_json::from_str(&fs::read_to_string(file("process.json"))?)?;
    let sets = report["sets"].as_u64().context("the program does not say how many sets it has")?;
    ensure!(
        freed.heap_used[0] == freed.heap_used[1] && freed.external[0] == freed.external[1],
        "V8 frees something even if nothing is dropped"
    );
    let debugger = Debugger::new(executable.to_owned(), &file("core"));
    let lines: Vec<String> = (0..sets)
        .map(|last| {
            format!(
                "::findjsobjects -c Piece | ::findjsobjects | ::where 'first >= 0 && first <= {last}' | ::jsretained -s -j"
            )
        })
        .collect();
    let answers = debugger.session(&lines)?;
    ensure!(answers.len() as u64 == sets, "not all sets are answered");
    let mut last = Sizes::default();
    for (at, answer) in answers.iter().enumerate() {
        let said: Sizes = serde_json::from_str(answer.trim())
            .with_context(|| format!("of the first {} sets it says: {answer}", at + 1))?;
        let fell = |counts: &[u64]| counts[1].saturating_sub(counts[at + 2]);
        let (in_heap, external) = (fell(&freed.heap_used), fell(&freed.external));
        ensure!(
            (said.retained, said.outside) == (in_heap, external),
            "the first {} sets retain {} bytes and {} outside, V8 frees {in_heap} and {external}",
            at + 1,
            said.retained,
            said.outside
        );
        last = said;
    }
    Ok((sets, last))
}
