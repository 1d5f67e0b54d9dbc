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
//! read-only pages belong to all. Where headers are lost, pages are known by their objects (`salvage`).

mod allocation;
mod directory;
mod free_space;
mod locate;
mod membership;
mod metadata_table;
mod page;
mod salvage;
mod sandbox;
pub(crate) mod thread;

use std::collections::HashMap;
use std::ops::Range;

use core_reader::{Address, Contents, Memory};

pub use locate::FoundBy;
pub use page::{Page, PageState, Piece};
pub use thread::{CURRENT_ISOLATE, Owner};

use crate::layout::{Layout, WordModel};
use crate::tagged::Encoding;

use directory::Directory;
use metadata_table::MetadataTable;
use page::Recognition;
use salvage::Candidate;
pub(crate) use sandbox::Sandbox;

/// Alignment and size of a regular page (`kRegularPageSize`).
pub const PAGE_SIZE: u64 = 0x4_0000;

/// Alignment and size of a cage: what four bytes can count, in bytes.
const CAGE: u64 = 1 << 32;

/// No process has more heap; only a core whose segments share their bytes claims to (in bytes).
const MOST_PAGE_BYTES: u64 = 1 << 40;

/// Stands for the heap of a page that does not tell it, in a process whose pages all do not.
const UNKNOWN_HEAP: u64 = u64::MAX;

/// One V8 heap: the main thread's, or a worker's.
#[derive(Clone, Debug)]
pub struct Isolate {
    /// Address of the `Isolate`; that of its `Heap` if it could not be found.
    pub address: u64,
    /// By what that is known.
    pub found_by: FoundBy,
    /// Its table of roots, as addresses; empty if there is none to be seen.
    pub roots_table: Range<u64>,
    /// Address of its `Heap`.
    pub heap: u64,
    /// Bytes in its pages.
    pub page_bytes: u64,
}

/// What counts as the block of metadata of a page whose header is outside of it, in bytes from its start
/// (`MutablePageMetadata`).
pub(crate) const METADATA_REACH: u64 = 0x200;

/// How far behind the start of its `Heap` an isolate certainly goes on, in bytes.
pub(crate) const HEAP_REACH: u64 = 0x2000;

impl Isolate {
    /// The address behind what certainly belongs to it.
    pub fn end(&self) -> u64 {
        self.heap.saturating_add(HEAP_REACH)
    }

    /// Whether an address is in it.
    pub fn contains(&self, address: u64) -> bool {
        (self.address..self.end()).contains(&address)
    }
}

/// All pages of all heaps, sorted by address.
#[derive(Clone, Debug)]
pub struct Spaces<'t> {
    pages: Vec<Page<'t>>,
    isolates: Vec<Isolate>,
    directory: Directory,
    encoding: Encoding,
    code_encoding: Encoding,
    trusted_encoding: Encoding,
    /// The tables of each heap that is in a sandbox, the largest first.
    sandboxes: Vec<(u64, Sandbox)>,
    is_sandboxed: bool,
    /// Where the metadata of pages is, if they are numbered.
    table: Option<MetadataTable>,
    /// Memory outside the pages that tells how they are used, as `[start, end)`.
    bookkeeping: Vec<(u64, u64)>,
}

