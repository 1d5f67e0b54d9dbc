//! Builds small V8 heaps in code, laid out as Node.js 20, 22, 24 or 26 lays them out.
//!
//! ```
//! use test_support::v8_heap::{HeapBuilder, Release, Space};
//!
//! let mut heap = HeapBuilder::new(Release::Node24);
//! let old = heap.page(Space::Old);
//! let point = heap.class("Point", &["x", "y"]);
//! let instance = heap.instance(old, &point, &[HeapBuilder::smi(1), HeapBuilder::smi(2)]);
//! let dump = heap.build(); // a `Memory` and `Symbols`
//! assert_eq!(dump.word(instance - 1), point.map);
//! ```
//!
//! Nothing here is shared with the crate that reads heaps: offsets, type numbers and sizes are written down once more,
//! from what real cores hold, so that a wrong definition cannot cancel itself out.
//!
//! Every heap starts with what V8 always has: a read-only page with the meta map, maps, `undefined`, the hole and a few
//! strings, an isolate with its space objects, and an old page.

mod dump;
mod objects;
mod release;
mod stack;

use std::collections::HashMap;

pub use dump::Dump;
pub use objects::{Class, MapDraft};
pub use release::{PageField, Release, Type};
pub use stack::StackBuilder;

/// Size of a regular page.
pub const PAGE: u64 = 0x4_0000;

const READ_ONLY_BASE: u64 = 0x1000_0000_0000;
const FIRST_PAGE: u64 = 0x2000_0000_0000;
const NATIVE: u64 = 0x0500_0000_0000;
const SPACE_OBJECT: u64 = 0x400;

/// Where a page belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Space {
    ReadOnly,
    /// The active semispace. Pages are in use up to [`HeapBuilder::current_young_page`].
    New,
    /// The inactive semispace: stale copies.
    NewInactive,
    Old,
    NewLarge,
    Large,
}

/// A page under construction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PageId(usize);

/// A heap under construction: the main thread's is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IsolateId(usize);

#[derive(Debug)]
struct Page {
    base: u64,
    bytes: Vec<u8>,
    /// Where the next object goes.
    top: u64,
    space: Space,
    isolate: IsolateId,
    /// An open allocation area at the end: what is behind its top, and its limit.
    open: Option<(u64, u64)>,
    /// Blocks that are mapped without access.
    guarded: Vec<(u64, u64)>,
}

impl Page {
    fn first(&self, release: Release) -> u64 {
        self.base + release.first_object()
    }

    fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    fn write(&mut self, address: u64, word: u64) {
        let at = (address - self.base) as usize;
        self.bytes[at..at + 8].copy_from_slice(&word.to_le_bytes());
    }
}

#[derive(Debug)]
struct Isolate {
    address: u64,
    heap: u64,
    /// Space objects: new (active, inactive), old, new large, large.
    spaces: [u64; 5],
    current_young_page: Option<PageId>,
    /// Addresses in a row that are no allocation area.
    address_list: Vec<u64>,
    /// Allocation areas to be written into the isolate or its spaces: where, and which page.
    native_context_meta_map: Option<u64>,
}

/// Memory outside pages, as `malloc` gives it.
#[derive(Debug, Default)]
struct Native {
    bytes: Vec<u8>,
}

impl Native {
    fn allocate(&mut self, len: u64) -> u64 {
        let address = NATIVE + self.bytes.len() as u64;
        self.bytes.resize(self.bytes.len() + len.next_multiple_of(16) as usize, 0);
        address
    }

    fn write(&mut self, address: u64, word: u64) {
        let at = (address - NATIVE) as usize;
        self.bytes[at..at + 8].copy_from_slice(&word.to_le_bytes());
    }
}

