//! What is computed once over the whole heap and then asked: the table of objects, their kinds, who refers to whom.

mod functions;
mod kinds;
mod object_table;
pub(crate) mod parallel;
mod references;

pub use functions::{Definition, Functions};
pub use kinds::{Group, GroupId, Kinds, Statistics};
pub use object_table::{ObjectId, ObjectTable, WalkSummary};
pub use references::{Reference, ReferenceKind};