impl<'t> Spaces<'t> {
    /// Finds all pages in memory, and the isolates they belong to. `current` are the isolates that threads say they are in.
    /// Settles in the layout what only a heap can tell: in what unit its free blocks count.
    pub fn discover(memory: &'t dyn Memory, layout: &mut Layout, current: &[u64]) -> Spaces<'t> {
        let mut pages: Vec<Page<'t>> = Vec::new();
        let mut candidates = Vec::new();
        let mut page_bytes = 0u64;
        let table = MetadataTable::find(memory, layout);
        for range in memory.ranges() {
            if range.contents != Contents::Dumped {
                continue;
            }
            let Ok(bytes) = memory.bytes_from(range.start) else { continue };
            let unclaimed = pages.last().map_or(0, Page::end).max(range.start.0);
            let mut next = unclaimed.checked_next_multiple_of(PAGE_SIZE);
            // What nobody has access to is no page: a sandbox is a terabyte of it.
            if range.permissions == core_reader::Permissions::default() {
                continue;
            }
            while let Some(base) = next.filter(|base| *base < range.end.0) {
                next = base.checked_add(PAGE_SIZE);
                let Some(rest) = bytes.get((base - range.start.0) as usize..) else { break };
                if is_blank(memory, base) {
                    continue;
                }
                match Page::recognise(memory, layout, table, base, rest) {
                    Recognition::Page(page) => {
                        page_bytes = page_bytes.saturating_add(page.present());
                        if page_bytes > MOST_PAGE_BYTES {
                            break;
                        }
                        next = page.end().checked_next_multiple_of(PAGE_SIZE);
                        pages.push(page);
                    }
                    Recognition::Refused => {}
                    Recognition::Unsure(header) if salvage::may_hold_pages(range) => {
                        candidates.push(Candidate { base, header });
                    }
                    Recognition::Unsure(_) => {}
                }
            }
        }
        let encoding = encode(memory, layout, &mut pages, current);
        membership::link(memory, &mut pages);
        membership::mark_left_pages(memory, &mut pages);
        layout.settle_free_space(free_space::vote(memory, layout, &pages));
        let isolates = isolates_of(memory, &pages, current);
        let salvaged = salvage::salvage(memory, layout, &pages, &isolates, &candidates, encoding);
        if !salvaged.is_empty() {
            pages.extend(salvaged);
            pages.sort_by_key(|page| page.base);
        }
        let mut isolates = isolates_of(memory, &pages, current);
        let directory = Directory::new(&pages);
        for isolate in &mut isolates {
            isolate.roots_table =
                locate::roots_table(memory, layout, &pages, &directory, isolate.address..isolate.heap);
        }
        let mut spaces = Spaces {
            pages,
            isolates,
            directory,
            encoding,
            code_encoding: Encoding::Whole,
            trusted_encoding: encoding,
            sandboxes: Vec::new(),
            is_sandboxed: layout.fields.words.sandboxed,
            table,
            bookkeeping: Vec::new(),
        };
        spaces.code_encoding = code_encoding(layout, &spaces);
        spaces.trusted_encoding = trusted_encoding(layout, &spaces);
        spaces.sandboxes = sandboxes(memory, layout, &spaces);
        allocation::mark_unused(memory, layout, &mut spaces);
        spaces
    }

    /// Looks at the header of a page again, as [`Spaces::discover`] does, and takes what it says for the page; says whether there
    /// still is one. Whose page it is, and which stretches of it are not in use, is not found out anew.
    pub(crate) fn recognise_again(&mut self, memory: &'t dyn Memory, layout: &Layout, index: usize) -> bool {
        let known = &self.pages[index];
        let Ok(rest) = memory.bytes_from(Address(known.base)) else { return false };
        let Recognition::Page(page) = Page::recognise(memory, layout, self.table, known.base, rest) else {
            return false;
        };
        // One that reaches into the next is none of two.
        if self.pages.get(index + 1).is_some_and(|next| page.end() > next.base) {
            return false;
        }
        let unused = std::mem::take(&mut self.pages[index].unused);
        let encoding = self.pages[index].encoding;
        self.pages[index] = Page { unused, encoding, ..page };
        self.directory = Directory::new(&self.pages);
        true
    }

    /// What belongs to a heap and says so in its first word: the `LocalHeap`s of its threads, among others.
    pub(crate) fn owned_by_heap(&self, memory: &dyn Memory, heap: u64) -> Vec<u64> {
        allocation::owned_by_heap(memory, self, heap)
    }

    /// Memory outside the pages that tells how they are used: isolates, spaces, the allocators of threads.
    pub(crate) fn bookkeeping(&self) -> &[(u64, u64)] {
        &self.bookkeeping
    }

    /// All pages, sorted by address.
    pub fn pages(&self) -> &[Page<'t>] {
        &self.pages
    }

    /// Memory of pages that holds no objects, only stale copies or nothing, by address: pages that are not in use, and what lies behind the
    /// last object of others.
    pub fn without_objects(&self) -> Vec<(u64, u64)> {
        let of_page = |page: &Page<'t>| match page.state {
            PageState::InUse => page.unused.clone(),
            PageState::Stale | PageState::Left => vec![(page.area_start, page.area_end)],
        };
        self.pages.iter().flat_map(of_page).collect()
    }

