//! The debugger on the cores that ship: what it says of them against what their programs made and V8 counted.
#![allow(clippy::unwrap_used, reason = "a test fails where it panics")]

mod arm64;
mod article;
mod compressed;
mod counts;
mod deaths;
mod every_pair;
mod every_type;
mod examples;
mod first_minutes;
mod functions;
mod globals;
mod golden;
mod growth;
mod heapsnapshot;
mod hostile;
mod internals;
mod json;
mod kept_index;
mod memory;
mod native_memory;
mod objects;
mod on_call;
mod options;
mod pending;
mod profile;
mod readme;
mod references;
mod report;
mod retention;
mod server;
mod snapshot_files;
mod stacks;
mod strings;
mod tutorial;
mod values;
mod width;

use std::path::PathBuf;

use test_support::scenarios::debugger::Debugger;
use test_support::scenarios::shipped::ShippedCore;

/// The debugger that is tested, on a core that ships.
fn debugger(core: ShippedCore) -> Debugger {
    Debugger::new(PathBuf::from(env!("CARGO_BIN_EXE_v8mdb")), &core.path())
}

/// What each line prints, in one session.
fn answers<const N: usize>(core: ShippedCore, lines: [&str; N]) -> [String; N] {
    all_answers(core, &lines.map(str::to_owned)).try_into().expect("as many answers as lines")
}

/// The same for as many lines as there are.
fn all_answers(core: ShippedCore, lines: &[String]) -> Vec<String> {
    debugger(core).session(lines).unwrap_or_else(|error| panic!("{core}: {error:#}"))
}

/// Address of the only kind that a filter of `::findjsobjects` leaves.
fn only(core: ShippedCore, filter: &str) -> String {
    let [found] = answers(core, [&format!("::findjsobjects {filter}")]);
    assert_eq!(found.lines().count(), 1, "{core}: {filter} finds {found}");
    found.trim().to_owned()
}
