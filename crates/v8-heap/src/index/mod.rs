//! What is computed once over the whole heap and then asked: the table of objects, their kinds, their definitions, their buffers.

mod buffers;
mod functions;
mod kinds;
mod map_of;
mod map_set;
mod node_process;
mod object_table;
pub(crate) mod parallel;

pub use buffers::{BackingStore, Buffers, StoreKind, Views};
pub use functions::{Definition, Functions};
pub(crate) use kinds::Grouping;
pub use kinds::{Group, GroupId, Kinds, Statistics};
pub(crate) use map_of::MapOf;
pub(crate) use map_set::MapSet;
pub use node_process::NodeProcess;
pub use object_table::{ObjectId, ObjectTable, PageUsage, WalkSummary};
