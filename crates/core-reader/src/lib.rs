//! Reads the core dump of any Linux process. Knows nothing of V8.
#![warn(missing_docs)]

mod address;
mod memory;
mod symbols;
mod threads;

pub use address::Address;
pub use memory::{Contents, Memory, MemoryError, MemoryRange, Permissions};
pub use symbols::{Symbol, Symbols};
pub use threads::{Registers, Thread};