    /// Where the 4 GiB begin that pointers of the largest heap are counted from; `None` if its pointers are whole addresses.
    pub(crate) fn cage(&self, memory: &dyn Memory, words: WordModel) -> Option<u64> {
        locate::cage(memory, words, &self.pages, self.isolates.first()?)
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

    /// The page with memory at `address`, and its bytes from there on, as far as the core holds them in one piece.
    #[inline]
    pub(crate) fn bytes_from(&self, address: u64) -> Option<(&Page<'t>, &'t [u8])> {
        let page = &self.pages[self.directory.find(address)?];
        let bytes = page.pieces.iter().find_map(|piece| piece.from(address))?;
        Some((page, bytes))
    }

    /// How the tagged words of the largest heap lie in memory.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// How words lie in memory that are counted from the cage of machine code.
    pub(crate) fn code_encoding(&self) -> Encoding {
        self.code_encoding
    }

    /// How words lie in memory that are counted from the cage of trusted objects.
    pub(crate) fn trusted_encoding(&self) -> Encoding {
        self.trusted_encoding
    }

    /// Whether objects lead out of the heap by tables.
    pub fn is_sandboxed(&self) -> bool {
        self.is_sandboxed
    }

    /// Where the 4 GiB begin that words are counted from which lead to trusted objects; nothing if there is no sandbox.
    pub fn trusted_cage(&self) -> Option<u64> {
        self.is_sandboxed.then(|| self.trusted_encoding.base())
    }

    /// How many isolates of a sandbox do not say where its tables are, as far as the core tells.
    pub fn isolates_without_tables(&self) -> usize {
        if self.is_sandboxed { self.isolates.len() - self.sandboxes.len() } else { 0 }
    }

    /// The tables by which the object at `address` leads out of the heap; nothing if there is no sandbox, or they were not found.
    pub(crate) fn sandbox_at(&self, address: u64) -> Option<&Sandbox> {
        let (_, largest) = self.sandboxes.first()?;
        let heap = self.directory.find(address).map(|index| self.pages[index].heap);
        let own = self.sandboxes.iter().find(|(own, _)| Some(*own) == heap);
        Some(own.map_or(largest, |(_, sandbox)| sandbox))
    }

    /// How the tagged words at `address` lie in memory.
    pub fn encoding_at(&self, address: u64) -> Encoding {
        self.directory.find(address).map_or(self.encoding, |index| self.pages[index].encoding)
    }

    /// `len` bytes at `address`, if they lie in a page.
    #[inline]
    pub fn slice(&self, address: u64, len: usize) -> Option<&'t [u8]> {
        self.pages[self.directory.find(address)?].pieces.iter().find_map(|piece| piece.slice(address, len))
    }
}

