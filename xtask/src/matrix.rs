//! `cargo xtask matrix`: the debugger against V8 and against the programs themselves, on every supported line of
//! Node.js and every scenario.
//!
//! For each pair: take the core (kept for the next run), count its objects by constructor, the living and the garbage, and
//! compare with V8's own heap snapshot of the process, print the scenario's values and compare with its facts, and ask `::status` what the
//! self-check found. Where the process wrote last of all what V8 and Node.js say of its memory, that is compared too.
//! Nothing here comes from the debugger's own earlier output.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use test_support::scenarios::closures;
use test_support::scenarios::constructors::{self, Difference, KnownDifference};
use test_support::scenarios::debugger::{self, Debugger};
use test_support::scenarios::definitions;
use test_support::scenarios::{memory_report, shipped, verdict};

use crate::heap_snapshot::HeapSnapshot;
use crate::scenario::{SCENARIOS, Scenario};
use crate::sweep::{self, Sweep};
use crate::take_core::{self, Request, Start, Writer};
use crate::{build, node_release, places, support_matrix};

struct Options {
    releases: Vec<String>,
    scenarios: Vec<Scenario>,
    report: Option<PathBuf>,
    /// Another build than that of this tree.
    debugger: Option<PathBuf>,
}

fn options(mut arguments: lexopt::Parser) -> Result<Options> {
    use lexopt::prelude::*;
    let (mut releases, mut scenarios, mut quick) = (Vec::new(), Vec::new(), false);
    let (mut report, mut debugger) = (None, None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("quick") => quick = true,
            Long("node") => releases.push(arguments.value()?.string()?),
            Long("scenario") => scenarios.push(Scenario::find(&arguments.value()?.string()?)?),
            Long("debugger") => debugger = Some(PathBuf::from(arguments.value()?)),
            Long("report") => report = Some(PathBuf::from(arguments.value()?)),
            other => return Err(other.unexpected().into()),
        }
    }
    // Only a full run of this tree's build is a support matrix.
    let full = !quick && releases.is_empty() && scenarios.is_empty() && debugger.is_none();
    if full && report.is_none() {
        report = Some(places::workspace().join("docs/support-matrix.md"));
    }
    if releases.is_empty() {
        releases = node_release::SUPPORTED.iter().map(|release| (*release).to_owned()).collect();
    }
    if scenarios.is_empty() {
        scenarios = SCENARIOS.iter().filter(|s| s.in_matrix && (s.quick || !quick)).copied().collect();
    }
    Ok(Options { releases, scenarios, report, debugger })
}

pub fn run(arguments: lexopt::Parser) -> Result<()> {
    let options = options(arguments)?;
    let known = constructors::known_differences()?;
    let executable = options.debugger.clone().map_or_else(build::debugger, Ok)?;
    let mut cells = Vec::new();
    for node in &options.releases {
        for scenario in &options.scenarios {
            let cell = cell(&executable, node, *scenario, &known);
            let cell = cell.unwrap_or_else(|error| Cell::failed(node, *scenario, &error));
            print!("{}", cell.describe());
            cells.push(cell);
        }
    }
    if let Some(path) = &options.report {
        support_matrix::write(path, "matrix", &report(&cells))?;
        println!("wrote {}", path.display());
    }
    let failed = cells.iter().filter(|cell| !cell.passes()).count();
    ensure!(failed == 0, "{failed} of {} cores are not read right", cells.len());
    println!("all {} cores are read right", cells.len());
    Ok(())
}

/// What was found on one core.
#[derive(Debug, Default)]
struct Cell {
    node: String,
    v8: String,
    scenario: &'static str,
    /// JavaScript objects that V8 counts.
    objects: u64,
    /// Constructor names that V8 has.
    constructors: usize,
    differences: Vec<Difference>,
    values: usize,
    /// Every object printed, and compared with V8's snapshot of it.
    sweep: Option<Sweep>,
    /// Statements about functions and what they have captured.
    functions: usize,
    /// What else is wrong, a line each.
    failures: Vec<String>,
}

impl Cell {
    fn failed(node: &str, scenario: Scenario, error: &anyhow::Error) -> Cell {
        let failures = vec![format!("{error:#}")];
        Cell { node: node.to_owned(), scenario: scenario.name, failures, ..Cell::default() }
    }

    fn passes(&self) -> bool {
        self.failures.is_empty() && self.differences.iter().all(|difference| difference.reason.is_some())
    }

