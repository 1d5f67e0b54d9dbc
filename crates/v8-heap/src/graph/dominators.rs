//! Dominators: which objects would die with which.
//!
//! Object *d* dominates object *o* if every path from a root to *o* leads through *d*. The nearest of them is the immediate
//! dominator; together they form a tree, and an object's retained size is the size of all below it, itself included.
//! Computed by the method of L. Georgiadis and R. E. Tarjan that is called Semi-NCA (*Finding Dominators in Practice*, 2006):
//! semidominators as Lengauer and Tarjan find them, with path compression, then nearest common ancestors. All of it
//! is arrays over numbers in depth-first order, and no recursion.
//!
//! A root that no object stands for holds all that the roots hold. An ephemeron's value is taken to be held by its key.
//!
//! What refers to nothing and is held by one object alone has that for its dominator: such leaves, half of a heap and more, need no
//! number and no search. They are added to the tree when it is there.

use std::collections::HashMap;

use super::liveness::{Cuts, ObjectSet};
use super::object_graph::{BETWEEN_LOOKS, Ephemeron, Graph, Listed, Rows};
use super::roots::Root;
use super::scratch::Scratch;
use crate::store::Array;
use crate::{Error, Monitor, Result};

/// Stands for no object: what dominates an object is the root of all, or the object is not reached from it.
pub const NOBODY: u32 = u32::MAX;

/// The tree of dominators with retained sizes.
#[derive(Debug)]
pub struct Dominators {
    /// Immediate dominator of each object.
    pub(super) above: Array<u32>,
    /// Bytes in the heap that die with each object, its own included.
    pub(super) retained: Array<u64>,
    /// The same for bytes outside of the heap, of objects that have any, by object.
    pub(super) outside: OutsideBytes,
    /// Objects that are reached, each behind its dominator.
    pub(super) order: Array<u32>,
    /// All objects are reached; otherwise those that retain something, which are the same where all have a size.
    pub(super) reaches_all: bool,
}

/// What objects retain, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetainedBytes {
    /// In the heap.
    pub inside: u64,
    /// What objects have outside of the heap and V8 counts: bytes of buffers, characters of strings.
    pub outside: u64,
    /// What was given besides ([`Dominators::sums_of`]).
    pub more: u64,
}

impl Dominators {
    /// What dominates an object; `None` if nothing less than the root of all does.
    pub fn above(&self, id: u32) -> Option<u32> {
        Some(self.above[id as usize]).filter(|above| *above != NOBODY)
    }

    /// Whether an object is reached from the roots.
    pub fn is_reached(&self, id: u32) -> bool {
        self.reaches_all || self.retained[id as usize] > 0
    }

    /// Bytes of the heap that would be freed with an object; 0 if it is not reached from the roots.
    pub fn retained(&self, id: u32) -> u64 {
        self.retained[id as usize]
    }

    /// Bytes outside of the heap that would be freed with an object.
    pub fn outside(&self, id: u32) -> u64 {
        self.outside.of(id)
    }

    /// Bytes in the heap and outside of it that would be freed with an object.
    pub fn total(&self, id: u32) -> u64 {
        self.retained(id).saturating_add(self.outside(id))
    }

