//! The program: exit statuses, order of output, input from pipes and files.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::session::core_file;

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_v8mdb"));
    command.env("HOME", "/nonexistent").env("SHELL", "/bin/sh").env_remove("XDG_STATE_HOME");
    command
}

fn run(arguments: &[&str]) -> Output {
    let core = core_file();
    program().args(arguments).arg(&core.path).stdin(Stdio::null()).output().unwrap()
}

fn feed(input: &str) -> Output {
    let core = core_file();
    let mut child = program()
        .arg(&core.path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn exit_status_tells_how_it_went() {
    for (arguments, status) in [
        (&["-e", "::echo a"][..], 0),
        (&["-e", "::nosuch"], 1),
        (&["-e", "::nosuch", "-e", "::echo a"], 1),
        (&["-e", "::vars -z"], 1),
        (&["-e", "*10=J"], 1),
        (&["-e", "$q; ::nosuch"], 0),
        (&["-e", "::mappings ! head -1"], 0),
        (&["--nosuch"], 2),
        (&["-o", "nosuch"], 2),
        (&["a", "b"], 2),
        (&["--version"], 0),
        (&["--help"], 0),
    ] {
        assert_eq!(run(arguments).status.code(), Some(status), "{arguments:?}");
    }
    assert_eq!(program().output().unwrap().status.code(), Some(2), "no core at all");
    assert_eq!(feed("::echo a\n").status.code(), Some(0));
    assert_eq!(feed("::nosuch\n::echo a\n").status.code(), Some(1));
}

#[test]
fn a_core_that_cannot_be_opened_is_an_error() {
    let output = program().arg("/nonexistent/core").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr(&output), "v8mdb: cannot open /nonexistent/core: No such file or directory\n");
    let output = program().arg("/bin/sh").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("v8mdb: /bin/sh is "), "{}", stderr(&output));
}

#[test]
fn commands_run_in_order_until_one_quits() {
    let output = run(&["-e", "::echo a", "-e", "::echo b; $q", "-e", "::echo c"]);
    assert_eq!(stdout(&output), "a \nb \n");
}

#[test]
fn a_command_that_fails_does_not_keep_the_next_from_running() {
    assert_eq!(stdout(&run(&["-e", "::cat /nonexistent; 1::status; ::echo after"])), "after \n");
    assert_eq!(stdout(&run(&["-e", "::nosuch; ::echo after"])), "");
}

#[test]
fn output_comes_before_that_of_the_shell_command_behind_it() {
    let expected = "one \ntwo\nthree \nfour\n     1\tfive \nsix \n";
    let input = "::echo one\n!echo two\n::echo three; !echo four\n::echo five ! cat -n\n::echo six\n";
    assert_eq!(stdout(&feed(input)), expected);
    let joined = input.replace('\n', ";");
    assert_eq!(stdout(&run(&["-e", &joined])), expected);
}

#[test]
fn a_shell_command_that_reads_only_some_stops_the_dcmd_quietly() {
    let output = run(&["-e", ",fffff::echo much ! head -2; ::echo after"]);
    assert_eq!(stdout(&output), "much \nmuch \nafter \n");
    assert_eq!(stderr(&output).lines().filter(|line| !line.contains("warning")).count(), 0);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let core = core_file();
    let mut child = program()
        .args(["-S", "-e", ",ffffffff::echo much"])
        .arg(&core.path)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(!stderr(&output).contains("pipe"), "{}", stderr(&output));
}

#[test]
fn input_from_a_pipe_goes_on_behind_errors_and_names_their_lines() {
    let output = feed("1+)\n::echo a; ::nosuch; ::echo b\n");
    assert_eq!(stdout(&output), "a \nb \n");
    let messages = stderr(&output);
    assert!(messages.contains("v8mdb: syntax error on line 1 of <stdin> near \")\"\n"), "{messages}");
    assert!(messages.contains("unknown dcmd name on line 2 of <stdin>\n"), "{messages}");
}

#[test]
fn the_startup_file_runs_first_unless_told_otherwise() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join(".v8mdbrc"), "::echo hello\n::nosuch\n").unwrap();
    let core = core_file();
    let session = |extra: &[&str]| {
        let mut command = program();
        command
            .env("HOME", home.path())
            .args(extra)
            .args(["-e", "::echo a"])
            .arg(&core.path)
            .output()
            .unwrap()
    };
    let output = session(&[]);
    assert_eq!((stdout(&output).as_str(), output.status.code()), ("hello \na \n", Some(0)));
    assert!(stderr(&output).contains(".v8mdbrc"), "{}", stderr(&output));
    assert_eq!(stdout(&session(&["-S"])), "a \n");
}

#[test]
fn control_characters_in_the_input_do_not_reach_the_terminal() {
    let output = feed("::\x1b[2J\n\u{9b}2J\n\0\n");
    assert!(!stdout(&output).contains('\x1b') && !stderr(&output).contains('\x1b'));
    assert!(!stderr(&output).contains('\u{9b}'));
}
