//! Blocks of the C library's allocator, for dcmds.

use core_reader::{
    Address, Arena, Block, BlockState, Core, Library, Malloc, Memory, RunKind, Unreached, demangle,
};
use v8_heap::Monitor;

use crate::answers::search::Watched;
use crate::context::Context;
use crate::error::DcmdError;
use crate::output::{Progress, escape};
use crate::target::Target;

/// Allocators that take the place of glibc's, by what their libraries are called.
const OTHERS: &[(&str, &str)] =
    &[("jemalloc", "jemalloc"), ("mimalloc", "mimalloc"), ("tcmalloc", "tcmalloc")];

/// The allocator's memory; nothing if it is not glibc's.
///
/// # Errors
/// There is no target, or the user cancelled it.
pub(crate) fn known_malloc(context: &Context) -> Result<Option<&Malloc>, DcmdError> {
    malloc_in(context.target()?, &context.progress())
}

/// As [`known_malloc`], of a process that need not be the session's.
pub(crate) fn malloc_in<'t>(target: &'t Target, monitor: &Progress) -> Result<Option<&'t Malloc>, DcmdError> {
    monitor.begin("walking the blocks of malloc", 0);
    let malloc = target.malloc(&Watched(monitor));
    if monitor.cancelled() { Err(DcmdError::Interrupted) } else { Ok(malloc) }
}

/// The allocator's memory.
///
/// # Errors
/// It is not glibc's, and what is there instead; or the user cancelled it.
pub(crate) fn malloc(context: &Context) -> Result<&Malloc, DcmdError> {
    match known_malloc(context)? {
        Some(malloc) => Ok(malloc),
        None => Err(DcmdError::failed(why_not(context.target()?))),
    }
}

/// Why no arena was found.
pub(crate) fn why_not(target: &Target) -> String {
    let modules = target.core().modules();
    let other = OTHERS.iter().find_map(|(part, name)| {
        let module = modules.iter().find(|module| module.path.contains(part))?;
        Some(format!(
            "the process has {name} ({}) instead of the C library's allocator: its blocks cannot be told",
            escape(&module.path)
        ))
    });
    other.unwrap_or_else(|| {
        "neither glibc's allocator nor musl's is in the core: the process uses another, or the core lacks the data of its C library"
            .to_owned()
    })
}

/// Blocks that nothing leads to.
///
/// # Errors
/// As [`malloc`].
pub(crate) fn unreached(context: &Context) -> Result<(&Malloc, &Unreached), DcmdError> {
    let malloc = malloc(context)?;
    let progress = context.progress();
    progress.begin("following the blocks of malloc", 0);
    let found = context.target()?.unreached(&Watched(&progress));
    context.check_interrupt()?;
    // It can only be missing if it was cancelled.
    found.map(|unreached| (malloc, unreached)).ok_or(DcmdError::Interrupted)
}

/// What an arena is called: `main`, or its address.
pub(crate) fn arena_name(arena: &Arena) -> String {
    if arena.is_main { "main".to_owned() } else { arena.address.to_string() }
}

/// Where a block is: `arena main`, `a mapping of its own`, `a slot of 48 bytes`.
pub(crate) fn place_of(malloc: &Malloc, block: &Block) -> String {
    let kind = malloc.blocks().runs().get(block.run).map(|run| run.kind);
    let arena = kind.and_then(RunKind::arena).and_then(|arena| malloc.arenas().get(arena));
    match (kind, arena) {
        (Some(RunKind::Slots), _) => format!("a slot of {} bytes", block.chunk_bytes),
        (_, Some(arena)) => format!("arena {}", arena_name(arena)),
        (_, None) => "a mapping of its own".to_owned(),
    }
}

/// The C++ class of a block in use, by its first word: `node::TCPWrap`. It is that of an object at the start of the block if it has
/// virtual functions and the binary has symbols.
pub(crate) fn class_of(context: &Context, block: &Block) -> Option<String> {
    class_in(context.target().ok()?, block)
}

/// As [`class_of`], of a process that need not be the session's.
pub(crate) fn class_in(target: &Target, block: &Block) -> Option<String> {
    if !block.state.is_used() {
        return None;
    }
    table_word(target.core(), block)?;
    class_at(target, block.start.0)
}

