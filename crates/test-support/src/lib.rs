//! For tests: builds ELF cores and V8 heaps in code, and knows what the cores in `testdata/` hold; reads the source of a crate.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod captured;
pub mod command_lines;
pub mod elf_core;
pub mod scenarios;
pub mod source;
pub mod v8_heap;
