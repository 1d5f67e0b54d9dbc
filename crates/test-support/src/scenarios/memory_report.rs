//! What a debugger says of the memory of a process, held against what the process wrote last of all: the numbers of
//! `v8.getHeapSpaceStatistics()`, `v8.getHeapStatistics()` and `process.memoryUsage()`.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use super::debugger::Debugger;

/// Compares `::v8spaces`, `::jsbuffers` and `::nodeinfo` with `report`; each thing that is wrong becomes a line.
///
/// # Errors
/// The debugger cannot be run, or prints something else than JSON.
pub fn check(debugger: &Debugger, report: &Value, failures: &mut Vec<String>) -> Result<()> {
    let mut failures = Failures(failures);
    let slack = report["newSpacePerReport"].as_u64().unwrap_or(0);
    check_spaces(&json_lines(&debugger.evaluate("::v8spaces -j")?)?, report, slack, &mut failures);
    check_buffers(&json_lines(&debugger.evaluate("::jsbuffers -j")?)?, report, &mut failures);
    let info = json_lines(&debugger.evaluate("::nodeinfo -j")?)?;
    check_process(info.first().context("::nodeinfo prints nothing")?, report, slack, &mut failures);
    Ok(())
}

/// One JSON object a line.
fn json_lines(text: &str) -> Result<Vec<Value>> {
    text.lines().map(|line| serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))).collect()
}

struct Failures<'f>(&'f mut Vec<String>);

impl Failures<'_> {
    fn compare(&mut self, what: &str, said: &Value, found: &Value) {
        if said != found || said.is_null() {
            self.0.push(format!("{what}: the process said {said}, found {found}"));
        }
    }

    /// The report was turned into text and written after V8 had counted, in the young generation: between one byte and
    /// what a whole report takes.
    fn compare_written(&mut self, what: &str, said: &Value, found: &Value, slack: u64) -> u64 {
        let written = found.as_u64().zip(said.as_u64()).and_then(|(found, said)| found.checked_sub(said));
        match written {
            Some(written) if (1..slack).contains(&written) => written,
            _ => {
                self.0.push(format!(
                    "{what}: the process said {said}, found {found}, more by up to {slack} allowed"
                ));
                0
            }
        }
    }
}

/// Bytes that V8 took of a space for itself while the last report was written, such as for a feedback vector: no more than a kilobyte,
/// and as many are no longer available.
fn since(said: &Value, found: &Value) -> u64 {
    const MOST: u64 = 1 << 10;
    let difference = |more: &Value, less: &Value| more.as_u64()?.checked_sub(less.as_u64()?);
    let taken = difference(&found["used"], &said["space_used_size"]);
    let gone = difference(&said["space_available_size"], &found["available"]);
    taken.filter(|taken| *taken <= MOST && gone == Some(*taken)).unwrap_or(0)
}

fn check_spaces(found: &[Value], report: &Value, slack: u64, failures: &mut Failures<'_>) {
    let found: BTreeMap<&str, &Value> =
        found.iter().filter_map(|space| Some((space["space"].as_str()?, space))).collect();
    let said = report["heapSpaceStatistics"].as_array().map_or(&[][..], Vec::as_slice);
    if said.is_empty() || said.len() != found.len() {
        failures.0.push(format!("the process said {} spaces, found {}", said.len(), found.len()));
    }
    for said in said {
        let name = said["space_name"].as_str().unwrap_or_default();
        let Some(found) = found.get(name) else {
            failures.0.push(format!("no {name}"));
            continue;
        };
        let written = match name {
            "new_space" => failures.compare_written(name, &said["space_used_size"], &found["used"], slack),
            _ => since(said, found),
        };
        if name != "new_space" {
            let used = found["used"].as_u64().map_or(Value::Null, |used| used.saturating_sub(written).into());
            failures.compare(&format!("used of {name}"), &said["space_used_size"], &used);
        }
        let available =
            found["available"].as_u64().map_or(Value::Null, |available| (available + written).into());
        failures.compare(&format!("size of {name}"), &said["space_size"], &found["size"]);
        failures.compare(&format!("available of {name}"), &said["space_available_size"], &available);
        failures.compare(&format!("physical of {name}"), &said["physical_space_size"], &found["physical"]);
        // The pages come from other memory than the counters.
        failures.compare(&format!("pages of {name}"), &said["space_size"], &found["page_bytes"]);
    }
}

