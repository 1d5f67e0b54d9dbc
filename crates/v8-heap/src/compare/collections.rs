//! Maps, Sets, arrays and objects that hold many others: how many entries each has in each heap, recognised by its path of names.

use std::collections::HashMap;
use std::collections::HashSet;

use super::{Change, Counted, Fingerprinted, Fingerprints, Paths, Side, Sum};
use crate::heap::Heap;
use crate::index::ObjectId;
use crate::index::parallel::in_turns;
use crate::layout::Kind;
use crate::objects::value::{HeapObject, Value};
use crate::questions::ReferenceKind;
use crate::{Error, Monitor, Result};

/// Other objects than Maps, Sets, arrays and dictionaries count as collections from so many entries on.
const FEWEST_ENTRIES: u64 = 16;

/// Of more collections only those are looked at that retain most.
const MOST_COLLECTIONS: usize = 1 << 16;

/// Entries between two looks at whether to stop.
const BETWEEN_LOOKS: u64 = 1 << 14;

/// A collection in each of the heaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collection {
    /// Number of the object in each heap; `None` where there is none at this place.
    pub objects: Vec<Option<u32>>,
    /// The heap whose names led to it, by its place among the heaps.
    pub home: usize,
}

/// A collection, with its entries as [`Sum::count`] and what would be freed with it as [`Sum::retained`].
pub type CollectionChange = Change<Collection>;

/// The collections of several heaps.
#[derive(Clone, Debug, Default)]
pub struct Collections {
    /// Those that have not equally many entries in all; all of them, if they were asked for.
    pub changes: Vec<CollectionChange>,
    /// Names of the collections of each heap, where they were asked for.
    pub paths: Vec<Option<Paths>>,
    /// Collections of the last heap that have no name: they may have grown or not.
    pub unnamed: u64,
    /// Collections of the last heap that were not looked at, as there are so many that retain more.
    pub left_out: u64,
}

/// What became of the entries of a collection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turnover {
    /// Keys that the last heap has and the first has not.
    pub added: u64,
    /// Keys that the first has and the last has not.
    pub gone: u64,
    /// Keys that are not in the first heap, and are in all others.
    pub stayed: u64,
}

/// The collections of heaps. Those of the last heap are looked for in the others; with `all`, those of all heaps, which
/// finds what is no more, and those that have as many entries as before are given too. What is part of an object that is
/// new itself is left out: a new session is told by the Map that holds it, not by the arrays within it.
///
/// # Errors
/// As [`Heap::graph`].
pub fn collections(sides: &[Side<'_, '_>], counted: Counted, all: bool) -> Result<Collections> {
    let mut found = Collections { paths: vec![None; sides.len()], ..Collections::default() };
    let Some(last) = sides.len().checked_sub(1) else { return Ok(found) };
    // Objects of each heap that have their row.
    let mut known: Vec<HashSet<u32>> = vec![HashSet::new(); sides.len()];
    let older = if all { 0..last } else { 0..0 };
    for home in [last].into_iter().chain(older) {
        let side = &sides[home];
        let mut members = side.heap.collections(counted, side.monitor)?;
        let left_out = members.len().saturating_sub(MOST_COLLECTIONS);
        let largest_first = |(id, weight): &(u32, u64)| (std::cmp::Reverse(*weight), *id);
        if left_out > 0 {
            members.select_nth_unstable_by_key(MOST_COLLECTIONS, largest_first);
            members.truncate(MOST_COLLECTIONS);
        }
        members.sort_unstable_by_key(largest_first);
        let ids: Vec<u32> = members.iter().map(|(id, _)| *id).collect();
        let paths = side.heap.paths(&ids, side.monitor)?;
        let mut located = Vec::new();
        for (index, other) in sides.iter().enumerate() {
            located.push(if index == home { None } else { Some(paths.locate(side, other)?) });
        }
        if home == last {
            found.unnamed = ids.iter().filter(|id| !paths.is_named(**id)).count() as u64;
            found.left_out = left_out as u64;
        }
        for id in ids.into_iter().filter(|id| paths.is_named(*id)) {
            if side.monitor.cancelled() {
                return Err(Error::Interrupted);
            }
            let end = if home == last { 0 } else { last };
            let is_there =
                |id: u32| located[end].as_ref().is_none_or(|there| paths.located(there, id).is_some());
            if !is_there(id) && !paths.before(id).is_none_or(is_there) {
                continue;
            }
            let objects: Vec<Option<u32>> = located
                .iter()
                .map(|located| located.as_ref().map_or(Some(id), |located| paths.located(located, id)))
                .collect();
            if !known[home].insert(id) {
                continue;
            }
            for (known, object) in known.iter_mut().zip(&objects) {
                known.extend(object);
            }
            let mut sums = Vec::new();
            for (side, object) in sides.iter().zip(&objects) {
                sums.push(object.map_or(Ok(Sum::default()), |object| side.measure(object, counted))?);
            }
            let change = Change { group: Collection { objects, home }, sums };
            if all || change.sums.windows(2).any(|pair| pair[0].count != pair[1].count) {
                found.changes.push(change);
            }
        }
        found.paths[home] = Some(paths);
    }
    Ok(found)
}