    /// The objects with which bytes outside of the heap would be freed.
    pub(crate) fn with_outside(&self) -> impl Iterator<Item = u32> + '_ {
        self.outside.list.iter().map(|(id, _)| *id)
    }

    /// Objects that are reached, each behind its dominator.
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// Objects that only the root of all dominates, in the order of their numbers.
    pub fn tops(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.above.len() as u32).filter(|id| self.above[*id as usize] == NOBODY && self.is_reached(*id))
    }

    /// Bytes in the heap and outside of it of all objects that are reached.
    pub fn all_bytes(&self) -> u64 {
        self.tops().map(|id| self.total(id)).fold(0, u64::saturating_add)
    }

    /// What each object dominates immediately.
    pub fn below(&self) -> Rows {
        let mut starts = vec![0u32; self.above.len() + 1];
        for above in self.above.iter().filter(|above| **above != NOBODY) {
            starts[*above as usize + 1] += 1;
        }
        for index in 0..self.above.len() {
            starts[index + 1] += starts[index];
        }
        let mut cursors = starts.clone();
        let mut targets = vec![0; *starts.last().unwrap_or(&0) as usize];
        for (id, above) in self.above.iter().enumerate().filter(|(_, above)| **above != NOBODY) {
            let cursor = &mut cursors[*above as usize];
            targets[*cursor as usize] = id as u32;
            *cursor += 1;
        }
        Rows { starts: starts.into(), targets: targets.into() }
    }

    /// Bytes in the heap and outside of it that the objects of each class retain, and those that are counted in `more`: `class_of` has
    /// the number of a class, less than `classes`, for objects that are of one. What an object retains below another of its own class
    /// counts once.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub fn retained_by_class(
        &self,
        class_of: impl Fn(u32) -> Option<u32>,
        classes: usize,
        more: &HashMap<u32, u64>,
        monitor: &dyn Monitor,
    ) -> Result<Vec<RetainedBytes>> {
        let below = self.below();
        let mut sums = vec![RetainedBytes::default(); classes];
        // How many objects of each class are above the one at hand.
        let mut above = vec![0u32; classes];
        let mut stack: Vec<(u32, u32)> = Vec::new();
        let mut done = 0usize;
        for top in self.tops() {
            stack.push((top, 0));
            while let Some((id, visited)) = stack.last_mut() {
                let class = class_of(*id).map(|class| class as usize).filter(|class| *class < classes);
                if *visited == 0
                    && let Some(class) = class
                {
                    if above[class] == 0 {
                        let sum = &mut sums[class];
                        sum.inside = sum.inside.saturating_add(self.retained(*id));
                        sum.outside = sum.outside.saturating_add(self.outside(*id));
                        if !more.is_empty() {
                            sum.more = sum.more.saturating_add(more.get(id).copied().unwrap_or(0));
                        }
                    }
                    above[class] += 1;
                }
                match below.of(*id).get(*visited as usize) {
                    Some(&next) => {
                        *visited += 1;
                        stack.push((next, 0));
                    }
                    None => {
                        // Without any below it was entered and left in one.
                        if let Some(class) = class {
                            above[class] -= 1;
                        }
                        stack.pop();
                    }
                }
                done += 1;
                if done.is_multiple_of(BETWEEN_LOOKS) && monitor.cancelled() {
                    return Err(Error::Interrupted);
                }
            }
        }
        Ok(sums)
    }

    /// Bytes in the heap and outside of it that would be freed if all of `group` were: what several of them hold together
    /// counts as well. `seeds` are what the roots hold.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub fn retained_together(
        &self,
        graph: &Graph,
        seeds: Vec<u32>,
        group: &[u32],
        monitor: &dyn Monitor,
    ) -> Result<(u64, u64)> {
        let kept = self.kept_without(graph, seeds, group, monitor)?;
        Ok(self.lost(graph, &kept))
    }

    /// What would still be reached if all of `group` were gone. `seeds` are what the roots hold.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub fn kept_without(
        &self,
        graph: &Graph,
        seeds: Vec<u32>,
        group: &[u32],
        monitor: &dyn Monitor,
    ) -> Result<ObjectSet> {
        let marks = ObjectSet::new(graph.len());
        for id in group {
            marks.insert(*id);
        }
        super::liveness::Marker::new(graph).mark(&marks, seeds, monitor)?;
        for id in group {
            marks.remove(*id);
        }
        Ok(marks)
    }

    /// What is freed with each object of what objects own that is not in the graph: numbers and sums of such, by the objects that retain
    /// some of it.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub fn sums_of(
        &self,
        own: impl Iterator<Item = (u32, u64)>,
        monitor: &dyn Monitor,
    ) -> Result<HashMap<u32, u64>> {
        let mut sums: HashMap<u32, u64> = HashMap::new();
        let concerned = ObjectSet::new(self.above.len());
        for (id, bytes) in own.filter(|(id, _)| self.is_reached(*id)) {
            concerned.insert(id);
            let sum = sums.entry(id).or_default();
            *sum = sum.saturating_add(bytes);
        }
        // Each stands behind what dominates it.
        for (index, id) in self.order.iter().rev().enumerate() {
            if index.is_multiple_of(BETWEEN_LOOKS) && monitor.cancelled() {
                return Err(Error::Interrupted);
            }
            if concerned.contains(*id)
                && let Some(above) = self.above(*id)
            {
                concerned.insert(above);
                let sum = sums.get(id).copied().unwrap_or(0);
                let up = sums.entry(above).or_default();
                *up = up.saturating_add(sum);
            }
        }
        Ok(sums)
    }

    /// What would still be reached without some references; [`Dominators::lost`] says what the others are.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub fn reached_without(
        &self,
        graph: &Graph,
        roots: &[Root],
        cuts: &Cuts,
        monitor: &dyn Monitor,
    ) -> Result<ObjectSet> {
        let marks = ObjectSet::new(graph.len());
        let seeds = roots.iter().map(|root| root.target).collect();
        super::liveness::Marker::without(graph, cuts).mark(&marks, seeds, monitor)?;
        Ok(marks)
    }

    /// Bytes in the heap and outside of it of what is reached but not one of these.
    pub fn lost(&self, graph: &Graph, still_reached: &ObjectSet) -> (u64, u64) {
        let mut sizes = (0, 0);
        for id in self.order.iter().copied().filter(|id| !still_reached.contains(*id)) {
            sizes.0 += graph.size(id);
            sizes.1 += graph.outside(id);
        }
        sizes
    }

    /// The tree, as seen from `roots`. `held_by` is the graph turned around.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub fn find(graph: &Graph, held_by: &Rows, roots: &[Root], monitor: &dyn Monitor) -> Result<Dominators> {
        let seeds = roots.iter().map(|root| root.target).collect();
        Dominators::from_seeds(graph, held_by, seeds, false, monitor)
    }

    /// The tree of all objects, as seen from one that is the root of all. What that does not reach is taken to be held by the root of
    /// all: first what nothing holds, then what is left, which are objects that only hold one another.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub(crate) fn of_all(
        graph: &Graph,
        held_by: &Rows,
        root: u32,
        monitor: &dyn Monitor,
    ) -> Result<Dominators> {
        Dominators::from_seeds(graph, held_by, vec![root], true, monitor)
    }

    fn from_seeds(
        graph: &Graph,
        held_by: &Rows,
        mut seeds: Vec<u32>,
        reaches_all: bool,
        monitor: &dyn Monitor,
    ) -> Result<Dominators> {
        let nodes = graph.len();
        seeds.sort_unstable();
        seeds.dedup();
        let is_root = ObjectSet::new(nodes);
        for seed in &seeds {
            is_root.insert(*seed);
        }
        let ephemerons = LiveEphemerons::new(graph, &seeds, monitor)?;
        let leaves = leaves(graph, held_by, &is_root, &ephemerons);
        let mut forest = DepthFirst::search(graph, &seeds, &ephemerons, &leaves, monitor)?;
        if reaches_all {
            forest.add_unreached(graph, held_by, &ephemerons, &is_root, &leaves, monitor)?;
        }
        let mut above = forest.dominators(held_by, &is_root, &ephemerons, monitor)?;
        let DepthFirst { mut order, mut numbers, parents } = forest;
        drop(parents);
        let numbers = numbers.elements();
        let above = above.elements();
        // Those that are reached, and their sizes to their holders. What is not reached is of number 0, whose sum counts nowhere.
        let count = order.len();
        let mut all_sums = Scratch::<u64>::zeroed(count);
        let sums = all_sums.elements();
        let is_leaf = |id: u32| leaves.contains(id) && numbers[id as usize] == 0;
        let number_of_holder = |leaf: u32| numbers[held_by.of(leaf)[0] as usize] as usize;
        order.reserve_exact(leaves.len());
        for leaf in (0..nodes as u32).filter(|id| is_leaf(*id)) {
            let holder = number_of_holder(leaf);
            if holder != 0 {
                sums[holder] = sums[holder].saturating_add(graph.size(leaf));
                order.push(leaf);
            }
        }
        let mut outside: Vec<(u32, u64)> = Vec::new();
        if !graph.owned.is_empty() {
            let mut sums: Vec<u64> = vec![0; count];
            for owned in graph.owned.iter() {
                let number = match is_leaf(owned.owner) {
                    true => number_of_holder(owned.owner),
                    false => numbers[owned.owner as usize] as usize,
                };
                if is_leaf(owned.owner) && number != 0 {
                    outside.push((owned.owner, owned.bytes));
                }
                sums[number] = sums[number].saturating_add(owned.bytes);
            }
            // What belongs to objects that are not reached is of no number.
            sums[0] = 0;
            for number in (1..count).rev() {
                let (sum, up) = (sums[number], above[number] as usize);
                if sum > 0 {
                    outside.push((order[number], sum));
                    sums[up] = sums[up].saturating_add(sum);
                }
            }
            outside.sort_unstable();
            // A leaf may own several pieces of memory.
            outside.dedup_by(|next, kept| {
                let is_same = next.0 == kept.0;
                if is_same {
                    kept.1 = kept.1.saturating_add(next.1);
                }
                is_same
            });
        }
        // Numbers become objects, and sizes are summed from the last to the first.
        let mut above_each = vec![NOBODY; nodes];
        let mut retained = vec![0; nodes];
        for number in (1..count).rev() {
            let (id, up) = (order[number], above[number] as usize);
            sums[number] = sums[number].saturating_add(graph.size(id));
            sums[up] = sums[up].saturating_add(sums[number]);
            retained[id as usize] = sums[number];
            if up != 0 {
                above_each[id as usize] = order[up];
            }
        }
        for &leaf in &order[count..] {
            retained[leaf as usize] = graph.size(leaf);
            above_each[leaf as usize] = held_by.of(leaf)[0];
        }
        order.remove(0);
        Ok(Dominators {
            above: above_each.into(),
            retained: retained.into(),
            outside: OutsideBytes::new(outside),
            order: order.into(),
            reaches_all,
        })
    }
}

