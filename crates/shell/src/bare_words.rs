//! What people type who come from other debuggers, and words without `::`: what is done then, or which line is suggested.
//!
//! A statement of the language that begins with one of these words has no meaning of its own: at best it is the name of a symbol, of
//! which a bare expression would take the address.

use crate::dcmd::{AddressUse, Dcmd};
use crate::dcmds::ALL;
use crate::interpreter::Source;
use crate::lang::number;

/// What is done about a statement that is a bare word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// This is run in its place. `is_plain`: nobody needs to be told.
    Run {
        /// The command.
        command: String,
        /// It is what was typed, but for the signs.
        is_plain: bool,
    },
    /// Nothing is run; this is said.
    Hint(String),
}

/// What the words do.
#[derive(Clone, Copy, Debug)]
enum Does {
    /// This is run, whatever follows the words behind it.
    Plain(&'static str),
    /// This is run, and said. `{address}` is the first word behind, which must be a number, `{name}` the first word behind,
    /// `{rest}` all behind it.
    Run(&'static str),
    /// This is said.
    Hint(&'static str),
}
use Does::{Hint, Plain, Run};

/// A core does not run.
const STOPPED: &str = "a core does not run: there is nothing to go on with";

/// Words at the start of a line; the longer ones are tried first.
const WORDS: &[(&[&str], Does)] = &[
    // Leaving, and asking for help.
    (&["help", "h", "man", ".help"], Plain("::help {rest}")),
    (&["?"], Plain("::help")),
    (&["quit", "exit", "q", ":q", "\\q", ".exit", "bye"], Plain("::quit")),
    (&["commands"], Run("::dcmds")),
    (&["apropos"], Run("::dcmds {name}")),
    // llnode, with or without `v8` in front.
    (&["bt", "backtrace"], Run("$C")),
    (&["v8 bt", "v8 backtrace"], Run("::jsstack")),
    (&["v8 help", "v8"], Run("::help")),
    (&["v8 nodeinfo"], Run("::nodeinfo")),
    (&["v8 findjsobjects"], Run("::findjsobjects")),
    (
        &["v8 findjsinstances", "findjsinstances", "instances", "queryObjects"],
        Run("::findjsobjects -c {name} | ::findjsobjects"),
    ),
    (&["v8 findrefs", "findrefs", "referrers"], Run("{address}::findjsobjects -r")),
    (&["v8 inspect", "inspect", "v8 i", "v8 print", "i"], Run("{address}::jsprint")),
    (&["v8 getactivehandles", "getactivehandles"], Run("::jshandles")),
    (&["v8 getactiverequests", "getactiverequests"], Run("::jsrequests")),
    // .NET's debugger.
    (&["dumpasync"], Run("::jsasync")),
    // What says why a process does not end.
    (&["wtfnode", "why-is-node-running"], Run("::uvloop")),
    (&["v8 source list", "source list"], Hint("the source of a function: 'ADDRESS::jssource'")),
    (&["v8 settings", "settings"], Run("::set")),
    // Chrome's developer tools, memlab, node's inspector.
    (&["summary"], Run("::findjsobjects")),
    (&["comparison", "compare"], Hint("what has grown since an older core: '::diff OLDER-CORE'")),
    (&["dominators"], Run("::jsdominators")),
    (&["retainers", "trace", "path"], Run("{address}::jspath")),
    (&["leaks", "find-leaks", "leak"], Run("::jsleaks")),
    (&["scripts"], Run("::jsscripts")),
    (&["snapshot"], Hint("a snapshot that Chrome opens: '::heapsnapshot FILE'")),
    (&["console.log", "util.inspect"], Run("{address}::jsprint")),
    // gdb.
    (&["info threads", "thread list"], Run("::threads")),
    (&["info registers", "info reg", "i r", "register read"], Run("::regs")),
    (&["info all-registers"], Run("::regs; ::fpregs")),
    (&["info proc mappings", "info proc map", "maint info sections", "memory region"], Run("::mappings")),
    (
        &["info proc", "info inferiors", "info target", "info program", "process status", "target list"],
        Run("::status"),
    ),
    (&["info sharedlibrary", "info shared", "image list", "target modules list"], Run("::objects")),
    (&["info files", "info auxv"], Run("::mappings")),
    (&["info signals", "info signal"], Run("::signal")),
    (&["info symbol", "info line", "image lookup -a", "image lookup --address"], Run("{address}::whatis")),
    (&["info functions", "info address"], Run("::findsym {name}")),
    (&["info"], Hint("say '::threads', '::regs', '::mappings', '::objects', '::signal', '::status'")),
    (&["where", "bt full", "thread backtrace", "thread info"], Run("$C")),
    (
        &["thread apply all bt", "thread backtrace all", "bt all", "thread apply all backtrace"],
        Run("::walk thread | ::findstack"),
    ),
    (&["thread select", "t"], Hint("'::threads' lists the threads; 'ID::context' chooses one")),
    (
        &["frame", "up", "down", "frame variable", "info locals", "info args", "info frame"],
        Hint("the frames with their arguments: '$C'; an object: 'ADDRESS::jsprint'"),
    ),
    (&["print", "p", "po", "expression", "expr", "call", "output", "display"], Run("{address}::jsprint")),
    (&["ptype", "info type"], Run("{address}::whatis")),
    (&["disassemble", "disas", "di", "disassemble -a"], Run("{address}::dis")),
    (&["memory read", "hexdump"], Run("{address}::dump")),
    (
        &["memory find", "find"],
        Hint("'VALUE::ugrep' searches memory for a value, '::strings -p TEXT' for text"),
    ),
    (&["list", "l"], Hint("the source of a function: 'ADDRESS::jssource'; all functions: '::jsfunctions'")),
    (&["shell"], Hint("a command of the shell stands behind '!': '! ls'")),
    (&["set logging"], Hint("'::log FILE' keeps a log of the session")),
    (&["source"], Hint("'$<FILE' runs the commands in a file")),
    (
        &["core-file", "file", "attach", "target create", "open"],
        Hint("one core a session: start 'v8mdb CORE'"),
    ),
    (
        &[
            "run",
            "r",
            "start",
            "continue",
            "cont",
            "next",
            "n",
            "step",
            "s",
            "stepi",
            "nexti",
            "finish",
            "break",
            "watch",
            "delete",
            "kill",
            "detach",
            "jump",
            "until",
            "process launch",
            "process continue",
            "breakpoint set",
        ],
        Hint(STOPPED),
    ),
];

/// `x/8gx ADDRESS` of gdb.
const EXAMINE: &str = "memory in a format: 'ADDRESS,8/J' prints eight words, '::formats' lists the letters; an object: 'ADDRESS::v8print'";

/// All words and word groups that mean something.
pub fn all() -> impl Iterator<Item = &'static str> {
    WORDS.iter().flat_map(|(words, _)| words.iter().copied())
}

/// The bare words at the start of `text`, which is the rest of some input: what they mean, and how long they are.
pub fn at_start(text: &str, source: Source<'_>) -> Option<(Meaning, usize)> {
    let length = text.find(['|', '!', ';', '\n']).unwrap_or(text.len());
    if length > LONGEST {
        return None;
    }
    Some((meaning(&text[..length], source)?, length))
}

/// Nobody types more.
const LONGEST: usize = 4096;

/// What `statement` means if it is one of these words, with what follows it up to a `|`, `!` or `;`.
pub fn meaning(statement: &str, source: Source<'_>) -> Option<Meaning> {
    let statement = statement.trim();
    if statement.starts_with("x/") || statement == "x" || statement.starts_with("x ") {
        return Some(Meaning::Hint(EXAMINE.to_owned()));
    }
    let behind = |words: &str| {
        let rest = statement.strip_prefix(words)?;
        (rest.is_empty() || rest.starts_with([' ', '\t'])).then(|| rest.trim())
    };
    let longest = WORDS
        .iter()
        .flat_map(|(words, does)| words.iter().map(move |word| (*word, *does)))
        .filter_map(|(word, does)| Some((word, does, behind(word)?)))
        .max_by_key(|(word, _, _)| word.len());
    let Some((_, does, rest)) = longest else { return own(statement, source) };
    Some(match does {
        Plain(command) => Meaning::Run { command: filled(command, rest).ok()?, is_plain: true },
        Run(command) => match filled(command, rest) {
            Ok(command) => Meaning::Run { command, is_plain: false },
            Err(hint) => Meaning::Hint(hint),
        },
        Hint(hint) => Meaning::Hint(hint.to_owned()),
    })
}

/// `status` for `::status`: only at the prompt, where it is nobody's symbol.
fn own(statement: &str, source: Source<'_>) -> Option<Meaning> {
    if !matches!(source, Source::Prompt) {
        return None;
    }
    let (name, rest) = statement.split_once([' ', '\t']).unwrap_or((statement, ""));
    let dcmd = ALL.iter().find(|dcmd| dcmd.is_called(name)).filter(|_| is_word(name))?;
    let is_option = rest.trim_start().starts_with('-');
    Some(match dcmd.address {
        AddressUse::Required => match filled(&format!("{{address}}::{name}"), rest) {
            Ok(command) => Meaning::Run { command, is_plain: false },
            Err(hint) => Meaning::Hint(hint),
        },
        _ if takes_words(dcmd) || is_option || rest.trim().is_empty() => {
            Meaning::Run { command: format!("::{name} {rest}").trim_end().to_owned(), is_plain: false }
        }
        _ => Meaning::Hint(format!("did you mean '::{name} {}'?", rest.trim())),
    })
}

fn takes_words(dcmd: &Dcmd) -> bool {
    dcmd.operands.most > 0
}

fn is_word(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// `command` with what was typed in its places.
///
/// # Errors
/// Something has to be there: the line as it should be.
fn filled(command: &str, rest: &str) -> Result<String, String> {
    let (first, more) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
    if command.contains("{address}") {
        if number::parse(first, 16).is_err() {
            let line = command.replace("{address}", "ADDRESS");
            return Err(format!("the address of an object goes in front: '{line}'"));
        }
        let line = command.replace("{address}", first);
        return Ok(format!("{line} {}", more.trim()).trim_end().to_owned());
    }
    if command.contains("{name}") {
        // Only a plain word: what else there is might be options of another debugger.
        if first.is_empty() || first.starts_with('-') {
            return Err(format!("say '{}'", command.replace("{name}", "NAME")));
        }
        let name = if first.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$')) {
            first.to_owned()
        } else {
            format!("\"{}\"", first.trim_matches(['"', '\'']))
        };
        return Ok(command.replace("{name}", &name));
    }
    Ok(command.replace("{rest}", rest).trim_end().to_owned())
}

/// A line without the prompt in front of it, as it is when it was copied from a transcript. `> name` alone stays what it is: an
/// assignment.
pub fn without_prompt(line: &str) -> &str {
    let Some(rest) = line.strip_prefix("> ") else { return line };
    let rest = rest.trim_start();
    let is_variable = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_');
    let is_assignment = rest.starts_with('/') || is_variable(rest.trim_end());
    if is_assignment && meaning(rest, Source::Prompt).is_none() { line } else { rest }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(statement: &str) -> String {
        match meaning(statement, Source::Prompt) {
            Some(Meaning::Run { command, .. }) => command,
            other => panic!("{statement}: {other:?}"),
        }
    }

    /// The commands in a text: what stands in quotes, or all of it.
    fn commands(text: &str) -> Vec<String> {
        let quoted: Vec<_> = text.split('\'').skip(1).step_by(2).map(str::to_owned).collect();
        if quoted.is_empty() { vec![text.to_owned()] } else { quoted }
    }

    #[test]
    fn every_line_that_is_run_or_suggested_is_one() {
        let places = |text: &str| {
            text.replace("{address}", "10")
                .replace("{name}", "NAME")
                .replace("{rest}", "")
                .replace("ADDRESS", "10")
                .replace("VALUE", "10")
                .replace("ID::", "10::")
        };
        for (words, does) in WORDS {
            let lines = match does {
                Plain(command) | Run(command) => vec![(*command).to_owned()],
                Hint(STOPPED) => continue,
                Hint(hint) => commands(hint),
            };
            for line in lines {
                let line = places(&line);
                if line.starts_with("v8mdb ") {
                    continue;
                }
                let mut at = 0;
                while at < line.len() {
                    let (statement, next) = crate::lang::statement(&line, at)
                        .unwrap_or_else(|e| panic!("{words:?}: {line}: {e}"));
                    for command in &statement.pipeline {
                        if let crate::lang::Command::Named { name, .. } = command {
                            assert!(crate::dcmds::find(name).is_ok(), "{words:?}: {line}");
                        }
                    }
                    assert!(!statement.is_empty(), "{words:?}: {line}");
                    at = next;
                }
            }
        }
    }

    #[test]
    fn every_word_means_something_once_and_no_number() {
        let mut seen = std::collections::HashSet::new();
        for word in all() {
            assert!(seen.insert(word), "{word} is there twice");
            assert!(number::parse(word, 16).is_err(), "{word} is a number");
            let is_ours = ALL.iter().any(|dcmd| dcmd.is_called(word));
            assert_eq!(
                is_ours,
                matches!(word, "help" | "quit" | "where" | "?"),
                "{word}: a dcmd says what it means"
            );
            assert!(meaning(word, Source::Prompt).is_some(), "{word}");
            assert!(meaning(word, Source::String).is_some(), "{word}");
            let behind = format!("{word} 10");
            assert!(meaning(&behind, Source::Prompt).is_some(), "{behind}");
        }
    }

    #[test]
    fn lines_of_other_debuggers_become_ours() {
        for (typed, expected) in [
            ("help", "::help"),
            ("help jsprint", "::help jsprint"),
            ("?", "::help"),
            ("q", "::quit"),
            ("quit", "::quit"),
            ("bt", "$C"),
            ("v8 bt", "::jsstack"),
            ("v8 findjsinstances Session", "::findjsobjects -c Session | ::findjsobjects"),
            ("findjsinstances a.b", "::findjsobjects -c \"a.b\" | ::findjsobjects"),
            ("v8 inspect 0x3e74a1", "0x3e74a1::jsprint"),
            ("inspect 3e74a1 user", "3e74a1::jsprint user"),
            ("p 3e74a1", "3e74a1::jsprint"),
            ("findrefs 3e74a1", "3e74a1::findjsobjects -r"),
            ("info threads", "::threads"),
            ("info registers", "::regs"),
            ("thread apply all bt", "::walk thread | ::findstack"),
            ("status", "::status"),
            ("findjsobjects -c Session", "::findjsobjects -c Session"),
            ("jspath 3e74a1", "3e74a1::jspath"),
            ("jsleaks", "::jsleaks"),
        ] {
            assert_eq!(run(typed), expected, "{typed}");
        }
    }

    #[test]
    fn what_needs_an_address_says_so() {
        for typed in ["inspect", "inspect foo.bar", "p this.x", "jspath", "retainers"] {
            let Some(Meaning::Hint(hint)) = meaning(typed, Source::Prompt) else { panic!("{typed}") };
            assert!(hint.contains("ADDRESS::js"), "{typed}: {hint}");
        }
    }

    #[test]
    fn dcmds_without_their_sign_are_for_the_prompt() {
        assert_eq!(meaning("status", Source::String), None);
        assert_eq!(meaning("main", Source::Prompt), None);
        assert_eq!(meaning("3e74a1", Source::Prompt), None);
        assert_eq!(meaning("helpless", Source::Prompt), None);
    }

    #[test]
    fn prompts_that_were_copied_along_are_left_out() {
        assert_eq!(without_prompt("> ::jsleaks"), "::jsleaks");
        assert_eq!(without_prompt("> 10::jsprint"), "10::jsprint");
        assert_eq!(without_prompt("> help"), "help");
        assert_eq!(without_prompt("> suspect"), "> suspect", "an assignment of dot");
        assert_eq!(without_prompt(">suspect"), ">suspect");
        assert_eq!(without_prompt("::echo > x"), "::echo > x");
    }
}
