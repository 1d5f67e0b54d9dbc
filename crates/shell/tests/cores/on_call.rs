//! A script as somebody on call would write it: from a file, from standard input, and typed at a terminal, it says the same.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use expectrl::process::unix::UnixProcess;
use expectrl::{ControlCode, Eof, Expect, Session};
use test_support::scenarios::shipped::ShippedCore;

const CORE: ShippedCore = ShippedCore { scenario: "leak", line: 24 };

/// What grew, who holds it, what is in it: forty lines.
const SCRIPT: &str = r#"// a gateway that grows: what is in the heap?
::load v8
::status ! grep -c 'debugging core file'
::findjsobjects -c UpstreamConnection
::findjsobjects -c UpstreamConnection | ::findjsobjects | ::count
::findjsobjects -c UpstreamConnection | >kind
<kind::findjsobjects | ::count
<kind::jsconstructor
// the first of them
::findjsobjects -c UpstreamConnection | ::findjsobjects | ::sort request.id | ::head -1 | >first
<first::jsprint request.id load
<first::jsprint request.url
<first::jsprint -d 1 limits
<first,2::jsprint load
<first>x; <x::jsprint request.method
&::jsprint request.id
// who holds it?
<first::findjsobjects -r ! grep -c 'referred to by'
// which requests are they?
::findjsobjects -c IncomingRequest | ::findjsobjects | ::group method
::findjsobjects -c IncomingRequest | ::findjsobjects | ::where 'id % 100 == 0' | ::sort id | ::jsprint id url
::findjsobjects -c IncomingRequest | ::findjsobjects | ::where 'url =~ /size=0$/ && method != "POST"' | ::count
::findjsobjects -c IncomingRequest | ::findjsobjects | ::sum id
::findjsobjects -c IncomingRequest | ::findjsobjects | ::sort -r -n 2 id | ::jsprint id; ::echo done
// the chunks that nobody drained
::findjsobjects -c Chunk | ::findjsobjects | ::where '!flushed' | ::count
::findjsobjects -c Chunk | ::findjsobjects | ::group sequence flushed ! cut -c1-8,22-
::findjsobjects -c Gateway | ::findjsobjects | ::jsprint answered bySession.size
<first-1,2/naK ! wc -l
<first-1/K | ::map .&1 | ::count
*(<first-1)&3=D
0t2400%3=D
800*3=D; 'ab'=X
::typeset -t suspect; ::vars -t
::walk thread ! wc -l
::findjsobjects -c NoSuchThing | ::count
::nosuch; ::echo the rest of the line
1%0=D
::echo $[10+10] 'and so on' // behind it
$q
"#;

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_v8mdb"));
    command
        .env("HOME", "/nonexistent")
        .env("SHELL", "/bin/sh")
        .env("NO_COLOR", "1")
        .env("V8MDB_HISTORY", "")
        .env("TZ", "UTC")
        .args(["-S", "+o", "pager"])
        .arg(CORE.path());
    command
}

/// Results of the script on standard input.
fn piped() -> String {
    let mut child =
        command().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(SCRIPT.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn the_script_says_what_the_program_did() {
    assert_eq!(SCRIPT.lines().count(), 40);
    let printed = piped();
    let lines: Vec<_> = printed.lines().map(str::trim_end).collect();
    let mut at = 0;
    // In this order, with other lines between them.
    for expected in [
        "1",
        "800",
        "800",
        "UpstreamConnection",
        "3 3.25",
        "\"/v1/images/3?size=96\"",
        "3.25",
        "3.25",
        "\"GET\"",
        "3",
        "     600", // the group, its bytes behind it
        "300 \"/v1/images/300?size=192\"",
        "2400 \"/v1/images/2400?size=192\"",
        "86",
        "2400",
        "2397",
        "done",
        "2400",
        "     800 0, false",
        "     800 1, false",
        "     800 2, false",
        "1600 800",
        "3",
        "1",
        "                1",
        "                800",
        "                6144",
        "                6162",
        "suspect = 0",
        "0",
        "20 and so on",
    ] {
        let found = lines[at..].iter().position(|line| line.starts_with(expected));
        at += found.unwrap_or_else(|| panic!("{expected:?} is not in {:#?}", &lines[at..])) + 1;
    }
}

#[test]
fn a_file_and_standard_input_say_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("script");
    std::fs::write(&path, SCRIPT).unwrap();
    let from_file = command().args(["-e", &format!("$<{}", path.display())]).output().unwrap();
    assert_eq!(String::from_utf8(from_file.stdout).unwrap(), piped());
    let redirected = command().stdin(std::fs::File::open(&path).unwrap()).output().unwrap();
    assert_eq!(String::from_utf8(redirected.stdout).unwrap(), piped());
}

#[test]
fn typed_at_a_terminal_it_says_the_same() {
    let mut command = command();
    command.env("TERM", "xterm");
    let mut session: Session<UnixProcess, _> = Session::spawn(command).unwrap();
    session.get_process_mut().set_window_size(500, 200).unwrap();
    session.set_expect_timeout(Some(Duration::from_secs(60)));
    // Said with every prompt: that what is pasted is to be marked.
    const PROMPT: &str = "\x1b[?2004h";
    session.expect(PROMPT).unwrap();
    let mut said = String::new();
    for line in SCRIPT.lines().filter(|line| *line != "$q") {
        session.send_line(line).unwrap();
        let found = session.expect(PROMPT).unwrap();
        said.push_str(&String::from_utf8_lossy(found.before()));
    }
    session.send(ControlCode::EndOfTransmission).unwrap();
    session.expect(Eof).unwrap();
    // The terminal shows prompts, echoes and messages as well; every line of the results is there, in order.
    let plain = without_controls(&said);
    let mut typed = plain.lines().map(str::trim_end);
    let mut missing = Vec::new();
    for expected in piped().lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        // After an error a typed line ends, a script's goes on.
        if expected != "the rest of the line" && !typed.by_ref().any(|line| line == expected) {
            missing.push(expected.to_owned());
            break;
        }
    }
    assert!(missing.is_empty(), "{missing:#?} is not in {plain}");
}

/// Text without the sequences that move the cursor.
fn without_controls(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\x1b' => {
                if chars.next() == Some('[') {
                    chars.by_ref().find(|c| c.is_ascii_alphabetic());
                }
            }
            '\r' => {}
            c => plain.push(c),
        }
    }
    plain
}
