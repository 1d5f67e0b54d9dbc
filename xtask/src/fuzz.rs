//! `cargo xtask fuzz`: the fuzz targets of `fuzz/`, with stable Rust.
//!
//! LLVM's coverage instrumentation is in the compiler; only the options that name it are not. Seeds are made by code, findings of
//! former runs are in `fuzz/regressions`, words that targets like in `fuzz/dictionaries`. What a run finds is left in
//! `target/fuzz/findings`, what covers more in `target/fuzz/corpus`.

mod seeds;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::places;

/// The options of the compiler: see `SanitizerCoverage` in LLVM's documentation.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing";

/// The machine that the debugger is for; named, so that build scripts are built without the options.
const MACHINE: &str = "x86_64-unknown-linux-gnu";

/// The targets, and the longest input of each in bytes.
pub const TARGETS: &[(&str, u32)] = &[
    ("container", 1 << 16),
    ("core", 1 << 16),
    ("demangle", 512),
    ("expressions", 512),
    ("heap", 1024),
    ("lines", 512),
    ("notes", 8192),
    ("program", 1 << 15),
    ("session", 256),
    ("source_map", 4096),
    ("store", 512),
];

/// One run.
struct Done {
    target: &'static str,
    runs: u64,
    edges: u64,
    inputs: u64,
    fine: bool,
}

pub fn run(mut arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let (mut wanted, mut each, mut build_only, mut replay) =
        (Vec::new(), Duration::from_secs(60), false, false);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("target") => wanted.push(arguments.value()?.string()?),
            Long("minutes") => each = Duration::from_secs(60 * arguments.value()?.parse::<u64>()?),
            Long("seconds") => each = Duration::from_secs(arguments.value()?.parse()?),
            Long("build") => build_only = true,
            Long("replay") => replay = true,
            other => return Err(other.unexpected().into()),
        }
    }
    if let Some(unknown) = wanted.iter().find(|name| !TARGETS.iter().any(|(target, _)| target == name)) {
        let names: Vec<_> = TARGETS.iter().map(|(target, _)| *target).collect();
        bail!("no target is called `{unknown}` (there are {})", names.join(", "));
    }
    build()?;
    if build_only {
        return Ok(());
    }
    let programs = home().join(MACHINE).join("release");
    seeds::write(&home().join("seeds")).context("cannot write the seeds")?;
    let mut all = Vec::new();
    for (target, longest) in
        TARGETS.iter().filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|w| w == name))
    {
        all.push(fuzz(&programs, target, *longest, (!replay).then_some(each))?);
    }
    println!("| Target | Runs | Edges | Inputs | |\n| --- | ---: | ---: | ---: | --- |");
    for done in &all {
        let told = if done.fine { "fine" } else { "**a finding**" };
        println!("| `{}` | {} | {} | {} | {told} |", done.target, done.runs, done.edges, done.inputs);
    }
    ensure!(all.iter().all(|done| done.fine), "findings are in {}", home().join("findings").display());
    Ok(())
}

fn home() -> PathBuf {
    places::target().join("fuzz")
}

fn build() -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--release", "--bins", "--target", MACHINE, "--manifest-path"])
        .arg(places::workspace().join("fuzz/Cargo.toml"))
        .arg("--target-dir")
        .arg(home())
        .env("RUSTFLAGS", FLAGS)
        .status()
        .context("cannot run cargo")?;
    ensure!(built.success(), "the fuzz targets do not build");
    Ok(())
}

/// Runs a target for some time; or, without, only on what is known.
fn fuzz(programs: &Path, target: &'static str, longest: u32, time: Option<Duration>) -> Result<Done> {
    let directory = |of: &str| -> Result<PathBuf> {
        let path = home().join(of).join(target);
        fs::create_dir_all(&path)?;
        Ok(path)
    };
    let (corpus, findings) = (directory("corpus")?, directory("findings")?);
    let own = places::workspace().join("fuzz");
    let mut command = Command::new(programs.join(target));
    command
        .args([&corpus, &home().join("seeds").join(target), &own.join("regressions").join(target)])
        .arg(format!("-artifact_prefix={}/", findings.display()))
        .arg(format!("-max_len={longest}"))
        .args(["-print_final_stats=1", "-timeout=20", "-rss_limit_mb=3000", "-verbosity=1"]);
    match time {
        Some(time) => command.arg(format!("-max_total_time={}", time.as_secs())),
        None => command.arg("-runs=0"),
    };
    let dictionary = own.join("dictionaries").join(format!("{target}.dict"));
    if dictionary.is_file() {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    fs::create_dir_all(own.join("regressions").join(target))?;
    let output = command.output().with_context(|| format!("cannot run {target}"))?;
    let log = String::from_utf8_lossy(&output.stderr);
    let fine = output.status.success();
    if !fine {
        eprintln!("{log}");
    }
    let last = |mark: &str| {
        let (_, behind) = log.rsplit_once(mark)?;
        behind.trim_start().split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    let done = Done {
        target,
        runs: last("stat::number_of_executed_units:").unwrap_or(0),
        edges: last(" cov: ").unwrap_or(0),
        inputs: last(" corp: ").unwrap_or(0),
        fine,
    };
    eprintln!("{target}: {} runs, {} edges", done.runs, done.edges);
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_built_and_run() {
        let manifest = fs::read_to_string(places::workspace().join("fuzz/Cargo.toml")).unwrap();
        let built: Vec<&str> = manifest
            .lines()
            .filter_map(|line| line.strip_prefix("path = \"targets/")?.strip_suffix(".rs\""))
            .collect();
        let mut files: Vec<String> = fs::read_dir(places::workspace().join("fuzz/targets"))
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        files.sort();
        let mut listed = built.clone();
        listed.sort_unstable();
        assert_eq!(files, listed);
        assert_eq!(TARGETS.iter().map(|(target, _)| *target).collect::<Vec<_>>(), listed);
    }
}
