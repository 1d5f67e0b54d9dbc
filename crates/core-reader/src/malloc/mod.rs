//! The C library's allocator: of glibc, and of musl ([`slots`]), whose groups are taken for runs of one arena.
//!
//! glibc's: its arenas, what it took from the system for them, and every block of it.
//!
//! Source: `malloc/malloc.c`, `malloc/arena.c` of glibc 2.26 to 2.42. Nothing of it has a symbol in a distribution's library, so all
//! is found by what is in it ([`arena`], [`parameters`]).
//!
//! ```text
//!   malloc_state (main_arena, in libc's .data) --next--> malloc_state (first heap of another arena) --next--> ... back
//!        | top, system_mem                                    | top
//!   run: [chunk][chunk][chunk] ... [top]                 run: heap_info, malloc_state, [chunk][chunk] ... [top]
//!        the program break, or runs of mmap                   64 MiB aligned; older heaps end in two fence posts
//!
//!   a chunk    | previous size | size A M P |  what malloc() returned ...         | previous size | size ...
//!              ^ chunk                       ^ the program's memory                ^ next chunk
//! ```
//!
//! Memory that is taken for an arena is a gapless sequence of chunks, a *run*: each has its size, a multiple of 16, in the word before
//! what the program was given. The lowest bit of it says that the chunk before is in use. What the allocator keeps in its caches for
//! threads (`tcache`) and in its fast bins looks as if it were in use, and is told by the lists of them ([`cached`]). Requests of
//! some size have a mapping each, a run of one block.
//!
//! A run is believed as far as each chunk leads to the next. Whether all was found is known: the allocator counts what it took from
//! the system for each arena, and the mappings ([`Arena::walked`] beside [`Arena::system`]).

mod arena;
mod beyond;
mod block_state;
mod blocks;
mod cached;
mod chunks;
mod claims;
mod counted;
mod led_to;
mod links;
mod marks;
mod owners;
mod parameters;
mod run;
mod runs;
mod slots;
mod unreached;
mod words;
mod zlib;

use std::sync::OnceLock;

use self::links::Links;
use crate::scan::Watch;
use crate::{Address, Core};

pub use arena::Arena;
pub use block_state::BlockState;
pub use blocks::{Block, BlockId, Blocks};
pub use counted::{CountedOthers, Piece};
pub use led_to::{Beginnings, LedTo};
pub use marks::BlockMarks;
pub use owners::{Others, Owner, OwnerBlock, Owners};
pub use parameters::Parameters;
pub use run::{Run, RunKind};
pub use unreached::{Leak, Unreached};

/// Bytes between blocks' addresses.
const ALIGNMENT: u64 = 16;
/// `MIN_CHUNK_SIZE`
const SMALLEST_CHUNK: u64 = 32;
/// `CHUNK_HDR_SZ`: what lies before the program's memory.
const HEADER: u64 = 16;
/// Bits of a size that are flags.
const FLAGS: u64 = 7;
const PREVIOUS_IN_USE: u64 = 1;
const IS_MAPPED: u64 = 2;
/// The unit in which the system gives memory.
const PAGE: u64 = 4096;

/// All that the C library's allocator manages in a process.
#[derive(Debug)]
pub struct Malloc {
    arenas: Vec<Arena>,
    parameters: Option<Parameters>,
    blocks: Blocks,
    library: Library,
    /// Read when first asked for.
    links: OnceLock<Links>,
}

/// Whose allocator it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// glibc's.
    Glibc,
    /// musl's, from 1.2.1 on (`mallocng`).
    Musl,
}

impl Malloc {
    /// Finds the arenas of a process and walks all their blocks. Nothing if no arena has ever been used: another allocator is in its
    /// place, or the core lacks the data of the C library.
    pub fn of(core: &Core, watch: &dyn Watch) -> Option<Malloc> {
        let memory = core.memory();
        let mut arenas = arena::find(memory);
        if arenas.is_empty() {
            return slots::find(core, watch);
        }
        let parameters = parameters::find(memory, &arenas);
        let mut blocks = runs::walk(memory, &mut arenas, parameters.as_ref(), watch);
        cached::mark(memory, &arenas, &mut blocks);
        for (index, arena) in arenas.iter_mut().enumerate() {
            arena.count(&blocks, index);
        }
        Some(Malloc { arenas, parameters, blocks, library: Library::Glibc, links: OnceLock::new() })
    }

    /// Whose allocator it is.
    pub fn library(&self) -> Library {
        self.library
    }

    /// The arenas, the main one first.
    pub fn arenas(&self) -> &[Arena] {
        &self.arenas
    }

    /// What the allocator counts and was set to, if it was found.
    pub fn parameters(&self) -> Option<&Parameters> {
        self.parameters.as_ref()
    }

    /// All blocks, by address.
    pub fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    /// Which blocks lead to which; read when first asked for. `None` if `watch` has stopped it.
    fn links(&self, core: &Core, watch: &dyn Watch) -> Option<&Links> {
        if let Some(known) = self.links.get() {
            return Some(known);
        }
        let found = Links::of(self, core, watch)?;
        Some(self.links.get_or_init(|| found))
    }

    /// Number and bytes of the mappings that hold one block each, their headers included.
    pub fn mapped(&self) -> (u64, u64) {
        let mapped = self.blocks.runs().iter().filter(|run| run.kind == RunKind::Mapped);
        mapped.fold((0, 0), |(count, bytes), run| (count + 1, bytes + (run.end.0 - run.start.0)))
    }
}

impl Core {
    /// The end of the memory that `brk` gave the process, as the C library knows it.
    pub fn program_break(&self) -> Option<Address> {
        use crate::Memory;
        let symbols = self.symbols();
        let symbol = symbols.resolve(Some("libc"), "__curbrk").or_else(|_| symbols.resolve(None, "__curbrk"));
        self.memory().read_u64(symbol.ok()?.address).ok().filter(|end| *end != 0).map(Address)
    }
}
