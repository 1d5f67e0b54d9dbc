//! `cargo xtask leaks`: programs that leak in the classic ways, each a web service with a framework in between, and whether the
//! debugger finds the leak: on every supported line, `::jsleaks` must name what has gathered, how much of it, and where, first or
//! second of its suspects; and `::jspath` must show the true way to it.
//!
//! What is true each program says itself (`testdata/scenarios/leaks`). The cores are kept for the next run.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use test_support::scenarios::constructors;
use test_support::scenarios::debugger::{Debugger, counts};

use crate::scenario::{LEAKS, Scenario};
use crate::take_core::{self, Request, Start, Writer};
use crate::{build, node_release};

/// What a program says of its leak.
#[derive(Debug, Deserialize)]
struct Truth {
    /// Constructor of what has gathered.
    leaked: String,
    /// How many there are: one for each request, mostly.
    count: u64,
    /// Constructor of what they have gathered in; nothing if handles of native code hold them.
    owner: Option<String>,
    /// Where they have gathered, if it is nowhere in particular.
    place: Option<String>,
    /// A class of the program.
    holds: String,
    /// Requests to the route that leaks.
    held: u64,
    /// There are so few of what has gathered.
    few: Option<u64>,
    /// No other suspect has anything to do with it.
    #[serde(default)]
    alone: bool,
    /// Requests that are open for another reason count as well.
    #[serde(default)]
    unanswered: bool,
    /// The last steps of ways to the owner, any of which may be shown.
    paths: Vec<Vec<String>>,
}

pub fn run(mut arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let (mut releases, mut scenarios, mut executable) = (Vec::new(), Vec::new(), None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("node") => releases.push(arguments.value()?.string()?),
            Long("scenario") => scenarios.push(Scenario::find(&arguments.value()?.string()?)?),
            Long("debugger") => executable = Some(arguments.value()?.into()),
            other => return Err(other.unexpected().into()),
        }
    }
    if releases.is_empty() {
        releases = node_release::SUPPORTED.iter().map(|release| (*release).to_owned()).collect();
    }
    if scenarios.is_empty() {
        scenarios = LEAKS.to_vec();
    }
    let executable = executable.map_or_else(build::debugger, Ok)?;
    let mut failed = 0;
    for node in &releases {
        for scenario in &scenarios {
            match check(&executable, node, *scenario) {
                Ok(found) => println!("node {node} {}: {found}", scenario.name),
                Err(error) => {
                    failed += 1;
                    println!("node {node} {} WRONG: {error:#}", scenario.name);
                }
            }
        }
    }
    ensure!(failed == 0, "{failed} leaks of {} are not found", releases.len() * scenarios.len());
    println!("all {} leaks are found", releases.len() * scenarios.len());
    Ok(())
}

fn check(executable: &Path, node: &str, scenario: Scenario) -> Result<String> {
    let directory = take_core::directory_of(scenario.name, node);
    take_core::take_once(&Request {
        node: node.to_owned(),
        scenario,
        directory: directory.clone(),
        writer: Writer::Gdb,
        snapshot: false,
        arguments: Vec::new(),
        start: Start::default(),
        stage: None,
    })?;
    let report: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(directory.join("process.json"))?)?;
    let truth = Truth::deserialize(&report["leak"]).context("the program does not say what it leaks")?;
    let debugger = Debugger::new(executable.to_owned(), &directory.join("core"));
    let holds = &truth.holds;
    let lines = [
        "::jsleaks -n 2".to_owned(),
        format!("::findjsobjects -c {holds} | ::findjsobjects | ::count"),
        format!("::findjsobjects -c {holds} | ::findjsobjects | ::jspath -m -n 0t100"),
    ];
    let answers = debugger.session(&lines)?;
    let place = find(&truth, &answers[0])?;
    let count: u64 = answers[1].trim().parse().context("no count")?;
    // Few are what has gathered themselves, or each holds several.
    let held = if truth.holds == truth.leaked { truth.count } else { truth.held };
    ensure!(count == held, "{count} {holds} are alive, not {held}");
    // The last ones may be held by timers of their connections as well.
    let true_ones: u64 =
        ways(&answers[2]).iter().filter(|(_, way)| leads_through(&truth, way)).map(|(n, _)| n).sum();
    ensure!(10 * true_ones >= 9 * held, "{true_ones} of {held} {holds} have a true way:\n{}", answers[2]);
    let garbage = check_garbage(&debugger)?;
    Ok(format!("suspect {place} is {} {}; {garbage} objects are garbage", truth.count, truth.leaked))
}

/// The living and the garbage of each constructor are all there is of it. These processes have collected no garbage before they
/// held still. Returns how many objects are garbage.
fn check_garbage(debugger: &Debugger) -> Result<u64> {
    let [all, living, garbage] =
        ["-a", "", "-d"].map(|option| debugger.groups_of(option).map(|groups| counts(&groups)));
    let (all, mut sum, garbage) = (all?, living?, garbage?);
    for (constructor, count) in &garbage {
        *sum.entry(constructor.clone()).or_default() += count;
    }
    let differences = constructors::compare(&all, &sum);
    ensure!(differences.is_empty(), "the living and the garbage are not all: {differences:?}");
    Ok(garbage.values().sum())
}

