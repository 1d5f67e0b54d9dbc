//! Where many objects of a kind have gathered.
//!
//! Mostly that is under one object that alone keeps them alive: an array, a Map, an object by whose keys they are found. An object
//! that another of the same shape keeps alive counts where that one counts: links of a list, nodes of a tree. What nobody owns alone
//! has gathered where one object holds many, though others hold them too, or is held by handles of native code; or, if they are
//! instances of a class that have no holder in common, nowhere in particular: requests that are never answered, each of which hangs on a
//! parser and a socket.
//!
//! A few may be as bad as many: objects that each retain much which is in no other JavaScript object, but in strings, elements, or
//! outside of the heap.
//!
//! One leak is one suspect. What has gathered below members of a gathering is told with that; but where most of it has gathered below
//! one member, that is the leak.
//!
//! What Node.js has gathered for itself comes last, unless it is much: gatherings in which all functions, from the root to what they
//! hold, are of scripts of its own.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::graph::{
    BETWEEN_LOOKS, Dominators, Gatherer, NOBODY, ObjectSet, Objects, Passage, RootKind, Roots, Rows, Suspect,
    Suspects, internal_maps,
};
use crate::heap::Heap;
use crate::index::{MapOf, ObjectId, ObjectTable};
use crate::layout::Kind;
use crate::{Error, Monitor, NameId, Result};

/// Fewer are no gathering.
const FEWEST: u32 = 16;
/// Objects of a gathering that are looked at, to tell whose they are.
const SAMPLE: usize = 12;
/// Holders of an object that nobody owns, and steps through storage to find them.
const MOST_HOLDERS: usize = 8;
const MOST_STEPS: usize = 32;
/// Gatherings under objects that do not own them.
const MOST_SHARED: usize = 1 << 20;
/// Gatherings of Node.js's own that are passed over in search of others.
const MOST_PASSED: usize = 16;
/// Of Node.js's own gatherings those are not passed over that take more than so many bytes and one part in so many of the heap: it has
/// gathered them for the program.
const FEWEST_BYTES_OF_NODE: u64 = 4 << 20;
const SMALLEST_PART_OF_NODE: u64 = 20;
/// An object that is one of a few retains at least so many bytes, and one part in so many of the heap; all of them, one part in so many.
const FEWEST_BYTES_OF_ONE: u64 = 1 << 16;
const SMALLEST_PART_OF_ONE: u64 = 400;
const SMALLEST_PART_OF_ALL: u64 = 50;
/// Fewer that are [`little`](is_little) are a leak only where one object alone holds them: not what a library has built when it was loaded,
/// such as a schema, whose parts hang on one another.
const FEWEST_OF_LITTLE: u64 = 100;
/// Gatherings that may be told as one with another.
const MOST_DISTINCT: usize = 1 << 12;
/// Owners above one another that are looked at for that.
const MOST_OWNERS: usize = 64;

/// Gatherings by where they are and what has gathered.
#[derive(Default)]
struct Gatherings {
    all: Vec<Suspect>,
    /// Bytes that would be freed with the largest of each.
    largest: Vec<u64>,
    places: HashMap<(Gatherer, NameId), usize>,
    /// Where the last object counted: mostly the next one counts there, too.
    last: Option<((Gatherer, NameId), usize)>,
}

/// The owner of each object.
struct Owners {
    of: Vec<u32>,
    /// An object of the same shape keeps it alive, and retains what it does.
    is_nested: Vec<bool>,
}

