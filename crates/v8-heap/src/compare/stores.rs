//! The memory behind ArrayBuffers, by what it is, who looks at it, and how large it is.

use std::collections::BTreeMap;

use super::{Counted, Sum};
use crate::heap::Heap;
use crate::index::StoreKind;
use crate::{Monitor, Result};

/// Stores of one kind, seen through views of one constructor, of about one size.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoreClass {
    /// What the memory is.
    pub kind: StoreKind,
    /// Constructor of the views that see most of it; empty if there are none.
    pub views: String,
    /// The size in bytes is from this power of two on, and less than the next.
    pub least: u64,
}

impl Heap<'_> {
    /// The stores of the heap, sorted.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn stores(&self, counted: Counted, monitor: &dyn Monitor) -> Result<Vec<(StoreClass, Sum)>> {
        let table = self.objects(monitor)?;
        let counts = self.counts(counted, monitor)?;
        let mut classes: BTreeMap<StoreClass, Sum> = BTreeMap::new();
        for store in &self.buffers(monitor)?.stores {
            let is_counted = store.buffers.iter().any(|buffer| {
                let id = buffer.strong().and_then(|address| table.id_at(self.spaces(), address));
                id.is_some_and(|id| counts(id.0))
            });
            if !is_counted {
                continue;
            }
            let class = StoreClass {
                kind: store.kind,
                views: store.views.first().map_or("", |views| self.name(views.constructor)).to_owned(),
                least: store.byte_length.checked_ilog2().map_or(0, |power| 1 << power),
            };
            let one = Sum { count: 1, bytes: store.byte_length, retained: store.byte_length };
            classes.entry(class).or_default().add(one);
        }
        Ok(classes.into_iter().collect())
    }
}
