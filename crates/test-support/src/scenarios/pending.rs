//! What the scenario `pending` says that it waits for, against what the debugger lists.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::debugger::Debugger;

/// Timers are as late as the program took to get to its end, in milliseconds.
const LATEST: f64 = 5000.0;

/// Compares timers, ticks, immediates, handles, requests and await chains with the program's own lists. Returns how many of each
/// there are.
///
/// # Errors
/// Something differs, or cannot be read.
pub fn check(debugger: &Debugger, report: &Value) -> Result<String> {
    let truth = &report["pending"];
    let lines = ["::jstimers -j", "::jshandles -j", "::jsrequests -j", "::jsasync -j"].map(str::to_owned);
    let answers = debugger.session(&lines)?;
    let [timers, handles, requests, chains] = answers.as_slice() else { anyhow::bail!("no four answers") };
    let (timers, handles, requests, chains) = (rows(timers)?, rows(handles)?, rows(requests)?, rows(chains)?);
    let own = check_timers(truth, &timers)?;
    check_resources(truth, &timers, &handles, &requests)?;
    check_handles(truth, &handles)?;
    let kinds = check_chains(truth, &chains)?;
    Ok(format!(
        "{own} timers, {} handles, {} requests, {kinds} kinds of chains",
        handles.len(),
        requests.len()
    ))
}

fn rows(text: &str) -> Result<Vec<Value>> {
    let parse = |line: &str| serde_json::from_str(line).with_context(|| format!("no line of JSON: {line}"));
    text.lines().map(parse).collect()
}

fn list<'v>(value: &'v Value, name: &str) -> Result<&'v Vec<Value>> {
    value[name].as_array().with_context(|| format!("the program does not say its {name}"))
}

fn counted(items: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for item in items {
        *counts.entry(item).or_default() += 1;
    }
    counts
}

fn is_own(truth: &Value, file: &Value) -> bool {
    let name = truth["file"].as_str().unwrap_or("?");
    file.as_str().is_some_and(|file| file.rsplit('/').next() == Some(name))
}

fn check_timers(truth: &Value, rows: &[Value]) -> Result<usize> {
    let own = |kind: &'static [&str]| {
        rows.iter().filter(move |row| {
            row["kind"].as_str().is_some_and(|own| kind.contains(&own))
                && is_own(truth, &row["callback"]["file"])
        })
    };
    let mut expected: Vec<String> = Vec::new();
    for timer in list(truth, "timers")? {
        let [kind, after, line, name, referenced] =
            ["kind", "after", "line", "callback", "refed"].map(|field| &timer[field]);
        expected.push(format!("{kind} {after} {line} {name} {referenced}"));
    }
    let unnamed: Vec<&Value> = list(truth, "napping")?.iter().collect();
    let shown = own(&["timeout", "interval"]).filter_map(|row| {
        let every = row["every"].as_f64()? as u64;
        if unnamed.iter().any(|after| after.as_u64() == Some(every)) {
            return None;
        }
        let [kind, line, name, referenced] =
            [&row["kind"], &row["callback"]["line"], &row["callback"]["name"], &row["referenced"]];
        Some(format!("{kind} {every} {line} {name} {referenced}"))
    });
    let (expected, shown) = (counted(expected.into_iter()), counted(shown));
    ensure!(expected == shown, "timers are {shown:?}, not {expected:?}");
    for after in list(truth, "sleeping")? {
        let is_it =
            |row: &&Value| row["every"].as_f64() == after.as_f64() && row["callback"]["settles"].is_string();
        ensure!(rows.iter().filter(is_it).count() == 1, "no timer settles a promise after {after} ms");
    }
    for row in own(&["timeout", "interval"]) {
        let (Some(due), Some(every)) = (row["due"].as_f64(), row["every"].as_f64()) else {
            anyhow::bail!("it is not told when {row} is due");
        };
        ensure!(due <= every && due >= every - LATEST, "{row} is not due then");
    }
    for (name, kind) in [("immediates", &["immediate"]), ("ticks", &["tick"])] {
        let expected = list(truth, name)?
            .iter()
            .map(|it| format!("{} {}", it["line"], it["refed"].as_bool().unwrap_or(true)));
        let shown = own(kind).map(|row| format!("{} {}", row["callback"]["line"], row["referenced"]));
        let (expected, shown): (Vec<_>, Vec<_>) = (expected.collect(), shown.collect());
        ensure!(expected == shown, "{name} are {shown:?}, not {expected:?}");
    }
    Ok(own(&["timeout", "interval"]).count())
}

