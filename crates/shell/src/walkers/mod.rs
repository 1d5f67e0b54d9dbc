//! Walkers over the JavaScript heap.

mod members;
mod objects;

pub(crate) use members::{JSELEMENT, JSPROP};
pub(crate) use objects::{JSGLOBAL, JSOBJECT};
