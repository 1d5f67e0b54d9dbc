//! C++ objects that V8 collects together with JavaScript (`src/heap/cppgc`, Oilpan): what keeps them alive, and what they keep.
//!
//! A JavaScript object may stand for a C++ object, which is alive with it. Such an object refers to others, and by handles of its own
//! (`TracedReference`) to JavaScript objects again. These handles are no roots: V8 skips them in a full collection
//! (`SkipRoot::kTracedHandles`), and what they hold lives only as long as the C++ object does.
//!
//! ```text
//!   Isolate --> CppHeap { ..., strong persistents, weak persistents, ... }
//!                  ^            --> blocks of 256 { owner, trace } --> Persistent { C++ object, ... }
//!                  |  first word of each page
//!   wrapper --> C++ object --> C++ object --> TracedNode --> object on V8's heap
//! ```
//!
//! Pages are aligned to 128 KB, and begin with the address of the part of the heap that C++ objects know. In front of each object is a
//! header of one word: nothing, number of its class (shifted, the low bit set when its constructor is done), size in words (shifted,
//! the low bit a mark; none if the page is its own).

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use core_reader::{Address, Memory};

use super::root_finder::{Finder, words_of, words_of_isolate};
use crate::index::ObjectTable;
use crate::isolate::Isolate;
use crate::view::View;

/// Alignment of pages (`cppgc::internal::api_constants::kGuardPageSize`, `kPageSize`), in bytes.
const PAGE: u64 = 1 << 17;
/// Where in a `CppHeap` its lists of persistents may begin, in bytes; and the part of it that pages name (`HeapHandle`).
const LISTS: u64 = 0x400;
const HANDLE: u64 = 0x40;
/// The word of a `CppHeap` that is its own address.
const OWN: usize = 2;
/// Words of a list of persistents: a vector, the first free entry, how many are in use, who is told when memory runs out, whose it is.
const LIST: usize = 7;
/// Entries of a block of them (`PersistentNodeSlots`), of two words each.
const ENTRIES: u64 = 256;
/// Blocks of a list, at most.
const MOST_BLOCKS: u64 = 1 << 12;
/// An object that has a page of its own is read up to this many bytes.
const MOST_BYTES: u64 = 1 << 20;
/// Bytes of C++ objects that are read in all. Where they seem to have more, it is the same memory again and again.
const MOST_READ: u64 = 1 << 31;
/// C++ objects that are gone through for one wrapper, at most.
const MOST_OBJECTS: usize = 1 << 12;
/// How far in front of an address inside of an object its header is looked for, in words.
const BACK: u64 = 64;

/// The C++ objects of all isolates.
#[derive(Debug, Default)]
pub(crate) struct CppObjects {
    /// By isolate: what their pages begin with, and what certainly keeps objects alive (`Persistent`), with where it is.
    heaps: Vec<CppHeap>,
    /// The handles to V8's heap, by address, and the numbers of the objects they hold.
    handles: HashMap<u64, u32>,
    /// Bytes of C++ objects that have been read.
    read: AtomicU64,
}

#[derive(Debug)]
struct CppHeap {
    isolate: u64,
    handle: Range<u64>,
    /// Addresses of `Persistent`s.
    persistents: Vec<u64>,
}

impl CppObjects {
    /// Looks for the heaps of all isolates.
    pub fn find(view: &View<'_>, table: &ObjectTable) -> CppObjects {
        let memory = view.memory();
        let mut found = CppObjects::default();
        let mut finder = Finder::new(view, table);
        for isolate in view.spaces().isolates() {
            let words = finder.isolate_words(isolate);
            let mut seen = HashSet::new();
            let candidates = words.iter().filter(|(at, _)| *at >= isolate.heap).map(|(_, word)| *word);
            let heap = candidates
                .filter(|word| {
                    *word != 0 && word.is_multiple_of(8) && view.spaces().page_index(*word).is_none()
                })
                .filter(|word| seen.insert(*word))
                .find_map(|address| heap_at(memory, isolate.address, address));
            let Some(heap) = heap else { continue };
            found.heaps.push(heap);
            for block in finder.traced_blocks(isolate, &words) {
                if !finder.may_read(block.end - block.start) {
                    break;
                }
                for (at, word) in words_of(memory, block.start, block.end).0 {
                    if let Some(target) = finder.target(word) {
                        found.handles.insert(at, target);
                    }
                }
            }
        }
        found
    }

