//! What there is, in words: each claim with the command that shows it.

use serde_json::Value;

use super::facts::{Facts, number, text};
use super::verdict::{chain_text, gathered, growth, owning, requests_text};
use super::{Claim, Section, megabytes};

/// Claims of a section at most.
const MOST: usize = 8;

/// All sections, also those without claims.
pub(super) fn sections(facts: &Facts) -> Vec<Section> {
    vec![
        Section { title: "What it was, and how it ended", claims: process(facts) },
        Section { title: "Where its memory is", claims: memory(facts) },
        Section { title: "What has gathered", claims: suspects(facts) },
        Section { title: "What has grown", claims: grown(facts) },
        Section { title: "What it was doing", claims: stacks(facts) },
        Section { title: "What it waits for", claims: pending(facts) },
        Section { title: "Oddities", claims: oddities(facts) },
        Section { title: "What could not be told", claims: facts.not_told.clone() },
    ]
}

fn process(facts: &Facts) -> Vec<Claim> {
    let process = &facts.process;
    let version = match (process["node"].as_str(), process["v8"].as_str()) {
        (Some(node), Some(v8)) => format!("Node.js {node}, V8 {v8}: "),
        (Some(node), None) => format!("Node.js {node}: "),
        (None, Some(v8)) => format!("V8 {v8}: "),
        _ => String::new(),
    };
    if !facts.has_process() {
        return snapshot(facts, &version);
    }
    let threads = number(process, "threads");
    let mut claims = vec![Claim::new(
        format!("{version}{}, process {}, {threads} threads", facts.command_line(), number(process, "pid")),
        "::status",
    )];
    if let Some(seconds) = facts.node["uptime"].as_f64() {
        claims.push(Claim::new(
            format!("it had run for {seconds} s when its event loop last looked at the clock"),
            "::nodeinfo",
        ));
    }
    let ending = &facts.ending;
    claims.push(match (facts.signal(), ending["sender"].as_u64()) {
        (None, _) => Claim::new("no signal: it ran on when the core was taken", "::status"),
        (Some(signal), Some(sender)) if Some(sender) == process["pid"].as_u64() => {
            Claim::new(format!("{signal}, which it sent itself"), "::jscrash")
        }
        (Some(signal), Some(sender)) => Claim::new(format!("{signal}, from process {sender}"), "::jscrash"),
        (Some(signal), None) => Claim::new(format!("{signal} ended it"), "::signal"),
    });
    if let Some(said) = ending["text"].as_str().filter(|said| !said.is_empty()) {
        claims.push(Claim::new(said, "::jscrash"));
    }
    if let Some(place) = ending["place"].as_str() {
        claims.push(Claim::new(format!("at {place}"), "::jscrash"));
    }
    if ending["exiting"] == true {
        claims.push(Claim::new("it was on its way out", "::jscrash"));
    }
    let damaged = number(&process["selfCheck"], "damaged");
    if damaged > 0 {
        claims
            .push(Claim::new(format!("{damaged} of the objects that were checked are damaged"), "::status"));
    }
    let missing = number(process, "missingBytes");
    if missing > 0 {
        claims.push(Claim::new(format!("the core lacks {}", megabytes(missing)), "::status"));
    }
    claims
}

/// What a heap snapshot is of.
fn snapshot(facts: &Facts, version: &str) -> Vec<Claim> {
    let process = &facts.process;
    let file = text(process, "snapshot").rsplit('/').next().unwrap_or_default();
    let mut claims = vec![
        Claim::new(
            format!(
                "{version}{}: heap snapshot {file}, {} nodes, {} references",
                facts.command_line(),
                number(process, "nodes"),
                number(process, "references")
            ),
            "::status",
        ),
        Claim::new("no end: it ran on when the snapshot was written", "::status"),
    ];
    let shortcomings = process["shortcomings"].as_array().into_iter().flatten().filter_map(Value::as_str);
    claims.extend(shortcomings.map(|said| Claim::new(said, "::status")));
    claims
}

