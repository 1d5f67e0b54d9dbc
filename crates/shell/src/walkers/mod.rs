//! The walkers: a few to a file, and one list.

use crate::spelling::nearest;
use crate::walker::Walker;

mod blocks;
mod functions;
mod internals;
mod members;
mod objects;
mod spaces;
mod threads;

use blocks::{FREED, MALLOC};
use functions::{JSCLOSURE, JSCONTEXT, JSFUNCTION, JSSCRIPT};
use internals::{V8CONTEXT, V8MAP, V8OBJECT};
use members::{JSELEMENT, JSMAPENTRY, JSPROP};
use objects::{JSGLOBAL, JSOBJECT, JSSTRING};
use spaces::{ISOLATE, PAGE};
use threads::{JSFRAME, THREAD};

/// All walkers, sorted by name.
pub static WALKERS: &[&Walker] = &[
    &FREED,
    &ISOLATE,
    &JSCLOSURE,
    &JSCONTEXT,
    &JSELEMENT,
    &JSFRAME,
    &JSFUNCTION,
    &JSGLOBAL,
    &JSMAPENTRY,
    &JSOBJECT,
    &JSPROP,
    &JSSCRIPT,
    &JSSTRING,
    &MALLOC,
    &PAGE,
    &THREAD,
    &V8CONTEXT,
    &V8MAP,
    &V8OBJECT,
];

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
