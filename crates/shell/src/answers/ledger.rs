//! Every byte that a process had, once: what it is for.
//!
//! Ranges of memory are claimed in turns, the surest first: V8's pages, the runs of malloc, buffers outside of both, stacks. What
//! nobody claims goes by its file, or by what may be done with it. Inside of V8's pages and of malloc's runs, objects and blocks
//! are added up; the rest of each is what it has and does not use. So all rows together are what the process could read or write:
//! no more and no less.

use std::collections::{BTreeMap, HashSet};

use core_reader::{Address, AddressSpace, Contents, Malloc, Memory, MemoryRange};
use v8_heap::{Heap, Monitor};

use crate::answers::buffer_memory::{BufferMemory, memory_of};
use crate::answers::native_memory;
use crate::answers::search::Watched;
use crate::output::Progress;
use crate::target::Target;

/// What memory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Use {
    Living,
    Garbage,
    FreeInPages,
    Buffers,
    WebAssembly,
    Blocks,
    Leaked,
    FreeBlocks,
    OfMalloc,
    Stacks,
    Code,
    Anonymous,
    FileData,
    Files,
    Kernel,
}

impl Use {
    pub(crate) const ALL: [Use; 15] = [
        Use::Living,
        Use::Garbage,
        Use::FreeInPages,
        Use::Buffers,
        Use::WebAssembly,
        Use::Blocks,
        Use::Leaked,
        Use::FreeBlocks,
        Use::OfMalloc,
        Use::Stacks,
        Use::Code,
        Use::Anonymous,
        Use::FileData,
        Use::Files,
        Use::Kernel,
    ];

    /// For users.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Use::Living => "JavaScript heap: living objects",
            Use::Garbage => "JavaScript heap: garbage",
            Use::FreeInPages => "JavaScript heap: not used in its pages",
            Use::Buffers => "buffers of JavaScript",
            Use::WebAssembly => "memory of WebAssembly",
            Use::Blocks => "native memory in use (malloc)",
            Use::Leaked => "native memory that is leaked",
            Use::FreeBlocks => "native memory that is free (malloc keeps it)",
            Use::OfMalloc => "malloc's own",
            Use::Stacks => "stacks of threads",
            Use::Code => "machine code made at run time",
            Use::Anonymous => "other memory of the process",
            Use::FileData => "data of the executable and libraries",
            Use::Files => "code and constants of files",
            Use::Kernel => "pages of the kernel",
        }
    }

    /// For programs.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Use::Living => "javascriptLiving",
            Use::Garbage => "javascriptGarbage",
            Use::FreeInPages => "javascriptUnused",
            Use::Buffers => "buffers",
            Use::WebAssembly => "webAssembly",
            Use::Blocks => "mallocUsed",
            Use::Leaked => "mallocLeaked",
            Use::FreeBlocks => "mallocFree",
            Use::OfMalloc => "mallocOwn",
            Use::Stacks => "stacks",
            Use::Code => "code",
            Use::Anonymous => "other",
            Use::FileData => "fileData",
            Use::Files => "files",
            Use::Kernel => "kernel",
        }
    }
}

/// Who claims a stretch of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    Pages,
    Runs,
    Buffers,
    WebAssembly,
    Stacks,
}

/// The ledger of a process.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Bytes by use; those of all uses together are all that the process could read or write.
    pub(crate) bytes: BTreeMap<Use, u64>,
    /// Of the memory of each claim and of unclaimed uses, what the core has bytes for.
    pub(crate) stored: Option<Stored>,
    /// Reserved without access: no memory.
    pub(crate) reserved: u64,
    /// What could not be told, and why.
    pub(crate) untold: Vec<String>,
    /// Whole pages in free blocks of malloc, and of them what the core has bytes for.
    pub(crate) returnable: (u64, Option<u64>),
    /// The largest mappings that nobody knows.
    pub(crate) unknown: Vec<(Address, u64)>,
    /// Garbage could not be told: it counts as living.
    pub(crate) is_garbage_unknown: bool,
    /// Number of blocks that nothing leads to.
    pub(crate) leaked_blocks: u64,
}

