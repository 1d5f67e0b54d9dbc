//! V8 classes, one file each, as far as they are read.

pub mod array_buffer;
pub mod collection;
pub mod commonjs;
pub mod context;
pub mod elements;
pub mod error;
pub mod function;
pub mod generator;
pub mod iterator;
pub mod map_details;
pub mod module_namespace;
pub mod node_process;
pub mod place;
pub mod promise;
pub mod proxy;
pub mod regexp;
pub(crate) mod scope_info;
pub mod script;
pub mod shared_function_info;
mod source_position;
pub mod string;
pub mod symbol;
pub mod value;
pub mod wrapper;
