//! Why a process ended, and in which JavaScript: what is said of three cores against what their programs do
//! (`testdata/scenarios/deaths`).

use std::path::PathBuf;

use serde_json::{Value, json};
use test_support::scenarios::debugger::Debugger;
use test_support::scenarios::testdata;

fn answers(death: &str, lines: &[&str]) -> Vec<String> {
    let core = testdata().join(format!("cores/{death}-24.core.zst"));
    let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    Debugger::new(PathBuf::from(env!("CARGO_BIN_EXE_v8mdb")), &core).session(&lines).unwrap()
}

/// The line of a program on which some text stands, from 1 on.
fn line_of(program: &str, text: &str) -> usize {
    let source = std::fs::read_to_string(testdata().join(format!("scenarios/deaths/{program}.js"))).unwrap();
    source.lines().position(|line| line.contains(text)).unwrap_or_else(|| panic!("no {text}")) + 1
}

#[test]
fn an_error_that_nobody_caught_is_named_with_its_line() {
    let [status, stack, error] = answers(
        "uncaught",
        &["::status -j", "::jsstack -j", "::jsstack | ::head -1 | ::jsfunction ! head -1"],
    )
    .try_into()
    .unwrap();
    let status: Value = serde_json::from_str(&status).unwrap();
    let ended = &status["endedOn"];
    // The lines of an order are null for every third.
    assert_eq!(ended["kind"], "exception");
    let text = ended["text"].as_str().unwrap();
    assert!(text.starts_with("TypeError: Cannot read properties of null (reading 'reduce')"), "{text}");
    let line = line_of("uncaught", "this.lines.reduce");
    let place = ended["place"].as_str().unwrap();
    assert!(place.starts_with(&format!("uncaught.js:{line}: return this.lines.reduce(")), "{place}");
    assert_eq!(error.trim(), "function: total");
    let frames: Vec<Value> = stack.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (frame, (function, text)) in frames.iter().zip([
        ("total", "this.lines.reduce"),
        ("charge", "order.total()"),
        ("handle", "return charge(order)"),
    ]) {
        let shown = frame["text"].as_str().unwrap();
        assert!(shown.contains(function), "{shown}");
        let place = format!("uncaught.js:{}", line_of("uncaught", text));
        assert!(frame["exact"] != json!(true) || shown.contains(&place), "{shown}, not at {place}");
    }
    assert_eq!(frames[0]["exact"], true, "{frames:#?}");
}

/// What a call was given is there: the order that `charge` charges is the one whose `total` fails.
#[test]
fn calls_have_the_values_that_they_were_made_with() {
    let [order, same, lines, shown, frame, native, crash] = answers(
        "uncaught",
        &[
            "::jsstack -f charge -p arg0",
            "::jsstack -f total -p this",
            "::jsstack -f charge -p arg0 | ::jsprint lines",
            "::jsstack -v -s -f charge",
            "::walk jsframe | ::head -2 | ::jsframe -f charge",
            "$C",
            "::jscrash -j",
        ],
    )
    .try_into()
    .unwrap();
    assert_eq!(order, same);
    assert_eq!(lines.trim(), "null");
    assert!(shown.contains(&format!("arg0: {} (JSObject: Order)", order.trim())), "{shown}");
    let line = line_of("uncaught", "order.total()");
    assert!(
        shown.contains(&format!("{line}   return {{ order: order.id, cents: order.total() * 100 }};")),
        "{shown}"
    );
    assert!(frame.contains(&format!(" charge (/tmp/v8mdb-stage/app/uncaught.js:{line}:")), "{frame}");
    let place = |text: &str| format!("uncaught.js:{}:", line_of("uncaught", text));
    for (function, text) in [("Order.total", "this.lines.reduce"), ("charge", "order.total()")] {
        let is_it = |line: &str| line.contains(function) && line.contains(&place(text));
        assert!(native.lines().any(is_it), "{native}");
    }
    let crash: Value = serde_json::from_str(&crash).unwrap();
    assert_eq!(crash["signal"], "SIGTRAP");
    assert!(
        crash["text"].as_str().unwrap().starts_with("TypeError: Cannot read properties of null"),
        "{crash}"
    );
    assert!(crash["calls"][0].as_str().unwrap().contains(&place("this.lines.reduce")), "{crash}");
    // The program gives V8 no limit.
    assert_eq!(crash["heapLimit"], crash["firstHeapLimit"]);
}