/// What the core has bytes for, and so was in memory.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    /// The kernel wrote the core, and left out only what was not in memory: else more may have been.
    pub(crate) is_exact: bool,
    /// Of V8's pages.
    pub(crate) pages: u64,
    /// Of malloc's runs.
    pub(crate) runs: u64,
    /// By use, all of these together.
    pub(crate) by_use: BTreeMap<Use, u64>,
    /// Of all.
    pub(crate) all: u64,
}

impl Ledger {
    pub(crate) fn total(&self) -> u64 {
        self.bytes.values().sum()
    }

    pub(crate) fn of_use(&self, of: Use) -> u64 {
        self.bytes.get(&of).copied().unwrap_or(0)
    }

    /// Adds up the memory of a target; what was cancelled is incomplete.
    ///
    /// # Errors
    /// Those of the heap's index.
    pub(crate) fn of(target: &Target, progress: &Progress) -> v8_heap::Result<Ledger> {
        let mut ledger = Ledger::default();
        let mut claims = Claims::default();
        let heap = target.heap().as_ref().ok().copied();
        if let Err(reason) = target.heap() {
            ledger.untold.push(format!("the JavaScript heap: {reason}"));
        }
        if let Some(heap) = heap {
            for page in heap.spaces().pages() {
                claims.add(page.base, page.base.saturating_add(page.size), Claim::Pages);
            }
        }
        progress.begin("walking the blocks of malloc", 0);
        let malloc = target.malloc(&Watched(progress));
        match malloc {
            Some(malloc) => {
                for run in malloc.blocks().runs() {
                    claims.add(run.start.0, run.end.0, Claim::Runs);
                }
                ledger.untold.extend(native_memory::not_found(malloc));
                ledger.untold.extend(native_memory::lost_stacks(target.core()));
            }
            None => {
                let reason = native_memory::why_not(target);
                ledger.untold.push(format!("native memory: {reason}; its blocks are among other memory"));
            }
        }
        let (mut buffers, mut stored_buffers) = (0, 0);
        let has_holes = target.memory().has_holes();
        if let Some(heap) = heap {
            let mut seen = HashSet::new();
            for store in &heap.buffers(progress)?.stores {
                match memory_of(target, malloc, store) {
                    Some(BufferMemory::Block(block)) if seen.insert(block.id) => {
                        buffers += block.chunk_bytes;
                        if has_holes {
                            stored_buffers += bytes_in_core(target.memory(), block.start.0, block.end().0);
                        }
                    }
                    Some(BufferMemory::Mapped { start, end, is_web_assembly }) => {
                        let claim = if is_web_assembly { Claim::WebAssembly } else { Claim::Buffers };
                        claims.add(start, end, claim);
                    }
                    Some(BufferMemory::Block(_)) | None => {}
                }
            }
        }
        let core = target.core();
        let truncated = core.memory().truncated_bytes();
        if truncated > 0 {
            let lost = format!(
                "{truncated} bytes beyond the end of the truncated core: objects and blocks there count as not used"
            );
            ledger.untold.push(lost);
        }
        for range in core.memory().ranges() {
            let has_stack = core.threads_with_stack_in(range.start, range.end).next().is_some();
            if has_stack && range.file.is_none() {
                claims.add(range.start.0, range.end.0, Claim::Stacks);
            }
        }
        let sums = ledger.ranges(target, &claims);
        if let Some(heap) = heap {
            let guards = guards(target, heap, progress)?.min(sums.pages);
            ledger.reserved += guards;
            ledger.pages(heap, sums.pages - guards, progress)?;
        }
        if let Some(malloc) = malloc {
            ledger.blocks(target, malloc, sums.runs, (buffers, stored_buffers), progress);
        }
        Ok(ledger)
    }