/// What became of the entries of a collection; `None` if its entries cannot be told by their keys: those of an array, and those
/// whose keys are objects.
///
/// # Errors
/// [`Error::Interrupted`] if the monitor says so.
pub fn turnover(
    sides: &[Side<'_, '_>],
    collection: &Collection,
    fingerprints: &Fingerprints,
) -> Result<Option<Turnover>> {
    let keys = |(side, object): (&Side<'_, '_>, &Option<u32>)| match object {
        None => Ok(Some(Fingerprinted::default())),
        Some(object) => side.keys(*object, fingerprints),
    };
    let read: Vec<Result<Option<Fingerprinted>>> = crossbeam::thread::scope(|scope| {
        let of_each = sides.iter().zip(&collection.objects);
        let threads: Vec<_> = of_each.map(|side| scope.spawn(move |_| keys(side))).collect();
        threads.into_iter().map(|thread| thread.join().expect("reading keys does not panic")).collect()
    })
    .expect("all threads have been joined");
    let mut all = Vec::new();
    for keys in read {
        match keys? {
            Some(keys) => all.push(keys),
            None => return Ok(None),
        }
    }
    let (Some(first), Some(last)) = (all.first(), all.last()) else { return Ok(None) };
    let stayed =
        last.iter().filter(|key| !first.contains(*key) && all[1..].iter().all(|keys| keys.contains(*key)));
    Ok(Some(Turnover {
        added: last.difference(first).count() as u64,
        gone: first.difference(last).count() as u64,
        stayed: stayed.count() as u64,
    }))
}

impl Side<'_, '_> {
    fn object(&self, id: u32) -> Result<Option<HeapObject<'_>>> {
        Ok(self.heap.object_by_id(self.heap.objects(self.monitor)?, ObjectId(id)))
    }

    fn measure(&self, id: u32, counted: Counted) -> Result<Sum> {
        let Some(object) = self.object(id)? else { return Ok(Sum::default()) };
        let retained = match counted {
            Counted::Live => {
                let dominators = self.heap.dominators(self.monitor)?;
                dominators.retained(id).saturating_add(dominators.outside(id))
            }
            Counted::All => 0,
        };
        let bytes = self.heap.graph(self.monitor)?.size(id);
        Ok(Sum { count: self.heap.entries(object), bytes, retained })
    }

    /// The keys of the entries of a collection.
    fn keys(&self, id: u32, fingerprints: &Fingerprints) -> Result<Option<Fingerprinted>> {
        let heap = self.heap;
        let Some(object) = self.object(id)? else { return Ok(Some(Fingerprinted::default())) };
        let mut keys = Fingerprinted::default();
        let mut is_complete = true;
        let mut visited = 0u64;
        let mut stopped = false;
        let mut goes_on = || {
            visited += 1;
            stopped |= visited.is_multiple_of(BETWEEN_LOOKS) && self.monitor.cancelled();
            !stopped
        };
        match object.kind() {
            Kind::JsArray => return Ok(None),
            Kind::JsMap | Kind::JsWeakMap | Kind::JsSet | Kind::JsWeakSet => {
                let read = heap.for_each_collection_entry(object, |key, _| {
                    match heap.key(key) {
                        Some(key) => {
                            keys.insert(fingerprints.of_value(&key));
                        }
                        None => is_complete = false,
                    }
                    is_complete && goes_on()
                });
                is_complete &= read.is_ok();
            }
            _ => {
                for property in heap.own_properties(object).unwrap_or_default() {
                    let name = heap.name_text(property.name).unwrap_or_default();
                    keys.insert(fingerprints.of_value(&(0u8, name)));
                }
                if let Ok(elements) = heap.elements(object) {
                    let read = heap.for_each_element(&elements, |index, _| {
                        keys.insert(fingerprints.of_value(&(1u8, index)));
                        goes_on()
                    });
                    is_complete &= read.is_ok();
                }
            }
        }
        if stopped { Err(Error::Interrupted) } else { Ok(is_complete.then_some(keys)) }
    }

    /// What most entries of a collection are: the name of a constructor, or of a type of the language.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub fn commonest_entry(&self, id: u32) -> Result<Option<String>> {
        let heap = self.heap;
        let Some(object) = self.object(id)? else { return Ok(None) };
        let mut counts: HashMap<String, u64> = HashMap::new();
        let mut visited = 0u64;
        let mut stopped = false;
        heap.for_each_reference(object, &mut |kind, value| {
            visited += 1;
            stopped |= visited.is_multiple_of(BETWEEN_LOOKS) && self.monitor.cancelled();
            let is_entry = matches!(
                kind,
                ReferenceKind::Property(_)
                    | ReferenceKind::Element(_)
                    | ReferenceKind::MapValue(_)
                    | ReferenceKind::SetEntry
            );
            if is_entry && let Ok(value) = heap.value(value) {
                let name = match value {
                    Value::Object(object) => heap.name(heap.constructor_name(object)),
                    Value::String(_) => "string",
                    Value::Smi(_) | Value::Double(_) => "number",
                    Value::Boolean(_) => "boolean",
                    Value::Undefined => "undefined",
                    Value::Null => "null",
                    Value::Symbol(_) => "symbol",
                    Value::BigInt(_) => "bigint",
                    Value::Hole | Value::Marker | Value::Internal(_) => return !stopped,
                };
                match counts.get_mut(name) {
                    Some(count) => *count += 1,
                    None => {
                        counts.insert(name.to_owned(), 1);
                    }
                }
            }
            !stopped
        });
        if stopped {
            return Err(Error::Interrupted);
        }
        let commonest = counts.into_iter().max_by(|one, other| one.1.cmp(&other.1).then(other.0.cmp(&one.0)));
        Ok(commonest.map(|(name, _)| name))
    }
}

