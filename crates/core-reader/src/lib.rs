//! Reads the core dump of any Linux process. Knows nothing of V8.
//!
//! # What an ELF core is
//!
//! A core is an ELF file of type `ET_CORE`. It has no sections worth mentioning, only *program headers*: one
//! `PT_NOTE`, and one `PT_LOAD` for each mapping of the process (System V ABI, chapter 5; Linux `fs/binfmt_elf.c`).
//!
//! ```text
//!   +----------------------------+
//!   | ELF header                 |  64-bit, little-endian, x86-64 or arm64, ET_CORE
//!   +----------------------------+
//!   | program headers            |  PT_NOTE, PT_LOAD, PT_LOAD, ...
//!   +----------------------------+
//!   | notes                      |  threads and registers, signal, process, auxiliary vector, mapped files
//!   +----------------------------+
//!   | memory of mapping 1        |  p_filesz bytes of it; the mapping has p_memsz
//!   | memory of mapping 2        |
//!   | ...                        |
//!   +----------------------------+
//! ```
//!
//! gdb's `gcore` puts the notes last, so a truncated core of its making has lost them; the kernel puts them first.
//!
//! # What is not in it
//!
//! The kernel writes what `/proc/PID/coredump_filter` asks for: by default private anonymous memory, the pages of
//! private file mappings that were written to, shared anonymous memory, and the first page of each mapped ELF file. The
//! code and constants of the executable and the libraries are therefore missing: they are on disk. gdb follows the
//! same filter, but for a mapping that it leaves out it writes no program header at all; the note `NT_FILE` still
//! tells that it existed. Hence an address has one of six answers ([`Contents`], [`MemoryError`]):
//!
//! ```text
//!   in a program header?  --yes-->  in the file?  --yes-->  dumped
//!        |                              |  |--- the file ends before --->  truncated
//!        |                              |  `--- no flags, p_filesz 0 --->  no access: nothing is missing
//!        |                              `--- behind p_filesz ---.
//!        `--no-->  in NT_FILE?  --yes---------------------------+-->  never written, and the file is at hand?
//!                       |                                                 |yes            |no
//!                       `--no-->  unmapped                           from the binary   not dumped
//! ```
//!
//! Contents come from a binary only where the process could not have changed them: the mapping must not be writable
//! in the core, and neither may the segment in the binary, because the dynamic linker writes to some segments before
//! it makes them read-only (`PT_GNU_RELRO`). Everything else that is missing is said to be missing.
//!
//! # How to read it
//!
//! [`Core::open`] maps the core and decodes headers and notes, recognises the executable and the libraries by the
//! build-ids in memory, and finds their files. It touches a few dozen pages whatever the size of the core and its
//! binaries. [`Core::memory`] then answers by address ([`Memory`]), [`Core::symbols`] by name ([`Symbols`]).
//! [`CoreWriter`] writes a smaller core.
//!
//! | module | what it knows |
//! | --- | --- |
//! | `container` | compressed cores, cores on pipes |
//! | `regular_file` | opening a file that the core has named |
//! | `elf`, `segments` | headers; program headers to extents |
//! | `notes` | one file per note |
//! | `modules`, `binaries`, `binary`, `debuginfod` | what was loaded, where its file is, whether it is the right one |
//! | `architecture` | processors: registers, calls, thread-local variables |
//! | `address_space` | from an address to bytes |
//! | `emulation` | functions of the program, followed over its memory |
//! | `malloc` | the blocks of the C library's allocator, and those that nothing leads to |
//! | `scan` | searches through all of memory |
//! | `symbol_table`, `module_symbols`, `thread_local` | names |
//! | `unwind` | from the registers of a thread to the frames of its stack |
//! | `process`, `threads`, `floating_point` | who the process was, and what it was doing |
//! | `fingerprint` | what tells one core from another |
//! | `write` | cores, written |
//!
//! # An example
//!
//! What a process was, what stood on top of its stack, and which V8 it had:
//!
//! ```
//! use core_reader::{Core, Memory, OpenOptions, Symbols};
//!
//! let core = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/cores/leak-24.core.zst");
//! let core = Core::open(&OpenOptions { core: core.into(), ..OpenOptions::default() })?;
//! println!("{} threads, {} ranges of memory", core.threads().len(), core.memory().ranges().len());
//!
//! let main = core.main_thread().ok_or("no thread")?;
//! let word = core.memory().read_u64(main.stack_pointer())?;
//! println!("thread {}: {word:#x} is on top of its stack", main.id);
//!
//! let version = core.symbols().find("_ZN2v88internal7Version6major_E").ok_or("no V8")?;
//! assert_eq!(core.memory().read_u32(version.address)?, 13);
//! # assert_eq!(core.threads().len(), 7);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Everything in a core is hostile: sizes, counts and chains are checked against what the file can hold, and every
//! decoder is total. The only `unsafe` code is the memory map itself, in `file_map`.
#![warn(missing_docs)]

mod address;
mod address_space;
mod architecture;
mod binaries;
mod binary;
mod build_id;
mod container;
mod core;
mod debuginfod;
mod demangle;
mod elf;
mod emulation;
mod error;
mod fields;
mod file_map;
mod fingerprint;
mod floating_point;
mod malloc;
mod memory;
mod module_symbols;
mod modules;
mod new_file;
mod notes;
mod process;
mod regular_file;
mod scan;
mod segments;
mod symbol_table;
mod symbols;
mod thread_local;
mod threads;
mod unwind;
mod warning;
mod write;

pub use address::Address;
pub use address_space::AddressSpace;
pub use architecture::{AARCH64, ARCHITECTURES, Architecture, CallFrame, Halt, Registers, X86_64};
pub use build_id::BuildId;
pub use container::{
    Compression, DEFAULT_LIMIT, OnProgress, OtherFile, Progress, STANDARD_INPUT, Step, Stored, Wanted,
};
pub use core::{Core, OpenOptions, Truncation};
pub use debuginfod::Debuginfod;
pub use demangle::{demangle, demangle_without_parameters};
pub use emulation::{Emulator, Host, Limits, Reply};
pub use error::Error;
pub use file_map::{DamagedFile, FileMap, damaged_files};
pub use floating_point::{Arm64FloatingPoint, FloatingPoint, X86FloatingPoint};
pub use malloc::{
    Arena, Beginnings, Block, BlockId, BlockMarks, BlockState, Blocks, CountedOthers, Leak, LedTo, Library,
    Malloc, Others, Owner, OwnerBlock, Owners, Parameters, Piece, Run, RunKind, Unreached,
};
pub use memory::{Contents, Memory, MemoryError, MemoryRange, Permissions};
pub use module_symbols::ModuleSymbols;
pub use modules::{FoundFile, Module, Verification};
pub use new_file::NewFile;
pub use notes::RawNote;
pub use notes::auxv::AuxiliaryVector;
pub use notes::embedded_symbols::{EmbeddedSymbols, ThreadLocalSymbol};
pub use notes::file::MappedFile;
pub use notes::siginfo::{SignalInfo, signal_name};
pub use process::Process;
pub use regular_file::open_regular;
pub use scan::{Chunk, ScanEnd, Watch};
pub use symbols::{NameError, Symbol, SymbolAt, SymbolEntry, Symbols, TableKind};
pub use threads::Thread;
pub use unwind::{FoundBy, Frame, Stack, StackEnd, Unwinder};
pub use warning::Warning;
pub use write::{CoreWriter, WrittenCore};
