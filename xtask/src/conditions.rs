//! `cargo xtask conditions`: the same program as in `releases`, under every condition that changes how V8 lays out, compiles,
//! collects or starts: sets of flags, many workers and contexts, a single executable, a startup snapshot, a binary without symbols
//! or gone, and deaths of which the kernel writes the core.
//!
//! Of a death gdb takes a core as well, at the very signal that it is of: both cores must hold the same objects, alive and not.
//! A condition that a release does not know is skipped, and the reason said. `--build NAME=EXECUTABLE` adds a Node.js that somebody
//! else has built.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use test_support::scenarios::debugger::Debugger;

use crate::judgement::{self, Case, Judgement, QUESTIONS};
use crate::population::Population;
use crate::scenario::Scenario;
use crate::take_core::{self, Request, Start, Writer};
use crate::{node_release, places, support_matrix};

/// Sets of options of Node.js and V8, each of which changes something about the heap, the code or the threads.
const OPTIONS: &[&str] = &[
    "--jitless",
    "--stress-compaction",
    "--always-sparkplug",
    "--single-threaded",
    "--single-threaded-gc",
    "--minor-ms",
    "--lite-mode",
    "--shared-string-table",
    "--max-lazy",
    "--no-opt",
    "--no-lazy-feedback-allocation",
    "--maglev",
    "--no-maglev --no-sparkplug",
    "--always-turbofan",
    "--stress-maglev",
    "--stress-concurrent-inlining",
    "--gc-interval=500",
    "--random-gc-interval=2000",
    "--stress-scavenge=50",
    "--stress-marking=50",
    "--stress-incremental-marking",
    "--predictable",
    "--no-concurrent-recompilation",
    "--no-concurrent-marking --no-concurrent-sweeping",
    "--no-parallel-scavenge --no-parallel-compaction --no-parallel-marking",
    "--no-incremental-marking",
    "--no-inline-new",
    "--no-use-ic",
    "--no-flush-bytecode",
    "--stress-flush-code --flush-bytecode",
    "--never-compact",
    "--compact-on-every-full-gc",
    "--no-always-promote-young-mc",
    "--max-semi-space-size=1",
    "--max-semi-space-size=64 --min-semi-space-size=16",
    "--max-old-space-size=4096",
    "--interpreted-frames-native-stack",
    "--no-short-builtin-calls",
    "--no-allocation-site-pretenuring",
    "--enable-lazy-source-positions --stress-lazy-source-positions",
    "--stress-concurrent-allocation",
    "--harmony",
    "--no-node-snapshot",
    "--clear-free-memory",
    "--scavenger-chaos-mode",
    "--separate-gc-phases",
    "--hash-seed=7 --no-rehash-snapshot",
    "--no-page-promotion",
    "--huge-max-alignment --no-track-field-types",
];

