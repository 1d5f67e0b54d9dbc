//! `::where`, `::group`, `::sort`, `::uniq` and `::sum` on objects whose properties the programs tell.

use std::collections::BTreeMap;

use serde_json::Value;
use test_support::scenarios::shipped::{LINES, ShippedCore};

use crate::{all_answers, answers, only};

fn leak(line: u32) -> ShippedCore {
    ShippedCore { scenario: "leak", line }
}

/// The 800 connections that leak: those of the requests 3, 6, … 2400.
fn ids() -> impl Iterator<Item = u32> {
    (1..=800).map(|n| 3 * n)
}

const CONNECTIONS: &str = "::findjsobjects -c UpstreamConnection | ::findjsobjects";
const REQUESTS: &str = "::findjsobjects -c IncomingRequest | ::findjsobjects";
const CHUNKS: &str = "::findjsobjects -c Chunk | ::findjsobjects";

#[test]
fn conditions_choose_what_the_program_would_choose() {
    type Choice = fn(u32) -> bool;
    let conditions: [(&str, &str, Choice); 17] = [
        (REQUESTS, "id == 300", |id| id == 300),
        (REQUESTS, "id < 10 || id >= 0x95a", |id| !(10..2394).contains(&id)),
        (REQUESTS, "method == \"POST\"", |id| id % 4 == 0),
        (REQUESTS, "method != \"POST\" && id % 9 == 0", |id| id % 4 != 0 && id % 9 == 0),
        (REQUESTS, "method in [\"PUT\", \"POST\"]", |id| id % 4 == 0),
        (REQUESTS, "method < \"H\"", |id| id % 4 != 0),
        (REQUESTS, "url =~ /^\\/v1\\/IMAGES\\/9\\d*\\?size=0$/i", |id| {
            id.to_string().starts_with('9') && id % 7 == 0
        }),
        (REQUESTS, "url !~ /size=0$/", |id| id % 7 != 0),
        (REQUESTS, "headers[\"user-agent\"] == \"client/4\"", |id| id % 5 == 4),
        (REQUESTS, "+url.length - 20 == 0 && id > 99", |id| {
            id > 99 && format!("/v1/images/{id}?size={}", id % 7 * 32).len() == 20
        }),
        (REQUESTS, "has(url) && !has(\"no such\") && missing == undefined && !(missing < 5)", |_| true),
        (REQUESTS, "receivedAt >= 1704067200000 + 250 * 1200", |id| id >= 1200),
        (REQUESTS, "constructor == \"IncomingRequest\" && receivedAt.constructor === \"Date\"", |_| true),
        (CONNECTIONS, "load == 3.25", |id| id % 10 == 3),
        (CONNECTIONS, "(load - 0.25) * 2 / 2 == request.id % 10", |_| true),
        (
            CONNECTIONS,
            "typeof resume == \"function\" && pending[2].sequence == 2 && pending.length == 3",
            |_| true,
        ),
        (CONNECTIONS, "pending[3] !== undefined || nothing.at.all == null && request.id == 6", |id| id == 6),
    ];
    for line in LINES {
        let lines: Vec<String> = conditions
            .iter()
            .map(|(objects, condition, _)| format!("{objects} | ::where '{condition}' | ::count"))
            .collect();
        for ((_, condition, chosen), answer) in conditions.iter().zip(all_answers(leak(line), &lines)) {
            let expected = ids().filter(|id| chosen(*id)).count();
            assert_eq!(answer.trim(), expected.to_string(), "{line}: {condition}");
        }
    }
}

#[test]
fn the_objects_that_flow_on_are_those_that_were_chosen() {
    let [printed] = answers(
        leak(24),
        [
            "::findjsobjects -c IncomingRequest | ::findjsobjects | ::where id<13 | ::sort id | ::jsprint id url",
        ],
    );
    assert_eq!(
        printed,
        "3 \"/v1/images/3?size=96\"\n6 \"/v1/images/6?size=192\"\n9 \"/v1/images/9?size=64\"\n\
         12 \"/v1/images/12?size=160\"\n"
    );
}

