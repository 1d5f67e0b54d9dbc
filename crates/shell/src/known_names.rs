//! Names in the heap that may stand at a place in a line: constructors behind `-c`, properties behind `-p` and as members
//! for `::jsprint`.
//!
//! They are looked for if nobody has asked for them yet: the first time that can take as long as `::findjsobjects` does.

use std::collections::BTreeSet;

use core_reader::Symbols;
use v8_heap::Heap;
use v8_heap::index::{Definition, Kinds, ObjectTable};
use v8_heap::layout::Kind;

use crate::context::Context;

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

/// What may stand there. What has to be found out first is.
pub(super) fn names(context: &Context, query: NameQuery<'_>) -> Vec<String> {
    match (query.dcmd, query.option) {
        ("findjsobjects" | "jsbuffers" | "diff", Some('c')) => constructors(context, query.prefix),
        ("findjsobjects", Some('p')) => properties(context, "", query.prefix),
        ("jsfunctions", Some('n')) => functions(context),
        ("jsfunctions" | "jsscripts", Some('s')) => scripts(context),
        ("v8classes", None) => {
            let classes =
                context.heap().map(|heap| heap.classes().iter().map(|class| class.name.to_string()));
            classes.map(Iterator::collect).unwrap_or_default()
        }
        ("v8pages", Some('s')) => {
            let names = context.heap().map(|heap| heap.layout().space_names);
            names.map(|names| names.iter().map(|name| (*name).to_owned()).collect()).unwrap_or_default()
        }
        ("getenv", None) => {
            let environment = context.target().map(|target| target.core().process().environment.as_slice());
            let name = |entry: &String| entry.split_once('=').map(|(name, _)| name.to_owned());
            environment.map(|entries| entries.iter().filter_map(name).collect()).unwrap_or_default()
        }
        ("objects" | "nm" | "mappings" | "files", None) | ("findsym", Some('o')) => {
            let modules = context.target().map(|target| target.core().modules());
            let modules = modules.map(|modules| modules.iter().map(|module| module.name().to_string()));
            modules.map(Iterator::collect).unwrap_or_default()
        }
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

/// The heap with its objects and their kinds; nothing if there is none, or if the user would not wait for it.
fn kinds(context: &Context) -> Option<(&Heap<'static>, &ObjectTable, &Kinds)> {
    let heap = context.heap().ok()?;
    let monitor = context.progress();
    Some((heap, heap.objects(&monitor).ok()?, heap.kinds(&monitor).ok()?))
}

/// The names of functions.
fn functions(context: &Context) -> Vec<String> {
    let Ok(heap) = context.heap() else { return Vec::new() };
    let Ok(functions) = heap.functions(&context.progress()) else { return Vec::new() };
    let name = |definition: &Definition| {
        let shared = heap.object(definition.shared).and_then(|shared| heap.shared_function(shared)).ok()?;
        let name = heap.shared_name(shared.object).ok()??;
        heap.name_text(name)
    };
    let names: BTreeSet<_> = functions.definitions().iter().filter_map(name).collect();
    names.into_iter().collect()
}

/// The last parts of the names of scripts.
fn scripts(context: &Context) -> Vec<String> {
    let Ok(heap) = context.heap() else { return Vec::new() };
    let mut names = BTreeSet::new();
    let found = heap.for_each_of(Kind::Script, &context.progress(), |script| {
        if let Ok(script) = heap.script(script.value())
            && let Some(name) = heap.script_name(&script).and_then(|name| heap.name_text(name))
            && let Some(file) = name.rsplit('/').next()
        {
            names.insert(file.to_owned());
        }
        true
    });
    if found.is_err() { Vec::new() } else { names.into_iter().collect() }
}

fn variables(context: &Context) -> Vec<String> {
    let own = context.variables.borrow();
    let own = own.iter().map(|(name, _)| name.to_owned());
    let registers = context.register_names().iter().map(|name| (*name).to_owned());
    own.chain(registers).filter(|name| name.len() > 1).collect()
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
    let Some((heap, _, kinds)) = kinds(context) else { return Vec::new() };
    let names = kinds.groups().iter().map(|group| heap.name(group.constructor));
    let names: BTreeSet<_> = names.filter(|name| begins(name, prefix) && is_word(name)).collect();
    names.into_iter().map(str::to_owned).collect()
}

/// Property names that start with `prefix`, each behind `before`.
fn properties(context: &Context, before: &str, prefix: &str) -> Vec<String> {
    let Some((heap, table, kinds)) = kinds(context) else { return Vec::new() };
    let mut names = BTreeSet::new();
    for group in kinds.groups().iter().filter(|group| group.properties <= MOST_PROPERTIES) {
        let own = heap.group_property_names(table, group);
        names.extend(own.into_iter().filter(|name| begins(name, prefix) && is_word(name)));
    }
    names.into_iter().map(|name| format!("{before}{name}")).collect()
}

/// Whether `name` begins with `prefix`, in whatever letters.
fn begins(name: &str, prefix: &str) -> bool {
    name.starts_with(prefix) || name.to_lowercase().starts_with(&prefix.to_lowercase())
}

/// Whether a name can be typed as it is, without quotes.
fn is_word(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '#'))
}

#[cfg(test)]
mod tests {
    use test_support::scenarios::shipped::ShippedCore;

    use super::*;
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

    fn found(context: &Context, dcmd: &str, option: Option<char>, prefix: &str) -> Vec<String> {
        names(context, NameQuery { dcmd, option, prefix })
    }

    #[test]
    fn names_come_from_the_kinds_of_objects() {
        let context = session();
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
    fn names_of_functions_and_scripts_are_found() {
        let context = session();
        assert!(found(&context, "jsfunctions", Some('n'), "").contains(&"UpstreamConnection".to_owned()));
        assert!(found(&context, "jsfunctions", Some('s'), "").contains(&"leak.js".to_owned()));
    }
}