/// Builds a process with V8 heaps.
#[derive(Debug)]
pub struct HeapBuilder {
    release: Release,
    pages: Vec<Page>,
    isolates: Vec<Isolate>,
    native: Native,
    meta_map: u64,
    maps: HashMap<Type, u64>,
    old: PageId,
    roots: Roots,
    /// Bytes that the tables of isolates are longer.
    shift: u64,
    /// Bytes of a unit in which free memory counts.
    free_space_unit: u64,
    /// Pages that their space does not know.
    out_of_lists: Vec<PageId>,
}

/// Objects that every heap has, tagged.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)]
pub struct Roots {
    pub undefined: u64,
    pub null: u64,
    pub true_value: u64,
    pub false_value: u64,
    pub hole: u64,
    pub empty_string: u64,
    pub empty_fixed_array: u64,
    pub constructor_string: u64,
    pub to_string_tag: u64,
}

impl HeapBuilder {
    /// A heap with what V8 always has.
    pub fn new(release: Release) -> HeapBuilder {
        HeapBuilder::empty(release, 0, release.free_space_unit())
    }

    /// The same with tables in the isolate that are so many bytes longer, as backports make them.
    pub fn shifted(release: Release, shift: u64) -> HeapBuilder {
        HeapBuilder::empty(release, shift, release.free_space_unit())
    }

    /// The same with free memory that tells its size in units of so many bytes.
    pub fn with_free_memory_in(release: Release, unit: u64) -> HeapBuilder {
        HeapBuilder::empty(release, 0, unit)
    }

    fn empty(release: Release, shift: u64, free_space_unit: u64) -> HeapBuilder {
        let mut builder = HeapBuilder {
            release,
            shift,
            free_space_unit,
            out_of_lists: Vec::new(),
            pages: Vec::new(),
            isolates: Vec::new(),
            native: Native::default(),
            meta_map: 0,
            maps: HashMap::new(),
            old: PageId(0),
            roots: Roots::default(),
        };
        // The version integers, first of all native memory.
        let version = builder.native.allocate(16);
        for (index, part) in release.v8_version().into_iter().enumerate() {
            let at = (version - NATIVE) as usize + 4 * index;
            builder.native.bytes[at..at + 4].copy_from_slice(&part.to_le_bytes());
        }
        let main = builder.isolate();
        let read_only = builder.page_of(main, Space::ReadOnly);
        builder.fill_read_only_page(read_only);
        builder.old = builder.page_of(main, Space::Old);
        builder
    }

    /// The release.
    pub fn release(&self) -> Release {
        self.release
    }

    /// The objects that every heap has.
    pub fn roots(&self) -> Roots {
        self.roots
    }

    /// The old page of the main heap that every builder starts with.
    pub fn old(&self) -> PageId {
        self.old
    }

    /// A heap of its own, as every worker thread has.
    pub fn isolate(&mut self) -> IsolateId {
        let heap_in_isolate = self.release.heap_in_isolate() + self.shift;
        let address = self.native.allocate(heap_in_isolate + 0x3000);
        let heap = address + heap_in_isolate;
        self.native.write(address + 8, address); // StackGuard::isolate_
        self.native.write(heap + self.release.isolate_in_heap(), address);
        let (new_large, large) = self.release.large_spaces();
        let spaces = [1, 1, 2, new_large, large].map(|id| {
            let space = self.native.allocate(SPACE_OBJECT);
            self.native.write(space, 0x0040_1000); // vtable
            self.native.write(space + 8, heap);
            self.native.write(space + 16, u64::from(id));
            space
        });
        self.isolates.push(Isolate {
            address,
            heap,
            spaces,
            current_young_page: None,
            address_list: Vec::new(),
            native_context_meta_map: None,
        });
        IsolateId(self.isolates.len() - 1)
    }

    /// Address of a heap's `Heap`.
    pub fn heap_address(&self, isolate: IsolateId) -> u64 {
        self.isolates[isolate.0].heap
    }

    /// Address of an isolate.
    pub fn isolate_address(&self, isolate: IsolateId) -> u64 {
        self.isolates[isolate.0].address
    }

