//! The map of each object by its number: in one list, for work that comes back to the same objects again and again. The table of
//! objects has to look for the page first.

use crate::index::{ObjectId, ObjectTable};
use crate::layout::Kind;
use crate::remembered::names::Naming;
use crate::view::View;
use crate::{MapId, NameId};

/// The maps of all objects.
pub(crate) struct MapOf {
    maps: Vec<MapId>,
    kinds: Vec<Kind>,
}

impl MapOf {
    pub fn new(view: &View<'_>, table: &ObjectTable) -> MapOf {
        let mut maps = Vec::with_capacity(table.len());
        for page in 0..table.page_count() {
            maps.extend_from_slice(table.page_maps(page).1);
        }
        let kinds = (0..view.map_count() as u32).map(|map| view.map(MapId(map)).kind).collect();
        MapOf { maps, kinds }
    }

    /// What an object is.
    #[inline]
    pub fn kind(&self, id: u32) -> Kind {
        self.kinds[self.maps[id as usize].0 as usize]
    }

    /// Whether it is a JavaScript object.
    #[inline]
    pub fn is_js(&self, id: u32) -> bool {
        self.kind(id).is_js_object()
    }

    /// Whether it is one of a class, or of a literal.
    #[inline]
    pub fn is_plain(&self, id: u32) -> bool {
        self.kind(id) == Kind::JsObject
    }

    #[inline]
    pub fn are_of_one_map(&self, one: u32, other: u32) -> bool {
        self.maps[one as usize] == self.maps[other as usize]
    }

    /// The name of an object's constructor; the object itself is looked at only if its map does not tell.
    pub fn constructor(&self, view: &View<'_>, table: &ObjectTable, id: u32) -> Option<NameId> {
        match view.map(self.maps[id as usize]).naming.get() {
            Some(Naming::ByMap(name)) => Some(*name),
            _ => view.object_by_id(table, ObjectId(id)).map(|object| view.constructor_name(object)),
        }
    }
}
