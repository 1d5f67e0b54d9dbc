//! Why the members of a gathering retain more than they show: short slices that keep long strings, small views that keep large
//! ArrayBuffers, and values of WeakMaps, which live as long as their keys.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::suspects::{HeapObjects, Shared};
use crate::graph::{Dominators, Gatherer, Objects, Suspect};
use crate::heap::Heap;
use crate::index::{ObjectId, ObjectTable};
use crate::layout::Kind;
use crate::{Error, Monitor, NameId, Result, Tagged};

/// Objects between two looks at whether to stop.
const BETWEEN_LOOKS: usize = 1 << 12;

/// What is special about what a gathering holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Makeup {
    /// Slices that alone keep strings alive of which they do not show all.
    pub slices: Option<Parts>,
    /// The same of ArrayBuffers, by views.
    pub views: Option<Parts>,
    /// Values of WeakMaps that only their keys keep alive, what is most first.
    pub weak_values: Vec<WeakValues>,
}

/// Parts that keep wholes alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// How many parts,
    pub parts: u64,
    /// and how long the shortest and the longest is: characters of strings, bytes of buffers.
    pub lengths: (u64, u64),
    /// The constructor of all views; none of slices, or if views have not all the same.
    pub constructor: Option<NameId>,
    /// How many wholes,
    pub wholes: u64,
    /// and how many bytes of them there are to be shown.
    pub bytes: u64,
    /// Bytes that no part shows.
    pub wasted: u64,
    /// The whole that wastes most.
    pub largest: Tagged,
}

/// Values of one WeakMap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeakValues {
    /// The WeakMap.
    pub map: u32,
    /// How many values.
    pub count: u64,
    /// Bytes that would be freed with them, in the heap and outside of it.
    pub bytes: u64,
}

/// One whole and its parts.
struct Whole {
    id: u32,
    address: Tagged,
    parts: Vec<u64>,
    constructor: Option<NameId>,
    bytes: u64,
    wasted: u64,
}

impl Parts {
    fn add(parts: &mut Option<Parts>, whole: &Whole) {
        let own = parts.get_or_insert(Parts {
            parts: 0,
            lengths: (u64::MAX, 0),
            constructor: whole.constructor,
            wholes: 0,
            bytes: 0,
            wasted: 0,
            largest: whole.address,
        });
        own.parts += whole.parts.len() as u64;
        for length in &whole.parts {
            own.lengths = (own.lengths.0.min(*length), own.lengths.1.max(*length));
        }
        if own.constructor != whole.constructor {
            own.constructor = None;
        }
        own.wholes += 1;
        own.bytes = own.bytes.saturating_add(whole.bytes);
        own.wasted = own.wasted.saturating_add(whole.wasted);
    }
}

impl Heap<'_> {
    /// What is special about each of some gatherings.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn makeup_of(&self, suspects: &[Suspect], monitor: &dyn Monitor) -> Result<Vec<Makeup>> {
        let mut found = vec![Makeup::default(); suspects.len()];
        if suspects.is_empty() {
            return Ok(found);
        }
        let table = self.objects(monitor)?;
        let objects = HeapObjects::new(self, table, monitor)?;
        let mut members = Members::new(self, &objects, suspects, monitor)?;
        let id_of = |address: Tagged| Some(table.id_at(self.spaces(), address.object()?)?.0);
        let slices = self.sliced_parents(monitor)?.into_iter().filter_map(|own| {
            let length = |slice: &Tagged| self.string_length(*slice).ok().map(u64::from);
            let lengths: Vec<u64> = own.slices.iter().filter_map(length).collect();
            let width = self.width_of(own.parent)?;
            Some(Whole {
                id: id_of(own.parent)?,
                address: own.parent,
                parts: lengths,
                constructor: None,
                bytes: width * u64::from(own.length),
                wasted: own.wasted,
            })
        });
        for (index, whole) in slices.filter(|whole| whole.wasted > 0).enumerate() {
            look(index, monitor)?;
            if let Some(suspect) = members.suspect_of(whole.id) {
                Parts::add(&mut found[suspect].slices, &whole);
            }
        }
        for (index, own) in self.viewed_buffers(monitor)?.into_iter().enumerate() {
            look(index, monitor)?;
            let Some(id) = id_of(own.buffer) else { continue };
            let whole = Whole {
                id,
                address: own.buffer,
                parts: own.views,
                constructor: own.constructor,
                bytes: own.length,
                wasted: own.wasted,
            };
            if let Some(suspect) = members.suspect_of(id) {
                Parts::add(&mut found[suspect].views, &whole);
            }
        }
        self.add_weak_values(&mut members, &mut found, monitor)?;
        Ok(found)
    }

    /// The objects of a gathering in the order of their addresses, but not what is nested in them.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn members_of(&self, suspect: &Suspect, monitor: &dyn Monitor) -> Result<Vec<ObjectId>> {
        let (table, kinds, dominators) =
            (self.objects(monitor)?, self.kinds(monitor)?, self.dominators(monitor)?);
        let objects = HeapObjects::new(self, table, monitor)?;
        let mut members = Members::new(self, &objects, std::slice::from_ref(suspect), monitor)?;
        let mut found = Vec::new();
        let is_alive = |id: ObjectId| dominators.is_reached(id.0);
        for group in kinds.groups().iter().filter(|group| group.constructor == suspect.constructor) {
            self.for_each_member_of(table, group, is_alive, monitor, |object| {
                let id = table.id_at(self.spaces(), object.address);
                found.extend(id.filter(|id| members.member_of(id.0).is_some()));
                true
            })?;
        }
        found.sort_unstable();
        Ok(found)
    }

    fn add_weak_values(
        &self,
        members: &mut Members<'_, '_>,
        found: &mut [Makeup],
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let (graph, held_by) = (self.graph(monitor)?, self.held_by(monitor)?);
        let mut sums: HashMap<(usize, u32), (u64, u64)> = HashMap::new();
        for (index, ephemeron) in graph.ephemerons.iter().enumerate() {
            look(index, monitor)?;
            let dominators = members.dominators;
            if !dominators.is_reached(ephemeron.table)
                || !dominators.is_reached(ephemeron.value)
                || dominators.above(ephemeron.value) != Some(ephemeron.key)
            {
                continue;
            }
            if let Some(suspect) = members.suspect_of(ephemeron.key) {
                let sum = sums.entry((suspect, ephemeron.table)).or_default();
                sum.0 += 1;
                sum.1 = sum.1.saturating_add(dominators.total(ephemeron.value));
            }
        }
        for ((suspect, store), (count, bytes)) in sums {
            let is_map = |id: &u32| members.kind(*id) == Some(Kind::JsWeakMap);
            if let Some(map) = held_by.of(store).iter().copied().find(is_map) {
                found[suspect].weak_values.push(WeakValues { map, count, bytes });
            }
        }
        for makeup in found {
            makeup.weak_values.sort_unstable_by_key(|values| (Reverse(values.bytes), values.map));
        }
        Ok(())
    }
}

