//! What has grown from one heap to the next: heaps of one service, in other processes or at other times.
//!
//! No address of one heap means anything in another, so nothing is compared by address. Objects are counted under names that
//! every heap has: constructor, shape, content, kind of buffer. A single object is recognised by its path of names from the global
//! object (`global.broker.sessions.get("session-7")`), and by what it is.
//!
//! ```text
//!   heap A --> inventory --\                          changes: one row a group, one column a heap
//!   heap B --> inventory ----> changes(...) ------->    "Session"   [200, 320, 500]
//!   heap C --> inventory --/
//!
//!   heap C --> Paths::of(objects) --> Paths::locate(heap A) --> the same objects in A, or none
//! ```
//!
//! - `inventory`: objects by constructor and by shape. `texts`: strings by what they say. `stores`: the memory of buffers.
//! - `paths`: names of objects, and the way back from a name to an object. `collections`: Maps, arrays and the like, by path, with
//!   the entries that are new in them; `alike`: those that have grown alike under one object. `newcomers`: objects that an older heap does not have. `unnamed`: what
//!   no path leads to, by the constructors of owner and object.
//!
//! Heaps stand in the order of time, the oldest first. Of three, what was new in the second and is still there in the third has
//! *stayed*; what came and went has not.

mod alike;
mod collections;
mod inventory;
mod newcomers;
mod paths;
mod stores;
mod text_hash;
mod texts;
mod unnamed;

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};

use crate::heap::Heap;
use crate::{Monitor, Result};

pub use alike::Alike;
pub use collections::{Collection, CollectionChange, Collections, Turnover, collections, turnover};
pub use inventory::{Inventory, ShapeName};
pub use newcomers::{Newcomers, newcomers};
pub use paths::{Key, Located, Paths, Step};
pub use stores::StoreClass;
pub use texts::{Text, Texts};
pub use unnamed::{OwnedClass, Unnamed, unnamed};

use text_hash::TextHash;

/// One of the heaps, and who watches the work on it.
#[derive(Clone, Copy)]
pub struct Side<'a, 't> {
    /// The heap.
    pub heap: &'a Heap<'t>,
    /// Who watches.
    pub monitor: &'a dyn Monitor,
}

impl std::fmt::Debug for Side<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Side").field("heap", &self.heap).finish_non_exhaustive()
    }
}

/// Which objects count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Those that the roots reach.
    Live,
    /// Garbage as well: where it is not known what keeps objects alive.
    All,
}

impl Heap<'_> {
    /// Whether each object counts, by its number.
    fn counts(&self, counted: Counted, monitor: &dyn Monitor) -> Result<impl Fn(u32) -> bool + Sync + '_> {
        let reached = match counted {
            Counted::Live => Some(self.reached(monitor)?),
            Counted::All => None,
        };
        Ok(move |id| reached.is_none_or(|reached| reached.contains(id)))
    }
}

/// Some objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// Bytes that they take, without what they refer to.
    pub bytes: u64,
    /// Bytes that would be freed with them, in the heap and outside; no less than `bytes` of those that are certainly alive.
    pub retained: u64,
}

impl Sum {
    /// Counts others, too.
    pub fn add(&mut self, other: Sum) {
        self.count = self.count.saturating_add(other.count);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.retained = self.retained.saturating_add(other.retained);
    }
}

/// A group of objects in each of the heaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change<K> {
    /// What they have in common.
    pub group: K,
    /// How many there are and what they take, the oldest heap first.
    pub sums: Vec<Sum>,
}

impl<K> Change<K> {
    /// What one quantity has grown by from the first heap to the last.
    pub fn growth(&self, of: impl Fn(&Sum) -> u64) -> i128 {
        growth(self.sums.iter().map(of))
    }

    /// How much of one quantity appeared behind the first heap, and was there ever since.
    pub fn stayed(&self, of: impl Fn(&Sum) -> u64) -> u64 {
        stayed(self.sums.iter().map(of))
    }

    /// Whether all heaps have equally many that take equally much.
    fn is_still(&self) -> bool {
        let is_same = |pair: &[Sum]| (pair[0].count, pair[0].bytes) == (pair[1].count, pair[1].bytes);
        self.sums.windows(2).all(is_same)
    }
}

/// What a quantity has grown by from the first heap to the last.
pub fn growth(values: impl Iterator<Item = u64>) -> i128 {
    let values: Vec<u64> = values.collect();
    let end = |value: Option<&u64>| i128::from(value.copied().unwrap_or(0));
    end(values.last()) - end(values.first())
}

