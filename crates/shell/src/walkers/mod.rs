//! Walkers over the JavaScript heap.

mod functions;
mod members;
mod objects;
mod spaces;

pub(crate) use functions::{JSCLOSURE, JSCONTEXT, JSFUNCTION, JSSCRIPT};
pub(crate) use members::{JSELEMENT, JSPROP};
pub(crate) use objects::{JSGLOBAL, JSOBJECT};
pub(crate) use spaces::{ISOLATE, PAGE};
