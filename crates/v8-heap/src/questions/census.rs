//! A census: the objects of each kind, all of them, the living, or the garbage; and what the objects of each kind retain.
//!
//! Alive is what the roots reach: V8's own heap snapshots list the same, as V8 collects what is not reached before it writes
//! one. What only a word of native memory leads to counts as garbage; such a word is nearly always left over.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::graph::{ObjectSet, RetainedByKind, RetainedBytes, Tally};
use crate::heap::Heap;
use crate::index::parallel::in_turns;
use crate::index::{Group, GroupId, Grouping, Kinds, ObjectId};
use crate::objects::value::HeapObject;
use crate::{Monitor, Result, Tagged};

/// Which objects are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lives {
    /// All.
    All,
    /// Those that the roots reach.
    Living,
    /// Those that they do not reach.
    Garbage,
}

/// The objects that are counted, by kind.
#[derive(Debug)]
pub struct Census<'h> {
    /// Which those are.
    pub lives: Lives,
    kinds: &'h Kinds,
    /// Nothing if all are counted.
    told_apart: Option<(&'h ObjectSet, &'h HashMap<GroupId, Tally>)>,
}

impl<'h> Census<'h> {
    /// Whether an object is counted.
    #[inline]
    pub fn has(&self, id: ObjectId) -> bool {
        self.told_apart.is_none_or(|(reached, _)| reached.contains(id.0) == (self.lives == Lives::Living))
    }

    /// A kind with its counted objects, of which the representative is one; nothing if it has none.
    pub fn group(&self, id: GroupId) -> Option<Cow<'h, Group>> {
        let mut group = Cow::Borrowed(self.kinds.group(id));
        let Some((_, garbage)) = self.told_apart else { return Some(group) };
        match (self.lives, garbage.get(&id)) {
            (Lives::Garbage, None) => return None,
            (Lives::Garbage, Some(tally)) => {
                let own = group.to_mut();
                (own.count, own.bytes, own.representative) = (tally.count, tally.bytes, tally.first);
            }
            (_, None) => {}
            (_, Some(tally)) if tally.count >= group.count => return None,
            (_, Some(tally)) => {
                let own = group.to_mut();
                own.count -= tally.count;
                own.bytes = own.bytes.saturating_sub(tally.bytes);
                own.representative = tally.living.unwrap_or(own.representative);
            }
        }
        Some(group)
    }

    /// All kinds that have counted objects, those that take most last.
    pub fn groups(&self) -> Vec<(GroupId, Cow<'h, Group>)> {
        let groups = (0..self.kinds.groups().len()).map(GroupId);
        let mut groups: Vec<_> = groups.filter_map(|id| Some((id, self.group(id)?))).collect();
        if self.told_apart.is_some() {
            groups.sort_by_key(|(_, group)| {
                (group.count.saturating_mul(group.properties), group.count, group.properties)
            });
        }
        groups
    }

    /// Number and bytes of the JavaScript objects that are not counted.
    pub fn left_out(&self) -> (u64, u64) {
        let Some((_, garbage)) = self.told_apart else { return (0, 0) };
        let sum = |add: fn(&Tally) -> u64| garbage.values().map(add).sum::<u64>();
        let (count, bytes) = (sum(|tally| tally.count), sum(|tally| tally.bytes));
        match self.lives {
            Lives::Garbage => {
                let all = &self.kinds.statistics;
                (all.javascript_objects - count, all.bytes.saturating_sub(bytes))
            }
            _ => (count, bytes),
        }
    }
}

