//! The dcmds: one file each, in folders by what they are about, each folder with its list.

use std::sync::LazyLock;

use crate::dcmd::Dcmd;
use crate::spelling::nearest;

mod js;
mod language;
mod native;
mod pipe;
mod session;
mod v8;

pub(crate) use session::{LANGUAGE, report};

/// The folders, and what is in each.
pub static FOLDERS: [(&str, &[&Dcmd]); 6] = [
    ("js", js::LIST),
    ("language", language::LIST),
    ("native", native::LIST),
    ("pipe", pipe::LIST),
    ("session", session::LIST),
    ("v8", v8::LIST),
];

/// All dcmds, sorted by name.
pub static ALL: LazyLock<Vec<&'static Dcmd>> = LazyLock::new(|| {
    let mut all: Vec<&'static Dcmd> = FOLDERS.iter().flat_map(|(_, list)| list.iter().copied()).collect();
    all.sort_unstable_by_key(|dcmd| dcmd.name);
    all
});

/// Commands of MDB that have no meaning for the core of a Node.js process: their names, and why.
const UNSUPPORTED: &[(&[&str], &str)] = &[
    (
        &[
            "bp", "wp", "delete", "events", "evset", "fltbp", "sigbp", "sysbp", "step", "next", "cont",
            "run", "kill", ":a", ":b", ":c", ":d", ":e", ":i", ":k", ":p", ":r", ":s", ":S", ":t", ":u",
            ":w", ":z", "$b", "$i",
        ],
        "command is not supported by current target: a core does not run",
    ),
    (
        &["attach", "release", "gcore", ":A", ":R"],
        "command is not supported by current target: it is a core, and no process",
    ),
    (&["write", "$W"], "target is not open for writing: a core is never changed"),
    (&["vtop"], "command is not supported by current target: a core has no physical memory"),
    (&["setenv", "unsetenv"], "command is not supported by current target: no program is to be started"),
    (&["tmodel"], "command is not supported by current target: Linux has one model of threads"),
    (&["findsym"], "command is not supported by current target: it is for SPARC instructions"),
    (
        &["print", "printf", "array", "list", "enum", "typedef", "offsetof", "sizeof"],
        "no symbolic debug information available for module: Node.js is built without C types (for JavaScript values \
         there is ::jsprint)",
    ),
    (&["unload"], "failed to unload module: cannot unload built-in module"),
    (&["obey"], "No Language H here"),
    (&["$a"], "No adb here"),
    (&["$M"], "there are no macro aliases: '$<file' runs a file"),
];

/// Why `name` cannot be used on any target, if it is a command of MDB that cannot.
pub fn unsupported(name: &str) -> Option<&'static str> {
    UNSUPPORTED.iter().find(|(names, _)| names.contains(&name)).map(|(_, reason)| *reason)
}

/// The dcmd called `name`: `echo`, `$q`.
///
/// # Errors
/// Why there is none, with the name that may have been meant.
pub fn find(name: &str) -> Result<&'static Dcmd, String> {
    if let Some(dcmd) = ALL.iter().find(|dcmd| dcmd.is_called(name)) {
        return Ok(dcmd);
    }
    if let Some(reason) = unsupported(name) {
        return Err(reason.to_owned());
    }
    let sign =
        if name.starts_with(|c: char| c.is_ascii_punctuation() && c != '_' && c != '.') { "" } else { "::" };
    let names = ALL.iter().flat_map(|dcmd| std::iter::once(dcmd.name).chain(dcmd.aliases.iter().copied()));
    let hint = match nearest(name, names) {
        Some(near) => {
            let sign = if near.starts_with(|c: char| c.is_ascii_alphabetic()) { "::" } else { "" };
            format!(" (did you mean '{sign}{near}'?)")
        }
        None => String::new(),
    };
    Err(format!("invalid command '{sign}{}': unknown dcmd name{hint}", crate::output::escape(name)))
}
