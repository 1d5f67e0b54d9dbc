//! What is said where a filter leaves nothing: which one it was, and the name that may have been meant.

use crate::arguments::Filtering;
use crate::context::Context;
use crate::dcmd::Dcmd;
use crate::dcmds::nearest;
use crate::known_names::{NameQuery, names};
use crate::output::escape;

/// `::findjsobjects: nothing matches '-c sesion' (did you mean 'Session'?)`
pub(crate) fn reason(context: &Context, dcmd: &Dcmd, shown: &str, filters: &[Filtering]) -> String {
    let typed: Vec<_> = filters.iter().map(|filter| escape(&filter.typed).into_owned()).collect();
    let near = filters.iter().find_map(|filter| {
        let query = NameQuery { dcmd: dcmd.name, option: filter.option, prefix: "" };
        let known = names(context, query);
        // What is spelt right is there, but not among what was asked for.
        if known.contains(&filter.text) {
            return None;
        }
        similar(&filter.text, known.iter().map(String::as_str)).map(|near| escape(near).into_owned())
    });
    let hint = near.map_or(String::new(), |near| format!(" (did you mean '{near}'?)"));
    format!("{shown}: nothing matches '{}'{hint}", typed.join(" "))
}

/// The name that was probably meant: the same in other letters, one that is spelt about so, or the only one with that in it.
pub(crate) fn similar<'n>(typed: &str, names: impl Iterator<Item = &'n str> + Clone) -> Option<&'n str> {
    let lower = typed.to_lowercase();
    let mut others = names.filter(|name| *name != typed);
    if let Some(same) = others.clone().find(|name| name.to_lowercase() == lower) {
        return Some(same);
    }
    if let Some(near) = nearest(typed, others.clone()) {
        return Some(near);
    }
    if lower.len() < LEAST {
        return None;
    }
    let mut with = others.by_ref().filter(|name| name.to_lowercase().contains(&lower));
    let first = with.next()?;
    with.next().is_none().then_some(first)
}

/// Less is in too many names.
const LEAST: usize = 3;

impl Context {
    /// The command that is probably meant by a word that is the name of a constructor, or nearly one.
    pub fn constructor_hint(&self, word: &str) -> Option<String> {
        let known = names(self, NameQuery { dcmd: "findjsobjects", option: Some('c'), prefix: "" });
        let lower = word.to_lowercase();
        let exact = known.iter().find(|name| *name == word);
        let name = exact.or_else(|| known.iter().find(|name| name.to_lowercase() == lower))?;
        Some(format!("::findjsobjects -c {name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_similar_by_letters_by_spelling_and_by_parts() {
        let names = ["Session", "UpstreamConnection", "Chunk", "Map", "MapIterator"];
        for (typed, expected) in [
            ("session", Some("Session")),
            ("SESSION", Some("Session")),
            ("Sesion", Some("Session")),
            ("Connection", Some("UpstreamConnection")),
            ("map", Some("Map")),
            ("Iter", Some("MapIterator")),
            ("Zebra", None),
            ("s", None),
            ("", None),
        ] {
            assert_eq!(similar(typed, names.iter().copied()), expected, "{typed}");
        }
    }
}
