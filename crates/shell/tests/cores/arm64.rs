//! A core from another processor: everything that does not name registers or instructions is as on x86-64.

use std::path::{Path, PathBuf};

use test_support::scenarios::debugger::{self, Debugger};
use test_support::scenarios::facts::Facts;
use test_support::scenarios::shipped::{self, OTHER_PROCESSOR, OTHER_PROCESSOR_LINE};
use test_support::scenarios::{constructors, testdata, verdict};

fn debugger_on(core: &Path) -> Debugger {
    Debugger::new(PathBuf::from(env!("CARGO_BIN_EXE_v8mdb")), core)
}

fn debugger() -> Debugger {
    debugger_on(&shipped::with_ending(shipped::arm64(), "core.zst"))
}

fn answers<const N: usize>(lines: [&str; N]) -> [String; N] {
    let lines = lines.map(str::to_owned);
    debugger().session(&lines).unwrap().try_into().expect("as many answers as lines")
}

#[test]
fn the_heap_is_as_v8_and_the_program_have_it() {
    let read = |path: PathBuf| std::fs::read_to_string(path).unwrap();
    let truth = read(shipped::with_ending(shipped::arm64(), "constructors.json"));
    let truth = serde_json::from_str(&truth).unwrap();
    let found = debugger::counts(&debugger().groups_of("-a").unwrap());
    let mut differences = constructors::compare(&truth, &found);
    let known = constructors::known_differences().unwrap();
    constructors::explain(&mut differences, OTHER_PROCESSOR_LINE, OTHER_PROCESSOR, &known);
    differences.retain(|difference| difference.reason.is_none());
    assert!(differences.is_empty(), "{differences:#?}");

    let facts = read(testdata().join(format!("scenarios/{OTHER_PROCESSOR}.expected.json")));
    let facts: Facts = serde_json::from_str(&facts).unwrap();
    assert!(!facts.counts.is_empty());
    let mut failures = Vec::new();
    verdict::check_populations(&facts, &debugger().groups().unwrap(), &mut failures);
    verdict::check_status(&debugger(), &mut failures).unwrap();
    assert!(failures.is_empty(), "{failures:#?}");
}

/// The program waits in `hold`, at a line of `hold.js` that V8 tells, called by the last line of the program.
#[test]
fn the_stack_goes_from_the_wait_down_to_the_start_of_the_process() {
    let [native, javascript] = answers(["$C", "::jsstack"]);
    let place = |text: &str, wanted: &str| text.find(wanted).unwrap_or_else(|| panic!("no {wanted}: {text}"));
    let order = [
        "Builtin_AtomicsWait",
        "hold (",
        "hold.js:70:20)",
        "leak.js:93:1)",
        "Builtins_JSEntryTrampoline",
        "Builtins_JSEntry+",
        "v8::internal::Execution::Call",
        "node::LoadEnvironment",
        "node::NodeMainInstance::Run()",
        "node::Start(int, char**)",
        "__libc_start_main",
    ];
    let places = order.map(|wanted| place(&native, wanted));
    assert!(places.is_sorted(), "{native}");
    assert!(!native.contains("guess"), "{native}");
    let functions: Vec<&str> =
        javascript.lines().filter_map(|line| line.split_whitespace().nth(1)).take(3).collect();
    assert_eq!(functions, ["Atomics.wait", "hold", "Object.<anonymous>"], "{javascript}");
}

#[test]
fn variables_of_the_frames_are_named() {
    let [locals] = answers(["::jsstack -v"]);
    for line in ["REQUESTS: 2400", "hangUps: 800", "abort: "] {
        assert!(locals.contains(line), "{line}: {locals}");
    }
}

#[test]
fn registers_go_by_their_own_names() {
    let [architecture, registers, sp, fp, x29, low, whole, foreign] =
        answers(["::showrev", "::regs", "<sp=K", "<fp=K", "<x29=K", "<w19=K", "<x19=K", "<rax=K"]);
    assert!(architecture.starts_with("Architecture: arm64\n"), "{architecture}");
    assert!(registers.contains("%x0  = ") && registers.contains("%pc = "), "{registers}");
    assert!(!registers.contains("rax"), "{registers}");
    let number = |text: &str| u64::from_str_radix(text.trim(), 16).unwrap();
    assert_eq!(number(&fp), number(&x29));
    assert_eq!(number(&low), number(&whole) & 0xffff_ffff);
    // The frame pointer of the innermost frame points into the stack, above the stack pointer or to it.
    assert!(number(&sp) <= number(&fp) && number(&fp) - number(&sp) < 1 << 20);
    assert_eq!(foreign, "");
}

/// A copy is a core of the same processor.
#[test]
fn a_copy_is_as_its_original() {
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("copy.core");
    debugger().evaluate(&format!("::savecore -t \"{}\"", copy.display())).unwrap();
    let lines = ["::showrev", "::findjsobjects", "$c", "::regs"].map(str::to_owned);
    let (own, copied) = (debugger().session(&lines).unwrap(), debugger_on(&copy).session(&lines).unwrap());
    assert_eq!(own, copied);
}