fn look(index: usize, monitor: &dyn Monitor) -> Result<()> {
    match index.is_multiple_of(BETWEEN_LOOKS) && monitor.cancelled() {
        true => Err(Error::Interrupted),
        false => Ok(()),
    }
}

/// The members of gatherings.
struct Members<'a, 't> {
    heap: &'a Heap<'t>,
    table: &'a ObjectTable,
    dominators: &'a Dominators,
    objects: &'a HeapObjects<'a, 't>,
    shared: Shared<'a, HeapObjects<'a, 't>>,
    suspects: &'a [Suspect],
    /// In which gathering objects are that have been asked about.
    known: HashMap<u32, Option<usize>>,
}

impl<'a, 't> Members<'a, 't> {
    fn new(
        heap: &'a Heap<'t>,
        objects: &'a HeapObjects<'a, 't>,
        suspects: &'a [Suspect],
        monitor: &dyn Monitor,
    ) -> Result<Members<'a, 't>> {
        let dominators = heap.dominators(monitor)?;
        Ok(Members {
            heap,
            table: heap.objects(monitor)?,
            dominators,
            objects,
            shared: Shared::new(objects, dominators, heap.held_by(monitor)?),
            suspects,
            known: HashMap::new(),
        })
    }

    /// The gathering one of whose members an object is, or would be garbage without.
    fn suspect_of(&mut self, id: u32) -> Option<usize> {
        let mut way = Vec::new();
        let mut at = Some(id);
        let found = loop {
            let Some(id) = at else { break None };
            if let Some(known) = self.known.get(&id) {
                break *known;
            }
            way.push(id);
            if let Some(suspect) = self.member_of(id) {
                break Some(suspect);
            }
            at = self.dominators.above(id);
        };
        self.known.extend(way.into_iter().map(|id| (id, found)));
        found
    }

    fn kind(&self, id: u32) -> Option<Kind> {
        Some(self.heap.map(self.table.map_of(ObjectId(id))?).kind)
    }

    fn is_js(&self, id: u32) -> bool {
        self.kind(id).is_some_and(Kind::is_js_object)
    }

    /// The gathering that an object is a member of.
    fn member_of(&mut self, id: u32) -> Option<usize> {
        if !self.is_js(id) {
            return None;
        }
        let object = self.heap.object_by_id(self.table, ObjectId(id))?;
        let constructor = self.heap.constructor_name(object);
        if !self.suspects.iter().any(|suspect| suspect.constructor == constructor) {
            return None;
        }
        let mut owner = self.dominators.above(id);
        while let Some(above) = owner.filter(|above| !self.is_js(*above)) {
            owner = self.dominators.above(above);
        }
        let objects = self.objects;
        let gatherers = if owner.is_none() { self.shared.gatherers(id) } else { &[] };
        self.suspects.iter().position(|suspect| {
            suspect.constructor == constructor
                && match (suspect.gatherer, owner) {
                    (Gatherer::Owner(gatherer), Some(owner)) => gatherer == owner,
                    (Gatherer::Several, None) => objects.is_of_class(id, constructor),
                    (gatherer, None) => gatherers.contains(&gatherer),
                    _ => false,
                }
        })
    }
}