/// `process.getActiveResourcesInfo()`: requests, handles, timers and immediates that keep the process alive.
fn check_resources(truth: &Value, timers: &[Value], handles: &[Value], requests: &[Value]) -> Result<()> {
    let expected: Vec<&str> = list(truth, "resources")?.iter().filter_map(Value::as_str).collect();
    let mut shown: Vec<&str> =
        requests.iter().chain(handles).filter_map(|row| row["kind"].as_str()).collect();
    let counts = |kinds: &[&str]| {
        let is_it = |row: &&Value| {
            row["referenced"] == true && row["kind"].as_str().is_some_and(|kind| kinds.contains(&kind))
        };
        timers.iter().filter(is_it).count()
    };
    shown.extend(std::iter::repeat_n("Timeout", counts(&["timeout", "interval"])));
    shown.extend(std::iter::repeat_n("Immediate", counts(&["immediate"])));
    ensure!(expected == shown, "active are {shown:?}, not {expected:?}");
    Ok(())
}

/// `process._getActiveHandles()`, and what the program knows of each.
fn check_handles(truth: &Value, handles: &[Value]) -> Result<()> {
    let expected = list(truth, "handles")?;
    ensure!(expected.len() == handles.len(), "{} handles, not {}", handles.len(), expected.len());
    let port = |address: &Value| -> Option<u64> { address.as_str()?.rsplit(':').next()?.parse().ok() };
    for (expected, shown) in expected.iter().zip(handles) {
        let same = [
            ("constructor", shown["constructor"].clone()),
            ("fd", shown["fd"].clone()),
            ("connectionKey", shown["listening"].clone()),
            ("pid", shown["process"].clone()),
            ("local", port(&shown["local"]).into()),
            ("peer", port(&shown["peer"]).into()),
        ];
        for (name, shown) in same {
            let expected = &expected[name];
            ensure!(
                expected.is_null() || *expected == shown,
                "{name} of a handle is {shown}, not {expected}"
            );
        }
    }
    let listens = |handle: &&Value| {
        let listeners = handle["listeners"].as_array();
        listeners.is_some_and(|listeners| {
            listeners.iter().any(|it| it["name"] == "onData" && is_own(truth, &it["file"]))
        })
    };
    let count = handles.iter().filter(listens).count();
    let expected = truth["listening"].as_u64().context("the program does not say how many listen")?;
    ensure!(count as u64 == expected, "{count} handles have a listener onData, not {expected}");
    Ok(())
}

fn check_chains(truth: &Value, chains: &[Value]) -> Result<usize> {
    let mut expected = BTreeMap::new();
    for chain in list(truth, "chains")? {
        let links = list(chain, "links")?.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" <- ");
        let count = chain["count"].as_u64().context("no count")?;
        expected.insert(format!("{links}, {}", chain["wakes"].as_str().unwrap_or("?")), count);
    }
    let mut shown = BTreeMap::new();
    let mut reads = 0;
    for chain in chains {
        let links = list(chain, "links")?;
        if !links.iter().any(|link| is_own(truth, &link["file"])) {
            continue;
        }
        // What Node.js does between a file and who reads it differs from release to release.
        if links.iter().any(|link| link["name"] == "reader") {
            ensure!(chain["settler"] == "native", "{chain} waits for a file");
            reads += 1;
            continue;
        }
        let links: Vec<String> = links
            .iter()
            .map(|link| match link["waits"].as_str().unwrap_or("?") {
                "await" => {
                    format!("{} {}:{}", link["name"].as_str().unwrap_or("?"), link["line"], link["column"])
                }
                kind @ ("all" | "allSettled" | "any" | "race") => format!("Promise.{kind}"),
                kind => kind.to_owned(),
            })
            .collect();
        let text = format!("{}, {}", links.join(" <- "), chain["settler"].as_str().unwrap_or("?"));
        *shown.entry(text).or_default() += chain["count"].as_u64().context("no count")?;
    }
    ensure!(expected == shown, "chains are {shown:#?}, not {expected:#?}");
    ensure!(reads == 1, "{reads} chains wait for a file");
    Ok(expected.len())
}
