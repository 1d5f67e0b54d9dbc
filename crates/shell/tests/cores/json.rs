//! Machine-readable output, and the schema in docs/json.md.

use std::collections::HashSet;

use serde_json::{Value, json};
use shell::dcmd::{AddressUse, Dcmd};
use shell::dcmds::ALL;
use shell::output::is_safe;
use test_support::scenarios::shipped::{self, ShippedCore};
use test_support::scenarios::testdata;

use crate::{all_answers, answers, debugger, only};

/// Fields of a kind with the type of each, from the first table in the documentation.
fn documented() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(testdata().join("../docs/json.md")).unwrap();
    let (text, _) = text.split_once("## `::jsprint -j`").unwrap();
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

/// Whether a value of `::jsprint -j` is what a fact of a scenario says, as far as JSON and facts have the same things.
/// `None` if they have not.
fn agrees(fact: &Value, found: &Value) -> Option<bool> {
    let named = |facts: &Value, found: &Value| {
        let agree = |(name, fact): (&String, &Value)| agrees(fact, &found[name]).unwrap_or(true);
        // Symbols are in a list of their own.
        let names = facts.as_object().into_iter().flatten().filter(|(name, _)| !name.starts_with("Symbol("));
        names.into_iter().all(agree)
    };
    match fact {
        Value::Null | Value::Bool(_) => Some(fact == found),
        Value::Number(number) => Some(number.as_f64() == found.as_f64()),
        Value::String(text) => Some(match text.trim_matches(['<', '>']) {
            "undefined" => *found == json!({ "type": "undefined" }),
            "hole" => found["type"] == "hole",
            number @ ("NaN" | "-0" | "Infinity" | "-Infinity") if text.starts_with('<') => {
                *found == json!({ "type": "number", "value": number })
            }
            "accessor get+set" => *found == json!({ "type": "accessor", "get": true, "set": true }),
            "accessor get" => *found == json!({ "type": "accessor", "get": true, "set": false }),
            "accessor set" => *found == json!({ "type": "accessor", "get": false, "set": true }),
            _ => found == text,
        }),
        Value::Object(_) => match fact["kind"].as_str()? {
            "object" => Some(found["type"] == "object" && named(&fact["props"], &found["properties"])),
            "array" => Some(found["length"] == fact["length"] && named(&fact["props"], &found["properties"])),
            "string" if fact["units"].is_array() => Some(found["units"] == fact["units"]),
            "bigint" => Some(*found == json!({ "type": "bigint", "value": fact["value"] })),
            "symbol" => Some(found["type"] == "symbol" && found["description"] == fact["description"]),
            "map" if fact["entries"].is_array() => {
                let (facts, entries) = (fact["entries"].as_array()?, found["entries"].as_array()?);
                let agree = |(fact, entry): (&Value, &Value)| {
                    (0..2).all(|part| agrees(&fact[part], &entry[part]).unwrap_or(true))
                };
                Some(facts.len() == entries.len() && facts.iter().zip(entries).all(agree))
            }
            "set" if fact["values"].is_array() => {
                let (facts, entries) = (fact["values"].as_array()?, found["entries"].as_array()?);
                let agree = |(fact, entry)| agrees(fact, entry).unwrap_or(true);
                Some(facts.len() == entries.len() && facts.iter().zip(entries).all(agree))
            }
            "typedarray" if fact["values"].is_array() => {
                let numbers = |list: &Value| -> Option<Vec<f64>> {
                    list.as_array()?.iter().map(Value::as_f64).collect()
                };
                Some(numbers(&found["elements"])? == numbers(&fact["values"])?)
            }
            "arraybuffer" => Some(found["bytes"] == fact["bytes"] && found["length"] == fact["byteLength"]),
            "promise" if fact["value"].is_string() => Some(found["slots"]["PromiseResult"] == fact["value"]),
            _ => None,
        },
        Value::Array(_) => None,
    }
}

#[test]
fn values_are_what_the_programs_wrote() {
    for line in shipped::LINES {
        let core = ShippedCore { scenario: "kinds", line };
        let root = only(core, "-c Kinds");
        let facts = core.facts().unwrap();
        let paths: Vec<&String> = facts.values.keys().collect();
        let lines: Vec<String> =
            paths.iter().map(|path| format!("{root}::jsprint -j -d 8 \"{path}\"")).collect();
        let mut compared = 0;
        for (path, answer) in paths.into_iter().zip(all_answers(core, &lines)) {
            let answer: Value = serde_json::from_str(&answer)
                .unwrap_or_else(|error| panic!("{core}: {path}: {error}: {answer:.200}"));
            let Some(agrees) = agrees(&facts.values[path], &answer["members"][path]) else { continue };
            assert!(agrees, "{core}: {path}: {}: {answer:.600}", facts.values[path]);
            compared += 1;
        }
        assert!(compared > 120, "{core}: only {compared} facts compared");
    }
}

