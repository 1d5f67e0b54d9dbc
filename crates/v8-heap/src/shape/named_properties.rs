//! What the map of an object says of its named properties, read once for each map.

use crate::Tagged;

/// The named properties that all objects of a map have.
#[derive(Debug)]
pub struct Shape {
    /// In the order of their creation.
    pub properties: Box<[ShapeProperty]>,
}

/// A property in a map's descriptor array.
#[derive(Debug)]
pub struct ShapeProperty {
    /// Its name: a string or symbol.
    pub name: Tagged,
    /// The name as text.
    pub text: Box<str>,
    pub(crate) details: u32,
    /// What the descriptor holds: the value, if it is not in a field.
    pub(crate) value: Tagged,
}
