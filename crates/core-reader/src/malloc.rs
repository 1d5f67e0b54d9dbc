//! What glibc's allocator keeps where: the heap at the program break, and the arenas of further threads.
//!
//! Source: `malloc/malloc.c` and `malloc/arena.c` of glibc. Memory is a gapless sequence of chunks, each with its size, a
//! multiple of 16, in the word before what the program was given; the lowest bit of it says that the chunk before is in
//! use. The heap of the main arena ends at the program break (`__curbrk`); each heap of another arena begins at a
//! multiple of 64 MiB with a `heap_info`.
//!
//! ```text
//!   | previous size | size | A M P |  what malloc() returned ...         | previous size | size ...
//!   ^ chunk                        ^ program's memory                    ^ next chunk
//! ```
//!
//! Nothing but these words says where a chunk begins. They are followed from the start of the heap, and believed as far as
//! each leads to the next one. A program that calls `sbrk` itself, or damaged memory, ends that. Memory that the
//! allocator keeps to itself in its caches looks as if it were in use.

use crate::{Address, Core, Memory};

/// `HEAP_MAX_SIZE`: alignment and largest size of a heap that is not the main arena's.
const HEAP_MAX_SIZE: u64 = 64 << 20;
/// `MIN_CHUNK_SIZE`
const SMALLEST_CHUNK: u64 = 32;
/// Bits of a size that are flags: previous in use, mapped, not of the main arena.
const FLAGS: u64 = 7;
const PREVIOUS_IN_USE: u64 = 1;
/// `SIZE_SZ` twice: what lies before the program's memory.
const HEADER: u64 = 16;

/// Memory that the allocator manages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MallocHeap {
    /// The main arena's heap, below the program break.
    Main {
        /// First address.
        start: Address,
        /// The program break.
        end: Address,
    },
    /// A heap of another arena.
    Arena {
        /// First address: that of its `heap_info`.
        start: Address,
        /// First address behind the part in use.
        end: Address,
        /// The arena (`malloc_state`) it belongs to.
        arena: Address,
    },
}

/// A chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MallocChunk {
    /// What the program was given: behind the chunk's own header.
    pub start: Address,
    /// First address behind it that the program may not use.
    pub end: Address,
    /// The chunk behind it says that it is free. `false` for one that the allocator has in a cache.
    pub free: bool,
    /// It is what is left at the end of the heap.
    pub top: bool,
}

/// Finds chunks by address; keeps where some of them begin.
#[derive(Debug, Default)]
pub struct MallocChunks {
    /// Of the heap walked last: its start, and the start of a chunk every so often.
    heap: Address,
    marks: Vec<u64>,
}

/// Chunks between two marks.
const MARK_DISTANCE: usize = 1024;

impl Core {
    /// The end of the memory that `brk` gave the process, as the C library knows it.
    pub fn program_break(&self) -> Option<Address> {
        let symbols = self.symbols();
        let symbol = symbols.resolve(Some("libc"), "__curbrk").or_else(|_| symbols.resolve(None, "__curbrk"));
        self.memory().read_u64(symbol.ok()?.address).ok().filter(|end| *end != 0).map(Address)
    }

    /// The heap of the allocator that `address` lies in.
    pub fn malloc_heap(&self, address: Address) -> Option<MallocHeap> {
        let memory = self.memory();
        let range =
            memory.range_at(address).filter(|range| range.file.is_none() && range.permissions.write)?;
        if let Some(Address(end)) = self.program_break()
            && (range.start.0 < end && end <= range.end.0)
            && address.0 < end
        {
            return Some(MallocHeap::Main { start: range.start, end: Address(end) });
        }
        // heap_info: mstate ar_ptr; heap_info *prev; size_t size; size_t mprotect_size; ...
        let start = Address(address.0 & !(HEAP_MAX_SIZE - 1));
        let word = |index: u64| memory.read_u64(Address(start.0 + 8 * index)).ok();
        let (arena, previous, size) = (word(0)?, word(1)?, word(2)?);
        let end = start.0.checked_add(size)?;
        let consistent = size <= HEAP_MAX_SIZE
            && size.is_multiple_of(0x1000)
            && address.0 < end
            && arena.is_multiple_of(8)
            // The first heap holds its arena, right behind its heap_info; later ones lead to the one before.
            && ((previous == 0 && arena > start.0 && arena - start.0 <= 0x40)
                || (previous != 0 && previous.is_multiple_of(HEAP_MAX_SIZE) && memory.read_u64(Address(previous)) == Ok(arena)));
        consistent.then_some(MallocHeap::Arena { start, end: Address(end), arena: Address(arena) })
    }

