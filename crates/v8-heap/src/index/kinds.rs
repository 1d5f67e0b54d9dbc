//! Kinds of objects: the answer of `::findjsobjects`.
//!
//! Two JavaScript objects are of one kind if they have the same constructor name and the same named properties in the
//! same order; arrays also the same length. Nearly always the map decides that, so objects are counted by map first, and
//! maps of equal meaning are merged. Only three sorts of objects are looked at one by one: arrays, for their length;
//! dictionary objects, whose names are their own; and objects that can name their constructor themselves.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

use crate::index::parallel::in_turns;
use crate::index::{ObjectId, ObjectTable};
use crate::isolate::Page;
use crate::layout::Kind;
use crate::objects::properties::PropertyValue;
use crate::objects::value::{HeapObject, Value};
use crate::remembered::names::{NameId, Naming};
use crate::shape::map::MapId;
use crate::store::{Array, Decoder, Encoder, Part, Unusable, are_below, ensure};
use crate::view::View;
use crate::{Error, Monitor, Result, Tagged};

/// What objects of one kind have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key {
    constructor: NameId,
    /// Hash of the names of the named properties, in order.
    names: u64,
    /// Length of arrays; 0 for all others.
    length: u64,
    is_array: bool,
}

/// All objects of one kind.
#[derive(Clone, Debug)]
pub struct Group {
    key: Key,
    /// Name of their constructor.
    pub constructor: NameId,
    /// The first of them by address.
    first: ObjectId,
    /// One that is worth looking at: the first, but for literals that V8 only copies from.
    pub representative: ObjectId,
    /// How many there are.
    pub count: u64,
    /// Bytes they take, without what they refer to.
    pub bytes: u64,
    /// Properties of each: named ones, or the length of arrays.
    pub properties: u64,
    /// The maps they have.
    maps: Vec<MapId>,
}

/// What the grouping met, as `::findjsobjects -v` shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// JavaScript objects: all that follow.
    pub javascript_objects: u64,
    /// Those that are neither arrays nor functions.
    pub objects: u64,
    /// Arrays.
    pub arrays: u64,
    /// Functions.
    pub functions: u64,
    /// Bytes of JavaScript objects, without what they refer to.
    pub bytes: u64,
    /// Objects whose properties could not be read; they are counted under what could be.
    pub damaged: u64,
}

/// All kinds of JavaScript objects.
#[derive(Debug)]
pub struct Kinds {
    groups: Vec<Group>,
    by_key: HashMap<Key, usize>,
    /// What the grouping met.
    pub statistics: Statistics,
}

/// Number of a group in [`Kinds::groups`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GroupId(pub usize);

/// How the kind of an object follows from its map.
#[derive(Clone, Copy, Debug)]
enum Class {
    /// Not yet known.
    Unknown,
    /// No JavaScript object.
    Internal,
    /// All objects of the map are of one kind.
    ByMap,
    /// Arrays: the length counts too.
    Array,
    /// The object decides.
    ByObject,
}

/// A number of objects.
#[derive(Clone, Copy, Debug)]
struct Tally {
    /// No heap has more objects than there are ids.
    count: u32,
    first: ObjectId,
}

const NONE: Tally = Tally { count: 0, first: ObjectId(u32::MAX) };

impl Tally {
    /// Counts one more. Each thread meets ids in ascending order.
    #[inline]
    fn add(&mut self, id: ObjectId) {
        if self.count == 0 {
            self.first = id;
        }
        self.count += 1;
    }
}

/// Arrays shorter than this are counted in a table, longer ones in a hash map.
const SHORT: usize = 64;

/// What one thread counted.
#[derive(Default)]
struct Counts {
    /// By map number; tally and class side by side, as both are wanted for each object.
    by_map: Vec<(Class, Tally)>,
    /// By map number: counts of short arrays by length.
    short_arrays: Vec<Option<Box<[Tally; SHORT]>>>,
    long_arrays: HashMap<(MapId, u64), Tally>,
    by_object: HashMap<(Key, MapId), (Tally, u64)>,
    damaged: u64,
    name_hashes: HashMap<Tagged, u64>,
    names: Vec<(u32, Tagged)>,
}