    fn add(&mut self, of: Use, bytes: u64) {
        *self.bytes.entry(of).or_default() += bytes;
    }

    /// Goes through all ranges: adds up what is claimed, and what is not by its nature.
    fn ranges(&mut self, target: &Target, claims: &Claims) -> Sums {
        let core = target.core();
        let memory = core.memory();
        let vdso = core.auxv().address(core_reader::AuxiliaryVector::VDSO);
        let mut stored = memory.has_holes().then(|| Stored {
            is_exact: core.signal().is_some() && core.stored().temporary.is_none(),
            ..Stored::default()
        });
        let mut sums = Sums::default();
        for range in memory.ranges() {
            if is_reserved(range) {
                self.reserved += range.end.0 - range.start.0;
                continue;
            }
            // The page of old system calls is in the kernel's half.
            let is_kernels =
                vdso.is_some_and(|at| (range.start..range.end).contains(&at)) || range.start.0 >> 63 == 1;
            for (start, end, claim) in claims.split(range.start.0, range.end.0) {
                let bytes = end - start;
                // gdb writes what it finds without access as zeros that can be read.
                let is_gdbs_zeros = matches!(claim, None | Some(Claim::Pages))
                    && range.file.is_none()
                    && !is_kernels
                    && (range.permissions.write, range.permissions.execute) == (false, false)
                    && core.signal().is_none()
                    && is_zero(memory, start, end);
                if is_gdbs_zeros {
                    self.reserved += bytes;
                    continue;
                }
                let in_memory = || bytes_in_core(memory, start, end);
                let of = match claim {
                    Some(Claim::Pages) => {
                        sums.pages += bytes;
                        if let Some(stored) = &mut stored {
                            stored.pages += in_memory();
                        }
                        continue;
                    }
                    Some(Claim::Runs) => {
                        sums.runs += bytes;
                        if let Some(stored) = &mut stored {
                            stored.runs += in_memory();
                        }
                        continue;
                    }
                    Some(Claim::Buffers) => Use::Buffers,
                    Some(Claim::WebAssembly) => Use::WebAssembly,
                    Some(Claim::Stacks) => Use::Stacks,
                    None if is_kernels => Use::Kernel,
                    None => unclaimed(range),
                };
                self.add(of, bytes);
                if of == Use::Anonymous {
                    self.unknown.push((Address(start), bytes));
                }
                // Pages of files are in no core: they are on disk.
                if let Some(stored) = stored.as_mut().filter(|_| of != Use::Files) {
                    *stored.by_use.entry(of).or_default() += in_memory();
                }
            }
        }
        self.unknown.sort_unstable_by_key(|(start, bytes)| (std::cmp::Reverse(*bytes), *start));
        if let Some(stored) = &mut stored {
            stored.all = stored.pages + stored.runs + stored.by_use.values().sum::<u64>();
        }
        self.stored = stored;
        sums
    }

    /// Splits V8's pages.
    fn pages(&mut self, heap: &Heap<'_>, pages: u64, monitor: &dyn Monitor) -> v8_heap::Result<()> {
        let table = heap.objects(monitor)?;
        let all = table.summary.object_bytes;
        let lacks = heap.lacks_for_census(monitor)?;
        let mut living = all;
        if lacks.is_empty() {
            let graph = heap.graph(monitor)?;
            let reached = heap.reached(monitor)?;
            living =
                (0..graph.len() as u32).filter(|id| reached.contains(*id)).map(|id| graph.size(id)).sum();
        } else {
            self.is_garbage_unknown = true;
            self.untold.push(format!(
                "garbage: the core lacks {}, so that all objects count as living",
                lacks.join(", ")
            ));
        }
        let living = living.min(all);
        self.add(Use::Living, living);
        self.add(Use::Garbage, all - living);
        self.add(Use::FreeInPages, pages.saturating_sub(all));
        if let Some(stored) = &mut self.stored {
            // Where an object is, something was written.
            let objects = all.min(stored.pages);
            let living = living.min(objects);
            stored.by_use.insert(Use::Living, living);
            stored.by_use.insert(Use::Garbage, objects - living);
            stored.by_use.insert(Use::FreeInPages, stored.pages - objects);
        }
        Ok(())
    }

