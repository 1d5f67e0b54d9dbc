//! How much of each kind of objects is garbage.

use std::collections::HashMap;

use super::liveness::ObjectSet;
use super::object_graph::Graph;
use crate::index::parallel::in_turns;
use crate::index::{GroupId, Grouping, Kinds, ObjectId, ObjectTable};
use crate::objects::value::HeapObject;
use crate::view::View;
use crate::{Monitor, Result};

/// The garbage of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// Bytes they take, without what they refer to.
    pub bytes: u64,
    /// The first of them by address.
    pub(crate) first: ObjectId,
    /// A living object of the kind, if its representative is garbage and there is one.
    pub(crate) living: Option<ObjectId>,
}

impl Tally {
    fn add(&mut self, other: &Tally) {
        self.count += other.count;
        self.bytes += other.bytes;
        self.first = self.first.min(other.first);
    }

    /// The garbage of each kind that has any.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] if the monitor says so.
    pub(crate) fn garbage(
        view: &View<'_>,
        table: &ObjectTable,
        kinds: &Kinds,
        graph: &Graph,
        reached: &ObjectSet,
        monitor: &dyn Monitor,
    ) -> Result<HashMap<GroupId, Tally>> {
        monitor.begin("counting garbage", graph.len() as u64);
        let count = |(own, grouping): &mut (HashMap<GroupId, Tally>, Grouping<'_>), page: usize| {
            let (first, maps) = table.page_maps(page);
            if reached.contains_all(first.0, first.0 + maps.len() as u32) {
                return maps.len() as u64;
            }
            for (number, (address, map_id)) in table.page_objects(page).enumerate() {
                let id = first.0 + number as u32;
                let map = view.map(map_id);
                if reached.contains(id) || !map.kind.is_js_object() {
                    continue;
                }
                if let Some(group) = grouping.of(view, HeapObject { address, map_id, map }) {
                    let one = Tally { count: 1, bytes: graph.size(id), first: ObjectId(id), living: None };
                    own.entry(group).and_modify(|tally| tally.add(&one)).or_insert(one);
                }
            }
            maps.len() as u64
        };
        let mut all: HashMap<GroupId, Tally> = HashMap::new();
        let start = || (HashMap::new(), Grouping::new(kinds));
        for (own, _) in in_turns(table.page_count(), monitor, start, count)? {
            for (group, tally) in own {
                all.entry(group).and_modify(|known| known.add(&tally)).or_insert(tally);
            }
        }
        let is_orphan = |(group, tally): (&GroupId, &Tally)| {
            let group = kinds.group(*group);
            tally.count < group.count && !reached.contains(group.representative.0)
        };
        let orphans = all.iter().filter(|entry| is_orphan(*entry)).map(|(group, _)| *group).collect();
        let found = view.first_members(table, kinds, &orphans, |id| reached.contains(id.0), monitor)?;
        for (group, living) in found {
            if let Some(tally) = all.get_mut(&group) {
                tally.living = Some(living);
            }
        }
        Ok(all)
    }
}
