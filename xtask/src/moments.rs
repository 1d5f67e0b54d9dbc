//! `cargo xtask moments`: stacks of a busy service that is aborted at any moment.
//!
//! `testdata/scenarios/moments.js` is sent SIGABRT after a time that is drawn anew, and the kernel writes the core. Every thread's stack must
//! lead to the function that every thread begins with, without a frame that had to be guessed, and every JavaScript function on it must
//! have a place. How many of the cores had JavaScript on the stack, and which tiers ran it, is told.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use test_support::scenarios::debugger::Debugger;

use crate::population::Population;
use crate::take_core::{self, Running};
use crate::{node_release, places};

/// Cores of each release if nothing is said.
const RUNS: usize = 13;
/// What is given up for.
const PATIENCE: Duration = Duration::from_secs(60);
/// It works so long at most before it is aborted, in milliseconds.
const LONGEST: u64 = 2500;
/// The functions that threads begin with: the main thread, and others.
const OUTERMOST: [&str; 3] = ["_start+", "clone3+", "clone+"];
/// What `::stack` says of a frame that is not known.
const GUESS: &str = "[a guess";
/// What it says of one whose function has no frame yet, by the instruction that comes next.
const BEGUN: &str = "[from the top";

pub fn run(arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let (population, mut arguments) = Population::of(arguments)?;
    let mut runs = RUNS;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("runs") => runs = arguments.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    let releases = population.releases();
    take_core::require_kernel_cores()?;
    let executable = population.debugger()?;
    let mut failed = 0;
    for node in &releases {
        let mut found = Found::default();
        for _ in 0..runs {
            let directory = tempfile::tempdir()?;
            take(node, directory.path()).with_context(|| node.clone())?;
            found.look_at(&Debugger::new(executable.clone(), &directory.path().join("core")))?;
        }
        println!(
            "node {node:8} {} cores, {} with JavaScript on the stack; {} stacks, {} functions {:?}, {} without a place{}, {} approximate; \
             {} had only begun",
            found.cores,
            found.with_javascript,
            found.stacks,
            found.functions,
            found.tiers,
            found.without_place.len(),
            found.without_place.iter().map(|text| format!(" {text}")).collect::<String>(),
            found.approximate,
            found.begun,
        );
        for failure in &found.failures {
            println!("    {failure}");
        }
        failed += usize::from(!found.failures.is_empty());
    }
    ensure!(failed == 0, "stacks of {failed} of {} releases are not whole", releases.len());
    Ok(())
}

/// Takes the core, `core` in a directory.
fn take(node: &str, directory: &Path) -> Result<()> {
    let stdout = directory.join("stdout");
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -c unlimited && exec \"$0\" \"$@\""]);
    command.arg(node_release::executable(node)?).arg(places::scenarios().join("moments.js"));
    command.current_dir(directory).stdin(Stdio::null()).stdout(File::create(&stdout)?).stderr(Stdio::null());
    let mut process = Running(command.spawn().context("cannot run node")?);
    let start = Instant::now();
    while !fs::read_to_string(&stdout)?.contains("READY ") {
        ensure!(process.0.try_wait()?.is_none() && start.elapsed() < PATIENCE, "it was not ready");
        sleep(Duration::from_millis(10));
    }
    let drawn = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.subsec_nanos();
    sleep(Duration::from_micros(u64::from(drawn) / 1000 * 7919 % (1000 * LONGEST)));
    let pid = process.0.id();
    let status = Command::new("kill").args(["-ABRT", &pid.to_string()]).status()?;
    ensure!(status.success(), "it cannot be sent a signal");
    process.0.wait()?;
    fs::rename(take_core::kernel_core(directory, pid)?, directory.join("core"))?;
    Ok(())
}

/// What was seen.
#[derive(Default)]
struct Found {
    cores: usize,
    with_javascript: usize,
    stacks: usize,
    functions: usize,
    begun: usize,
    without_place: Vec<String>,
    approximate: usize,
    tiers: BTreeMap<String, usize>,
    failures: Vec<String>,
}

impl Found {
    fn look_at(&mut self, debugger: &Debugger) -> Result<()> {
        self.cores += 1;
        let threads = debugger.evaluate("::walk thread | ::count")?;
        let threads: usize = threads.trim().parse().context("::count prints no number")?;
        let stacks = debugger.evaluate("::walk thread | ::stack")?;
        self.stacks += threads;
        let ends =
            stacks.lines().filter(|line| OUTERMOST.iter().any(|outermost| line.contains(outermost))).count();
        if ends != threads {
            self.failures.push(format!("{ends} of {threads} stacks lead to where threads begin:\n{stacks}"));
        }
        for guess in stacks.lines().filter(|line| line.contains(GUESS)) {
            self.failures.push(format!("a frame was guessed: {guess}"));
        }
        self.begun += stacks.lines().filter(|line| line.contains(BEGUN)).count();
        // It fails where there is none.
        let Ok(functions) = debugger.evaluate("::jsstack -j") else { return Ok(()) };
        self.with_javascript += 1;
        for line in functions.lines() {
            let function: Value = serde_json::from_str(line)?;
            self.functions += 1;
            let tier = function["tier"].as_str().unwrap_or("?").to_owned();
            if tier == "unknown" {
                self.failures.push(format!("nothing is known to run {}", function["text"]));
            }
            if tier != "builtin" && function["line"].is_null() {
                self.without_place.push(function["text"].to_string());
            }
            *self.tiers.entry(tier).or_default() += 1;
            self.approximate += usize::from(function["exact"] != true);
        }
        Ok(())
    }
}
