//! Isolates and the pages their heaps are made of.
//!
//! ```text
//!  page, 256 KiB aligned                          Heap (inside its Isolate)
//!  +--------------------------------------+       +--------------+
//!  | flags, size, heap, area, owner, next | ----> |              |
//!  +--------------------------------------+       +--------------+
//!  | object | object | filler | object ...|       Space (the owner)
//!  |   ... [top, limit): unused ...       | ----> | vtable, heap, id, ..., top, limit |
//!  +--------------------------------------+       +-----------------------------------+
//! ```
//!
//! Nothing in the core lists the pages in a way that survives damage, but every page says what it is: so all 256 KiB
//! boundaries of the dumped memory are looked at, and a page is believed when its header is consistent with itself and
//! its owner is a space of the heap it names. A process has one heap for the main thread and one for each worker;
//! read-only pages belong to all.

mod allocation;
mod page;

use core_reader::{Address, Contents, Memory};

pub(crate) use allocation::{HEAP_REACH, SPACE_OBJECT_REACH};
pub use page::{Page, PageState, Piece};

use crate::layout::Layout;

/// Alignment and size of a regular page (`kRegularPageSize`).
pub const PAGE_SIZE: u64 = 0x4_0000;

/// One V8 heap: the main thread's, or a worker's.
#[derive(Clone, Debug)]
pub struct Isolate {
    /// Address of the `Isolate`.
    pub address: u64,
    /// Address of its `Heap`.
    pub heap: u64,
    /// Bytes in its pages.
    pub page_bytes: u64,
}

/// All pages of all heaps, sorted by address.
#[derive(Debug)]
pub struct Spaces<'t> {
    pages: Vec<Page<'t>>,
    isolates: Vec<Isolate>,
    directory: Directory,
}

impl<'t> Spaces<'t> {
    /// Finds all pages in memory.
    pub fn discover(memory: &'t dyn Memory, layout: &Layout) -> Spaces<'t> {
        let mut pages = Vec::new();
        for range in memory.ranges() {
            if range.contents != Contents::Dumped {
                continue;
            }
            let Ok(bytes) = memory.bytes_from(range.start) else { continue };
            let mut base = range.start.0.next_multiple_of(PAGE_SIZE);
            while base < range.end.0 {
                let offset = (base - range.start.0) as usize;
                let Some(rest) = bytes.get(offset..) else { break };
                if is_blank(memory, base) {
                    base += PAGE_SIZE;
                    continue;
                }
                match Page::recognise(memory, layout, base, rest) {
                    Some(page) => {
                        base = (base + page.size).next_multiple_of(PAGE_SIZE).max(base + PAGE_SIZE);
                        pages.push(page);
                    }
                    None => base += PAGE_SIZE,
                }
            }
        }
        let mut isolates: Vec<Isolate> = Vec::new();
        for page in pages.iter().filter(|page| page.heap != 0) {
            match isolates.iter_mut().find(|isolate| isolate.heap == page.heap) {
                Some(isolate) => isolate.page_bytes += page.size,
                None => isolates.push(Isolate {
                    address: page.heap.saturating_sub(layout.heap_in_isolate),
                    heap: page.heap,
                    page_bytes: page.size,
                }),
            }
        }
        isolates.sort_by_key(|isolate| std::cmp::Reverse(isolate.page_bytes));
        let directory = Directory::new(&pages);
        let mut spaces = Spaces { pages, isolates, directory };
        allocation::mark_unused(memory, layout, &mut spaces);
        spaces
    }

    /// All pages, sorted by address.
    pub fn pages(&self) -> &[Page<'t>] {
        &self.pages
    }

    /// All heaps; the largest first.
    pub fn isolates(&self) -> &[Isolate] {
        &self.isolates
    }

    /// Index of the page whose objects may include one at `address`.
    #[inline]
    pub fn page_index(&self, address: u64) -> Option<usize> {
        let index = self.directory.find(address)?;
        let page = &self.pages[index];
        (page.area_start <= address && address < page.area_end).then_some(index)
    }

    /// The page whose objects may include one at `address`.
    #[inline]
    pub fn page_of(&self, address: u64) -> Option<&Page<'t>> {
        self.page_index(address).map(|index| &self.pages[index])
    }

    /// `len` bytes at `address`, if they lie in a page.
    #[inline]
    pub fn slice(&self, address: u64, len: usize) -> Option<&'t [u8]> {
        self.pages[self.directory.find(address)?].pieces.iter().find_map(|piece| piece.slice(address, len))
    }
}

/// Whether there are only zeros where a page header would begin: by far the most boundaries lie in memory that was reserved
/// and never used.
fn is_blank(memory: &dyn Memory, base: u64) -> bool {
    let mut head = [0; 64];
    memory.peek(Address(base), &mut head).is_ok() && head == [0; 64]
}

/// From an address to its page: an open-addressed table over 256 KiB units.
#[derive(Debug)]
struct Directory {
    slots: Vec<(u64, u32)>,
    mask: usize,
}

const EMPTY: u64 = u64::MAX;

impl Directory {
    fn new(pages: &[Page<'_>]) -> Directory {
        let units: usize = pages.iter().map(|page| (page.size / PAGE_SIZE + 1) as usize).sum();
        let capacity = (units * 2).next_power_of_two().max(16);
        let mut directory = Directory { slots: vec![(EMPTY, 0); capacity], mask: capacity - 1 };
        for (index, page) in pages.iter().enumerate() {
            for unit in page.base / PAGE_SIZE..=(page.area_end - 1) / PAGE_SIZE {
                let mut slot = Self::hash(unit) & directory.mask;
                while directory.slots[slot].0 != EMPTY {
                    slot = (slot + 1) & directory.mask;
                }
                directory.slots[slot] = (unit, index as u32);
            }
        }
        directory
    }

    #[inline]
    fn hash(unit: u64) -> usize {
        (unit.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize
    }

    #[inline]
    fn find(&self, address: u64) -> Option<usize> {
        let unit = address / PAGE_SIZE;
        let mut slot = Self::hash(unit) & self.mask;
        loop {
            let (key, index) = self.slots[slot];
            if key == unit {
                return Some(index as usize);
            }
            if key == EMPTY {
                return None;
            }
            slot = (slot + 1) & self.mask;
        }
    }
}

/// The words of `[start, end)` that can be read, with their addresses, unreadable stretches left out.
fn readable_words(memory: &dyn Memory, start: u64, end: u64) -> Vec<(u64, u64)> {
    let mut words = Vec::new();
    let mut at = start & !7;
    while at < end {
        let Ok(piece) = memory.bytes_from(Address(at)) else {
            at = (at | 0xfff) + 1;
            continue;
        };
        let take = piece.len().min((end - at) as usize) & !7;
        if take == 0 {
            at += 8;
            continue;
        }
        for (index, word) in piece[..take].chunks_exact(8).enumerate() {
            let word = u64::from_le_bytes(word.try_into().expect("chunks of eight"));
            words.push((at + 8 * index as u64, word));
        }
        at += take as u64;
    }
    words
}
