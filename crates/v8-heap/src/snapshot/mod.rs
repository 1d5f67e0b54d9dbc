//! The heap as a heap snapshot: the file that V8 writes for Chrome's developer tools, made from a core.
//!
//! What V8 says of a heap follows rules that are all in `src/profiler/heap-snapshot-generator.cc`; these modules follow
//! them for the version at hand, so that nodes, names, sizes and references are those that V8 itself would have written.
//!
//! ```text
//!   object --plan--> references, named and numbered        reference, plan, pairs
//!          \-------> kind, name, size                      node, tags
//!   roots  --------> nodes at the top                      roots
//!                              \--> names, the file        names, write
//! ```
//!
//! C++ objects of the embedder, and what these consist of, are those that it tells V8 itself (`natives`). What is different: code that V8
//! brings along is called by name only where somebody knows the names, and roots are grouped by what is known of them.
//!
//! The id of an object is twice its number plus one ([`node_id`]): it leads back to the core.

mod builtins;
mod essential;
mod kinds;
mod names;
mod natives;
mod node;
mod pairs;
mod plan;
mod reference;
mod roots;
mod tags;
mod write;

use std::io::{Seek, Write};

use core_reader::Symbols;

use crate::embedder_graph::{Reason, Told};
use crate::graph::{Graph, Liveness, ObjectSet};
use crate::heap::Heap;
use crate::index::{ObjectId, ObjectTable};
use crate::layout::{Kind, StringShape};
use crate::objects::place::FieldValue;
use crate::objects::value::HeapObject;
use crate::{Monitor, Result, Tagged};

use builtins::Builtins;
use essential::Essential;
use names::Texts;
use natives::Natives;
use node::Namer;
use pairs::Pairs;
use plan::Plans;
use reference::Explorer;
use tags::Tags;
use write::{Places, Writing};

pub use kinds::{EdgeKind, NodeKind};

/// Which objects a snapshot has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Those that the roots certainly keep alive, as V8's own has.
    Living,
    /// Garbage too.
    All,
    /// One object, and what would be freed with it. References to others are left out.
    Retained(ObjectId),
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotSize {
    /// Objects, groups of roots, and buffers' memory.
    pub nodes: u64,
    /// References.
    pub edges: u64,
    /// Sum of the nodes' own sizes, in bytes.
    pub bytes_of_objects: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// How much Node.js could be asked of its C++ objects.
    pub natives: Told,
    /// Why V8 could not be asked for the C++ objects that it collects itself.
    pub lacks_collected: Option<Reason>,
}

/// The id of an object's node.
pub fn node_id(id: u32) -> u64 {
    2 * u64::from(id) + 1
}

/// The object whose node has this id.
pub fn object_of_node(node: u64) -> Option<ObjectId> {
    (node % 2 == 1).then(|| u32::try_from(node / 2).ok()).flatten().map(ObjectId)
}

/// What a snapshot is made of.
pub(crate) struct Subject<'a, 't> {
    heap: &'a Heap<'t>,
    table: &'a ObjectTable,
    graph: &'a Graph,
    liveness: &'a Liveness,
    included: ObjectSet,
    /// Memory of buffers, by address, with its size in bytes.
    memory: Vec<(u64, u64)>,
}

impl Subject<'_, '_> {
    /// Bytes that count as the object's own.
    fn self_size(&self, id: u32, object: HeapObject<'_>, is_read_only: bool) -> u64 {
        if self.heap.layout().facts.snapshots.count_heap_only {
            return self.graph.size(id);
        }
        let is_external = object.kind() == Kind::String
            && matches!(object.map.string_shape(), Some(StringShape::External { .. }));
        let inside = if is_read_only { 0 } else { self.graph.size(id) };
        inside + if is_external { self.graph.outside(id) } else { 0 }
    }
}

impl<'t> Heap<'t> {
    /// Writes a heap snapshot.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] if the monitor says so; [`crate::Error::Write`]; those of the graph.
    pub fn write_snapshot(
        &self,
        extent: Extent,
        symbols: &dyn Symbols,
        out: &mut (impl Write + Seek),
        monitor: &dyn Monitor,
    ) -> Result<SnapshotSize> {
        let table = self.objects(monitor)?;
        let graph = self.graph(monitor)?;
        let liveness = self.liveness(monitor)?;
        let included = self.included(extent, table, liveness, monitor)?;
        let mut memory: Vec<(u64, u64)> = Vec::new();
        for owned in graph.owned.iter().filter(|owned| included.contains(owned.owner)) {
            let map = table.map_of(ObjectId(owned.owner)).map(|map| self.map(map));
            if map.is_some_and(|map| map.kind == Kind::JsArrayBuffer) {
                memory.push((owned.address, owned.bytes));
            }
        }
        memory.sort_unstable();
        let subject = Subject { heap: self, table, graph, liveness, included, memory };
        let includes = |id: u32| subject.included.contains(id);
        let essential = Essential::find(self, table);
        let plans = Plans::new(self);
        let tags = Tags::find(self, table, &plans, &essential, &includes, monitor)?;
        let pairs = Pairs::find(self, table, &includes, monitor)?;
        let explorer = Explorer { heap: self, plans, essential, dispatch: graph.dispatch_table(), pairs };
        let namer = Namer::new(self, &explorer.plans, &tags);
        let builtins = Builtins::find(self, table, symbols);
        let natives = Natives::find(self, symbols, table, (extent, &subject.included), monitor)?;
        let texts =
            Texts { heap: self, table, namer: &namer, pairs: &explorer.pairs, natives: &natives, builtins };
        let synthetic = roots::synthetic(&subject, extent, &natives.roots, monitor)?;
        let places = Places::of(&subject.included, synthetic.len() as u32);
        let objects_end = (synthetic.len() + subject.included.len()) as u32;
        let mut size = Writing {
            subject: &subject,
            explorer: &explorer,
            texts: &texts,
            synthetic: &synthetic,
            places,
            objects_end,
        }
        .write(out, monitor)?;
        (size.natives, size.lacks_collected) = (natives.told, natives.lacks_collected);
        Ok(size)
    }

    fn included(
        &self,
        extent: Extent,
        table: &ObjectTable,
        liveness: &Liveness,
        monitor: &dyn Monitor,
    ) -> Result<ObjectSet> {
        let included = ObjectSet::new(table.len());
        match extent {
            Extent::All => (0..table.len() as u32).for_each(|id| {
                included.insert(id);
            }),
            Extent::Living => return Ok(liveness.living()),
            Extent::Retained(ObjectId(top)) => {
                let dominators = self.dominators(monitor)?;
                included.insert(top);
                // Each comes behind its dominator.
                for &id in dominators.order() {
                    if dominators.above(id).is_some_and(|above| included.contains(above)) {
                        included.insert(id);
                    }
                }
            }
        }
        Ok(included)
    }
}

/// What sort of code a `Code` is, by V8's name.
fn code_kind(heap: &Heap<'_>, code: HeapObject<'_>) -> Option<&'static str> {
    match heap.named_field(code, "flags").ok()? {
        FieldValue::Unsigned(flags) => heap.layout().value_name("CodeFlags", "kind", flags & 15),
        _ => None,
    }
}

/// A tagged field of an object, by V8's name.
fn tagged_field(heap: &Heap<'_>, object: HeapObject<'_>, name: &'static str) -> Option<Tagged> {
    match heap.named_field(object, name).ok()? {
        FieldValue::Tagged(word) => Some(word),
        _ => None,
    }
}
