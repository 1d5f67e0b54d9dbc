//! The examples of the manuals are run: what each line prints is what the manual shows.
//!
//! A line of the manual that is `...` stands for lines that are left out. `V8MDB_REWRITE_GOLDEN=1` writes what has changed into the
//! dcmds' files; the difference is to be read before it is believed.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use shell::dcmd::{Dcmd, Example, Shipped};
use shell::dcmds::FOLDERS;
use test_support::scenarios::testdata;

use crate::golden::REWRITE;

/// What ends the answer to a line.
const MARK: &str = "end-of-answer";

/// What each line prints, messages included, in one session in a directory with the files that it names.
fn answers(file: Shipped, examples: &[&Example]) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let path = testdata().join(file.path());
    let (folder, file) = (path.parent().unwrap(), path.file_name().unwrap().to_str().unwrap());
    let named = examples.iter().flat_map(|example| example.line.split(' '));
    for name in named.chain([file]).filter(|name| name.ends_with(".zst")) {
        if folder.join(name).exists() {
            fs::copy(folder.join(name), directory.path().join(name)).unwrap();
        }
    }
    // Messages come among the results, as on a screen.
    let mut child = Command::new("/bin/sh")
        .args(["-c", "exec \"$0\" \"$@\" 2>&1", env!("CARGO_BIN_EXE_v8mdb"), "-S", file])
        .current_dir(directory.path())
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("SHELL", "/bin/sh")
        .env("TERM", "xterm-256color")
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let script: String =
        examples.iter().map(|example| format!("{}\n::echo {MARK}\n", example.line)).collect();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        // A line may end the session.
        let _ = stdin.write_all(script.as_bytes());
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let mut answers = vec![String::new()];
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        match line.trim_end() {
            MARK => answers.push(String::new()),
            line => {
                let answer = answers.last_mut().unwrap();
                answer.push_str(line);
                answer.push('\n');
            }
        }
    }
    answers.resize(examples.len(), String::new());
    answers
}

/// Whether `printed` is what is expected, where a line `...` is any number of lines.
pub fn agrees(expected: &[&str], printed: &[&str]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((&"...", rest)) => (0..=printed.len()).any(|at| agrees(rest, &printed[at..])),
        Some((line, rest)) => printed.first() == Some(line) && agrees(rest, &printed[1..]),
    }
}

/// What is printed, with `...` where it stands in what was expected: behind so many lines, and before so many.
pub fn shortened(expected: &[&str], printed: &[&str]) -> String {
    let Some(cut) = expected.iter().position(|line| *line == "...") else { return printed.join("\n") };
    let behind = expected.len() - cut - 1;
    if printed.len() <= cut + behind {
        return printed.join("\n");
    }
    let kept = [&printed[..cut], &["..."], &printed[printed.len() - behind..]];
    kept.concat().join("\n")
}

/// Runs the examples of a dcmd; gives where they disagree.
fn disagreements(folder: &str, dcmd: &Dcmd, rewrite: bool) -> Vec<String> {
    let mut by_file: BTreeMap<Shipped, Vec<&Example>> = BTreeMap::new();
    for example in dcmd.examples {
        by_file.entry(example.file).or_default().push(example);
    }
    let mut found = Vec::new();
    for (file, examples) in by_file {
        for (example, printed) in examples.iter().zip(answers(file, &examples)) {
            let expected: Vec<_> = example.output().collect();
            let printed: Vec<_> = printed.lines().collect();
            if agrees(&expected, &printed) {
                continue;
            }
            let printed = shortened(&expected, &printed);
            if rewrite {
                replace(folder, dcmd, &expected.join("\n"), &printed);
            }
            let expected = expected.join("\n");
            found.push(format!(
                "{file:?}> {}\n--- the manual\n{expected}\n--- printed\n{printed}",
                example.line
            ));
        }
    }
    found
}

/// Puts `new` in the place of `old` in the file of a dcmd.
fn replace(folder: &str, dcmd: &Dcmd, old: &str, new: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/dcmds").join(folder);
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        if text == dcmd.manual || text.contains(&format!("    name: \"{}\",", dcmd.name)) {
            fs::write(path, text.replacen(&format!("\n{old}\n\"#"), &format!("\n{new}\n\"#"), 1)).unwrap();
        }
    }
}

/// The examples of a folder, some at a time.
fn check(folder: &str) {
    let rewrite = std::env::var_os(REWRITE).is_some();
    let (_, list) = FOLDERS.iter().find(|(name, _)| *name == folder).unwrap();
    let found: Vec<_> = list.iter().flat_map(|dcmd| disagreements(folder, dcmd, rewrite)).collect();
    assert!(rewrite || found.is_empty(), "{}", found.join("\n\n"));
}

#[test]
fn examples_of_javascript_are_true() {
    check("js");
}

#[test]
fn examples_of_v8_are_true() {
    check("v8");
}

#[test]
fn examples_of_the_process_are_true() {
    check("native");
}

#[test]
fn examples_of_pipes_are_true() {
    check("pipe");
}

#[test]
fn examples_of_the_language_and_of_sessions_are_true() {
    check("language");
    check("session");
    assert_eq!(FOLDERS.len(), 6, "a folder whose examples are not run");
}

#[test]
fn lines_left_out_are_any_lines() {
    assert!(agrees(&["a", "...", "d"], &["a", "b", "c", "d"]) && agrees(&["a", "...", "d"], &["a", "d"]));
    assert!(!agrees(&["a", "...", "d"], &["a", "b"]) && !agrees(&["a"], &["a", "b"]) && !agrees(&["a"], &[]));
    assert_eq!(shortened(&["a", "...", "d"], &["1", "2", "3", "4"]), "1\n...\n4");
}
