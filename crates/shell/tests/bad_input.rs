//! Files that are no core, cores that are damaged, and commands that make no sense: a line that says what is wrong and what
//! to do about it, the right exit status, and never a panic.
#![allow(clippy::unwrap_used, reason = "a test fails where it panics")]

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use test_support::elf_core::{ElfBinary, ElfCore};
use test_support::scenarios::shipped::ShippedCore;

const LEAK: ShippedCore = ShippedCore { scenario: "leak", line: 24 };

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_v8mdb"));
    command
        .env("HOME", "/nonexistent")
        .env("SHELL", "/bin/sh")
        .arg("-S")
        .args(arguments)
        .stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    let output = program(arguments).output().unwrap();
    let messages = String::from_utf8_lossy(&output.stderr);
    // A signal leaves no status; a panic leaves its own, and says so.
    assert!(matches!(output.status.code(), Some(0..=2)), "{arguments:?}: {:?}: {messages}", output.status);
    assert!(!messages.contains("panicked"), "{arguments:?}: {messages}");
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn path(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// What a run that cannot open its target says: one line, status 1, nothing printed.
fn refusal(arguments: &[&str]) -> String {
    let output = run(arguments);
    let messages = text(&output.stderr);
    assert_eq!(
        (output.status.code(), text(&output.stdout).as_str()),
        (Some(1), ""),
        "{arguments:?}: {messages}"
    );
    assert_eq!(messages.lines().count(), 1, "{arguments:?}: {messages}");
    messages
        .strip_prefix("v8mdb: ")
        .unwrap_or_else(|| panic!("{arguments:?}: {messages}"))
        .trim_end()
        .to_owned()
}

struct Files {
    directory: tempfile::TempDir,
}

impl Files {
    fn new() -> Files {
        Files { directory: tempfile::tempdir().unwrap() }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        let file = self.directory.path().join(name);
        fs::write(&file, bytes).unwrap();
        path(&file)
    }

    fn place(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

fn decompressed(core: ShippedCore) -> Vec<u8> {
    let mut bytes = Vec::new();
    let file = fs::File::open(core.path()).unwrap();
    zstd::Decoder::new(file).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

/// A core of a process that is no Node.js.
fn other_program() -> ElfCore {
    ElfCore::new()
        .dumped("data", 0x5000_0000, "rw-", &[0x55; 0x2000])
        .process(77, 1000, "sleep", "sleep 1000")
        .thread(77, 11, [0; 27])
}

#[test]
fn files_that_are_no_core_are_called_what_they_are() {
    let files = Files::new();
    let directory = path(files.directory.path());
    for (file, what, remedy) in [
        (path(&files.place("nosuch")), "cannot open", "No such file or directory"),
        (directory, "is a directory", "give the path of a core dump"),
        (files.write("empty", b""), "is an empty file", "give an ELF core dump"),
        (files.write("text", b"once upon a time\n"), "is a text file", "give an ELF core dump"),
        (files.write("noise", &[0x9c, 1, 0, 0xff, 7]), "is a file of unknown kind", "give an ELF core dump"),
        ("/bin/sh".to_owned(), "is an executable or shared library", "v8mdb OBJECT CORE"),
    ] {
        let message = refusal(&[&file]);
        assert!(message.contains(&file) && message.contains(what) && message.contains(remedy), "{message}");
        // The same in front of commands.
        assert_eq!(refusal(&["-e", "::status", &file]), message);
    }
}

#[test]
fn a_core_of_another_machine_is_refused() {
    let files = Files::new();
    for (place, bytes, what) in [
        (18, 243_u16.to_le_bytes(), "RISC-V"),
        (18, 243_u16.to_le_bytes(), "RISC-V"),
        (4, [1, 1], "32-bit"),
        (4, [2, 2], "big-endian"),
    ] {
        let mut core = other_program().build().bytes;
        core[place..place + 2].copy_from_slice(&bytes);
        let file = files.write("core", &core);
        let message = refusal(&[&file]);
        assert!(message.contains(&file) && message.contains(what) && message.contains("x86-64"), "{message}");
    }
}

#[test]
fn a_core_of_another_program_opens_and_has_no_heap() {
    let files = Files::new();
    let file = files.write("core", &other_program().build().bytes);
    let output = run(&[&file, "-e", "::status"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let status = text(&output.stdout);
    assert!(status.contains("debugging core file of sleep"), "{status}");
    for command in ["::findjsobjects", "50000001::jsprint", "::walk jsglobal", "::savecore -t /nonexistent"] {
        let output = run(&[&file, "-e", command]);
        let messages = text(&output.stderr);
        assert_eq!(
            (output.status.code(), text(&output.stdout).as_str()),
            (Some(1), ""),
            "{command}: {messages}"
        );
        assert!(
            messages.contains("this process shows no V8") && messages.contains("give its executable"),
            "{messages}"
        );
    }
}

#[test]
fn a_wrong_object_is_refused_with_both_build_ids() {
    let files = Files::new();
    let core = path(&LEAK.path());
    let binary = ElfBinary::new(0x40_0000, &[0xab; 20], &[0x90; 16], &[0; 8], &[("main", 0x40_1000, 16)]);
    let object = files.write("node", &binary.bytes);
    let message = refusal(&[&object, &core, "-e", "::status"]);
    let build_ids: Vec<_> =
        message.split(|c: char| !c.is_ascii_hexdigit()).filter(|word| word.len() == 40).collect();
    assert_eq!(build_ids.len(), 2, "{message}");
    assert_eq!(build_ids[0], "ab".repeat(20), "{message}");
    assert!(message.contains(&object) && message.contains("leave it out"), "{message}");
    let message = refusal(&[&files.write("text", b"no program"), &core]);
    assert!(message.contains("is a text file, not an executable"), "{message}");
    let message = refusal(&[&path(&files.place("nosuch")), &core]);
    assert!(message.contains("No such file or directory"), "{message}");
}

#[test]
fn a_core_that_ends_early_opens_and_shows_what_is_left() {
    let files = Files::new();
    let whole = decompressed(LEAK);
    let (mut opened, mut found) = (0, Vec::new());
    for tenth in 0..10 {
        // Not on a boundary of anything.
        let length = (whole.len() * tenth / 10 + 13).min(whole.len());
        let file = files.write("core", &whole[..length]);
        let output = run(&[&file, "-e", "::findjsobjects -c Chunk | ::findjsobjects | ::count; ::status"]);
        let (results, messages) = (text(&output.stdout), text(&output.stderr));
        if !results.contains("debugging core file of node") {
            assert_eq!(output.status.code(), Some(1), "{length}: {messages}");
            assert!(messages.contains("copy or take it again"), "{length}: {messages}");
            continue;
        }
        opened += 1;
        let told = format!("the core is truncated: {length} of {} bytes are there", whole.len());
        assert!(messages.contains(&told), "{length}: {messages}");
        assert!(messages.contains("bytes beyond the end of the truncated core"), "{length}: {messages}");
        assert_eq!(messages.matches("garbage cannot be told").count(), 1, "{length}: {messages}");
        found.push(results.lines().next().and_then(|count| count.parse::<u32>().ok()).unwrap_or(0));
    }
    assert!(opened >= 9, "only {opened} of the ten opened");
    assert!(found.is_sorted(), "more of the core shows fewer objects: {found:?}");
    // The program has 2400 chunks. The heap does not fill the last tenth of the file, nor the first.
    assert_eq!((found.first(), found.last()), (Some(&0), Some(&2400)), "{found:?}");
    assert!(found.iter().any(|count| (1..2400).contains(count)), "{found:?}");
}

#[test]
fn a_compressed_core_that_ends_early_shows_what_is_left() {
    let files = Files::new();
    let whole = fs::read(LEAK.path()).unwrap();
    for tenth in 0..10 {
        let file = files.write("core.zst", &whole[..whole.len() * tenth / 10 + 5]);
        let output = run(&[&file, "-e", "::status"]);
        let messages = text(&output.stderr);
        match output.status.code() {
            // It opens, whether or not what is left shows a heap.
            _ if messages.contains("the compressed core is damaged") => {}
            Some(0) => panic!("{tenth}: {messages}"),
            _ => assert!(messages.contains(&file) && messages.lines().count() == 1, "{tenth}: {messages}"),
        }
    }
}

/// A core in which bits have fallen over, all through the heap.
#[test]
fn a_damaged_core_ends_no_command() {
    let files = Files::new();
    let mut bytes = decompressed(LEAK);
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..2000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = 0x4000 + (state >> 16) as usize % (bytes.len() - 0x4000);
        bytes[at] ^= 1 << (state >> 8 & 7);
    }
    let file = files.write("core", &bytes);
    let commands = [
        "::status",
        "::findjsobjects -j",
        "::findjsobjects | ::jsprint -d 4",
        "::findjsobjects | ::findjsobjects -r ! tail -1",
        "::walk jsobject | ::head -2000 | ::jsprint -a",
    ];
    for command in commands {
        run(&[&file, "-e", command]);
    }
}

#[test]
fn senseless_commands_are_told_apart() {
    let core = path(&LEAK.path());
    for (command, expected) in [
        ("::nosuch", "invalid command '::nosuch': unknown dcmd name"),
        ("::findjsobject", "unknown dcmd name (did you mean '::findjsobjects'?)"),
        ("::findjsobjects -q", "illegal option -- q"),
        ("::findjsobjects -c", "option requires an argument -- c"),
        ("::findjsobjects -c a -p b", "cannot specify both a property name and a constructor"),
        (
            "::findjsobjects -k bogus",
            "invalid option for -k: \"bogus\" (known are dict, inobject, props, numeric)",
        ),
        ("::findjsobjects name", "Usage: [address]::findjsobjects"),
        ("::findjsobjects -r", "must specify or mark an object to find references"),
        ("::findjsobjects -m", "must specify an object to mark"),
        ("10::findjsobjects", "10 is not a valid object"),
        ("10::findjsobjects -r", "10 is not a valid object"),
        ("1::jsprint", "1: <couldn't read type>: cannot read map at 0x0: no mapping for address 0x0"),
        ("10::jsprint", "10: <not a heap object>"),
        ("::jsprint", "Usage: address::jsprint"),
        ("1::jsprint -d deep", "invalid option for -d: \"deep\""),
        ("1::jsprint -d 99999999999999999999", "invalid option for -d: \"99999999999999999999\""),
        ("::walk nosuch", "unknown walk name"),
        ("::walk jsprop", "walker requires starting address"),
        ("10::walk jselement", "10 is not a JavaScript array"),
        ("nosuch::jsprint", "unknown symbol name: nosuch"),
        ("*10=J", "failed to read from address 10: no mapping for address"),
        ("::findjsobjects | ::status", "cannot pipe '::findjsobjects' into '::status'"),
        ("$</nonexistent", "failed to open /nonexistent: No such file or directory"),
        ("::savecore -t /nonexistent/core", "cannot write /nonexistent/core: No such file or directory"),
        ("::savecore -z 99 /tmp/core", "invalid option for -z: \"99\""),
        ("(1", "syntax error"),
        ("::echo 'a", "syntax error"),
    ] {
        let output = run(&[&core, "-e", command]);
        let messages = text(&output.stderr);
        assert_eq!(
            (output.status.code(), text(&output.stdout).as_str()),
            (Some(1), ""),
            "{command}: {messages}"
        );
        let first = messages.lines().next().unwrap_or_default();
        assert!(first.contains(expected), "{command}: expected `{expected}` in `{first}`");
        assert!(first.starts_with("v8mdb: ") || first.starts_with("Usage: "), "{command}: {first}");
    }
}

#[test]
fn a_mistake_leaves_the_rest_of_a_script_alone() {
    let core = path(&LEAK.path());
    let mut child = program(&[&core])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let script = "::findjsobjects -c Gateway | ::jsprint answered\n::nosuch\n10::jsprint\n\
                  ::findjsobjects -c Chunk | ::findjsobjects | ::head -3 | ::count\n";
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stdout), "1600\n3\n");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("unknown dcmd name on line 2 of <stdin>"),
        "{}",
        text(&output.stderr)
    );

    let files = Files::new();
    let file = files.write("commands", script.as_bytes());
    let output =
        run(&[&core, "-e", &format!("$<{file}"), "-e", "::findjsobjects -c Gateway | ::jsprint answered"]);
    assert_eq!(text(&output.stdout), "1600\n3\n1600\n");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn who_reads_only_the_beginning_ends_the_rest_quietly() {
    let core = path(&LEAK.path());
    let all = "::walk jsobject | ::jsprint";
    let output = run(&[
        &core,
        "-e",
        &format!("{all} ! head -1"),
        "-e",
        "::findjsobjects ! grep -c UpstreamConnection",
    ]);
    assert_eq!(text(&output.stderr), "");
    assert_eq!((output.status.code(), text(&output.stdout).lines().count()), (Some(0), 2));
    assert_eq!(text(&output.stdout).lines().last(), Some("1"));

    let mut child =
        program(&[&core, "-e", all]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 1];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stderr), "");
}
