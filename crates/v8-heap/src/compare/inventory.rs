//! Objects by constructor and by shape.
//!
//! A shape is what [`crate::index::Kinds`] calls a kind, but that arrays of all lengths are of one shape: an array that grows has
//! not become another.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use super::{Counted, Sum};
use crate::heap::Heap;
use crate::index::parallel::in_turns;
use crate::index::{Group, GroupId, ObjectTable};
use crate::layout::Kind;
use crate::{Monitor, Result};

/// What stands in the place of a constructor for strings, as in V8's own heap snapshots.
const STRINGS: &str = "(string)";

/// Names of a shape that are kept; the others are told by a hash. A dictionary can have millions.
const MOST_NAMES: usize = 64;

/// Constructor and property names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShapeName {
    /// Name of the constructor.
    pub constructor: String,
    /// The first names of properties, in order of creation.
    pub properties: Vec<String>,
    /// Number of properties.
    pub count: usize,
    /// Hash of the names that are not among `properties`.
    rest: u64,
}

/// The objects of a heap.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// JavaScript objects by constructor, and strings; sorted.
    pub constructors: Vec<(String, Sum)>,
    /// All objects, V8's own included; they retain what they take outside of the heap as well.
    pub total: Sum,
}

impl Heap<'_> {
    /// Counts the objects of the heap by constructor.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn inventory(&self, counted: Counted, monitor: &dyn Monitor) -> Result<Inventory> {
        let name = |group: &Group| self.name(group.constructor).to_owned();
        let mut constructors = self.by_class(name, counted, monitor)?;
        let (total, strings) = self.all_and_strings(self.objects(monitor)?, counted, monitor)?;
        constructors.add(STRINGS.to_owned(), strings);
        Ok(Inventory { constructors: constructors.sorted(), total })
    }

    /// Counts the JavaScript objects of the heap by shape; sorted.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn shapes(&self, counted: Counted, monitor: &dyn Monitor) -> Result<Vec<(ShapeName, Sum)>> {
        let table = self.objects(monitor)?;
        Ok(self.by_class(|group| self.shape_name(table, group), counted, monitor)?.sorted())
    }

    /// Counts the objects of each kind under the name of its class.
    fn by_class<K: Ord + Hash>(
        &self,
        name: impl Fn(&Group) -> K,
        counted: Counted,
        monitor: &dyn Monitor,
    ) -> Result<Classes<K>> {
        let kinds = self.kinds(monitor)?;
        let dead = match counted {
            Counted::Live => Some(self.garbage(monitor)?),
            Counted::All => None,
        };
        let mut classes: Classes<K> = Classes::default();
        for (index, group) in kinds.groups().iter().enumerate() {
            if index.is_multiple_of(256) && monitor.cancelled() {
                return Err(crate::Error::Interrupted);
            }
            let garbage = dead.and_then(|dead| dead.get(&GroupId(index)));
            let garbage = garbage.map_or((0, 0), |tally| (tally.count, tally.bytes));
            let own = Sum {
                count: group.count.saturating_sub(garbage.0),
                bytes: group.bytes.saturating_sub(garbage.1),
                retained: 0,
            };
            classes.add(name(group), own);
        }
        // What garbage retains is not known.
        if counted == Counted::Live {
            let (of_kinds, count) = (&classes.of_kinds, classes.sums.len());
            let sums = self.retained_by_classes(kinds, of_kinds, count, &HashMap::new(), monitor)?;
            for (sum, bytes) in classes.sums.iter_mut().zip(&sums) {
                sum.retained = bytes.inside.saturating_add(bytes.outside);
            }
        }
        Ok(classes)
    }

    fn shape_name(&self, table: &ObjectTable, group: &Group) -> ShapeName {
        let mut properties = self.group_property_names(table, group);
        let count = properties.len();
        let mut hasher = DefaultHasher::new();
        properties.get(MOST_NAMES..).unwrap_or_default().hash(&mut hasher);
        properties.truncate(MOST_NAMES);
        ShapeName {
            constructor: self.name(group.constructor).to_owned(),
            properties,
            count,
            rest: hasher.finish(),
        }
    }

    /// All objects that count, and the strings among them.
    fn all_and_strings(
        &self,
        table: &ObjectTable,
        counted: Counted,
        monitor: &dyn Monitor,
    ) -> Result<(Sum, Sum)> {
        let graph = self.graph(monitor)?;
        let counts = self.counts(counted, monitor)?;
        monitor.begin("counting objects", graph.len() as u64);
        let workers = in_turns(table.page_count(), monitor, <(Sum, Sum)>::default, |sums, page| {
            let (first, maps) = table.page_maps(page);
            for (id, map) in (first.0..).zip(maps).filter(|(id, _)| counts(*id)) {
                let bytes = graph.size(id);
                let one = Sum { count: 1, bytes, retained: bytes.saturating_add(graph.outside(id)) };
                sums.0.add(one);
                if self.map(*map).kind == Kind::String {
                    sums.1.add(one);
                }
            }
            maps.len() as u64
        })?;
        let mut all = <(Sum, Sum)>::default();
        for (objects, strings) in workers {
            all.0.add(objects);
            all.1.add(strings);
        }
        Ok(all)
    }
}

/// Kinds put together under one name.
struct Classes<K> {
    by_name: HashMap<K, u32>,
    sums: Vec<Sum>,
    of_kinds: Vec<u32>,
}

impl<K> Default for Classes<K> {
    fn default() -> Self {
        Classes { by_name: HashMap::new(), sums: Vec::new(), of_kinds: Vec::new() }
    }
}

impl<K: Ord + Hash> Classes<K> {
    /// Adds the next kind.
    fn add(&mut self, name: K, sum: Sum) {
        let class = *self.by_name.entry(name).or_insert(self.sums.len() as u32);
        if class as usize == self.sums.len() {
            self.sums.push(Sum::default());
        }
        self.sums[class as usize].add(sum);
        self.of_kinds.push(class);
    }

    fn sorted(self) -> Vec<(K, Sum)> {
        let sums = self.sums;
        let named = self.by_name.into_iter().map(|(name, class)| (name, sums[class as usize]));
        // What has garbage only is not there.
        let mut list: Vec<_> = named.filter(|(_, sum)| sum.count > 0).collect();
        list.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        list
    }
}
