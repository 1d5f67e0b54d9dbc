//! Many objects of a kind that have gathered in one place.

use super::paths::RetainingPath;
use super::roots::RootKind;
use crate::NameId;

/// What many objects have gathered under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Gatherer {
    /// Without this object they would be garbage.
    Owner(u32),
    /// This object holds them, but not alone.
    Holder(u32),
    /// Each is held by a root of this kind.
    Root(RootKind),
    /// Each is held by several objects that have nothing in common.
    Several,
}

/// Many objects of a kind that have gathered.
#[derive(Clone, Debug)]
pub struct Suspect {
    /// Where.
    pub gatherer: Gatherer,
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
    /// One of them that retains as much as others do: the middle one of some of them.
    pub typical: u32,
    /// The way from a root to the gatherer; of one that is a kind of roots, to the largest object.
    pub path: Option<RetainingPath>,
    /// They are few, but each retains much that is not in other JavaScript objects: strings, elements, bytes outside of the heap.
    pub is_few: bool,
    /// Node.js has gathered them for itself, as far as can be told.
    pub is_nodes: bool,
    /// Some of them.
    pub(crate) some: Vec<u32>,
}

impl Suspect {
    /// Bytes that would be freed with them, in the heap and outside of it.
    pub fn size(&self) -> u64 {
        self.retained.saturating_add(self.outside)
    }
}