/// How a condition comes about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// Options of Node.js and V8.
    Options,
    /// So many contexts and workers.
    Many { contexts: u64, workers: u64 },
    /// The program in the executable, put there with postject.
    SingleExecutable,
    /// Thawed from a startup snapshot of the user's own.
    StartupSnapshot,
    /// A copy of Node.js without its symbol table.
    Stripped,
    /// A copy of Node.js that is gone when the core is looked at.
    Absent,
    /// Another build than the official one, such as that of a distribution.
    Build(PathBuf),
    /// What it dies of, and what that takes.
    Death { how: &'static str, options: &'static [&'static str] },
}

#[derive(Debug, Clone)]
struct Condition {
    name: Cow<'static, str>,
    kind: Kind,
}

const OTHERS: &[Condition] = &[
    Condition { name: Cow::Borrowed("20 workers"), kind: Kind::Many { contexts: 4, workers: 20 } },
    Condition { name: Cow::Borrowed("50 contexts"), kind: Kind::Many { contexts: 50, workers: 1 } },
    Condition { name: Cow::Borrowed("no worker, no context"), kind: Kind::Many { contexts: 0, workers: 0 } },
    Condition { name: Cow::Borrowed("single executable"), kind: Kind::SingleExecutable },
    Condition { name: Cow::Borrowed("startup snapshot"), kind: Kind::StartupSnapshot },
    Condition { name: Cow::Borrowed("binary without symbols"), kind: Kind::Stripped },
    Condition { name: Cow::Borrowed("binary gone"), kind: Kind::Absent },
    Condition { name: Cow::Borrowed("abort"), kind: Kind::Death { how: "abort", options: &[] } },
    Condition {
        name: Cow::Borrowed("out of memory"),
        kind: Kind::Death { how: "memory", options: &["--max-old-space-size=60"] },
    },
    Condition {
        name: Cow::Borrowed("uncaught error"),
        kind: Kind::Death { how: "throw", options: &["--abort-on-uncaught-exception"] },
    },
];

fn conditions() -> Vec<Condition> {
    let options = OPTIONS.iter().map(|name| Condition { name: Cow::Borrowed(*name), kind: Kind::Options });
    options.chain(OTHERS.iter().cloned()).collect()
}

/// What V8 makes to throw an error behind the snapshot: its message, with where it was thrown.
const MESSAGE: &[(&str, u64)] = &[("Object", 1)];
/// How long the program may take under a set of flags.
const PATIENCE: Duration = Duration::from_secs(240);
/// Lines printed of each question that fails.
const SHOWN: usize = 6;

pub fn run(arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let (population, mut arguments) = Population::of(arguments)?;
    let (mut only, mut report, mut keep) = (Vec::new(), None, false);
    let (mut kinds, mut builds) = (Vec::new(), Vec::new());
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("only") => only.push(arguments.value()?.string()?),
            Long("flags") => kinds.push(true),
            Long("others") => kinds.push(false),
            Long("build") => builds.push(build_of(&arguments.value()?.string()?)?),
            Long("report") => report = Some(PathBuf::from(arguments.value()?)),
            Long("keep") => keep = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let releases = population.releases();
    let wanted = |condition: &Condition| {
        (only.is_empty() || only.iter().any(|name| condition.name.contains(name.as_str())))
            && (kinds.is_empty() || kinds.contains(&(condition.kind == Kind::Options)))
    };
    let is_all = builds.is_empty() || !only.is_empty() || !kinds.is_empty();
    let mut chosen: Vec<_> =
        conditions().into_iter().filter(|condition| is_all && wanted(condition)).collect();
    chosen.extend(builds);
    ensure!(!chosen.is_empty(), "no condition is called {only:?}");
    let executable = population.debugger()?.canonicalize()?;
    let trial = Trial { executable, keep };
    let mut rows = Vec::new();
    for node in &releases {
        for condition in &chosen {
            let start = Instant::now();
            let found = trial.run(node, condition);
            for (name, outcome) in
                found.unwrap_or_else(|error| vec![(condition.name.to_string(), Outcome::failed(&error))])
            {
                let row = Row { node: node.clone(), condition: name, outcome };
                print!("{}", row.describe());
                rows.push(row);
            }
            println!("    {:.1} s", start.elapsed().as_secs_f64());
        }
    }
    if let Some(path) = &report {
        support_matrix::write(path, "conditions", &table(&rows))?;
        println!("wrote {}", path.display());
    }
    let failed = rows.iter().filter(|row| !row.outcome.passes()).count();
    ensure!(failed == 0, "{failed} of {} cores are not read right", rows.len());
    println!("all {} cores are read right", rows.len());
    Ok(())
}

/// Another build, from `NAME=EXECUTABLE`.
fn build_of(argument: &str) -> Result<Condition> {
    let (name, executable) = argument.split_once('=').context("a build is given as NAME=EXECUTABLE")?;
    let executable = fs::canonicalize(executable).with_context(|| format!("no executable {executable}"))?;
    Ok(Condition { name: Cow::Owned(name.to_owned()), kind: Kind::Build(executable) })
}

#[derive(Debug)]
enum Outcome {
    Judged(Judgement),
    /// This release does not know the condition.
    Skipped(String),
}

impl Outcome {
    fn failed(error: &anyhow::Error) -> Outcome {
        Outcome::Judged(Judgement::failed(error))
    }

    fn passes(&self) -> bool {
        match self {
            Outcome::Judged(judgement) => judgement.passes(),
            Outcome::Skipped(_) => true,
        }
    }
}

#[derive(Debug)]
struct Row {
    node: String,
    condition: String,
    outcome: Outcome,
}

impl Row {
    fn describe(&self) -> String {
        let Row { node, condition, outcome } = self;
        match outcome {
            Outcome::Skipped(reason) => format!("{node:8} skip  | {condition} | {reason}\n"),
            Outcome::Judged(judgement) => {
                let verdict = if judgement.passes() { "ok" } else { "WRONG" };
                let mut text = format!("{node:8} {verdict:5} | {condition} | {}\n", judgement.cells());
                for failure in judgement.failures(SHOWN) {
                    let _ = writeln!(text, "    {failure}");
                }
                text
            }
        }
    }
}

/// The part of `docs/support-matrix.md`.
fn table(rows: &[Row]) -> String {
    let judged = rows.iter().filter(|row| matches!(row.outcome, Outcome::Judged(_))).count();
    let exact =
        rows.iter().filter(|row| matches!(&row.outcome, Outcome::Judged(own) if own.passes())).count();
    let mut text = format!(
        "## Under other conditions\n\nThe same program and the same questions: {exact} of {judged} cores are exact. Of each death there are \
         the kernel's core and one that gdb took at the same signal, with the same objects in both.\n\n\
         | Node.js | condition | {} | |\n| --- | --- | {}| --- |\n",
        QUESTIONS.map(|question| if question == "opened" { "V8" } else { question }).join(" | "),
        "--- | ".repeat(QUESTIONS.len()),
    );
    for row in rows {
        let condition = if row.condition.starts_with('-') {
            format!("`{}`", row.condition)
        } else {
            row.condition.clone()
        };
        let _ = match &row.outcome {
            Outcome::Skipped(reason) => {
                writeln!(text, "| {} | {condition} |{} {reason} |", row.node, " |".repeat(QUESTIONS.len()))
            }
            Outcome::Judged(judgement) => {
                let verdict = if judgement.passes() { "exact" } else { "**differs**" };
                writeln!(text, "| {} | {condition} | {} | {verdict} |", row.node, judgement.cells())
            }
        };
    }
    text
}

struct Trial {
    executable: PathBuf,
    keep: bool,
}

impl Trial {
    /// Takes the core or the cores of a condition and judges each.
    fn run(&self, node: &str, condition: &Condition) -> Result<Vec<(String, Outcome)>> {
        let official = node_release::executable(node)?;
        let (mut contexts, mut workers) = (4, 1);
        let mut start = Start::default();
        let mut scenario = Scenario::find("census")?;
        let mut arguments = Vec::new();
        let mut writer = Writer::Gdb;
        let made = tempfile::tempdir_in(places::cache())?;
        match &condition.kind {
            Kind::Options => {
                start.options = condition.name.split(' ').map(str::to_owned).collect();
                start.patience = Some(PATIENCE);
            }
            Kind::Many { contexts: many, workers: threads } => (contexts, workers) = (*many, *threads),
            Kind::Build(executable) => start.executable = Some(executable.clone()),
            Kind::SingleExecutable => {
                start = Start {
                    executable: Some(single_executable(&official, made.path())?),
                    contains_program: true,
                    ..start
                };
            }
            Kind::StartupSnapshot => {
                scenario = Scenario::find("archive")?;
                start.options =
                    vec![format!("--snapshot-blob={}", startup_snapshot(&official, made.path())?.display())];
            }
            Kind::Stripped => start.executable = Some(stripped(&official, made.path())?),
            Kind::Absent => {
                let copy = made.path().join("node");
                fs::copy(&official, &copy)?;
                start.executable = Some(copy);
            }
            Kind::Death { how, options } => {
                start.options = options.iter().map(|option| (*option).to_owned()).collect();
                arguments.push(format!("--death={how}"));
                writer = Writer::Both;
            }
        }
        if let Some(reason) = refusal(&official, &start)? {
            return Ok(vec![(condition.name.to_string(), Outcome::Skipped(reason))]);
        }
        arguments.extend([format!("--contexts={contexts}"), format!("--workers={workers}")]);
        let name = condition.name.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let directory = take_core::directory_of(&format!("condition{name}"), node);
        let request = Request {
            node: node.to_owned(),
            scenario,
            directory: directory.clone(),
            writer,
            snapshot: true,
            arguments,
            start,
            stage: None,
        };
        let taken = take_core::take(&request);
        if let (Kind::Options, Err(error)) = (&condition.kind, &taken) {
            // Some flags are for V8's own tests, and Node.js does not survive them.
            let _ = fs::remove_dir_all(&directory);
            let reason = format!("Node.js does not come so far: {error:#}");
            return Ok(vec![(condition.name.to_string(), Outcome::Skipped(reason))]);
        }
        taken?;
        if condition.kind == Kind::Absent {
            made.close()?;
        }
        let facts = match &condition.kind {
            Kind::StartupSnapshot => vec![scenario.facts()?],
            _ => judgement::facts(contexts, workers)?,
        };
        let cores: &[(&str, &str)] = match writer {
            Writer::Both => &[(", by the kernel", "core"), (", by gcore", take_core::SECOND_CORE)],
            _ => &[("", "core")],
        };
        let mut outcomes = Vec::new();
        for (ending, core) in cores {
            let case = Case {
                executable: &self.executable,
                directory: &directory,
                core: &directory.join(core),
                facts: &facts,
                symbols: !matches!(condition.kind, Kind::Stripped | Kind::Absent | Kind::Build(_)),
                collects_later: matches!(condition.kind, Kind::Options | Kind::Death { .. }),
                other_embedder: false,
                later: if matches!(condition.kind, Kind::Death { how: "throw", .. }) { MESSAGE } else { &[] },
            };
            outcomes.push((format!("{}{ending}", condition.name), Outcome::Judged(judgement::judge(&case)?)));
        }
        if writer == Writer::Both {
            let [(_, Outcome::Judged(first)), ..] = outcomes.as_mut_slice() else {
                unreachable!("one for each core")
            };
            self.same_objects(&directory, first)?;
        }
        if !self.keep {
            fs::remove_dir_all(&directory)?;
        }
        Ok(outcomes)
    }

    /// Both cores of a death have the same objects at the same places, alive and not.
    fn same_objects(&self, directory: &Path, judgement: &mut Judgement) -> Result<()> {
        for option in ["", " -d"] {
            let printed = |core: &str| {
                Debugger::new(self.executable.clone(), &directory.join(core))
                    .evaluate(&format!("::findjsobjects -j{option}"))
            };
            let (kernel, gdb) = (printed("core")?, printed(take_core::SECOND_CORE)?);
            let different = kernel.lines().zip(gdb.lines()).find(|(one, other)| one != other);
            if kernel != gdb {
                judgement.fail(
                    "living",
                    format!("`::findjsobjects{option}` differs from the core by gcore: {different:?}"),
                );
            }
        }
        Ok(())
    }
}

/// Why Node.js does not start with these options.
fn refusal(official: &Path, start: &Start) -> Result<Option<String>> {
    // A snapshot runs its own program.
    if start.options.is_empty() || start.options[0].starts_with("--snapshot-blob") {
        return Ok(None);
    }
    let output =
        Command::new(official).args(&start.options).args(["-e", "0"]).output().context("cannot run node")?;
    let said = String::from_utf8_lossy(&output.stderr);
    // V8 tells of an unknown flag and goes on.
    let unknown = said.lines().find(|line| line.contains("bad option") || line.contains("unrecognized flag"));
    Ok(match (unknown, output.status.success()) {
        (Some(_), _) => Some("not known to this release".to_owned()),
        (None, false) => {
            Some(format!("does not start: {}", said.lines().next().unwrap_or("it says nothing")))
        }
        (None, true) => None,
    })
}

fn succeed(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed: {}", said.trim());
    Ok(())
}

/// A copy of Node.js that contains a program which runs `census`.
fn single_executable(official: &Path, directory: &Path) -> Result<PathBuf> {
    let packages = node_release::packages("sea", &places::scenarios().join("sea.packages.json"))?;
    let census = serde_json::to_string(&Scenario::find("census")?.program())?;
    let program = format!(
        "const {{ createRequire }} = require('node:module');\nconst census = createRequire({census})({census});\n\
         census.ready().then(census.run);\n"
    );
    fs::write(directory.join("main.js"), program)?;
    let config = r#"{ "main": "main.js", "output": "sea.blob", "disableExperimentalSEAWarning": true }"#;
    fs::write(directory.join("sea.json"), config)?;
    succeed(Command::new(official).args(["--experimental-sea-config", "sea.json"]).current_dir(directory))?;
    let single = directory.join("single");
    fs::copy(official, &single)?;
    succeed(
        Command::new("node")
            .arg(packages.join("node_modules/postject/dist/cli.js"))
            .arg(&single)
            .args(["NODE_SEA_BLOB", "sea.blob"])
            // What Node.js looks for in itself.
            .args(["--sentinel-fuse", "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2"])
            .current_dir(directory),
    )?;
    Ok(single)
}

/// A startup snapshot of `archive`.
fn startup_snapshot(official: &Path, directory: &Path) -> Result<PathBuf> {
    let blob = directory.join("snapshot.blob");
    succeed(
        Command::new(official)
            .arg(format!("--snapshot-blob={}", blob.display()))
            .arg("--build-snapshot")
            .arg(Scenario::find("archive")?.program())
            .current_dir(directory),
    )?;
    Ok(blob)
}

/// A copy of Node.js without its symbol table.
fn stripped(official: &Path, directory: &Path) -> Result<PathBuf> {
    let copy = directory.join("node");
    succeed(Command::new("strip").arg("-o").arg(&copy).arg(official))
        .context("strip is part of binutils: install that (on Debian: apt-get install binutils)")?;
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn conditions_have_names_of_their_own() {
        let names: BTreeSet<_> = conditions().into_iter().map(|condition| condition.name).collect();
        assert_eq!(names.len(), OPTIONS.len() + OTHERS.len());
    }

    #[test]
    fn what_a_release_does_not_know_is_no_failure() {
        let row = |outcome| Row { node: "20.0.0".into(), condition: "--minor-ms".into(), outcome };
        let rows = [
            row(Outcome::Skipped("not known to this release".into())),
            row(Outcome::failed(&anyhow::anyhow!("gone"))),
        ];
        assert!(rows[0].outcome.passes() && !rows[1].outcome.passes());
        let text = table(&rows);
        assert!(
            text.contains("0 of 1 cores are exact") && text.contains("not known to this release |"),
            "{text}"
        );
        assert!(rows[1].describe().contains("opened: gone"));
    }
}
