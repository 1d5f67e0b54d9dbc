//! What the tabulator key completes: dcmds behind `::`, walkers, options, variables, symbols, files, and names from the heap.

use std::borrow::Cow;
use std::path::Path;

use rustyline::completion::{Completer, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;

use crate::arguments::Shape;
use crate::context::Context;
use crate::dcmds::ALL;
use crate::host_files;
use crate::known_names::{self, NameQuery};
use crate::output::{Colours, is_safe};
use crate::settings::{OPTIONS, Settings};
use crate::walkers::WALKERS;

/// Completes lines.
pub(super) struct Completion<'a> {
    context: &'a Context,
}

impl<'a> Completion<'a> {
    pub(super) fn new(context: &'a Context) -> Completion<'a> {
        Completion { context }
    }
}

impl Completer for Completion<'_> {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let names = |query: NameQuery<'_>| match (query.dcmd, query.option) {
            ("dcmds" | "help", None) => ALL.iter().map(|dcmd| dcmd.name.to_owned()).collect(),
            ("walkers", None) => WALKERS.iter().map(|walker| walker.name.to_owned()).collect(),
            _ => known_names::names(self.context, query),
        };
        let typed = line.get(..position).unwrap_or(line);
        let (start, found) = candidates(typed, &self.context.settings, &names);
        let pair = |replacement: String| Pair { display: shown(typed, &replacement), replacement };
        Ok((start, found.into_iter().map(pair).collect()))
    }
}

impl Hinter for Completion<'_> {
    type Hint = String;

    /// What may follow the name of a dcmd. Shown faintly, so only where there are styles.
    fn hint(&self, line: &str, position: usize, _: &rustyline::Context<'_>) -> Option<String> {
        if self.context.colours == Colours::Never || position < line.len() {
            return None;
        }
        hint(line)
    }
}

impl Highlighter for Completion<'_> {
    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(self.context.colours.faint(hint).to_string())
    }
}

impl Validator for Completion<'_> {}
impl rustyline::Helper for Completion<'_> {}

/// The synopsis of the dcmd that has just been named.
fn hint(typed: &str) -> Option<String> {
    let name = typed.strip_suffix(' ').filter(|typed| !typed.ends_with(' '))?;
    let name = &name[name.rfind("::")? + 2..];
    let dcmd = ALL.iter().find(|dcmd| dcmd.name == name)?;
    Some(dcmd.synopsis()).filter(|synopsis| !synopsis.is_empty())
}

/// How a candidate is listed: an option with what it does.
fn shown(typed: &str, candidate: &str) -> String {
    let option = candidate.strip_prefix('-').and_then(|letter| letter.chars().next());
    let name = typed.rfind("::").map(|at| typed[at + 2..].split(' ').next().unwrap_or(""));
    let dcmd = name.and_then(|name| ALL.iter().find(|dcmd| dcmd.is_called(name)));
    let declared = option.zip(dcmd).and_then(|(letter, dcmd)| {
        dcmd.options.iter().find(|option| option.letter == letter && option.shape != Shape::Digits)
    });
    match declared {
        Some(option) => format!("{candidate:<4}{}", option.help),
        None => candidate.to_owned(),
    }
}

/// Those of `names` that begin with `prefix`; if there are none, those that do so in other letters.
fn beginning(prefix: &str, names: Vec<String>) -> Vec<String> {
    let (exact, others): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| name.starts_with(prefix));
    if !exact.is_empty() {
        return exact;
    }
    let lower = prefix.to_lowercase();
    others.into_iter().filter(|name| name.to_lowercase().starts_with(&lower)).collect()
}

