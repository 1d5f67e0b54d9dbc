//! Which objects are alive: marking from the roots, on all processors.
//!
//! Most questions need only what the roots reach ([`crate::Heap::reached`]). What is left may still be held by some word of native
//! memory; to search that costs as much again, and is done for those who want to tell the two apart ([`crate::Heap::liveness`]).
//!
//! A set of objects is a bitmap over their numbers. Threads mark by setting bits, each working off a stack of its own and
//! handing some of it to others that have none. The value of an ephemeron is marked by whoever marks the second of
//! key and table.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::native_memory::native_memory;
use super::object_graph::{BETWEEN_LOOKS, Ephemeron, Graph};
use super::roots::{Root, Roots};
use crate::index::ObjectTable;
use crate::view::View;
use crate::{Error, Monitor, Result};

/// A set of objects, by number.
#[derive(Debug, Default)]
pub struct ObjectSet {
    pub(super) bits: Vec<AtomicU64>,
}

impl ObjectSet {
    /// An empty set, of objects below `limit`.
    pub fn new(limit: usize) -> ObjectSet {
        ObjectSet { bits: (0..limit.div_ceil(64)).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Whether an object is in it.
    #[inline]
    pub fn contains(&self, id: u32) -> bool {
        self.bits[id as usize / 64].load(Ordering::SeqCst) >> (id % 64) & 1 == 1
    }

    /// Puts an object in; says whether it was not there before.
    #[inline]
    pub fn insert(&self, id: u32) -> bool {
        let (word, bit) = (&self.bits[id as usize / 64], 1 << (id % 64));
        // Most are found marked, and reading does not fetch the line for writing.
        word.load(Ordering::Relaxed) & bit == 0 && word.fetch_or(bit, Ordering::SeqCst) & bit == 0
    }

    /// Takes an object out.
    pub(super) fn remove(&self, id: u32) {
        self.bits[id as usize / 64].fetch_and(!(1 << (id % 64)), Ordering::SeqCst);
    }

    /// Whether all objects `[first, end)` are in it.
    pub(super) fn contains_all(&self, first: u32, end: u32) -> bool {
        let (from, to) = (first as usize / 64, end as usize / 64);
        let holds = |word: usize, mask: u64| self.bits[word].load(Ordering::Relaxed) & mask == mask;
        let (head, tail) = (u64::MAX << (first % 64), (1 << (end % 64)) - 1);
        if first >= end {
            return true;
        }
        if from == to {
            return holds(from, head & tail);
        }
        holds(from, head)
            && (from + 1..to).all(|word| holds(word, u64::MAX))
            && (tail == 0 || holds(to, tail))
    }

    /// Number of objects.
    pub fn len(&self) -> usize {
        self.bits.iter().map(|word| word.load(Ordering::Relaxed).count_ones() as usize).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bits.iter().all(|word| word.load(Ordering::Relaxed) == 0)
    }

    /// The bits, 64 objects a word.
    pub(crate) fn words(&self) -> impl Iterator<Item = u64> + '_ {
        self.bits.iter().map(|word| word.load(Ordering::Relaxed))
    }

    /// One word of the bits.
    #[inline]
    pub(crate) fn word(&self, index: usize) -> u64 {
        self.bits[index].load(Ordering::Relaxed)
    }

    fn copy(&self) -> ObjectSet {
        let bits = self.bits.iter().map(|word| AtomicU64::new(word.load(Ordering::Relaxed)));
        ObjectSet { bits: bits.collect() }
    }
}

/// What keeps an object alive, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Life {
    /// It is reached from the roots.
    Live,
    /// Only some word of native memory or of a native function, which may be left over, leads to it.
    Unsure,
    /// Nothing does.
    Dead,
}

/// Which objects are alive.
#[derive(Debug)]
pub struct Liveness {
    pub(super) reached: Arc<ObjectSet>,
    pub(super) possible: ObjectSet,
    /// Words of native memory and of native functions that hold what is not certainly alive.
    pub native: Vec<Root>,
}

impl Liveness {
    /// What keeps an object alive. What is in read-only pages always is.
    pub fn of(&self, id: u32) -> Life {
        if self.reached.contains(id) {
            Life::Live
        } else if self.possible.contains(id) {
            Life::Unsure
        } else {
            Life::Dead
        }
    }

