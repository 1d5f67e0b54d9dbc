//! Files of the user: what is run, written and logged, and what a restricted session leaves alone.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::session::{CoreFile, Session, core_file};

/// A home directory, and a core.
struct Place {
    home: tempfile::TempDir,
    core: CoreFile,
}

impl Place {
    fn new() -> Place {
        Place { home: tempfile::tempdir().unwrap(), core: core_file() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn named(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn run(&self, arguments: &[&str]) -> (String, String, Option<i32>) {
        let output = Command::new(env!("CARGO_BIN_EXE_v8mdb"))
            .args(arguments)
            .arg(&self.core.path)
            .env("HOME", self.home.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let Output { status, stdout, stderr } = output;
        (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap(), status.code())
    }
}

#[test]
fn first_commands_are_run_if_they_are_the_users_own() {
    let place = Place::new();
    let rc = place.path(".v8mdbrc");
    fs::write(&rc, "::echo from the file\n").unwrap();
    let run = || place.run(&["-e", "::echo and then"]);
    for (mode, runs) in [(0o600, true), (0o644, true), (0o664, false), (0o646, false), (0o600, true)] {
        fs::set_permissions(&rc, Permissions::from_mode(mode)).unwrap();
        let (results, messages, status) = run();
        assert_eq!(results.contains("from the file"), runs, "{mode:o}: {messages}");
        assert_eq!(messages.contains("is not run: others may write it"), !runs, "{mode:o}: {messages}");
        assert!(results.contains("and then") && status == Some(0), "{mode:o}: {messages}");
    }
    assert!(!place.run(&["-o", "restricted", "-e", "::echo x"]).0.contains("from the file"));
    // Only the superuser can give files away.
    if std::os::unix::fs::chown(&rc, Some(65534), None).is_ok() {
        let (results, messages, _) = run();
        assert!(!results.contains("from the file") && messages.contains("another user"), "{messages}");
    }
    fs::remove_file(&rc).unwrap();
    let made = Command::new("mkfifo").arg(&rc).status().unwrap();
    assert!(made.success());
    let (results, messages, _) = run();
    assert!(results.contains("and then") && messages.contains("is not run"), "{messages}");
}

#[test]
fn a_log_that_cannot_be_written_ends_alone() {
    let session = Session::on_core();
    let (_, messages) = session.line("::log /dev/full");
    assert!(messages.contains("logging to \"/dev/full\" ends here: No space left on device"), "{messages}");
    assert_eq!(session.line("::echo first"), ("first \n".to_owned(), String::new()));
    assert_eq!(session.complaint("::log -d"), "v8mdb: logging is already disabled");
    // The next log is one that can be written.
    let place = Place::new();
    session.line(&format!("::log {}", place.named("log")));
    session.results("::echo second");
    assert!(fs::read_to_string(place.path("log")).unwrap().contains("second"));
}

#[test]
fn logs_are_private_and_follow_no_link() {
    let place = Place::new();
    let log = place.named("log");
    place.run(&["-e", &format!("::log {log}"), "-e", "::echo kept"]);
    assert!(fs::read_to_string(&log).unwrap().contains("kept"));
    assert_eq!(fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);
    symlink(&log, place.path("link")).unwrap();
    let (_, messages, status) = place.run(&["-e", &format!("::log {}", place.named("link"))]);
    assert!(messages.contains("symbolic link") && status == Some(1), "{messages}");
}

/// Every dcmd that opens or writes files, or runs a program, and what each says.
#[test]
fn a_restricted_session_opens_nothing_else() {
    let place = Place::new();
    let (secret, new) = (place.named("secret"), place.named("new"));
    fs::write(&secret, "::echo a secret\n").unwrap();
    let lines = [
        format!("$<{secret}"),
        format!("$<<{secret}"),
        format!("::cat {secret}"),
        format!("::cat {secret} | ::map ."),
        format!("::log {new}"),
        format!("$>{new}"),
        format!("::savecore {new}"),
        format!("::heapsnapshot {new}"),
        format!("::diff {secret}"),
        format!("::diff -x {secret} {secret}"),
        format!("!cat {secret}"),
        format!("::echo x ! cat > {new}"),
        format!("!<cat {secret}"),
    ];
    for line in &lines {
        let (results, messages, _) = place.run(&["-S", "-o", "restricted", "-e", line]);
        assert!(!results.contains("secret") && !messages.contains("no such file"), "{line}: {results}");
        assert!(!place.path("new").exists(), "{line}");
        assert_ne!(messages, "", "{line}");
    }
    let (results, messages, _) =
        place.run(&["-S", "-o", "restricted", "-e", "::set +o restricted", "-e", "::echo x"]);
    assert!(messages.contains("stays restricted"), "{results}{messages}");
}
