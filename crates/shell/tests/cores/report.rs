//! The report: verdicts of cores of which it is known what is wrong with them, what it leaves out, and what it is written to.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn report(core: &str, options: &[&str]) -> Output {
    let file = |name: &str| {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/cores");
        format!("{root}/{name}.core.zst")
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_v8mdb"));
    command.arg("report").arg(file(core));
    for option in options {
        match option.strip_prefix("base=") {
            Some(base) => command.arg("--base").arg(file(base)),
            None => command.arg(option),
        };
    }
    command.output().unwrap()
}

fn json(core: &str, options: &[&str]) -> Value {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report.json");
    let mut options = options.to_vec();
    options.extend(["-o", path.to_str().unwrap()]);
    let output = report(core, &options);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What the programs say of themselves: `testdata/scenarios/leak.js`, `deaths`.
#[test]
fn the_verdict_says_what_is_wrong() {
    for (core, options, kind, words) in [
        ("leak-24", &[][..], "leak", &["800 UpstreamConnection", "Gateway.bySession"][..]),
        (
            "uncaught-24",
            &["--values"],
            "crash",
            &["TypeError: Cannot read properties of null", "uncaught.js:9"],
        ),
        ("full-24", &[], "outOfMemory", &["Reading", "readings"]),
        ("busy-24", &[], "running", &["find", "busy.js:18"]),
        ("growth-24", &["base=growth-24.stage1"], "leak", &["global.broker.archives"]),
    ] {
        let report = json(core, options);
        let title = report["verdict"]["title"].as_str().unwrap();
        assert_eq!(report["verdict"]["kind"], kind, "{core}: {title}");
        for word in words {
            assert!(title.contains(word), "{core}: no {word} in {title}");
        }
        // Each claim has the command that shows it.
        let because = report["verdict"]["because"].as_array().unwrap();
        assert!(
            because.iter().all(|claim| claim["command"].as_str().is_some_and(|command| !command.is_empty()))
        );
    }
}

#[test]
fn what_has_gathered_but_not_grown_is_no_leak_beside_an_older_core() {
    // The same core: nothing can have grown, whatever has gathered.
    let report = json("growth-24", &["base=growth-24"]);
    assert_ne!(report["verdict"]["kind"], "leak", "{}", report["verdict"]);
}

#[test]
fn what_strings_say_is_left_out_unless_it_is_asked_for() {
    // The keys of the Map that leaks are texts: `testdata/scenarios/leak.js`.
    let secret = "session-";
    let is_source = |text: &str| text.contains("'session-' + id");
    let count = |report: &Value| {
        let text = report.to_string();
        text.match_indices(secret).filter(|(at, _)| !is_source(&text[at.saturating_sub(3)..at + 20])).count()
    };
    assert_eq!(count(&json("leak-24", &[])), 0);
    let left_out = json("uncaught-24", &[]);
    assert!(!left_out.to_string().contains("Cannot read properties"), "{left_out}");
    assert!(json("uncaught-24", &["--values"]).to_string().contains("Cannot read properties"));
    // A token on a command line is nobody's business.
    assert!(!left_out["process"]["arguments"].as_str().unwrap().contains("--"));
}

/// A report on whatever is at a path.
fn of_file(path: &Path, options: &[&str]) -> Value {
    let directory = tempfile::tempdir().unwrap();
    let written = directory.path().join("report.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_v8mdb"));
    let output = command.arg("report").arg(path).args(options).arg("-o").arg(&written).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&std::fs::read_to_string(written).unwrap()).unwrap()
}

/// A heap snapshot says of what has gathered what the core says that it was written of, and what it cannot tell.
#[test]
fn a_snapshot_has_the_verdict_of_its_core() {
    let directory = tempfile::tempdir().unwrap();
    for (core, kind, words) in [
        ("leak-24", "leak", &["800 UpstreamConnection", "Gateway.bySession"][..]),
        ("leak-20", "leak", &["800 UpstreamConnection", "Gateway.bySession"]),
        ("busy-24", "healthy", &[]),
    ] {
        let file = directory.path().join(core);
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/cores");
        let written = Command::new(env!("CARGO_BIN_EXE_v8mdb"))
            .args(["-e", &format!("::heapsnapshot {}", file.display())])
            .arg(format!("{root}/{core}.core.zst"))
            .output()
            .unwrap();
        assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
        let report = of_file(&file, &[]);
        let title = report["verdict"]["title"].as_str().unwrap();
        assert_eq!(report["verdict"]["kind"], kind, "{core}: {title}");
        assert!(words.iter().all(|word| title.contains(word)), "{core}: {title}");
        // Where memory is, by constructor and by kind; a tree; and no process.
        assert!(report["histogram"].as_array().unwrap().len() > 100);
        assert!(report["process"]["types"].as_array().unwrap().len() > 10);
        assert!(!report["dominators"]["children"].as_array().unwrap().is_empty());
        assert!(
            report["ending"].is_null()
                && report["memory"].is_null()
                && report["stacks"] == serde_json::json!([])
        );
        let untold = report["notTold"].to_string();
        assert!(untold.contains("no process in it") && untold.contains("::jsstacks"), "{untold}");
    }
}

