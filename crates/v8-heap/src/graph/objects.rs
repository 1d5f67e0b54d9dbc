//! What the questions about who keeps whom alive ask of the objects of a graph, wherever it was read from: a heap in a core, or a heap
//! snapshot.

use super::roots::RootKind;
use crate::NameId;

/// What an object is to somebody who looks for its holders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// A JavaScript object.
    Object,
    /// Variables of functions.
    Variables,
    /// Storage of what belongs to others: elements, properties, entries.
    Storage,
    /// V8's own affair: shapes, code, and what it has learnt of the program.
    Internal,
}

/// The objects of a graph, by their numbers in it.
pub trait Objects {
    /// Whether it is a JavaScript object.
    fn is_js(&self, id: u32) -> bool;

    /// The name of its constructor, if it is one.
    fn constructor(&self, id: u32) -> Option<NameId>;

    /// Whether it is one of a class, or of a literal.
    fn is_plain(&self, id: u32) -> bool;

    /// Whether two have one shape.
    fn are_alike(&self, one: u32, other: u32) -> bool;

    /// Whether the constructor says what the object is: that of an object literal, of an array or of a function does not.
    fn is_of_class(&self, id: u32, constructor: NameId) -> bool;

    /// What it is to somebody who looks for holders.
    fn passage(&self, id: u32) -> Passage;

    /// The handle of native code that holds it, if one does.
    fn handle(&self, id: u32) -> Option<RootKind>;
}
