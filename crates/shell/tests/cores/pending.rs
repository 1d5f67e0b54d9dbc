//! What a process waits for, against what its program and Node.js say of that (`testdata/scenarios/pending.js`).

use std::path::PathBuf;

use serde_json::Value;
use test_support::scenarios::debugger::Debugger;
use test_support::scenarios::pending::check;
use test_support::scenarios::shipped::{self, ShippedCore};

fn debugger() -> Debugger {
    let core = shipped::with_ending(shipped::pending(), "core.zst");
    Debugger::new(PathBuf::from(env!("CARGO_BIN_EXE_v8mdb")), &core)
}

fn report() -> Value {
    shipped::report_of_pending().unwrap()["pending"].clone()
}

#[test]
fn timers_handles_requests_and_chains_are_those_of_the_program() {
    check(&debugger(), &shipped::report_of_pending().unwrap()).unwrap();
}

#[test]
fn a_handle_is_found_by_its_descriptor() {
    let report = report();
    let handles = report["handles"].as_array().unwrap();
    let with_descriptor: Vec<&Value> = handles.iter().filter(|handle| handle["fd"].is_u64()).collect();
    assert!(with_descriptor.len() > 10, "{} descriptors", with_descriptor.len());
    for handle in with_descriptor {
        let line = format!("::jshandles -f {} | ::jsconstructor", handle["fd"]);
        let text = debugger().evaluate(&line).unwrap();
        assert_eq!(text.lines().count(), 1, "{line}: {text}");
        assert!(text.contains(handle["constructor"].as_str().unwrap()), "{line}: {text}");
    }
}

#[test]
fn chains_are_chosen_by_what_settles_them_and_hand_on_each_call() {
    let report = report();
    let chains = report["chains"].as_array().unwrap();
    for kind in ["held", "orphan", "cycle", "ready", "timer"] {
        let of_kind = chains.iter().filter(|chain| chain["wakes"] == kind);
        let expected: u64 = of_kind.filter_map(|chain| chain["count"].as_u64()).sum();
        assert!(expected > 0, "the program has {kind}");
        let text = debugger().evaluate(&format!("::jsasync -p -w {kind} | ::count")).unwrap();
        assert_eq!(text.trim(), expected.to_string(), "{kind}");
    }
}

#[test]
fn a_core_without_what_node_publishes_says_so() {
    let old = super::debugger(ShippedCore { scenario: "leak", line: 24 });
    for (line, reason) in [
        ("::jshandles", "the core lacks what Node.js publishes of itself"),
        ("::jsrequests", "the core lacks what Node.js publishes of itself"),
        // That program has none.
        ("::jstimers", "nothing of that kind has still to run"),
    ] {
        let error = old.evaluate(line).unwrap_err().to_string();
        assert!(error.contains(reason), "{line}: {error}");
    }
}
