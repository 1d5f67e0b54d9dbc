//! V8 classes, one file each, as far as they are read.

pub mod array_buffer;
pub mod collection;
pub mod context;
pub mod elements;
pub mod function;
pub(crate) mod scope_info;
pub mod string;
pub mod value;
