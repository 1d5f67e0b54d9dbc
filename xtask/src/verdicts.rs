//! `cargo xtask verdicts`: what `v8mdb report` says of processes of which it is known what is wrong with them, or that nothing is.
//!
//! Cores that ship, programs that leak, and healthy services that wait for work, on each line. The verdict must be of the right kind, and
//! name what the program says of itself. Of the heap snapshot that V8 writes of the same process the same is asked.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::scenario::Scenario;
use crate::take_core::{self, Request, Start, Writer};
use crate::{build, node_release, places};

/// Cores that ship: the older one if there is one, the verdict, and words of it.
const SHIPPED: [(&str, Option<&str>, &str, &[&str]); 10] = [
    ("uncaught-24", None, "crash", &["uncaught TypeError", "uncaught.js:9"]),
    ("full-24", None, "outOfMemory", &["Reading", "readings"]),
    ("busy-24", None, "running", &["find", "busy.js:18"]),
    ("leak-20", None, "leak", &["800 UpstreamConnection", "Gateway.bySession"]),
    ("leak-22", None, "leak", &["800 UpstreamConnection", "Gateway.bySession"]),
    ("leak-24", None, "leak", &["800 UpstreamConnection", "Gateway.bySession"]),
    ("leak-26", None, "leak", &["800 UpstreamConnection", "Gateway.bySession"]),
    ("growth-24", Some("growth-24.stage1"), "leak", &["ArrayBuffer", "global.broker.archives"]),
    ("growth-20", Some("growth-20.stage1"), "leak", &["ArrayBuffer", "global.broker.archives"]),
    ("native", None, "crash", &["SIGABRT"]),
];
/// How often these leak: a verdict takes a tenth of the heap.
const REQUESTS: u64 = 6000;
/// Programs that leak, and the class that the verdict must name.
const LEAKS: [&str; 5] =
    ["leaks/mapcache", "leaks/listener", "leaks/timer", "leaks/lists", "leaks/unanswered"];
/// Healthy services: they print `ready` when they wait.
const HEALTHY: [&str; 3] = ["healthy/cache.js", "healthy/jobs.js", "healthy/files.js"];

pub fn run(mut arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let (mut releases, mut executable) = (Vec::new(), None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("node") => releases.push(arguments.value()?.string()?),
            Long("debugger") => executable = Some(PathBuf::from(arguments.value()?)),
            other => return Err(other.unexpected().into()),
        }
    }
    if releases.is_empty() {
        releases = node_release::SUPPORTED.iter().map(|release| (*release).to_owned()).collect();
    }
    let executable = executable.map_or_else(build::debugger, Ok)?;
    let (mut tried, mut failed) = (0, 0);
    let mut judge = |name: String, verdict: Result<String>| {
        tried += 1;
        match verdict {
            Ok(title) => println!("{name}: {title}"),
            Err(error) => {
                failed += 1;
                println!("{name} WRONG: {error:#}");
            }
        }
    };
    for (core, base, kind, words) in SHIPPED {
        let file = |name: &str| places::workspace().join(format!("testdata/cores/{name}.core.zst"));
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        judge(core.to_owned(), check(&executable, &file(core), base.map(file).as_deref(), kind, &words));
    }
    let mut judge_both = |name: String, verdicts: Result<Verdicts>| match verdicts {
        Ok(Verdicts { core, snapshot }) => {
            judge(name.clone(), core);
            judge(format!("{name}, its snapshot"), snapshot);
        }
        Err(error) => judge(name, Err(error)),
    };
    for node in &releases {
        for program in HEALTHY {
            judge_both(format!("{program} on {node}"), healthy(&executable, node, program));
        }
        judge_both(format!("leak on {node}"), gathered(&executable, node));
    }
    for (leak, node) in LEAKS.iter().flat_map(|leak| releases.iter().map(move |node| (leak, node))) {
        judge_both(format!("{leak} on {node}"), leaking(&executable, node, leak));
    }
    ensure!(failed == 0, "{failed} verdicts of {tried} are wrong");
    println!("all {tried} verdicts are right");
    Ok(())
}

fn check(
    executable: &Path,
    core: &Path,
    base: Option<&Path>,
    kind: &str,
    words: &[String],
) -> Result<String> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("report.json");
    let mut command = Command::new(executable);
    command.arg("report").arg(core).arg("-o").arg(&file).arg("--values");
    if let Some(base) = base {
        command.arg("--base").arg(base);
    }
    let made = command.output().context("cannot run v8mdb")?;
    ensure!(made.status.success(), "no report: {}", String::from_utf8_lossy(&made.stderr).trim());
    let report: Value = serde_json::from_str(&fs::read_to_string(&file)?)?;
    let (found, title) =
        (&report["verdict"]["kind"], report["verdict"]["title"].as_str().unwrap_or_default());
    ensure!(found == kind, "the verdict is {found}, not {kind}: {title}");
    for word in words {
        ensure!(title.contains(word.as_str()), "the verdict does not say {word}: {title}");
    }
    Ok(title.to_owned())
}

/// What is said of a process by its core and by its heap snapshot.
struct Verdicts {
    core: Result<String>,
    snapshot: Result<String>,
}

impl Verdicts {
    fn of(executable: &Path, directory: &Path, kind: &str, words: &[String]) -> Verdicts {
        let of = |name: &str| check(executable, &directory.join(name), None, kind, words);
        Verdicts { core: of("core"), snapshot: of("v8.heapsnapshot") }
    }
}

fn healthy(executable: &Path, node: &str, program: &str) -> Result<Verdicts> {
    let directory = tempfile::tempdir_in(places::target())?;
    take_core::of_waiting_with_snapshot(node, &places::scenarios().join(program), directory.path())?;
    Ok(Verdicts::of(executable, directory.path(), "healthy", &[]))
}

fn leaking(executable: &Path, node: &str, name: &str) -> Result<Verdicts> {
    let directory = taken(node, name, &format!("{name}-much"), vec![format!("--requests={REQUESTS}")])?;
    let process: Value = serde_json::from_str(&fs::read_to_string(directory.join("process.json"))?)?;
    let truth = &process["leak"];
    let leaked = truth["leaked"].as_str().context("the program does not say what it leaks")?;
    // Requests that are open for another reason count as well.
    let is_unanswered = truth["unanswered"] == true;
    let words = match is_unanswered {
        true => [format!(" {leaked} ")],
        false => [format!("{} {leaked}", truth["count"])],
    };
    let mut verdicts = Verdicts::of(executable, &directory, "leak", &words);
    if is_unanswered {
        // The process is its own client, and nothing in a snapshot says which of its requests are owed an answer.
        verdicts.snapshot = check(executable, &directory.join("v8.heapsnapshot"), None, "leak", &[]);
    }
    Ok(verdicts)
}

/// The program of the cores that ship.
fn gathered(executable: &Path, node: &str) -> Result<Verdicts> {
    let directory = taken(node, "leak", "leak", Vec::new())?;
    let words = ["800 UpstreamConnection", "Gateway"].map(str::to_owned);
    Ok(Verdicts::of(executable, &directory, "leak", &words))
}

fn taken(node: &str, name: &str, kept_as: &str, arguments: Vec<String>) -> Result<PathBuf> {
    let directory = take_core::directory_of(kept_as, node);
    take_core::take_once(&Request {
        node: node.to_owned(),
        scenario: Scenario::find(name)?,
        directory: directory.clone(),
        writer: Writer::Gdb,
        snapshot: true,
        arguments,
        start: Start::default(),
        stage: None,
    })?;
    Ok(directory)
}
