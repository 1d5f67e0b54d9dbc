//! The V8 heap of a dumped process.
