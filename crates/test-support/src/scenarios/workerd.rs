//! `kinds` in workerd, whose pointers are compressed: a core of it ships, and `cargo xtask embedders` takes others.

use std::path::PathBuf;

use anyhow::Result;

use super::constructors::Counts;
use super::facts::Facts;
use super::shipped::{ShippedCore, read, with_ending};
use super::testdata;

/// Objects of the class that only the worker has.
pub const SESSIONS: u64 = 1003;

/// Facts of what workerd has none of, or forbids: contexts, modules and functions from strings, objects of Node.js.
const LEFT_OUT: [&str; 11] = [
    "contexts.",
    "modules.",
    "natives.",
    "arguments.sloppy",
    "functions.made",
    "functions.closureOverMany",
    "collections.weakRef",
    "collections.finalization",
    // Buffers are called after their class, Uint8Array.
    "binary.pooled",
    "binary.own",
    "binary.none",
];

/// The core that ships, without the ending of its name.
pub fn shipped() -> PathBuf {
    testdata().join("cores/kinds-workerd")
}

/// The core that ships, compressed.
pub fn core() -> PathBuf {
    with_ending(shipped(), "core.zst")
}

/// Objects by constructor in the core that ships, as V8's own heap snapshot of the process counts them.
///
/// # Errors
/// The file beside the core cannot be read.
pub fn truth() -> Result<Counts> {
    read(with_ending(shipped(), "constructors.json"))
}

/// What the program leaves in its heap.
///
/// # Errors
/// The facts of `kinds` cannot be read.
pub fn facts() -> Result<Facts> {
    let mut facts = ShippedCore { scenario: "kinds", line: 24 }.facts()?;
    let is_left_out = |path: &str| LEFT_OUT.iter().any(|left_out| path.starts_with(left_out));
    facts.counts.remove("Foreigner");
    facts.counts.insert("Session".to_owned(), SESSIONS);
    facts.values.retain(|path, _| !is_left_out(path));
    facts.closures.retain(|path, _| !is_left_out(path));
    facts.built.clear();
    Ok(facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_of_what_workerd_lacks_are_left_out() {
        let facts = facts().unwrap();
        assert!(facts.values.len() > 180, "{}", facts.values.len());
        assert!(!facts.values.keys().any(|path| path.starts_with("natives.")));
        assert_eq!(facts.counts["Session"], SESSIONS);
    }
}