/// Bytes outside of the heap by object.
#[derive(Debug, Default)]
pub(super) struct OutsideBytes {
    /// Sorted by object.
    pub list: Vec<(u32, u64)>,
    owners: Listed,
}

impl OutsideBytes {
    /// The list is sorted by object.
    pub fn new(list: Vec<(u32, u64)>) -> OutsideBytes {
        OutsideBytes { owners: Listed::of(list.iter().map(|(id, _)| *id)), list }
    }

    fn of(&self, id: u32) -> u64 {
        let place =
            self.owners.has(id).then(|| self.list.binary_search_by_key(&id, |(own, _)| *own).ok()).flatten();
        place.map_or(0, |at| self.list[at].1)
    }
}

/// Objects that refer to nothing and that one reference of one object holds.
fn leaves(graph: &Graph, held_by: &Rows, is_root: &ObjectSet, ephemerons: &LiveEphemerons) -> ObjectSet {
    let leaves = ObjectSet::new(graph.len());
    for id in 0..graph.len() as u32 {
        let is_leaf = graph.holds.of(id).is_empty() && held_by.of(id).len() == 1;
        if is_leaf && !is_root.contains(id) && !ephemerons.concerned.contains(id) {
            leaves.insert(id);
        }
    }
    leaves
}

/// The ephemerons whose tables are alive, by key and by value: as edges from key to value.
struct LiveEphemerons {
    by_key: Vec<Ephemeron>,
    by_value: Vec<Ephemeron>,
    concerned: ObjectSet,
}

