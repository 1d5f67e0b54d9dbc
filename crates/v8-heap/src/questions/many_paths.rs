//! Ways from the roots to many objects at once.
//!
//! Searched forwards, breadth first, once for all of them: from the global objects and the roots that V8 lists through what a JavaScript
//! program has; then for those not reached from the other roots, and through V8's own objects as well. A way is a shortest one of its
//! kind, as that of a single object is (`paths`), but which of several equally short ones may differ.

use std::collections::HashMap;

use crate::graph::{BETWEEN_LOOKS, RetainingPath, Root, internal_maps};
use crate::heap::Heap;
use crate::index::ObjectId;
use crate::{Error, Monitor, Result};

/// Not reached by the search.
const UNSEEN: u32 = u32::MAX;

impl Heap<'_> {
    /// The way on which each object is kept alive; nothing for garbage.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn retaining_paths_of(
        &self,
        targets: &[ObjectId],
        monitor: &dyn Monitor,
    ) -> Result<Vec<Option<RetainingPath>>> {
        let table = self.objects(monitor)?;
        let graph = self.graph(monitor)?;
        let liveness = self.liveness(monitor)?;
        let is_internal = internal_maps(self);
        let is_internal = |id: u32| table.map_of(ObjectId(id)).is_none_or(|map| is_internal[map.0 as usize]);
        let globals = self.lasting_globals(table, graph, monitor)?;
        let roots = self.all_roots(monitor)?;
        let mut above = vec![UNSEEN; graph.len()];
        // What a way that begins with an object begins at.
        let mut starts: HashMap<u32, Option<Root>> = HashMap::new();
        let mut seen: Vec<u32> = Vec::new();
        for (through_internals, to_any_root) in [(false, false), (false, true), (true, false), (true, true)] {
            monitor.begin("searching from roots", graph.len() as u64);
            // What was reached before leads on through what may be gone through now.
            let mut queue = std::mem::take(&mut seen);
            let mut start = |id: u32, root: Option<Root>, queue: &mut Vec<u32>| {
                if above[id as usize] == UNSEEN && (through_internals || !is_internal(id)) {
                    above[id as usize] = id;
                    starts.insert(id, root);
                    queue.push(id);
                }
            };
            let mut lasting: Vec<u32> = globals.iter().copied().collect();
            lasting.sort_unstable();
            for id in lasting {
                start(id, None, &mut queue);
            }
            for root in roots.iter().filter(|root| to_any_root || root.kind.is_listed()) {
                start(root.target, Some(*root), &mut queue);
            }
            let mut at = 0;
            while let Some(&id) = queue.get(at) {
                at += 1;
                if at.is_multiple_of(BETWEEN_LOOKS) {
                    monitor.advance(BETWEEN_LOOKS as u64);
                    if monitor.cancelled() {
                        return Err(Error::Interrupted);
                    }
                }
                let values = graph.ephemerons_of(id).iter();
                let values = values.filter(|entry| liveness.is_held(entry.table)).map(|entry| entry.value);
                for held in graph.holds.of(id).iter().copied().chain(values) {
                    if above[held as usize] == UNSEEN && (through_internals || !is_internal(held)) {
                        above[held as usize] = id;
                        queue.push(held);
                    }
                }
            }
            seen = queue;
            if targets.iter().all(|ObjectId(id)| above.get(*id as usize).is_none_or(|above| *above != UNSEEN))
            {
                break;
            }
        }
        let path = |ObjectId(id): &ObjectId| {
            let mut objects = vec![*id];
            let mut at = *id;
            while above.get(at as usize).is_some_and(|above| *above != at) {
                at = above[at as usize];
                if at == UNSEEN {
                    return None;
                }
                objects.push(at);
            }
            objects.reverse();
            Some(RetainingPath { root: *starts.get(&at)?, objects })
        };
        Ok(targets.iter().map(path).collect())
    }
}