    /// The objects that are certainly alive.
    pub(crate) fn living(&self) -> ObjectSet {
        self.reached.copy()
    }

    /// Whether anything keeps an object alive, native memory included.
    #[inline]
    pub fn is_held(&self, id: u32) -> bool {
        self.possible.contains(id)
    }

    /// Searches native memory, the frames of native functions included, for what else may be held than what the roots reach.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub(crate) fn find(
        view: &View<'_>,
        table: &ObjectTable,
        graph: &Graph,
        roots: &Roots,
        reached: Arc<ObjectSet>,
        monitor: &dyn Monitor,
    ) -> Result<Liveness> {
        let mut native = native_memory(view, table, roots, |id| !reached.contains(id), monitor)?;
        native.extend(roots.leftovers.iter().filter(|root| !reached.contains(root.target)));
        let possible = reached.copy();
        Marker::new(graph).mark(&possible, native.iter().map(|root| root.target).collect(), monitor)?;
        Ok(Liveness { reached, possible, native })
    }
}

impl ObjectSet {
    /// What the roots reach, and what is in read-only pages.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub(crate) fn reached(
        view: &View<'_>,
        table: &ObjectTable,
        graph: &Graph,
        roots: &Roots,
        monitor: &dyn Monitor,
    ) -> Result<ObjectSet> {
        let marker = Marker::new(graph);
        let reached = ObjectSet::new(graph.len());
        marker.mark(&reached, roots.all().iter().map(|root| root.target).collect(), monitor)?;
        for (page, _) in view.spaces().pages().iter().enumerate().filter(|(_, page)| page.is_read_only()) {
            let (first, maps) = table.page_maps(page);
            for id in first.0..first.0 + maps.len() as u32 {
                reached.insert(id);
            }
        }
        Ok(reached)
    }
}

impl ObjectSet {
    /// Adds what `seeds` reach.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub(crate) fn add_reached(&self, graph: &Graph, seeds: Vec<u32>, monitor: &dyn Monitor) -> Result<()> {
        Marker::new(graph).mark(self, seeds, monitor)
    }
}

/// Objects handed from one thread to another at once.
const SHARE: usize = 4096;

/// References that are taken to be cut.
#[derive(Debug)]
pub struct Cuts {
    holders: ObjectSet,
    held: HashMap<u32, Vec<u32>>,
}

impl Cuts {
    /// Cuts each of these references, from holder to held, of a graph of so many objects.
    pub fn new(nodes: usize, references: impl Iterator<Item = (u32, u32)>) -> Cuts {
        let mut cuts = Cuts { holders: ObjectSet::new(nodes), held: HashMap::new() };
        for (holder, held) in references {
            cuts.holders.insert(holder);
            cuts.held.entry(holder).or_default().push(held);
        }
        cuts
    }

    /// What an object would hold no more.
    #[inline]
    fn of(&self, holder: u32) -> &[u32] {
        match self.holders.contains(holder) {
            true => self.held.get(&holder).map_or(&[], Vec::as_slice),
            false => &[],
        }
    }
}

/// Marks what is reached.
pub(super) struct Marker<'g> {
    graph: &'g Graph,
    cuts: Option<&'g Cuts>,
    /// The ephemerons of `graph`, by table.
    by_table: Vec<Ephemeron>,
    /// Keys and tables of ephemerons.
    concerned: ObjectSet,
}

/// Work that waits for a thread.
struct Pool {
    shares: Mutex<Vec<Vec<u32>>>,
    waiting: AtomicUsize,
    idle: AtomicUsize,
    cancelled: AtomicBool,
}

impl<'g> Marker<'g> {
    pub fn new(graph: &'g Graph) -> Marker<'g> {
        let mut by_table = graph.ephemerons.to_vec();
        by_table.sort_unstable_by_key(|ephemeron| ephemeron.table);
        let concerned = ObjectSet::new(graph.len());
        for ephemeron in &by_table {
            concerned.insert(ephemeron.key);
            concerned.insert(ephemeron.table);
        }
        Marker { graph, cuts: None, by_table, concerned }
    }

    /// The same without some references.
    pub fn without(graph: &'g Graph, cuts: &'g Cuts) -> Marker<'g> {
        Marker { cuts: Some(cuts), ..Marker::new(graph) }
    }