impl Heap<'_> {
    /// A census of the objects that `lives` says.
    ///
    /// # Errors
    /// As [`Heap::graph`]; of all objects, as [`Heap::kinds`].
    pub fn census(&self, lives: Lives, monitor: &dyn Monitor) -> Result<Census<'_>> {
        let kinds = self.kinds(monitor)?;
        let told_apart = match lives {
            Lives::All => None,
            _ => Some((&**self.reached(monitor)?, self.garbage(monitor)?)),
        };
        Ok(Census { lives, kinds, told_apart })
    }

    /// What the core lacks to tell the living from the garbage, in words: nothing if it has all. What seems garbage may else be
    /// alive.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn lacks_for_census(&self, monitor: &dyn Monitor) -> Result<Vec<String>> {
        let found = &self.objects(monitor)?.summary;
        let mut lacks = self.roots(monitor)?.missing.clone();
        let truncated = self.memory().truncated_bytes();
        if found.missing_bytes > 0 {
            lacks.push(format!("{} bytes of heap pages", found.missing_bytes));
        } else if truncated > 0 {
            lacks.push(format!("its last {truncated} bytes"));
        }
        // Not worth reading all references for, where something is lacking anyway.
        if lacks.is_empty() && !self.graph(monitor)?.follows_code {
            lacks.push("the table of functions' code".to_owned());
        }
        if lacks.is_empty() && self.lead_into_gaps(monitor)? {
            let gaps: u64 = found.gaps.iter().map(|gap| gap.end - gap.start).sum();
            lacks.push(format!("living objects in {gaps} bytes of the heap"));
        }
        Ok(lacks)
    }

    /// Whether a living object refers to a stretch of a page in which no objects could be found. Most such stretches are what V8
    /// has not swept yet: garbage whose maps are gone.
    fn lead_into_gaps(&self, monitor: &dyn Monitor) -> Result<bool> {
        let table = self.objects(monitor)?;
        let mut gaps: Vec<(u64, u64)> = table.summary.gaps.iter().map(|gap| (gap.start, gap.end)).collect();
        gaps.sort_unstable();
        let (Some(&(lowest, _)), Some(&(_, highest))) = (gaps.first(), gaps.last()) else { return Ok(false) };
        let (graph, reached, pages) = (self.graph(monitor)?, self.reached(monitor)?, self.spaces().pages());
        let leads = |word: u64| {
            word & 1 == 1 && (lowest..highest).contains(&word) && {
                let behind = gaps.partition_point(|(start, _)| *start <= word);
                behind > 0 && word < gaps[behind - 1].1
            }
        };
        monitor.begin("looking into gaps", pages.iter().map(|page| page.present()).sum());
        let look = |found: &mut bool, index: usize| {
            if *found || table.page_maps(index).1.is_empty() {
                return pages[index].present();
            }
            let encoding = pages[index].encoding;
            for piece in &pages[index].pieces {
                for (number, Tagged(word)) in encoding.each(piece.bytes).enumerate() {
                    if !leads(word) {
                        continue;
                    }
                    let at = piece.start + encoding.size() * number as u64;
                    let holder = table.start_before(self.spaces(), at);
                    let id = holder.and_then(|holder| Some((holder, table.id_at(self.spaces(), holder)?)));
                    *found |= id
                        .is_some_and(|(holder, id)| at - holder < graph.size(id.0) && reached.contains(id.0));
                }
            }
            pages[index].present()
        };
        Ok(in_turns(pages.len(), monitor, || false, look)?.contains(&true))
    }

    /// Calls `visit` with every object of a kind that is counted, in address order, until it returns false.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] if the monitor says so.
    pub fn for_each_counted(
        &self,
        census: &Census<'_>,
        group: GroupId,
        monitor: &dyn Monitor,
        visit: impl FnMut(HeapObject<'_>) -> bool,
    ) -> Result<()> {
        let (table, group) = (self.objects(monitor)?, census.kinds.group(group));
        self.for_each_member_of(table, group, |id| census.has(id), monitor, visit)
    }

    /// Bytes outside of the heap that the counted objects of each kind own, of the kinds that own any: backing stores of buffers,
    /// the characters of external strings.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn outside_by_kind(
        &self,
        census: &Census<'_>,
        monitor: &dyn Monitor,
    ) -> Result<HashMap<GroupId, u64>> {
        let table = self.objects(monitor)?;
        let mut sums: HashMap<GroupId, u64> = HashMap::new();
        for owned in self.graph(monitor)?.owned.iter().filter(|owned| census.has(ObjectId(owned.owner))) {
            let object = self.object_by_id(table, ObjectId(owned.owner));
            let own = object.filter(|object| object.kind().is_js_object());
            if let Some(group) = own.and_then(|object| census.kinds.group_of(self, object)) {
                let sum = sums.entry(group).or_default();
                *sum = sum.saturating_add(owned.bytes);
            }
        }
        Ok(sums)
    }

    /// Bytes that the objects of each kind retain in the heap, by number of the kind; `kinds` are those of [`Heap::kinds`]. What an
    /// object retains below another of its own kind counts once.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn retained_by_kind(&self, kinds: &Kinds, monitor: &dyn Monitor) -> Result<Vec<u64>> {
        let compute = || {
            let each: Vec<u32> = (0..kinds.groups().len() as u32).collect();
            let sums = self.retained_by_classes(kinds, &each, each.len(), &HashMap::new(), monitor)?;
            Ok(RetainedByKind(sums.into_iter().map(|sum| sum.inside).collect()))
        };
        let known = || Ok((&**self, self.kinds(monitor)?));
        let sums = self.obtain(&self.retained_by_kind, monitor, known, compute)?;
        Ok(sums.0.clone())
    }

    /// Bytes that the objects of each class of kinds retain, with what `more` counts by number of object: `class_of` has the number of a
    /// class, less than `classes`, for each kind. What an object retains below another of its own class counts once.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn retained_by_classes(
        &self,
        kinds: &Kinds,
        class_of: &[u32],
        classes: usize,
        more: &HashMap<u32, u64>,
        monitor: &dyn Monitor,
    ) -> Result<Vec<RetainedBytes>> {
        let table = self.objects(monitor)?;
        let dominators = self.dominators(monitor)?;
        let nodes = self.graph(monitor)?.len();
        monitor.begin("adding up by kind", nodes as u64);
        let look_up = |(own, grouping): &mut (Vec<(usize, Vec<u32>)>, Grouping<'_>), page: usize| {
            let groups = table.page_objects(page).map(|(address, map_id)| {
                let map = self.map(map_id);
                let group = match map.kind.is_js_object() {
                    true => grouping.of(self, HeapObject { address, map_id, map }),
                    false => None,
                };
                group.and_then(|group| class_of.get(group.0).copied()).unwrap_or(NONE)
            });
            let groups: Vec<u32> = groups.collect();
            let done = groups.len() as u64;
            own.push((page, groups));
            done
        };
        let start = || (Vec::new(), Grouping::new(kinds));
        let workers = in_turns(table.page_count(), monitor, start, look_up)?;
        let mut pages: Vec<(usize, Vec<u32>)> = workers.into_iter().flat_map(|(own, _)| own).collect();
        pages.sort_unstable_by_key(|(page, _)| *page);
        let mut group_of: Vec<u32> = Vec::with_capacity(nodes);
        for (_, groups) in pages {
            group_of.extend_from_slice(&groups);
        }
        let class_of = |id: u32| group_of.get(id as usize).copied().filter(|group| *group != NONE);
        dominators.retained_by_class(class_of, classes, more, monitor)
    }
}

/// Of no kind: no JavaScript object.
const NONE: u32 = u32::MAX;
