//! The scenarios of `testdata/`: what each leaves in its heap, and whether what the debugger prints says the same.
//!
//! `testdata/README.md` describes the files. Nothing in here knows how the debugger reads a heap: it is run as a program,
//! and its text is read back.

use std::path::{Path, PathBuf};

mod agreement;
pub mod closures;
pub mod constructors;
pub mod debugger;
pub mod definitions;
pub mod facts;
pub mod growth;
pub mod memory_report;
pub mod pending;
pub mod printed;
pub mod shipped;
pub mod verdict;
pub mod workerd;

/// The directory `testdata` of this tree.
pub fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata")
}