/// How much of a quantity appeared behind the first heap, and was there in all that follow.
pub fn stayed(mut values: impl Iterator<Item = u64>) -> u64 {
    let first = values.next().unwrap_or(0);
    values.min().unwrap_or(0).saturating_sub(first)
}

/// The groups of several heaps side by side, sorted, those left out that are the same in all. Each list has a group once.
pub fn changes<K: Ord>(lists: Vec<Vec<(K, Sum)>>) -> Vec<Change<K>> {
    let heaps = lists.len();
    let of_heap =
        |(heap, list): (usize, Vec<(K, Sum)>)| list.into_iter().map(move |(key, sum)| (key, heap, sum));
    let mut all: Vec<(K, usize, Sum)> = lists.into_iter().enumerate().flat_map(of_heap).collect();
    all.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    let mut changes: Vec<Change<K>> = Vec::new();
    for (group, heap, sum) in all {
        if changes.last().is_none_or(|change| change.group != group) {
            if changes.last().is_some_and(Change::is_still) {
                changes.pop();
            }
            changes.push(Change { group, sums: vec![Sum::default(); heaps] });
        }
        if let Some(change) = changes.last_mut() {
            change.sums[heap] = sum;
        }
    }
    if changes.last().is_some_and(Change::is_still) {
        changes.pop();
    }
    changes
}

/// Tells contents and keys of several heaps by 128 bits. Its keys are drawn anew each time, so that nobody can prepare a core
/// with contents that are different and seem to be the same.
#[derive(Clone, Debug)]
pub struct Fingerprints(RandomState, RandomState, TextHash);

impl Default for Fingerprints {
    fn default() -> Fingerprints {
        let (one, other) = (RandomState::new(), RandomState::new());
        let points = [one.hash_one("point"), other.hash_one("point")];
        Fingerprints(one, other, TextHash::new(points))
    }
}

impl Fingerprints {
    fn of(&self, value: impl Fn(&mut dyn Hasher)) -> u128 {
        let one = |state: &RandomState| {
            let mut hasher = state.build_hasher();
            value(&mut hasher);
            u128::from(hasher.finish())
        };
        one(&self.0) << 64 | one(&self.1)
    }

    fn of_value(&self, value: &impl Hash) -> u128 {
        self.of(|mut hasher| value.hash(&mut hasher))
    }
}

/// Fingerprints of keys.
type Fingerprinted = HashSet<u128, BuildHasherDefault<FingerprintHasher>>;

/// A fingerprint is a hash itself.
#[derive(Debug, Default)]
struct FingerprintHasher(u64);

impl Hasher for FingerprintHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, fingerprint: u128) {
        self.0 = fingerprint as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(count: u64) -> Sum {
        Sum { count, bytes: 8 * count, retained: 0 }
    }

    #[test]
    fn groups_of_all_heaps_stand_side_by_side() {
        let lists = vec![
            vec![("a", sum(1)), ("c", sum(5)), ("d", sum(2))],
            vec![("b", sum(3)), ("c", sum(5)), ("d", sum(9))],
            vec![("a", sum(1)), ("c", sum(5)), ("d", sum(4))],
        ];
        let changes = changes(lists);
        let counts = |change: &Change<&str>| change.sums.iter().map(|sum| sum.count).collect::<Vec<_>>();
        let found: Vec<_> = changes.iter().map(|change| (change.group, counts(change))).collect();
        assert_eq!(found, [("a", vec![1, 0, 1]), ("b", vec![0, 3, 0]), ("d", vec![2, 9, 4])]);
        assert_eq!(changes[2].growth(|sum| sum.count), 2);
        assert_eq!(changes[2].stayed(|sum| sum.count), 2);
    }

    #[test]
    fn what_came_and_went_has_not_stayed() {
        let stayed = |values: [u64; 3]| stayed(values.into_iter());
        assert_eq!(stayed([0, 50, 0]), 0);
        assert_eq!(stayed([200, 320, 500]), 120);
        assert_eq!(stayed([5, 12, 8]), 3);
        assert_eq!(stayed([80, 60, 40]), 0);
        assert_eq!(super::stayed([5, 7].into_iter()), 2, "of two heaps it is the growth");
        assert_eq!(growth([u64::MAX, 0].into_iter()), -i128::from(u64::MAX));
    }

    #[test]
    fn equal_values_have_equal_fingerprints_in_one_run_only() {
        let (one, other) = (Fingerprints::default(), Fingerprints::default());
        assert_eq!(one.of_value(&"text"), one.of_value(&"text"));
        assert_ne!(one.of_value(&"text"), one.of_value(&"other"));
        assert_ne!(one.of_value(&"text"), other.of_value(&"text"));
    }
}
