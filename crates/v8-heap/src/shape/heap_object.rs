//! An object of the heap, known by its address and its map.

use crate::Tagged;
use crate::layout::Kind;
use crate::shape::map::{Map, MapId};

/// A heap object whose map has been read.
#[derive(Clone, Copy, Debug)]
pub struct HeapObject<'h> {
    /// Untagged address.
    pub address: u64,
    /// Number of its map.
    pub map_id: MapId,
    /// Its map.
    pub map: &'h Map,
}

impl HeapObject<'_> {
    /// The object as a value.
    pub fn value(&self) -> Tagged {
        Tagged::pointer(self.address)
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.map.kind
    }
}
