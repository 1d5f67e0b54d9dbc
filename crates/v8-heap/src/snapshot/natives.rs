//! C++ objects of Node.js behind objects of the heap.
//!
//! V8 asks Node.js for them (`v8::EmbedderGraph`), and Node.js gives each the name and size that its class says
//! (`src/memory_tracker-inl.h`). Both refer to each other:
//!
//! ```text
//!   object Zlib --internal "javascript_to_native"--> native "Node / ZlibStream"
//!               <--internal "native_to_javascript"--
//! ```
//!
//! Of what such an object consists nothing is told: only the code of its class knows it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::kinds::EdgeKind;
use super::reference::{Edge, Label, Name, Target};
use crate::graph::ObjectSet;
use crate::heap::Heap;
use crate::index::ObjectTable;
use crate::layout::native::memory_retainer::WITHOUT_NODE;
use crate::questions::Retainer;
use crate::{Monitor, Result};

/// Those in a snapshot.
#[derive(Default)]
pub(super) struct Natives {
    /// With the numbers of their objects.
    all: Vec<(u32, Retainer)>,
    /// Places by these numbers.
    by_object: HashMap<u32, u32>,
}

impl Natives {
    /// Those behind the objects that a snapshot has.
    pub fn find(
        heap: &Heap<'_>,
        table: &ObjectTable,
        included: &ObjectSet,
        monitor: &dyn Monitor,
    ) -> Result<Natives> {
        let mut found = Natives::default();
        for native in heap.native_objects(monitor)? {
            let id = native.object.strong().and_then(|address| table.id_at(heap.spaces(), address));
            let Some(id) = id.map(|id| id.0).filter(|id| included.contains(*id)) else { continue };
            let Some(retainer) = heap.retainer(native.address) else { continue };
            if WITHOUT_NODE.contains(&retainer.name.as_str()) {
                continue;
            }
            if let Entry::Vacant(free) = found.by_object.entry(id) {
                free.insert(found.all.len() as u32);
                found.all.push((id, retainer));
            }
        }
        Ok(found)
    }

    pub fn name(&self, place: u32) -> &str {
        self.all.get(place as usize).map_or("", |(_, retainer)| &retainer.name)
    }

    /// In the order of their places: the number of the object, and the size in bytes.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.all.iter().map(|(id, retainer)| (*id, retainer.size))
    }

    /// The reference of an object to the one behind it.
    pub fn edge_of(&self, id: u32) -> Option<Edge> {
        let place = self.by_object.get(&id)?;
        let label = Label::Name(Name::Static("javascript_to_native"));
        Some(Edge { kind: EdgeKind::Internal, label, target: Target::Native(*place) })
    }
}