#[test]
fn a_full_heap_is_said_to_be_full_and_what_fills_it_is_found() {
    let [status, suspect, crash] =
        answers("full", &["::status -j", "::jsleaks -j -n 1", "::jscrash -j"]).try_into().unwrap();
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["endedOn"]["kind"], "out of memory");
    let crash: Value = serde_json::from_str(&crash).unwrap();
    assert!(crash["text"].as_str().unwrap().starts_with("FATAL ERROR: "), "{crash}");
    // --max-old-space-size=20
    assert_eq!(crash["firstHeapLimit"], 20 << 20, "{crash}");
    assert!(crash["lastCollections"].as_str().unwrap().contains(" ms: Mark-Compact"), "{crash}");
    let suspect: Value = serde_json::from_str(&suspect).unwrap();
    assert_eq!((&suspect["constructor"], &suspect["gathererName"]), (&json!("Reading"), &json!("Array")));
    let line = line_of("full", "this.readings.push");
    let place = suspect["addedAt"].as_str().unwrap();
    assert_eq!(place, format!("full.js:{line}: this.readings.push(reading);"));
}

#[test]
fn a_thread_that_hangs_is_found_in_its_loop() {
    let [status, stack, functions] =
        answers("busy", &["::status -j", "::jsstack", "::jsstack | ::head -2 | ::jssource -n 0"])
            .try_into()
            .unwrap();
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["endedOn"], Value::Null, "a signal from outside");
    let lines: Vec<&str> = stack.lines().collect();
    assert!(lines[0].contains(" find (") && lines[1].contains(" lookUp ("), "{stack}");
    assert!(lines[1].contains(&format!("busy.js:{}", line_of("busy", "return find("))), "{stack}");
    assert!(functions.contains("while (node !== null)"), "{functions}");
}

/// The program makes so many of each.
#[test]
fn requests_without_an_answer_are_known_by_how_far_they_have_come() {
    let core = testdata().join("cores/unanswered-20.core.zst");
    let debugger = Debugger::new(PathBuf::from(env!("CARGO_BIN_EXE_v8mdb")), &core);
    let rows = debugger.evaluate("::jshttp -j").unwrap();
    let rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |side: &str, state: &str, target: &str| {
        let is = |row: &&Value| {
            row["side"] == side
                && row["state"] == state
                && row["target"].as_str().unwrap().starts_with(target)
        };
        rows.iter().filter(is).count()
    };
    let facts = [
        ("server", "unanswered", "/price/coffee?", 12),
        ("server", "unanswered", "/price/milk?0", 1),
        ("server", "unanswered", "/upload/1", 1),
        ("server", "answer begun", "/stream/", 2),
        ("server", "answer not written", "/film/1", 1),
        ("client", "waits for a connection", "/price/milk?", 4),
        ("client", "request not ended", "/upload/1", 1),
        ("client", "waits for an answer", "/price/coffee?", 12),
        ("client", "waits for an answer", "/price/milk?0", 1),
        ("client", "answer not read", "/stream/", 2),
        ("client", "answer not read", "/film/1", 1),
    ];
    for (side, state, target, count) in facts {
        assert_eq!(of(side, state, target), count, "{side}, {state}, {target}");
    }
    assert_eq!(rows.len(), facts.iter().map(|fact| fact.3).sum::<usize>());
    let handle = line_of("unanswered", "function handle(");
    for row in rows.iter().filter(|row| row["side"] == "server") {
        assert_eq!((&row["callback"]["name"], &row["callback"]["line"]), (&json!("handle"), &json!(handle)));
        // An end of each connection is the server's, with a descriptor of its own.
        assert!(row["fd"].as_u64().is_some(), "{row}");
    }
    let asked = debugger.evaluate_aloud("::jsasync").unwrap_err().to_string();
    assert!(asked.contains("nothing waits for a promise; 38 requests of HTTP are: ::jshttp"), "{asked}");
}

#[test]
fn a_process_that_was_not_ended_has_no_reason() {
    let core = testdata().join("cores/leak-24.core.zst");
    let debugger = Debugger::new(PathBuf::from(env!("CARGO_BIN_EXE_v8mdb")), &core);
    let status: Value = serde_json::from_str(&debugger.evaluate("::status -j").unwrap()).unwrap();
    assert_eq!(status["endedOn"], Value::Null);
    // The program says where it stops: in `hold`, which waits.
    let stack = debugger.evaluate("::jsstack | ::head -1 | ::jsfunction").unwrap();
    assert!(stack.starts_with("function: hold\n"), "{stack}");
}
