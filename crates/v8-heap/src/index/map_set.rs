//! Some of the maps of a heap: for looking at all objects of a kind. That a map is one of them is told by one byte, so that a walk over
//! millions of objects is as fast as their maps can be read, and pages without any are passed over.

use crate::MapId;
use crate::index::{ObjectId, ObjectTable};
use crate::layout::Kind;
use crate::objects::value::HeapObject;
use crate::shape::map::Map;
use crate::view::View;

/// Which maps, of those that objects of a table have.
pub(crate) struct MapSet {
    /// By the number of the map.
    has: Vec<bool>,
}

impl MapSet {
    /// Those of which `is_wanted` says so. The heap must have been indexed: maps that are met later are in no set.
    pub fn of(view: &View<'_>, is_wanted: impl Fn(&Map) -> bool) -> MapSet {
        let mut has = vec![false; view.map_count()];
        for (id, map) in view.maps_met() {
            if let Some(has) = has.get_mut(id.0 as usize) {
                *has = is_wanted(map);
            }
        }
        MapSet { has }
    }

    /// Those of one kind.
    pub fn of_kind(view: &View<'_>, kind: Kind) -> MapSet {
        MapSet::of(view, |map| map.kind == kind)
    }

    #[inline]
    fn has(&self, map: MapId) -> bool {
        self.has.get(map.0 as usize).copied().unwrap_or(false)
    }

    /// The objects of a page that have one of these maps, in the order of addresses.
    pub fn on_page<'a>(
        &'a self,
        view: &'a View<'_>,
        table: &'a ObjectTable,
        page: usize,
    ) -> impl Iterator<Item = (ObjectId, HeapObject<'a>)> + 'a {
        let (first, maps) = table.page_maps(page);
        let objects = maps.iter().any(|map| self.has(*map)).then(|| table.page_objects(page));
        (first.0..).zip(objects.into_iter().flatten()).filter(|(_, (_, map))| self.has(*map)).map(
            |(id, (address, map_id))| (ObjectId(id), HeapObject { address, map_id, map: view.map(map_id) }),
        )
    }
}