impl Heap<'_> {
    /// Where many objects of a kind have gathered: up to `most` gatherings, the largest first, those of Node.js's own last.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn leak_suspects(&self, most: usize, monitor: &dyn Monitor) -> Result<Vec<Suspect>> {
        let mut all = self.gatherings(monitor)?.iter().cloned();
        let dominators = self.dominators(monitor)?;
        let heap = dominators.all_bytes();
        let (mut found, mut passed) = (Vec::new(), Vec::new());
        while found.len() < most && passed.len() < MOST_PASSED {
            let Some(mut suspect) = all.next() else { break };
            let end = match suspect.gatherer {
                Gatherer::Owner(id) | Gatherer::Holder(id) => id,
                Gatherer::Root(_) | Gatherer::Several => suspect.largest,
            };
            suspect.path = self.retaining_paths(ObjectId(end), 1, false, monitor)?.pop();
            let way = suspect.path.as_ref().map_or(&[][..], |path| &path.objects);
            let mut some = suspect.some.clone();
            some.sort_by_key(|id| dominators.total(*id));
            suspect.typical = some.get(some.len() / 2).copied().unwrap_or(suspect.largest);
            suspect.is_nodes = self.are_nodes_own(way, &suspect.some, monitor)?;
            let size = suspect.size();
            let is_much = size > FEWEST_BYTES_OF_NODE && size > heap / SMALLEST_PART_OF_NODE;
            if suspect.is_nodes && !is_much { passed.push(suspect) } else { found.push(suspect) }
        }
        found.extend(passed);
        found.truncate(most);
        Ok(found)
    }

    /// All gatherings, the largest first.
    fn gatherings(&self, monitor: &dyn Monitor) -> Result<&[Suspect]> {
        let known = || Ok((&**self, self.objects(monitor)?));
        let compute = || self.find_gatherings(monitor).map(Suspects);
        let found = self.obtain(&self.suspects, monitor, known, compute)?;
        Ok(&found.0)
    }

    fn find_gatherings(&self, monitor: &dyn Monitor) -> Result<Vec<Suspect>> {
        let table = self.objects(monitor)?;
        let objects = HeapObjects::new(self, table, monitor)?;
        gatherings(&objects, self.dominators(monitor)?, self.held_by(monitor)?, monitor)
    }
}

/// The objects of a heap in a core.
pub(super) struct HeapObjects<'a, 't> {
    heap: &'a Heap<'t>,
    table: &'a ObjectTable,
    kinds: MapOf,
    /// Of each map, whether its objects are V8's own affair.
    is_internal: Vec<bool>,
    roots: &'a Roots,
}

impl<'a, 't> HeapObjects<'a, 't> {
    pub(super) fn new(
        heap: &'a Heap<'t>,
        table: &'a ObjectTable,
        monitor: &dyn Monitor,
    ) -> Result<HeapObjects<'a, 't>> {
        Ok(HeapObjects {
            heap,
            table,
            kinds: MapOf::new(heap, table),
            is_internal: internal_maps(heap),
            roots: heap.roots(monitor)?,
        })
    }
}

impl Objects for HeapObjects<'_, '_> {
    #[inline]
    fn is_js(&self, id: u32) -> bool {
        self.kinds.is_js(id)
    }

    #[inline]
    fn constructor(&self, id: u32) -> Option<NameId> {
        self.kinds.constructor(self.heap, self.table, id).filter(|_| self.is_js(id))
    }

    #[inline]
    fn is_plain(&self, id: u32) -> bool {
        self.kinds.is_plain(id)
    }

    #[inline]
    fn are_alike(&self, one: u32, other: u32) -> bool {
        self.kinds.are_of_one_map(one, other)
    }

    /// A prototype has the name of the class that it is for, or comes after, and is none of its instances.
    fn is_of_class(&self, id: u32, constructor: NameId) -> bool {
        let is_prototype = || {
            let map = self.table.map_of(ObjectId(id));
            map.is_some_and(|map| self.heap.map(map).is_prototype)
        };
        matches!(self.kinds.kind(id), Kind::JsObject | Kind::JsApiObject)
            && self.heap.name(constructor) != "Object"
            && !is_prototype()
    }

    fn passage(&self, id: u32) -> Passage {
        let Some(map) = self.table.map_of(ObjectId(id)) else { return Passage::Internal };
        if self.is_internal[map.0 as usize] {
            return Passage::Internal;
        }
        match self.heap.map(map).kind {
            kind if kind.is_js_object() => Passage::Object,
            Kind::Context => Passage::Variables,
            _ => Passage::Storage,
        }
    }

    fn handle(&self, id: u32) -> Option<RootKind> {
        let is_handle = |kind: RootKind| {
            matches!(kind, RootKind::GlobalHandle | RootKind::TracedHandle | RootKind::EternalHandle)
        };
        self.roots.of(id).iter().map(|root| root.kind).find(|kind| is_handle(*kind))
    }
}

