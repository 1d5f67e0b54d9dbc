//! Where the bytes of ArrayBuffers are: in a block of malloc, or in memory of their own.

use core_reader::{Address, Block, Malloc};
use v8_heap::index::{BackingStore, StoreKind};

use crate::target::Target;

/// What a store takes.
pub(crate) enum BufferMemory {
    /// This block.
    Block(Block),
    /// Bytes from an address to another, outside of malloc.
    Mapped { start: u64, end: u64, is_web_assembly: bool },
}

/// Where the bytes of a store are that are the store's alone; nothing of what is in the heap, or in a larger object of native code.
pub(crate) fn memory_of(
    target: &Target,
    malloc: Option<&Malloc>,
    store: &BackingStore,
) -> Option<BufferMemory> {
    let is_given = match store.kind {
        StoreKind::ArrayBuffer
        | StoreKind::SharedArrayBuffer
        | StoreKind::Resizable
        | StoreKind::Growable
        | StoreKind::WebAssembly => false,
        StoreKind::Native => true,
        StoreKind::Borrowed | StoreKind::InHeap | StoreKind::Unknown => return None,
    };
    if store.address == 0 {
        return None;
    }
    let block = malloc.and_then(|malloc| malloc.blocks().around(store.address));
    if let Some(block) = block.filter(|block| block.state.is_used()) {
        // Native code may give what is a small part of an object of its own.
        let is_most = || store.byte_length >= block.bytes / 2;
        return (!is_given || is_most()).then_some(BufferMemory::Block(block));
    }
    let is_of_file =
        || target.memory().range_at(Address(store.address)).is_some_and(|range| range.file.is_some());
    let mapped = BufferMemory::Mapped {
        start: store.address,
        end: store.address.saturating_add(store.byte_length),
        is_web_assembly: store.kind == StoreKind::WebAssembly,
    };
    (!is_given || !is_of_file()).then_some(mapped)
}