#[test]
fn every_object_is_a_line_with_documented_types_and_fields() {
    let text = std::fs::read_to_string(testdata().join("../docs/json.md")).unwrap();
    let documented: HashSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name)
        .collect();
    for core in shipped::all() {
        let [lines, count] =
            answers(core, ["::walk jsobject | ::jsprint -j -d 1", "::walk jsobject | ::count"]);
        assert_eq!(lines.lines().count().to_string(), count.trim(), "{core}");
        for line in lines.lines() {
            let object: Value =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{core}: {error}: {line:.200}"));
            let fields = object.as_object().unwrap();
            for name in fields.keys().filter(|name| *name != "type") {
                assert!(documented.contains(name.as_str()), "{core}: {name} is not documented");
            }
            let values = fields["properties"].as_object().into_iter().flatten().map(|(_, value)| value);
            let elements = fields.get("elements").and_then(Value::as_array).into_iter().flatten();
            for value in values.chain(elements).filter(|value| value.is_object()) {
                let kind = value["type"].as_str().unwrap();
                assert!(documented.contains(kind), "{core}: {kind} is not documented");
                assert_ne!(kind, "unreadable", "{core}: {line:.200}");
            }
        }
    }
}

/// The fields that a section of the documentation names in its table.
pub fn fields_of(section: &str) -> HashSet<String> {
    let text = std::fs::read_to_string(testdata().join("../docs/json.md")).unwrap();
    let (_, text) = text.split_once(&format!("# `{section}`\n")).unwrap_or_else(|| panic!("no {section}"));
    // Up to the next heading of any level.
    let text = text.split("\n#").next().unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" |"));
    rows.flat_map(|(names, _)| names.split(", ").map(|name| name.trim_matches('`').to_owned())).collect()
}

