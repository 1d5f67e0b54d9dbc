//! The V8 heap of a dumped process.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod constructor;
mod error;
mod essential;
mod heap;
pub mod index;
pub mod isolate;
pub mod layout;
mod map;
mod monitor;
pub mod objects;
mod properties;
mod self_check;
mod tagged;
mod version;
mod walk;
mod well_known;
mod words;

pub use constructor::NameId;
pub use error::{Error, Result};
pub use essential::CURRENT_ISOLATE;
pub use heap::Heap;
pub use map::{Map, MapId};
pub use monitor::{Monitor, Unattended};
pub use properties::{Property, PropertyValue, Shape, ShapeProperty};
pub use self_check::SelfCheck;
pub use tagged::Tagged;
pub use version::V8Version;
pub use walk::Gap;
