//! Objects that are larger or slower than what they hold: objects in dictionary mode, collections with more room than entries, emitters
//! with very many listeners. Only the living are looked at.

use std::collections::HashMap;

use crate::heap::Heap;
use crate::index::parallel::in_turns;
use crate::layout::Kind;
use crate::objects::properties::PropertyValue;
use crate::objects::value::{HeapObject, Value};
use crate::view::View;
use crate::{MapId, Monitor, NameId, Result, Tagged};

/// Room for fewer elements is never told.
const SMALLEST_ROOM: u64 = 64;
/// So many listeners for one event on an emitter are not told.
const MOST_LISTENERS: u64 = 100;
/// Counts in front of the buckets of an ordered hash table (V8: `src/objects/ordered-hash-table.h`).
const COUNTS: u64 = 3;

/// Objects of one constructor whose properties are in a hash table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dictionaries {
    /// Their constructor.
    pub constructor: NameId,
    /// How many they are.
    pub objects: u64,
    /// Properties of all together.
    pub properties: u64,
    /// The one with most properties, and how many these are.
    pub largest: (u64, Tagged),
}

/// Arrays, Maps or Sets of which less than half is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpareRoom {
    /// `Array`, `Map`, `Set`, or a class derived from one.
    pub constructor: NameId,
    /// How many they are.
    pub objects: u64,
    /// Bytes of elements or entries that nothing is in.
    pub bytes: u64,
    /// The one with most such bytes, and how many these are.
    pub largest: (u64, Tagged),
}

/// Listeners of an emitter for one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listeners {
    /// How many.
    pub count: u64,
    /// The emitter.
    pub emitter: Tagged,
    /// The name of the event.
    pub event: Tagged,
}

/// What is odd.
#[derive(Clone, Debug, Default)]
pub struct Oddities {
    /// By constructor, most objects first.
    pub dictionaries: Vec<Dictionaries>,
    /// By constructor, most spare bytes first.
    pub spare: Vec<SpareRoom>,
    /// Those of more than 100 functions, most first.
    pub listeners: Vec<Listeners>,
}

#[derive(Default)]
struct Found {
    dictionaries: HashMap<NameId, (u64, u64, (u64, Tagged))>,
    spare: HashMap<NameId, (u64, u64, (u64, Tagged))>,
    listeners: Vec<Listeners>,
    emitters: HashMap<MapId, Option<usize>>,
}

impl Heap<'_> {
    /// Looks for oddities among the living objects.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn oddities(&self, monitor: &dyn Monitor) -> Result<Oddities> {
        let (table, reached) = (self.objects(monitor)?, self.reached(monitor)?);
        monitor.begin("looking for oddities", table.len() as u64);
        let workers = in_turns(table.page_count(), monitor, Found::default, |found, page| {
            let (first, maps) = table.page_maps(page);
            for (id, (address, map_id)) in (first.0..).zip(table.page_objects(page)) {
                let map = self.map(map_id);
                if !map.kind.is_js_object() || !reached.contains(id) {
                    continue;
                }
                let object = HeapObject { address, map_id, map };
                self.look_at(object, found);
            }
            maps.len() as u64
        })?;
        let mut all = Found::default();
        for worker in workers {
            for (name, own) in worker.dictionaries {
                add(&mut all.dictionaries, name, own);
            }
            for (name, own) in worker.spare {
                add(&mut all.spare, name, own);
            }
            all.listeners.extend(worker.listeners);
        }
        let mut dictionaries: Vec<Dictionaries> = all
            .dictionaries
            .into_iter()
            .map(|(constructor, (objects, properties, largest))| Dictionaries {
                constructor,
                objects,
                properties,
                largest,
            })
            .collect();
        dictionaries.sort_by_key(|own| (std::cmp::Reverse(own.objects), own.largest.1));
        let mut spare: Vec<SpareRoom> = all
            .spare
            .into_iter()
            .map(|(constructor, (objects, bytes, largest))| SpareRoom {
                constructor,
                objects,
                bytes,
                largest,
            })
            .collect();
        spare.sort_by_key(|own| (std::cmp::Reverse(own.bytes), own.largest.1));
        let mut listeners = all.listeners;
        listeners.sort_by_key(|own| (std::cmp::Reverse(own.count), own.emitter));
        Ok(Oddities { dictionaries, spare, listeners })
    }

    fn look_at(&self, object: HeapObject<'_>, found: &mut Found) {
        if object.map.is_dictionary
            && let Ok(properties) = self.own_property_count(object)
        {
            let own = (1, properties as u64, (properties as u64, object.value()));
            add(&mut found.dictionaries, self.constructor_name(object), own);
        }
        let room = match object.kind() {
            Kind::JsArray => self.spare_elements(object),
            Kind::JsMap | Kind::JsSet => self.spare_entries(object),
            _ => None,
        };
        if let Some(bytes) = room {
            add(&mut found.spare, self.constructor_name(object), (1, bytes, (bytes, object.value())));
        }
        let number = *found
            .emitters
            .entry(object.map_id)
            .or_insert_with(|| self.property_number(object.map, "_events"));
        if let Some(number) = number
            && let Ok(Some(PropertyValue::Data(events))) = self.property_at(object, number)
            && let Ok(Value::Object(events)) = self.value(events)
        {
            for property in self.own_properties(events).unwrap_or_default() {
                let PropertyValue::Data(value) = property.value else { continue };
                let Ok(Value::Object(functions)) = self.value(value) else { continue };
                if functions.kind() != Kind::JsArray {
                    continue;
                }
                let count = self.array_length(functions).unwrap_or(0);
                if count > MOST_LISTENERS {
                    found.listeners.push(Listeners { count, emitter: object.value(), event: property.name });
                }
            }
        }
    }
}

