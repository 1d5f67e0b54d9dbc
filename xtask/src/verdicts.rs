//! `cargo xtask verdicts`: what `v8mdb report` says of processes of which it is known what is wrong with them, or that nothing is.
//!
//! Cores that ship, programs that leak, and healthy services that wait for work, on each line. The verdict must be of the right kind, and
//! name what the program says of itself. Of the heap snapshot that V8 writes of the same process the same is asked. Programs that leak more
//! are tried beside an older core of themselves.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::places;
use crate::population::Population;
use crate::scenario::Scenario;
use crate::take_core::{self, Request, Start, Writer};

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
/// Programs that leak, with how often at first and later: of the later one beside the earlier the verdict must name the same, and how much
/// more there is. Each says itself what its verdict must name.
const GROWN: [(&str, u64, u64); 6] = [
    ("leaks/unanswered", 3000, REQUESTS),
    ("leaks-small/bloburls", 1000, 3000),
    ("leaks-small/deflates", 200, 400),
    ("leaks-small/storetimers", 3000, REQUESTS),
    ("leaks-small/slicelists", 200, 400),
    ("leaks-small/ropes", 200, 400),
];
/// Healthy services: they print `ready` when they wait.
const HEALTHY: [&str; 3] = ["healthy/cache.js", "healthy/jobs.js", "healthy/files.js"];

pub fn run(arguments: lexopt::Parser) -> Result<()> {
    let population = Population::only(arguments)?;
    let releases = population.releases();
    let executable = population.debugger()?;
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
    for (leak, node) in GROWN.iter().flat_map(|leak| releases.iter().map(move |node| (leak, node))) {
        let (name, ..) = leak;
        match grown(&executable, node, *leak) {
            Ok([one, both]) => {
                judge(format!("{name} on {node}"), one);
                judge(format!("{name} on {node}, and an older one"), both);
            }
            Err(error) => judge(format!("{name} on {node}"), Err(error)),
        }
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
    let arguments = vec![format!("--requests={REQUESTS}")];
    let directory = taken(node, name, &format!("{name}-much"), arguments, true)?;
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

/// The verdict of a later core, alone and beside an earlier one.
fn grown(
    executable: &Path,
    node: &str,
    (name, earlier, later): (&str, u64, u64),
) -> Result<[Result<String>; 2]> {
    let core_of = |requests: u64| {
        // The most of a program are taken for other questions as well.
        let kept_as = match requests {
            REQUESTS => format!("{name}-much"),
            _ => format!("{name}-{requests}"),
        };
        taken(node, name, &kept_as, vec![format!("--requests={requests}")], false)
    };
    let (base, directory) = (core_of(earlier)?, core_of(later)?);
    let process: Value = serde_json::from_str(&fs::read_to_string(directory.join("process.json"))?)?;
    let truth = &process["leak"];
    let leaked = truth["leaked"].as_str().context("the program does not say what it leaks")?;
    let stated = truth["verdict"].as_array().context("the program does not say what its verdict names")?;
    let stated: Vec<String> = stated.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let kind = if truth["native"].is_null() { "leak" } else { "nativeLeak" };
    let mut alone = stated.clone();
    let mut beside = stated;
    beside.push("since the older core".to_owned());
    // Requests that are open for another reason count as well.
    if truth["unanswered"] != true {
        alone.push(format!("{} {leaked}", truth["count"]));
    }
    if truth["counts"] != false {
        beside.push(format!("{:+}", later as i64 - earlier as i64));
    }
    let core = directory.join("core");
    Ok([
        check(executable, &core, None, kind, &alone),
        check(executable, &core, Some(&base.join("core")), kind, &beside),
    ])
}

/// The program of the cores that ship.
fn gathered(executable: &Path, node: &str) -> Result<Verdicts> {
    let directory = taken(node, "leak", "leak", Vec::new(), true)?;
    let words = ["800 UpstreamConnection", "Gateway"].map(str::to_owned);
    Ok(Verdicts::of(executable, &directory, "leak", &words))
}

fn taken(node: &str, name: &str, kept_as: &str, arguments: Vec<String>, snapshot: bool) -> Result<PathBuf> {
    let directory = take_core::directory_of(kept_as, node);
    take_core::take_once(&Request {
        node: node.to_owned(),
        scenario: Scenario::find(name)?,
        directory: directory.clone(),
        writer: Writer::Gdb,
        snapshot,
        arguments,
        start: Start::default(),
        stage: None,
    })?;
    Ok(directory)
}