/// The class of a C++ object by its table of virtual functions.
pub(crate) fn class_at(target: &Target, address: u64) -> Option<String> {
    let name = demangle(&table_at(target, address)?)?;
    let class =
        name.strip_prefix("vtable for ").or_else(|| name.strip_prefix("{vtable(")?.strip_suffix(")}"))?;
    Some(escape(class).into_owned())
}

/// The symbol of the table of virtual functions that a C++ object begins with.
pub(crate) fn table_at(target: &Target, address: u64) -> Option<String> {
    /// In front of the functions of a table are the offset to the top and the type information (Itanium C++ ABI, 2.5.2).
    const FUNCTIONS: u64 = 16;
    let table = target.memory().read_u64(Address(address)).ok()?.checked_sub(FUNCTIONS)?;
    let found =
        target.symbols().nearest(Address(table), 0).filter(|found| found.symbol.address.0 == table)?;
    found.symbol.name.starts_with("_ZTV").then_some(found.symbol.name)
}

/// The first word of a block, if it is an address in the executable or a library, as that of an object with virtual functions is.
pub(crate) fn table_word(core: &Core, block: &Block) -> Option<u64> {
    let word = core.memory().read_u64(block.start).ok().filter(|_| block.bytes >= 8)?;
    core.modules().iter().any(|module| module.contains(Address(word))).then_some(word)
}

/// For each arena, the bytes of whole pages in its free blocks that the allocator can be made to give back. musl's cannot be made to.
pub(crate) fn whole_pages(malloc: &Malloc) -> Vec<u64> {
    let mut whole = vec![0; malloc.arenas().len()];
    if malloc.library() == Library::Musl {
        return whole;
    }
    let blocks = malloc.blocks();
    for (run, of) in blocks.runs().iter().enumerate() {
        let Some(arena) = of.kind.arena() else { continue };
        for block in blocks.of_run(run).filter(|block| can_be_given_back(malloc, block)) {
            whole[arena] += whole_pages_in(&block).map_or(0, |(start, end)| end - start);
        }
    }
    whole
}

/// Whether `malloc_trim` gives back the whole pages of a block: of one that is in a bin, or at the end of the main arena. What is left at the
/// ends of other arenas it does not look at (glibc: `mtrim` in `malloc/malloc.c`).
pub(crate) fn can_be_given_back(malloc: &Malloc, block: &Block) -> bool {
    let arena = || {
        let run = malloc.blocks().runs().get(block.run)?;
        malloc.arenas().get(run.kind.arena()?)
    };
    match block.state {
        BlockState::Free => true,
        BlockState::Top => arena().is_some_and(|arena| arena.is_main),
        _ => false,
    }
}

/// The whole pages in a block, behind the words in which a free block keeps its place in the lists.
pub(crate) fn whole_pages_in(block: &Block) -> Option<(u64, u64)> {
    const PAGE: u64 = 4096;
    const LINKS: u64 = 32;
    let start = block.start.0.saturating_add(LINKS).next_multiple_of(PAGE);
    let end = block.end().0 / PAGE * PAGE;
    (start < end).then_some((start, end))
}

/// That threads have lost what leads to blocks, if they have.
pub(crate) fn lost_stacks(core: &Core) -> Option<String> {
    let empty = core.threads().iter().filter(|thread| core.has_empty_stack(thread)).count();
    (empty > 0).then(|| {
        format!("the core lacks the stacks of {empty} threads: what only these lead to counts as leaked")
    })
}

/// What the allocator accounts for and was not found.
pub(crate) fn not_found(malloc: &Malloc) -> Vec<String> {
    let mut problems: Vec<String> = malloc
        .arenas()
        .iter()
        .filter(|arena| arena.walked < arena.system)
        .map(|arena| {
            format!(
                "of arena {} {} bytes were not found: it has {} from the system",
                arena_name(arena),
                arena.system - arena.walked,
                arena.system
            )
        })
        .collect();
    let (count, bytes) = malloc.mapped();
    if let Some(known) =
        malloc.parameters().filter(|known| (known.mappings, known.mapped_bytes) != (count, bytes))
    {
        problems.push(format!(
            "{count} blocks with mappings of their own were found, {bytes} bytes: malloc counts {}, {} bytes",
            known.mappings, known.mapped_bytes
        ));
    }
    let broken = malloc.blocks().runs().iter().filter_map(|run| run.broken_at);
    problems.extend(broken.map(|at| {
        format!("what is at {at} is no block, though it should be: the memory behind it is not told")
    }));
    problems
}