/// All gatherings of objects, the largest first. `held_by` is the graph turned around.
///
/// # Errors
/// [`Error::Interrupted`] if the monitor says so.
pub fn gatherings(
    objects: &impl Objects,
    dominators: &Dominators,
    held_by: &Rows,
    monitor: &dyn Monitor,
) -> Result<Vec<Suspect>> {
    let heap = dominators.all_bytes();
    let owners = owners(objects, dominators, held_by.len(), monitor)?;
    let nodes = owners.of.len();
    let is_js = |id: u32| objects.is_js(id);
    let mut children = vec![0u32; nodes + 1];
    for id in (0..nodes as u32).filter(|id| dominators.is_reached(*id) && is_js(*id)) {
        children[(owners.of[id as usize] as usize).min(nodes)] += 1;
    }
    monitor.begin("looking for gatherings", dominators.order().len() as u64);
    let mut suspects = Gatherings::default();
    let mut shared = Shared::new(objects, dominators, held_by);
    for (index, &id) in dominators.order().iter().enumerate() {
        if index.is_multiple_of(BETWEEN_LOOKS) {
            monitor.advance(BETWEEN_LOOKS as u64);
            if monitor.cancelled() {
                return Err(Error::Interrupted);
            }
        }
        let owner = owners.of[id as usize];
        if children[(owner as usize).min(nodes)] < FEWEST || !is_js(id) {
            continue;
        }
        let Some(constructor) = objects.constructor(id) else { continue };
        let is_nested = owners.is_nested[id as usize];
        if owner != NOBODY {
            suspects.add(Gatherer::Owner(owner), constructor, id, is_nested, dominators);
            continue;
        }
        for gatherer in shared.gatherers(id) {
            if suspects.all.len() < MOST_SHARED {
                suspects.add(*gatherer, constructor, id, is_nested, dominators);
            }
        }
        if objects.is_of_class(id, constructor) {
            suspects.add(Gatherer::Several, constructor, id, is_nested, dominators);
        }
    }
    let mut suspects: Vec<Suspect> =
        suspects.all.into_iter().filter(|suspect| suspect.count >= u64::from(FEWEST)).collect();
    suspects.extend(few_but_large(objects, dominators, &owners, &mut shared, monitor)?);
    suspects.sort_by_key(|suspect| (Reverse(suspect.size()), suspect.largest, suspect.gatherer));
    // Held by several, they have gathered in the first of these.
    suspects.dedup_by(|b, a| {
        !matches!(b.gatherer, Gatherer::Owner(_))
            && (a.constructor, a.count, a.largest, a.size()) == (b.constructor, b.count, b.largest, b.size())
    });
    // Of the largest, which alone are told.
    let mut looked_at = 0;
    suspects.retain(|suspect| {
        looked_at += 1;
        looked_at > MOST_DISTINCT || suspect.is_few || is_gathering(suspect, heap, &mut shared)
    });
    Ok(distinct(objects, suspects, &owners))
}

/// Whether they are many enough, for what they retain.
fn is_gathering<O: Objects>(suspect: &Suspect, heap: u64, shared: &mut Shared<'_, O>) -> bool {
    if suspect.count >= FEWEST_OF_LITTLE || !is_little(suspect.size(), heap) {
        return true;
    }
    let Gatherer::Owner(owner) = suspect.gatherer else { return false };
    let held = suspect.some.iter().filter(|id| shared.gatherers(**id).contains(&Gatherer::Holder(owner)));
    2 * held.count() >= suspect.some.len()
}

/// Parts of a hundred of the heap from which on what has gathered is much.
pub const SMALLEST_PERCENT: u64 = 10;
/// Fewer bytes are much only where they are that part of a small heap.
pub const LEAST_BYTES: u64 = 1 << 20;

/// Whether so many bytes of a heap are too few to be what fills it, and few on their own as well.
pub fn is_little(bytes: u64, heap: u64) -> bool {
    bytes < LEAST_BYTES && 100 * u128::from(bytes) < u128::from(SMALLEST_PERCENT) * u128::from(heap)
}

