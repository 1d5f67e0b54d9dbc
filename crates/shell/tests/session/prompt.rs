//! The interactive prompt on a pseudo-terminal.

use std::process::Command;
use std::time::{Duration, Instant};

use expectrl::session::OsSession;
use expectrl::{ControlCode, Eof, Expect, Session};

use crate::session::{CoreFile, core_file};

struct Prompt {
    session: OsSession,
    _core: CoreFile,
    history: tempfile::TempDir,
}

fn start(environment: &[(&str, &str)]) -> Prompt {
    start_with(tempfile::tempdir().unwrap(), environment)
}

fn start_with(history: tempfile::TempDir, environment: &[(&str, &str)]) -> Prompt {
    let core = core_file();
    let mut command = Command::new(env!("CARGO_BIN_EXE_v8mdb"));
    command
        .env("HOME", "/nonexistent")
        .env("TERM", "xterm")
        .env("NO_COLOR", "1")
        .env("SHELL", "/bin/sh")
        .env("V8MDB_HISTORY", history.path().join("history"))
        .envs(environment.iter().copied())
        .arg(&core.path);
    let mut session = Session::spawn(command).unwrap();
    session.set_expect_timeout(Some(Duration::from_secs(20)));
    session.expect("> ").unwrap();
    Prompt { session, _core: core, history }
}

#[test]
fn lines_are_run_and_control_d_leaves() {
    let mut prompt = start(&[]);
    prompt.session.send_line("0t41+1=D").unwrap();
    prompt.session.expect("                42").unwrap();
    prompt.session.send_line("::nosuch").unwrap();
    prompt.session.expect("unknown dcmd name").unwrap();
    prompt.session.send(ControlCode::EndOfTransmission).unwrap();
    prompt.session.expect(Eof).unwrap();
}

#[test]
fn control_c_ends_a_command_at_once_and_the_next_one_works() {
    let mut prompt = start(&[("PAGER", "cat")]);
    prompt.session.send_line("::pager off; ::echo started; ,ffffffffffff::map . ! cat > /dev/null").unwrap();
    prompt.session.expect("started \r").unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let pressed = Instant::now();
    prompt.session.send(ControlCode::EndOfText).unwrap();
    prompt.session.expect("> ").unwrap();
    let took = pressed.elapsed();
    prompt.session.send_line("0t41+1=D").unwrap();
    prompt.session.expect("                42").unwrap();
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn control_c_drops_the_line() {
    let mut prompt = start(&[]);
    prompt.session.send("1000>lost").unwrap();
    prompt.session.send(ControlCode::EndOfText).unwrap();
    prompt.session.expect("> ").unwrap();
    prompt.session.send_line("<lost=J").unwrap();
    prompt.session.expect("variable 'lost' is not defined").unwrap();
}

#[test]
fn tabulator_completes_names() {
    let mut prompt = start(&[]);
    prompt.session.send("::walk thr\t").unwrap();
    prompt.session.send_line("").unwrap();
    prompt.session.expect("0x1021").unwrap();
}

#[test]
fn history_is_kept_across_runs() {
    let mut prompt = start(&[]);
    prompt.session.send_line("0t4200+0t42=D").unwrap();
    prompt.session.expect("                4242").unwrap();
    prompt.session.send_line("$q").unwrap();
    prompt.session.expect(Eof).unwrap();
    let mut prompt = start_with(prompt.history, &[]);
    prompt.session.send("\x1b[A\x1b[A").unwrap();
    prompt.session.send_line("").unwrap();
    prompt.session.expect("                4242").unwrap();
}

#[test]
fn long_output_goes_through_the_pager_and_short_output_does_not() {
    let mut prompt = start(&[("PAGER", "sed 's/^/paged /'")]);
    prompt.session.get_process_mut().set_window_size(80, 10).unwrap();
    prompt.session.send_line("::echo short").unwrap();
    prompt.session.expect("\nshort \r").unwrap();
    prompt.session.send_line(",20::echo long").unwrap();
    prompt.session.expect("paged long").unwrap();
    prompt.session.send_line(",20::echo piped ! tail -1; ::echo end").unwrap();
    let found = prompt.session.expect("\nend \r").unwrap();
    let before = String::from_utf8_lossy(found.before()).into_owned();
    assert!(before.contains("\npiped ") && !before.contains("paged piped"), "{before}");
}