impl View<'_> {
    /// Bytes behind the length of an array of which less than half is used.
    fn spare_elements(&self, array: HeapObject<'_>) -> Option<u64> {
        let store = self.words().tagged(array.address + self.fields().elements, "elements").ok()?;
        let store = self.object(store).ok()?;
        if !matches!(store.kind(), Kind::FixedArray | Kind::FixedDoubleArray) {
            return None;
        }
        let room = self.fixed_array_length(store.address).ok()?;
        let size = match store.kind() {
            Kind::FixedDoubleArray => 8,
            _ => self.fields().words.tagged,
        };
        spare(self.array_length(array)?, room).map(|elements| elements * size)
    }

    /// Bytes of entries that a Map or Set has room for, if less than half of it is used.
    fn spare_entries(&self, collection: HeapObject<'_>) -> Option<u64> {
        let table = self.words().tagged(collection.address + self.fields().collection_table, "table").ok()?;
        let table = self.object(table).ok()?;
        let entry_words = match table.kind() {
            Kind::OrderedHashMap => 3,
            Kind::OrderedHashSet => 2,
            _ => return None,
        };
        let length = self.fixed_array_length(table.address).ok()?;
        let count = |index: u64| {
            let word = self.words().tagged(self.fields().element(table.address, index), "count").ok()?;
            word.smi().and_then(|count| u64::try_from(count).ok())
        };
        let (used, buckets) = (count(0)?, count(2)?);
        let room = length.checked_sub(COUNTS)?.checked_sub(buckets)? / entry_words;
        spare(used, room).map(|entries| entries * entry_words * self.fields().words.tagged)
    }
}

/// What is free of so much room, if less than half is used.
fn spare(used: u64, room: u64) -> Option<u64> {
    (room >= SMALLEST_ROOM && used.saturating_mul(2) < room).then(|| room - used)
}

fn add(
    sums: &mut HashMap<NameId, (u64, u64, (u64, Tagged))>,
    name: NameId,
    (objects, amount, largest): (u64, u64, (u64, Tagged)),
) {
    let sum = sums.entry(name).or_insert((0, 0, (0, largest.1)));
    sum.0 += objects;
    sum.1 = sum.1.saturating_add(amount);
    // The first of equals, whichever processor found it.
    if (largest.0, std::cmp::Reverse(largest.1)) > (sum.2.0, std::cmp::Reverse(sum.2.1)) {
        sum.2 = largest;
    }
}
