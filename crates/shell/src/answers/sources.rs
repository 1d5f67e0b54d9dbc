//! The sources of graphs and of values: which one is open, and what a heap in a core says as one.

use v8_heap::graph::{Dominators, Graph, Life, Rows};
use v8_heap::index::{ObjectId, ObjectTable};
use v8_heap::questions::OwnedGroup;
use v8_heap::{Heap, Monitor, NameId, Tagged};

use crate::answers::kinds::set_of;
use crate::answers::retention::{address, alive, label, manner_of, object_at, open};
use crate::answers::source::Source;
use crate::context::Context;
use crate::error::DcmdError;
use crate::jsexpr::{OfHeap, Values};
use crate::of_snapshot::{OfSnapshot, SnapshotSource};
use crate::value::Item;

/// The source of the graph of what is open.
///
/// # Errors
/// There is none, or it cannot be read.
pub(crate) fn source<'c>(
    context: &'c Context,
    monitor: &dyn Monitor,
) -> Result<Box<dyn Source + 'c>, DcmdError> {
    match context.snapshot() {
        Some(_) => Ok(Box::new(SnapshotSource::open(context, monitor)?)),
        None => {
            let (heap, table) = open(context, monitor)?;
            Ok(Box::new(CoreSource { context, heap, table }))
        }
    }
}

/// The values of expressions on what is open.
///
/// # Errors
/// There is nothing that has values, or it cannot be read.
pub(crate) fn values(context: &Context) -> Result<Box<dyn Values + '_>, DcmdError> {
    let monitor = Box::new(context.progress());
    match context.snapshot() {
        Some(_) => Ok(Box::new(OfSnapshot::new(SnapshotSource::open(context, &*monitor)?, monitor))),
        None => Ok(Box::new(OfHeap::new(context.heap()?, monitor))),
    }
}

/// A heap in a core.
struct CoreSource<'c> {
    context: &'c Context,
    heap: &'c Heap<'static>,
    table: &'c ObjectTable,
}

impl Source for CoreSource<'_> {
    fn find(&self, word: u64) -> Result<u32, DcmdError> {
        Ok(object_at(self.heap, self.table, Tagged(word))?.0)
    }

    fn set(&self, item: Item, monitor: &dyn Monitor) -> Result<Vec<u32>, DcmdError> {
        Ok(set_of(self.context, item, monitor)?.into_iter().map(|id| id.0).collect())
    }

    fn word(&self, id: u32) -> u64 {
        address(self.table, ObjectId(id)).0
    }

    fn shown(&self, id: u32) -> String {
        format!("{:x}", self.word(id))
    }

    fn json(&self, id: u32) -> String {
        format!("0x{:x}", self.word(id))
    }

    fn label(&self, id: u32) -> String {
        let object = self.heap.object_by_id(self.table, ObjectId(id));
        object.map_or(String::new(), |object| label(self.heap, object))
    }

    fn constructor_of(&self, id: u32) -> String {
        let object = self.heap.object_by_id(self.table, ObjectId(id));
        let name = object.map(|object| self.heap.name(self.heap.constructor_name(object)));
        name.unwrap_or_default().to_owned()
    }

    fn name(&self, name: NameId) -> String {
        self.heap.name(name).to_owned()
    }

    fn must_live(&self, id: u32, least: Life, monitor: &dyn Monitor) -> Result<(), DcmdError> {
        alive(self.heap, self.table, ObjectId(id), least, monitor)
    }

    fn graph(&self, monitor: &dyn Monitor) -> Result<&Graph, DcmdError> {
        Ok(self.heap.graph(monitor)?)
    }

    fn dominators(&self, monitor: &dyn Monitor) -> Result<&Dominators, DcmdError> {
        Ok(self.heap.dominators(monitor)?)
    }

    fn seeds(&self, monitor: &dyn Monitor) -> Result<Vec<u32>, DcmdError> {
        Ok(self.heap.roots(monitor)?.all().iter().map(|root| root.target).collect())
    }

    fn owned_by(
        &self,
        owners: &[u32],
        below: &Rows,
        monitor: &dyn Monitor,
    ) -> Result<Vec<OwnedGroup>, DcmdError> {
        Ok(self.heap.owned_by(owners, below, monitor)?)
    }

    fn manner(&self, holder: u32, held: u32, monitor: &dyn Monitor) -> Option<String> {
        let object = |id: u32| self.heap.object_by_id(self.table, ObjectId(id));
        let (holder, held) = (object(holder)?, object(held)?);
        manner_of(self.heap, holder, held.value(), &|| monitor.cancelled())
    }
}
