//! Walkers over the JavaScript heap.

mod internals;
mod members;
mod objects;

pub(crate) use internals::{V8CONTEXT, V8MAP, V8OBJECT};
pub(crate) use members::{JSELEMENT, JSPROP};
pub(crate) use objects::{JSGLOBAL, JSOBJECT};