    /// Splits malloc's runs.
    fn blocks(
        &mut self,
        target: &Target,
        malloc: &Malloc,
        runs: u64,
        (buffers, stored_buffers): (u64, u64),
        progress: &Progress,
    ) {
        let mut used = malloc.mapped().1;
        let mut free = 0;
        for arena in malloc.arenas() {
            used += arena.used.1;
            free += arena.free.1 + arena.fast.1 + arena.cached.1 + arena.top;
        }
        let mut leaked = 0;
        progress.begin("following the blocks of malloc", 0);
        if let Some(unreached) = target.unreached(&Watched(progress)) {
            for block in malloc.blocks().iter().filter(|block| unreached.head_of(block.id).is_some()) {
                leaked += block.chunk_bytes;
                self.leaked_blocks += 1;
            }
        }
        self.add(Use::Buffers, buffers);
        self.add(Use::Blocks, used.saturating_sub(buffers).saturating_sub(leaked));
        self.add(Use::Leaked, leaked);
        self.add(Use::FreeBlocks, free);
        self.add(Use::OfMalloc, runs.saturating_sub(used).saturating_sub(free));
        self.returnable.0 = native_memory::whole_pages(malloc).iter().sum();
        let Some(in_core) = &mut self.stored else { return };
        let free_blocks = malloc.blocks().iter().filter(|block| !block.state.is_used());
        let (mut whole, mut whole_in_core, mut returnable) = (0, 0, 0);
        for block in free_blocks {
            let Some((start, end)) = native_memory::whole_pages_in(&block) else { continue };
            let present = bytes_in_core(target.memory(), start, end);
            whole += end - start;
            whole_in_core += present;
            if native_memory::can_be_given_back(malloc, &block) {
                returnable += present;
            }
        }
        self.returnable.1 = Some(returnable);
        // Of free blocks only whole pages can be missing: the rest lies in pages with something in use.
        let mut left = in_core.runs;
        let mut take = |of: Use, bytes: u64| {
            let bytes = bytes.min(left);
            left -= bytes;
            *in_core.by_use.entry(of).or_default() += bytes;
        };
        take(Use::FreeBlocks, free.saturating_sub(whole) + whole_in_core);
        take(Use::Leaked, leaked);
        take(Use::Buffers, stored_buffers);
        take(Use::OfMalloc, runs.saturating_sub(used).saturating_sub(free));
        take(Use::Blocks, u64::MAX);
    }
}

/// Bytes of what is split further.
#[derive(Default)]
struct Sums {
    pages: u64,
    runs: u64,
}

/// Address space that the process had no access to.
fn is_reserved(range: &MemoryRange) -> bool {
    let permissions = range.permissions;
    // Of a file that the core leaves out, permissions are not known.
    let has_none = range.file.is_none() && !(permissions.read || permissions.write || permissions.execute);
    range.contents == Contents::NoAccess || has_none
}

/// Bytes that the core has of `[start, end)`.
fn bytes_in_core(memory: &AddressSpace, start: u64, end: u64) -> u64 {
    memory.stored(Address(start), Address(end)).iter().map(|(_, length)| length).sum()
}

/// Bytes of the blocks behind V8's holes, which it keeps without access (V8 14: `src/objects/hole.h`): a hole is but the word at the end
/// of the block before, and where gdb writes what would follow, that is zero.
fn guards(target: &Target, heap: &Heap<'_>, monitor: &dyn Monitor) -> v8_heap::Result<u64> {
    const BLOCK: u64 = 64 << 10;
    let memory = target.memory();
    let table = heap.objects(monitor)?;
    let mut bytes = 0;
    let read_only = heap.spaces().pages().iter().enumerate().filter(|(_, page)| page.is_read_only());
    for (number, _) in read_only.filter(|(number, _)| *number < table.page_count()) {
        for (address, map) in table.page_objects(number) {
            let behind = address + 8;
            let is_at_end = behind.is_multiple_of(BLOCK)
                && heap.layout().type_name(heap.map(map).instance_type) == "Hole";
            let can_be_read = memory.range_at(Address(behind)).is_some_and(|range| !is_reserved(range));
            if is_at_end && can_be_read && is_zero(memory, behind, behind + BLOCK) {
                bytes += BLOCK;
            }
        }
    }
    Ok(bytes)
}

