//! Two or three stages of `testdata/scenarios/growth.js` side by side: what the program says, what V8's own snapshots count, and
//! what the debugger prints.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

use super::constructors::Counts;
use super::debugger::Debugger;
use super::testdata;

/// `growth.stages.json`: amounts by stage, as the program makes them.
#[derive(Debug, Clone, Deserialize)]
pub struct Stages {
    constructors: BTreeMap<String, [u64; 3]>,
    owners: BTreeMap<String, [u64; 3]>,
    replaced: BTreeMap<String, u64>,
    texts: BTreeMap<String, [u64; 3]>,
    buffers: BTreeMap<u64, [u64; 3]>,
    newcomers: BTreeMap<String, Numbered>,
}

/// Objects at numbered places.
#[derive(Debug, Clone, Deserialize)]
struct Numbered {
    /// With `#` in the place of the number.
    path: String,
    /// The greatest number at each stage.
    until: [i64; 3],
}

/// The rows of `::diff -j`.
#[derive(Debug, Clone)]
struct Rows(Vec<Value>);

impl Rows {
    fn of<'r>(&'r self, section: &'r str) -> impl Iterator<Item = &'r Value> {
        self.0.iter().filter(move |row| row["section"] == section)
    }

    fn find(&self, section: &str, field: &str, wanted: &Value) -> Option<&Value> {
        self.0.iter().find(|row| row["section"] == section && row[field] == *wanted)
    }
}

fn numbers(list: &Value) -> Vec<u64> {
    list.as_array().map_or_else(Vec::new, |list| list.iter().filter_map(Value::as_u64).collect())
}