impl LiveEphemerons {
    fn new(graph: &Graph, seeds: &[u32], monitor: &dyn Monitor) -> Result<LiveEphemerons> {
        let concerned = ObjectSet::new(graph.len());
        let mut by_key = Vec::new();
        if !graph.ephemerons.is_empty() {
            let marks = ObjectSet::new(graph.len());
            super::liveness::Marker::new(graph).mark(&marks, seeds.to_vec(), monitor)?;
            by_key = graph.ephemerons.to_vec();
            by_key.retain(|ephemeron| marks.contains(ephemeron.key) && marks.contains(ephemeron.table));
        }
        for ephemeron in &by_key {
            concerned.insert(ephemeron.key);
            concerned.insert(ephemeron.value);
        }
        let mut by_value = by_key.clone();
        by_value.sort_unstable_by_key(|ephemeron| ephemeron.value);
        Ok(LiveEphemerons { by_key, by_value, concerned })
    }

    fn values(&self, key: u32) -> &[Ephemeron] {
        if !self.concerned.contains(key) {
            return &[];
        }
        let start = self.by_key.partition_point(|ephemeron| ephemeron.key < key);
        let end = self.by_key[start..].partition_point(|ephemeron| ephemeron.key == key);
        &self.by_key[start..start + end]
    }