/// Whether the core has nothing but zeros there.
fn is_zero(memory: &AddressSpace, start: u64, end: u64) -> bool {
    memory.stored(Address(start), Address(end)).into_iter().all(|(start, length)| {
        memory.slice(start, length as usize).is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0))
    })
}

/// What a range is that nobody claims.
fn unclaimed(range: &MemoryRange) -> Use {
    match (&range.file, range.permissions) {
        (Some(_), permissions) if permissions.write => Use::FileData,
        (Some(_), _) => Use::Files,
        (None, permissions) if permissions.execute => Use::Code,
        (None, _) => Use::Anonymous,
    }
}

/// Claimed stretches without overlap, by start.
#[derive(Default)]
struct Claims(BTreeMap<u64, (u64, Claim)>);

impl Claims {
    /// Claims what nobody has claimed of `[start, end)`.
    fn add(&mut self, start: u64, end: u64, claim: Claim) {
        for (from, to, other) in self.split(start, end) {
            if other.is_none() {
                self.0.insert(from, (to, claim));
            }
        }
    }

    /// The parts of `[start, end)`, claimed or not, in order.
    fn split(&self, start: u64, end: u64) -> Vec<(u64, u64, Option<Claim>)> {
        let mut parts = Vec::new();
        let mut at = start;
        let before = self.0.range(..=start).next_back().filter(|(_, (end, _))| *end > start);
        let later = self.0.range(start.saturating_add(1)..end.max(start.saturating_add(1)));
        for (from, (to, claim)) in before.into_iter().chain(later) {
            let (from, to) = ((*from).max(start), (*to).min(end));
            if at < from {
                parts.push((at, from, None));
            }
            if from < to {
                parts.push((from, to, Some(*claim)));
            }
            at = at.max(to);
        }
        if at < end {
            parts.push((at, end, None));
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_claimed_first_stays_and_nothing_is_counted_twice() {
        let mut claims = Claims::default();
        claims.add(100, 200, Claim::Pages);
        claims.add(150, 300, Claim::Runs);
        claims.add(0, 400, Claim::Stacks);
        claims.add(120, 180, Claim::Buffers);
        assert_eq!(
            claims.split(50, 450),
            [
                (50, 100, Some(Claim::Stacks)),
                (100, 200, Some(Claim::Pages)),
                (200, 300, Some(Claim::Runs)),
                (300, 400, Some(Claim::Stacks)),
                (400, 450, None),
            ]
        );
        assert_eq!(claims.split(110, 120), [(110, 120, Some(Claim::Pages))]);
        assert_eq!(claims.split(400, 400), []);
        assert_eq!(Claims::default().split(7, 9), [(7, 9, None)]);
    }

    #[test]
    fn rows_add_up_and_have_keys_of_their_own() {
        let mut ledger = Ledger::default();
        for (of, bytes) in [(Use::Living, 300), (Use::Leaked, 500), (Use::Blocks, 5), (Use::Files, 1 << 40)] {
            ledger.add(of, bytes);
        }
        assert_eq!(ledger.total(), 805 + (1 << 40));
        assert_eq!((ledger.of_use(Use::Leaked), ledger.of_use(Use::Garbage)), (500, 0));
        let keys: HashSet<&str> = Use::ALL.into_iter().map(Use::key).collect();
        assert_eq!(keys.len(), Use::ALL.len());
    }
}
