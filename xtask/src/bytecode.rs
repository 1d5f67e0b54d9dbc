//! `cargo xtask bytecode`: what `::jsbytecode` says of a function against what V8 itself has printed of it (`--print-bytecode`):
//! instruction by instruction, with offset, bytes, registers, targets of jumps and places in the source, and what catches exceptions.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use regex::Regex;
use serde_json::Value;
use test_support::scenarios::debugger::Debugger;

use crate::take_core::{self, Running};
use crate::{build, node_release, places};

/// The function that is printed.
const FUNCTION: &str = "everything";
/// What is given up for.
const PATIENCE: Duration = Duration::from_secs(120);
/// Differences printed of each release.
const SHOWN: usize = 10;

pub fn run(mut arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let (mut releases, mut debugger) = (Vec::new(), None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("node") => releases.push(arguments.value()?.string()?),
            Long("debugger") => debugger = Some(PathBuf::from(arguments.value()?)),
            other => return Err(other.unexpected().into()),
        }
    }
    if releases.is_empty() {
        releases = node_release::SUPPORTED.iter().map(|release| (*release).to_owned()).collect();
    }
    let executable = debugger.map_or_else(build::debugger, Ok)?;
    let mut failed = 0;
    for node in &releases {
        let (compared, differences) = compare(&executable, node).with_context(|| node.clone())?;
        println!("node {node:8} {compared} instructions and handlers, {} differences", differences.len());
        for difference in differences.iter().take(SHOWN) {
            println!("    {difference}");
        }
        failed += usize::from(!differences.is_empty());
    }
    ensure!(failed == 0, "the bytecode of {failed} of {} releases is not read right", releases.len());
    Ok(())
}

fn compare(executable: &Path, node: &str) -> Result<(usize, Vec<String>)> {
    let directory = tempfile::tempdir()?;
    let program = places::scenarios().join("bytecode.js");
    let printed = print(node, &program, directory.path())?;
    let debugger = Debugger::new(executable.to_owned(), &directory.path().join("core"));
    let ask = |options: &str| {
        debugger.evaluate(&format!("::jsfunctions -n {FUNCTION} | ::head -1 | ::jsbytecode {options}"))
    };
    let theirs = theirs(&printed, &fs::read_to_string(&program)?)?;
    ensure!(theirs.len() > 100, "V8 has printed {} lines only", theirs.len());
    let mut ours: Vec<String> = ask("-j")?.lines().map(of_json).collect::<Result<_>>()?;
    ours.extend(ask("")?.lines().filter(|line| line.starts_with("exceptions ")).map(str::to_owned));
    let mut differences = Vec::new();
    for index in 0..theirs.len().max(ours.len()) {
        let (own, other) = (ours.get(index), theirs.get(index));
        if own != other {
            differences.push(format!("{own:?}, and V8 says {other:?}"));
        }
    }
    Ok((theirs.len(), differences))
}

/// What V8 prints; the core is called `core`.
fn print(node: &str, program: &Path, directory: &Path) -> Result<String> {
    let stdout = directory.join("stdout");
    let mut command = Command::new(node_release::executable(node)?);
    command.args(["--print-bytecode", &format!("--print-bytecode-filter={FUNCTION}")]).arg(program);
    command.stdin(Stdio::null()).stdout(File::create(&stdout)?);
    let mut process = Running(command.spawn().context("cannot run node")?);
    let start = Instant::now();
    while !fs::read_to_string(&stdout)?.contains("READY ") {
        ensure!(process.0.try_wait()?.is_none() && start.elapsed() < PATIENCE, "it was not ready");
        sleep(Duration::from_millis(20));
    }
    take_core::gcore(process.0.id(), directory)?;
    Ok(fs::read_to_string(stdout)?)
}

/// `12: GetNamedProperty 2f 03 00 00; a0; to ; at 36:12`: what both say.
fn line(offset: &str, name: &str, bytes: &str, registers: &[String], target: &str, place: &str) -> String {
    // From V8 14.6 on comparisons count what they have met in their own bytes.
    let bytes = if name.starts_with("Test") { bytes.get(..5).unwrap_or(bytes) } else { bytes };
    format!("{offset}: {name} {bytes}; {}; to {target}; at {place}", registers.join(" "))
}

