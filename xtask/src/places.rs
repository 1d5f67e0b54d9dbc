//! Where things are: the workspace, the cache, the debugger's binary.

use std::env;
use std::path::{Path, PathBuf};

/// The workspace's root directory.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies one level below the root").to_owned()
}

/// What Cargo builds into.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), |dir| workspace().join(dir))
}

/// Downloads and cores, kept from one run to the next: `$V8MDB_CACHE`, else `target/cache`.
pub fn cache() -> PathBuf {
    env::var_os("V8MDB_CACHE").map_or_else(|| target().join("cache"), PathBuf::from)
}

/// Names another directory for cores than [`cores`] is without it.
pub const CORES: &str = "V8MDB_CORES";

/// Cores that are kept for the next task.
pub fn cores() -> PathBuf {
    env::var_os(CORES).map_or_else(|| cache().join("cores"), PathBuf::from)
}

/// The scenario programs and their facts.
pub fn scenarios() -> PathBuf {
    workspace().join("testdata/scenarios")
}

/// `v8mdb` as a release build leaves it.
pub fn debugger() -> PathBuf {
    target().join("release/v8mdb")
}
