//! Healthy services with real frameworks, and what `::jsleaks` says of them: the first suspect has to be a small part of the heap, Node.js's
//! own, one of which its own objects say that it is meant to be there, or said to be little: less than 1 MB and 10 % of the heap.
//!
//! The programs are in `testdata/scenarios/services`; each is tried when it has just started, and when it has answered many requests.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use test_support::scenarios::debugger::Debugger;

use crate::scenario::{SERVICES, Scenario};
use crate::take_core::{self, Request, Start, Writer};

/// Requests that a service under load has answered.
const REQUESTS: u64 = 3000;
/// From this part of the heap on, in per cent, a suspect of which nothing is said is a false alarm.
const MUCH: u64 = 3;

/// How services are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// One of so many each day under load, on one line, the next on the next.
    Sample { every: usize, day: usize },
    /// Each, idle and under load, on every line.
    All,
}

/// Tries healthy services, and prints a line for each: how many were tried, and of how many the first suspect is a false alarm.
pub fn try_services(executable: &Path, releases: &[String], extent: Extent) -> (usize, usize) {
    let (mut tried, mut alarms) = (0, 0);
    println!("healthy services: the first suspect, and its part of the heap");
    for (turn, service) in SERVICES.iter().enumerate() {
        for (index, node) in releases.iter().enumerate() {
            if let Extent::Sample { every, day } = extent
                && (turn + day) % (every * releases.len()) != index
            {
                continue;
            }
            let loads = [("idle", 0), ("loaded", REQUESTS)];
            for (load, requests) in loads.into_iter().filter(|it| it.1 > 0 || extent == Extent::All) {
                tried += 1;
                match first_suspect(executable, node, *service, requests) {
                    Ok(found) => println!("node {node} {} {load}: {found}", service.name),
                    Err(error) => {
                        alarms += 1;
                        println!("node {node} {} {load} WRONG: {error:#}", service.name);
                    }
                }
            }
        }
    }
    (tried, alarms)
}

fn first_suspect(executable: &Path, node: &str, service: Scenario, requests: u64) -> Result<String> {
    let directory = take_core::directory_of(&format!("{}-{requests}", service.name), node);
    take_core::take(&Request {
        node: node.to_owned(),
        scenario: service,
        directory: directory.clone(),
        writer: Writer::Gdb,
        snapshot: false,
        arguments: vec![format!("--requests={requests}")],
        start: Start::default(),
        stage: None,
    })?;
    let debugger = Debugger::new(executable.to_owned(), &directory.join("core"));
    let answer = &debugger.session(&["::jsleaks -n 1 -j".to_owned()])?[0];
    let Some(line) = answer.lines().next() else { return Ok("nothing has gathered".to_owned()) };
    let suspect: serde_json::Value = serde_json::from_str(line)?;
    // Of native memory it says how much of that is in use, and nothing of the heap.
    ensure!(suspect["native"].is_null(), "native memory is the first suspect: {line}");
    let percent = suspect["percent"].as_u64().context("no `percent`")?;
    let says = match (suspect["own"] == true, suspect["little"] == true, suspect["meant"]["says"].as_str()) {
        (true, ..) => Some("Node.js's own"),
        (false, _, Some(says)) => Some(says),
        (false, true, None) => Some("said to be little"),
        (false, false, None) => None,
    };
    let text = format!(
        "{percent} %, {} {} in {}{}",
        suspect["count"],
        suspect["constructor"].as_str().unwrap_or_default(),
        suspect["gathererName"].as_str().unwrap_or("several"),
        says.map_or_else(String::new, |says| format!(" ({says})")),
    );
    ensure!(percent < MUCH || says.is_some(), "{text}");
    fs::remove_dir_all(&directory).with_context(|| format!("cannot remove {}", directory.display()))?;
    Ok(text)
}
