//! The object graph: who holds whom.
//!
//! Nodes are the objects of the table, by number. An edge is a pointer that keeps its target alive; those into read-only
//! pages are left out, as nothing there ever dies. Edges are kept in compressed rows, 4 bytes each, and do not say what they
//! are: that follows from the words of the holder, and is read when it is shown.
//!
//! ```text
//!   starts   [0, 2, 2, 5, ...]        edges of object n: targets[starts[n]..starts[n + 1]]
//!   targets  [7, 9, 0, 4, 4, ...]
//! ```
//!
//! The value of an ephemeron (an entry of a WeakMap) lives as long as both its key and its table. It is no edge, but kept as
//! such a triple. As there is only one line above each object in a tree of dominators, a value hangs below its key.

mod background_handles;
mod census;
mod cpp_objects;
mod dominators;
mod global_handles;
mod handles;
mod kept;
mod liveness;
mod native_memory;
mod object_graph;
mod objects;
mod paths;
mod plan;
mod root_finder;
mod root_search;
mod roots;
mod scratch;
mod stacks;
mod suspects;

pub(crate) use census::Tally;
pub(crate) use cpp_objects::{CppObjects, cpp_heap_of};
pub use dominators::NOBODY as NO_OBJECT;
pub(crate) use dominators::NOBODY;
pub use dominators::{Dominators, RetainedBytes};
pub(crate) use global_handles::GlobalHandles;
pub(crate) use kept::{RetainedByKind, Suspects};
pub use liveness::{Cuts, Life, Liveness, ObjectSet};
pub use objects::{Objects, Passage};
pub use paths::RetainingPath;
pub(crate) use paths::internal_maps;
pub use roots::{Root, RootKind, Roots};
pub use suspects::{Gatherer, Suspect};

pub(crate) use plan::DispatchTable;

pub use object_graph::{AllOwned, Ephemeron, Graph, Owned, Rows};
pub(crate) use object_graph::{
    BETWEEN_LOOKS, code_holds_weakly, embedded_words, placed_words, references_of_page,
};