/// Objects that each retain much, at least half of which is in no other JavaScript object; by where they have gathered.
fn few_but_large<O: Objects>(
    objects: &O,
    dominators: &Dominators,
    owners: &Owners,
    shared: &mut Shared<'_, O>,
    monitor: &dyn Monitor,
) -> Result<Vec<Suspect>> {
    let heap = dominators.all_bytes();
    let least = FEWEST_BYTES_OF_ONE.max(heap / SMALLEST_PART_OF_ONE);
    let is_js = |id: u32| objects.is_js(id);
    let is_large = |id: &u32| dominators.retained(*id) >= least && is_js(*id);
    let all = 0..owners.of.len() as u32;
    let mut large: HashMap<u32, u64> = all.clone().filter(is_large).map(|id| (id, 0)).collect();
    let outside = dominators.with_outside().filter(|id| dominators.total(*id) >= least && is_js(*id));
    large.extend(outside.map(|id| (id, 0)));
    let set = ObjectSet::new(owners.of.len());
    for id in large.keys() {
        set.insert(*id);
    }
    for id in all {
        if (id as usize).is_multiple_of(BETWEEN_LOOKS) && monitor.cancelled() {
            return Err(Error::Interrupted);
        }
        // Nothing that is not reached has one.
        let owner = owners.of[id as usize];
        // What is nested counts with the object that it is nested in.
        if owner != NOBODY && set.contains(owner) && !owners.is_nested[id as usize] && is_js(id) {
            let below = large.entry(owner).or_default();
            *below = below.saturating_add(dominators.total(id));
        }
    }
    let mut few = Gatherings::default();
    let mut ids: Vec<(u32, u64)> = large.into_iter().collect();
    ids.sort_unstable();
    for (id, below) in ids {
        let total = dominators.total(id);
        let Some(constructor) = objects.constructor(id) else { continue };
        if total.saturating_sub(below) < total.div_ceil(2).max(least) {
            continue;
        }
        let gatherer = match owners.of[id as usize] {
            NOBODY => shared.gatherers(id).first().copied().unwrap_or(Gatherer::Several),
            owner => Gatherer::Owner(owner),
        };
        few.add(gatherer, constructor, id, owners.is_nested[id as usize], dominators);
    }
    let is_much =
        |suspect: &Suspect| suspect.size() >= heap / SMALLEST_PART_OF_ALL && !is_little(suspect.size(), heap);
    let few = few.all.into_iter().filter(|suspect| suspect.count < u64::from(FEWEST) && is_much(suspect));
    Ok(few.map(|suspect| Suspect { is_few: true, ..suspect }).collect())
}

/// Of gatherings, the largest first, those that are not told with another.
fn distinct(objects: &impl Objects, suspects: Vec<Suspect>, owners: &Owners) -> Vec<Suspect> {
    let constructor = |id: u32| objects.constructor(id);
    let mut told: Vec<Option<Suspect>> = Vec::new();
    // Where those are told that have gathered under one owner, and those of a constructor that have none.
    let mut owned: HashMap<(u32, NameId), usize> = HashMap::new();
    let mut ownerless: HashMap<NameId, usize> = HashMap::new();
    let mut rest = suspects.into_iter();
    for suspect in rest.by_ref().take(MOST_DISTINCT) {
        let still = |place: Option<&usize>| place.copied().filter(|place| told[*place].is_some());
        let (mut at, mut outer) = match suspect.gatherer {
            Gatherer::Owner(id) => (id, None),
            // Of those that are held in several ways, most are the same.
            _ => (suspect.largest, still(ownerless.get(&suspect.constructor))),
        };
        for _ in 0..MOST_OWNERS {
            let owner = owners.of[at as usize];
            if outer.is_some() || at == suspect.largest && owner == NOBODY {
                break;
            }
            let Some(constructor) = constructor(at) else { break };
            outer = still(match owner {
                NOBODY => ownerless.get(&constructor),
                owner => owned.get(&(owner, constructor)),
            });
            if owner == NOBODY {
                break;
            }
            at = owner;
        }
        if let Some(outer) = outer {
            // What is told already says less if most of it is below, or if it says of no holder that it holds them.
            let is_better = told[outer].as_ref().is_some_and(|told| {
                2 * suspect.size() > told.size()
                    && (suspect.constructor != told.constructor
                        || told.gatherer == Gatherer::Several
                        || matches!(suspect.gatherer, Gatherer::Owner(_)))
            });
            if !is_better {
                continue;
            }
            told[outer] = None;
        }
        match suspect.gatherer {
            Gatherer::Owner(owner) => owned.insert((owner, suspect.constructor), told.len()),
            _ => ownerless.insert(suspect.constructor, told.len()),
        };
        told.push(Some(suspect));
    }
    told.into_iter().flatten().chain(rest).collect()
}