/// What kinds of things are completed from the outside.
type Names<'n> = &'n dyn Fn(NameQuery<'_>) -> Vec<String>;

/// Where the word that is typed starts, and what it may become. `names` knows the names in the target and in the session.
fn candidates(typed: &str, settings: &Settings, names: Names<'_>) -> (usize, Vec<String>) {
    let stage = typed.rfind(['|', ';', '!']).map_or(0, |at| at + 1);
    let none = (typed.len(), Vec::new());
    if typed[..stage].ends_with('!') {
        return none;
    }
    let ask = |dcmd: &str, option, start: usize| {
        let prefix = &typed[start..];
        let mut found = beginning(prefix, names(NameQuery { dcmd, option, prefix }));
        found.retain(|found| found.chars().all(is_safe));
        found.sort_unstable();
        found.dedup();
        (start, found)
    };
    let word = typed[stage..].rfind([' ', '\t']).map_or(stage, |at| stage + at + 1);
    for sign in ["$<<", "$<", "$>"] {
        if let Some(at) = typed[stage..].find(sign) {
            let start = stage + at + sign.len();
            let start = start + (typed[start..].len() - typed[start..].trim_start().len());
            return (start, files(settings, &typed[start..]));
        }
    }
    let name_start = typed
        .rfind(|c: char| !is_name(c))
        .map_or(0, |at| at + typed[at..].chars().next().map_or(1, char::len_utf8));
    if name_start > 0 && typed[..name_start].ends_with('<') {
        return ask("<", None, name_start);
    }
    let Some(sign) = typed[stage..].find("::").map(|at| stage + at + 2) else {
        // An expression, in which a symbol may stand.
        return if typed.len() - name_start.max(stage) >= LEAST_SYMBOL {
            ask("", None, name_start.max(stage))
        } else {
            none
        };
    };
    let Some(blank) = typed[sign..].find([' ', '\t']).map(|at| sign + at) else {
        let dcmds =
            ALL.iter().flat_map(|dcmd| std::iter::once(dcmd.name).chain(dcmd.aliases.iter().copied()));
        let dcmds = dcmds.filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()));
        return (sign, starting(&typed[sign..], dcmds));
    };
    let word = word.max(blank + 1);
    let name = &typed[sign..blank];
    let prefix = &typed[word..];
    let Some(dcmd) = ALL.iter().find(|dcmd| dcmd.is_called(name)) else { return none };
    if prefix.starts_with('-') {
        let options = dcmd.options.iter().filter(|option| option.shape != Shape::Digits);
        let options: Vec<String> = options.map(|option| format!("-{}", option.letter)).collect();
        return (word, starting(prefix, options.iter().map(String::as_str)));
    }
    let before = typed[blank..word].split_whitespace().next_back();
    let option = before
        .and_then(|before| before.strip_prefix(['-', '+']))
        .and_then(|letters| letters.chars().next_back());
    let takes_value = |letter: char| {
        let wanted = |option: &&crate::dcmd::Opt| option.letter == letter && option.shape.has_value();
        dcmd.options.iter().find(wanted).is_some()
    };
    let option = option.filter(|&letter| takes_value(letter));
    match (dcmd.name, option) {
        ("walk", None) if before.is_none() => {
            (word, starting(prefix, WALKERS.iter().map(|walker| walker.name)))
        }
        ("help" | "which", None) => {
            let walkers = WALKERS.iter().map(|walker| walker.name).filter(|_| dcmd.name == "which");
            (word, starting(prefix, ALL.iter().map(|dcmd| dcmd.name).chain(walkers)))
        }
        ("set", Some('o')) => (word, starting(prefix, OPTIONS.iter().copied())),
        ("pager", None) => (word, starting(prefix, ["off", "on"].into_iter())),
        ("cat" | "log" | "savecore" | "heapsnapshot" | "diff", None) => (word, files(settings, prefix)),
        // Expressions: the last property in them.
        ("where" | "group" | "sort" | "uniq" | "sum", None) => {
            let is_path = |c: char| is_name(c) || matches!(c, '$' | '#' | '.');
            let start = typed[blank..].rfind(|c: char| !is_path(c)).map_or(blank, |at| {
                blank + at + typed[blank + at..].chars().next().map_or(1, char::len_utf8)
            });
            ask("where", None, start)
        }
        (name, option) => ask(name, option, word),
    }
}

/// Fewer letters begin too many symbols.
const LEAST_SYMBOL: usize = 3;

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Files that begin with `prefix`; directories end with a slash.
fn files(settings: &Settings, prefix: &str) -> Vec<String> {
    let (directory, name) =
        prefix.rsplit_once('/').map_or(("", prefix), |(_, name)| prefix.split_at(prefix.len() - name.len()));
    let inside = if directory.is_empty() { "." } else { directory };
    let mut found: Vec<String> = host_files::entries(settings, Path::new(inside), MOST_FILES)
        .into_iter()
        .filter(|file| {
            let hidden = file.starts_with('.') && !name.starts_with('.');
            !hidden && file.starts_with(name) && file.chars().all(|c| is_safe(c) && c != ' ')
        })
        .map(|file| format!("{directory}{file}"))
        .collect();
    found.sort_unstable();
    found
}

/// No more entries of a directory are looked at.
const MOST_FILES: usize = 10_000;

