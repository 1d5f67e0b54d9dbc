//! What is said where a filter leaves nothing: which one it was, and the name that may have been meant.

use crate::arguments::Filtering;
use crate::context::Context;
use crate::dcmd::Dcmd;
use crate::known_names::{NameQuery, names};
use crate::output::escape;
use crate::spelling::similar;

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
