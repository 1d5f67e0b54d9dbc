//! Entries of weak collections: who is the value of which key in which table.

use crate::heap::Heap;
use crate::index::ObjectTable;
use crate::index::parallel::in_turns;
use crate::layout::Kind;
use crate::objects::collection::HashTableShape;
use crate::{Monitor, Result};

/// An entry, by untagged addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pair {
    pub key: u64,
    pub value: u64,
    pub table: u64,
}

/// All entries, by key and by table.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    by_key: Vec<Pair>,
    /// Table and number of the entry in `by_key`.
    by_table: Vec<(u64, u32)>,
}

impl Pairs {
    /// The entries of all tables that `includes` wants.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] if the monitor says so.
    pub fn find(
        heap: &Heap<'_>,
        table: &ObjectTable,
        includes: &(dyn Fn(u32) -> bool + Sync),
        monitor: &dyn Monitor,
    ) -> Result<Pairs> {
        let read = |found: &mut Vec<Pair>, page: usize| {
            let (first, maps) = table.page_maps(page);
            if !maps.iter().any(|map| heap.map(*map).kind == Kind::EphemeronHashTable) {
                return 0;
            }
            for (number, (address, map)) in table.page_objects(page).enumerate() {
                if heap.map(map).kind == Kind::EphemeronHashTable && includes(first.0 + number as u32) {
                    let _ = heap.for_each_entry(address, HashTableShape::EPHEMERON, |entry| {
                        if let (Some(key), Some(value)) = (entry[0].strong(), entry[1].strong()) {
                            found.push(Pair { key, value, table: address });
                        }
                        true
                    });
                }
            }
            0
        };
        let mut by_key = in_turns(table.page_count(), monitor, Vec::new, read)?.concat();
        by_key.sort_unstable();
        let mut by_table: Vec<(u64, u32)> =
            (0..).zip(&by_key).map(|(number, pair)| (pair.table, number)).collect();
        by_table.sort_unstable();
        Ok(Pairs { by_key, by_table })
    }

    pub fn get(&self, number: u32) -> Pair {
        self.by_key[number as usize]
    }

    /// The numbers of the entries with this key.
    pub fn of_key(&self, key: u64) -> impl Iterator<Item = u32> + '_ {
        let start = self.by_key.partition_point(|pair| pair.key < key);
        let count = self.by_key[start..].iter().take_while(move |pair| pair.key == key).count();
        start as u32..(start + count) as u32
    }

    /// The numbers of the entries of this table.
    pub fn of_table(&self, table: u64) -> impl Iterator<Item = u32> + '_ {
        let start = self.by_table.partition_point(|(own, _)| *own < table);
        self.by_table[start..].iter().take_while(move |(own, _)| *own == table).map(|(_, number)| *number)
    }
}