    /// Isolates whose C++ objects are known, so that the handles of these need not be taken for roots.
    pub fn isolates(&self) -> impl Iterator<Item = u64> + '_ {
        self.heaps.iter().map(|heap| heap.isolate)
    }

    /// Handles that are held by what keeps C++ objects alive in any case: their addresses, and the objects.
    pub fn roots(&self, memory: &dyn Memory) -> Vec<(u64, u32)> {
        let persistents = self.heaps.iter().flat_map(|heap| &heap.persistents);
        let objects: Vec<u64> =
            persistents.filter_map(|persistent| memory.read_u64(Address(*persistent)).ok()).collect();
        self.handles_of(memory, &objects)
    }

    /// Calls `visit` with the numbers of the objects that a JavaScript object holds by way of a C++ object whose address is among
    /// these words of it.
    #[inline]
    pub fn for_each_held(&self, memory: &dyn Memory, words: &[u8], visit: &mut dyn FnMut(u32)) {
        if self.handles.is_empty() {
            return;
        }
        let words: Vec<u64> = words
            .chunks_exact(8)
            .map(|word| u64::from_le_bytes(word.try_into().expect("chunks of eight")))
            .filter(|word| *word != 0 && word.is_multiple_of(8))
            .collect();
        for (_, target) in self.handles_of(memory, &words) {
            visit(target);
        }
    }

    /// The numbers of the objects that a C++ object holds.
    pub fn held_by(&self, memory: &dyn Memory, object: u64) -> Vec<u32> {
        self.handles_of(memory, &[object]).into_iter().map(|(_, target)| target).collect()
    }

    /// The handles that are reached from C++ objects at these addresses.
    fn handles_of(&self, memory: &dyn Memory, addresses: &[u64]) -> Vec<(u64, u32)> {
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        let mut waiting: Vec<Range<u64>> =
            addresses.iter().filter_map(|address| self.object_around(memory, *address)).collect();
        while let Some(object) = waiting.pop() {
            if seen.len() >= MOST_OBJECTS || !seen.insert(object.start) {
                continue;
            }
            let bytes = object.end - object.start;
            if self.read.fetch_add(bytes, Ordering::Relaxed) > MOST_READ {
                break;
            }
            for (_, word) in words_of(memory, object.start, object.end).0 {
                if let Some(target) = self.handles.get(&word) {
                    found.push((word, *target));
                } else if word.is_multiple_of(8) && word != 0 {
                    waiting.extend(self.object_around(memory, word));
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The C++ object that an address is in, without its header.
    fn object_around(&self, memory: &dyn Memory, address: u64) -> Option<Range<u64>> {
        let page = address & !(PAGE - 1);
        let handle = memory.read_u64(Address(page)).ok()?;
        if !self.heaps.iter().any(|heap| heap.handle.contains(&handle)) {
            return None;
        }
        (1..BACK).find_map(|words| {
            let start = address.checked_sub(8 * (words - 1)).filter(|start| *start > page + 8)?;
            let header = memory.read_u64(Address(start - 8)).ok()?;
            let (class, size) = (header >> 32 & 0xffff, header >> 48 >> 1);
            let end = match size {
                0 => start.saturating_add(MOST_BYTES),
                size => start.saturating_add(8 * size - 8).min(page + PAGE),
            };
            (header as u32 == 0 && class & 1 == 1 && class > 1 && end > address && (size > 0 || words == 1))
                .then_some(start..end)
        })
    }
}

/// Address of the `CppHeap` of an isolate: it begins with the address of these functions and knows the isolate, which leads to it or, as to one of
/// its bases, little behind its beginning.
pub(crate) fn cpp_heap_of(view: &View<'_>, isolate: &Isolate, functions: u64) -> Option<u64> {
    let memory = view.memory();
    let word = |at: u64| memory.read_u64(Address(at)).ok();
    let mut seen = HashSet::new();
    let words = words_of_isolate(memory, isolate);
    let candidates = words.iter().filter(|(at, _)| *at >= isolate.heap).map(|(_, word)| *word);
    let candidates = candidates.filter(|word| *word > LISTS && word.is_multiple_of(8) && seen.insert(*word));
    let starts = candidates.filter_map(|address| {
        let before = (0..LISTS / 8).map(|index| (address - 8 * index, word(address - 8 * index)));
        let mut before = before.map_while(|(at, word)| Some((at, word?)));
        before.find(|(_, word)| *word == functions).map(|(at, _)| at)
    });
    let knows = |start: &u64| {
        let end = start.saturating_add(LISTS);
        words_of(memory, *start, end).0.iter().any(|(_, word)| *word == isolate.address)
    };
    starts.into_iter().find(knows)
}

/// The `CppHeap` at an address, if it is one: two lists of persistents stand one behind the other, of the same owner.
fn heap_at(memory: &dyn Memory, isolate: u64, address: u64) -> Option<CppHeap> {
    let words: Vec<u64> = words_of(memory, address, address.saturating_add(LISTS))
        .0
        .into_iter()
        .map(|(_, word)| word)
        .collect();
    let (strong, across_threads) = words.windows(3 * LIST - 1).find_map(|lists| {
        let (strong, weak, across) = (&lists[..LIST], &lists[LIST..2 * LIST], &lists[2 * LIST..]);
        let is_one = lists[LIST - 2] != 0
            && strong[LIST - 2] == weak[LIST - 2]
            // Up to V8 12 it is the number of a thread, of four bytes, and nobody clears those behind it.
            && strong[LIST - 1] as u32 == weak[LIST - 1] as u32
            && across[LIST - 2] == strong[LIST - 2]
            && [strong, weak, across].into_iter().all(is_list);
        is_one.then_some((strong, across))
    })?;
    let mut persistents = Vec::new();
    for list in [strong, across_threads] {
        for (_, block) in words_of(memory, list[0], list[1]).0 {
            let entries = words_of(memory, block, block.saturating_add(16 * ENTRIES)).0;
            // Of a free entry the second word is none.
            persistents.extend(
                entries
                    .chunks_exact(2)
                    .filter(|entry| entry[0].1 != 0 && entry[1].1 != 0)
                    .map(|entry| entry[0].1),
            );
        }
    }
    let start = start_before(memory, address).unwrap_or(address);
    Some(CppHeap { isolate, handle: start..start.saturating_add(HANDLE), persistents })
}

/// Where the `CppHeap` begins whose lists are near an address, which may lead to what is in front of it: it knows itself (`RawHeap::main_heap_` in
/// `src/heap/cppgc/raw-heap.h`).
fn start_before(memory: &dyn Memory, address: u64) -> Option<u64> {
    let words = words_of(memory, address, address.saturating_add(LISTS)).0;
    words.windows(OWN + 1).find(|words| words[OWN].1 == words[0].0).map(|words| words[0].0)
}

/// Whether words are those of a list of persistents.
fn is_list(words: &[u64]) -> bool {
    let (begin, end, limit, used) = (words[0], words[1], words[2], words[4]);
    begin <= end
        && end <= limit
        && (begin | end | limit).is_multiple_of(8)
        && limit - begin <= 8 * MOST_BLOCKS
        && used <= ENTRIES * (end - begin) / 8
}
