//! `cargo xtask locals`: the variables of functions on a stack, by name, against what the program says of them.
//!
//! `testdata/scenarios/locals.js` stops deep in functions that declare variables in every way that the language has, and says which of
//! them each function has in scope, with their values, and which it has not reached yet. It runs once as it is, and once with its functions
//! compiled by each of V8's compilers. All variables must be there, once each, with these values, and no others: of optimised code
//! some may be optimised away.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use test_support::scenarios::debugger::Debugger;

use crate::population::Population;
use crate::scenario::Scenario;
use crate::take_core::{self, Request, Start, Writer};

/// What runs.
const SCENARIO: &str = "locals";
/// What its functions are compiled with.
const TIERS: [Option<&str>; 4] = [None, Some("baseline"), Some("maglev"), Some("turbofan")];
/// Failures printed of each release.
const SHOWN: usize = 12;
/// Why optimised code does not have a value.
const GONE: [&str; 2] = ["optimized away", "an object that was never allocated"];
/// The function that says what its caller has.
const SAYS: &str = "reached ";
/// Names that the program says nothing about: a parameter of all functions, and what all functions have.
const COMMON: [&str; 3] = ["this", "next", "arguments"];

pub fn run(arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let (population, mut arguments) = Population::of(arguments)?;
    let mut keep = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("keep") => keep = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let releases = population.releases();
    let executable = population.debugger()?;
    let mut failed = 0;
    for node in &releases {
        let mut found = Found::default();
        for tier in TIERS {
            let name = tier.unwrap_or("own");
            let one = compare(&executable, node, tier, keep);
            found.add(name, one.with_context(|| format!("{node}, compiled by {name}"))?);
        }
        let Found { variables, unreached, gone, failures } = &found;
        println!(
            "node {node:8} {variables} variables with values, {unreached} unreached, {gone} optimized away"
        );
        for failure in failures.iter().take(SHOWN) {
            println!("    {failure}");
        }
        if failures.len() > SHOWN {
            println!("    and {} more", failures.len() - SHOWN);
        }
        failed += usize::from(!failures.is_empty());
    }
    ensure!(failed == 0, "the variables of {failed} of {} releases are not read right", releases.len());
    Ok(())
}

/// A core of one release.
fn compare(executable: &Path, node: &str, tier: Option<&str>, keep: bool) -> Result<Found> {
    let directory = take_core::directory_of(&format!("{SCENARIO}-{}", tier.unwrap_or("own")), node);
    let was_there = directory.join("core").is_file();
    take_core::take_once(&Request {
        node: node.to_owned(),
        scenario: Scenario::find(SCENARIO)?,
        directory: directory.clone(),
        writer: Writer::Gdb,
        snapshot: false,
        arguments: tier.map(|tier| format!("--tier={tier}")).into_iter().collect(),
        start: Start::default(),
        stage: None,
    })?;
    let found = compare_one(executable, &directory);
    if !keep && !was_there {
        fs::remove_dir_all(&directory)?;
    }
    found
}

/// What was compared.
#[derive(Debug, Default, PartialEq)]
struct Found {
    variables: usize,
    unreached: usize,
    gone: usize,
    failures: Vec<String>,
}

impl Found {
    fn add(&mut self, name: &str, other: Found) {
        self.variables += other.variables;
        self.unreached += other.unreached;
        self.gone += other.gone;
        self.failures.extend(other.failures.into_iter().map(|failure| format!("{name}: {failure}")));
    }
}

/// A function on the stack, with its variables.
#[derive(Debug)]
struct Call {
    text: String,
    is_optimized: bool,
    variables: Vec<Value>,
}

fn compare_one(executable: &Path, directory: &Path) -> Result<Found> {
    let report = fs::read_to_string(directory.join("process.json")).context("no report of the process")?;
    let report: Value = serde_json::from_str(&report)?;
    let theirs = report["calls"].as_array().context("the program has not said what it has")?;
    let debugger = Debugger::new(executable.to_owned(), &directory.join("core"));
    let ask = |line: &str| -> Result<Vec<Value>> {
        debugger.evaluate(line)?.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    };
    let calls = calls_of(&ask("::jsstack -j")?, ask("::walk jsframe | ::jslocals -j")?)?;
    Ok(compare_calls(theirs, &calls))
}

/// The functions of `::jsstack -j` with the variables of `::jslocals -j`: those of one function in one frame belong together.
fn calls_of(stack: &[Value], variables: Vec<Value>) -> Result<Vec<Call>> {
    let mut of_calls: Vec<Vec<Value>> = Vec::new();
    for variable in variables {
        let is_same = |other: &Value| ["frame", "function"].iter().all(|key| other[key] == variable[key]);
        match of_calls.last_mut().filter(|own| own.first().is_some_and(is_same)) {
            Some(own) => own.push(variable),
            None => of_calls.push(vec![variable]),
        }
    }
    ensure!(of_calls.len() == stack.len(), "{} calls, {} with variables", stack.len(), of_calls.len());
    let call = |(call, variables): (&Value, Vec<Value>)| Call {
        text: call["text"].as_str().unwrap_or_default().to_owned(),
        is_optimized: matches!(call["tier"].as_str(), Some("Maglev" | "TurboFan")),
        variables,
    };
    Ok(stack.iter().zip(of_calls).map(call).collect())
}

