//! The shape of objects: what a map says of them, which of their words are what, and how they follow each other on a page.

pub(crate) mod body;
pub(crate) mod heap_object;
pub(crate) mod map;
pub(crate) mod named_properties;
pub(crate) mod walk;
