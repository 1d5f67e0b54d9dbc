//! Every byte that a process had, once: what it is for.
//!
//! Ranges of memory are claimed in turns, the surest first: V8's pages, the runs of malloc, buffers outside of both, stacks. What
//! nobody claims goes by its file, or by what may be done with it. Inside of V8's pages and of malloc's runs, objects and blocks
//! are added up; the rest of each is what it has and does not use. So all rows together are what the process could read or write:
//! no more and no less.

mod claims;
mod stacks;
mod uses;

use std::collections::{BTreeMap, HashSet};

use core_reader::{
    Address, AddressSpace, Block, BlockId, BlockMarks, BlockState, Contents, Malloc, Memory, MemoryRange,
};
use v8_heap::{Heap, Monitor};

use self::claims::{Claim, Claims};
use crate::answers::buffer_memory::{BufferMemory, memory_of};
use crate::answers::native_memory;
use crate::answers::native_parts::NativeParts;
use crate::answers::search::Watched;
use crate::output::Progress;
use crate::target::Target;

pub(crate) use self::stacks::ThreadStack;
pub(crate) use self::uses::Use;

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
    /// The blocks of malloc that the program has, but for buffers and for what is leaked, by part of the process.
    pub(crate) parts: NativeParts,
    /// The stacks of threads, the largest in use first.
    pub(crate) stacks: Vec<ThreadStack>,
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

    /// Blocks of malloc that the program has, but for buffers and for what is leaked.
    pub(crate) fn native(&self) -> u64 {
        Use::NATIVE.into_iter().map(|of| self.of_use(of)).sum()
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
        let mut seen = HashSet::new();
        if let Some(heap) = heap {
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
        ledger.stacks = stacks::of(core);
        for stack in &ledger.stacks {
            claims.add(stack.start, stack.end, Claim::Stacks);
        }
        let sums = ledger.ranges(target, &claims);
        if let Some(heap) = heap {
            let guards = guards(target, heap, progress)?.min(sums.pages);
            ledger.reserved += guards;
            ledger.pages(heap, sums.pages - guards, progress)?;
        }
        if let Some(malloc) = malloc {
            ledger.blocks(target, malloc, sums.runs, (buffers, stored_buffers, &seen), progress);
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
        (buffers, stored_buffers, buffer_blocks): (u64, u64, &HashSet<BlockId>),
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
            for block in malloc.blocks().iter().filter(|block| unreached.is_leaked(block.id)) {
                leaked += block.chunk_bytes;
                self.leaked_blocks += 1;
            }
        }
        self.add(Use::Buffers, buffers);
        let left = used.saturating_sub(buffers).saturating_sub(leaked);
        let has_holes = self.stored.is_some();
        let in_use = self.parts(target, malloc, (left, buffer_blocks), has_holes, progress);
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
        for (of, bytes) in in_use {
            take(of, bytes);
        }
        take(Use::Blocks, u64::MAX);
    }

    /// Splits the blocks that the program has, of `left` bytes, by part of the process; gives what the core has of each, if that is asked for.
    fn parts(
        &mut self,
        target: &Target,
        malloc: &Malloc,
        (left, buffers): (u64, &HashSet<BlockId>),
        in_core: bool,
        progress: &Progress,
    ) -> BTreeMap<Use, u64> {
        let mut stored: BTreeMap<Use, u64> = BTreeMap::new();
        let mut sum = 0;
        let mut is_buffer = BlockMarks::new(malloc.blocks().len());
        for block in buffers {
            is_buffer.set(block.0 as usize);
        }
        // What was interrupted is not told, and the caller says so.
        self.parts = NativeParts::of(target, progress).unwrap_or_default();
        let mut sums = vec![(0, 0); self.parts.parts().len()];
        let mut own = 0;
        for block in malloc.blocks().iter() {
            own += if block.state == BlockState::Own { block.chunk_bytes } else { 0 };
            // Buffers have been counted.
            let part = self.parts.number_of(block.id).filter(|_| !is_buffer.has(block.id.0 as usize));
            let Some((bytes, stored)) = part.and_then(|part| sums.get_mut(part)) else { continue };
            *bytes += block.chunk_bytes;
            if in_core {
                *stored += block.chunk_bytes - missing(target.memory(), &block);
            }
        }
        let of_parts: Vec<Use> = self.parts.parts().iter().map(Use::of_part).collect();
        for (of, (bytes, in_memory)) in of_parts.into_iter().zip(sums).filter(|(_, (bytes, _))| *bytes > 0) {
            self.add(of, bytes);
            sum += bytes;
            if in_core {
                *stored.entry(of).or_default() += in_memory;
            }
        }
        let own = own.min(left.saturating_sub(sum));
        self.add(Use::OfMalloc, own);
        // What the allocator counts and was not found.
        self.add(Use::Blocks, left.saturating_sub(sum + own));
        stored
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

/// Bytes of whole pages in a block that the core has not: the rest lies in pages with something else.
fn missing(memory: &AddressSpace, block: &Block) -> u64 {
    let Some((start, end)) = native_memory::whole_pages_in(block) else { return 0 };
    (end - start).saturating_sub(bytes_in_core(memory, start, end))
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

#[cfg(test)]
mod tests {
    use super::*;

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
