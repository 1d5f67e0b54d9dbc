//! Where V8 and Node.js keep count of memory: the fields behind `v8.getHeapSpaceStatistics()`, `v8.getHeapStatistics()`
//! and `process.memoryUsage()`.
//!
//! V8 publishes none of them. They were read off the functions that compute the statistics, in the official binaries
//! (`PagedSpaceBase::Size`, `LargeObjectSpace::SizeOfObjects`, `SemiSpaceNewSpace::Available` and so on), named by V8's
//! sources (`src/heap/*-spaces.h`, `allocation-stats.h`, `free-list.h`, `src/objects/backing-store.h`,
//! `js-array-buffer.h`), and checked by value on cores of processes that had written their statistics before.

use super::SandboxLayout;

/// Where the count of what buffers and strings hold outside the heap is.
#[derive(Clone, Copy, Debug)]
pub enum ExternalBytes {
    /// `Heap::backing_store_bytes_`, at this offset in the `Heap`.
    One(u64),
    /// Buffers and strings are counted apart (V8 14).
    Two {
        /// `Heap::external_string_table_.bytes_`
        strings: u64,
        /// `Heap::array_buffer_sweeper_`, a pointer
        sweeper: u64,
        /// `ArrayBufferSweeper::total_bytes_`
        total: u64,
    },
}

/// Where V8 knows from what has been touched of the memory of a space.
#[derive(Clone, Copy, Debug)]
pub enum PhysicalBytes {
    /// Spaces count it.
    Counted {
        /// `PagedSpaceBase::committed_physical_memory_`
        paged: u64,
        /// `SemiSpace::committed_physical_memory_`
        semispace: u64,
    },
    /// It is how far each page has been used, at this offset in its header (V8 9: `MemoryChunk::high_water_mark_`).
    HighWaterMarks(u64),
}

/// Offsets in `Heap`, in the space objects, and in what they point to.
#[derive(Clone, Copy, Debug)]
pub struct AccountingLayout {
    /// `Heap::space_`: a pointer for each `AllocationSpace`.
    pub spaces: u64,
    /// What buffers and strings hold outside the heap.
    pub external_bytes: ExternalBytes,
    /// `Isolate::array_buffer_allocator_` of the newest release of the line, from the `Heap` on: for cores that hold too little to
    /// recognise it.
    pub allocator: u64,
    /// `node::NodeArrayBufferAllocator::total_mem_usage_`, likewise.
    pub allocator_total: u64,
    /// `Space::free_list_`
    pub free_list: u64,
    /// `FreeList::available_`
    pub free_list_available: u64,
    /// `PagedSpaceBase::accounting_stats_.size_`
    pub paged_size: u64,
    /// The same of a `ReadOnlySpace`, where each heap has one of its own (V8 9).
    pub read_only_size: Option<u64>,
    /// What has been touched of the memory of spaces.
    pub physical: PhysicalBytes,
    /// `LargeObjectSpace::objects_size_`
    pub large_objects_size: u64,
    /// `NewLargeObjectSpace::capacity_`
    pub new_large_capacity: u64,
    /// `SemiSpaceNewSpace::to_space_`
    pub to_space: u64,
    /// `SemiSpaceNewSpace::from_space_`
    pub from_space: u64,
    /// `Space::memory_chunk_list_`: the first page.
    pub first_page: u64,
    /// `SemiSpace::current_page_`
    pub semispace_current_page: u64,
    /// `SemiSpace::current_capacity_`
    pub semispace_current_capacity: u64,
    /// `SemiSpace::pages_used_`, 32 bits, where a semispace has memory that it does not use yet (V8 up to 8; else its capacity tells).
    pub semispace_pages_used: Option<u64>,
    /// `target_capacity_`, from the `SemiSpaceNewSpace` on.
    pub new_target_capacity: u64,
    /// `SemiSpaceNewSpace::quarantined_size_` (V8 13 on).
    pub new_quarantined: Option<u64>,
    /// V8 gives the open allocation areas back to the free lists before it counts (V8 12 on).
    pub counts_without_open_areas: bool,
    /// Sizes of paged spaces count their open allocation areas, and of read-only pages only what has been touched counts as physical (V8 up
    /// to 8).
    pub sizes_count_open_areas: bool,
    /// Spaces have a mutex of the C library in front of some of these, and not one of V8's own (V8 up to 12).
    pub has_system_mutexes: bool,
    /// Where backing stores are.
    pub backing_store: BackingStoreLayout,
}

impl AccountingLayout {
    /// On a processor where a mutex of the C library is `growth` bytes larger than on x86-64.
    pub(super) fn with_mutexes(self, growth: u64) -> AccountingLayout {
        let growth = if self.has_system_mutexes { growth } else { 0 };
        AccountingLayout {
            physical: match self.physical {
                PhysicalBytes::Counted { paged, semispace } => {
                    PhysicalBytes::Counted { paged: paged + growth, semispace }
                }
                marks => marks,
            },
            new_large_capacity: self.new_large_capacity + growth,
            to_space: self.to_space + growth,
            from_space: self.from_space + growth,
            new_target_capacity: self.new_target_capacity + growth,
            ..self
        }
    }
}

impl BackingStoreLayout {
    /// In a build with a sandbox, where an extension begins with its place in the table of addresses (V8: `ExternalPointerTable::ManagedResource`),
    /// and a store has more in front of its flags.
    pub(super) fn in_sandbox(self, sandbox: Option<SandboxLayout>) -> BackingStoreLayout {
        let (extension, store) =
            sandbox.map_or((0, 0), |sandbox| (sandbox.extension_growth, sandbox.backing_store_growth));
        BackingStoreLayout { in_extension: self.in_extension + extension, flags: self.flags + store, ..self }
    }
}

/// `ArrayBufferExtension` and `BackingStore`.
#[derive(Clone, Copy, Debug)]
pub struct BackingStoreLayout {
    /// `ArrayBufferExtension::backing_store_`
    pub in_extension: u64,
    /// The flags: bits of one word.
    pub flags: u64,
    /// `is_shared`: a bit of the flags, like the following.
    pub shared: u32,
    /// `is_resizable_by_js`
    pub resizable: u32,
    /// `is_wasm_memory`
    pub wasm: u32,
    /// `custom_deleter`
    pub custom_deleter: u32,
    /// `empty_deleter`
    pub empty_deleter: u32,
    /// WebAssembly memories do not count as memory of their buffers (V8 14).
    pub wasm_counts_elsewhere: bool,
}