impl Kinds {
    /// Groups all objects.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub(crate) fn build(view: &View<'_>, table: &ObjectTable, monitor: &dyn Monitor) -> Result<Kinds> {
        monitor.begin("grouping objects", table.len() as u64);
        let count = |counts: &mut Counts, page: usize| counts.count_page(view, table, page);
        let all_counts = in_turns(table.page_count(), monitor, Counts::default, count)?;
        let mut kinds =
            Kinds { groups: Vec::new(), by_key: HashMap::new(), statistics: Statistics::default() };
        for counts in all_counts {
            kinds.take(view, table, counts);
        }
        kinds.sort();
        kinds.pass_over_templates(view, table, monitor)?;
        Ok(kinds)
    }

    /// For a literal that runs more than once V8 keeps an object to copy, whose computed properties are holes
    /// (`AllocationSite::boilerplate`; `{ min, max }` on Node.js 26, where it often comes first). It counts, as V8's own
    /// snapshot counts it, but shows nothing.
    fn pass_over_templates(
        &mut self,
        view: &View<'_>,
        table: &ObjectTable,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        /// Further members looked at.
        const MOST: usize = 8;
        for index in 0..self.groups.len() {
            let group = &self.groups[index];
            let first = view.object_by_id(table, group.first);
            if group.count < 2 || !first.is_some_and(|first| is_template(view, first)) {
                continue;
            }
            let (mut other, mut seen) = (None, 0);
            view.for_each_member_of(
                table,
                group,
                |_| true,
                monitor,
                |object| {
                    seen += 1;
                    other = Some(object).filter(|object| !is_template(view, *object));
                    other.is_none() && seen <= MOST
                },
            )?;
            if let Some(id) = other.and_then(|object| table.id_at(view.spaces(), object.address)) {
                self.groups[index].representative = id;
            }
        }
        Ok(())
    }

    fn take(&mut self, view: &View<'_>, table: &ObjectTable, counts: Counts) {
        self.statistics.damaged += counts.damaged;
        let by_map = counts.by_map.iter().map(|(_, tally)| tally).enumerate();
        for (index, tally) in by_map.filter(|(_, tally)| tally.count > 0) {
            let map = MapId(index as u32);
            if let Some(object) = view.object_by_id(table, tally.first)
                && let Some((key, properties)) = key_of(view, object, None)
            {
                self.add(view, key, map, *tally, properties);
            }
        }
        let short = counts
            .short_arrays
            .iter()
            .enumerate()
            .filter_map(|(map, lengths)| Some((map, lengths.as_ref()?)));
        let short = short.flat_map(|(map, lengths)| {
            let map = MapId(map as u32);
            lengths.iter().enumerate().map(move |(length, tally)| ((map, length as u64), *tally))
        });
        let long = counts.long_arrays.iter().map(|(key, tally)| (*key, *tally));
        for ((map, length), tally) in short.chain(long).filter(|(_, tally)| tally.count > 0) {
            if let Some(object) = view.object_by_id(table, tally.first)
                && let Some((key, _)) = key_of(view, object, None)
            {
                self.add(view, Key { length, ..key }, map, tally, length);
            }
        }
        for ((key, map), (tally, properties)) in counts.by_object {
            self.add(view, key, map, tally, properties);
        }
    }

    fn add(&mut self, view: &View<'_>, key: Key, map_id: MapId, tally: Tally, properties: u64) {
        let map = view.map(map_id);
        let count = u64::from(tally.count);
        let bytes = count * u64::from(map.instance_size_words) * view.fields().words.tagged;
        self.statistics.javascript_objects += count;
        self.statistics.bytes += bytes;
        match map.kind {
            Kind::JsArray => self.statistics.arrays += count,
            Kind::JsFunction | Kind::JsBoundFunction => self.statistics.functions += count,
            _ => self.statistics.objects += count,
        }
        let group = match self.by_key.entry(key) {
            Entry::Occupied(known) => &mut self.groups[*known.get()],
            Entry::Vacant(new) => {
                new.insert(self.groups.len());
                self.groups.push(Group {
                    key,
                    constructor: key.constructor,
                    first: tally.first,
                    representative: tally.first,
                    count: 0,
                    bytes: 0,
                    properties,
                    maps: Vec::new(),
                });
                self.groups.last_mut().expect("just pushed")
            }
        };
        group.count += count;
        group.bytes += bytes;
        group.first = group.first.min(tally.first);
        group.representative = group.first;
        group.maps.push(map_id);
    }

    /// Ascending by instances times properties, then instances, then properties, then address: what takes most comes
    /// last, next to the prompt.
    fn sort(&mut self) {
        for group in &mut self.groups {
            // Each thread counted for itself.
            group.maps.sort_unstable();
            group.maps.dedup();
        }
        self.groups.sort_unstable_by_key(|group| {
            (group.count.saturating_mul(group.properties), group.count, group.properties, group.first)
        });
        for (index, group) in self.groups.iter().enumerate() {
            self.by_key.insert(group.key, index);
        }
    }

    /// All groups, those that take most last.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// One group.
    pub fn group(&self, id: GroupId) -> &Group {
        &self.groups[id.0]
    }

    /// The group of an object.
    pub fn group_of(&self, view: &View<'_>, object: HeapObject<'_>) -> Option<GroupId> {
        let (key, _) = key_of(view, object, Some(&mut Counts::default()))?;
        self.by_key.get(&key).copied().map(GroupId)
    }
}

