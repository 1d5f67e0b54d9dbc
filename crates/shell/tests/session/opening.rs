//! Where the program takes its core from, and what happens when that changes under it.

use std::fs::File;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use test_support::elf_core::{ElfBinary, ElfCore, words};

const HEAP: u64 = 0x1234_5600_0000;

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_v8mdb"));
    command.env("HOME", "/nonexistent").env("SHELL", "/bin/sh").env_remove("DEBUGINFOD_URLS").args(arguments);
    command
}

/// A core whose heap of 16 MB ends with the word 7.
fn core() -> Vec<u8> {
    let mut heap = vec![0; 16 << 20];
    let end = heap.len();
    heap[end - 8..].copy_from_slice(&words(&[7]));
    ElfCore::new().thread(1, 0, [1; 27]).dumped("heap", HEAP, "rw-", &heap).build().bytes
}

/// Prints the first and the last word of the heap.
const LAST: &str = "123456000000/J ; 123456fffff8/J";

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_core_comes_from_standard_input_as_well() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("core");
    std::fs::write(&path, core()).unwrap();
    for name in ["-", "/dev/stdin"] {
        let piped = || {
            let mut child = program(&["-e", LAST, name])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut input = child.stdin.take().unwrap();
            let writer = std::thread::spawn(move || input.write_all(&core()).unwrap());
            let output = child.wait_with_output().unwrap();
            writer.join().unwrap();
            output
        };
        let from_file = program(&["-e", LAST, name]).stdin(File::open(&path).unwrap()).output().unwrap();
        for output in [piped(), from_file] {
            let (results, messages) = texts(&output);
            assert!(results.trim_end().ends_with(" 7"), "{results}{messages}");
        }
    }
}

#[test]
fn a_core_from_standard_input_leaves_no_commands_there() {
    // In a session of its own, without a terminal.
    let mut command = Command::new("setsid");
    command.args(["-w", env!("CARGO_BIN_EXE_v8mdb"), "-"]).env("HOME", "/nonexistent").stdin(Stdio::null());
    let output = command.output().unwrap();
    let (_, messages) = texts(&output);
    assert_eq!(output.status.code(), Some(2), "{messages}");
    assert!(messages.contains("-e"), "{messages}");
}

#[test]
fn a_core_that_is_cut_short_while_it_is_open_does_not_end_the_session() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("core");
    std::fs::write(&path, core()).unwrap();
    let cut = format!("! truncate -s 1048576 {}", path.display());
    let commands = [LAST, &cut, LAST, "123456000000/J", "::quit"];
    let mut child = program(&[path.to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all((commands.join("\n") + "\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let (results, messages) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{messages}");
    let lines: Vec<&str> = results.lines().collect();
    assert_eq!(lines.len(), 5, "{results}");
    assert!(lines[1].ends_with(" 7") && lines[3].ends_with(" 0"), "{results}");
    let told: Vec<&str> = messages.lines().filter(|line| line.contains("cut short")).collect();
    assert_eq!(told.len(), 1, "{messages}");
    assert!(told[0].contains(path.to_str().unwrap()) && told[0].contains("1048576"), "{messages}");
}

#[test]
fn options_of_opening_are_for_the_command_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("core.zst");
    std::fs::write(&path, zstd::encode_all(core().as_slice(), 1).unwrap()).unwrap();
    let path = path.to_str().unwrap();
    let run = |arguments: &[&str]| program(arguments).stdin(Stdio::null()).output().unwrap();
    let small = run(&["-o", "coresize=1m", "-e", LAST, path]);
    let (_, messages) = texts(&small);
    assert_eq!(small.status.code(), Some(1));
    assert!(messages.contains("1048576 bytes") && messages.contains("coresize"), "{messages}");
    let (results, messages) = texts(&run(&["-o", "coresize=1g", "-e", LAST, path]));
    assert!(results.trim_end().ends_with(" 7"), "{messages}");
    assert_eq!(run(&["-o", "coresize=much", "-e", LAST, path]).status.code(), Some(2));
    let (_, messages) = texts(&run(&["-e", "::set -o coresize=1m", path]));
    assert!(messages.contains("on the command line"), "{messages}");
    let (results, _) = texts(&run(&["-e", "::status", path]));
    let line = results.lines().find(|line| line.starts_with("core: ")).unwrap();
    assert!(line.contains("zstd") && line.contains("16.8 MB"), "{line}");
}

#[test]
fn what_is_not_at_hand_is_named_with_its_build_id() {
    let binary = ElfBinary::new(0x40_0000, &[0xab; 20], &[0xcc], &[], &[("entry_point", 0x40_1000, 16)]);
    let id = "ab".repeat(20);
    let core = ElfCore::new()
        .thread(1, 0, [1; 27])
        .file(0x40_0000, 0x40_1000, 0, "/nowhere/program")
        .dumped("header", 0x40_0000, "r--", binary.page(0))
        .build();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("core");
    std::fs::write(&path, core.bytes).unwrap();
    let folder = directory.path().join("ids");
    std::fs::create_dir_all(folder.join("ab")).unwrap();
    std::fs::write(folder.join("ab").join(&id[2..]), &binary.bytes).unwrap();
    let run = |options: &[&str], command: &str| {
        let arguments = [options, &["-e", command, path.to_str().unwrap()]].concat();
        texts(&program(&arguments).stdin(Stdio::null()).output().unwrap())
    };
    let (results, messages) = run(&[], "::objects");
    assert!(messages.contains(&id), "{messages}");
    assert!(results.contains(&format!("not at hand: /nowhere/program (build-id {id})")), "{results}");
    let (results, _) = run(&[], "::status");
    assert!(results.contains("not at hand: 1 of 1 objects"), "{results}");
    let option = format!("build-ids={}", folder.display());
    let (results, messages) = run(&["-o", &option], "::objects ; entry_point=J");
    assert!(!results.contains("not at hand") && results.contains("401000"), "{results}{messages}");
    assert!(!messages.contains(&id), "{messages}");
}
