//! What the tabulator key completes: dcmds behind `::`, walkers, options, and names from the heap.

use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;

use crate::arguments::Shape;
use crate::context::Context;
use crate::dcmds::{ALL, WALKERS};
use crate::repl::names::{self, NameQuery};

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
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let names = |query: NameQuery<'_>| names::names(self.context, query);
        Ok(candidates(line.get(..position).unwrap_or(line), &names))
    }
}

impl Hinter for Completion<'_> {
    type Hint = String;
}
impl Highlighter for Completion<'_> {}
impl Validator for Completion<'_> {}
impl rustyline::Helper for Completion<'_> {}

/// Where the word that is typed starts, and what it may become. `names` knows the names in the target.
fn candidates(typed: &str, names: &dyn Fn(NameQuery<'_>) -> Vec<String>) -> (usize, Vec<String>) {
    let stage = typed.rfind(['|', ';', '!']).map_or(0, |at| at + 1);
    let none = (typed.len(), Vec::new());
    if typed[..stage].ends_with('!') {
        return none;
    }
    let Some(sign) = typed[stage..].find("::").map(|at| stage + at + 2) else { return none };
    let Some(blank) = typed[sign..].find([' ', '\t']).map(|at| sign + at) else {
        let dcmds =
            ALL.iter().flat_map(|dcmd| std::iter::once(dcmd.name).chain(dcmd.aliases.iter().copied()));
        let dcmds = dcmds.filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()));
        return (sign, starting(&typed[sign..], dcmds));
    };
    let name = &typed[sign..blank];
    let word = typed.rfind([' ', '\t']).map_or(blank, |at| at + 1);
    let prefix = &typed[word..];
    let Some(dcmd) = ALL.iter().find(|dcmd| dcmd.is_called(name)) else { return none };
    if prefix.starts_with('-') {
        let options = dcmd.options.iter().filter(|option| option.shape != Shape::Digits);
        let options: Vec<String> = options.map(|option| format!("-{}", option.letter)).collect();
        return (word, starting(prefix, options.iter().map(String::as_str)));
    }
    let before = typed[blank..word].split_whitespace().next_back();
    let option =
        before.and_then(|before| before.strip_prefix('-')).and_then(|letters| letters.chars().next_back());
    let takes_value = |letter: char| {
        let wanted = |option: &&crate::dcmd::Opt| option.letter == letter && option.shape != Shape::Flag;
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
        (name, option) => {
            let mut found = names(NameQuery { dcmd: name, option, prefix });
            found.retain(|found| found.starts_with(prefix) && !found.chars().any(char::is_control));
            found.sort_unstable();
            found.dedup();
            (word, found)
        }
    }
}

fn starting<'a>(prefix: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut found: Vec<String> = names.filter(|name| name.starts_with(prefix)).map(str::to_owned).collect();
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(typed: &str) -> (usize, Vec<String>) {
        candidates(typed, &|query| match (query.dcmd, query.option) {
            ("grep", None) => vec![format!("{}zz", query.prefix), "other".to_owned()],
            _ => Vec::new(),
        })
    }

    #[test]
    fn dcmds_complete_behind_colons() {
        assert_eq!(complete("::hea"), (2, vec!["head".to_owned()]));
        assert_eq!(complete("10::walk thread | ::hea"), (20, vec!["head".to_owned()]));
        assert_eq!(complete("::echo a; ::mapp"), (12, vec!["mappings".to_owned()]));
        assert_eq!(complete("hea").1, Vec::<String>::new());
        assert_eq!(complete("::echo x ! ::hea").1, Vec::<String>::new());
    }

    #[test]
    fn walkers_and_manuals_complete_by_name() {
        assert!(complete("::walk ").1.contains(&"thread".to_owned()));
        assert_eq!(complete("::walk thr"), (7, vec!["thread".to_owned()]));
        assert_eq!(complete("::walk thread t").1, Vec::<String>::new());
        assert_eq!(complete("::help hea"), (7, vec!["head".to_owned()]));
    }

    #[test]
    fn options_complete_behind_a_dash() {
        assert_eq!(complete("::vars -"), (7, vec!["-n".to_owned(), "-p".to_owned()]));
    }

    #[test]
    fn names_come_from_the_target() {
        assert_eq!(complete("::grep a"), (7, vec!["azz".to_owned()]));
    }
}
