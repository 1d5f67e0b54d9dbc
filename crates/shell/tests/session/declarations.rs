//! What holds for every dcmd and walker.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use shell::dcmd::{AddressUse, Takes};
use shell::dcmds::{ALL, FOLDERS};
use shell::interpreter::{self, Source};
use shell::output::is_safe;
use shell::walkers::WALKERS;

use crate::session::Session;

#[test]
fn names_are_sorted_and_unique() {
    let names: Vec<_> = ALL.iter().map(|dcmd| dcmd.name).collect();
    assert!(names.is_sorted(), "{names:?}");
    let walkers: Vec<_> = WALKERS.iter().map(|walker| walker.name).collect();
    assert!(walkers.is_sorted_by(|a, b| a < b), "{walkers:?}");
    let mut seen = HashSet::new();
    for name in ALL.iter().flat_map(|dcmd| std::iter::once(&dcmd.name).chain(dcmd.aliases)) {
        assert!(seen.insert(name), "{name} is declared twice");
    }
}

#[test]
fn files_and_list_agree() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/dcmds");
    let mut files = BTreeMap::new();
    for (folder, _) in FOLDERS {
        for entry in std::fs::read_dir(directory.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if !path.ends_with("mod.rs") {
                files.insert(std::fs::read_to_string(&path).unwrap(), path);
            }
        }
    }
    // The folders, and the file that lists them.
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), FOLDERS.len() + 1);
    for dcmd in ALL.iter() {
        assert!(files.remove(dcmd.manual).is_some(), "the manual of {} is no file of its own", dcmd.name);
    }
    assert!(files.is_empty(), "not in the list: {:?}", files.values());
}

/// Whatever stands where a name, an option, its value or a word should be.
#[test]
fn nothing_that_is_typed_steers_the_terminal() {
    let session = Session::on_core();
    session.context.settings.set_option("restricted", true).unwrap();
    let mut said = 0;
    for dcmd in ALL.iter().filter(|dcmd| dcmd.name != "quit") {
        let call = match dcmd.name {
            name if name.starts_with(|c: char| c.is_ascii_alphabetic()) => format!("::{name}"),
            name => name.to_owned(),
        };
        for bad in ["\0", "\u{1b}[2J", "\u{7f}", "\u{9b}1m", "\u{202e}"] {
            let mut lines = vec![
                format!("{call} -{bad}"),
                format!("{call} '{bad}'"),
                format!("{call} x \"{bad}\" y"),
                format!("50000000{call} {bad}"),
                format!("{call}{bad}"),
            ];
            lines.extend(dcmd.options.iter().map(|option| format!("{call} -{} '{bad}'", option.letter)));
            for line in lines {
                let _ = interpreter::run(&session.context, &line, Source::Prompt, &session.context.text);
                session.context.text.flush().unwrap();
                let told = session.results.take() + &session.messages.take();
                let steers = told.chars().find(|c| !is_safe(*c) && !matches!(c, '\n' | '\t'));
                assert!(steers.is_none(), "{line:?}: {told:?}");
                said += usize::from(!told.is_empty());
            }
        }
    }
    assert!(said > 2000, "{said}");
}

#[test]
fn every_dcmd_is_explained() {
    for dcmd in ALL.iter() {
        let name = dcmd.name;
        assert!(!dcmd.summary.is_empty() && !dcmd.summary.ends_with('.'), "{name}");
        let sign = if name.starts_with(|c: char| c.is_ascii_alphabetic()) { "::" } else { "" };
        assert!(dcmd.manual.starts_with(&format!("//! `{sign}{name}`")), "{name}");
        assert!(!dcmd.examples.is_empty(), "{name}: no example");
        let manual = dcmd.manual.lines().take_while(|line| line.starts_with("//!"));
        // What is typed and printed is run as an example; the manual has but words.
        assert!(!manual.clone().any(|line| line.starts_with("//! > ")), "{name}: a session in the manual");
        let letters: HashSet<_> = dcmd.options.iter().map(|option| option.letter).collect();
        assert_eq!(letters.len(), dcmd.options.len(), "{name}: an option is declared twice");
        for option in dcmd.options {
            assert!(!option.help.is_empty(), "{name} -{}", option.letter);
            assert_eq!(option.value.is_empty(), !option.shape.has_value(), "{name} -{}", option.letter);
        }
        let takes_nothing = matches!(dcmd.takes, Takes::Nothing);
        assert_eq!(takes_nothing, dcmd.address == AddressUse::Refused, "{name}");
    }
    for walker in WALKERS {
        assert!(!walker.summary.is_empty() && !walker.summary.ends_with('.'), "{}", walker.name);
    }
}

#[test]
fn pages_show_what_is_declared() {
    let pages = shell::docs::render();
    assert_eq!(pages.len(), ALL.len() + 2);
    let paths: HashSet<_> = pages.iter().map(|(path, _)| path).collect();
    assert_eq!(paths.len(), pages.len());
    let page =
        |name: &str| &pages.iter().find(|(path, _)| path == &format!("docs/commands/{name}.md")).unwrap().1;
    assert!(page("head").contains("[ addr ] ::head [-N] [-n N]"));
    assert!(page("README").contains("| [`::head`](head.md) | keep the first values of a pipe |"));
    assert!(pages.iter().all(|(_, text)| text.ends_with('\n') && !text.ends_with("\n\n")));
}

#[test]
fn the_man_page_names_every_command_and_option() {
    let pages = shell::docs::render();
    let (_, page) = pages.iter().find(|(path, _)| path == "docs/v8mdb.1").unwrap();
    for dcmd in ALL.iter() {
        let summary = shell::manual::escape_roff(dcmd.summary);
        // It begins with a capital letter there.
        let rest: String = summary.chars().skip(1).collect();
        assert!(page.contains(&rest), "{}", dcmd.name);
    }
    for option in [".B \\-e COMMANDS", ".B \\-R, \\-\\-sysroot DIR", ".B \\-S", ".B \\-s DISTANCE"] {
        assert!(page.lines().any(|line| line == option), "{option}");
    }
    // Nothing of the text is taken for a request: those that stand are these.
    let requests = [".TH", ".SH", ".TP", ".B", ".BR", ".RS", ".RE", ".PP", ".nf", ".fi", ".\\\""];
    for line in page.lines().filter(|line| line.starts_with(['.', '\''])) {
        let request = line.split(' ').next().unwrap();
        assert!(requests.contains(&request), "{line}");
    }
}