fn starting<'a>(prefix: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut found = beginning(prefix, names.map(str::to_owned).collect());
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(typed: &str) -> (usize, Vec<String>) {
        candidates(typed, &Settings::default(), &|query| match (query.dcmd, query.option) {
            ("grep", None) => vec![format!("{}zz", query.prefix), "other".to_owned()],
            ("<", None) => vec!["rax".to_owned(), "rbx".to_owned(), "suspect".to_owned()],
            ("", None) => vec!["main".to_owned(), "malloc".to_owned()],
            ("where", None) => vec!["statusCode".to_owned(), "req.url".to_owned()],
            _ => Vec::new(),
        })
    }

    #[test]
    fn dcmds_complete_behind_colons() {
        assert_eq!(complete("::hea"), (2, vec!["head".to_owned(), "heapsnapshot".to_owned()]));
        assert_eq!(complete("10::walk thread | ::tai"), (20, vec!["tail".to_owned()]));
        assert_eq!(complete("::echo a; ::mapp"), (12, vec!["mappings".to_owned()]));
        assert_eq!(complete("hea").1, Vec::<String>::new());
        assert_eq!(complete("::echo x ! ::hea").1, Vec::<String>::new());
    }

    #[test]
    fn walkers_and_manuals_complete_by_name() {
        assert!(complete("::walk ").1.contains(&"thread".to_owned()));
        assert_eq!(complete("::walk thr"), (7, vec!["thread".to_owned()]));
        assert_eq!(complete("::walk thread t").1, Vec::<String>::new());
        assert_eq!(complete("::help tai"), (7, vec!["tail".to_owned()]));
    }

    #[test]
    fn options_complete_behind_a_dash() {
        assert_eq!(complete("::vars -").1, ["-n", "-p", "-t"]);
    }

    #[test]
    fn variables_symbols_and_properties_complete_where_they_may_stand() {
        let one = |at: usize, name: &str| (at, vec![name.to_owned()]);
        assert_eq!(complete("<sus"), one(1, "suspect"));
        assert_eq!(complete("1+<r"), (3, vec!["rax".to_owned(), "rbx".to_owned()]));
        assert_eq!(complete("8+mal"), one(2, "malloc"));
        assert_eq!(complete("ma").1, Vec::<String>::new(), "too short");
        assert_eq!(complete("10::where 'statusC"), one(11, "statusCode"));
        assert_eq!(complete("10::where 'statusCode == 4 && req.u"), one(30, "req.url"));
        assert_eq!(complete("10::sort -r statusC"), one(12, "statusCode"));
        assert_eq!(complete("::set -o rep"), one(9, "repeatlast"));
        assert_eq!(complete("::set +o pag"), one(9, "pager"));
    }

    #[test]
    fn files_complete_behind_what_reads_them() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("first.macro"), "").unwrap();
        std::fs::create_dir(directory.path().join("more")).unwrap();
        let path = directory.path().display();
        assert_eq!(complete(&format!("$<{path}/fi")), (2, vec![format!("{path}/first.macro")]));
        assert_eq!(
            complete(&format!("::cat {path}/")).1,
            [format!("{path}/first.macro"), format!("{path}/more/")]
        );
    }

    #[test]
    fn names_complete_in_any_case_and_options_say_what_they_do() {
        assert_eq!(complete("10::where 'STATUSC").1, ["statusCode"]);
        assert_eq!(complete("::JSLEA").1, ["jsleaks"]);
        assert_eq!(shown("::vars -", "-n").trim_end(), format!("-n  {}", help_of("vars", 'n')));
        assert_eq!(shown("::help v", "vars"), "vars");
    }

    fn help_of(name: &str, letter: char) -> &'static str {
        let dcmd = ALL.iter().find(|dcmd| dcmd.name == name).unwrap();
        dcmd.options.iter().find(|option| option.letter == letter).unwrap().help
    }

    #[test]
    fn hints_say_what_may_follow() {
        assert_eq!(hint("::head ").as_deref(), Some("[-N] [-n N] [N]"));
        assert_eq!(hint("1::walk thread | ::tail ").as_deref(), Some("[-N] [-n N] [N]"));
        for typed in ["::head", "::head  ", "::head x ", "::quit ", "x "] {
            assert_eq!(hint(typed), None, "{typed}");
        }
    }

    #[test]
    fn names_come_from_the_target() {
        assert_eq!(complete("::grep a"), (7, vec!["azz".to_owned()]));
    }
}