    /// The main thread's heap.
    pub fn main(&self) -> IsolateId {
        IsolateId(0)
    }

    /// A new page of the main heap.
    pub fn page(&mut self, space: Space) -> PageId {
        self.page_of(IsolateId(0), space)
    }

    /// A new regular page.
    pub fn page_of(&mut self, isolate: IsolateId, space: Space) -> PageId {
        self.add_page(isolate, space, PAGE)
    }

    fn add_page(&mut self, isolate: IsolateId, space: Space, size: u64) -> PageId {
        let base = match space {
            Space::ReadOnly => READ_ONLY_BASE,
            _ => self
                .pages
                .iter()
                .map(|page| page.end().next_multiple_of(PAGE) + PAGE)
                .max()
                .unwrap_or(0)
                .max(FIRST_PAGE),
        };
        let mut page = Page {
            base,
            bytes: vec![0; size as usize],
            top: 0,
            space,
            isolate,
            open: None,
            guarded: Vec::new(),
        };
        page.top = page.first(self.release);
        self.pages.push(page);
        let id = PageId(self.pages.len() - 1);
        if space == Space::New {
            self.isolates[isolate.0].current_young_page = Some(id);
        }
        id
    }

    /// First address of a page.
    pub fn base(&self, page: PageId) -> u64 {
        self.pages[page.0].base
    }

    /// Where the next object of a page will be.
    pub fn top(&self, page: PageId) -> u64 {
        self.pages[page.0].top
    }

    /// Says which page of the active semispace is the current one (otherwise the youngest): later ones are unused.
    pub fn current_young_page(&mut self, page: PageId) {
        let isolate = self.pages[page.0].isolate;
        self.isolates[isolate.0].current_young_page = Some(page);
    }

    /// From now on free memory tells its size in units of so many bytes.
    pub fn count_free_memory_in(&mut self, bytes: u64) {
        self.free_space_unit = bytes;
    }

    /// Takes a page out of the list of its space, as V8 does with pages that it has emptied.
    pub fn take_out_of_list(&mut self, page: PageId) {
        self.out_of_lists.push(page);
    }

    /// Writes a list of addresses into the main isolate, behind its allocation areas.
    pub fn list_addresses(&mut self, addresses: &[u64]) {
        self.isolates[0].address_list = addresses.to_vec();
    }

    /// Leaves an allocation area open in a page: behind what has been allocated come `junk` words that are no objects
    /// any more, up to the limit.
    pub fn open_allocation_area(&mut self, page: PageId, junk: &[u64]) {
        let page = &mut self.pages[page.0];
        let top = page.top;
        for (index, &word) in junk.iter().enumerate() {
            page.write(top + 8 * index as u64, word);
        }
        let limit = top + 8 * junk.len() as u64;
        page.open = Some((top, limit));
        page.top = limit;
    }

    /// Places words at the end of a page; gives the tagged pointer to them.
    pub fn place(&mut self, page: PageId, words: &[u64]) -> u64 {
        let page = &mut self.pages[page.0];
        let address = page.top;
        page.top += 8 * words.len() as u64;
        assert!(page.top <= page.end(), "the page is full");
        for (index, &word) in words.iter().enumerate() {
            page.write(address + 8 * index as u64, word);
        }
        address | 1
    }

    /// Overwrites a word of an object, for cycles and for lies.
    pub fn set_word(&mut self, object: u64, index: usize, word: u64) {
        let address = (object & !3) + 8 * index as u64;
        let page = self
            .pages
            .iter_mut()
            .find(|page| (page.base..page.end()).contains(&address))
            .expect("an object of this heap");
        page.write(address, word);
    }

    /// A word of an object.
    pub fn word(&self, object: u64, index: usize) -> u64 {
        let address = (object & !3) + 8 * index as u64;
        let page =
            self.pages.iter().find(|page| (page.base..page.end()).contains(&address)).expect("an object");
        let at = (address - page.base) as usize;
        u64::from_le_bytes(page.bytes[at..at + 8].try_into().expect("eight bytes"))
    }

