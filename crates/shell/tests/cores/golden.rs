//! Whole sessions, word for word.
//!
//! `golden/NAME.session` holds the lines that are typed, `golden/NAME.out` what is then on the screen: each line behind the
//! prompt, and what it prints. The name begins with that of the core. `V8MDB_REWRITE_GOLDEN=1 cargo test` writes the
//! `.out` files anew; whether what changed is right is for the reader of the difference to say. What a fact says is
//! tested elsewhere: this shows how it reads.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use test_support::scenarios::debugger::Debugger;
use test_support::scenarios::testdata;

/// Set to have what is on the screen written down.
pub const REWRITE: &str = "V8MDB_REWRITE_GOLDEN";

#[test]
fn sessions_read_as_they_did() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let rewrite = std::env::var_os(REWRITE).is_some();
    let mut sessions: Vec<_> = std::fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "session"))
        .collect();
    sessions.sort();
    assert!(!sessions.is_empty(), "no sessions in {}", directory.display());
    let mut differing = Vec::new();
    for path in sessions {
        let screen = replay(&path);
        let expected = path.with_extension("out");
        if rewrite {
            std::fs::write(&expected, screen).unwrap();
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != screen {
            differing.push(first_difference(
                &std::fs::read_to_string(&expected).unwrap_or_default(),
                &screen,
                &path,
            ));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

fn replay(session: &Path) -> String {
    let name = session.file_stem().unwrap().to_string_lossy().into_owned();
    let core: Vec<_> = name.splitn(3, '-').take(2).collect();
    let core = testdata().join(format!("cores/{}.core.zst", core.join("-")));
    let lines: Vec<String> = std::fs::read_to_string(session).unwrap().lines().map(str::to_owned).collect();
    let debugger = Debugger::new(PathBuf::from(env!("CARGO_BIN_EXE_v8mdb")), &core);
    let mut screen = String::new();
    for (line, answer) in lines.iter().zip(debugger.session(&lines).unwrap()) {
        writeln!(screen, "> {line}").unwrap();
        screen += &answer;
    }
    without_times(&screen)
}

/// How long something took is not the same twice.
fn without_times(screen: &str) -> String {
    let mut text = String::new();
    for line in screen.lines() {
        match line.split_once("(seconds) => ") {
            Some((before, _)) => writeln!(text, "{before}(seconds) => N.N").unwrap(),
            None => writeln!(text, "{line}").unwrap(),
        }
    }
    text
}

fn first_difference(expected: &str, found: &str, session: &Path) -> String {
    let number = expected.lines().zip(found.lines()).take_while(|(a, b)| a == b).count();
    let line = |text: &str| text.lines().nth(number).unwrap_or("(the end)").to_owned();
    format!(
        "{}, line {}:\n  expected: {}\n  found:    {}",
        session.with_extension("out").display(),
        number + 1,
        line(expected),
        line(found)
    )
}
