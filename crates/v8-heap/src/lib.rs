//! The V8 heap of a dumped process: every object, and what it means to the program.
//!
//! # What a V8 heap is
//!
//! A process has one *isolate* for its main thread and one for each worker thread. An isolate owns a *heap*: pages of
//! 256 KiB, each in one *space* (young, old, code, large objects, ...), and each filled from end to end with objects, one
//! behind the other. Read-only pages, with what every program needs, belong to all isolates.
//!
//! ```text
//!  thread --> Isolate                      page, 256 KiB aligned
//!               Heap <------------- heap   +--------+--------+------+--------+-- ... --+-----------+
//!               spaces <----------- owner  | header | object | free | object |         | top..limit|
//!                                          +--------+---|----+------+--------+-- ... --+-----------+
//!                                                       |
//!        +----------------------------------------------+
//!        v
//!   +0  map ---------> Map: size, type, elements kind      (its own first word: the meta map, whose map is itself)
//!   +8  properties       prototype ----------> object
//!  +16  elements         constructor --------> JSFunction --> SharedFunctionInfo --> name
//!  +24  field 0          descriptors --------> name, details, value; name, details, value; ...
//!  +32  field 1
//! ```
//!
//! Every word that holds a JavaScript value is *tagged*: a small integer, or the address of an object plus 1
//! ([`Tagged`]). The first word of every object points to its *map*, which says how large the object is and what its words
//! mean; a map is an object too, and its map is a *meta map*, which is its own map. So two things can be found in
//! memory that nobody describes: a page by its header, and a map by its map. All else follows from them and from one
//! [`layout::Layout`], which knows what differs from one V8 version to the next.
//!
//! # Reading order
//!
//! 1. `tagged`, `map`: words and shapes. [`layout`]: everything that a version can change, and where each fact came from.
//! 2. [`isolate`]: from memory to pages, and which of their parts hold objects: not the open allocation areas, not the
//!    unused semispace. Pages whose header is lost are known by their objects.
//! 3. `walk`: a page from object to object, over gaps. [`index`]: all objects by dense number, by kind, and who refers to
//!    whom.
//! 4. [`objects`], `properties`, `constructor`: what one object is to the program.
//! 5. [`graph`]: who holds whom, and what is alive. [`compare`]: what has grown from one heap to another, of another process.
//! 6. `self_check`: whether all this fits the heap at hand ([`Heap::self_check`]); `version`, `essential`: which V8 it
//!    is, and what of its memory a smaller core must keep.
//!
//! # Promises
//!
//! Memory is hostile. Each decoder gives a value or an [`Error`], whatever the bytes; counts are bounded by the page they
//! are in, chains by a cycle guard, and the whole by the memory that the core holds. What the core lacks is said to be
//! missing; what could not be understood is reported as a [`Gap`].
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod body;
mod class_check;
pub mod compare;
mod constructor;
mod error;
mod essential;
pub mod graph;
mod heap;
pub mod index;
pub mod isolate;
pub mod layout;
mod map;
mod monitor;
mod node_runtime;
pub mod objects;
mod properties;
mod self_check;
pub mod snapshot;
mod store;
mod tagged;
mod version;
mod walk;
mod well_known;
mod whereabouts;
mod words;

pub use body::{Body, ObjectWords, Word};
pub use class_check::{ClassCheck, Contradiction};
pub use constructor::NameId;
pub use error::{Error, Result};
pub use essential::CURRENT_ISOLATE;
pub use heap::Heap;
pub use map::{Map, MapId};
pub use monitor::{Monitor, Unattended};
pub use node_runtime::{EventLoop, NodeRuntime};
pub use properties::{Property, PropertyValue, Shape, ShapeProperty};
pub use self_check::SelfCheck;
pub use store::{KeptPart, Store};
pub use tagged::Tagged;
pub use version::V8Version;
pub use walk::Gap;
pub use whereabouts::Whereabouts;