    /// Places bytes in native memory, as external strings and buffers have them; gives their address.
    pub fn native_bytes(&mut self, bytes: &[u8]) -> u64 {
        let address = self.native.allocate(bytes.len() as u64);
        let at = (address - NATIVE) as usize;
        self.native.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        address
    }

    /// A page of its own for one large object of `words`; gives the tagged pointer.
    pub fn large_object(&mut self, space: Space, words: &[u64]) -> u64 {
        let size = (self.release.first_object() + 8 * words.len() as u64).next_multiple_of(0x1000);
        let page = self.add_page(IsolateId(0), space, size);
        self.place(page, words)
    }

    /// Memory free between objects, as the sweeper leaves it.
    pub fn free(&mut self, page: PageId, bytes: u64) {
        match bytes {
            0 => {}
            8 => {
                let map = self.map_of(Type::Filler);
                self.place(page, &[map]);
            }
            _ => {
                let map = self.map_of(Type::FreeSpace);
                let count = bytes / self.free_space_unit;
                let mut words = vec![0xdead_beef_dead_beef; bytes as usize / 8];
                words[0] = map;
                words[1] = count << 32;
                self.place(page, &words);
            }
        }
    }

    /// Finishes the process: fills pages up with free memory, writes page headers, spaces and isolates.
    pub fn build(mut self) -> Dump {
        for index in 0..self.pages.len() {
            self.finish_page(PageId(index));
        }
        for isolate in &self.isolates {
            let list = isolate.address + self.release.old_area_in_isolate() + 0x100;
            for (index, address) in isolate.address_list.iter().enumerate() {
                self.native.write(list + 8 * index as u64, *address);
            }
        }
        for index in 0..self.isolates.len() {
            self.write_semispace(IsolateId(index));
        }
        let mut dump = Dump::default();
        let version = NATIVE;
        for (index, part) in ["6major_", "6minor_", "6build_", "6patch_"].iter().enumerate() {
            dump.add_symbol(&format!("_ZN2v88internal7Version{part}E"), version + 4 * index as u64);
        }
        dump.add(NATIVE, self.native.bytes);
        for page in self.pages {
            let mut start = page.base;
            for (guard_start, guard_end) in page.guarded {
                dump.add(
                    start,
                    page.bytes[(start - page.base) as usize..(guard_start - page.base) as usize].to_vec(),
                );
                dump.add_without_access(guard_start, guard_end - guard_start);
                start = guard_end;
            }
            dump.add(start, page.bytes[(start - page.base) as usize..].to_vec());
        }
        dump
    }

