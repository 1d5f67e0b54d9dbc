//! The dcmds: one file each, and one list.

use crate::dcmd::Dcmd;
use crate::walker::Walker;
use crate::walkers::{JSELEMENT, JSGLOBAL, JSOBJECT, JSPROP};

mod assign;
mod auxv;
mod cat;
mod context;
mod count;
#[expect(clippy::module_inception, reason = "a file is named after its dcmd")]
mod dcmds;
mod dis;
mod dismode;
mod dump;
mod echo;
mod eval;
mod files;
mod findjsobjects;
mod findstack;
mod findsym;
mod format;
mod fpregs;
mod getenv;
mod grep;
mod head;
mod help;
mod jsconstructor;
mod jsfunction;
mod jsprint;
mod load;
mod log;
mod map;
mod mappings;
mod nm;
mod objects;
mod page_width;
mod pager;
mod pargs;
mod prompt;
mod psinfo;
mod quit;
mod radix;
mod regs;
mod savecore;
mod set;
mod showrev;
mod signal;
mod source;
mod stack;
mod status;
mod strings;
mod symbol_distance;
mod term;
mod thread_id;
mod thread_ids;
mod threads;
mod ugrep;
mod unset;
mod vars;
mod version;
mod walk;
mod walkers;
mod whatis;
mod which;
mod xdata;

/// All dcmds, sorted by name.
pub static ALL: &[&Dcmd] = &[
    &source::DCMD,
    &thread_ids::DCMD,
    &prompt::DCMD,
    &radix::DCMD,
    &thread_id::DCMD,
    &symbol_distance::DCMD,
    &page_width::DCMD,
    &format::DCMD,
    &assign::DCMD,
    &auxv::DCMD,
    &cat::DCMD,
    &context::DCMD,
    &count::DCMD,
    &dcmds::DCMD,
    &dis::DCMD,
    &dismode::DCMD,
    &dump::DCMD,
    &echo::DCMD,
    &eval::DCMD,
    &files::DCMD,
    &findjsobjects::DCMD,
    &findstack::DCMD,
    &findsym::DCMD,
    &fpregs::DCMD,
    &getenv::DCMD,
    &grep::DCMD,
    &head::DCMD,
    &help::DCMD,
    &jsconstructor::DCMD,
    &jsfunction::DCMD,
    &jsprint::DCMD,
    &load::DCMD,
    &log::DCMD,
    &map::DCMD,
    &mappings::DCMD,
    &nm::DCMD,
    &objects::DCMD,
    &pager::DCMD,
    &pargs::DCMD,
    &psinfo::DCMD,
    &quit::DCMD,
    &regs::DCMD,
    &savecore::DCMD,
    &set::DCMD,
    &showrev::DCMD,
    &signal::DCMD,
    &stack::DCMD,
    &status::DCMD,
    &strings::DCMD,
    &term::DCMD,
    &threads::DCMD,
    &ugrep::DCMD,
    &unset::DCMD,
    &vars::DCMD,
    &version::DCMD,
    &walk::DCMD,
    &walkers::DCMD,
    &whatis::DCMD,
    &which::DCMD,
    &xdata::DCMD,
];

/// All walkers, sorted by name.
pub static WALKERS: &[&Walker] = &[&JSELEMENT, &JSGLOBAL, &JSOBJECT, &JSPROP, &walk::THREAD];

/// Commands of MDB that make no sense on a core: they run, stop or change a process.
const UNSUPPORTED: &[&str] = &[
    "bp", "wp", "delete", "events", "evset", "fltbp", "sigbp", "sysbp", "step", "next", "cont", "run",
    "kill", "attach", "release", "gcore", "write", "vtop", "setenv", "unsetenv", "tmodel", ":a", ":b", ":c",
    ":d", ":e", ":i", ":k", ":p", ":r", ":s", ":S", ":t", ":u", ":w", ":z", ":A", ":R", "$b", "$i", "$W",
];

/// The dcmd called `name`: `echo`, `$q`.
///
/// # Errors
/// Why there is none, with the name that may have been meant.
pub fn find(name: &str) -> Result<&'static Dcmd, String> {
    if let Some(dcmd) = ALL.iter().find(|dcmd| dcmd.is_called(name)) {
        return Ok(dcmd);
    }
    if matches!(name, "/" | "\\" | "?" | "@") {
        return Err(format!(
            "'{name}' cannot be used yet; *addr and */c/addr read memory in expressions, '=' prints them"
        ));
    }
    if UNSUPPORTED.contains(&name) {
        return Err("command is not supported by current target".to_owned());
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

/// The walker called `name`.
///
/// # Errors
/// Why there is none, with the name that may have been meant.
pub fn find_walker(name: &str) -> Result<&'static Walker, String> {
    if let Some(walker) = WALKERS.iter().find(|walker| walker.name == name) {
        return Ok(walker);
    }
    let hint = match nearest(name, WALKERS.iter().map(|walker| walker.name)) {
        Some(near) => format!(" (did you mean '{near}'?)"),
        None => String::new(),
    };
    Err(format!("failed to perform walk: unknown walk name{hint}"))
}

/// The name that `typed` was most probably meant to be.
pub fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = typed.chars().count().div_ceil(3);
    if typed.len() > 64 {
        return None;
    }
    names
        .filter(|name| name.len() > 2)
        .map(|name| (strsim::damerau_levenshtein(typed, name), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