/// Where the bytes of a heap snapshot are, by type of node.
fn types(process: &Value) -> Vec<Claim> {
    let mut claims = vec![Claim::new(
        format!(
            "{} in the heap, {} outside of it that objects own",
            megabytes(number(process, "bytes")),
            megabytes(number(process, "outside"))
        ),
        "::status",
    )];
    let bytes = |row: &Value| number(row, "bytes").saturating_add(number(row, "outside"));
    let mut types: Vec<&Value> = process["types"].as_array().into_iter().flatten().collect();
    types.retain(|row| bytes(row) > 0);
    types.sort_by_key(|row| std::cmp::Reverse(bytes(row)));
    claims.extend(types.into_iter().take(MOST).map(|row| {
        Claim::new(
            format!("{}: {} nodes of {}", text(row, "type"), number(row, "count"), megabytes(bytes(row))),
            "::status",
        )
    }));
    let unowned = number(process, "extraNativeBytes");
    if unowned > 0 {
        claims.push(Claim::new(
            format!("{} of native memory that no node stands for", megabytes(unowned)),
            "::status",
        ));
    }
    let detached = number(process, "detached");
    if detached > 0 {
        claims.push(Claim::new(
            format!("{detached} nodes are detached from the trees of the embedder"),
            "::status",
        ));
    }
    claims
}

