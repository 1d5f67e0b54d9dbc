//! What has grown from one core to another: against what growth.js makes at each of its stages, and against the difference of V8's
//! own snapshots.
#![allow(clippy::unwrap_used, reason = "a test fails where it panics")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use test_support::scenarios::debugger::Debugger;
use test_support::scenarios::growth;
use test_support::scenarios::shipped::{self, ShippedCore};

fn core(line: u32, stage: u32) -> PathBuf {
    shipped::with_ending(shipped::stage(line, stage), "core.zst")
}

fn run(arguments: &[&str], core: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_v8mdb")).arg("-S").args(arguments).arg(core).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn growth_is_what_the_program_says_and_v8_counts() {
    for (line, stages) in [(20, &[1, 3][..]), (24, &[1, 3]), (24, &[1, 2]), (24, &[2, 3]), (24, &[1, 2, 3])] {
        let cores: Vec<PathBuf> = stages.iter().map(|stage| core(line, *stage)).collect();
        let truths: Vec<_> =
            stages.iter().map(|stage| shipped::truth_of_stage(line, *stage).unwrap()).collect();
        let debugger = Debugger::new(PathBuf::from(env!("CARGO_BIN_EXE_v8mdb")), cores.last().unwrap());
        let stages: Vec<usize> = stages.iter().map(|stage| *stage as usize).collect();
        let cores: Vec<&Path> = cores.iter().map(AsRef::as_ref).collect();
        let failures = growth::check(&debugger, &stages, &cores, &truths).unwrap();
        assert!(failures.is_empty(), "Node.js {line}:\n{}", failures.join("\n"));
    }
}

#[test]
fn nothing_has_grown_from_a_core_to_itself() {
    let own = core(24, 3);
    let [text_rows, rows, new] = ["::diff", "::diff -j -a -kstobm", "::diff -c Session"].map(|line| {
        let output = run(&["--base", own.to_str().unwrap(), "-e", line], &own);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    });
    assert_eq!(text_rows.matches("  nothing has grown\n").count(), 2, "{text_rows}");
    assert!(rows.lines().all(|line| line.contains("\"section\":\"core\"")), "{rows}");
    assert_eq!(new, "");
}

#[test]
fn cores_of_two_releases_are_compared_by_names() {
    // The program of both is at the same stage; Node.js and V8 are not the same.
    let old = core(20, 3);
    let output =
        run(&["--base", old.to_str().unwrap(), "-e", "::diff -j -a -o; ::diff -c Session"], &core(24, 3));
    let found = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(!found.contains("global.broker"), "{found}");
}

#[test]
fn what_is_new_flows_into_pipelines_of_the_newest_core() {
    let old = core(24, 1);
    let line = "::diff -c Session | ::where 'id > 498' | ::jsprint id user.name; ::diff -c Session | ::count";
    let output = run(&["--base", old.to_str().unwrap(), "-e", line], &core(24, 3));
    let found = text(&output.stdout);
    let mut lines: Vec<&str> = found.lines().collect();
    let count = lines.pop();
    lines.sort_unstable();
    assert_eq!(
        (lines, count),
        (vec!["499 \"user-499\"", "500 \"user-500\""], Some("300")),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn errors_name_the_core_that_they_are_about() {
    let (new, leak) = (core(24, 3), ShippedCore { scenario: "leak", line: 24 }.path());
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("no-such-core");
    let garbage = directory.path().join("garbage");
    std::fs::write(&garbage, b"\x1b[31mnot a core").unwrap();
    for bad in [&missing, &garbage] {
        let name = bad.file_name().unwrap().to_str().unwrap();
        for (arguments, status) in [
            (vec!["--base", bad.to_str().unwrap(), "-e", "::status"], 1),
            (vec!["-e", &*format!("::diff \"{}\"", bad.display())], 1),
        ] {
            let output = run(&arguments, &new);
            let messages = text(&output.stderr);
            assert_eq!(output.status.code(), Some(status), "{messages}");
            assert!(messages.contains(name) && !messages.contains('\u{1b}'), "{messages:?}");
        }
    }
    let output = run(&["-e", "::diff"], &new);
    assert!(text(&output.stderr).contains("there is no older core"), "{}", text(&output.stderr));
    let leak = leak.to_str().unwrap();
    let output = run(&["--base", leak, "--base", leak, "--base", leak, "-e", "::diff"], &new);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    // Another program altogether is no error: all that it lacks is new.
    let output = run(&["--base", leak, "-e", "::diff -n 0t1000 -k"], &new);
    assert!(text(&output.stdout).contains("+500"), "{}", text(&output.stderr));
}

/// Two cores, each cut in the middle: whatever they lack is said, and neither ends the program.
#[test]
fn damaged_cores_side_by_side_have_an_answer() {
    let directory = tempfile::tempdir().unwrap();
    let half = |stage: u32| {
        let file = std::fs::File::open(core(24, stage)).unwrap();
        let bytes = zstd::decode_all(file).unwrap();
        let path = directory.path().join(format!("half-{stage}"));
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        path
    };
    let (old, new) = (half(1), half(3));
    for (old, new) in [(&old, &new), (&core(24, 1), &new), (&old, &core(24, 3))] {
        let output = run(&["--base", old.to_str().unwrap(), "-e", "::diff -kstobma; ::diff -c Session"], new);
        let messages = text(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{:?}: {messages}", output.status);
        assert!(!messages.contains("panicked"), "{messages}");
        assert!(messages.contains("half-") || messages.contains("truncated"), "{messages}");
    }
}
