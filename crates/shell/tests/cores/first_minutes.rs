//! What a person sees first: the banner, the table of objects, what leads on, and what is said where nothing is found.

use std::process::{Command, Stdio};
use std::time::Duration;

use expectrl::process::unix::UnixProcess;
use expectrl::{Expect, Session};
use shell::dcmd::{AddressUse, Shape};
use shell::dcmds::ALL;
use test_support::scenarios::shipped::ShippedCore;
use unicode_width::UnicodeWidthStr;

const LEAK: ShippedCore = ShippedCore { scenario: "leak", line: 24 };
const KINDS: ShippedCore = ShippedCore { scenario: "kinds", line: 24 };

/// What a terminal of that size shows at first, and for each of the lines.
fn screens(core: ShippedCore, columns: u16, rows: u16, lines: &[&str]) -> Vec<String> {
    let mut command = Command::new("/bin/sh");
    let program = env!("CARGO_BIN_EXE_v8mdb");
    // Not before the terminal has its size.
    let line = format!("read go; exec {program} -S +o pager {}", core.path().display());
    command
        .env("HOME", "/nonexistent")
        .env("V8MDB_HISTORY", "")
        .env("TERM", "dumb")
        .env("NO_COLOR", "1")
        .args(["-c", &line]);
    let mut session: Session<UnixProcess, _> = Session::spawn(command).unwrap();
    session.get_process_mut().set_window_size(columns, rows).unwrap();
    session.set_expect_timeout(Some(Duration::from_secs(60)));
    session.send_line("go").unwrap();
    let mut shown = vec![session.expect("\n> ").unwrap()];
    for line in lines {
        session.send_line(line).unwrap();
        shown.push(session.expect("\n> ").unwrap());
    }
    shown
        .iter()
        .map(|found| String::from_utf8_lossy(found.before()).replace('\r', "").replace("go\n", ""))
        .collect()
}

#[test]
fn the_banner_says_what_is_debugged_and_what_to_type() {
    let shown = screens(LEAK, 80, 24, &[]);
    let banner = shown[0].trim();
    let lines: Vec<_> = banner.lines().collect();
    assert!((4..=6).contains(&lines.len()), "{banner}");
    assert!(lines.iter().all(|line| line.width() <= 80), "{banner}");
    for expected in
        ["Node.js 24.", "V8 13.6", "leak.js", "gcore", "MB", "::jsleaks", "::findjsobjects", "::help"]
    {
        assert!(banner.contains(expected), "{expected}: {banner}");
    }
}

#[test]
fn nobody_is_greeted_who_is_not_at_a_terminal() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_v8mdb"))
            .args(arguments)
            .arg(LEAK.path())
            .env("HOME", "/nonexistent")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(run(&["-S", "-e", "::echo here"]), ("here \n".to_owned(), String::new()));
    assert_eq!(run(&["-S"]), (String::new(), String::new()));
}

#[test]
fn the_help_fits_the_screen_it_is_asked_on() {
    let shown = screens(LEAK, 80, 24, &["help"]);
    assert!(shown[1].lines().count() <= 22, "{}", shown[1]);
    assert!(shown[1].lines().all(|line| line.width() <= 80), "{}", shown[1]);
    let page = screens(LEAK, 60, 24, &["::help findjsobjects"]).pop().unwrap();
    let (text, _) = page.split_once("    > ::findjsobjects").unwrap();
    assert!(text.lines().all(|line| line.width() <= 60), "{text}");
}

/// Bytes in the column of that name.
fn bytes(row: &str) -> Option<u64> {
    row.split_whitespace().nth(3)?.parse().ok()
}

#[test]
fn the_table_begins_with_what_takes_most_and_fits_the_terminal() {
    for columns in [80, 120, 200] {
        let shown = screens(KINDS, columns, 24, &["::findjsobjects"]).pop().unwrap();
        // In front of it may be a warning.
        let rows = shown.lines().filter(|line| !line.is_empty());
        let rows: Vec<_> = rows.skip_while(|line| !line.contains("BYTES CONSTRUCTOR")).collect();
        assert!(!rows.is_empty(), "{shown}");
        let sizes: Vec<_> =
            rows[1..].iter().filter(|row| row.starts_with(' ')).map(|row| bytes(row).unwrap()).collect();
        assert!(sizes.is_sorted_by(|a, b| a >= b) && sizes.len() >= 10, "{shown}");
        assert!(rows.iter().all(|row| row.width() <= usize::from(columns)), "{shown}");
        assert!(rows.iter().any(|row| row.starts_with("... ") && row.contains(" more (-w")), "{shown}");
        assert!(rows.len() <= 23, "{shown}");
    }
}

#[test]
fn the_whole_table_is_as_in_a_file() {
    let whole = screens(LEAK, 500, 200, &["::findjsobjects -w"]).pop().unwrap();
    let [unwatched] = crate::answers(LEAK, ["::findjsobjects"]);
    let order = |text: &str| -> Vec<String> {
        let rows = text.lines().filter_map(|row| row.split_whitespace().next());
        rows.filter(|word| word.bytes().all(|byte| byte.is_ascii_hexdigit())).map(str::to_owned).collect()
    };
    assert_eq!(order(&whole), order(&unwatched));
}

