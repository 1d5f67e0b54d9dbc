//! `cargo xtask fuzz`: the fuzz targets of `fuzz/`, with stable Rust.
//!
//! LLVM's coverage instrumentation is in the compiler; only the options that name it are not. What a target begins with is made by
//! code ([`seeds`]) or was kept from former runs: a small set of inputs that covers what all of them did (`fuzz/corpora`, see
//! [`corpora`]), and every input that once found something (`fuzz/findings`). What a run finds is left in `target/fuzz/findings`,
//! what covers more in `target/fuzz/corpus`.

mod corpora;
mod libfuzzer;
mod record;
mod seeds;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::{places, support_matrix};
use libfuzzer::{Budget, Round};
use record::Record;

pub use record::{read, with_commas, write};

/// The options of the compiler: see `SanitizerCoverage` in LLVM's documentation.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing";

/// The machine that the debugger is for; named, so that build scripts are built without the options.
const MACHINE: &str = "x86_64-unknown-linux-gnu";

/// One process runs for no longer: what it remembers of former inputs would be in the way of the next ones.
const ROUND: Duration = Duration::from_secs(100);
/// The same of a swift one, which remembers little.
const SWIFT_ROUND: Duration = Duration::from_secs(300);

/// A fuzz target.
#[derive(Debug)]
pub struct Target {
    pub name: &'static str,
    /// The longest input in bytes.
    longest: u32,
    /// What it is given.
    given: &'static str,
}

/// Sorted by name.
pub const TARGETS: &[Target] = &[
    Target { name: "container", longest: 1 << 16, given: "compressed cores: zstd frames, and cores in them" },
    Target { name: "core", longest: 1 << 16, given: "core files, and heaps in them" },
    Target { name: "demangle", longest: 512, given: "mangled names" },
    Target { name: "expressions", longest: 512, given: "JavaScript expressions" },
    Target { name: "heap", longest: 1024, given: "a small heap, damaged, found and indexed anew each time" },
    Target { name: "lines", longest: 512, given: "command lines, parsed" },
    Target { name: "notes", longest: 8192, given: "notes of a core, embedded symbols among them" },
    Target { name: "objects", longest: 256, given: "objects of real heaps, damaged, and dcmds on them" },
    Target {
        name: "pages",
        longest: 256,
        given: "pages and objects of real heaps, damaged, walked and asked one by one",
    },
    Target { name: "program", longest: 1 << 15, given: "executables: symbols and `.eh_frame`" },
    Target { name: "session", longest: 256, given: "command lines of a session" },
    Target { name: "snapshot_file", longest: 1 << 13, given: "heap snapshots, and all that is asked of one" },
    Target { name: "source_map", longest: 4096, given: "source maps" },
    Target { name: "store", longest: 512, given: "kept parts of an index" },
];

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    List,
    Build,
    Replay,
    Run,
    Keep,
}

pub fn run(mut arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let (mut verb, mut wanted, mut report) = (Verb::Run, Vec::new(), None);
    let (mut time, mut runs, mut as_built, mut only_swift) = (None, None, false, false);
    let mut at_once = 1;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("target") => wanted.push(arguments.value()?.string()?),
            Long("minutes") => time = Some(Duration::from_secs(60 * arguments.value()?.parse::<u64>()?)),
            Long("seconds") => time = Some(Duration::from_secs(arguments.value()?.parse()?)),
            Long("runs") => runs = Some(arguments.value()?.parse::<u64>()?),
            // What was built before runs on while the sources are worked at.
            Long("as-built") => as_built = true,
            Long("at-once") => at_once = arguments.value()?.parse::<usize>()?.max(1),
            Long("swift") => only_swift = true,
            Long("report") => report = Some(PathBuf::from(arguments.value()?)),
            Value(word) => {
                verb = match word.to_str() {
                    Some("list") => Verb::List,
                    Some("build") => Verb::Build,
                    Some("replay") => Verb::Replay,
                    Some("run") => Verb::Run,
                    Some("keep") => Verb::Keep,
                    _ => bail!("`{}` is none of list, build, replay, run and keep", word.to_string_lossy()),
                }
            }
            other => return Err(other.unexpected().into()),
        }
    }
    if let Some(unknown) = wanted.iter().find(|name| !TARGETS.iter().any(|target| target.name == **name)) {
        bail!("no target is called `{unknown}`; `cargo xtask fuzz list` names them");
    }
    let targets: Vec<&'static Target> = TARGETS
        .iter()
        .filter(|target| wanted.is_empty() || wanted.iter().any(|name| name == target.name))
        .collect();
    if verb == Verb::List {
        for target in targets {
            println!("{:12} {}", target.name, target.given);
        }
        return Ok(());
    }
    if !as_built {
        build()?;
    }
    let budget = match (verb, time, runs) {
        (Verb::Run, time, Some(runs)) => Budget { time: time.unwrap_or(Duration::MAX), runs },
        (Verb::Run, time, None) => Budget { time: time.unwrap_or(Duration::from_secs(60)), runs: u64::MAX },
        _ => Budget { time: Duration::ZERO, runs: 0 },
    };
    let mut rounds = Vec::new();
    if verb != Verb::Build {
        for target in &targets {
            seeds::write(target.name)?;
            corpora::unpack(target.name)?;
        }
    }
    match verb {
        Verb::Replay => {
            for target in &targets {
                rounds.push(libfuzzer::replay(target)?);
            }
        }
        Verb::Keep => {
            for target in &targets {
                corpora::pack(target)?;
            }
        }
        Verb::Run => rounds = run_all(&targets, budget, only_swift, at_once)?,
        Verb::List | Verb::Build => {}
    }
    if let Some(report) = report {
        support_matrix::write(&report, "fuzz", &Record::report()?.table()?)?;
    }
    let wrong: Vec<&str> = rounds.iter().filter(|round| !round.fine).map(|round| round.target).collect();
    ensure!(
        wrong.is_empty(),
        "findings of {} are in {}; to keep one: move it to fuzz/findings",
        wrong.join(", "),
        home().join("findings").display()
    );
    Ok(())
}