    fn describe(&self) -> String {
        let verdict = if self.passes() { "ok" } else { "WRONG" };
        let mut text = format!(
            "node {:8} {:9} {verdict}: {} objects of {} constructors, {} values, {} facts of functions\n",
            self.node, self.scenario, self.objects, self.constructors, self.values, self.functions
        );
        if let Some(sweep) = &self.sweep {
            let _ = writeln!(text, "    {}", sweep.describe());
        }
        for difference in &self.differences {
            let reason = difference.reason.as_deref().unwrap_or("NOT EXPLAINED");
            let Difference { constructor, truth, found, .. } = difference;
            let _ = writeln!(text, "    {constructor}: V8 counts {truth}, found {found} ({reason})");
        }
        for failure in &self.failures {
            let _ = writeln!(text, "    {failure}");
        }
        text
    }
}

fn cell(executable: &Path, node: &str, scenario: Scenario, known: &[KnownDifference]) -> Result<Cell> {
    let directory = take_core::directory_of(scenario.name, node);
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
    let mut cell = Cell { node: node.to_owned(), scenario: scenario.name, ..Cell::default() };
    cell.v8 = process_report(&directory)?["versions"]["v8"].as_str().unwrap_or_default().to_owned();
    // Bundles and packages with their maps are there.
    let debugger =
        Debugger::new(executable.to_owned(), &directory.join("core")).with_sources(places::cache());
    let groups = debugger.groups()?;
    if scenario.snapshot {
        let truth = truth(&directory)?;
        cell.objects = truth.objects.values().sum();
        cell.constructors = truth.objects.len();
        // What is garbage behind the snapshot cannot have been alive in it, unless the program made it since.
        let counted = if scenario.leaves_garbage { "-L" } else { "-a" };
        let all = debugger::counts(&debugger.groups_of(counted)?);
        cell.differences = constructors::compare(&truth.objects, &all);
        if !scenario.leaves_garbage {
            let isolates = 1 + u64::from(directory.join("v8.worker.heapsnapshot").exists());
            let garbage = debugger::counts(&debugger.groups_of("-d")?);
            cell.failures.extend(constructors::wrong_garbage(&garbage, isolates));
            check_strings(&debugger, &directory, &truth, &mut cell.failures)?;
        }
        let major = node.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
        constructors::explain(&mut cell.differences, major, scenario.name, known);
    }

    if scenario.verifiable {
        verify_facts(node, scenario)?;
    }
    let facts = scenario.facts()?;
    verdict::check_populations(&facts, &groups, &mut cell.failures);
    cell.values = verdict::check_values(&debugger, &facts, &groups, &mut cell.failures)?;
    verdict::check_status(&debugger, &mut cell.failures)?;
    verdict::check_classes(&debugger, &mut cell.failures)?;
    if sweep::SCENARIOS.contains(&scenario.name) {
        let sweep = sweep::sweep(executable, &directory)?;
        if !sweep.passes() {
            cell.failures.extend(sweep.differences.iter().cloned());
            cell.failures.push("not every object is printed as V8 has it".to_owned());
        }
        cell.sweep = Some(sweep);
    }
    cell.functions = closures::check(&debugger, &facts, &groups, &mut cell.failures)?
        + closures::check_functions(&debugger, &facts, &scenario.program(), &mut cell.failures)?
        + closures::check_built(&debugger, &facts, &groups, &directory, &mut cell.failures)?;
    cell.functions += check_definitions(&debugger, node, scenario, &directory, &mut cell.failures)?;
    if shipped::REPORTING.contains(&scenario.name) {
        memory_report::check(&debugger, &process_report(&directory)?, &mut cell.failures)?;
    }
    Ok(cell)
}

