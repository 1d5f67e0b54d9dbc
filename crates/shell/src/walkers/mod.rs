//! Walkers over the JavaScript heap.

mod members;
mod objects;
mod spaces;

pub(crate) use members::{JSELEMENT, JSMAPENTRY, JSPROP};
pub(crate) use objects::{JSGLOBAL, JSOBJECT, JSSTRING};
pub(crate) use spaces::{ISOLATE, PAGE};