/// Finds the groups of many objects: those of most maps are all of one.
pub(crate) struct Grouping<'k> {
    kinds: &'k Kinds,
    /// What is known of the objects of each map.
    by_map: Vec<Option<OfMap>>,
    scratch: Counts,
}

/// The group of the objects of a map.
#[derive(Clone, Copy)]
enum OfMap {
    /// That of all of them, if it is one.
    One(Option<GroupId>),
    /// Each has its own.
    Each,
}

impl<'k> Grouping<'k> {
    pub(crate) fn new(kinds: &'k Kinds) -> Grouping<'k> {
        Grouping { kinds, by_map: Vec::new(), scratch: Counts::default() }
    }

    /// The group of an object.
    #[inline]
    pub(crate) fn of(&mut self, view: &View<'_>, object: HeapObject<'_>) -> Option<GroupId> {
        match self.by_map.get(object.map_id.0 as usize) {
            Some(Some(OfMap::One(group))) => *group,
            _ => self.look_up(view, object),
        }
    }

    fn look_up(&mut self, view: &View<'_>, object: HeapObject<'_>) -> Option<GroupId> {
        let map = object.map_id.0 as usize;
        if self.by_map.len() <= map {
            self.by_map.resize(view.map_count().max(map + 1), None);
        }
        let find = |scratch: &mut Counts| {
            let (key, _) = key_of(view, object, Some(scratch))?;
            self.kinds.by_key.get(&key).copied().map(GroupId)
        };
        match self.by_map[map] {
            Some(OfMap::One(group)) => group,
            Some(OfMap::Each) => find(&mut self.scratch),
            None => {
                let group = find(&mut self.scratch);
                let is_of_all = matches!(class_of(view, object), Class::ByMap | Class::Internal);
                self.by_map[map] = Some(if is_of_all { OfMap::One(group) } else { OfMap::Each });
                group
            }
        }
    }
}

impl View<'_> {
    /// The object with this number.
    pub fn object_by_id(&self, table: &ObjectTable, id: ObjectId) -> Option<HeapObject<'_>> {
        let address = table.address_of(id)?;
        let map_id = table.map_of(id)?;
        Some(HeapObject { address, map_id, map: self.map(map_id) })
    }

    /// Calls `visit` with every object of a group that is `wanted`, in address order, until it returns false.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub(crate) fn for_each_member_of<'h>(
        &'h self,
        table: &ObjectTable,
        group: &Group,
        wanted: impl Fn(ObjectId) -> bool,
        monitor: &dyn Monitor,
        mut visit: impl FnMut(HeapObject<'h>) -> bool,
    ) -> Result<()> {
        let mut of_group = vec![false; self.map_count()];
        let mut all_of_map = vec![false; self.map_count()];
        for map in &group.maps {
            let Some(slot) = of_group.get_mut(map.0 as usize) else { continue };
            *slot = true;
            all_of_map[map.0 as usize] = matches!(
                self.object_by_id(table, group.representative).map(|example| class_of(
                    self,
                    HeapObject { map_id: *map, map: self.map(*map), ..example }
                )),
                Some(Class::ByMap)
            );
        }
        let mut scratch = Counts::default();
        let first_page = table.page_with(group.first);
        for page in first_page..table.page_count() {
            if monitor.cancelled() {
                return Err(Error::Interrupted);
            }
            let (first, maps) = table.page_maps(page);
            if !maps.iter().any(|map| of_group.get(map.0 as usize).copied().unwrap_or(false)) {
                continue;
            }
            for (number, (address, map_id)) in table.page_objects(page).enumerate() {
                if !of_group.get(map_id.0 as usize).copied().unwrap_or(false)
                    || !wanted(ObjectId(first.0 + number as u32))
                {
                    continue;
                }
                let object = HeapObject { address, map_id, map: self.map(map_id) };
                let member = all_of_map[map_id.0 as usize]
                    || key_of(self, object, Some(&mut scratch)).is_some_and(|(key, _)| key == group.key);
                if member && !visit(object) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The first object of each of some groups that is `wanted`; of literals, one that V8 does not only copy from if there is
    /// one. Groups without any are left out.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub(crate) fn first_members(
        &self,
        table: &ObjectTable,
        kinds: &Kinds,
        groups: &HashSet<GroupId>,
        wanted: impl Fn(ObjectId) -> bool + Sync,
        monitor: &dyn Monitor,
    ) -> Result<HashMap<GroupId, ObjectId>> {
        if groups.is_empty() {
            return Ok(HashMap::new());
        }
        let mut sought = vec![false; self.map_count()];
        for map in groups.iter().flat_map(|group| &kinds.group(*group).maps) {
            sought[map.0 as usize] = true;
        }
        // What a thread has found, whether that is a template, and the maps whose objects it still looks at.
        type Found = HashMap<GroupId, (bool, ObjectId)>;
        let start = || (Found::new(), sought.clone());
        let look = |(found, sought): &mut (Found, Vec<bool>), page: usize| {
            let is_sought = |sought: &[bool], map: MapId| sought.get(map.0 as usize) == Some(&true);
            let (first, maps) = table.page_maps(page);
            if !maps.iter().any(|map| is_sought(sought, *map)) {
                return maps.len() as u64;
            }
            for (number, (address, map_id)) in table.page_objects(page).enumerate() {
                let id = ObjectId(first.0 + number as u32);
                if !is_sought(sought, map_id) || !wanted(id) {
                    continue;
                }
                let object = HeapObject { address, map_id, map: self.map(map_id) };
                let group = kinds.group_of(self, object).filter(|group| groups.contains(group));
                let Some(group) = group else { continue };
                if found.get(&group).is_none_or(|(is_template, _)| *is_template) {
                    let own = (is_template(self, object), id);
                    let best = found.entry(group).or_insert(own);
                    *best = own.min(*best);
                }
                if matches!(class_of(self, object), Class::ByMap) && !found[&group].0 {
                    sought[map_id.0 as usize] = false;
                }
            }
            maps.len() as u64
        };
        monitor.begin("looking for living objects", table.len() as u64);
        let mut all = Found::new();
        for (own, _) in in_turns(table.page_count(), monitor, start, look)? {
            for (group, own) in own {
                let best = all.entry(group).or_insert(own);
                *best = own.min(*best);
            }
        }
        Ok(all.into_iter().map(|(group, (_, id))| (group, id)).collect())
    }

    /// Names of the properties that the objects of a group have, in order of creation.
    pub fn group_property_names(&self, table: &ObjectTable, group: &Group) -> Vec<String> {
        let Some(object) = self.object_by_id(table, group.representative) else { return Vec::new() };
        if !object.map.is_dictionary {
            return self
                .shape(object.map)
                .properties
                .iter()
                .map(|property| property.text.to_string())
                .collect();
        }
        let Ok(properties) = self.own_properties(object) else { return Vec::new() };
        properties.into_iter().filter_map(|property| self.name_text(property.name)).collect()
    }
}

/// Whether a property of a plain object is a hole, which no program can store.
fn is_template(view: &View<'_>, object: HeapObject<'_>) -> bool {
    object.kind() == Kind::JsObject
        && !object.map.is_dictionary
        && view.own_properties(object).unwrap_or_default().iter().any(|property| {
            matches!(property.value, PropertyValue::Data(value) if matches!(view.value(value), Ok(Value::Hole | Value::Marker)))
        })
}

fn class_of(view: &View<'_>, example: HeapObject<'_>) -> Class {
    let map = example.map;
    if !map.kind.is_js_object() {
        Class::Internal
    } else if map.is_dictionary || matches!(view.naming(example), Naming::ByObject) {
        Class::ByObject
    } else if map.kind == Kind::JsArray {
        Class::Array
    } else {
        Class::ByMap
    }
}

/// The kind of an object, and its number of properties.
fn key_of(view: &View<'_>, object: HeapObject<'_>, scratch: Option<&mut Counts>) -> Option<(Key, u64)> {
    if !object.kind().is_js_object() {
        return None;
    }
    let constructor = view.constructor_name(object);
    let (names, named) = if object.map.is_dictionary {
        match scratch {
            Some(scratch) => scratch.dictionary_signature(view, object),
            None => Counts::default().dictionary_signature(view, object),
        }
    } else {
        let shape = view.shape(object.map);
        (
            shape_signature(shape.properties.iter().map(|property| hash_of(&property.text))),
            shape.properties.len() as u64,
        )
    };
    let is_array = object.kind() == Kind::JsArray;
    let length = if is_array { view.array_length(object).unwrap_or(0) } else { 0 };
    let properties = if is_array { length } else { named };
    Some((Key { constructor, names, length, is_array }, properties))
}

// Both are kept from one session to the next, so the hash must be the same in each.
fn hash_of(text: &str) -> u64 {
    xxh3_64(text.as_bytes())
}

fn shape_signature(names: impl Iterator<Item = u64>) -> u64 {
    let mut hasher = Xxh3Default::new();
    for name in names {
        hasher.update(&name.to_le_bytes());
    }
    hasher.digest()
}

impl Counts {
    /// Counts the objects of one page; returns how many objects it has.
    fn count_page(&mut self, view: &View<'_>, table: &ObjectTable, page: usize) -> u64 {
        let (first, maps) = table.page_maps(page);
        if self.by_map.len() < view.map_count() {
            self.by_map.resize(view.map_count(), (Class::Unknown, NONE));
        }
        let mut special = false;
        for (id, map) in (first.0..).map(ObjectId).zip(maps) {
            let (class, tally) = &mut self.by_map[map.0 as usize];
            if matches!(class, Class::Unknown) {
                *class =
                    view.object_by_id(table, id).map_or(Class::Internal, |object| class_of(view, object));
            }
            match class {
                Class::ByMap => tally.add(id),
                Class::Array | Class::ByObject => special = true,
                Class::Internal | Class::Unknown => {}
            }
        }
        if special {
            for (id, (address, map)) in (first.0..).map(ObjectId).zip(table.page_objects(page)) {
                match self.by_map[map.0 as usize].0 {
                    Class::Array => self.count_array(view, view.spaces().pages().get(page), address, map, id),
                    Class::ByObject => {
                        let object = HeapObject { address, map_id: map, map: view.map(map) };
                        if let Some((key, properties)) = key_of(view, object, Some(self)) {
                            self.by_object.entry((key, map)).or_insert((NONE, properties)).0.add(id);
                        }
                    }
                    _ => {}
                }
            }
        }
        maps.len() as u64
    }

    #[inline]
    fn count_array(
        &mut self,
        view: &View<'_>,
        page: Option<&Page<'_>>,
        address: u64,
        map: MapId,
        id: ObjectId,
    ) {
        let word = page.and_then(|page| {
            let at = address + view.fields().js_array_length;
            page.pieces.iter().find_map(|piece| page.encoding.first(piece.from(at)?))
        });
        let length = match word.and_then(Tagged::smi) {
            Some(length) if length >= 0 => length as u64,
            _ => word.and_then(|word| view.number(word)).map_or(0, |length| length as u64),
        };
        let Some(short) = usize::try_from(length).ok().filter(|length| *length < SHORT) else {
            self.long_arrays.entry((map, length)).or_insert(NONE).add(id);
            return;
        };
        let slot = map.0 as usize;
        if slot >= self.short_arrays.len() {
            self.short_arrays.resize_with(slot + 1, || None);
        }
        self.short_arrays[slot].get_or_insert_with(|| Box::new([NONE; SHORT]))[short].add(id);
    }

    /// Hash of the names of a dictionary object's properties, in order of creation, and their number.
    fn dictionary_signature(&mut self, view: &View<'_>, object: HeapObject<'_>) -> (u64, u64) {
        /// Names remembered by address: enough for all that recur, little enough to hold.
        const MOST_NAMES: usize = 1 << 16;
        let mut names = std::mem::take(&mut self.names);
        if view.dictionary_names(object, &mut names).is_err() {
            self.damaged += 1;
        }
        let hashes = &mut self.name_hashes;
        let signature = shape_signature(names.iter().map(|(_, name)| {
            if let Some(&hash) = hashes.get(name) {
                return hash;
            }
            let hash = hash_of(&view.name_text(*name).unwrap_or_default());
            if hashes.len() < MOST_NAMES {
                hashes.insert(*name, hash);
            }
            hash
        }));
        let count = names.len() as u64;
        self.names = names;
        (signature, count)
    }
}

/// Kinds whose representative is asked for its kind when they come from a store.
const COMPARED: usize = 1024;

/// Statistics; names of constructors; by kind, in their order: number of the name, hash of the properties' names, length, whether
/// arrays, first object, representative, objects, bytes, properties, maps; then the addresses of the maps of all kinds.
impl Part for Kinds {
    const NAME: &'static str = "kinds";
    type Known<'h> = (&'h View<'h>, &'h ObjectTable);

    fn write<'a>(&'a self, view: &'a View<'_>, to: &mut Encoder<'a>) {
        let met = &self.statistics;
        for number in [met.javascript_objects, met.objects, met.arrays, met.functions, met.bytes, met.damaged]
        {
            to.number(number);
        }
        let mut numbers: HashMap<NameId, u32> = HashMap::new();
        let mut names = Vec::new();
        for group in &self.groups {
            numbers.entry(group.constructor).or_insert_with(|| {
                names.push(view.name(group.constructor));
                names.len() as u32 - 1
            });
        }
        to.texts(names.iter().copied());
        to.column(self.groups.iter().map(|group| numbers[&group.constructor]));
        to.column(self.groups.iter().map(|group| group.key.names));
        to.column(self.groups.iter().map(|group| group.key.length));
        to.column(self.groups.iter().map(|group| u8::from(group.key.is_array)));
        to.column(self.groups.iter().map(|group| group.first.0));
        to.column(self.groups.iter().map(|group| group.representative.0));
        to.column(self.groups.iter().map(|group| group.count));
        to.column(self.groups.iter().map(|group| group.bytes));
        to.column(self.groups.iter().map(|group| group.properties));
        to.column(self.groups.iter().map(|group| group.maps.len() as u32));
        to.column(self.groups.iter().flat_map(|group| &group.maps).map(|map| view.map(*map).address));
    }

    fn read((view, table): Self::Known<'_>, from: &mut Decoder, _: &dyn Monitor) -> Result<Kinds, Unusable> {
        let mut numbers = [0; 6];
        for number in &mut numbers {
            *number = from.number()?;
        }
        let [javascript_objects, objects, arrays, functions, bytes, damaged] = numbers;
        let statistics = Statistics { javascript_objects, objects, arrays, functions, bytes, damaged };
        let names: Vec<NameId> = from.texts()?.iter().map(|name| view.intern_name(name)).collect();
        let constructors: Array<u32> = from.array()?;
        let count = constructors.len();
        let hashes: Array<u64> = from.array_of(count)?;
        let lengths: Array<u64> = from.array_of(count)?;
        let are_arrays: Array<u8> = from.array_of(count)?;
        let firsts: Array<u32> = from.array_of(count)?;
        let representatives: Array<u32> = from.array_of(count)?;
        let counts: Array<u64> = from.array_of(count)?;
        let byte_counts: Array<u64> = from.array_of(count)?;
        let properties: Array<u64> = from.array_of(count)?;
        let map_counts: Array<u32> = from.array_of(count)?;
        let maps: Array<u64> = from.array_of(map_counts.iter().map(|count| *count as usize).sum())?;
        ensure(
            are_below(&constructors, names.len())
                && are_below(&firsts, table.len())
                && are_below(&representatives, table.len()),
            "a kind has an object or a name that is none",
        )?;
        let sum = |numbers: &[u64]| numbers.iter().fold(0u64, |sum, number| sum.saturating_add(*number));
        ensure(
            sum(&counts) == javascript_objects
                && sum(&byte_counts) == bytes
                && javascript_objects <= table.len() as u64
                && sum(&[objects, arrays, functions]) == javascript_objects
                && !counts.contains(&0),
            "the kinds do not add up",
        )?;
        let mut kinds = Kinds { groups: Vec::with_capacity(count), by_key: HashMap::new(), statistics };
        let mut maps = maps.iter();
        for index in 0..count {
            let constructor = names[constructors[index] as usize];
            let key = Key {
                constructor,
                names: hashes[index],
                length: lengths[index],
                is_array: are_arrays[index] != 0,
            };
            let own = maps.by_ref().take(map_counts[index] as usize);
            let own: Option<Vec<MapId>> = own
                .map(|map| view.maps.intern(&view.words(), view.layout(), Tagged::pointer(*map)))
                .collect();
            let mut own = own.ok_or(Unusable::Damaged("a kind has a map that is none"))?;
            own.sort_unstable();
            kinds.groups.push(Group {
                key,
                constructor,
                first: ObjectId(firsts[index]),
                representative: ObjectId(representatives[index]),
                count: counts[index],
                bytes: byte_counts[index],
                properties: properties[index],
                maps: own,
            });
            ensure(kinds.by_key.insert(key, index).is_none(), "two kinds are one")?;
        }
        kinds.recount(view, table)?;
        for index in (0..count).step_by((count / COMPARED).max(1)) {
            let object = view.object_by_id(table, kinds.groups[index].representative);
            let kind = object.and_then(|object| kinds.group_of(view, object));
            ensure(kind == Some(GroupId(index)), "an object is not of the kind that it says")?;
        }
        Ok(kinds)
    }
}

