//! Where a graph of objects comes from: a heap in a core, or a heap snapshot. What asks who keeps whom alive asks one of these.

use v8_heap::graph::{Dominators, Graph, Life, Rows};
use v8_heap::questions::OwnedGroup;
use v8_heap::{Monitor, NameId};

use crate::error::DcmdError;
use crate::value::Item;

/// A source of a graph. Objects go by their numbers in it.
pub(crate) trait Source {
    /// The object that a word in a pipe, or one that was typed, stands for.
    fn find(&self, word: u64) -> Result<u32, DcmdError>;

    /// The objects that an item stands for.
    fn set(&self, item: Item, monitor: &dyn Monitor) -> Result<Vec<u32>, DcmdError>;

    /// The word that stands for an object in a pipe.
    fn word(&self, id: u32) -> u64;

    /// The same as it is typed.
    fn shown(&self, id: u32) -> String;

    /// The same in JSON.
    fn json(&self, id: u32) -> String;

    /// What an object is called, escaped.
    fn label(&self, id: u32) -> String;

    /// The name of the constructor of an object, not escaped; empty if it has none.
    fn constructor_of(&self, id: u32) -> String;

    /// What a constructor is called, not escaped.
    fn name(&self, name: NameId) -> String;

    /// Fails if nothing keeps an object alive, `least` being good enough.
    fn must_live(&self, id: u32, least: Life, monitor: &dyn Monitor) -> Result<(), DcmdError>;

    /// Who keeps whom alive.
    fn graph(&self, monitor: &dyn Monitor) -> Result<&Graph, DcmdError>;

    /// What would die with what.
    fn dominators(&self, monitor: &dyn Monitor) -> Result<&Dominators, DcmdError>;

    /// What the roots hold.
    fn seeds(&self, monitor: &dyn Monitor) -> Result<Vec<u32>, DcmdError>;

    /// What `owners` own, by constructor, the largest first; what nothing owns if there are none.
    fn owned_by(
        &self,
        owners: &[u32],
        below: &Rows,
        monitor: &dyn Monitor,
    ) -> Result<Vec<OwnedGroup>, DcmdError>;

    /// How one object holds another, escaped, if it does so itself.
    fn manner(&self, holder: u32, held: u32, monitor: &dyn Monitor) -> Option<String>;
}
