//! Walkers over the JavaScript heap.

mod functions;
mod members;
mod objects;

pub(crate) use functions::{JSCLOSURE, JSCONTEXT, JSFUNCTION, JSSCRIPT};
pub(crate) use members::{JSELEMENT, JSPROP};
pub(crate) use objects::{JSGLOBAL, JSOBJECT};
