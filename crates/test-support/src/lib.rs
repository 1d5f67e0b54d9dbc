//! Builds ELF cores and V8 heaps in code, for tests.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod elf_core;
pub mod v8_heap;
