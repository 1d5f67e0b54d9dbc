//! Reads the core dump of any Linux process. Knows nothing of V8.
#![warn(missing_docs)]

mod address;
mod address_space;
mod binaries;
mod binary;
mod build_id;
mod container;
mod core;
mod elf;
mod error;
mod fields;
mod file_map;
mod memory;
mod module_symbols;
mod modules;
mod notes;
mod process;
mod segments;
mod symbol_table;
mod symbols;
mod thread_local;
mod threads;
mod warning;
mod write;

pub use address::Address;
pub use address_space::AddressSpace;
pub use build_id::BuildId;
pub use container::{OnProgress, Progress};
pub use core::{Core, OpenOptions, Truncation};
pub use error::Error;
pub use memory::{Contents, Memory, MemoryError, MemoryRange, Permissions};
pub use module_symbols::ModuleSymbols;
pub use modules::{FoundFile, Module, Verification};
pub use notes::RawNote;
pub use notes::auxv::AuxiliaryVector;
pub use notes::embedded_symbols::{EmbeddedSymbols, ThreadLocalSymbol};
pub use notes::file::MappedFile;
pub use notes::siginfo::SignalInfo;
pub use process::Process;
pub use symbols::{Symbol, Symbols};
pub use threads::{Registers, Thread};
pub use warning::Warning;
pub use write::{CoreWriter, WrittenCore};