/// Every line is strict JSON, has no field that is not documented, and every field that is documented turns up.
#[test]
fn facts_have_the_documented_fields() {
    let leak = ShippedCore { scenario: "leak", line: 24 };
    let retained = ShippedCore { scenario: "retained", line: 24 };
    let pending = ShippedCore { scenario: "pending", line: 24 };
    let unanswered = ShippedCore { scenario: "unanswered", line: 20 };
    let upload = "::findjsobjects -c Upload | ::findjsobjects";
    for (section, core, lines) in [
        ("::jsleaks -j", leak, vec!["::jsleaks -j".to_owned()]),
        ("::jspath -j", retained, vec!["::findjsobjects -c Shared | ::jspath -j -n 2".to_owned()]),
        ("::jsretained -j", retained, vec![format!("{upload} | ::jsretained -j")]),
        ("::jsdominators -j", retained, vec!["::findjsobjects -c Retained | ::jsdominators -j".to_owned()]),
        ("::jsfindrefs -j", retained, vec!["::findjsobjects -c Shared | ::jsfindrefs -j".to_owned()]),
        ("::jsclosure -j", leak, vec!["::jsfunctions -n resume -s leak.js | ::jsclosure -j -a".to_owned()]),
        ("::jsstack -j", leak, vec!["::jsstack -j -v".to_owned()]),
        ("::jslocals -j", leak, vec!["::jslocals -j".to_owned()]),
        ("::jsbytecode -j", leak, vec!["::jsstack | ::head -1 | ::jsbytecode -j".to_owned()]),
        ("::jscrash -j", leak, vec!["::jscrash -j".to_owned()]),
        ("::threads -j", leak, vec!["::threads -j".to_owned()]),
        ("::signal -j", leak, vec!["::signal -j".to_owned()]),
        ("::status -j", leak, vec!["::status -j".to_owned()]),
        ("::mappings -j", leak, vec!["::mappings -j".to_owned()]),
        ("::files -j", leak, vec!["::files -j".to_owned(), "::files -s -j".to_owned()]),
        ("::objects -j", leak, vec!["::objects -j".to_owned()]),
        ("::nm -j", leak, vec!["::nm -j ! head -50".to_owned()]),
        ("::findsym -j", leak, vec!["::findsym -j epoll_wait".to_owned()]),
        ("::whatis -j", leak, vec!["8ba8239fd91::whatis -j".to_owned()]),
        ("::strings -j", leak, vec!["::strings -j -p session-12".to_owned()]),
        ("::dis -j", leak, vec!["<rip::dis -j -n 2".to_owned()]),
        ("::regs -j", leak, vec!["::regs -j".to_owned()]),
        ("::psinfo -j", leak, vec!["::psinfo -j".to_owned()]),
        ("::pargs -j", leak, vec!["::pargs -j".to_owned()]),
        ("::getenv -j", leak, vec!["::getenv -j".to_owned()]),
        ("::auxv -j", leak, vec!["::auxv -j".to_owned()]),
        ("::showrev -j", leak, vec!["::showrev -j".to_owned()]),
        ("::jsconstructor -j", leak, vec!["1950f7e24af9::jsconstructor -j".to_owned()]),
        (
            "::jsfunction -j",
            ShippedCore { scenario: "scopes", line: 24 },
            vec![
                "::jsfunctions -n n -s total.min.js | ::jsfunction -j -m".to_owned(),
                "1a42aab5ec1::jsfunction -j".to_owned(),
            ],
        ),
        ("::jssource -j", leak, vec!["15cb4477d409::jssource -j".to_owned()]),
        ("::snapshotnode -j", leak, vec!["::snapshotnode -j 6087".to_owned()]),
        ("::v8type -j", leak, vec!["8ba8239fd91::v8type -j".to_owned()]),
        ("::v8whatis -j", leak, vec!["8ba8239fda9::v8whatis -j".to_owned(), "<rsp::v8whatis -j".to_owned()]),
        ("::v8print -j", leak, vec!["8ba8239fd91::v8print -j".to_owned()]),
        ("::v8array -j", leak, vec!["12fd195d1f49::v8array -j".to_owned()]),
        (
            "::v8internal -j",
            ShippedCore { scenario: "server", line: 24 },
            vec!["163fabf2a2e1::v8internal -j 1".to_owned()],
        ),
        ("::v8map -j", leak, vec!["8ba8239fd91::v8map -j".to_owned()]),
        (
            "::v8function -j",
            leak,
            vec!["1950f7e25d01::v8function -j".to_owned(), "::jsfunctions -l | ::v8function -j".to_owned()],
        ),
        (
            "::v8code -j",
            leak,
            vec!["1950f7e25d01::v8code -j -d".to_owned(), "::jsfunctions -l | ::v8code -j".to_owned()],
        ),
        (
            "::v8context -j",
            leak,
            vec!["15cb4477d409::walk v8context | ::head -1 | ::v8context -j".to_owned()],
        ),
        ("::v8scopeinfo -j", leak, vec!["1950f7e19fb1::v8scopeinfo -j".to_owned()]),
        ("::v8classes -j", leak, vec!["::v8classes -j".to_owned(), "::v8classes -c -j".to_owned()]),
        ("::v8field -j", leak, vec!["::v8field -j JSArray length".to_owned()]),
        ("::v8types -j", leak, vec!["::v8types -j".to_owned()]),
        ("::v8frametypes -j", leak, vec!["::v8frametypes -j".to_owned()]),
        ("::v8pages -j", leak, vec!["::v8pages -j".to_owned()]),
        ("::dcmds -j", leak, vec!["::dcmds -j".to_owned()]),
        ("::walkers -j", leak, vec!["::walkers -j".to_owned()]),
        ("::which -j", leak, vec!["::which -j head thread".to_owned()]),
        ("::version -j", leak, vec!["::version -j".to_owned()]),
        ("::jstimers -j", pending, vec!["::jstimers -j".to_owned()]),
        ("::jshandles -j", pending, vec!["::jshandles -j".to_owned()]),
        ("::jsrequests -j", pending, vec!["::jsrequests -j".to_owned()]),
        ("::jshttp -j", unanswered, vec!["::jshttp -j".to_owned(), "::jshttp -g -j".to_owned()]),
        ("::jsasync -j", pending, vec!["::jsasync -j".to_owned()]),
        ("::jspromises -j", pending, vec!["::jspromises -j".to_owned()]),
        ("::jsmicrotasks -j", pending, vec!["::jsmicrotasks -j".to_owned()]),
        ("::jsworkers -j", pending, vec!["::jsworkers -j".to_owned()]),
        ("::uvloop -j", pending, vec!["::uvloop -j".to_owned()]),
    ] {
        let documented = fields_of(section);
        let mut met = HashSet::new();
        for answer in all_answers(core, &lines) {
            assert!(!answer.is_empty(), "{section}: nothing");
            for line in answer.lines() {
                let line: Value =
                    serde_json::from_str(line).unwrap_or_else(|error| panic!("{section}: {error}: {line}"));
                met.extend(line.as_object().unwrap().keys().cloned());
            }
        }
        assert_eq!(met, documented, "{section}");
    }
}