/// Runs targets in turns, so many at once, each until its budget is spent or it has found something. Every second round is a swift one,
/// or all are.
fn run_all(
    targets: &[&'static Target],
    budget: Budget,
    only_swift: bool,
    at_once: usize,
) -> Result<Vec<Round>> {
    let mut left: Vec<(&'static Target, Budget)> = targets.iter().map(|target| (*target, budget)).collect();
    let mut last: Vec<Round> = Vec::new();
    for turn in 0.. {
        if left.is_empty() {
            break;
        }
        let is_swift = only_swift || turn % 2 == 1;
        let longest = if is_swift { SWIFT_ROUND } else { ROUND };
        let mut next = Vec::new();
        for some in left.chunks(at_once) {
            let rounds: Vec<Result<Round>> = thread::scope(|scope| {
                let run = |(target, budget): (&'static Target, Budget)| {
                    libfuzzer::run(target, budget.at_most(longest), is_swift)
                };
                let started: Vec<_> = some.iter().map(|it| scope.spawn(move || run(*it))).collect();
                started.into_iter().map(|it| it.join().expect("a round does not panic")).collect()
            });
            for (round, (target, budget)) in rounds.into_iter().zip(some) {
                let round = round?;
                Record::add(&round)?;
                let rest = budget.without(&round);
                if round.fine && !rest.is_spent() {
                    next.push((*target, rest));
                }
                last.retain(|other| other.target != round.target);
                last.push(round);
            }
        }
        left = next;
    }
    Ok(last)
}

fn home() -> PathBuf {
    places::target().join("fuzz")
}

/// A directory of a target, made if it is not there.
fn directory(of: &str, target: &str) -> Result<PathBuf> {
    let path = home().join(of).join(target);
    fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
    Ok(path)
}

/// What is kept of targets in the repository.
fn kept() -> PathBuf {
    places::workspace().join("fuzz")
}

fn program(target: &str) -> PathBuf {
    home().join(MACHINE).join("release").join(target)
}

fn build() -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--release", "--bins", "--target", MACHINE, "--manifest-path"])
        .arg(kept().join("Cargo.toml"))
        .arg("--target-dir")
        .arg(home())
        .env("RUSTFLAGS", FLAGS)
        .status()
        .context("cannot run cargo")?;
    ensure!(built.success(), "the fuzz targets do not build (libFuzzer needs a C++ compiler)");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_built_and_run() {
        let manifest = fs::read_to_string(kept().join("Cargo.toml")).unwrap();
        let mut built: Vec<&str> = manifest
            .lines()
            .filter_map(|line| line.strip_prefix("path = \"targets/")?.strip_suffix(".rs\""))
            .collect();
        built.sort_unstable();
        let mut files: Vec<String> = fs::read_dir(kept().join("targets"))
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        files.sort();
        assert_eq!(files, built);
        assert_eq!(TARGETS.iter().map(|target| target.name).collect::<Vec<_>>(), built);
    }

    #[test]
    fn what_is_kept_belongs_to_a_target() {
        for directory in ["corpora", "findings", "dictionaries"] {
            let Ok(entries) = fs::read_dir(kept().join(directory)) else { continue };
            for entry in entries {
                let path = entry.unwrap().path();
                let name = path.file_stem().unwrap().to_str().unwrap();
                assert!(TARGETS.iter().any(|target| target.name == name), "{}", path.display());
            }
        }
    }
}
