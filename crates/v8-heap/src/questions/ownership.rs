//! The tree of dominators as a JavaScript programmer would draw it: objects below objects, without V8's storage between them.
//!
//! An object's *owner* is the nearest JavaScript object that dominates it.

use std::collections::HashMap;

use crate::graph::{BETWEEN_LOOKS, Dominators, Rows};
use crate::heap::Heap;
use crate::index::ObjectId;
use crate::{Error, Monitor, NameId, Result};

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

/// What `owners` own, by constructor, the largest first; what no object owns if there are none. `below` is the tree of dominators,
/// and `constructor` says the name of the constructor of what is a JavaScript object.
///
/// # Errors
/// [`Error::Interrupted`] if the monitor says so.
pub fn owned_by(
    constructor: impl Fn(u32) -> Option<NameId>,
    dominators: &Dominators,
    below: &Rows,
    owners: &[u32],
    monitor: &dyn Monitor,
) -> Result<Vec<OwnedGroup>> {
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
        let Some(constructor) = constructor(id) else {
            waiting.extend_from_slice(below.of(id));
            continue;
        };
        let group = groups.entry(constructor).or_insert_with(|| OwnedGroup {
            constructor,
            members: Vec::new(),
            retained: 0,
            outside: 0,
        });
        group.members.push(id);
        group.retained = group.retained.saturating_add(dominators.retained(id));
        group.outside = group.outside.saturating_add(dominators.outside(id));
    }
    let mut groups: Vec<OwnedGroup> = groups.into_values().collect();
    for group in &mut groups {
        group.members.sort_unstable_by_key(|id| (std::cmp::Reverse(dominators.retained(*id)), *id));
    }
    groups.sort_by_key(|group| {
        (std::cmp::Reverse(group.retained.saturating_add(group.outside)), group.members[0])
    });
    Ok(groups)
}

impl Heap<'_> {
    /// What `owners` own, by constructor, the largest first; what no object owns if there are none.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn owned_by(&self, owners: &[u32], below: &Rows, monitor: &dyn Monitor) -> Result<Vec<OwnedGroup>> {
        let table = self.objects(monitor)?;
        let constructor = |id: u32| {
            let object = self.object_by_id(table, ObjectId(id))?;
            object.kind().is_js_object().then(|| self.constructor_name(object))
        };
        owned_by(constructor, self.dominators(monitor)?, below, owners, monitor)
    }
}