    fn finish_page(&mut self, id: PageId) {
        let release = self.release;
        let page = &self.pages[id.0];
        let (top, end, space, isolate, open) = (page.top, page.end(), page.space, page.isolate, page.open);
        let is_large = matches!(space, Space::NewLarge | Space::Large);
        let mut area_end = end;
        if is_large {
            area_end = top;
        } else if space != Space::NewInactive {
            self.free(id, end - top);
        }
        if let Some((top, limit)) = open {
            let isolate = &self.isolates[isolate.0];
            let area = match space {
                Space::New => isolate.address + release.young_area_in_isolate(),
                Space::Old => isolate.address + release.old_area_in_isolate(),
                _ => unreachable!("only regular pages of mutable spaces have allocation areas"),
            };
            // start, top, limit
            self.native.write(area, self.pages[id.0].first(release));
            self.native.write(area + 8, top);
            // The young generation's limit is the end of the page.
            self.native.write(area + 16, if space == Space::New { end } else { limit });
        }
        let flags = match space {
            Space::ReadOnly => release.read_only_flag(),
            Space::NewInactive => 1 << 3,
            Space::New => 1 << 4,
            Space::NewLarge => 1 << 4 | release.large_flag(),
            Space::Large => release.large_flag(),
            Space::Old => 0,
        };
        let (heap, owner) = match self.space_object(isolate, space) {
            Some(owner) => (self.isolates[isolate.0].heap, owner),
            None => (0, 0),
        };
        let next = self.next_page(id).map_or(0, |next| self.handle(next));
        let previous = self.previous_page(id).map_or(0, |previous| self.handle(previous));
        let is_listed = !self.out_of_lists.contains(&id);
        if previous == 0 && owner != 0 && is_listed {
            let front = self.handle(id);
            self.native.write(owner + release.front_in_space(), front);
        }
        let first = self.pages[id.0].first(release);
        let size = self.pages[id.0].bytes.len() as u64;
        let fields = [
            (PageField::Size, size),
            (PageField::Heap, heap),
            (PageField::AreaStart, first),
            (PageField::AreaEnd, area_end),
            (PageField::Owner, owner),
            (PageField::Next, next),
            (PageField::Previous, previous),
        ];
        let base = self.pages[id.0].base;
        let header = self.handle(id);
        self.pages[id.0].write(base + release.flags_at(), flags);
        if release.has_metadata_blocks() {
            self.pages[id.0].write(base + 8, header);
        } else if release == Release::Node22 {
            self.pages[id.0].write(base + 8, base);
        }
        for (field, word) in fields {
            let at = header + release.page_field(field);
            if release.has_metadata_blocks() {
                self.native.write(at, word);
            } else {
                self.pages[id.0].write(at, word);
            }
        }
    }

    /// The address that stands for a page: its own, or that of its metadata block.
    fn handle(&mut self, id: PageId) -> u64 {
        if !self.release.has_metadata_blocks() {
            return self.pages[id.0].base;
        }
        let base = self.pages[id.0].base;
        let at = 8;
        let known = u64::from_le_bytes(self.pages[id.0].bytes[at..at + 8].try_into().expect("eight bytes"));
        if known != 0 {
            return known;
        }
        let block = self.native.allocate(0x200);
        self.pages[id.0].write(base + 8, block);
        block
    }

    fn space_object(&self, isolate: IsolateId, space: Space) -> Option<u64> {
        let spaces = &self.isolates[isolate.0].spaces;
        match space {
            Space::ReadOnly => None,
            Space::New => Some(spaces[0]),
            Space::NewInactive => Some(spaces[1]),
            Space::Old => Some(spaces[2]),
            Space::NewLarge => Some(spaces[3]),
            Space::Large => Some(spaces[4]),
        }
    }

    fn next_page(&self, id: PageId) -> Option<PageId> {
        (id.0 + 1..self.pages.len()).map(PageId).find(|next| self.are_in_one_list(id, *next))
    }

    fn previous_page(&self, id: PageId) -> Option<PageId> {
        (0..id.0).rev().map(PageId).find(|previous| self.are_in_one_list(id, *previous))
    }

    fn are_in_one_list(&self, one: PageId, other: PageId) -> bool {
        let (page, beside) = (&self.pages[one.0], &self.pages[other.0]);
        page.space == beside.space
            && page.isolate == beside.isolate
            && !self.out_of_lists.contains(&one)
            && !self.out_of_lists.contains(&other)
    }

    /// The list of the active semispace: first, last, ..., current.
    fn write_semispace(&mut self, isolate: IsolateId) {
        let pages: Vec<PageId> = (0..self.pages.len())
            .filter(|&index| self.pages[index].space == Space::New && self.pages[index].isolate == isolate)
            .map(PageId)
            .collect();
        let (Some(&first), Some(&last)) = (pages.first(), pages.last()) else { return };
        let Some(current) = self.isolates[isolate.0].current_young_page else { return };
        let space = self.isolates[isolate.0].spaces[0];
        for (offset, page) in [(0x60, first), (0x68, last), (0xc0, current)] {
            let handle = self.handle(page);
            self.native.write(space + offset, handle);
        }
    }
}
