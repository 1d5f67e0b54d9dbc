//! `cargo xtask verdicts`: what `v8mdb report` says of processes of which it is known what is wrong with them, or that nothing is.
//!
//! Cores that ship, programs that leak, and healthy services that wait for work, on each line. The verdict must be of the right kind, and
//! name what the program says of itself.

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
    for node in &releases {
        for program in HEALTHY {
            judge(format!("{program} on {node}"), healthy(&executable, node, program));
        }
    }
    for (leak, node) in LEAKS.iter().zip(releases.iter().cycle()) {
        judge(format!("{leak} on {node}"), leaking(&executable, node, leak));
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

fn healthy(executable: &Path, node: &str, program: &str) -> Result<String> {
    let directory = tempfile::tempdir_in(places::target())?;
    take_core::of_waiting(node, &places::scenarios().join(program), &[], directory.path())?;
    check(executable, &directory.path().join("core"), None, "healthy", &[])
}

fn leaking(executable: &Path, node: &str, name: &str) -> Result<String> {
    let scenario = Scenario::find(name)?;
    let directory = take_core::directory_of(&format!("{name}-much"), node);
    take_core::take_once(&Request {
        node: node.to_owned(),
        scenario,
        directory: directory.clone(),
        writer: Writer::Gdb,
        snapshot: false,
        arguments: vec![format!("--requests={REQUESTS}")],
        start: Start::default(),
        stage: None,
    })?;
    let process: Value = serde_json::from_str(&fs::read_to_string(directory.join("process.json"))?)?;
    let truth = &process["leak"];
    let leaked = truth["leaked"].as_str().context("the program does not say what it leaks")?;
    // Requests that are open for another reason count as well.
    let words = match truth["unanswered"] == true {
        true => [format!(" {leaked} ")],
        false => [format!("{} {leaked}", truth["count"])],
    };
    check(executable, &directory.join("core"), None, "leak", &words)
}