    /// Adds to `marks` what `seeds` reach.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub fn mark(&self, marks: &ObjectSet, seeds: Vec<u32>, monitor: &dyn Monitor) -> Result<()> {
        monitor.begin("marking what is alive", self.graph.len() as u64);
        let seeds: Vec<u32> = seeds.into_iter().filter(|seed| marks.insert(*seed)).collect();
        let shares: Vec<Vec<u32>> = seeds.chunks(SHARE).map(<[u32]>::to_vec).collect();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let pool = Pool {
            waiting: AtomicUsize::new(shares.len()),
            shares: Mutex::new(shares),
            idle: AtomicUsize::new(0),
            cancelled: AtomicBool::new(false),
        };
        crossbeam::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|_| self.work(marks, &pool, threads, monitor));
            }
        })
        .expect("marking does not panic");
        if pool.cancelled.into_inner() { Err(Error::Interrupted) } else { Ok(()) }
    }

    fn work(&self, marks: &ObjectSet, pool: &Pool, threads: usize, monitor: &dyn Monitor) {
        let mut stack: Vec<u32> = Vec::new();
        let mut done = 0u64;
        loop {
            while let Some(id) = stack.pop() {
                done += 1;
                if done.is_multiple_of(BETWEEN_LOOKS as u64) {
                    monitor.advance(BETWEEN_LOOKS as u64);
                    if monitor.cancelled() {
                        pool.cancelled.store(true, Ordering::SeqCst);
                    }
                    if pool.cancelled.load(Ordering::SeqCst) {
                        return;
                    }
                }
                let cut = self.cuts.map_or(&[][..], |cuts| cuts.of(id));
                for &target in self.graph.holds.of(id) {
                    if (cut.is_empty() || !cut.contains(&target)) && marks.insert(target) {
                        stack.push(target);
                    }
                }
                if self.concerned.contains(id) {
                    self.complete(marks, id, &mut stack);
                }
                if stack.len() >= 2 * SHARE && pool.waiting.load(Ordering::Relaxed) < threads {
                    let share = stack.split_off(stack.len() - SHARE);
                    pool.shares.lock().unwrap_or_else(PoisonError::into_inner).push(share);
                    pool.waiting.fetch_add(1, Ordering::SeqCst);
                }
            }
            // A thread that is idle has no work to hand over; when all are, there is none.
            pool.idle.fetch_add(1, Ordering::SeqCst);
            loop {
                let share = pool.shares.lock().unwrap_or_else(PoisonError::into_inner).pop();
                if let Some(share) = share {
                    pool.waiting.fetch_sub(1, Ordering::SeqCst);
                    pool.idle.fetch_sub(1, Ordering::SeqCst);
                    stack = share;
                    break;
                }
                if pool.idle.load(Ordering::SeqCst) >= threads || pool.cancelled.load(Ordering::SeqCst) {
                    return;
                }
                std::thread::yield_now();
            }
        }
    }

    /// Marks the values of ephemerons whose key or table has just been marked, and whose other one is marked too.
    #[cold]
    fn complete(&self, marks: &ObjectSet, id: u32, stack: &mut Vec<u32>) {
        let start = self.by_table.partition_point(|ephemeron| ephemeron.table < id);
        let of_table = self.by_table[start..].iter().take_while(|ephemeron| ephemeron.table == id);
        for ephemeron in self.graph.ephemerons_of(id).iter().chain(of_table) {
            if marks.contains(ephemeron.key)
                && marks.contains(ephemeron.table)
                && marks.insert(ephemeron.value)
            {
                stack.push(ephemeron.value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::object_graph::Sizes;
    use super::*;
    use crate::Unattended;
    use crate::graph::Rows;

    fn graph(nodes: usize, edges: &[(u32, u32)], ephemerons: &[(u32, u32, u32)]) -> Graph {
        let mut ephemerons: Vec<_> =
            ephemerons.iter().map(|&(table, key, value)| Ephemeron { key, value, table }).collect();
        ephemerons.sort_unstable();
        Graph {
            holds: Rows::from_edges(nodes, edges),
            ephemerons: ephemerons.into(),
            owned: crate::graph::AllOwned::default(),
            sizes: Sizes::Own(vec![1; nodes].into()),
            unit: 8,
            follows_code: true,
            code_table: None,
        }
    }

    fn marked(graph: &Graph, seeds: &[u32]) -> Vec<u32> {
        let marks = ObjectSet::new(graph.len());
        Marker::new(graph).mark(&marks, seeds.to_vec(), &Unattended).unwrap();
        (0..graph.len() as u32).filter(|id| marks.contains(*id)).collect()
    }

    #[test]
    fn what_only_a_cut_reference_held_is_not_marked() {
        let graph = graph(6, &[(0, 1), (1, 2), (0, 3), (3, 2), (1, 4), (3, 5)], &[]);
        for (cut, left) in
            [(vec![(0, 1)], vec![0, 2, 3, 5]), (vec![(1, 2), (3, 2), (3, 5)], vec![0, 1, 3, 4])]
        {
            let cuts = Cuts::new(graph.len(), cut.into_iter());
            let marks = ObjectSet::new(graph.len());
            Marker::without(&graph, &cuts).mark(&marks, vec![0], &Unattended).unwrap();
            assert_eq!((0..6).filter(|id| marks.contains(*id)).collect::<Vec<u32>>(), left);
        }
    }

    #[test]
    fn a_set_has_all_of_a_range_or_lacks_one() {
        for missing in [0, 1, 63, 64, 100, 127, 128, 199] {
            let set = ObjectSet::new(200);
            (0..200).filter(|id| *id != missing).for_each(|id| assert!(set.insert(id)));
            for (first, end) in
                [(0, 200), (0, 1), (1, 64), (63, 65), (64, 128), (65, 127), (100, 100), (128, 200)]
            {
                assert_eq!(
                    set.contains_all(first, end),
                    !(first..end).contains(&missing),
                    "{missing}: {first}..{end}"
                );
            }
        }
        assert!(ObjectSet::new(0).contains_all(0, 0) && ObjectSet::new(64).contains_all(64, 64));
    }

    #[test]
    fn what_is_reached_is_marked_and_nothing_else() {
        let graph = graph(6, &[(0, 1), (1, 2), (2, 0), (3, 4), (4, 3)], &[]);
        assert_eq!(marked(&graph, &[0]), [0, 1, 2]);
        assert_eq!(marked(&graph, &[4, 5]), [3, 4, 5]);
        assert!(marked(&graph, &[]).is_empty());
    }

    /// Tables 1 and 2; a chain of keys 3, 4, 5, of which each is the value of the one before.
    #[test]
    fn values_live_as_long_as_key_and_table() {
        let ephemerons = [(1, 3, 4), (2, 4, 5)];
        let edges = [(0, 1)];
        assert_eq!(marked(&graph(6, &edges, &ephemerons), &[0]), [0, 1], "no key is alive");
        assert_eq!(marked(&graph(6, &edges, &ephemerons), &[0, 3]), [0, 1, 3, 4], "the second table is dead");
        assert_eq!(marked(&graph(6, &edges, &ephemerons), &[3, 0, 2]), [0, 1, 2, 3, 4, 5]);
        assert_eq!(marked(&graph(6, &edges, &ephemerons), &[3, 2]), [2, 3], "the first table is dead");
        // A value that holds its own key does not keep it alive.
        assert_eq!(marked(&graph(6, &[(4, 3)], &[(1, 3, 4)]), &[1]), [1]);
    }

    #[test]
    fn many_objects_are_marked_by_several_threads() {
        let nodes = 200_000u32;
        let edges: Vec<_> = (1..nodes).map(|id| (id / 3, id)).collect();
        assert_eq!(marked(&graph(nodes as usize, &edges, &[]), &[0]).len(), nodes as usize);
        let chain: Vec<_> = (1..nodes).map(|id| (id - 1, id)).collect();
        assert_eq!(marked(&graph(nodes as usize, &chain, &[]), &[100_000]).len(), 100_000);
    }
}