impl Kinds {
    /// Counts the objects of each map: most kinds have maps of their own, and all together have all JavaScript objects.
    fn recount(&self, view: &View<'_>, table: &ObjectTable) -> Result<(), Unusable> {
        let mut by_map = vec![0u64; view.map_count()];
        for page in 0..table.page_count() {
            for map in table.page_maps(page).1 {
                by_map[map.0 as usize] += 1;
            }
        }
        let mut kinds_of = vec![0u32; by_map.len()];
        for map in self.groups.iter().flat_map(|group| &group.maps) {
            kinds_of[map.0 as usize] += 1;
        }
        let mut all = 0;
        for (id, count) in (0..).map(MapId).zip(&by_map) {
            let is_counted = *count > 0 && view.map(id).kind.is_js_object();
            all += if is_counted { *count } else { 0 };
            ensure(!is_counted || kinds_of[id.0 as usize] > 0, "an object is of no kind")?;
        }
        ensure(all == self.statistics.javascript_objects, "there are other objects than the kinds have")?;
        let is_own = |map: &MapId| kinds_of[map.0 as usize] == 1;
        for group in self.groups.iter().filter(|group| group.maps.iter().all(is_own)) {
            let (mut count, mut bytes) = (0, 0);
            for map in &group.maps {
                count += by_map[map.0 as usize];
                bytes += by_map[map.0 as usize]
                    * u64::from(view.map(*map).instance_size_words)
                    * view.fields().words.tagged;
            }
            ensure((group.count, group.bytes) == (count, bytes), "a kind has more objects or fewer")?;
        }
        Ok(())
    }
}
