//! How much memory suspended calls retain, with all that waits for them.

use crate::heap::Heap;
use crate::{Error, Monitor, Result, Tagged};

/// Groups of several calls for which all that they hold together is found: each takes a walk over the heap.
const MOST_EXACT: usize = 128;

/// Bytes that would be freed, in the heap and outside of it, if some calls were gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChainBytes {
    /// How many.
    pub retained: u64,
    /// It is what the largest of the calls retains by itself: together they may retain more.
    pub is_least: bool,
}

impl Heap<'_> {
    /// What each of some groups of calls and promises retains together, in the same order. 0 for what nothing keeps alive.
    ///
    /// # Errors
    /// As [`Heap::dominators`].
    pub fn retained_by_chains(&self, groups: &[&[Tagged]], monitor: &dyn Monitor) -> Result<Vec<ChainBytes>> {
        let table = self.objects(monitor)?;
        let graph = self.graph(monitor)?;
        let dominators = self.dominators(monitor)?;
        let roots = self.roots(monitor)?.all();
        let mut found = vec![ChainBytes::default(); groups.len()];
        let mut several = Vec::new();
        for (index, members) in groups.iter().enumerate() {
            let id = |member: &Tagged| Some(table.id_at(self.spaces(), member.object()?)?.0);
            let mut ids: Vec<u32> = members.iter().filter_map(id).collect();
            ids.sort_unstable();
            ids.dedup();
            let retained = ids.iter().map(|id| dominators.total(*id)).max().unwrap_or(0);
            found[index] = ChainBytes { retained, is_least: ids.len() > 1 };
            if ids.len() > 1 {
                several.push((index, ids));
            }
        }
        // Those that matter most are told exactly.
        several.sort_by_key(|(index, ids)| {
            std::cmp::Reverse(found[*index].retained.saturating_mul(ids.len() as u64))
        });
        several.truncate(MOST_EXACT);
        monitor.begin("finding what calls retain", several.len() as u64);
        for (index, ids) in several {
            if monitor.cancelled() {
                return Err(Error::Interrupted);
            }
            let (heap, outside) = dominators.retained_together(
                graph,
                roots.iter().map(|root| root.target).collect(),
                &ids,
                monitor,
            )?;
            found[index] = ChainBytes { retained: heap.saturating_add(outside), is_least: false };
            monitor.advance(1);
        }
        Ok(found)
    }
}