/// Which suspect is the leak, counted from 1.
fn find(truth: &Truth, answer: &str) -> Result<usize> {
    let Truth { count, leaked, .. } = truth;
    let place = match (&truth.owner, &truth.place) {
        (_, Some(place)) => format!(" {leaked} {place} retain "),
        (Some(owner), None) => format!("{count} {leaked} in one {owner} retain "),
        (None, None) => format!("{count} {leaked} held one by one by a global handle retain "),
    };
    for (index, suspect) in answer.split("suspect ").skip(1).enumerate() {
        let Some((before, rest)) = suspect.split_once(&place) else { continue };
        if truth.unanswered {
            let told: u64 = before.rsplit(' ').next().unwrap_or_default().parse().unwrap_or(0);
            ensure!((*count..count + 20).contains(&told), "{told} of {count}:\n{suspect}");
        }
        ensure!(
            !truth.alone
                || !answer.split("suspect ").skip(index + 2).any(|other| other.contains(&truth.holds)),
            "it is told twice:\n{answer}"
        );
        ensure!(
            truth.few.is_some() || truth.holds == *leaked || rest.contains(&format!(" 1 {}", truth.holds)),
            "the {} in it is not named:\n{suspect}",
            truth.holds
        );
        let steps = steps(suspect);
        let ends = truth.owner.is_none()
            || truth.place.is_some()
            || truth.paths.iter().any(|path| steps.ends_with(path));
        ensure!(ends, "another way to it:\n{suspect}");
        return Ok(index + 1);
    }
    bail!("no suspect is `{place}`:\n{answer}")
}

/// Merged ways, and how many objects have each: `400 of 400 (100 %): global object, as to 1b2`, then the steps.
fn ways(answer: &str) -> Vec<(u64, String)> {
    let mut ways: Vec<(u64, String)> = Vec::new();
    for line in answer.lines() {
        let head = line
            .split_once(" %): ")
            .and_then(|(counts, root)| Some((counts.split_once(" of ")?.0.parse().ok()?, root.to_owned())));
        match (head, ways.last_mut()) {
            (Some(head), _) => ways.push(head),
            (None, Some((_, way))) => {
                way.push('\n');
                way.push_str(line);
            }
            (None, None) => {}
        }
    }
    ways
}

/// Whether a way leads over the last steps to the owner.
fn leads_through(truth: &Truth, way: &str) -> bool {
    let steps = steps(way);
    truth.place.is_some()
        || truth.owner.is_none() && way.starts_with("global handle")
        || truth.paths.iter().any(|path| steps.windows(path.len()).any(|part| part == path))
}

/// How each object of a way holds the next. Steps that share a line, as in `.next x 3`, are taken apart again, a few of them.
fn steps(way: &str) -> Vec<String> {
    const MOST: usize = 16;
    let lines = way.lines().map(str::trim).filter(|line| !line.starts_with("added to at "));
    let steps = lines.filter_map(|line| line.split_once(" = ")).map(|(step, _)| step);
    let repeated = steps.flat_map(|step| {
        let (step, times) = match step.rsplit_once(" x ") {
            Some((step, times)) => (step, times.parse().unwrap_or(1)),
            None => (step, 1),
        };
        std::iter::repeat_n(step.to_owned(), times.min(MOST))
    });
    repeated.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "\
suspect 1: 400 Function in one Array retain 264992 bytes, 2 % of the heap
  the largest is 1b2 function onPrice, which retains 664 bytes: 1 Visitor, 1 Array
  way to 1b4 Array: global object
    ad1 global
    .market = 131 EventEmitter
    ._events = 257 Object
    .price = 1b5 Array
suspect 2: 12 Other in one Map retain 5 bytes, 0 % of the heap
";

    fn truth() -> Truth {
        let path = ["._events", ".price"].map(str::to_owned).to_vec();
        Truth {
            leaked: "Function".into(),
            count: 400,
            owner: Some("Array".into()),
            place: None,
            holds: "Visitor".into(),
            held: 400,
            few: None,
            alone: false,
            unanswered: false,
            paths: vec![vec!["closure variable \"all\"".into()], path],
        }
    }

    #[test]
    fn a_leak_is_found_if_all_of_it_is_true() {
        assert_eq!(find(&truth(), ANSWER).unwrap(), 1);
        assert!(find(&Truth { count: 399, ..truth() }, ANSWER).is_err());
        assert!(find(&Truth { owner: Some("Map".into()), ..truth() }, ANSWER).is_err());
        assert!(find(&Truth { holds: "Guest".into(), ..truth() }, ANSWER).is_err());
        assert!(find(&Truth { paths: vec![vec!["._events".into()]], ..truth() }, ANSWER).is_err());
        assert!(find(&Truth { owner: None, ..truth() }, ANSWER).is_err());
    }

    #[test]
    fn a_way_leads_through_the_owner_or_not() {
        let way = "global object\n  .market = 1 A\n  ._events = 2 B\n  .price = 3 C\n  [7] = 4 function f\n";
        assert!(leads_through(&truth(), way));
        assert!(!leads_through(&truth(), &way.replace(".price", ".other")));
        assert!(leads_through(&Truth { owner: None, ..truth() }, "global handle at 12\n  1 UDP\n"));
        let list = "  .head = 1 A\n  .next x 3 = 2 B\n  added to at a.js:1: x[i] = y\n";
        assert_eq!(steps(list), [".head", ".next", ".next", ".next"]);
    }
}