#[test]
fn groups_are_as_large_as_the_program_made_them() {
    for line in LINES {
        let [table, pairs, json, one, sorted] = answers(
            leak(line),
            [
                &format!("{REQUESTS} | ::group method"),
                &format!("{REQUESTS} | ::group 'headers[\"user-agent\"]' 'id % 2'"),
                &format!("{CONNECTIONS} | ::group -j load"),
                &format!("{REQUESTS} | ::group -m POST method | ::count"),
                &format!("{REQUESTS} | ::group 'id % 7' | ::jsprint id"),
            ],
        );
        let rows = |text: &str| -> Vec<(u64, String)> {
            let row = |row: &str| {
                let (count, rest) = row.trim().split_once(' ').unwrap();
                (count.parse().unwrap(), rest.trim().split_once(' ').unwrap().1.trim().to_owned())
            };
            text.lines().skip(1).map(row).collect()
        };
        assert_eq!(rows(&table), [(600, "\"GET\"".to_owned()), (200, "\"POST\"".to_owned())], "{line}");
        let mut expected: BTreeMap<String, u64> = BTreeMap::new();
        for id in ids() {
            *expected.entry(format!("\"client/{}\", {}", id % 5, id % 2)).or_default() += 1;
        }
        let found = rows(&pairs);
        assert!(found.is_sorted_by(|a, b| a.0 >= b.0), "{line}: the largest first");
        assert_eq!(
            found.into_iter().map(|(count, value)| (value, count)).collect::<BTreeMap<_, _>>(),
            expected
        );
        let mut loads: BTreeMap<String, u64> = BTreeMap::new();
        for id in ids() {
            *loads.entry((f64::from(id % 10) + 0.25).to_string()).or_default() += 1;
        }
        let groups = json.lines().map(|line| {
            let group: Value = serde_json::from_str(line).unwrap();
            // Three words of the header, five properties: in objects of one class all the same.
            assert_eq!(group["bytes"].as_u64().unwrap() % group["count"].as_u64().unwrap(), 0);
            assert!(group["object"].as_str().unwrap().starts_with("0x"));
            (group["value"].to_string(), group["count"].as_u64().unwrap())
        });
        assert_eq!(groups.collect::<BTreeMap<_, _>>(), loads, "{line}");
        assert_eq!(one.trim(), "200", "{line}");
        let of_each: Vec<u32> = sorted.lines().map(|id| id.parse::<u32>().unwrap() % 7).collect();
        assert_eq!(of_each.len(), 7, "{line}: one of each group");
        assert_eq!(of_each.iter().collect::<std::collections::BTreeSet<_>>().len(), 7);
    }
}

#[test]
fn members_of_groups_flow_group_by_group() {
    let [all] = answers(leak(24), [&format!("{REQUESTS} | ::group -l method | ::jsprint method")]);
    let methods: Vec<_> = all.lines().collect();
    assert_eq!(methods.len(), 800);
    assert!(methods[..600].iter().all(|method| *method == "\"GET\""));
    assert!(methods[600..].iter().all(|method| *method == "\"POST\""));
}

#[test]
fn sorting_is_by_number_then_by_text_and_what_is_missing_comes_last() {
    let gateway = only(leak(24), "-c Gateway");
    let [by_id, greatest, by_text, decimal, mixed] = answers(
        leak(24),
        [
            &format!("{REQUESTS} | ::sort id | ::jsprint id"),
            &format!("{REQUESTS} | ::sort -r -n 3 id | ::jsprint id"),
            &format!("{REQUESTS} | ::sort method url | ::head -3 | ::jsprint url"),
            &format!("{REQUESTS} | ::sort -n 0t12 id | ::count"),
            &format!("{gateway}::findjsobjects -l | ::where has(answered) | ::sort -r nosuch | ::count"),
        ],
    );
    let expected: Vec<String> = ids().map(|id| id.to_string()).collect();
    assert_eq!(by_id.lines().collect::<Vec<_>>(), expected);
    assert_eq!(greatest, "2400\n2397\n2394\n");
    let mut urls: Vec<String> = ids()
        .filter(|id| id % 4 != 0)
        .map(|id| format!("\"/v1/images/{id}?size={}\"", id % 7 * 32))
        .collect();
    urls.sort();
    assert_eq!(by_text.lines().collect::<Vec<_>>(), urls[..3]);
    assert_eq!((decimal.trim(), mixed.trim()), ("12", "1"));
}