fn memory(facts: &Facts) -> Vec<Claim> {
    if !facts.has_process() {
        return types(&facts.process);
    }
    let says = facts.memory["says"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut claims: Vec<Claim> = says
        .iter()
        .map(|said| {
            let command = text(said, "commands").split(", ").next().unwrap_or_default();
            Claim::new(text(said, "text"), command)
        })
        .collect();
    let in_core = facts.memory["inCore"]["all"].as_u64();
    let resident = in_core.map_or(String::new(), |all| format!("; the core has {} of it", megabytes(all)));
    claims.push(Claim::new(
        format!("{} could be read or written{resident}", megabytes(number(&facts.memory, "total"))),
        "::ledger",
    ));
    claims
}

fn suspects(facts: &Facts) -> Vec<Claim> {
    let is_worth_it = |suspect: &&Value| suspect["own"] != true && number(suspect, "percent") > 0;
    let own = facts.suspects.iter().filter(is_worth_it).take(MOST);
    let native = facts.suspects.iter().filter(|suspect| !suspect["native"].is_null());
    let native = native.map(|suspect| {
        Claim::new(
            format!("{}, {} % of what is in use", owning(suspect), number(suspect, "percentOfNative")),
            "::malloc -o",
        )
    });
    let own = own.map(|suspect| {
        let bytes = number(suspect, "retained") + number(suspect, "outside");
        let place =
            suspect["addedAt"].as_str().map_or(String::new(), |place| format!("; added to at {place}"));
        Claim::new(
            format!(
                "{}: {}, {} % of the heap{place}",
                gathered(suspect),
                megabytes(bytes),
                number(suspect, "percent")
            ),
            format!("{}::jspath", text(suspect, "largest").trim_start_matches("0x")),
        )
    });
    native.chain(own).collect()
}

fn grown(facts: &Facts) -> Vec<Claim> {
    let Some(rows) = &facts.growth else { return Vec::new() };
    let of = |section: &'static str| rows.iter().filter(move |row| text(row, "section") == section);
    let owners = of("owner").take(MOST).map(|row| {
        let path = row["path"].as_str().unwrap_or("(no path of names)");
        let entries = match text(row, "of") {
            "" => String::new(),
            of => format!(" of {of}"),
        };
        let (more, bytes) = (growth(row, "count"), growth(row, "retained"));
        let what = match text(row, "name") {
            "" => text(row, "of").to_owned(),
            name => match row["collections"].as_u64() {
                Some(collections) => format!("{collections} {name}{entries}"),
                None => format!("{name}{entries}"),
            },
        };
        Claim::new(format!("{path} ({what}): {more:+}, {bytes:+} bytes"), "::diff -o")
    });
    let constructors = of("constructor").take(MOST / 2).map(|row| {
        let (more, bytes) = (growth(row, "count"), growth(row, "retained"));
        Claim::new(format!("{}: {more:+}, {bytes:+} bytes", text(row, "name")), "::diff -k")
    });
    let native = of("native").take(MOST / 2).map(|row| {
        let (more, bytes) = (growth(row, "count"), growth(row, "bytes"));
        let name = text(row, "constructor");
        Claim::new(format!("native memory of {name}: {more:+}, some {bytes:+} bytes"), "::diff -e")
    });
    let mut claims: Vec<Claim> = owners.chain(constructors).chain(native).collect();
    if claims.is_empty() {
        claims.push(Claim::new("nothing has grown", "::diff"));
    }
    claims
}

fn stacks(facts: &Facts) -> Vec<Claim> {
    let mut claims = Vec::new();
    if !facts.has_process() {
        return claims;
    }
    let calls = facts.main_stack().and_then(|stack| stack["calls"].as_array());
    let own: Vec<&Value> = calls.into_iter().flatten().filter(|call| call["javascript"] == true).collect();
    match own.as_slice() {
        [] => {
            let innermost = calls.and_then(|calls| calls.first()).map_or("", |call| text(call, "text"));
            claims
                .push(Claim::new(format!("the main thread was in no JavaScript, but in {innermost}"), "$C"));
        }
        own => claims.extend(own.iter().take(MOST).map(|call| Claim::new(text(call, "text"), "::jsstack"))),
    }
    let others = facts.stacks.iter().filter(|stack| {
        let calls = stack["calls"].as_array();
        Some(*stack) != facts.main_stack()
            && calls.is_some_and(|calls| calls.iter().any(|call| call["javascript"] == true))
    });
    claims.extend(others.take(MOST).map(|stack| {
        let threads = stack["threads"].as_array().map_or(0, Vec::len);
        let first = stack["calls"].as_array().into_iter().flatten().find(|call| call["javascript"] == true);
        let what = first.map_or("", |call| text(call, "text"));
        Claim::new(format!("{threads} more in JavaScript: {what}"), "::jsstack -t all")
    }));
    claims
}

fn pending(facts: &Facts) -> Vec<Claim> {
    let chains = facts.chains.iter().take(MOST).map(|chain| {
        let count = number(chain, "count");
        let calls = if count == 1 { "call waits" } else { "calls wait" };
        Claim::new(
            format!("{count} {calls} for {}: {}", text(chain, "settledBy"), chain_text(chain)),
            "::jsasync",
        )
    });
    let listed = |rows: &[Value]| {
        let shown: Vec<String> = rows
            .iter()
            .take(MOST)
            .map(|row| format!("{} {}", number(row, "count"), text(row, "name")))
            .collect();
        let more = if rows.len() > MOST { ", ..." } else { "" };
        format!("{}{more}", shown.join(", "))
    };
    let mut claims: Vec<Claim> = chains.collect();
    let requests = facts.requests.iter().take(MOST);
    claims.extend(requests.map(|requests| Claim::new(requests_text(requests), "::jshttp -g")));
    if !facts.handles.is_empty() {
        claims.push(Claim::new(format!("handles: {}", listed(&facts.handles)), "::jshandles"));
    }
    if !facts.timers.is_empty() {
        claims.push(Claim::new(format!("still to run: {}", listed(&facts.timers)), "::jstimers"));
    }
    claims
}

fn oddities(facts: &Facts) -> Vec<Claim> {
    let claims = facts.oddities.iter().take(2 * MOST);
    claims.map(|oddity| Claim::new(text(oddity, "says"), text(oddity, "command"))).collect()
}