/// Notes in every page how its tagged words lie in memory; returns how those of the largest heap do. A heap says itself where its cage
/// begins; what belongs to no heap is in the cage of its own address.
fn encode(memory: &dyn Memory, layout: &Layout, pages: &mut [Page<'_>], current: &[u64]) -> Encoding {
    if layout.fields.words == WordModel::FULL {
        return Encoding::Whole;
    }
    let isolates = isolates_of(memory, pages, current);
    let cages: HashMap<u64, u64> = isolates
        .iter()
        .filter_map(|isolate| {
            Some((isolate.heap, locate::cage(memory, layout.fields.words, pages, isolate)?))
        })
        .collect();
    let largest = isolates.first().and_then(|isolate| cages.get(&isolate.heap)).copied();
    for page in pages.iter_mut() {
        let own = cages.get(&page.heap).copied();
        page.encoding = Encoding::Caged(own.unwrap_or_else(|| locate::cage_of(page.base)));
    }
    Encoding::Caged(largest.or_else(|| pages.first().map(|page| locate::cage_of(page.base))).unwrap_or(0))
}

/// The tables of each heap, if heaps are in a sandbox.
fn sandboxes(memory: &dyn Memory, layout: &Layout, spaces: &Spaces<'_>) -> Vec<(u64, Sandbox)> {
    let Some(tables) = layout.sandbox else { return Vec::new() };
    let trusted = spaces.trusted_encoding.base();
    let of_isolate = |isolate: &Isolate| {
        let cage = locate::cage(memory, layout.fields.words, &spaces.pages, isolate)?;
        let sandbox = Sandbox::find(memory, tables, (isolate.address, isolate.heap), cage, trusted)?;
        Some((isolate.heap, sandbox))
    };
    spaces.isolates.iter().filter_map(of_isolate).collect()
}

/// How words lie in memory that are counted from the cage of machine code: its pages are in a range of their own.
fn code_encoding(layout: &Layout, spaces: &Spaces<'_>) -> Encoding {
    let own = |page: &Page<'_>| Encoding::Caged(locate::cage_of(page.base));
    let is_elsewhere = |page: &&Page<'_>| own(page) != page.encoding && !is_trusted(layout, page);
    match spaces.encoding {
        Encoding::Whole => Encoding::Whole,
        caged @ Encoding::Caged(_) => spaces.pages.iter().find(is_elsewhere).map_or(caged, own),
    }
}

/// How words lie in memory that are counted from the cage of trusted objects, which is one of its own where there is a sandbox.
fn trusted_encoding(layout: &Layout, spaces: &Spaces<'_>) -> Encoding {
    let own = |page: &Page<'_>| Encoding::Caged(locate::cage_of(page.base));
    match spaces.encoding {
        caged @ Encoding::Caged(_) if layout.fields.words.sandboxed => {
            spaces.pages.iter().find(|page| is_trusted(layout, page)).map_or(caged, own)
        }
        other => other,
    }
}

fn is_trusted(layout: &Layout, page: &Page<'_>) -> bool {
    page.space.is_some_and(|space| layout.is_trusted(space))
}

/// Whether there are only zeros where a page header would begin: by far the most boundaries lie in memory that was reserved
/// and never used.
fn is_blank(memory: &dyn Memory, base: u64) -> bool {
    let mut head = [0; 64];
    memory.peek(Address(base), &mut head).is_ok() && head == [0; 64]
}

/// The heaps that pages belong to; the largest first.
fn isolates_of(memory: &dyn Memory, pages: &[Page<'_>], current: &[u64]) -> Vec<Isolate> {
    let mut bytes_of: HashMap<u64, u64> = HashMap::new();
    for page in pages.iter().filter(|page| page.heap != 0 && page.heap != UNKNOWN_HEAP) {
        let bytes = bytes_of.entry(page.heap).or_default();
        *bytes = bytes.saturating_add(page.size);
    }
    let mut isolates: Vec<Isolate> = bytes_of
        .into_iter()
        .map(|(heap, page_bytes)| {
            let (address, found_by) = locate::isolate_of(memory, heap, current);
            Isolate { address, found_by, roots_table: address..address, heap, page_bytes }
        })
        .collect();
    isolates.sort_by_key(|isolate| (std::cmp::Reverse(isolate.page_bytes), isolate.heap));
    isolates
}

/// Whether all of `[start, end)` was part of the process.
fn is_mapped(memory: &dyn Memory, start: u64, end: u64) -> bool {
    let ranges = memory.ranges();
    let first = ranges.partition_point(|range| range.end.0 <= start);
    let mut reached = start;
    for range in &ranges[first..] {
        if reached >= end || range.start.0 > reached {
            break;
        }
        reached = range.end.0;
    }
    reached >= end
}

/// The words of `[start, end)` that can be read, with their addresses, unreadable stretches left out.
pub(crate) fn readable_words(memory: &dyn Memory, start: u64, end: u64) -> Vec<(u64, u64)> {
    let mut words = Vec::new();
    let mut at = start & !7;
    while at < end {
        let Ok(piece) = memory.bytes_from(Address(at)) else {
            let Some(next) = (at | 0xfff).checked_add(1) else { break };
            at = next;
            continue;
        };
        let take = piece.len().min((end - at) as usize) & !7;
        if take == 0 {
            let Some(next) = at.checked_add(8) else { break };
            at = next;
            continue;
        }
        for (index, word) in piece[..take].chunks_exact(8).enumerate() {
            let word = u64::from_le_bytes(word.try_into().expect("chunks of eight"));
            words.push((at + 8 * index as u64, word));
        }
        let Some(next) = at.checked_add(take as u64) else { break };
        at = next;
    }
    words
}
