//! `::findjsobjects -j` and the schema in docs/json.md.

use serde_json::Value;
use test_support::scenarios::shipped::{self, ShippedCore};
use test_support::scenarios::testdata;

use crate::{answers, debugger};

/// Fields of a kind with the type of each, from the table in the documentation.
fn documented() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(testdata().join("../docs/json.md")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    rows.map(|(field, rest)| (field.to_owned(), rest.split(" |").next().unwrap().to_owned())).collect()
}

fn is_of_type(value: &Value, kind: &str) -> bool {
    match kind {
        "address" => value.as_str().and_then(|text| text.strip_prefix("0x")).is_some_and(|digits| {
            !digits.starts_with('0') && u64::from_str_radix(digits, 16).is_ok_and(|address| address & 1 == 1)
        }),
        "integer" => value.is_u64(),
        "string" => value.is_string(),
        "list of strings" => value.as_array().is_some_and(|items| items.iter().all(Value::is_string)),
        other => panic!("no such type: {other}"),
    }
}

#[test]
fn every_line_has_the_documented_fields() {
    let documented = documented();
    assert!(documented.len() >= 6, "{documented:?}");
    for core in shipped::all() {
        let [lines] = answers(core, ["::findjsobjects -j"]);
        assert!(lines.lines().count() > 100, "{core}");
        for line in lines.lines() {
            let kind: Value =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{core}: {error}: {line}"));
            let fields = kind.as_object().unwrap();
            let names: Vec<_> = fields.keys().collect();
            let expected: Vec<_> = documented.iter().map(|(name, _)| name).collect();
            assert_eq!(names, expected, "{core}: {line}");
            for (name, kind) in &documented {
                assert!(is_of_type(&fields[name], kind), "{core}: {name} is no {kind}: {line}");
            }
        }
    }
}

#[test]
fn figures_are_those_of_all_instances_together() {
    let core = ShippedCore { scenario: "leak", line: 24 };
    let groups = debugger(core).groups().unwrap();
    let [line] = answers(core, ["::findjsobjects -c Chunk | ::findjsobjects -j"]);
    let kind: Value = serde_json::from_str(&line).unwrap();
    // Three properties in the object, behind map, property store and elements: six words.
    assert_eq!((kind["count"].as_u64(), kind["size"].as_u64()), (Some(2400), Some(2400 * 48)));
    assert_eq!(kind["props"], 3);
    assert_eq!(kind["properties"], serde_json::json!(["sequence", "bytes", "flushed"]));
    assert!(groups.iter().any(|group| kind["object"] == group.object.as_str()));
}