/// Registers in the text of an instruction.
fn registers(text: &str) -> Vec<String> {
    let register =
        Regex::new(r"(?:^|[ ,])(r\d+-r\d+|r\d+|a\d+|<this>|<context>|<closure>)").expect("it is one");
    register.captures_iter(text).map(|found| found[1].to_owned()).collect()
}

/// What V8 has printed of the function, the last time that it printed it.
fn theirs(printed: &str, source: &str) -> Result<Vec<String>> {
    // `   36 S> 0x225f71a3d3c @    6 : 2d 03 00 00       GetNamedProperty a0, [0], [0]`
    let instruction = Regex::new(
        r"^ *(?:(\d+) [SEse]> )? *0x[0-9a-f]+ @ +(\d+) : ((?:[0-9a-f]{2} )+) *(\w+)(?:\.\w+)?(.*)$",
    )?;
    let target = Regex::new(r"\(0x[0-9a-f]+ @ (\d+)\)")?;
    let handler = Regex::new(r"^ *\( *(\d+), *(\d+)\) *-> *(\d+) \(prediction=\d+, data=(\d+)\)")?;
    let own = printed.rsplit("[generated bytecode for function: everything").next();
    let own = own.context("V8 has printed nothing")?;
    let mut found = Vec::new();
    for text in own.lines() {
        if let Some(parts) = instruction.captures(text) {
            let part = |index: usize| parts.get(index).map_or("", |part| part.as_str());
            let place = part(1).parse().map_or_else(|_| String::new(), |position| place_of(source, position));
            let rest = part(5);
            let target = target.captures(rest).map_or_else(String::new, |found| found[1].to_owned());
            found.push(line(part(2), part(4), part(3).trim(), &registers(rest), &target, &place));
        } else if let Some(parts) = handler.captures(text) {
            let (from, to, at, register) = (&parts[1], &parts[2], &parts[3], &parts[4]);
            found.push(format!("exceptions from {from} to {to}: go on at {at}, context in r{register}"));
        }
    }
    Ok(found)
}

/// Line and column of a position in a source.
fn place_of(source: &str, position: usize) -> String {
    let before: Vec<char> = source.chars().take(position).collect();
    let line = before.iter().filter(|c| **c == '\n').count() + 1;
    let column = before.iter().rev().take_while(|c| **c != '\n').count() + 1;
    format!("{line}:{column}")
}

/// The same of a line of ours.
fn of_json(text: &str) -> Result<String> {
    let own: Value = serde_json::from_str(text)?;
    let field = |name: &str| own[name].as_str().unwrap_or_default();
    // Cases have several targets, which V8 prints otherwise.
    let target = match own["targets"].as_array().map(Vec::as_slice) {
        Some([target]) if !field("name").starts_with("Switch") => target.to_string(),
        _ => String::new(),
    };
    let place = match own["line"].as_u64() {
        Some(line) => format!("{line}:{}", own["column"]),
        None => String::new(),
    };
    let text = field("text").split_once(' ').map_or("", |(_, rest)| rest);
    let offset = own["offset"].to_string();
    Ok(line(&offset, field("name"), field("bytes"), &registers(&format!(" {text}")), &target, &place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_come_to_the_same() {
        let printed = "[generated bytecode for function: everything (0x1 <SharedFunctionInfo everything>)]\n   \
                       14 S> 0x2f8 @   6 : 2d 03 00 00       GetNamedProperty a0, [0], [0]\n         \
                       0x2f9 @   10 : a0 05             JumpIfTrue [5] (0x2fe @ 15)\n  \
                       (   3,  48)  ->    48 (prediction=0, data=5)\n";
        let found = theirs(printed, "one line\ntwo lines\n").unwrap();
        assert_eq!(found[0], "6: GetNamedProperty 2d 03 00 00; a0; to ; at 2:6");
        let ours = r#"{"offset":6,"bytes":"2d 03 00 00","name":"GetNamedProperty","text":"GetNamedProperty a0, [0], [0]","targets":[],"line":2,"column":6}"#;
        assert_eq!(of_json(ours).unwrap(), found[0]);
        assert_eq!(found[1], "10: JumpIfTrue a0 05; ; to 15; at ");
        assert_eq!(found[2], "exceptions from 3 to 48: go on at 48, context in r5");
    }
}