fn owners(
    objects: &impl Objects,
    dominators: &Dominators,
    nodes: usize,
    monitor: &dyn Monitor,
) -> Result<Owners> {
    let mut owners = Owners { of: vec![NOBODY; nodes], is_nested: vec![false; nodes] };
    for (index, &id) in dominators.order().iter().enumerate() {
        if index.is_multiple_of(BETWEEN_LOOKS) && monitor.cancelled() {
            return Err(Error::Interrupted);
        }
        let Some(above) = dominators.above(id) else { continue };
        let owner = if objects.is_js(above) { above } else { owners.of[above as usize] };
        if owner == NOBODY {
            continue;
        }
        let is_alike = objects.is_plain(id) && objects.are_alike(id, owner);
        // A list of which nobody owns the first link has gathered there.
        let up = if is_alike { owners.of[owner as usize] } else { NOBODY };
        owners.is_nested[id as usize] = up != NOBODY;
        owners.of[id as usize] = if up != NOBODY { up } else { owner };
    }
    Ok(owners)
}

impl Gatherings {
    /// Counts an object. What is nested is retained by another that counts.
    fn add(
        &mut self,
        gatherer: Gatherer,
        constructor: NameId,
        id: u32,
        is_nested: bool,
        dominators: &Dominators,
    ) {
        let key = (gatherer, constructor);
        let place = match self.last {
            Some((last, place)) if last == key => place,
            _ => *self.places.entry(key).or_insert_with(|| {
                self.all.push(Suspect {
                    gatherer,
                    constructor,
                    count: 0,
                    retained: 0,
                    outside: 0,
                    largest: id,
                    typical: id,
                    path: None,
                    is_few: false,
                    is_nodes: false,
                    some: Vec::new(),
                });
                self.largest.push(0);
                self.all.len() - 1
            }),
        };
        self.last = Some((key, place));
        let suspect = &mut self.all[place];
        // Some of all of them, and not of the first.
        let stride = (suspect.count / SAMPLE as u64).max(1).ilog2();
        if suspect.count.trailing_zeros() >= stride {
            suspect.some.push(id);
            if suspect.some.len() == 2 * SAMPLE {
                let mut index = 0;
                suspect.some.retain(|_| {
                    index += 1;
                    index % 2 == 1
                });
            }
        }
        suspect.count += 1;
        let (retained, outside) = (dominators.retained(id), dominators.outside(id));
        if !is_nested {
            suspect.retained = suspect.retained.saturating_add(retained);
            suspect.outside = suspect.outside.saturating_add(outside);
        }
        let total = retained.saturating_add(outside);
        if total > self.largest[place] {
            self.largest[place] = total;
            suspect.largest = id;
        }
    }
}

/// Who holds what nobody owns alone.
pub(super) struct Shared<'a, O> {
    objects: &'a O,
    dominators: &'a Dominators,
    held_by: &'a Rows,
    gatherers: Vec<Gatherer>,
    steps: Vec<u32>,
}

impl<'a, O: Objects> Shared<'a, O> {
    pub(super) fn new(objects: &'a O, dominators: &'a Dominators, held_by: &'a Rows) -> Shared<'a, O> {
        Shared { objects, dominators, held_by, gatherers: Vec::new(), steps: Vec::new() }
    }

    /// The JavaScript objects that hold an object, through storage or not, and the kinds of native handles that do. Variables
    /// are no gathering: what a context holds is left to whoever else does.
    pub(super) fn gatherers(&mut self, id: u32) -> &[Gatherer] {
        self.gatherers.clear();
        self.steps.clear();
        self.steps.push(id);
        self.gatherers.extend(self.objects.handle(id).map(Gatherer::Root));
        let mut at = 0;
        while let Some(&step) = self.steps.get(at) {
            at += 1;
            for &holder in self.held_by.of(step) {
                // Some are held by millions.
                if self.gatherers.len() >= MOST_HOLDERS {
                    return &self.gatherers;
                }
                if !self.dominators.is_reached(holder) {
                    continue;
                }
                match self.objects.passage(holder) {
                    Passage::Object => {
                        let gatherer = Gatherer::Holder(holder);
                        if !self.gatherers.contains(&gatherer) {
                            self.gatherers.push(gatherer);
                        }
                    }
                    Passage::Storage if self.steps.len() < MOST_STEPS && !self.steps.contains(&holder) => {
                        self.steps.push(holder);
                    }
                    _ => {}
                }
            }
        }
        &self.gatherers
    }
}