#[test]
fn facts_as_json_are_those_of_the_text() {
    let leak = ShippedCore { scenario: "leak", line: 24 };
    let [suspect, way, thread] = answers(
        leak,
        ["::jsleaks -j -n 1", "::findjsobjects -c Gateway | ::jspath -j", "::threads -j ! head -1"],
    );
    let suspect: Value = serde_json::from_str(&suspect).unwrap();
    // 2400 requests, of which every third was left; the Map `bySession` keeps them.
    assert_eq!((&suspect["count"], &suspect["constructor"]), (&json!(800), &json!("UpstreamConnection")));
    assert_eq!(suspect["gathererName"], "Map");
    assert_eq!(suspect["steps"][2]["how"], ".bySession");
    assert!(suspect["addedAt"].as_str().unwrap().starts_with("leak.js:53: this.bySession.set("), "{suspect}");
    let way: Value = serde_json::from_str(&way).unwrap();
    assert_eq!((&way["root"], &way["steps"][1]["how"]), (&json!("global object"), &json!(".gateway")));
    let thread: Value = serde_json::from_str(&thread).unwrap();
    assert_eq!((&thread["current"], &thread["signal"]), (&json!(true), &Value::Null));
}

/// Every dcmd that can print JSON has its section, and no section names a field twice.
#[test]
fn every_dcmd_with_json_is_documented() {
    let text = std::fs::read_to_string(testdata().join("../docs/json.md")).unwrap();
    let (mut missing, mut twice) = (Vec::new(), Vec::new());
    for dcmd in dcmds() {
        let heading = format!("# `::{} -j`\n", dcmd.name);
        let Some((_, section)) = text.split_once(&heading) else {
            missing.push(dcmd.name);
            continue;
        };
        // A section may have tables for several sorts of lines.
        let section = section.split("\n#").next().unwrap();
        for table in section.split("\n\n") {
            let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" |"));
            let mut names = HashSet::new();
            for name in rows.flat_map(|(names, _)| names.split(", ")).map(|name| name.trim_matches('`')) {
                let is_new = names.insert(name);
                // `::jsstrings -j` has a row for each of its three sorts of lines.
                if !is_new && dcmd.name != "jsstrings" {
                    twice.push(format!("{}: {name}", dcmd.name));
                }
            }
        }
    }
    assert!(missing.is_empty(), "no section: {missing:?}");
    assert!(twice.is_empty(), "named twice: {twice:?}");
}

/// The dcmds that print JSON.
fn dcmds() -> impl Iterator<Item = &'static Dcmd> {
    ALL.iter().copied().filter(|dcmd| dcmd.options.iter().any(|option| option.letter == 'j'))
}

/// What leads to values of every sort: of the program, of V8, and of neither.
const SOURCES: [&str; 6] = [
    "::findjsobjects | ::findjsobjects | ::head -20 | ",
    "::jsfunctions -l | ::head -20 | ",
    "::jsscripts | ::head -5 | ",
    "::walk v8object | ::head -60 | ",
    "::walk thread | ",
    "<rsp",
];

/// Whatever a dcmd prints with -j is JSON for strict readers, line by line, and steers no terminal.
#[test]
fn all_that_is_printed_with_j_is_json() {
    for (scenario, line) in [("exotic", 26), ("internals", 20), ("server", 22), ("workers", 24)] {
        let core = ShippedCore { scenario, line };
        let mut lines = Vec::new();
        for dcmd in dcmds().filter(|dcmd| dcmd.name != "diff") {
            let operands = match dcmd.name {
                "v8field" => " JSArray length",
                "findsym" => " epoll",
                "which" => " thread",
                "snapshotnode" => " 6087",
                "v8internal" => " 0",
                "sum" | "group" => " length",
                _ => "",
            };
            if dcmd.address != AddressUse::Required {
                lines.push(format!("::{} -j{operands}", dcmd.name));
            }
            if dcmd.address != AddressUse::Refused {
                lines.extend(SOURCES.map(|source| format!("{source}::{} -j{operands}", dcmd.name)));
            }
        }
        let answers = all_answers(core, &lines);
        let mut read = 0;
        for (line, answer) in lines.iter().zip(&answers) {
            for printed in answer.lines() {
                let value: Result<Value, _> = serde_json::from_str(printed);
                assert!(value.is_ok(), "{core}: {line}: {:?}: {printed:.300}", value.err());
                assert!(printed.chars().all(is_safe), "{core}: {line}: {printed:?}");
                read += 1;
            }
        }
        assert!(read > 2000, "{core}: {read} lines");
    }
}