/// Holds what the debugger says of the last of some stages, beside the others, against the facts; gives what is not so. `cores` and
/// `truths`, what V8 counts, are those of `stages`.
///
/// # Errors
/// The debugger cannot be run, or says what cannot be read.
pub fn check(
    debugger: &Debugger,
    stages: &[usize],
    cores: &[&Path],
    truths: &[Counts],
) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(testdata().join("scenarios/growth.stages.json"))?;
    let facts: Stages = serde_json::from_str(&text).context("growth.stages.json does not hold facts")?;
    let older: Vec<String> =
        cores[..cores.len() - 1].iter().map(|core| format!("\"{}\"", core.display())).collect();
    let ask = |options: &str| -> Result<Rows> {
        let text = debugger.evaluate(&format!("::diff -j {options} {}", older.join(" ")))?;
        let read = |line: &str| serde_json::from_str(line).with_context(|| format!("no JSON: {line}"));
        Ok(Rows(text.lines().map(read).collect::<Result<_>>()?))
    };
    let mut failures = Vec::new();
    let mut expect = |what: String, expected: Value, found: Value| {
        if expected != found {
            failures.push(format!("stages {stages:?}: {what}: expected {expected}, found {found}"));
        }
    };
    let at = |amounts: &[u64; 3]| stages.iter().map(|stage| amounts[stage - 1]).collect::<Vec<_>>();
    let has_changed = |amounts: &[u64]| amounts.iter().any(|amount| *amount != amounts[0]);
    let stayed = |amounts: &[u64]| amounts[1..].iter().min().unwrap_or(&0).saturating_sub(amounts[0]);

    let rows = ask("-a -kotbm")?;
    for (section, field, groups) in
        [("constructor", "name", &facts.constructors), ("owner", "path", &facts.owners)]
    {
        for (name, amounts) in groups {
            let amounts = at(amounts);
            let found = rows.find(section, field, &name.as_str().into());
            let count = found.map_or(Value::Null, |row| row["count"].clone());
            let expected = if has_changed(&amounts) { amounts.clone().into() } else { Value::Null };
            expect(format!("{section} {name}"), expected, count);
            if let Some(found) = found.filter(|_| stages.len() > 2) {
                expect(
                    format!("stayed of {section} {name}"),
                    stayed(&amounts).into(),
                    found["stayed"].clone(),
                );
            }
        }
    }
    // By how much all constructors have grown, those of Node.js as well, V8 knows: but for one object that the writing of a
    // snapshot has at hand, and that may be left over in native memory behind it.
    let names: BTreeSet<&String> = truths.iter().flat_map(Counts::keys).collect();
    for name in names {
        let amounts: Vec<u64> = truths.iter().map(|truth| truth.get(name).copied().unwrap_or(0)).collect();
        let found = rows.find("constructor", "name", &name.as_str().into());
        let counts = found.map_or_else(|| vec![0; amounts.len()], |row| numbers(&row["count"]));
        let growth = |counts: &[u64]| -> Vec<i64> {
            counts.iter().map(|count| *count as i64 - counts[0] as i64).collect()
        };
        let (truth, found) = (growth(&amounts), growth(&counts));
        let most = i64::from(name == "Uint8Array");
        if truth.iter().zip(&found).any(|(truth, found)| (truth - found).abs() > most) {
            expect(format!("{name} by V8's snapshots"), truth.into(), found.into());
        }
    }
    for (path, others) in &facts.replaced {
        let found = rows.find("owner", "path", &path.as_str().into());
        for field in ["added", "gone"] {
            let count = found.map_or(Value::Null, |row| row[field].clone());
            expect(format!("{field} of {path}"), (*others).into(), count);
        }
    }
    for (text, amounts) in &facts.texts {
        let found = rows.find("string", "text", &text.as_str().into());
        let counts = found.map_or_else(Vec::new, |row| numbers(&row["count"]));
        // The program has the text once more.
        let copies: Vec<u64> = counts.iter().map(|count| count.saturating_sub(1)).collect();
        expect(format!("copies of {text:?}"), at(amounts).into(), copies.into());
    }
    for (size, amounts) in &facts.buffers {
        let own: Vec<&Value> = rows.of("buffer").filter(|row| row["least"] == *size).collect();
        let amounts = at(amounts);
        let growth = |of: &dyn Fn(&Value, usize) -> u64| {
            let sum = |stage: usize| own.iter().map(|row| of(row, stage)).sum::<u64>();
            sum(stages.len() - 1) - sum(0)
        };
        let expected = amounts[stages.len() - 1] - amounts[0];
        let count = growth(&|row, stage| row["count"][stage].as_u64().unwrap_or(0));
        let bytes = growth(&|row, stage| row["bytes"][stage].as_u64().unwrap_or(0));
        expect(format!("buffers of {size} bytes"), expected.into(), count.into());
        expect(format!("bytes of buffers of {size} bytes"), (expected * size).into(), bytes.into());
    }
    // Each archive is a mapping of its own, or is joined to one. The heap of V8 is mapped as well, and what else it takes and
    // gives back is not for the program to say.
    const NOISE: i128 = 4 << 20;
    let anonymous = rows.of("mapping").filter(|row| {
        row["permissions"] == "rw-" && row["name"].as_str().is_some_and(|name| name.starts_with("[ anon ]"))
    });
    let grown: i128 = anonymous
        .map(|row| {
            let bytes = |stage: usize| i128::from(row["bytes"][stage].as_u64().unwrap_or(0));
            bytes(stages.len() - 1) - bytes(0)
        })
        .sum();
    let archives = at(&facts.owners["global.broker.archives"]);
    let least = i128::from(archives[stages.len() - 1] - archives[0]) << 26;
    let is_so = (least - NOISE..least + NOISE).contains(&grown);
    expect(format!("mappings grew by {grown} bytes, about {least}"), true.into(), is_so.into());

    for (name, numbered) in &facts.newcomers {
        let rows = ask(&format!("-c {name}"))?;
        let mut found: Vec<String> =
            rows.of("object").filter_map(|row| row["path"].as_str().map(str::to_owned)).collect();
        found.sort();
        let until: Vec<i64> = stages.iter().map(|stage| numbered.until[stage - 1]).collect();
        let last = until[1..].iter().copied().min().unwrap_or(-1);
        let path = |number: i64| numbered.path.replace('#', &number.to_string());
        let mut expected: Vec<String> = (until[0] + 1..=last).map(path).collect();
        expected.sort();
        expect(format!("new objects of {name}"), expected.into(), found.into());
    }
    Ok(failures)
}
