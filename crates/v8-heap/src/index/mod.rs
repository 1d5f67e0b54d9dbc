//! What is computed once over the whole heap and then asked: the table of objects, their kinds, who refers to whom.

mod buffers;
mod functions;
mod kinds;
mod object_table;
pub(crate) mod parallel;
mod references;
pub(crate) mod ropes;
mod strings;

pub use buffers::{BackingStore, Buffers, StoreKind, Views};
pub use functions::{Definition, Functions};
pub use kinds::{Group, GroupId, Kinds, Statistics};
pub use object_table::{ObjectId, ObjectTable, PageUsage, WalkSummary};
pub use references::{How, ROUNDS, Reference, ReferenceKind, Rounds, Scope, Step};
pub use strings::{Duplicate, Representation, StringEntry, StringQuery, Strings, totals as string_totals};
