//! Hash tables: dictionaries, and the tables behind Map, Set and their weak kin.
//!
//! All are laid out like a `FixedArray` whose first words are counts. The unordered ones (V8:
//! `src/objects/hash-table.h`) have `used, deleted, capacity`, a prefix, then the entries; a free slot has `undefined`
//! as its key, a deleted one the hole. The ordered ones (`src/objects/ordered-hash-table.h`) have `used, deleted,
//! buckets`, the buckets, then the entries in insertion order, each with a chain link at its end.

use crate::layout::{Kind, Layout};
use crate::objects::value::HeapObject;
use crate::view::View;
use crate::{Error, Result, Tagged};

/// Where the entries of an unordered hash table are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HashTableShape {
    first_entry: u64,
    entry_words: u64,
}

impl HashTableShape {
    /// Of a `NameDictionary`.
    pub fn name_dictionary(layout: &Layout) -> HashTableShape {
        HashTableShape { first_entry: layout.facts.name_dictionary_first, entry_words: 3 }
    }

    pub const GLOBAL_DICTIONARY: HashTableShape = HashTableShape { first_entry: 5, entry_words: 1 };
    pub const NUMBER_DICTIONARY: HashTableShape = HashTableShape { first_entry: 4, entry_words: 3 };
    /// Also the table of names of large scopes, and the exports of a module.
    pub const EPHEMERON: HashTableShape = HashTableShape { first_entry: 3, entry_words: 2 };
}

impl View<'_> {
    /// Calls `visit` with the words of every entry in use, in table order, until it returns false.
    pub(crate) fn for_each_entry(
        &self,
        table: u64,
        shape: HashTableShape,
        mut visit: impl FnMut(&[Tagged]) -> bool,
    ) -> Result<()> {
        let length = self.fixed_array_length(table)?;
        let mut entry = [Tagged::default(); 3];
        let entry = &mut entry[..shape.entry_words as usize];
        let mut at = shape.first_entry;
        while at + shape.entry_words <= length {
            for (index, word) in entry.iter_mut().enumerate() {
                *word = self
                    .words()
                    .tagged(self.fields().element(table, at + index as u64), "entry of a hash table")?;
            }
            at += shape.entry_words;
            if self.is_hole(entry[0]) || self.well_known().undefined.contains(&entry[0]) {
                continue;
            }
            if !visit(entry) {
                break;
            }
        }
        Ok(())
    }

    /// Calls `visit` with key and value of every entry of a `Map` (or its `Set` counterpart, where both are the same),
    /// in insertion order, until it returns false. Works on JSMap, JSSet, JSWeakMap, JSWeakSet; the weak ones have no
    /// order.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub fn for_each_collection_entry(
        &self,
        collection: HeapObject<'_>,
        mut visit: impl FnMut(Tagged, Tagged) -> bool,
    ) -> Result<()> {
        let table = self
            .words()
            .tagged(collection.address + self.fields().collection_table, "table of a collection")?;
        let table = self.object(table)?;
        if table.kind() == Kind::EphemeronHashTable {
            return self
                .for_each_entry(table.address, HashTableShape::EPHEMERON, |entry| visit(entry[0], entry[1]));
        }
        self.for_each_ordered_entry(table, 0, visit)
    }

    /// Calls `visit` with key and value of every entry that a Map or Set iterator has still to give, in order, until it
    /// returns false. Gives whether they are known: an iterator whose collection has been rebuilt since it was last used
    /// would have to be moved on first.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub fn for_each_remaining_entry(
        &self,
        iterator: HeapObject<'_>,
        visit: impl FnMut(Tagged, Tagged) -> bool,
    ) -> Result<bool> {
        let words = self.words();
        let table = words
            .tagged(iterator.address + self.fields().collection_iterator_table, "table of an iterator")?;
        let index = words
            .tagged(iterator.address + self.fields().collection_iterator_index, "index of an iterator")?;
        let table = self.object(table)?;
        // The first word of a table that has been replaced is its successor.
        let first = words.tagged(self.fields().element(table.address, 0), "ordered hash table")?;
        let (Some(_), Some(index)) = (first.smi(), index.smi().and_then(|index| u64::try_from(index).ok()))
        else {
            return Ok(false);
        };
        self.for_each_ordered_entry(table, index, visit)?;
        Ok(true)
    }

    /// The entries of an ordered hash table, from the one numbered `first` on.
    fn for_each_ordered_entry(
        &self,
        table: HeapObject<'_>,
        first: u64,
        mut visit: impl FnMut(Tagged, Tagged) -> bool,
    ) -> Result<()> {
        let entry_words: u64 = match table.kind() {
            Kind::OrderedHashMap => 3,
            Kind::OrderedHashSet => 2,
            _ => return Err(self.wrong_type(table.value(), "hash table of a collection")),
        };
        let words = self.words();
        let length = self.fixed_array_length(table.address)?;
        let word =
            |index: u64| words.tagged(self.fields().element(table.address, index), "ordered hash table");
        let count = |index: u64| -> Result<u64> {
            let value = word(index)?;
            value.smi().and_then(|value| u64::try_from(value).ok()).ok_or_else(|| Error::Implausible {
                what: "count",
                object: table.value(),
                found: value.to_string(),
            })
        };
        let (used, deleted, buckets) = (count(0)?, count(1)?, count(2)?);
        for entry in first..used + deleted {
            let at = 3 + buckets + entry * entry_words;
            if at + entry_words > length {
                return Err(Error::Implausible {
                    what: "number of entries",
                    object: table.value(),
                    found: format!("{used} used and {deleted} deleted in a table of {length} words"),
                });
            }
            let key = word(at)?;
            if self.is_hole(key) {
                continue;
            }
            let value = if entry_words == 3 { word(at + 1)? } else { key };
            if !visit(key, value) {
                break;
            }
        }
        Ok(())
    }

    /// Number of entries of a Map or Set.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub fn collection_size(&self, collection: HeapObject<'_>) -> Result<u64> {
        let words = self.words();
        let table =
            words.tagged(collection.address + self.fields().collection_table, "table of a collection")?;
        let table = self.object(table)?;
        let used = words.tagged(self.fields().element(table.address, 0), "size of a collection")?;
        used.smi().and_then(|used| u64::try_from(used).ok()).ok_or_else(|| Error::Implausible {
            what: "number of entries",
            object: table.value(),
            found: used.to_string(),
        })
    }
}
