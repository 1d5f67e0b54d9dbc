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
    prompt.session.expect("> ").unwrap();
    prompt.session.send_line("::nosuch").unwrap();
    prompt.session.expect("unknown dcmd name").unwrap();
    // Until the prompt is there the terminal takes Control-D for itself.
    prompt.session.expect("> ").unwrap();
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

#[test]
fn without_a_pager_a_screen_at_a_time_is_shown() {
    let mut prompt = start(&[("PAGER", "")]);
    prompt.session.get_process_mut().set_window_size(80, 10).unwrap();
    let question = ">> More \\[<space>, <cr>, q, n, c, a, b, /\\] \\? ";
    prompt.session.send_line(",20::map \".\" | ::map \"0x77\"; ::echo next").unwrap();
    let before = prompt.session.expect(expectrl::Regex(question)).unwrap();
    let screen = String::from_utf8_lossy(before.before()).matches("77\r\n").count();
    assert_eq!(screen, 9, "one line is for the question");
    // A line, then a screen.
    prompt.session.send("\r").unwrap();
    let before = prompt.session.expect(expectrl::Regex(question)).unwrap();
    assert_eq!(String::from_utf8_lossy(before.before()).matches("77\r\n").count(), 1);
    prompt.session.send(" ").unwrap();
    let before = prompt.session.expect(expectrl::Regex(question)).unwrap();
    assert_eq!(String::from_utf8_lossy(before.before()).matches("77\r\n").count(), 9);
    // No more of this command; the next one on the line runs.
    prompt.session.send("q").unwrap();
    let found = prompt.session.expect("next ").unwrap();
    assert!(!String::from_utf8_lossy(found.before()).contains("77"), "q ends the command");
    prompt.session.send_line(",20::echo long; ::echo next").unwrap();
    prompt.session.expect(expectrl::Regex(question)).unwrap();
    prompt.session.send("a").unwrap();
    prompt.session.expect("> ").unwrap();
    prompt.session.send_line("0t41+1=D").unwrap();
    let found = prompt.session.expect("                42").unwrap();
    assert!(!String::from_utf8_lossy(found.before()).contains("next \r\n"), "a ends the line");
    prompt.session.send_line(",20::echo long").unwrap();
    prompt.session.expect(expectrl::Regex(question)).unwrap();
    prompt.session.send("c").unwrap();
    let found = prompt.session.expect("> ").unwrap();
    assert_eq!(String::from_utf8_lossy(found.before()).matches("long \r\n").count(), 32 - 9);
}

#[test]
fn pasted_lines_are_run_together() {
    let mut prompt = start(&[]);
    prompt.session.send("\x1b[200~0t20+1=D\n0t20+2=D\x1b[201~\r").unwrap();
    prompt.session.expect("                21").unwrap();
    prompt.session.expect("                22").unwrap();
}

#[test]
fn the_history_is_searched_backwards() {
    let mut prompt = start(&[]);
    for line in ["0t100+11=D", "0t200+22=D"] {
        prompt.session.send_line(line).unwrap();
        prompt.session.expect("> ").unwrap();
    }
    prompt.session.send("\x120t10\r").unwrap();
    // 11 is hexadecimal.
    prompt.session.expect("                117").unwrap();
}

#[test]
fn end_of_input_is_ignored_if_told_so() {
    let mut prompt = start(&[]);
    prompt.session.send_line("::set -o ignoreeof").unwrap();
    prompt.session.expect("> ").unwrap();
    prompt.session.send(ControlCode::EndOfTransmission).unwrap();
    prompt.session.expect("use '::quit' or '$q' to leave").unwrap();
    prompt.session.send_line("$P \"core> \"").unwrap();
    prompt.session.expect("core> ").unwrap();
}

#[test]
fn nothing_is_styled_without_colours_and_hints_are_faint_with_them() {
    let mut prompt = start(&[]);
    prompt.session.send_line("::help head").unwrap();
    let found = prompt.session.expect("SYNOPSIS").unwrap();
    assert!(!String::from_utf8_lossy(found.before()).contains("\x1b[1m"));
    let core = core_file();
    let mut command = Command::new(env!("CARGO_BIN_EXE_v8mdb"));
    command
        .env("HOME", "/nonexistent")
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .env("V8MDB_HISTORY", "")
        .arg(&core.path);
    let mut session = Session::spawn(command).unwrap();
    session.set_expect_timeout(Some(Duration::from_secs(20)));
    session.expect("> ").unwrap();
    session.send("::head ").unwrap();
    session.expect("\x1b[2m[-N] [-n N] [N]").unwrap();
}