    fn keys(&self, value: u32) -> &[Ephemeron] {
        if !self.concerned.contains(value) {
            return &[];
        }
        let start = self.by_value.partition_point(|ephemeron| ephemeron.value < value);
        let end = self.by_value[start..].partition_point(|ephemeron| ephemeron.value == value);
        &self.by_value[start..start + end]
    }
}

/// Objects in depth-first order, leaves left out. Number 0 is the root of all.
struct DepthFirst {
    /// The object with each number; of number 0, [`NOBODY`].
    order: Vec<u32>,
    /// The number of each object; 0 if it is not reached, or a leaf.
    numbers: Scratch<u32>,
    /// By number: the number of the one it was reached from.
    parents: Scratch<u32>,
}

impl DepthFirst {
    fn search(
        graph: &Graph,
        seeds: &[u32],
        ephemerons: &LiveEphemerons,
        leaves: &ObjectSet,
        monitor: &dyn Monitor,
    ) -> Result<DepthFirst> {
        let nodes = graph.len();
        monitor.begin("ordering the graph", nodes as u64);
        let mut search = DepthFirst {
            order: Vec::with_capacity(nodes + 1),
            numbers: Scratch::zeroed(nodes),
            parents: Scratch::zeroed(nodes + 1),
        };
        search.order.push(NOBODY);
        search.follow(graph, seeds.iter().copied(), ephemerons, leaves, monitor)?;
        Ok(search)
    }

    /// Adds what the search has not reached, as if the root of all held it; and marks what it is taken to hold.
    fn add_unreached(
        &mut self,
        graph: &Graph,
        held_by: &Rows,
        ephemerons: &LiveEphemerons,
        is_root: &ObjectSet,
        leaves: &ObjectSet,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let numbers = &*self.numbers.elements();
        let is_orphan = |id: &u32| {
            numbers[*id as usize] == 0 && held_by.of(*id).is_empty() && ephemerons.keys(*id).is_empty()
        };
        let orphans: Vec<u32> = (0..graph.len() as u32).filter(is_orphan).collect();
        for id in &orphans {
            is_root.insert(*id);
        }
        self.follow(graph, orphans.into_iter(), ephemerons, leaves, monitor)?;
        // A leaf of one of these is held by it no more than by the root of all.
        let numbers = &*self.numbers.elements();
        let is_left = |id: &u32| {
            let number = |id: u32| numbers[id as usize];
            number(*id) == 0 && !(leaves.contains(*id) && number(held_by.of(*id)[0]) != 0)
        };
        let left: Vec<u32> = (0..graph.len() as u32).filter(is_left).collect();
        let mut visits = self.visits();
        for id in left {
            is_root.insert(id);
            visits.visit(id, 0);
        }
        Ok(())
    }