#[test]
fn sums_are_those_of_the_program() {
    let [table, json] = answers(
        leak(24),
        [
            &format!("{CONNECTIONS} | ::sum load request.id limits.type"),
            &format!("{CHUNKS} | ::sum -j sequence"),
        ],
    );
    let rows: Vec<Vec<_>> = table.lines().skip(1).map(|row| row.split_whitespace().collect()).collect();
    let load: f64 = ids().map(|id| f64::from(id % 10) + 0.25).sum();
    let id: u32 = ids().sum();
    assert_eq!(rows[0], ["800", "0", &load.to_string(), "0.25", "9.25", &(load / 800.0).to_string(), "load"]);
    assert_eq!(rows[1], ["800", "0", &id.to_string(), "3", "2400", "1201.5", "request.id"]);
    assert_eq!(rows[2], ["0", "800", "0", "-", "-", "-", "limits.type"]);
    let sum: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        sum,
        serde_json::json!({
            "expression": "sequence", "count": 2400, "other": 0, "sum": 2400.0, "min": 0.0, "max": 2.0, "mean": 1.0
        })
    );
}

#[test]
fn equal_values_flow_once() {
    let [methods, words, twice] = answers(
        leak(24),
        [
            &format!("{REQUESTS} | ::uniq method | ::jsprint method"),
            &format!("{REQUESTS} | ::uniq | ::count"),
            &format!("{CONNECTIONS} | ::uniq limits | ::count"),
        ],
    );
    let mut methods: Vec<_> = methods.lines().collect();
    methods.sort_unstable();
    assert_eq!(methods, ["\"GET\"", "\"POST\""]);
    assert_eq!((words.trim(), twice.trim()), ("800", "1"));
}

#[test]
fn a_property_that_nobody_has_is_named() {
    let messages = |line: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_v8mdb"));
        let output = command.arg("-S").arg(leak(24).path()).args(["-e", line]).output().unwrap();
        let messages = String::from_utf8(output.stderr).unwrap();
        messages
            .lines()
            .filter(|line| !line.contains("warning:"))
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    };
    let said = messages(&format!("{REQUESTS} | ::where 'methode == 1' | ::count"));
    assert_eq!(said, "v8mdb: no value has a property 'methode' (did you mean 'method'?)\n");
    let said = messages(&format!("{REQUESTS} | ::where 'has(methode)' | ::count"));
    assert_eq!(said, "", "to ask whether there is one is no mistake");
}

/// Kinds of values that the program `kinds` keeps under one object each.
#[test]
fn every_kind_of_value_can_be_asked_about() {
    for line in LINES {
        let core = ShippedCore { scenario: "kinds", line };
        let facts = core.facts().unwrap();
        let (root, values) = facts.roots().next().unwrap();
        let root = only(core, &format!("-c {root}"));
        let conditions: Vec<String> = values
            .iter()
            .filter(|(path, _)| !path.contains(['#', '@', ' ', '\'', '(']))
            .filter_map(|(path, value)| match value {
                Value::Number(number) => Some(format!("{path} === {number}")),
                Value::Bool(truth) => Some(format!("{path} === {truth}")),
                Value::Null => Some(format!("{path} === null")),
                Value::String(text) if text == "<undefined>" => Some(format!("{path} === undefined")),
                Value::String(text) if !text.contains(['<', '\'', '\\', '"', '\n']) => {
                    Some(format!("{path} === \"{text}\""))
                }
                Value::Object(fact) if fact["kind"] == "bigint" => {
                    Some(format!("{path} === {}n", fact.get("value")?.as_str()?))
                }
                Value::Object(fact) if fact["kind"] == "function" => {
                    Some(format!("typeof {path} === \"function\""))
                }
                Value::Object(fact) if fact["kind"] == "array" => {
                    Some(format!("{path}.length === {}", fact["length"]))
                }
                Value::Object(fact) if fact["kind"] == "date" && fact["ms"].is_number() => {
                    Some(format!("{path} - 0 === {}", fact["ms"]))
                }
                _ => None,
            })
            .collect();
        assert!(conditions.len() > 20, "{core}: {} things to ask", conditions.len());
        let lines: Vec<String> =
            conditions.iter().map(|condition| format!("{root}::where '{condition}' | ::count")).collect();
        let wrong: Vec<_> = conditions
            .iter()
            .zip(all_answers(core, &lines))
            .filter(|(_, answer)| answer.trim() != "1")
            .map(|(condition, _)| condition)
            .collect();
        assert!(wrong.is_empty(), "{core}: {wrong:#?}");
    }
}