/// Calls, innermost first, against what the program says, outermost first: a call that it says something of stands behind the one with
/// which it says that, or it is the code of a module.
fn compare_calls(theirs: &[Value], calls: &[Call]) -> Found {
    let mut found = Found::default();
    let is_next = |call: &Call| call.text.contains(SAYS);
    let mut behind: Vec<&Call> =
        calls.windows(2).filter(|pair| is_next(&pair[0])).map(|pair| &pair[1]).collect();
    for module in ["locals.js", "locals.mjs"] {
        let is_module = |call: &&Call| {
            let is_anonymous = !call.text.contains('(') || call.text.starts_with("Object.<anonymous> ");
            is_anonymous && call.text.contains(module)
        };
        behind.extend(calls.iter().rev().find(is_module));
    }
    behind.reverse();
    if behind.len() != theirs.len() {
        let (own, other) = (behind.len(), theirs.len());
        found.failures.push(format!("{own} calls on the stack, and the program says {other}"));
        return found;
    }
    for (theirs, call) in theirs.iter().zip(behind) {
        compare_call(theirs, call, &mut found);
    }
    found
}

fn compare_call(theirs: &Value, call: &Call, found: &mut Found) {
    let link = theirs["name"].as_str().unwrap_or_default();
    let mut fail = |failure: String| found.failures.push(format!("{link} ({}): {failure}", call.text));
    let own = |name: &str| call.variables.iter().filter(|own| own["name"] == name).collect::<Vec<_>>();
    let has = theirs["has"].as_object().into_iter().flatten();
    let names = |key: &str| -> Vec<&str> {
        theirs[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let (none, captured) = (names("none"), names("captured"));
    let (mut variables, mut gone, mut unreached) = (0, 0, 0);
    for (name, value) in has {
        match own(name).as_slice() {
            [one] if one["missing"].is_null() && (*value == one["value"] || value.is_null()) => {
                variables += 1
            }
            [_] if name == "next" => {}
            [one] if call.is_optimized && GONE.iter().any(|why| one["missing"] == *why) => gone += 1,
            [] if call.is_optimized && captured.contains(&name.as_str()) => gone += 1,
            [one] => fail(format!("{name} is {value}, found {one}")),
            several => fail(format!("{name} is there {} times", several.len())),
        }
    }
    for name in &none {
        match own(name).as_slice() {
            [one] if one["value"]["type"] == "uninitialized" => unreached += 1,
            other => fail(format!("{name} is not reached yet, found {other:?}")),
        }
    }
    let is_register = |name: &str| {
        let digits = name.strip_prefix("arg").or_else(|| name.strip_prefix('r'));
        digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    for name in call.variables.iter().filter_map(|own| own["name"].as_str()) {
        let is_known = theirs["has"].get(name).is_some() || none.contains(&name);
        if theirs["more"] != true
            && !is_known
            && !COMMON.contains(&name)
            && !is_register(name)
            && !name.starts_with('.')
        {
            fail(format!("{name} is not in scope"));
        }
    }
    found.variables += variables;
    found.gone += gone;
    found.unreached += unreached;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(text: &str, is_optimized: bool, variables: &[(&str, Value, Value)]) -> Call {
        let variable = |(name, value, missing): &(&str, Value, Value)| json!({ "name": name, "value": value, "missing": missing });
        let variables = variables.iter().map(variable).collect();
        Call { text: text.to_owned(), is_optimized, variables }
    }

    fn compared(call: &Call) -> Found {
        let mut found = Found::default();
        compare_call(
            &json!({ "name": "link", "has": { "a": "one", "b": null }, "none": ["c"] }),
            call,
            &mut found,
        );
        found
    }

    #[test]
    fn every_variable_has_its_value_or_is_optimized_away() {
        let none = json!({ "type": "uninitialized" });
        let (a, b) = (("a", json!("one"), Value::Null), ("b", json!(2), Value::Null));
        let c = ("c", none, Value::Null);
        let right = compared(&call("f (a.js:1:1)", false, &[a.clone(), b.clone(), c.clone()]));
        assert_eq!(right, Found { variables: 2, unreached: 1, gone: 0, failures: Vec::new() });
        let gone = ("a", Value::Null, json!("optimized away"));
        let all = [gone, b.clone(), c.clone()];
        assert_eq!(compared(&call("f", true, &all)).failures, [""; 0]);
        assert_eq!(compared(&call("f", false, &all)).failures.len(), 1);
        let wrong = ("a", json!("other"), Value::Null);
        assert_eq!(compared(&call("f", false, &[wrong, b.clone(), c.clone()])).failures.len(), 1);
        assert_eq!(compared(&call("f", false, &[a.clone(), b.clone()])).failures.len(), 1, "c is missing");
        let more = ("d", json!(1), Value::Null);
        assert_eq!(compared(&call("f", false, &[a, b, c, more])).failures, ["link (f): d is not in scope"]);
    }

    #[test]
    fn a_call_stands_behind_the_function_that_it_calls() {
        let theirs = [
            json!({ "name": "top", "has": { "a": 1 } }),
            json!({ "name": "outer", "has": { "a": 2 } }),
            json!({ "name": "inner", "has": { "a": 3 } }),
        ];
        let with = |text: &str, value: i32| call(text, false, &[("a", json!(value), Value::Null)]);
        let calls = [
            with("freeze (a.js:1:1)", 0),
            with("Object.reached [as next] (a.js:1:1)", 0),
            with("f (a.js:1:1)", 3),
            with("enter (a.js:1:1)", 0),
            with("Object.reached [as next] (a.js:1:1)", 0),
            with("g (a.js:1:1)", 2),
            with("Object.<anonymous> (locals.js:1:1)", 1),
        ];
        assert_eq!(compare_calls(&theirs, &calls).failures, [""; 0]);
        assert_eq!(compare_calls(&theirs[1..], &calls).failures.len(), 1, "one says nothing");
    }
}
