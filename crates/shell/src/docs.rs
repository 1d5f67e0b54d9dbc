//! The pages about dcmds in `docs/commands`, and the man page `docs/v8mdb.1`, from the declarations.

use clap::CommandFactory;

use crate::dcmd::Dcmd;
use crate::dcmds::{ALL, FOLDERS};
use crate::manual::{Page, escape_roff};
use crate::options::Options;
use crate::walkers::WALKERS;

/// Every generated page: its path below the root of the repository, and its text.
pub fn render() -> Vec<(String, String)> {
    let mut pages = Vec::new();
    let mut index = String::from(
        "<!-- Generated from the declarations in crates/shell/src/dcmds; do not edit. -->\n\n# Commands\n\n\
         | Command | |\n| --- | --- |\n",
    );
    for dcmd in ALL.iter() {
        let file = file_name(dcmd.name);
        let sign = if dcmd.name.starts_with(|c: char| c.is_ascii_alphabetic()) { "::" } else { "" };
        index.push_str(&format!("| [`{sign}{}`]({file}) | {} |\n", dcmd.name, dcmd.summary));
        let source = format!(
            "<!-- Generated from crates/shell/src/dcmds/{}/{}.rs; do not edit. -->\n\n{}",
            folder_of(dcmd),
            file.trim_end_matches(".md"),
            Page::of(dcmd).markdown()
        );
        pages.push((format!("docs/commands/{file}"), source));
    }
    index.push_str("\n# Walkers\n\n| Walker | |\n| --- | --- |\n");
    for walker in WALKERS {
        index.push_str(&format!("| `{}` | {} |\n", walker.name, walker.summary));
    }
    pages.push(("docs/commands/README.md".to_owned(), index));
    pages.push(("docs/v8mdb.1".to_owned(), man_page()));
    pages
}

/// The man page of the program: its options from their declaration, its commands from theirs.
fn man_page() -> String {
    let command = Options::command();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut page = format!(
        ".\\\" Generated from the declarations in crates/shell/src; do not edit.\n\
         .TH V8MDB 1 \"\" \"v8mdb {}\" \"User Commands\"\n\
         .SH NAME\nv8mdb \\- {}\n\
         .SH SYNOPSIS\n.B v8mdb\n[\\fIOPTIONS\\fR] [\\fIOBJECT\\fR] \\fICORE\\fR\n\
         .SH DESCRIPTION\n{}\n.SH OPTIONS\n",
        env!("CARGO_PKG_VERSION"),
        escape_roff("interactive post-mortem debugger for the V8 heap"),
        escape_roff(DESCRIPTION).replace("\n\n", "\n.PP\n").replace("ABOUT", &escape_roff(&about)),
    );
    for argument in
        command.get_arguments().filter(|argument| !argument.is_hide_set() && !argument.is_positional())
    {
        let short = argument.get_short().map(|letter| format!("-{letter}"));
        let long = argument.get_long().map(|word| format!("--{word}"));
        let names = [short, long].into_iter().flatten().collect::<Vec<_>>().join(", ");
        let values = argument.get_value_names().unwrap_or_default();
        let value: String = match argument.get_action().takes_values() {
            true => values.iter().map(|value| format!(" {value}")).collect(),
            false => String::new(),
        };
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        page.push_str(&format!(
            ".TP\n.B {}\n{}.\n",
            escape_roff(&format!("{names}{value}")),
            escape_roff(&help)
        ));
    }
    page.push_str(&format!(".SH LANGUAGE\n.nf\n{}\n.fi\n", escape_roff(crate::dcmds::LANGUAGE.trim())));
    page.push_str(".SH COMMANDS\n");
    for dcmd in ALL.iter() {
        page.push_str(&Page::of(dcmd).roff());
    }
    page.push_str(".SH WALKERS\n");
    for walker in WALKERS {
        page.push_str(&format!(".TP\n.B {}\n{}.\n", escape_roff(walker.name), escape_roff(walker.summary)));
    }
    page.push_str(&format!(".SH \"EXIT STATUS\"\n{}\n", escape_roff(EXIT_STATUS)));
    for (title, entries) in [("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES)] {
        page.push_str(&format!(".SH {title}\n"));
        for (name, meaning) in entries {
            page.push_str(&format!(".TP\n.B {}\n{}\n", escape_roff(name), escape_roff(meaning)));
        }
    }
    page.push_str(".SH \"SEE ALSO\"\n.BR gcore (1),\n.BR gdb (1),\n.BR core (5)\n");
    page
}

const DESCRIPTION: &str = "ABOUT

The executable is found from the core, or given in front of it. Without -e, commands are read from the terminal or from \
standard input, each run as its line arrives. At the prompt, ::help explains a command with an example, ::dcmds lists them all.";

const EXIT_STATUS: &str = "0 if all went well; 1 if a command failed, or the core could not be opened; 2 if the options are \
wrong.";

const ENVIRONMENT: &[(&str, &str)] = &[
    (
        "PAGER",
        "The pager for output longer than the screen. If it is not set, less where it is there; empty for that of the debugger itself, which shows a screen at a time.",
    ),
    ("NO_COLOR", "If set, nothing is bold, underlined or faint."),
    ("SHELL", "What runs the commands behind '!'; /bin/sh if not set."),
    ("TZ", "The zone in which times are shown."),
    ("V8MDB_HISTORY", "Where the history of the prompt is kept; empty for nowhere."),
];

const FILES: &[(&str, &str)] = &[
    ("~/.v8mdbrc", "Commands that are run first. Without it, ~/.mdbrc."),
    ("~/.local/state/v8mdb/history", "The history of the prompt."),
];

/// The folder of a dcmd's file.
fn folder_of(dcmd: &Dcmd) -> &'static str {
    let is_in = |list: &[&Dcmd]| list.iter().any(|other| other.name == dcmd.name);
    FOLDERS.iter().find(|(_, list)| is_in(list)).map_or("", |(folder, _)| folder)
}

/// The file of a dcmd's page; signs are spelt out.
fn file_name(name: &str) -> String {
    let name = match name {
        "/" => "examine",
        "=" => "format",
        ">" => "assign",
        "$<" => "source",
        "$G" => "demangling",
        "$P" => "prompt",
        "$L" => "thread_ids",
        "$d" => "radix",
        "$l" => "thread_id",
        "$s" => "symbol_distance",
        "$w" => "page_width",
        name => name,
    };
    format!("{name}.md")
}