fn check_buffers(stores: &[Value], report: &Value, failures: &mut Failures<'_>) {
    let allocated: u64 = stores
        .iter()
        .filter(|store| store["kind"] == "ArrayBuffer" || store["kind"] == "SharedArrayBuffer")
        .filter_map(|store| store["bytes"].as_u64())
        .sum();
    failures.compare("arrayBuffers", &report["memoryUsage"]["arrayBuffers"], &allocated.into());
}

fn check_process(found: &Value, report: &Value, slack: u64, failures: &mut Failures<'_>) {
    for (mine, said) in [
        ("versions", &report["versions"]),
        ("node", &report["versions"]["node"]),
        ("v8", &report["versions"]["v8"]),
        ("executable", &report["execPath"]),
        ("arguments", &report["argv"]),
        ("exec_arguments", &report["execArgv"]),
        ("title", &report["title"]),
        ("pid", &report["pid"]),
        ("ppid", &report["ppid"]),
        ("uid", &report["uid"]),
        ("directory", &report["cwd"]),
        ("exit_code", &report["exitCode"]),
    ] {
        failures.compare(mine, said, &found[mine]);
    }
    let memory = &found["isolates"][0];
    // Node.js tells it twice from 16.11 on.
    if let Some(said) = report["heapStatistics"].get("external_memory") {
        failures.compare("external", said, &memory["external"]);
    }
    for (mine, said) in [
        ("heapTotal", &report["heapStatistics"]["total_heap_size"]),
        ("external", &report["memoryUsage"]["external"]),
        ("arrayBuffers", &report["memoryUsage"]["arrayBuffers"]),
    ] {
        failures.compare(mine, said, &memory[mine]);
    }
    let said = &report["heapStatistics"]["used_heap_size"];
    failures.compare_written("heapUsed", said, &memory["heapUsed"], slack + 1);
    // `process.uptime()` was the last to look at the clock of the event loop, which counts milliseconds.
    let (uptime, said) = (found["uptime"].as_f64(), report["uptime"].as_f64());
    if !uptime.zip(said).is_some_and(|(uptime, said)| (uptime - said).abs() <= 0.0015) {
        failures.0.push(format!("uptime: the process said {said:?}, found {uptime:?}"));
    }
    let count = report["activeResources"].as_array().map(Vec::len);
    failures.compare("active handles", &count.into(), &found["event_loop"]["handles"]);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn little_that_is_gone_from_what_was_available_is_no_difference() {
        let said = json!({ "space_used_size": 1000, "space_available_size": 600 });
        let found = |used: u64, available: u64| json!({ "used": used, "available": available });
        assert_eq!(since(&said, &found(1504, 96)), 504);
        assert_eq!(since(&said, &found(1504, 600)), 0, "it must come from somewhere");
        assert_eq!(since(&said, &found(2600, 0)), 0, "too much");
        assert_eq!(since(&said, &found(900, 700)), 0);
    }

    #[test]
    fn a_byte_too_much_is_told() {
        let said = json!({ "memoryUsage": { "arrayBuffers": 10 } });
        let store = |bytes: u64| json!({ "kind": "ArrayBuffer", "bytes": bytes });
        let mut failures = Vec::new();
        check_buffers(&[store(8), store(2)], &said, &mut Failures(&mut failures));
        assert!(failures.is_empty(), "{failures:?}");
        check_buffers(&[store(8), store(3)], &said, &mut Failures(&mut failures));
        assert_eq!(failures, ["arrayBuffers: the process said 10, found 11"]);
    }

    #[test]
    fn the_young_generation_may_have_grown_by_less_than_a_report() {
        let mut failures = Vec::new();
        let written = |found: u64, failures: &mut Vec<String>| {
            Failures(failures).compare_written("new_space", &json!(100), &json!(found), 50)
        };
        assert_eq!(written(149, &mut failures), 49);
        assert!(failures.is_empty());
        for wrong in [99, 100, 150] {
            written(wrong, &mut failures);
        }
        assert_eq!(failures.len(), 3, "{failures:?}");
    }
}
