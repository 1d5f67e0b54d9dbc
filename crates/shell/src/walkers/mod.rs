//! Walkers over the JavaScript heap.

mod functions;
mod internals;
mod members;
mod objects;
mod spaces;

pub(crate) use functions::{JSCLOSURE, JSCONTEXT, JSFUNCTION, JSSCRIPT};
pub(crate) use internals::{V8CONTEXT, V8MAP, V8OBJECT};
pub(crate) use members::{JSELEMENT, JSMAPENTRY, JSPROP};
pub(crate) use objects::{JSGLOBAL, JSOBJECT, JSSTRING};
pub(crate) use spaces::{ISOLATE, PAGE};
