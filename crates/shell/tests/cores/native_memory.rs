//! Native memory, against what a program that leaks in known ways wrote of itself (`testdata/scenarios/native/leaky.c`).

use std::collections::HashSet;
use std::path::PathBuf;

use serde_json::Value;
use test_support::scenarios::debugger::Debugger;
use test_support::scenarios::testdata;

fn answers<const N: usize>(lines: [&str; N]) -> [String; N] {
    let core = testdata().join("cores/native.core.zst");
    let debugger = Debugger::new(PathBuf::from(env!("CARGO_BIN_EXE_v8mdb")), &core);
    let answers = debugger.session(&lines.map(str::to_owned)).unwrap();
    answers.try_into().expect("as many answers as lines")
}

fn facts() -> Value {
    let text = std::fs::read_to_string(testdata().join("cores/native.process.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn sum(rows: &[Value], key: &str) -> u64 {
    rows.iter().map(|row| row[key].as_u64().unwrap()).sum()
}

#[test]
fn sums_are_those_that_the_allocator_said() {
    let [text] = answers(["::malloc -j"]);
    let (rows, facts) = (rows(&text), facts());
    assert_eq!(sum(&rows, "system"), facts["arenas"]);
    assert_eq!(sum(&rows, "free") + sum(&rows, "top"), facts["free"]);
    let arenas: Vec<&Value> = rows.iter().filter(|row| !row["arena"].is_null()).collect();
    assert_eq!(arenas.len(), 2, "the main thread's, and that of the other");
    assert!(arenas.iter().all(|arena| arena["notFound"] == 0), "{text}");
    let mappings: Vec<&Value> = rows.iter().filter(|row| row["arena"].is_null()).collect();
    assert_eq!(mappings.len(), 1);
    assert_eq!(mappings[0]["blocks"], facts["mappings"]);
}

#[test]
fn all_that_was_leaked_is_found_and_nothing_else() {
    let [groups, each, walked] = answers(["::findleaks -j", "::findleaks -v -j", "::findleaks | ::count"]);
    let (groups, each, facts) = (rows(&groups), rows(&each), facts());
    assert_eq!(sum(&groups, "count"), facts["heads"]);
    assert_eq!(each.len() as u64, facts["heads"].as_u64().unwrap());
    assert_eq!(sum(&each, "blocks"), facts["leaked"]);
    assert_eq!(walked.trim(), facts["heads"].to_string());
    // Sessions with their users, texts, and rings of two.
    let of = |count: u64| groups.iter().find(|group| group["count"] == count).unwrap();
    assert_eq!(sum(&groups, "hanging"), sum(&each, "hanging"));
    assert!(of(250)["hanging"].as_u64() > of(250)["bytes"].as_u64());
    assert!(of(60)["contents"].as_str().unwrap().contains("GET /orders/"), "{:?}", of(60));
    assert_eq!(of(12)["hanging"].as_u64().unwrap(), 2 * of(12)["bytes"].as_u64().unwrap());
}

#[test]
fn walkers_and_whatis_agree_with_the_sums() {
    let [used, freed, malloc] = answers(["::walk malloc | ::count", "::walk freed | ::count", "::malloc -j"]);
    let rows = rows(&malloc);
    assert_eq!(used.trim(), sum(&rows, "blocks").to_string());
    // Between blocks of which each hundredth was kept.
    assert!(freed.trim().parse::<u64>().unwrap() >= 8, "{freed}");
    let [what] = answers(["::findleaks | ::head -1 | ::whatis"]);
    assert!(what.contains("the start of a block") && what.contains(", used, arena main"), "{what}");
    let [freed] = answers(["::walk freed | ::head -1 | ::whatis"]);
    assert!(freed.contains("of malloc, free"), "{freed}");
}

/// Each byte is in one row, and the free memory between the blocks that stayed is named as what it is.
#[test]
fn the_ledger_adds_up_and_says_what_is_wrong() {
    let [text, json, mappings, malloc] = answers(["::ledger", "::ledger -j", "::mappings -j", "::malloc -j"]);
    let ledger: Value = serde_json::from_str(&json).unwrap();
    let uses = ledger["bytes"].as_object().unwrap();
    let total: u64 = uses.values().map(|bytes| bytes.as_u64().unwrap()).sum();
    assert_eq!(ledger["total"], total);
    let mapped: u64 = rows(&mappings)
        .iter()
        .filter(|row| row["contents"] != "none")
        .map(|row| row["size"].as_u64().unwrap())
        .sum();
    assert_eq!(total + ledger["reserved"].as_u64().unwrap(), mapped + reserved(&mappings));
    let of_malloc = |keys: &[&str]| -> u64 { keys.iter().map(|key| uses[*key].as_u64().unwrap()).sum() };
    let used: u64 = uses
        .iter()
        .filter(|(key, _)| key.starts_with("native"))
        .map(|(_, bytes)| bytes.as_u64().unwrap())
        .sum();
    assert_eq!(ledger["mallocUsed"], used);
    let rest = of_malloc(&["mallocLeaked", "mallocFree", "mallocOwn"]);
    assert_eq!(used + rest, sum(&rows(&malloc), "system"));
    let parts: u64 =
        ledger["parts"].as_array().unwrap().iter().map(|part| part["bytes"].as_u64().unwrap()).sum();
    assert_eq!(parts, used);
    // The program keeps 500 sessions with their users, and eight blocks of a burst.
    let own = ledger["parts"].as_array().unwrap().iter().find(|part| part["part"] == "leaky").unwrap();
    assert_eq!(own["blocks"], 2 * 500 + 8);
    // Two threads wait, one of them with a stack of its own of 256 KB.
    let stacks = ledger["stacksOfThreads"].as_array().unwrap();
    let all: u64 = stacks.iter().map(|stack| stack["bytes"].as_u64().unwrap()).sum();
    assert_eq!((stacks.len(), all), (2, uses["stacks"].as_u64().unwrap()));
    assert!(stacks.iter().any(|stack| stack["bytes"] == 256 << 10), "{stacks:?}");
    assert!(text.contains("fragmentation: "), "{text}");
    assert!(text.contains("not told: the JavaScript heap"), "{text}");
}

fn reserved(mappings: &str) -> u64 {
    rows(mappings)
        .iter()
        .filter(|row| row["contents"] == "none")
        .map(|row| row["size"].as_u64().unwrap())
        .sum()
}

/// As for all other dcmds: see `json.rs`.
#[test]
fn facts_have_the_documented_fields() {
    for (section, lines) in [
        ("::malloc -j", ["::malloc -j", "::malloc -j"]),
        ("::findleaks -j", ["::findleaks -j", "::findleaks -v -j"]),
        ("::ledger -j", ["::ledger -j", "::ledger -j"]),
    ] {
        let met: HashSet<String> = answers(lines)
            .iter()
            .flat_map(|answer| rows(answer))
            .flat_map(|row| row.as_object().unwrap().keys().cloned().collect::<Vec<_>>())
            .collect();
        assert_eq!(met, crate::json::fields_of(section), "{section}");
    }
}

/// Between a core and itself nothing has grown; between two stages of a program what JavaScript has does.
#[test]
fn the_ledger_stands_beside_that_of_an_older_core() {
    let beside = |old: &str, new: &str| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_v8mdb"))
            .args(["-S", "--base", old, new, "-e", "::ledger -b -j"])
            .current_dir(testdata().join("cores"))
            .output()
            .unwrap();
        let rows = rows(&String::from_utf8(output.stdout).unwrap());
        assert!(rows.len() > 10, "{}", String::from_utf8_lossy(&output.stderr));
        rows
    };
    for row in beside("native.core.zst", "native.core.zst") {
        assert_eq!(row["before"], row["now"], "{row}");
    }
    let grown = beside("growth-24.stage1.core.zst", "growth-24.core.zst");
    let of = |key: &str| grown.iter().find(|row| row["use"] == key).unwrap();
    let objects = |when: &str| {
        of("javascriptLiving")[when].as_u64().unwrap() + of("javascriptGarbage")[when].as_u64().unwrap()
    };
    assert!(objects("now") > objects("before") && objects("before") > 1_000_000, "{grown:?}");
}

/// A core that ends early: what is not there is said, and address space is not taken for memory.
#[test]
fn a_truncated_core_is_not_told_as_if_it_were_whole() {
    let packed = std::fs::read(testdata().join("cores/leak-24.core.zst")).unwrap();
    let whole = zstd::decode_all(&packed[..]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("core");
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let debugger = Debugger::new(PathBuf::from(env!("CARGO_BIN_EXE_v8mdb")), &path);
    let [text] = debugger.session(&["::ledger".to_owned()]).unwrap().try_into().unwrap();
    let untold: Vec<&str> = text.lines().filter(|line| line.starts_with("not told: ")).collect();
    assert!(untold.iter().any(|line| line.contains("beyond the end of the truncated core")), "{text}");
    assert!(untold.iter().any(|line| line.contains("garbage: ")), "{text}");
    assert!(!text.contains("machine code: ") && !text.contains("other memory: "), "{text}");
}
