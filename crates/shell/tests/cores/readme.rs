//! The session at the top of README.md is a real one. It is written anew as golden sessions are.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use expectrl::{Expect, Session};
use test_support::scenarios::testdata;

const FIRST: &str = "$ cargo run --release -- testdata/cores/leak-24.core.zst";

#[test]
fn the_session_in_the_readme_is_what_a_terminal_shows() {
    let workspace = testdata().join("..");
    let path = workspace.join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (_, rest) =
        readme.split_once("<!-- session:begin -->\n```console\n").expect("a session in README.md");
    let (shown, _) = rest.split_once("```\n<!-- session:end -->").expect("an end of the session");
    let (first, lines) = shown.split_once('\n').unwrap();
    assert_eq!(first, FIRST);
    let typed: Vec<_> = lines.lines().filter_map(|line| line.strip_prefix("> ")).collect();
    assert!(typed.len() >= 3, "{typed:?}");
    let screen = session(&workspace, "testdata/cores/leak-24.core.zst", &typed).concat();
    if std::env::var_os(crate::golden::REWRITE).is_some() {
        std::fs::write(path, readme.replace(lines, &screen)).unwrap();
    } else {
        assert_eq!(screen, lines, "README.md shows the second; the debugger prints the first");
    }
}

/// What a terminal of 80 columns and 24 rows shows when these lines are typed: what is said at first, and each line with its answer.
pub fn session(directory: &Path, core: &str, typed: &[&str]) -> Vec<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_v8mdb"));
    command
        .current_dir(directory)
        .env("HOME", "/nonexistent")
        .env("V8MDB_HISTORY", "")
        .env("SHELL", "/bin/sh")
        .env("TERM", "dumb")
        .env("NO_COLOR", "1")
        .arg(core);
    let mut session = Session::spawn(command).unwrap();
    session.get_process_mut().set_window_size(80, 24).unwrap();
    session.set_expect_timeout(Some(Duration::from_secs(60)));
    // What is said at first, behind the echo of nothing.
    let found = session.expect("\n> ").unwrap();
    let banner = String::from_utf8_lossy(found.before()).replace("\r\n", "\n");
    let mut screens = vec![format!("{}\n", banner.trim_matches(['\r', '\n']))];
    for line in typed {
        session.send_line(line).unwrap();
        let shown = session.expect("\n> ").unwrap();
        // What is typed is not echoed here.
        let shown = String::from_utf8_lossy(shown.before()).replace("\r\n", "\n");
        screens.push(format!("> {line}\n{}\n", shown.trim_end_matches('\r')));
    }
    screens
}
