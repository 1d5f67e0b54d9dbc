//! Heap snapshots that are opened: one that V8 wrote of `testdata/snapshots/sessions.js`, held against what the program made and what
//! Chrome's developer tools say; and those that `::heapsnapshot` writes of the cores that ship, held against the cores.
#![allow(clippy::unwrap_used, reason = "a test fails where it panics")]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use test_support::scenarios::testdata;

/// What a session on a file prints, and its messages.
fn ask(file: &Path, lines: &str) -> (String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_v8mdb"))
        .arg("-S")
        .arg(file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines = lines.to_owned();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(lines.as_bytes());
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// What lines print that must not say anything else.
fn answer(file: &Path, lines: &str) -> String {
    let (results, messages) = ask(file, lines);
    assert_eq!(messages, "", "{lines}");
    results
}

/// The rows of JSON that lines print.
fn rows(file: &Path, lines: &str) -> Vec<Value> {
    answer(file, lines).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn sessions() -> PathBuf {
    testdata().join("snapshots/sessions-24.heapsnapshot.zst")
}

/// Bytes that each of the 100 objects that retain most retains, as the developer tools show it.
#[test]
fn retained_sizes_are_those_of_the_developer_tools() {
    let told = std::fs::read(testdata().join("snapshots/sessions-24.devtools.json")).unwrap();
    let told: Value = serde_json::from_slice(&told).unwrap();
    let wanted: Vec<(u64, u64)> = told["retained"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| (pair[0].as_u64().unwrap(), pair[1].as_u64().unwrap()))
        .collect();
    assert_eq!(wanted.len(), 100);
    let lines: String = wanted.iter().map(|(id, _)| format!("@{id}::jsretained -j\n")).collect();
    let found: Vec<(u64, u64)> = rows(&sessions(), &lines)
        .iter()
        .map(|row| {
            let id = row["object"].as_str().unwrap().trim_start_matches('@').parse().unwrap();
            (id, row["retained"].as_u64().unwrap() + row["outside"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(found, wanted);
}

/// 300 sessions in a Map, a client for every ten, a secret below each session in a WeakMap, a function that holds its session.
#[test]
fn what_the_program_made_is_found() {
    let file = sessions();
    let classes: BTreeMap<String, u64> = rows(&file, "::findjsobjects -j\n")
        .iter()
        .map(|row| (row["constructor"].as_str().unwrap().to_owned(), row["count"].as_u64().unwrap()))
        .collect();
    for (name, count) in [("Session", 300), ("Client", 30), ("Service", 1)] {
        assert_eq!(classes[name], count, "{name}");
    }
    let one = "::findjsobjects -c Session | ::findjsobjects | ::head -1";
    let (id, client, history) = ("id", "client.name", "history[1]");
    let printed = answer(&file, &format!("{one} | ::jsprint {id} {client}\n"));
    let number: u64 = printed.split(['-', '"']).find_map(|part| part.parse().ok()).unwrap();
    assert_eq!(printed, format!("\"session-{number}\" \"client-{}\"\n", number / 10 * 10));
    assert!(answer(&file, &format!("{one} | ::jsprint {history}\n")).contains("lone"));
    let way = answer(&file, &format!("{one} | ::jspath\n"));
    let ways: Vec<&str> = way.lines().collect();
    assert_eq!(ways[0], "way 1: global object");
    let starts = ["  @", "  .service = @", "  .sessions = @", "  .table["];
    assert!(
        ways[1..].iter().zip(starts).all(|(line, start)| line.starts_with(start)) && ways.len() == 5,
        "{way}"
    );
    // A session retains its 1024 bytes outside of the heap, and its secret with two numbers.
    let retained = &rows(&file, &format!("{one} | ::jsretained -j\n"))[0];
    assert_eq!(retained["outside"], 1024);
    let holders = answer(&file, &format!("{one} | ::findjsobjects -r\n"));
    assert!(holders.contains("variable \"this\""), "{holders}");
    let strings = rows(&file, "::jsstrings -j -p 'opened as 29'\n");
    // Ropes of "opened as 29" (or "opened as 290") and the rest; V8 makes ropes of thirteen units or more.
    let whole =
        |row: &&Value| row["representation"] == "concatenated string" && row["length"].as_u64() > Some(26);
    assert_eq!(strings.iter().filter(whole).count(), 11, "29, and 290 to 299");
    let merged = &rows(&file, "::findjsobjects -c Session | ::jspath -m -j\n")[0];
    assert_eq!((&merged["count"], &merged["percent"]), (&300.into(), &100.into()));
    let status = &rows(&file, "::status -j\n")[0];
    assert_eq!(status["shortcomings"].as_array().unwrap().len(), 0);
}

/// Expressions on nodes say what the program made: 300 sessions, ten of each client, of which every property is known.
#[test]
fn expressions_ask_nodes_as_they_ask_objects() {
    let file = sessions();
    let all = "::findjsobjects -c Session";
    for (expression, count) in [
        ("true", 300),
        ("client.name == \"client-20\"", 10),
        ("id =~ /^session-2..$/", 100),
        ("id > \"session-298\" && id.length == 11", 1),
        ("history[1] != history[0] && has(history[0]) && !has(history[2])", 300),
        ("constructor == \"Session\" && client.constructor == \"Client\"", 300),
        ("typeof later == \"function\" && typeof body == \"object\" && typeof id == \"string\"", 300),
        ("client.name in [\"client-0\", \"client-290\"]", 20),
        ("this == this && client != this", 300),
        ("[[Prototype]].constructor == \"Object\"", 300),
        ("has(nothing) || nothing", 0),
    ] {
        let answer = ask(&file, &format!("{all} | ::where '{expression}' | ::count\n"));
        assert_eq!(answer.0, format!("{count}\n"), "{expression}: {}", answer.1);
    }
    let groups = rows(&file, &format!("{all} | ::group -j client.name\n"));
    assert_eq!(groups.len(), 30);
    for group in &groups {
        let first: u64 = group["value"].as_str().unwrap().strip_prefix("client-").unwrap().parse().unwrap();
        assert!(
            group["count"] == 10
                && first.is_multiple_of(10)
                && group["object"].as_str().unwrap().starts_with('@')
        );
    }
    let ids: Vec<String> = (0..300).map(|number| format!("session-{number}")).collect();
    let mut sorted: Vec<&str> = ids.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    let printed = answer(&file, &format!("{all} | ::sort id | ::jsprint id\n"));
    let printed: Vec<&str> = printed.lines().map(|line| line.trim_matches('"')).collect();
    assert_eq!(printed, sorted);
    assert_eq!(answer(&file, &format!("{all} | ::findjsobjects | ::uniq client | ::count\n")), "30\n");
    assert_eq!(
        answer(&file, &format!("{all} | ::where 'id == \"session-7\"' | ::map client.name | ::jsprint\n")),
        "\"client-0\"\n"
    );
    // 64 bytes each, as V8 wrote.
    let sum = &rows(&file, &format!("{all} | ::sum -j [[ShallowSize]]\n"))[0];
    assert_eq!((&sum["count"], &sum["sum"]), (&300.into(), &(300.0 * 64.0).into()));
    for (line, says) in [
        (format!("{all} | ::where 'cleint.name == 1'"), "(did you mean 'client'?)"),
        (format!("{all} | ::where 'number == 1'"), "exposeNumericValues"),
        (format!("{all} | ::jsprint number"), "exposeNumericValues"),
    ] {
        let (results, messages) = ask(&file, &format!("{line}\n"));
        assert!(results.is_empty() && messages.contains(says), "{line}: {results} {messages}");
    }
}

/// What the developer tools say an object retains is what an expression says.
#[test]
fn retained_sizes_can_be_asked_for_in_expressions() {
    let told = std::fs::read(testdata().join("snapshots/sessions-24.devtools.json")).unwrap();
    let told: Value = serde_json::from_slice(&told).unwrap();
    let told: Vec<(u64, u64)> = serde_json::from_value(told["retained"].clone()).unwrap();
    let lines: String =
        told.iter().map(|(id, bytes)| format!("@{id}::where '[[RetainedSize]] == {bytes}'\n")).collect();
    let expected: String = told.iter().map(|(id, _)| format!("@{id}\n")).collect();
    assert_eq!(answer(&sessions(), &lines), expected);
}

/// Collections, arrays and functions give what they hold.
#[test]
fn nodes_give_what_they_hold() {
    let file = sessions();
    let service = "::findjsobjects -c Service";
    let lines = [
        format!("{service} | ::jsprint sessions | ::jsmap | ::count"),
        format!("{service} | ::jsprint sessions | ::jsmap -p session-12 | ::jsprint id"),
        format!("{service} | ::jsprint sessions.get(session-299).client.name"),
        format!("{service} | ::map sessions | ::walk jsmapentry | ::jsconstructor ! sort -u"),
        format!("{service} | ::jsprint sessions | ::jsmap -k | ::sort -n 1 this | ::jsprint"),
        format!("{service} | ::jsprint clients | ::jsarray | ::count"),
        format!("{service} | ::jsprint clients | ::walk jselement | ::tail -1 | ::jsprint name"),
        format!("{service} | ::walk jsprop | ::jsconstructor ! sort"),
        "::findjsobjects -c Session | ::head -1 | ::jsprint later | ::jsclosure this | ::jsconstructor"
            .to_owned(),
        "::findjsobjects -c Session | ::head -1 | ::jsprint later | ::walk jsclosure | ::jsconstructor"
            .to_owned(),
    ];
    let expected = [
        "300\n",
        "\"session-12\"\n",
        "\"client-290\"\n",
        "Session\n",
        "\"session-0\"\n",
        "30\n",
        "\"client-290\"\n",
        "Array\nMap\nWeakMap\n",
        "Session\n",
        "Session\n",
    ];
    for (line, expected) in lines.iter().zip(expected) {
        assert_eq!(answer(&file, &format!("{line}\n")), expected, "{line}");
    }
    let printed = answer(&file, &format!("{service} | ::jsprint -d 1 sessions\n"));
    assert!(printed.starts_with("Map {\n    \"session-0\" => Session {...},\n"), "{}", &printed[..200]);
    assert_eq!(printed.lines().count(), 302);
}

/// Walks over all nodes find as many as the file says of their types.
#[test]
fn walks_find_all_nodes_of_a_sort() {
    let bytes = zstd::decode_all(std::fs::File::open(sessions()).unwrap()).unwrap();
    let file: Value = serde_json::from_slice(&bytes).unwrap();
    let fields = file["snapshot"]["meta"]["node_fields"].as_array().unwrap().len();
    let types = file["snapshot"]["meta"]["node_types"][0].as_array().unwrap();
    let numbers = file["nodes"].as_array().unwrap();
    let count = |wanted: &[&str]| {
        let is_wanted =
            |node: &&[Value]| wanted.contains(&types[node[0].as_u64().unwrap() as usize].as_str().unwrap());
        numbers.chunks(fields).filter(is_wanted).count()
    };
    let strings = count(&["string", "concatenated string", "sliced string"]);
    assert_eq!(answer(&sessions(), "::walk jsstring | ::count\n"), format!("{strings}\n"));
    assert_eq!(answer(&sessions(), "::walk jsfunction | ::count\n"), format!("{}\n", count(&["closure"])));
    let objects: u64 =
        rows(&sessions(), "::findjsobjects -j\n").iter().map(|row| row["count"].as_u64().unwrap()).sum();
    assert_eq!(answer(&sessions(), "::walk jsobject | ::count\n"), format!("{objects}\n"));
}

/// What a snapshot has nothing of is refused, with a reason, and nothing is printed.
#[test]
fn what_needs_a_process_is_refused() {
    for line in [
        "::jsstack",
        "::threads",
        "$C",
        "::malloc",
        "::jshandles",
        "::jsbuffers",
        "::jsclosures",
        "@7067::v8print",
        "::nodeinfo",
        "::mappings",
    ] {
        let (results, messages) = ask(&sessions(), &format!("{line}\n"));
        assert_eq!(results, "", "{line}");
        assert!(messages.contains("no process in it") && messages.contains("(try '"), "{line}: {messages}");
    }
    for (line, what) in [
        ("::findjsobjects -d", "no garbage"),
        ("::findjsobjects -k dict", "how properties are stored"),
        ("@1::jsprint nothing", "no such member"),
        ("@999999999::jsretained", "no node has the id"),
        ("7067/x", "no process in it"),
    ] {
        let (results, messages) = ask(&sessions(), &format!("{line}\n"));
        assert_eq!(results, "", "{line}");
        assert!(messages.contains(what), "{line}: {messages}");
    }
}

/// The same questions to a core and to the snapshot that is written of it.
#[test]
fn a_core_and_its_snapshot_agree() {
    let directory = tempfile::tempdir().unwrap();
    for core in ["leak-24", "retained-22", "growth-20", "kinds-26"] {
        let file = directory.path().join(format!("{core}.any-name"));
        let core = testdata().join(format!("cores/{core}.core.zst"));
        ask(&core, &format!("::heapsnapshot {}\n", file.display()));
        let classes = |from: &Path| {
            let (results, _) = ask(from, "::findjsobjects -j\n");
            let mut found: BTreeMap<String, (u64, u64)> = BTreeMap::new();
            for line in results.lines() {
                let row: Value = serde_json::from_str(line).unwrap();
                // In snapshots calls of async functions are called as V8 calls them.
                let class = match row["constructor"].as_str().unwrap() {
                    "AsyncFunction" => "Generator",
                    class => class,
                };
                let class = found.entry(class.to_owned()).or_default();
                class.0 += row["count"].as_u64().unwrap();
                class.1 += row["size"].as_u64().unwrap();
            }
            found
        };
        let (of_core, of_file) = (classes(&core), classes(&file));
        assert!(of_core.len() > 50);
        assert_eq!(of_core, of_file, "{}", core.display());
    }
}

/// Ids tell which objects are new.
#[test]
fn growth_of_one_process_is_exact() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, ids: &[u64]| {
        let mut nodes = vec![1, 0, 1, 0, 1, 0, 1, 3, 24, ids.len() as u64];
        let mut edges = vec![2, 0, 5];
        for (index, id) in ids.iter().enumerate() {
            nodes.extend([0, 2, *id, 32, 0]);
            edges.extend([1, index as u64, 10 + 5 * index as u64]);
        }
        let text = format!(
            r#"{{"snapshot":{{"meta":{{"node_fields":["type","name","id","self_size","edge_count"],"node_types":[["object","synthetic"]],"edge_fields":["type","name_or_index","to_node"],"edge_types":[["property","element","shortcut"]]}},"node_count":{},"edge_count":{}}},"nodes":{nodes:?},"edges":{edges:?},"strings":["","Keeper","Kept"]}}"#,
            ids.len() + 2,
            ids.len() + 1,
        );
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (old, new) = (write("old", &[5, 7, 9]), write("new", &[5, 9, 11, 13, 15]));
    let lines = format!("::diff -k -j {0}\n::diff -o -j {0}\n::diff -c Kept -j {0}\n", old.display());
    let (results, messages) = ask(&new, &lines);
    assert_eq!(messages, "");
    let rows: Vec<Value> = results.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&rows[0]["section"], &rows[1]["objects"]), (&"core".into(), &7.into()));
    let kept = &rows[2];
    assert_eq!((&kept["section"], &kept["name"]), (&"constructor".into(), &"Kept".into()));
    assert_eq!((&kept["count"], &kept["bytes"]), (&json!([3, 5]), &json!([96, 160])));
    assert_eq!((&kept["growth"], &kept["added"], &kept["gone"]), (&2.into(), &3.into(), &1.into()));
    let owner = &rows[3];
    assert_eq!((&owner["object"], &owner["growth"], &owner["of"]), (&"@3".into(), &2.into(), &"Kept".into()));
    assert_eq!((&owner["count"], &owner["retained"]), (&json!([3, 5]), &json!([96, 160])));
    let added: Vec<&str> = rows[4..].iter().map(|row| row["object"].as_str().unwrap()).collect();
    assert_eq!(added, ["@11", "@13", "@15"]);
    let (_, messages) = ask(&new, &format!("::diff {}\n", sessions().display()));
    assert!(messages.contains("not of one process"), "{messages}");
}
