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
//! # An example
//!
//! How many objects of a class are alive, and what one of them holds:
//!
//! ```
//! use core_reader::{Core, OpenOptions};
//! use v8_heap::questions::Lives;
//! use v8_heap::{Heap, Unattended};
//!
//! let core = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/cores/leak-24.core.zst");
//! let core = Core::open(&OpenOptions { core: core.into(), ..OpenOptions::default() })?;
//! let heap = Heap::open(core.memory(), core.symbols(), core.threads())?;
//!
//! let census = heap.census(Lives::Living, &Unattended)?;
//! for (_, group) in census.groups() {
//!     if heap.name(group.constructor) == "UpstreamConnection" {
//!         assert_eq!(group.count, 800);
//!         let table = heap.objects(&Unattended)?;
//!         let one = heap.object_by_id(table, group.representative).ok_or("no object")?;
//!         let names = heap.own_properties(one)?.into_iter().filter_map(|own| heap.name_text(own.name));
//!         assert_eq!(names.collect::<Vec<_>>(), ["request", "limits", "pending", "load", "resume"]);
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Reading order
//!
//! Each room knows those above it in this list, and none below it; `tests/source.rs` sees to that.
//!
//! 1. `tagged`; [`layout`]: everything that a version can change, and where each fact came from; `version`: which V8 it is.
//! 2. [`isolate`]: from memory to pages, and which of their parts hold objects: not the open allocation areas, not the
//!    unused semispace. Pages whose header is lost are known by their objects (`salvage`).
//! 3. `shape`: maps, what each word of an object is, and a page from object to object, over gaps. [`source_scopes`]: the
//!    registers of a function's variables by its source, without a heap. `remembered`: what has been read once.
//! 4. [`View`]: all of this together. [`objects`]: what one object is to the program, one file for each sort.
//! 5. [`index`]: all objects by dense number, by kind. [`graph`]: who holds whom, and what is alive. `self_check`: whether the
//!    layout fits the heap at hand. `store`: parts of this that are kept from one session to the next.
//! 6. [`Heap`] keeps what has been computed. [`questions`]: what is asked of it.
//!    [`pending`]: what the process waits for.
//! 7. [`snapshot`]: the heap as V8's own tools read it. [`snapshot_file`]: such a file, read back: another source of the same graph. [`compare`]: what has grown from one heap to another, of another process.
//! 8. [`fuzzing`]: pieces of a heap that are read again while its memory changes, for the fuzz targets.
//!
//! # Promises
//!
//! Memory is hostile. Each decoder gives a value or an [`Error`], whatever the bytes; counts are bounded by the page they
//! are in, chains by a cycle guard, and the whole by the memory that the core holds. What the core lacks is said to be
//! missing; what could not be understood is reported as a [`Gap`].
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod address_map;
pub mod code_units;
pub mod compare;

pub mod embedder_graph;
mod error;
#[doc(hidden)]
pub mod fuzzing;
pub mod graph;
mod heap;
pub mod index;
pub mod isolate;
pub mod layout;
mod monitor;
mod node_runtime;
pub mod objects;
pub mod pending;
pub mod questions;
mod remembered;
mod self_check;
mod shape;
pub mod snapshot;
pub mod snapshot_file;
pub mod source_scopes;
mod store;
mod tagged;
mod version;
mod view;
mod words;

pub use error::{Error, Result};
pub use heap::Heap;
pub use isolate::CURRENT_ISOLATE;
pub use monitor::{Monitor, Unattended};
pub use node_runtime::{EventLoop, NodeRuntime};
pub use objects::object_words::ObjectWords;
pub use objects::properties::{Property, PropertyValue};
pub use questions::{ClassCheck, Contradiction, Whereabouts};
pub use remembered::names::NameId;
pub use self_check::SelfCheck;
pub use shape::body::{Body, Word};
pub use shape::map::{Map, MapId};
pub use shape::named_properties::{Shape, ShapeProperty};
pub use shape::walk::Gap;
pub use store::{KeptPart, Store};
pub use tagged::{Encoding, Tagged};
pub use version::{Embedder, V8Version};
pub use view::View;
