//! The tree of dominators as a JavaScript programmer would draw it: objects below objects, without V8's storage between them.
//!
//! An object's *owner* is the nearest JavaScript object that dominates it.

use std::collections::HashMap;

use super::{BETWEEN_LOOKS, Dominators, Suspects};
use crate::constructor::NameId;
use crate::heap::Heap;
use crate::index::ObjectId;
use crate::{Error, Monitor, Result};

/// Objects with the same constructor and the same owner, or owners of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedGroup {
    /// Name of the constructor.
    pub constructor: NameId,
    /// The objects.
    pub members: Vec<u32>,
    /// Bytes of the heap that would be freed with them; none of them owns another.
    pub retained: u64,
    /// The same of what they own outside of the heap.
    pub outside: u64,
}

/// An object under which many of a kind have gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// The owner; `None` if they are held from several sides.
    pub owner: Option<u32>,
    /// Name of their constructor.
    pub constructor: NameId,
    /// How many there are.
    pub count: u64,
    /// Bytes of the heap that would be freed with them.
    pub retained: u64,
    /// The same of what they own outside of the heap.
    pub outside: u64,
    /// The largest of them.
    pub largest: u32,
}

/// Fewer children are no gathering.
const FEWEST: u32 = 16;

impl Heap<'_> {
    /// What `owners` own, by constructor, the largest first; what no object owns if there are none.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn owned_by(
        &self,
        owners: &[u32],
        below: &super::Rows,
        monitor: &dyn Monitor,
    ) -> Result<Vec<OwnedGroup>> {
        let table = self.objects(monitor)?;
        let dominators = self.dominators(monitor)?;
        let mut groups: HashMap<NameId, OwnedGroup> = HashMap::new();
        let mut waiting: Vec<u32> = match owners {
            [] => dominators.tops().collect(),
            owners => owners.iter().flat_map(|owner| below.of(*owner)).copied().collect(),
        };
        let mut done = 0usize;
        while let Some(id) = waiting.pop() {
            done += 1;
            if done.is_multiple_of(BETWEEN_LOOKS) && monitor.cancelled() {
                return Err(Error::Interrupted);
            }
            let Some(object) = self.object_by_id(table, ObjectId(id)) else { continue };
            if !object.kind().is_js_object() {
                waiting.extend_from_slice(below.of(id));
                continue;
            }
            let constructor = self.constructor_name(object);
            let group = groups.entry(constructor).or_insert_with(|| OwnedGroup {
                constructor,
                members: Vec::new(),
                retained: 0,
                outside: 0,
            });
            group.members.push(id);
            group.retained += dominators.retained(id);
            group.outside += dominators.outside(id);
        }
        let mut groups: Vec<OwnedGroup> = groups.into_values().collect();
        for group in &mut groups {
            group.members.sort_unstable_by_key(|id| (std::cmp::Reverse(dominators.retained(*id)), *id));
        }
        groups.sort_by_key(|group| (std::cmp::Reverse(group.retained + group.outside), group.members[0]));
        Ok(groups)
    }

    /// Where many objects of a kind have gathered, the largest first.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn leak_suspects(&self, monitor: &dyn Monitor) -> Result<Vec<Suspect>> {
        let suspects = self.obtain(&self.suspects, monitor, || self.find_suspects(monitor).map(Suspects))?;
        Ok(suspects.0.clone())
    }

    fn find_suspects(&self, monitor: &dyn Monitor) -> Result<Vec<Suspect>> {
        let table = self.objects(monitor)?;
        let dominators = self.dominators(monitor)?;
        let owners = self.owners(dominators, monitor)?;
        let nodes = owners.len();
        let is_js = |id: u32| table.map_of(ObjectId(id)).is_some_and(|map| self.map(map).kind.is_js_object());
        let mut children = vec![0u32; nodes + 1];
        for &id in dominators.order().iter().filter(|id| is_js(**id)) {
            children[slot(owners[id as usize], nodes)] += 1;
        }
        monitor.begin("looking for gatherings", dominators.order().len() as u64);
        let mut suspects: HashMap<(u32, NameId), Suspect> = HashMap::new();
        for (index, &id) in dominators.order().iter().enumerate() {
            if index.is_multiple_of(BETWEEN_LOOKS) {
                monitor.advance(BETWEEN_LOOKS as u64);
                if monitor.cancelled() {
                    return Err(Error::Interrupted);
                }
            }
            let owner = owners[id as usize];
            if !is_js(id) || children[slot(owner, nodes)] < FEWEST {
                continue;
            }
            let Some(object) = self.object_by_id(table, ObjectId(id)) else { continue };
            let constructor = self.constructor_name(object);
            let suspect = suspects.entry((owner, constructor)).or_insert(Suspect {
                owner: Some(owner).filter(|owner| *owner != super::dominators::NOBODY),
                constructor,
                count: 0,
                retained: 0,
                outside: 0,
                largest: id,
            });
            suspect.count += 1;
            suspect.retained += dominators.retained(id);
            suspect.outside += dominators.outside(id);
            if dominators.retained(id) > dominators.retained(suspect.largest) {
                suspect.largest = id;
            }
        }
        let mut suspects: Vec<Suspect> =
            suspects.into_values().filter(|suspect| suspect.count >= u64::from(FEWEST)).collect();
        suspects
            .sort_by_key(|suspect| (std::cmp::Reverse(suspect.retained + suspect.outside), suspect.largest));
        Ok(suspects)
    }

    /// The owner of each object.
    fn owners(&self, dominators: &Dominators, monitor: &dyn Monitor) -> Result<Vec<u32>> {
        let table = self.objects(monitor)?;
        let mut owners = vec![super::dominators::NOBODY; self.graph(monitor)?.len()];
        for (index, &id) in dominators.order().iter().enumerate() {
            if index.is_multiple_of(BETWEEN_LOOKS) && monitor.cancelled() {
                return Err(Error::Interrupted);
            }
            if let Some(above) = dominators.above(id) {
                let is_js =
                    table.map_of(ObjectId(above)).is_some_and(|map| self.map(map).kind.is_js_object());
                owners[id as usize] = if is_js { above } else { owners[above as usize] };
            }
        }
        Ok(owners)
    }
}

fn slot(owner: u32, nodes: usize) -> usize {
    (owner as usize).min(nodes)
}
