//! Builds ELF cores and V8 heaps in code, for tests.
