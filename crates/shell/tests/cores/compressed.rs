//! A heap whose pointers are compressed, of workerd: all that is asked of a heap holds there too.

use std::path::PathBuf;

use test_support::scenarios::debugger::{self, Debugger};
use test_support::scenarios::workerd::{self, SESSIONS};
use test_support::scenarios::{constructors, verdict};

fn debugger() -> Debugger {
    Debugger::new(PathBuf::from(env!("CARGO_BIN_EXE_v8mdb")), &workerd::core())
}

fn answers<const N: usize>(lines: [&str; N]) -> [String; N] {
    let lines = lines.map(str::to_owned);
    debugger().session(&lines).unwrap().try_into().expect("as many answers as lines")
}

#[test]
fn what_lives_is_what_v8_counted() {
    let living = debugger::counts(&debugger().groups().unwrap());
    let mut differences = constructors::compare(&workerd::truth().unwrap(), &living);
    constructors::explain_tied(&mut differences);
    differences.retain(|difference| difference.reason.is_none());
    assert!(differences.is_empty(), "{differences:#?}");
}

#[test]
fn the_heap_is_as_the_program_has_it() {
    let facts = workerd::facts().unwrap();
    let groups = debugger().groups().unwrap();
    let mut failures = Vec::new();
    verdict::check_populations(&facts, &groups, &mut failures);
    verdict::check_status(&debugger(), &mut failures).unwrap();
    verdict::check_classes(&debugger(), &mut failures).unwrap();
    let right = verdict::check_values(&debugger(), &facts, &groups, &mut failures).unwrap();
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(right > 180, "{right}");
}

#[test]
fn the_cage_is_told() {
    let [status] = answers(["::status"]);
    assert!(status.contains("pointers: compressed to 32 bits, in the cage at "), "{status}");
}

#[test]
fn a_leak_has_values_a_way_and_holders() {
    let [session, path, holder, leaks] = answers([
        "::findjsobjects -c Session | ::jsprint",
        "::findjsobjects -c Session | ::jspath",
        "::findjsobjects -c Session | ::findjsobjects -r",
        "::jsleaks",
    ]);
    assert!(session.contains("\"name\": \"session 0\""), "{session}");
    assert!(path.contains("map value of key \"key 0\""), "{path}");
    assert!(holder.contains("map value of key \"key 0\""), "{holder}");
    assert!(leaks.contains(&format!("{SESSIONS} Session in one Map")), "{leaks}");
}
