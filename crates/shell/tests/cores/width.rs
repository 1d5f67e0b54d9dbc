//! How wide the rows of a table are.

use std::process::Command;
use std::time::Duration;

use expectrl::{Eof, Expect, Session};
use test_support::scenarios::shipped::ShippedCore;
use unicode_width::UnicodeWidthStr;

use crate::answers;

const RETAINED: ShippedCore = ShippedCore { scenario: "retained", line: 24 };

/// Runs `::findjsobjects` on a terminal of 60 columns, its output sent to `redirection`.
fn on_terminal(redirection: &str) -> String {
    let mut command = Command::new("/bin/sh");
    let program = env!("CARGO_BIN_EXE_v8mdb");
    // Not before the terminal has its size.
    let line =
        format!("read go; {program} -S -e '::findjsobjects -w' {} {redirection}", RETAINED.path().display());
    command.env("NO_COLOR", "1").args(["-c", &line]);
    let mut session = Session::spawn(command).unwrap();
    session.get_process_mut().set_window_size(60, 24).unwrap();
    session.set_expect_timeout(Some(Duration::from_secs(60)));
    session.send_line("go").unwrap();
    let shown = session.expect(Eof).unwrap();
    String::from_utf8_lossy(shown.as_bytes()).replace("\r\n", "\n")
}

#[test]
fn rows_fit_the_terminal_they_are_read_on() {
    let shown = on_terminal("");
    assert!(shown.contains(" Retained: list, "), "{shown}");
    assert!(shown.lines().all(|line| line.width() <= 60), "{shown}");
}

#[test]
fn rows_are_whole_in_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("table");
    assert_eq!(on_terminal(&format!("> {}", file.display())), "");
    let table = std::fs::read_to_string(file).unwrap();
    assert!(
        table.contains(" Retained: list, left, right, keys, secrets, uploads, emitter, closure\n"),
        "{table}"
    );
    let [unwatched] = answers(RETAINED, ["::findjsobjects"]);
    assert_eq!(table, unwatched);
}
