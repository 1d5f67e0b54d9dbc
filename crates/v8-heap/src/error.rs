//! What can go wrong when a V8 heap is read from a core.

use core_reader::{Address, MemoryError};

use crate::Tagged;

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a question about the heap has no answer. Local to the value asked about, except where noted.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing in the target looks like V8. Ends the use of the heap.
    #[error("this process shows no V8: {0}")]
    NoV8(String),
    /// The V8 version is known, and no layout for it. Ends the use of the heap.
    #[error(
        "Node.js {} (V8 {v8}) is not supported; supported are the lines {supported}",
        node.as_deref().unwrap_or("of an unknown line")
    )]
    Unsupported {
        /// Version of Node.js, as `18.20.8`, or its line, as `18.x`; none if V8 is not of Node.js.
        node: Option<String>,
        /// Version of V8.
        v8: String,
        /// The lines of Node.js that are, as in `20, 22 and 24`.
        supported: String,
    },
    /// The V8 version is known, but its heap is not laid out as any known layout says. Ends the use of the heap.
    #[error("the heap of V8 {version} does not match the layout known for {layout}: {reason}")]
    LayoutMismatch {
        /// Version found in the process.
        version: String,
        /// Version the layout was made for.
        layout: String,
        /// The check that failed.
        reason: String,
    },
    /// Memory could not be read.
    #[error("cannot read {what} at {:#x}", at.0)]
    Memory {
        /// What was being read, in V8's words.
        what: &'static str,
        /// Where.
        at: Address,
        /// Why not.
        #[source]
        source: MemoryError,
    },
    /// A file could not be written.
    #[error("cannot write")]
    Write(#[source] std::sync::Arc<std::io::Error>),
    /// A word that should point to a heap object does not.
    #[error("{0} is not a heap object")]
    NotAnObject(Tagged),
    /// The first word of an object is no map.
    #[error("no heap object at {object}: its first word {word:#x} does not point to a Map")]
    NoMap {
        /// The object.
        object: Tagged,
        /// What stands in place of the map.
        word: u64,
    },
    /// An object of another type than was asked for.
    #[error("{object} is a {found}, not a {expected}")]
    WrongType {
        /// The object.
        object: Tagged,
        /// Type asked for.
        expected: &'static str,
        /// Type found.
        found: String,
    },
    /// A field whose value is impossible.
    #[error("{what} of {object} is implausible: {found}")]
    Implausible {
        /// Which field, in V8's words.
        what: &'static str,
        /// Whose.
        object: Tagged,
        /// What was found.
        found: String,
    },
    /// The heap has more objects than the index has numbers for them.
    #[error("the heap has more than 2^32 objects, which is more than can be indexed")]
    TooManyObjects,
    /// The objects have more references than the graph has numbers for them.
    #[error("the objects of the heap have more than 2^32 references, which is more than can be indexed")]
    TooManyReferences,
    /// A heap snapshot that says what cannot be.
    #[error("the heap snapshot is damaged at byte {at}, in its {part}: {found}; write or copy it again")]
    SnapshotDamaged {
        /// Which part of it.
        part: &'static str,
        /// Where in the file, in bytes.
        at: u64,
        /// What is there.
        found: String,
    },
    /// A heap snapshot that ends before it is complete.
    #[error(
        "the heap snapshot ends at byte {at}, in the middle of its {part}: it was cut off; write or copy it again"
    )]
    SnapshotCut {
        /// Which part of it.
        part: &'static str,
        /// How long the file is, in bytes.
        at: u64,
    },
    /// A heap snapshot has no node with this id.
    #[error("no node has the id @{0} (ids are decimal behind an @, as in @12345)")]
    NoNode(u64),
    /// The user interrupted.
    #[error("interrupted")]
    Interrupted,
}
