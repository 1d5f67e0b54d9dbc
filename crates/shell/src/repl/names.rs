//! Names in the heap that may stand at a place in a line: constructors behind `-c`, properties behind `-p` and as members
//! for `::jsprint`.
//!
//! They come from the kinds of objects if a dcmd has found those already. Pressing a key must not start work on the heap
//! that can take a second.

use std::collections::BTreeSet;

use core_reader::Symbols;

use crate::context::Context;
use crate::variables::REGISTERS;

/// Objects with more properties than this hold data under them: their names are nothing to type.
const MOST_PROPERTIES: u64 = 1000;

/// More symbols than this are nothing to choose from.
const MOST_SYMBOLS: usize = 500;

/// A place in a line where a name from the target may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NameQuery<'a> {
    /// The dcmd; `<` for a variable, nothing for a symbol in an expression, `where` for a property in one of JavaScript.
    pub dcmd: &'a str,
    /// The letter of the option whose value is typed; nothing for an operand.
    pub option: Option<char>,
    /// What is typed so far.
    pub prefix: &'a str,
}

/// What may stand there.
pub(super) fn names(context: &Context, query: NameQuery<'_>) -> Vec<String> {
    match (query.dcmd, query.option) {
        ("findjsobjects", Some('c')) => constructors(context, query.prefix),
        ("findjsobjects", Some('p')) => properties(context, "", query.prefix),
        ("<", None) => variables(context),
        ("unset" | "typeset", None) => variables(context),
        ("nmdel", None) => context.private_symbols.borrow().iter().map(|(name, _)| name.to_owned()).collect(),
        ("" | "dis" | "whatis", None) => symbols(context, query.prefix),
        ("jsprint" | "where", None) => {
            let step = query.prefix.rfind('.').map_or(0, |at| at + 1);
            let (before, typed) = query.prefix.split_at(step);
            properties(context, before, typed)
        }
        _ => Vec::new(),
    }
}

fn variables(context: &Context) -> Vec<String> {
    let own = context.variables.borrow();
    let own = own.iter().map(|(name, _)| name.to_owned());
    own.chain(REGISTERS.iter().map(|name| (*name).to_owned())).filter(|name| name.len() > 1).collect()
}

/// Symbols that start with `prefix`, unless there are too many to be of use.
fn symbols(context: &Context, prefix: &str) -> Vec<String> {
    let mut names: BTreeSet<String> =
        context.private_symbols.borrow().iter().map(|(name, _)| name.to_owned()).collect();
    if let Ok(target) = context.target()
        && !prefix.is_empty()
    {
        names.extend(target.symbols().with_prefix(prefix).into_iter().map(|symbol| symbol.name));
    }
    if names.len() > MOST_SYMBOLS { Vec::new() } else { names.into_iter().collect() }
}

fn constructors(context: &Context, prefix: &str) -> Vec<String> {
    let Some((heap, _, kinds)) = context.known_kinds() else { return Vec::new() };
    let names = kinds.groups().iter().map(|group| heap.name(group.constructor));
    let names: BTreeSet<_> = names.filter(|name| name.starts_with(prefix) && is_word(name)).collect();
    names.into_iter().map(str::to_owned).collect()
}

/// Property names that start with `prefix`, each behind `before`.
fn properties(context: &Context, before: &str, prefix: &str) -> Vec<String> {
    let Some((heap, table, kinds)) = context.known_kinds() else { return Vec::new() };
    let mut names = BTreeSet::new();
    for group in kinds.groups().iter().filter(|group| group.properties <= MOST_PROPERTIES) {
        let own = heap.group_property_names(table, group);
        names.extend(own.into_iter().filter(|name| name.starts_with(prefix) && is_word(name)));
    }
    names.into_iter().map(|name| format!("{before}{name}")).collect()
}

/// Whether a name can be typed as it is, without quotes.
fn is_word(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '#'))
}

#[cfg(test)]
mod tests {
    use test_support::scenarios::shipped::ShippedCore;

    use super::*;
    use crate::interpreter::{self, Source};
    use crate::interrupt::Interrupt;
    use crate::output::Terminal;
    use crate::target::Target;

    fn session() -> Context {
        let core = ShippedCore { scenario: "leak", line: 24 }.path();
        let options = core_reader::OpenOptions { core, ..Default::default() };
        let target = Target::open(&options, &Interrupt::default()).unwrap();
        let terminal = Terminal::new(Box::new(std::io::sink()), Box::new(std::io::sink()));
        Context::new(Some(target), terminal, Interrupt::default(), false)
    }

    fn run(context: &Context, line: &str) {
        interpreter::run(context, line, Source::Prompt, &context.text).unwrap();
    }

    fn found(context: &Context, dcmd: &str, option: Option<char>, prefix: &str) -> Vec<String> {
        names(context, NameQuery { dcmd, option, prefix })
    }

    #[test]
    fn names_come_from_kinds_that_are_known() {
        let context = session();
        run(&context, "::findjsobjects -c Chunk");
        assert_eq!(found(&context, "findjsobjects", Some('c'), "Upstr"), ["UpstreamConnection"]);
        assert_eq!(found(&context, "findjsobjects", Some('p'), "receivedA"), ["receivedAt"]);
        assert_eq!(found(&context, "jsprint", None, "receivedA"), ["receivedAt"]);
        assert_eq!(found(&context, "jsprint", None, "request.receivedA"), ["request.receivedAt"]);
        assert_eq!(found(&context, "jsprint", Some('d'), "receivedA"), [""; 0]);
        assert_eq!(found(&context, "findjsobjects", Some('k'), "d"), [""; 0]);
        let all = found(&context, "findjsobjects", Some('p'), "");
        assert!(all.contains(&"bySession".to_owned()));
        assert!(all.iter().all(|name| is_word(name)), "names that need quotes are not offered");
    }

    #[test]
    fn asking_for_names_starts_no_work_on_the_heap() {
        let context = session();
        assert_eq!(found(&context, "findjsobjects", Some('c'), ""), [""; 0]);
        assert!(context.known_kinds().is_none());
        run(&context, "::status");
        assert_eq!(found(&context, "jsprint", None, "rec"), [""; 0]);
        assert!(context.known_kinds().is_none());
    }
}
