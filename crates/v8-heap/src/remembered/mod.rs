//! What a view remembers of what it has read: names, lines of sources, variables of functions, texts of ropes, objects that every V8 has. Data alone; what
//! fills it is with the objects that it comes from.

pub(crate) mod lines;
pub(crate) mod locals;
pub(crate) mod module_variables;
pub(crate) mod names;
pub(crate) mod rope_texts;
pub(crate) mod well_known;