    /// The chunk that `address` lies in, its header included, if the words of the heap are consistent up to there.
    pub fn malloc_chunk(
        &self,
        known: &mut MallocChunks,
        heap: MallocHeap,
        address: Address,
    ) -> Option<MallocChunk> {
        let memory = self.memory();
        let (start, end) = match heap {
            MallocHeap::Main { start, end } => (start.0, end.0),
            MallocHeap::Arena { start, end, arena } => {
                // Chunks follow the arena, if it is in this heap, and the heap_info.
                let first = if arena > start && arena < end {
                    first_behind_arena(self, start.0, end.0, arena.0)?
                } else {
                    start.0 + 0x30
                };
                (first, end.0)
            }
        };
        let start = start.checked_next_multiple_of(16)?;
        if known.heap.0 != start {
            *known = MallocChunks { heap: Address(start), marks: vec![start] };
        }
        let size_of = |chunk: u64| {
            let size = memory.read_u64(Address(chunk.checked_add(8)?)).ok()?;
            let bytes = size & !FLAGS;
            let next = chunk.checked_add(bytes)?;
            (bytes >= SMALLEST_CHUNK && bytes.is_multiple_of(16) && next <= end).then_some((next, size))
        };
        let mark = known
            .marks
            .partition_point(|mark| mark.saturating_add(8) <= address.0 || *mark == start)
            .checked_sub(1)?;
        let mut chunk = known.marks[mark];
        let mut steps = 0;
        loop {
            let (next, _) = size_of(chunk)?;
            if address.0 < next.saturating_add(8) {
                // The last chunk reaches the end, to the page; no chunk follows it.
                let top = next.saturating_add(SMALLEST_CHUNK) > end;
                let free = !top && size_of(next)?.1 & PREVIOUS_IN_USE == 0;
                // A chunk in use may also use the first word of the next one.
                let last = if free || top { next } else { next.checked_add(8)? };
                if address.0 < last {
                    return Some(MallocChunk {
                        start: Address(chunk.checked_add(HEADER)?),
                        end: Address(last),
                        free,
                        top,
                    });
                }
                if top {
                    return None;
                }
            }
            chunk = next;
            steps += 1;
            if steps % MARK_DISTANCE == 0 && known.marks.last().is_some_and(|last| *last < chunk) {
                known.marks.push(chunk);
            }
        }
    }
}

/// The first chunk of an arena's first heap. The size of the arena's own structure differs between versions of glibc:
/// the chunks begin where they lead to the end of the heap.
fn first_behind_arena(core: &Core, start: u64, end: u64, arena: u64) -> Option<u64> {
    /// `sizeof (struct malloc_state)` has been 0x898 since 2.26; searched around that.
    const SIZES: std::ops::Range<u64> = 0x860..0x900;
    let memory = core.memory();
    SIZES.map(|size| arena + size).filter(|first| first.is_multiple_of(16) && *first > start).find(|first| {
        let mut chunk = *first;
        let mut steps = 0;
        while chunk < end && steps < 64 {
            let Ok(size) = memory.read_u64(Address(chunk + 8)) else { return false };
            let bytes = size & !FLAGS;
            if bytes < SMALLEST_CHUNK
                || !bytes.is_multiple_of(16)
                || bytes > end - chunk
                || (chunk == *first && size & PREVIOUS_IN_USE == 0)
            {
                return false;
            }
            chunk += bytes;
            steps += 1;
        }
        true
    })
}
