//! The dcmds: one file each, and one list.

use crate::dcmd::Dcmd;
use crate::walker::Walker;
use crate::walkers::{
    ISOLATE, JSCLOSURE, JSCONTEXT, JSELEMENT, JSFUNCTION, JSGLOBAL, JSMAPENTRY, JSOBJECT, JSPROP, JSSCRIPT,
    JSSTRING, PAGE, V8CONTEXT, V8MAP, V8OBJECT,
};

mod assign;
mod auxv;
mod cat;
mod context;
mod count;
#[expect(clippy::module_inception, reason = "a file is named after its dcmd")]
mod dcmds;
mod dem;
mod demangling;
mod diff;
mod dis;
mod dismode;
mod dmods;
mod dump;
mod echo;
mod eval;
mod examine;
mod files;
mod findjsobjects;
mod findstack;
mod findsym;
mod format;
mod formats;
mod fpregs;
mod getenv;
mod grep;
mod group;
mod head;
mod heapsnapshot;
mod help;
mod jsarray;
mod jsbuffers;
mod jsclosure;
mod jsconstructor;
mod jsdominators;
mod jsfindrefs;
mod jsfunction;
mod jsfunctions;
mod jsleaks;
mod jsmap;
mod json;
mod jspath;
mod jsprint;
mod jsretained;
mod jsscripts;
mod jssource;
mod jsstrings;
mod load;
mod log;
mod map;
mod mappings;
mod nm;
mod nmadd;
mod nmdel;
mod nodebuffer;
mod nodeinfo;
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
mod snapshotnode;
mod sort;
mod source;
mod stack;
mod status;
mod strings;
mod sum;
mod symbol_distance;
mod tail;
mod term;
mod thread_id;
mod thread_ids;
mod threads;
mod typeset;
mod ugrep;
mod uniq;
mod unset;
mod v8array;
mod v8classes;
mod v8code;
mod v8context;
mod v8field;
mod v8frametypes;
mod v8function;
mod v8internal;
mod v8map;
mod v8pages;
mod v8print;
mod v8scopeinfo;
mod v8spaces;
mod v8str;
mod v8type;
mod v8types;
mod v8whatis;
mod vars;
mod version;
mod walk;
mod walkers;
mod whatis;
mod r#where;
mod which;
mod xdata;

pub(crate) use findjsobjects::{incompleteness, kind_of};
pub(crate) use help::LANGUAGE;
pub(crate) use jsclosure::innermost as closure_context;
pub(crate) use mappings::name_of;

/// All dcmds, sorted by name.
pub static ALL: &[&Dcmd] = &[
    &source::DCMD,
    &demangling::DCMD,
    &thread_ids::DCMD,
    &prompt::DCMD,
    &radix::DCMD,
    &thread_id::DCMD,
    &symbol_distance::DCMD,
    &page_width::DCMD,
    &examine::DCMD,
    &format::DCMD,
    &assign::DCMD,
    &auxv::DCMD,
    &cat::DCMD,
    &context::DCMD,
    &count::DCMD,
    &dcmds::DCMD,
    &dem::DCMD,
    &diff::DCMD,
    &dis::DCMD,
    &dismode::DCMD,
    &dmods::DCMD,
    &dump::DCMD,
    &echo::DCMD,
    &eval::DCMD,
    &files::DCMD,
    &findjsobjects::DCMD,
    &findstack::DCMD,
    &findsym::DCMD,
    &formats::DCMD,
    &fpregs::DCMD,
    &getenv::DCMD,
    &grep::DCMD,
    &group::DCMD,
    &head::DCMD,
    &heapsnapshot::DCMD,
    &help::DCMD,
    &jsarray::DCMD,
    &jsbuffers::DCMD,
    &jsclosure::DCMD,
    &jsconstructor::DCMD,
    &jsdominators::DCMD,
    &jsfindrefs::DCMD,
    &jsfunction::DCMD,
    &jsfunctions::DCMD,
    &jsleaks::DCMD,
    &jsmap::DCMD,
    &json::DCMD,
    &jspath::DCMD,
    &jsprint::DCMD,
    &jsretained::DCMD,
    &jsscripts::DCMD,
    &jssource::DCMD,
    &jsstrings::DCMD,
    &load::DCMD,
    &log::DCMD,
    &map::DCMD,
    &mappings::DCMD,
    &nm::DCMD,
    &nmadd::DCMD,
    &nmdel::DCMD,
    &nodebuffer::DCMD,
    &nodeinfo::DCMD,
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
    &snapshotnode::DCMD,
    &sort::DCMD,
    &stack::DCMD,
    &status::DCMD,
    &strings::DCMD,
    &sum::DCMD,
    &tail::DCMD,
    &term::DCMD,
    &threads::DCMD,
    &typeset::DCMD,
    &ugrep::DCMD,
    &uniq::DCMD,
    &unset::DCMD,
    &v8array::DCMD,
    &v8classes::DCMD,
    &v8code::DCMD,
    &v8context::DCMD,
    &v8field::DCMD,
    &v8frametypes::DCMD,
    &v8function::DCMD,
    &v8internal::DCMD,
    &v8map::DCMD,
    &v8pages::DCMD,
    &v8print::DCMD,
    &v8scopeinfo::DCMD,
    &v8spaces::DCMD,
    &v8str::DCMD,
    &v8type::DCMD,
    &v8types::DCMD,
    &v8whatis::DCMD,
    &vars::DCMD,
    &version::DCMD,
    &walk::DCMD,
    &walkers::DCMD,
    &whatis::DCMD,
    &r#where::DCMD,
    &which::DCMD,
    &xdata::DCMD,
];

/// All walkers, sorted by name.
pub static WALKERS: &[&Walker] = &[
    &ISOLATE,
    &JSCLOSURE,
    &JSCONTEXT,
    &JSELEMENT,
    &JSFUNCTION,
    &JSGLOBAL,
    &JSMAPENTRY,
    &JSOBJECT,
    &JSPROP,
    &JSSCRIPT,
    &JSSTRING,
    &PAGE,
    &walk::THREAD,
    &V8CONTEXT,
    &V8MAP,
    &V8OBJECT,
];

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