#[test]
fn bytes_outside_of_the_heap_are_counted_with_their_owner() {
    let memory = ShippedCore { scenario: "memory", line: 24 };
    let shown = screens(memory, 120, 24, &["::findjsobjects"]).pop().unwrap();
    let row = shown.lines().find(|row| row.contains(" ArrayBuffer")).unwrap();
    // 56 bytes are what an ArrayBuffer itself takes, about.
    let count: u64 = row.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(bytes(row).unwrap() > 1000 * count, "{row}");
}

#[test]
fn every_filter_that_leaves_nothing_says_so() {
    let core = LEAK;
    let program = env!("CARGO_BIN_EXE_v8mdb");
    let [function] = crate::answers(core, ["::findjsobjects -c Map -l | ::findjsobjects | ::head -1"]);
    let mut tried = 0;
    for dcmd in ALL.iter() {
        let mut lines = Vec::new();
        let address = if dcmd.address == AddressUse::Required { function.trim() } else { "" };
        for option in dcmd.options.iter().filter(|option| option.filters) {
            let value = match option.shape {
                Shape::Text => " NoSuchThing",
                Shape::Number => " ffffffffff",
                _ => continue,
            };
            lines.push(format!("{address}::{} -{}{value}", dcmd.name, option.letter));
        }
        if dcmd.operands.filters {
            lines.push(format!("{address}::{} NoSuchThing", dcmd.name));
        }
        for line in lines {
            // What they are filters of: an expression, an older core, one of several spellings, a text that is there.
            let line = match line.split(' ').next().unwrap() {
                "::diff" => continue,
                "::strings" => line.replace("NoSuchThing", "No\u{fc}SuchThing"),
                "::group" => format!("::findjsobjects -c Map | ::findjsobjects | {line} size"),
                _ if line.contains("-L ") => line.replace("ffffffffff", "0 -p NoSuchThing"),
                _ if line.starts_with("::findsym -o") => format!("{line} main"),
                _ => line,
            };
            tried += 1;
            let output = Command::new(program)
                .args(["-S", "-e", &line])
                .arg(core.path())
                .env("HOME", "/nonexistent")
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!said.is_empty(), "{line}: silence");
            assert_eq!(output.status.code(), Some(1), "{line}: {said}");
        }
    }
    assert!(tried >= 20, "{tried}");
}

#[test]
fn the_name_that_was_meant_is_suggested() {
    for (line, near) in [
        ("::findjsobjects -c upstreamconnection", "UpstreamConnection"),
        ("::findjsobjects -c UpstreamConection", "UpstreamConnection"),
        ("::findjsobjects -p receivedat", "receivedAt"),
        ("::jsfunctions -n upstreamconnection", "UpstreamConnection"),
        ("::jsscripts -s Leak.js", "leak.js"),
        ("::dcmds jsprnt", "jsprint"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_v8mdb"))
            .args(["-S", "-e", line])
            .arg(LEAK.path())
            .env("HOME", "/nonexistent")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(&format!("did you mean '{near}'?")), "{line}: {said}");
        assert_eq!(output.status.code(), Some(1), "{line}");
    }
}

#[test]
fn a_constructor_alone_leads_to_its_objects() {
    let output = Command::new(env!("CARGO_BIN_EXE_v8mdb"))
        .args(["-S", "-e", "upstreamConnection"])
        .arg(LEAK.path())
        .env("HOME", "/nonexistent")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("did you mean '::findjsobjects -c UpstreamConnection'?"), "{said}");
}

#[test]
fn a_leak_leads_to_the_line_that_adds_to_it_and_to_what_is_typed_next() {
    let source = test_support::scenarios::testdata().join("scenarios/leak.js");
    let source = std::fs::read_to_string(source).unwrap();
    let adds = source.lines().position(|line| line.contains("this.bySession.set(")).unwrap() + 1;
    let [leaks] = crate::answers(LEAK, ["::jsleaks -n 1"]);
    assert!(leaks.contains(&format!("added to at leak.js:{adds}: this.bySession.set(")), "{leaks}");
    let next = leaks.lines().find_map(|line| line.trim().strip_prefix("next: ")).unwrap();
    for command in next.split("     all: ") {
        let [answer] = crate::answers(LEAK, [command]);
        assert!(!answer.is_empty(), "{command}");
    }
}

#[test]
fn links_that_repeat_share_a_line() {
    let retained = ShippedCore { scenario: "retained", line: 24 };
    let [way] =
        crate::answers(retained, ["::findjsobjects -c Link | ::findjsobjects | ::tail -1 | ::jspath"]);
    assert!(way.lines().count() < 20, "{way}");
    assert!(way.contains(".next x "), "{way}");
    let [tree] = crate::answers(retained, ["::findjsobjects -c Retained | ::jsdominators"]);
    assert!(tree.contains(".next x "), "{tree}");
    assert!(tree.lines().next().unwrap().contains('%'), "{tree}");
}