    /// Visits what `seeds` reach and has not been visited.
    fn follow(
        &mut self,
        graph: &Graph,
        seeds: impl Iterator<Item = u32>,
        ephemerons: &LiveEphemerons,
        leaves: &ObjectSet,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        // An object and how many of its references have been followed.
        let mut stack: Vec<(u32, u32)> = Vec::new();
        let mut search = self.visits();
        for seed in seeds {
            if search.numbers[seed as usize] != 0 {
                continue;
            }
            search.visit(seed, 0);
            stack.push((seed, 0));
            while let Some((id, followed)) = stack.last_mut() {
                let targets = graph.holds.of(*id);
                let at = *followed as usize;
                let own = *id;
                *followed += 1;
                let target = match targets.get(at) {
                    Some(target) => *target,
                    None => match ephemerons.values(own).get(at - targets.len()) {
                        Some(ephemeron) => ephemeron.value,
                        None => {
                            stack.pop();
                            continue;
                        }
                    },
                };
                if !leaves.contains(target) && search.numbers[target as usize] == 0 {
                    let parent = search.numbers[own as usize];
                    search.visit(target, parent);
                    if search.order.len().is_multiple_of(BETWEEN_LOOKS) {
                        monitor.advance(BETWEEN_LOOKS as u64);
                        if monitor.cancelled() {
                            return Err(Error::Interrupted);
                        }
                    }
                    stack.push((target, 0));
                }
            }
        }
        Ok(())
    }

    fn visits(&mut self) -> Visits<'_> {
        Visits { order: &mut self.order, numbers: self.numbers.elements(), parents: self.parents.elements() }
    }

    /// Immediate dominators, by number.
    fn dominators(
        &mut self,
        held_by: &Rows,
        is_root: &ObjectSet,
        ephemerons: &LiveEphemerons,
        monitor: &dyn Monitor,
    ) -> Result<Scratch<u32>> {
        let count = self.order.len();
        monitor.begin("finding dominators", 2 * count as u64);
        let numbers = &*self.numbers.elements();
        let parents = &self.parents.elements()[..count];
        let mut semi = Scratch::<u32>::zeroed(count);
        let semi = semi.elements();
        semi.iter_mut().zip(0..).for_each(|(own, number)| *own = number);
        let (mut ancestors, mut labels) = (Scratch::of(parents), Scratch::of(semi));
        let mut forest =
            Forest { ancestors: ancestors.elements(), labels: labels.elements(), path: Vec::new() };
        for number in (1..count).rev() {
            let id = self.order[number];
            let mut best = parents[number];
            if is_root.contains(id) {
                best = 0;
            } else {
                let keys = ephemerons.keys(id).iter().map(|ephemeron| ephemeron.key);
                for holder in held_by.of(id).iter().copied().chain(keys) {
                    let holder = numbers[holder as usize];
                    // What is not reached holds nothing alive.
                    if holder == 0 {
                        continue;
                    }
                    best = best.min(forest.smallest(holder, number as u32, semi));
                }
            }
            semi[number] = best;
            forest.labels[number] = best;
            if number.is_multiple_of(BETWEEN_LOOKS) {
                monitor.advance(BETWEEN_LOOKS as u64);
                if monitor.cancelled() {
                    return Err(Error::Interrupted);
                }
            }
        }
        drop((ancestors, labels));
        // The nearest ancestor in the tree built so far that is not behind the semidominator.
        let mut all_above = Scratch::of(parents);
        let above = all_above.elements();
        for number in 1..count {
            let mut up = above[number];
            while up > semi[number] {
                up = above[up as usize];
            }
            above[number] = up;
            if number.is_multiple_of(BETWEEN_LOOKS) {
                monitor.advance(BETWEEN_LOOKS as u64);
                if monitor.cancelled() {
                    return Err(Error::Interrupted);
                }
            }
        }
        Ok(all_above)
    }
}

/// Where a search goes on.
struct Visits<'a> {
    order: &'a mut Vec<u32>,
    numbers: &'a mut [u32],
    parents: &'a mut [u32],
}

impl Visits<'_> {
    fn visit(&mut self, id: u32, parent: u32) {
        let number = self.order.len();
        self.numbers[id as usize] = number as u32;
        self.parents[number] = parent;
        self.order.push(id);
    }
}