impl Heap<'_> {
    /// Collections that count and are not empty, each with how much there is to it: the bytes that it retains, or its entries
    /// where that is not known.
    fn collections(&self, counted: Counted, monitor: &dyn Monitor) -> Result<Vec<(u32, u64)>> {
        let table = self.objects(monitor)?;
        let counts = self.counts(counted, monitor)?;
        let dominators = match counted {
            Counted::Live => Some(self.dominators(monitor)?),
            Counted::All => None,
        };
        monitor.begin("looking for collections", table.len() as u64);
        let workers =
            in_turns(table.page_count(), monitor, Vec::new, |found: &mut Vec<(u32, u64)>, page| {
                let (first, maps) = table.page_maps(page);
                for (id, (address, map_id)) in (first.0..).zip(table.page_objects(page)) {
                    let map = self.map(map_id);
                    let least = match map.kind {
                        Kind::JsMap | Kind::JsSet | Kind::JsWeakMap | Kind::JsWeakSet | Kind::JsArray => 1,
                        Kind::JsObject | Kind::JsApiObject | Kind::JsGlobalObject if map.is_dictionary => 1,
                        Kind::JsObject => FEWEST_ENTRIES,
                        _ => continue,
                    };
                    if !counts(id) {
                        continue;
                    }
                    let entries = self.entries(HeapObject { address, map_id, map });
                    if entries >= least {
                        let retained =
                            dominators.map(|tree| tree.retained(id).saturating_add(tree.outside(id)));
                        found.push((id, retained.unwrap_or(entries)));
                    }
                }
                maps.len() as u64
            })?;
        Ok(workers.concat())
    }

    /// Entries of a collection: those of a Map or Set, the length of an array, properties and elements of other objects.
    fn entries(&self, object: HeapObject<'_>) -> u64 {
        match object.kind() {
            Kind::JsMap | Kind::JsSet | Kind::JsWeakMap | Kind::JsWeakSet => {
                self.collection_size(object).unwrap_or(0)
            }
            Kind::JsArray => self.array_length(object).unwrap_or(0),
            _ => {
                let named = self.own_property_count(object).unwrap_or(0) as u64;
                let mut indexed = 0;
                if let Ok(elements) = self.elements(object).as_ref() {
                    // What can be read before an error has been counted.
                    let _ = self.for_each_element(elements, |_, _| {
                        indexed += 1;
                        true
                    });
                }
                named.saturating_add(indexed)
            }
        }
    }
}
