//! V8 classes, one file each, as far as they are read.

pub mod array_buffer;
pub mod call_site;
pub mod collection;
pub mod context;
pub mod disposable_stack;
pub mod elements;
pub mod embedder;
pub mod error;
pub mod finalization_registry;
pub mod function;
pub mod generator;
pub mod intl;
pub mod iterator;
pub mod module_namespace;
pub mod promise;
pub mod proxy;
pub mod regexp;
pub(crate) mod scope_info;
pub mod script;
pub mod shared_function_info;
mod source_position;
pub mod string;
pub mod symbol;
pub mod temporal;
pub mod value;
pub mod wasm;
pub mod wrapper;
