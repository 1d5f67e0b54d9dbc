//! What is asked of a whole heap: each file adds to [`crate::Heap`] the answers to one sort of question.

mod census;
mod class_check;
mod commonjs;
mod essential;
mod functions;
pub mod last_collections;
mod machine_code;
mod many_paths;
mod members;
mod ownership;
mod paths;
mod provenance;
mod references;
mod self_check;
mod space_statistics;
mod string_entry;
mod strings;
mod suspects;
mod texts;
mod whereabouts;

pub use census::{Census, Lives};
pub use class_check::{ClassCheck, Contradiction};
pub use commonjs::CommonJsModule;
pub use last_collections::HeapLimit;
pub use machine_code::CodePlace;
pub use ownership::OwnedGroup;
pub use paths::Hold;
pub use references::{How, ROUNDS, Reference, ReferenceKind, Rounds, Scope, Step};
pub use space_statistics::{ExternalMemory, ExternalStrings, Space, SpaceContents, SpaceCounters};
pub use string_entry::{Representation, StringEntry};
pub use strings::{Duplicate, StringQuery, Strings, totals as string_totals};
pub(crate) use texts::{LONG, Member};
pub use whereabouts::Whereabouts;