/// Every function of the files that a program has loaded, against an independent parser; nothing for programs that do not say
/// which files they have loaded.
fn check_definitions(
    debugger: &Debugger,
    node: &str,
    scenario: Scenario,
    directory: &Path,
    failures: &mut Vec<String>,
) -> Result<usize> {
    let report: Value = serde_json::from_str(&fs::read_to_string(directory.join("process.json"))?)?;
    let texts = |name: &str| -> Vec<String> {
        report[name].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let files: Vec<String> = texts("files").into_iter().filter(|file| file.ends_with(".js")).collect();
    if files.is_empty() {
        return Ok(0);
    }
    let mut parser = Command::new(node_release::executable(node)?)
        .arg(places::scenarios().join("definitions.js"))
        .args(scenario.needed_options()?)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run node")?;
    let mut input = parser.stdin.take().context("no standard input")?;
    input.write_all(serde_json::to_string(&files)?.as_bytes())?;
    drop(input);
    let output = parser.wait_with_output()?;
    ensure!(output.status.success(), "definitions.js failed on node {node}");
    let parsed: definitions::Files = serde_json::from_slice(&output.stdout)?;
    let texts = texts("functions").into_iter().collect();
    let compared = definitions::check(debugger, &parsed, &texts, failures)?;
    let definitions::Compared { functions, originals, texts, cut } = compared;
    ensure!(functions > 0 && originals > 0 && texts > 0, "nothing to compare: {compared:?}");
    Ok(functions + originals + texts + cut)
}

/// Whether the facts hold is for the program to say, on the very release that is looked at.
fn verify_facts(node: &str, scenario: Scenario) -> Result<()> {
    let output = Command::new(node_release::executable(node)?)
        .arg(places::scenarios().join("verify.js"))
        .arg(scenario.name)
        .output()
        .context("cannot run node")?;
    ensure!(
        output.status.success(),
        "the facts of {} do not hold on node {node}: {}",
        scenario.name,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}

/// V8's snapshots of all isolates of the process, added up.
fn truth(directory: &Path) -> Result<HeapSnapshot> {
    let mut truth = HeapSnapshot::read(&directory.join("v8.heapsnapshot"))?;
    let worker = directory.join("v8.worker.heapsnapshot");
    if worker.exists() {
        truth.add(&HeapSnapshot::read(&worker)?);
    }
    Ok(truth)
}

/// V8 counts as many strings as there are. (Those that isolates share are in the snapshots of all of them, so of several
/// isolates nothing is said.)
fn check_strings(
    debugger: &Debugger,
    directory: &Path,
    truth: &HeapSnapshot,
    failures: &mut Vec<String>,
) -> Result<()> {
    if directory.join("v8.worker.heapsnapshot").exists() {
        return Ok(());
    }
    let found: u64 = debugger.evaluate("::jsstrings | ::count")?.trim().parse().context("no count")?;
    if found != truth.strings {
        failures.push(format!("V8 counts {} strings, found {found}", truth.strings));
    }
    Ok(())
}

/// What the process said of itself.
fn process_report(directory: &Path) -> Result<Value> {
    let report = fs::read_to_string(directory.join("process.json")).context("no report of the process")?;
    Ok(serde_json::from_str(&report)?)
}

/// `docs/support-matrix.md`.
fn report(cells: &[Cell]) -> String {
    let mut text = String::from(
        "# Support matrix\n\n\
         Linux x86-64, official builds of Node.js, cores written by gdb's gcore. Each cell is one core of one running \
         program, compared with V8's own heap snapshot of the same process (objects by constructor) and with what the \
         program wrote (values). `testdata/scenarios` holds the programs.\n\n\
         | Node.js | V8 | scenario | objects | constructors | values | |\n| --- | --- | --- | ---: | ---: | ---: | --- |\n",
    );
    for cell in cells {
        let verdict = if cell.passes() { "exact" } else { "differs" };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {verdict} |",
            cell.node, cell.v8, cell.scenario, cell.objects, cell.constructors, cell.values
        );
    }
    let swept: Vec<_> = cells.iter().filter_map(|cell| Some((cell, cell.sweep.as_ref()?))).collect();
    if !swept.is_empty() {
        text += "\n## Every object\n\nAll objects of the heap are printed and matched by structure with V8's snapshot; then the names of \
                 their properties, the text of strings, and where each reference leads are compared.\n\n\
                 | Node.js | scenario | objects | matched | names | strings | references | different |\n\
                 | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n";
        for (cell, sweep) in swept {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} | {} |",
                cell.node,
                cell.scenario,
                sweep.objects,
                sweep.matched,
                sweep.names,
                sweep.strings,
                sweep.references,
                sweep.different()
            );
        }
    }
    let explained: Vec<_> =
        cells.iter().flat_map(|cell| cell.differences.iter().map(move |d| (cell, d))).collect();
    if !explained.is_empty() {
        text += "\n## Differences\n\nThe snapshot and the core are of one process, but not of one instant.\n\n\
                 | Node.js | scenario | constructor | V8 | v8mdb | reason |\n| --- | --- | --- | ---: | ---: | --- |\n";
        for (cell, difference) in explained {
            let reason = difference.reason.as_deref().unwrap_or("**not explained**");
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {reason} |",
                cell.node, cell.scenario, difference.constructor, difference.truth, difference.found
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_difference_without_a_reason_fails_the_cell() {
        let truth = [("P".to_owned(), 1)].into();
        let mut cell =
            Cell { differences: constructors::compare(&truth, &BTreeMap::new()), ..Cell::default() };
        assert!(!cell.passes());
        assert!(report(std::slice::from_ref(&cell)).contains("not explained"));
        cell.differences[0].reason = Some("a reason".into());
        assert!(cell.passes());
    }
}
