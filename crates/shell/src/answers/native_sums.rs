//! How much native memory goes with objects: what the C++ objects own that would be freed with them.

use std::collections::HashMap;

use v8_heap::index::ObjectTable;
use v8_heap::{Heap, Monitor};

use crate::answers::native_owners::{Name, NativeOwners};
use crate::error::DcmdError;

/// What C++ objects own, by the objects of the heap that stand for them.
#[derive(Debug)]
pub(crate) struct NativeSums {
    /// The numbers of these objects, with the bytes that each owns, and what it is called.
    pub(crate) owners: Vec<(u32, u64, Name)>,
    /// How much of that goes with each object, by number.
    pub(crate) sums: HashMap<u32, u64>,
}

impl NativeSums {
    /// # Errors
    /// The user interrupts, or there is no graph.
    pub(crate) fn of(
        heap: &Heap<'_>,
        table: &ObjectTable,
        all: &NativeOwners,
        monitor: &dyn Monitor,
    ) -> Result<NativeSums, DcmdError> {
        let number = |word: u64| table.id_at(heap.spaces(), word.checked_sub(1)?);
        let owners: Vec<_> = all
            .owners
            .iter()
            .filter_map(|owner| Some((number(owner.object.0)?.0, owner.bytes, owner.name.clone())))
            .collect();
        let own = owners.iter().map(|(id, bytes, _)| (*id, *bytes));
        let sums = heap.dominators(monitor)?.sums_of(own, monitor)?;
        Ok(NativeSums { owners, sums })
    }

    /// How much goes with an object.
    pub(crate) fn with(&self, id: u32) -> u64 {
        self.sums.get(&id).copied().unwrap_or(0)
    }
}