/// Snapshots of one process: a Keeper that has 100 objects of 1 kB, and then 400.
#[test]
fn an_older_snapshot_tells_growth() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, kept: u64| {
        let mut nodes = vec![1, 0, 1, 0, 2, 0, 3, 3, 100, 1, 0, 1, 5, 24, kept];
        let mut edges = vec![3, 3, 5, 1, 4, 5, 1, 5, 10];
        nodes[4] = 2;
        for number in 0..kept {
            nodes.extend([0, 2, 7 + 2 * number, 1024, 0]);
            edges.extend([0, number, 15 + 5 * number]);
        }
        let text = format!(
            r#"{{"snapshot":{{"meta":{{"node_fields":["type","name","id","self_size","edge_count"],"node_types":[["object","synthetic"]],"edge_fields":["type","name_or_index","to_node"],"edge_types":[["element","property","internal","shortcut"]]}},"node_count":{},"edge_count":{}}},"nodes":{nodes:?},"edges":{edges:?},"strings":["","Keeper","Kept","global","roots","keeper"]}}"#,
            kept + 3,
            kept + 3,
        );
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (old, new) = (write("old", 100), write("new", 400));
    let report = of_file(&new, &["--base", old.to_str().unwrap()]);
    let title = "leak of Kept held by global.keeper: +300 since the older snapshot";
    assert_eq!(report["verdict"]["title"], title, "{}", report["verdict"]);
    let same = of_file(&new, &["--base", new.to_str().unwrap()]);
    assert_eq!(same["verdict"]["kind"], "healthy", "{}", same["verdict"]);
}

/// Values of the tree add up: what hangs below a node is never more than it retains, and all of it is what `::jsdominators` says.
#[test]
fn the_tree_adds_up() {
    fn check(node: &Value) -> u64 {
        let number = |field: &str| node[field].as_u64().unwrap();
        let own = number("retained") + number("outside");
        let below: u64 = node["children"].as_array().unwrap().iter().map(check).sum();
        assert!(below + number("restBytes") <= own, "{node}");
        own
    }
    let report = json("retained-24", &[]);
    assert!(check(&report["dominators"]) > 1_000_000);
    // The list hangs on an object of this class: `testdata/scenarios/retained.js`.
    assert!(report["dominators"].to_string().contains("\"constructor\":\"Retained\""));
}

#[test]
fn hostile_names_reach_the_page_as_data() {
    let directory = tempfile::tempdir().unwrap();
    let page = directory.path().join("report.html");
    let output = report("hostile-24", &["--values", "-o", page.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(text.len() < 3_000_000);
    let (_, behind) = text.split_once("id=\"data\">").unwrap();
    let (data, behind) = behind.split_once("</script>").unwrap();
    assert!(!data.contains(['<', '>', '&', '\'', '\u{1b}']));
    assert!(serde_json::from_str::<Value>(data).is_ok());
    assert_eq!(behind.matches("<script").count(), 1, "the page's own");
}

#[test]
fn a_file_is_written_through_the_door() {
    let directory = tempfile::tempdir().unwrap();
    let (aim, link) = (directory.path().join("aim.txt"), directory.path().join("link.txt"));
    std::fs::write(&aim, "mine").unwrap();
    std::os::unix::fs::symlink(&aim, &link).unwrap();
    let output = report("native", &["-o", link.to_str().unwrap()]);
    assert!(!output.status.success());
    assert_eq!(std::fs::read_to_string(&aim).unwrap(), "mine");
    let output = report("native", &["-o", "report.pdf"]);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!Path::new("report.pdf").exists());
    // Without a heap of JavaScript there is a report, too.
    let output = report("native", &[]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.starts_with("verdict: "), "{text}");
}