/// The forest of Lengauer and Tarjan. A vertex is linked to its parent as soon as it has been dealt with, which is to say
/// that all with larger numbers than the one at hand are.
struct Forest<'a> {
    ancestors: &'a mut [u32],
    /// The smallest semidominator on the path from a vertex to its ancestor, that one left out.
    labels: &'a mut [u32],
    path: Vec<u32>,
}

impl Forest<'_> {
    /// The smallest semidominator on the way from `vertex` up to the first that is not linked yet: those below or at `last`.
    /// Makes the way shorter.
    #[inline]
    fn smallest(&mut self, vertex: u32, last: u32, semi: &[u32]) -> u32 {
        if vertex <= last {
            return semi[vertex as usize];
        }
        let mut at = vertex;
        while self.ancestors[at as usize] > last {
            self.path.push(at);
            at = self.ancestors[at as usize];
        }
        while let Some(lower) = self.path.pop() {
            let label = self.labels[at as usize];
            if label < self.labels[lower as usize] {
                self.labels[lower as usize] = label;
            }
            self.ancestors[lower as usize] = self.ancestors[at as usize];
            at = lower;
        }
        self.labels[vertex as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::super::object_graph::Sizes;
    use super::super::roots::RootKind;
    use super::*;
    use crate::Unattended;
    use proptest::prelude::*;

    fn graph(nodes: usize, edges: &[(u32, u32)], ephemerons: &[Ephemeron]) -> Graph {
        let mut ephemerons = ephemerons.to_vec();
        ephemerons.sort_unstable();
        Graph {
            holds: Rows::from_edges(nodes, edges),
            ephemerons: ephemerons.into(),
            owned: crate::graph::AllOwned::default(),
            sizes: Sizes::Own((1..=nodes as u32).collect()),
            unit: 8,
            follows_code: true,
            code_table: None,
        }
    }

    fn tree(graph: &Graph, seeds: &[u32]) -> Dominators {
        let roots: Vec<Root> =
            seeds.iter().map(|target| Root { target: *target, kind: RootKind::Isolate, at: 0 }).collect();
        let held_by = graph.holds.reversed(&Unattended).unwrap();
        Dominators::find(graph, &held_by, &roots, &Unattended).unwrap()
    }

    /// What is reached from the roots when `without` is not there; keys of ephemerons hold the values if their table is reached
    /// by any means.
    fn reached(
        graph: &Graph,
        seeds: &[u32],
        without: Option<u32>,
        tables: &dyn Fn(u32) -> bool,
    ) -> Vec<bool> {
        let mut seen = vec![false; graph.len()];
        let mut stack: Vec<u32> = seeds.to_vec();
        while let Some(id) = stack.pop() {
            if Some(id) == without || std::mem::replace(&mut seen[id as usize], true) {
                continue;
            }
            stack.extend_from_slice(graph.holds.of(id));
            stack.extend(graph.ephemerons_of(id).iter().filter(|e| tables(e.table)).map(|e| e.value));
        }
        seen
    }

    #[test]
    fn a_diamond_is_dominated_by_its_top() {
        // 0 -> 1 -> 2, 1 -> 3, both -> 4 -> 5; 6 is held by two roots' objects.
        let graph = graph(8, &[(0, 1), (1, 2), (1, 3), (2, 4), (3, 4), (4, 5), (0, 6), (7, 6)], &[]);
        let tree = tree(&graph, &[0, 7]);
        let above: Vec<_> = (0..8).map(|id| tree.above(id)).collect();
        assert_eq!(above, [None, Some(0), Some(1), Some(1), Some(1), Some(4), None, None]);
        assert_eq!(tree.retained(4), 8 * (5 + 6));
        assert_eq!(tree.retained(1), 8 * (2 + 3 + 4 + 5 + 6));
        assert_eq!(tree.tops().collect::<Vec<_>>(), [0, 6, 7]);
        assert_eq!(tree.below().of(1), [2, 3, 4]);
    }

    #[test]
    fn what_is_not_reached_hangs_below_nothing() {
        // 0 -> 1; 2 -> 3 is held by nothing; 4 and 5 hold one another, and 5 holds 6.
        let graph = graph(7, &[(0, 1), (2, 3), (4, 5), (5, 4), (5, 6)], &[]);
        let held_by = graph.holds.reversed(&Unattended).unwrap();
        let tree = Dominators::of_all(&graph, &held_by, 0, &Unattended).unwrap();
        let above: Vec<_> = (0..7).map(|id| tree.above(id)).collect();
        assert_eq!(above, [None, Some(0), None, Some(2), None, None, None]);
        assert!((0..7).all(|id| tree.is_reached(id)));
        assert_eq!(tree.order().len(), 7);
    }

    #[test]
    fn a_chain_of_a_million_is_no_recursion() {
        let nodes = 1_000_000u32;
        let edges: Vec<_> = (1..nodes).map(|id| (id - 1, id)).chain([(nodes - 1, 0)]).collect();
        let graph = graph(nodes as usize, &edges, &[]);
        let tree = tree(&graph, &[0]);
        assert!((1..nodes).all(|id| tree.above(id) == Some(id - 1)));
    }

    #[test]
    fn a_value_in_a_weak_map_hangs_below_its_key() {
        let ephemeron = Ephemeron { key: 2, value: 3, table: 1 };
        let live = graph(4, &[(0, 1), (0, 2)], &[ephemeron]);
        assert_eq!(tree(&live, &[0]).above(3), Some(2));
        let without_table = graph(4, &[(0, 2)], &[ephemeron]);
        assert!(!tree(&without_table, &[0]).is_reached(3));
    }

    /// References, entries of weak maps, roots.
    type AnyGraph = (Vec<(u32, u32)>, Vec<(u32, u32, u32)>, Vec<u32>);

    /// 30 objects, some of which are roots, some entries of weak maps.
    fn any_graph() -> impl Strategy<Value = AnyGraph> {
        (
            prop::collection::vec((0..30u32, 0..30u32), 0..90),
            prop::collection::vec((0..30u32, 0..30u32, 0..30u32), 0..6),
            prop::collection::vec(0..30u32, 0..4),
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Against the definition: an object dominates another if that is not reached without it.
        #[test]
        fn dominators_are_what_the_definition_says((edges, ephemerons, seeds) in any_graph()) {
            let ephemerons: Vec<_> =
                ephemerons.into_iter().map(|(key, value, table)| Ephemeron { key, value, table }).collect();
            let graph = graph(30, &edges, &ephemerons);
            let tree = tree(&graph, &seeds);
            // Tables that are alive, to a fixed point.
            let mut alive = vec![false; 30];
            loop {
                let next = reached(&graph, &seeds, None, &|table| alive[table as usize]);
                if next == alive {
                    break;
                }
                alive = next;
            }
            let tables = |table: u32| alive[table as usize];
            for id in 0..30u32 {
                prop_assert_eq!(tree.is_reached(id), alive[id as usize]);
            }
            let mut retained = vec![0; 30];
            for over in 0..30u32 {
                let without = reached(&graph, &seeds, Some(over), &tables);
                for id in (0..30u32).filter(|id| alive[*id as usize]) {
                    let is_dominated = id == over || !without[id as usize];
                    if is_dominated && alive[over as usize] {
                        retained[over as usize] += graph.size(id);
                    }
                    // The ancestors in the tree are the dominators.
                    let mut up = Some(id);
                    while up.is_some() && up != Some(over) {
                        up = tree.above(up.unwrap());
                    }
                    prop_assert_eq!(up == Some(over), is_dominated, "{} over {}", over, id);
                }
            }
            for id in 0..30u32 {
                prop_assert_eq!(tree.retained(id), retained[id as usize]);
            }
            for (place, id) in tree.order().iter().enumerate() {
                let above = tree.above(*id);
                prop_assert!(above.is_none_or(|above| tree.order()[..place].contains(&above)));
            }
        }
    }
}
