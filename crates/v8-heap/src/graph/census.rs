//! Kinds of objects told apart by life, and what the objects of each kind retain.

use std::collections::HashMap;

use super::{BETWEEN_LOOKS, Life, RetainedByKind};
use crate::heap::Heap;
use crate::index::parallel::in_turns;
use crate::index::{GroupId, Kinds, ObjectId};
use crate::objects::value::HeapObject;
use crate::{Error, Monitor, Result};

/// Some objects of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// Bytes they take, without what they refer to.
    pub bytes: u64,
    /// The first of them by address.
    pub first: ObjectId,
}

impl Tally {
    fn add(&mut self, other: &Tally) {
        self.count += other.count;
        self.bytes += other.bytes;
        self.first = self.first.min(other.first);
    }
}

impl Heap<'_> {
    /// How many objects of each kind are garbage; kinds without any are left out.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn dead_by_kind(&self, kinds: &Kinds, monitor: &dyn Monitor) -> Result<HashMap<GroupId, Tally>> {
        let table = self.objects(monitor)?;
        let graph = self.graph(monitor)?;
        let liveness = self.liveness(monitor)?;
        monitor.begin("counting garbage", graph.len() as u64);
        let count = |own: &mut HashMap<GroupId, Tally>, page: usize| {
            let (first, maps) = table.page_maps(page);
            for (number, (address, map_id)) in table.page_objects(page).enumerate() {
                let id = first.0 + number as u32;
                let map = self.map(map_id);
                if liveness.of(id) != Life::Dead || !map.kind.is_js_object() {
                    continue;
                }
                if let Some(group) = kinds.group_of(self, HeapObject { address, map_id, map }) {
                    let one = Tally { count: 1, bytes: graph.size(id), first: ObjectId(id) };
                    own.entry(group).and_modify(|tally| tally.add(&one)).or_insert(one);
                }
            }
            maps.len() as u64
        };
        let mut all: HashMap<GroupId, Tally> = HashMap::new();
        for own in in_turns(table.page_count(), monitor, HashMap::new, count)? {
            for (group, tally) in own {
                all.entry(group).and_modify(|known| known.add(&tally)).or_insert(tally);
            }
        }
        Ok(all)
    }

    /// Bytes that the objects of each kind retain in the heap, by number of the kind; `kinds` are those of [`Heap::kinds`]. What an
    /// object retains below another of its own kind counts once.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn retained_by_kind(&self, kinds: &Kinds, monitor: &dyn Monitor) -> Result<Vec<u64>> {
        let sums = self.obtain(&self.retained_by_kind, monitor, || {
            let each: Vec<u32> = (0..kinds.groups().len() as u32).collect();
            let sums = self.retained_by_classes(kinds, &each, each.len(), monitor)?;
            Ok(RetainedByKind(sums.into_iter().map(|(inside, _)| inside).collect()))
        })?;
        Ok(sums.0.clone())
    }

    /// Bytes in the heap and outside of it that the objects of each class of kinds retain: `class_of` has the number of a class,
    /// less than `classes`, for each kind. What an object retains below another of its own class counts once.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn retained_by_classes(
        &self,
        kinds: &Kinds,
        class_of: &[u32],
        classes: usize,
        monitor: &dyn Monitor,
    ) -> Result<Vec<(u64, u64)>> {
        let table = self.objects(monitor)?;
        let dominators = self.dominators(monitor)?;
        let nodes = self.graph(monitor)?.len();
        monitor.begin("adding up by kind", nodes as u64);
        let look_up = |own: &mut Vec<(usize, Vec<u32>)>, page: usize| {
            let groups = table.page_objects(page).map(|(address, map_id)| {
                let map = self.map(map_id);
                let group = match map.kind.is_js_object() {
                    true => kinds.group_of(self, HeapObject { address, map_id, map }),
                    false => None,
                };
                group.and_then(|group| class_of.get(group.0).copied()).unwrap_or(NONE)
            });
            let groups: Vec<u32> = groups.collect();
            let done = groups.len() as u64;
            own.push((page, groups));
            done
        };
        let mut pages = in_turns(table.page_count(), monitor, Vec::new, look_up)?.concat();
        pages.sort_unstable_by_key(|(page, _)| *page);
        let mut group_of: Vec<u32> = Vec::with_capacity(nodes);
        for (_, groups) in pages {
            group_of.extend_from_slice(&groups);
        }
        let below = dominators.below();
        let mut sums = vec![(0u64, 0u64); classes];
        // How many objects of each class are above the one at hand.
        let mut above = vec![0u32; classes];
        let mut stack: Vec<(u32, u32)> = Vec::new();
        let mut done = 0usize;
        for top in dominators.tops() {
            stack.push((top, 0));
            while let Some((id, visited)) = stack.last_mut() {
                let group = group_of[*id as usize] as usize;
                if *visited == 0 && group != NONE as usize {
                    if above[group] == 0 {
                        sums[group].0 += dominators.retained(*id);
                        sums[group].1 = sums[group].1.saturating_add(dominators.outside(*id));
                    }
                    above[group] += 1;
                }
                match below.of(*id).get(*visited as usize) {
                    Some(&next) => {
                        *visited += 1;
                        stack.push((next, 0));
                    }
                    None => {
                        // Without any below it was entered and left in one.
                        if group != NONE as usize {
                            above[group] -= 1;
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
}

/// Of no kind: no JavaScript object.
const NONE: u32 = u32::MAX;
