//! What V8 itself counts of its memory, space by space: the numbers of `v8.getHeapSpaceStatistics()` and
//! `v8.getHeapStatistics()`, computed from the same fields by the same rules.
//!
//! A space counts what it got from the system (*committed*), what it gave out (*used*, with whatever has died and not been
//! swept), and what it could still give out (*available*). Beside that stands what a walk over its pages finds: the two
//! come from different memory and check each other.

use std::collections::HashSet;

use crate::heap::Heap;
use crate::index::{MapSet, ObjectTable};
use crate::isolate::{Isolate, PAGE_SIZE, Page, PageState};
use crate::layout::{ExternalBytes, Kind, PhysicalBytes, StringShape};
use crate::objects::value::HeapObject;
use crate::shape::map::Map;
use crate::{Monitor, Result};

/// `FreeListMany::kMinBlockSize`: smaller pieces are wasted.
const SMALLEST_FREE_BLOCK: u64 = 24;
/// Virtual functions of one executable are not further apart, in bytes.
const LARGEST_IMAGE: u64 = 1 << 28;
/// An isolate goes on behind its `Heap` for so many bytes, and a few more.
const ISOLATE_REACH: u64 = 0x4000;
/// Bytes of a space object, of a free list and of an allocator that are read.
const LARGEST_SPACE: u64 = 0x400;
const LARGEST_ALLOCATOR: u64 = 0x80;

/// What V8 counts of one space, in bytes, as `v8.getHeapSpaceStatistics()` says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpaceCounters {
    /// `space_size`: got from the system.
    pub committed: u64,
    /// `space_used_size`: given out.
    pub used: u64,
    /// `space_available_size`: can be given out without getting more.
    pub available: u64,
    /// `physical_space_size`: touched since it was got, as far as V8 knows.
    pub physical: u64,
}

/// What a walk over the pages of a space finds, in bytes except where noted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpaceContents {
    /// Number of pages.
    pub pages: u64,
    /// Their size, headers included.
    pub page_bytes: u64,
    /// Number of objects.
    pub objects: u64,
    /// Their size.
    pub object_bytes: u64,
    /// Free memory between and behind them.
    pub free_bytes: u64,
}

/// One space of a heap.
#[derive(Clone, Debug)]
pub struct Space {
    /// `AllocationSpace`, as V8 numbers it.
    pub id: u8,
    /// V8's name for it: `old_space`.
    pub name: String,
    /// Address of the space object; 0 if the heap has none.
    pub address: u64,
    /// What V8 counts; `None` if the core does not hold the space object, or it is none.
    pub counters: Option<SpaceCounters>,
    /// What is there.
    pub contents: SpaceContents,
}

/// What is outside the heap of an isolate because of objects inside, as V8 and Node.js count it, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExternalMemory {
    /// `external_memory`, `process.memoryUsage().external`: buffers, and characters of external strings.
    pub external: Option<u64>,
    /// `process.memoryUsage().arrayBuffers`: what Node's allocator has given to buffers. Worker threads have allocators of
    /// their own.
    pub array_buffers: Option<u64>,
}

/// An `ArrayBuffer::Allocator` that counts what it has given out.
#[derive(Clone, Copy, Debug)]
struct Allocator {
    /// Where the isolate holds it.
    held_at: u64,
    address: u64,
    /// Address of the count.
    total: u64,
    /// Whether its class is known by a symbol.
    by_class: bool,
}

/// The external strings of an isolate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExternalStrings {
    /// How many there are.
    pub count: u64,
    /// Bytes of their characters, outside the heap.
    pub bytes: u64,
    /// What V8 counts for them as external memory: the bytes, or from V8 14 on the characters, of one byte or two
    /// (`ExternalStringTable::AddString` in `src/heap/heap-inl.h`).
    pub counted: u64,
}

impl Heap<'_> {
    /// The spaces of an isolate, in V8's order.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] if the monitor says so; what fails when the heap is indexed.
    pub fn spaces_of(&self, isolate: &Isolate, monitor: &dyn Monitor) -> Result<Vec<Space>> {
        let table = self.objects(monitor)?;
        let layout = self.layout();
        let mut spaces = Vec::with_capacity(layout.space_names.len());
        for (id, name) in layout.space_names.iter().enumerate() {
            let id = id as u8;
            let address = self.space_object(isolate.heap, id).map(|address| match address {
                0 if layout.accounting.read_only_size.is_some() => self.read_only_space(isolate.heap, id),
                address => address,
            });
            let contents = self.space_contents(table, |page| {
                page.heap == isolate.heap && page.space.is_some_and(|space| self.is_of_space(page, space, id))
            });
            let counters = match address {
                Some(0) => Some(SpaceCounters::default()),
                Some(address) => self.space_counters(isolate.heap, address, name),
                None => None,
            };
            let address = address.unwrap_or(0);
            spaces.push(Space { id, name: format!("{name}_space"), address, counters, contents });
        }
        Ok(spaces)
    }

    /// What the pages hold that all isolates share.
    ///
    /// # Errors
    /// As [`Heap::spaces_of`].
    pub fn shared_contents(&self, monitor: &dyn Monitor) -> Result<SpaceContents> {
        let table = self.objects(monitor)?;
        Ok(self.space_contents(table, |page| page.heap == 0))
    }

    /// Semispaces belong to the new space, whatever number they have.
    fn is_of_space(&self, page: &Page<'_>, space: u8, wanted: u8) -> bool {
        space == wanted
            || (page.to_space && !page.large && self.layout().space_names[usize::from(wanted)] == "new")
    }

    fn space_contents(&self, table: &ObjectTable, is_wanted: impl Fn(&Page<'_>) -> bool) -> SpaceContents {
        let mut contents = SpaceContents::default();
        for (index, page) in self.spaces().pages().iter().enumerate() {
            if !is_wanted(page) || page.state == PageState::Left {
                continue;
            }
            contents.pages += 1;
            contents.page_bytes = contents.page_bytes.saturating_add(page.size);
            if page.state == PageState::InUse {
                let usage = table.page_usage(index);
                contents.objects += usage.objects;
                contents.object_bytes = contents.object_bytes.saturating_add(usage.object_bytes);
                let unused: u64 = page.unused.iter().map(|(start, end)| end.saturating_sub(*start)).sum();
                contents.free_bytes =
                    contents.free_bytes.saturating_add(usage.free_bytes).saturating_add(unused);
            }
        }
        contents
    }

    /// Address of a space object, 0 if the heap has no such space; `None` if what is in its place is none.
    fn space_object(&self, heap: u64, id: u8) -> Option<u64> {
        let slot = heap.checked_add(self.layout().accounting.spaces)?.checked_add(8 * u64::from(id))?;
        let space = self.word(slot)?;
        if space == 0 {
            return Some(0);
        }
        let page = &self.layout().page;
        let belongs = space.is_multiple_of(8)
            && self.word(space.checked_add(page.space_heap)?) == Some(heap)
            && self.word(space.checked_add(page.space_id)?).map(|word| word as u32) == Some(u32::from(id));
        belongs.then_some(space)
    }

    /// The space of the read-only pages of a heap, which is not among the others; 0 for another space.
    fn read_only_space(&self, heap: u64, id: u8) -> u64 {
        let own = |page: &&Page<'_>| page.heap == heap && page.space == Some(id) && page.is_read_only();
        self.spaces().pages().iter().find(own).map_or(0, |page| page.owner)
    }

    fn word(&self, address: u64) -> Option<u64> {
        self.words().word(address, "count of memory").ok()
    }

    /// The word at an offset of a space object.
    fn count(&self, space: u64, offset: u64) -> Option<u64> {
        self.word(space.checked_add(offset)?)
    }

    fn space_counters(&self, heap: u64, space: u64, name: &str) -> Option<SpaceCounters> {
        let fields = &self.layout().accounting;
        let count = |offset| self.count(space, offset);
        if name == "new" {
            return self.new_space_counters(heap, space);
        }
        if let Some(size) = fields.read_only_size
            && name == "read_only"
        {
            let pages = self.spaces().pages().iter().filter(|page| page.owner == space);
            let physical = match fields.physical {
                PhysicalBytes::HighWaterMarks(mark) if fields.sizes_count_open_areas => {
                    self.marked_bytes(space, mark)?
                }
                _ => pages.fold(0, |sum: u64, page| sum.saturating_add(page.size)),
            };
            let committed = count(self.layout().page.space_committed)?;
            return Some(SpaceCounters { committed, used: count(size)?, available: 0, physical });
        }
        if name.ends_with("large_object") {
            let used = count(fields.large_objects_size)?;
            let available = if name == "new_large_object" {
                count(fields.new_large_capacity)?.saturating_sub(used)
            } else {
                0
            };
            let committed = count(self.layout().page.space_committed)?;
            return Some(SpaceCounters { committed, used, available, physical: committed });
        }
        let free_list = count(fields.free_list)?;
        let mut used = count(fields.paged_size)?;
        let mut available = self.count(free_list, fields.free_list_available)?;
        if fields.counts_without_open_areas {
            for page in self.spaces().pages().iter().filter(|page| page.owner == space) {
                for (start, end) in &page.unused {
                    let open = end.saturating_sub(*start);
                    used = used.saturating_sub(open);
                    if open >= SMALLEST_FREE_BLOCK {
                        available = available.saturating_add(open);
                    }
                }
            }
        }
        if fields.sizes_count_open_areas {
            let own = self.spaces().pages().iter().filter(|page| page.owner == space);
            let open = own.flat_map(|page| &page.unused).map(|(start, end)| end.saturating_sub(*start));
            used = used.saturating_sub(open.sum());
        }
        let committed = count(self.layout().page.space_committed)?;
        let physical = match fields.physical {
            PhysicalBytes::Counted { paged, .. } => count(paged)?,
            PhysicalBytes::HighWaterMarks(mark) => self.marked_bytes(space, mark)?,
        };
        Some(SpaceCounters { committed, used, available, physical })
    }

    /// How far the pages of a space have been used, in bytes.
    fn marked_bytes(&self, space: u64, mark: u64) -> Option<u64> {
        let mut bytes = 0u64;
        for page in self.spaces().pages().iter().filter(|page| page.owner == space) {
            // V8 notes what an open area has taken when it looks.
            let open = page.unused.iter().map(|(top, _)| top.saturating_sub(page.base)).next();
            let noted = self.count(page.handle(), mark)?.max(open.unwrap_or(0));
            bytes = bytes.saturating_add(noted.min(page.size));
        }
        Some(bytes)
    }

    /// The young generation is two semispaces; objects are in one of them, up to `top` on its current page.
    fn new_space_counters(&self, heap: u64, space: u64) -> Option<SpaceCounters> {
        let fields = &self.layout().accounting;
        let room = PAGE_SIZE - self.layout().page.first_object;
        let semispace = |offset: u64, field: u64| self.count(space, offset.checked_add(field)?);
        let both = |field: u64| {
            Some(semispace(fields.to_space, field)?.saturating_add(semispace(fields.from_space, field)?))
        };
        let committed = both(self.layout().page.space_committed)?;
        let physical_of = |of: u64| match (semispace(of, fields.first_page)?, fields.physical) {
            (0, _) => Some(0),
            (_, PhysicalBytes::Counted { semispace: counted, .. }) => semispace(of, counted),
            (_, PhysicalBytes::HighWaterMarks(mark)) => self.marked_bytes(space.checked_add(of)?, mark),
        };
        let physical = physical_of(fields.to_space)?.saturating_add(physical_of(fields.from_space)?);
        let capacity = semispace(fields.to_space, fields.semispace_current_capacity)?;
        let target = self.count(space, fields.new_target_capacity)?.max(capacity);
        let quarantined = match fields.new_quarantined {
            Some(offset) => self.count(space, offset)?,
            None => 0,
        };
        let live = if capacity == 0 {
            0
        } else {
            let current = semispace(fields.to_space, fields.semispace_current_page)?;
            let mut pages = self.spaces().pages().iter();
            let page = pages.find(|page| page.heap == heap && page.handle() == current)?;
            let top = page.unused.first().map_or(page.area_end, |(top, _)| *top);
            let pages = match fields.semispace_pages_used {
                Some(offset) => u64::from(semispace(fields.to_space, offset)? as u32),
                None => (capacity / PAGE_SIZE).saturating_sub(1),
            };
            let full = pages.saturating_mul(room);
            full.saturating_add(top.saturating_sub(page.area_start))
        };
        let available = (target / PAGE_SIZE).saturating_mul(room).saturating_sub(live);
        Some(SpaceCounters { committed, used: live.saturating_add(quarantined), available, physical })
    }

    /// What V8 and Node.js count of the memory outside the heap of an isolate. What cannot be read is `None`.
    pub fn external_memory(&self, isolate: &Isolate) -> ExternalMemory {
        let external = self.external_bytes(isolate);
        let allocator = self.array_buffer_allocator(isolate);
        let array_buffers = allocator.and_then(|allocator| self.word(allocator.total));
        ExternalMemory { external, array_buffers }
    }

    /// What V8 counts of the memory outside the heap of an isolate. Nothing if what is there cannot be that: no process has more memory than
    /// is mapped. (In builds of V8 14 for musl the counts are elsewhere.)
    fn external_bytes(&self, isolate: &Isolate) -> Option<u64> {
        let in_heap = |offset: u64| self.word(isolate.heap.checked_add(offset)?);
        let ranges = self.memory().ranges().iter();
        let mapped = ranges.fold(0, |sum: u64, range| sum.saturating_add(range.end.0 - range.start.0));
        let counted = match self.layout().accounting.external_bytes {
            ExternalBytes::One(offset) => in_heap(offset),
            ExternalBytes::Two { strings, sweeper, total } => in_heap(sweeper)
                .and_then(|sweeper| self.count(sweeper, total))
                .and_then(|buffers| in_heap(strings)?.checked_add(buffers)),
        };
        counted.filter(|bytes| *bytes <= mapped)
    }

    /// The `v8::ArrayBuffer::Allocator` of an isolate, in Node.js a `node::NodeArrayBufferAllocator`. It is known by its class or,
    /// where symbols do not tell that, by its form: an object of a class, with a count, that owns another object of a class of the
    /// same file, and counts no more than V8 does of what is outside of the heap. Of several the one that is where it is expected; nothing
    /// if none is.
    fn array_buffer_allocator(&self, isolate: &Isolate) -> Option<Allocator> {
        let end = isolate.heap.checked_add(ISOLATE_REACH)?;
        let most = self.external_bytes(isolate).unwrap_or(u64::MAX);
        let mut found: Vec<Allocator> = (isolate.heap..end)
            .step_by(8)
            .filter_map(|at| self.node_allocator(isolate, at))
            .filter(|allocator| {
                // What native code holds without an ArrayBuffer, such as a Blob, it counts, and V8 does not.
                self.word(allocator.total).is_some_and(|total| allocator.by_class || total <= most)
            })
            .collect();
        let expected = isolate.heap.checked_add(self.layout().accounting.allocator);
        found.sort_unstable_by_key(|allocator| (allocator.address, Some(allocator.held_at) != expected));
        found.dedup_by_key(|allocator| allocator.address);
        match *found {
            [only] => Some(only),
            _ => found.into_iter().find(|allocator| Some(allocator.held_at) == expected),
        }
    }

    /// The allocator that the word at an address leads to, if it does.
    fn node_allocator(&self, isolate: &Isolate, held_at: u64) -> Option<Allocator> {
        let address = self.word(held_at).filter(|word| *word != 0 && word.is_multiple_of(8))?;
        let class = self.native_word(address)?;
        let (file, classes) = (self.file_at(class), self.node_allocators());
        // A trimmed core lacks the executable, but has its symbols.
        let is_known = classes.contains(&class);
        if !is_known && (!classes.is_empty() || class == 0 || self.spaces().page_of(class).is_some()) {
            return None;
        }
        // `total_mem_usage_`, in front of which older releases have `zero_fill_field_`, is followed by `allocator_`. A core that was
        // trimmed may lack what that owns.
        let owns = |count: u64| {
            let owned = self.native_word(count.checked_add(8)?)?;
            if owned == 0 || !owned.is_multiple_of(8) {
                return Some(false);
            }
            let own_class = self.native_word(owned).filter(|own_class| *own_class != 0)?;
            Some(own_class.abs_diff(class) < LARGEST_IMAGE && self.file_at(own_class) == file)
        };
        let fields = &self.layout().accounting;
        let expected = address.saturating_add(fields.allocator_total);
        let is_expected = isolate.heap.checked_add(fields.allocator) == Some(held_at);
        let counts = [8, 16].map(|distance| address.saturating_add(distance));
        let owner = counts.into_iter().find(|count| owns(*count) == Some(true));
        let count = owner.filter(|_| is_known || file.is_some());
        let is_lacking = (is_known || is_expected) && owns(expected).is_none();
        // Early releases of Node.js 18 have no `allocator_`.
        let owns_nothing = is_known && counts.into_iter().all(|count| owns(count) == Some(false));
        let total = count.or((is_lacking || owns_nothing).then_some(expected))?;
        Some(Allocator { held_at, address, total, by_class: is_known })
    }

    /// A word outside of the pages.
    fn native_word(&self, address: u64) -> Option<u64> {
        match self.spaces().page_of(address) {
            Some(_) => None,
            None => self.word(address),
        }
    }

    /// The file that is mapped at an address.
    fn file_at(&self, address: u64) -> Option<&str> {
        let ranges = self.memory().ranges();
        let range = ranges.get(ranges.partition_point(|range| range.end.0 <= address))?;
        range.file.as_deref().filter(|_| range.start.0 <= address)
    }

    /// The external strings in the pages of an isolate.
    ///
    /// # Errors
    /// As [`Heap::spaces_of`].
    pub fn external_strings(&self, isolate: &Isolate, monitor: &dyn Monitor) -> Result<ExternalStrings> {
        let counts_characters = matches!(self.layout().accounting.external_bytes, ExternalBytes::Two { .. });
        let mut strings = ExternalStrings::default();
        self.for_each_external_string(monitor, |heap, string, one_byte, _| {
            if heap != isolate.heap {
                return;
            }
            let length =
                self.words().word32(string.address + self.fields().string_length, "length of a String");
            let length = u64::from(length.unwrap_or(0));
            let bytes = if one_byte { length } else { 2 * length };
            strings.count += 1;
            strings.bytes = strings.bytes.saturating_add(bytes);
            let counted = if counts_characters { length } else { bytes };
            strings.counted = strings.counted.saturating_add(counted);
        })?;
        Ok(strings)
    }

    /// Where the characters of external strings are, as `[start, end)`, of all isolates. What cannot be read is left out.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] if the monitor says so; what fails when the heap is indexed.
    pub fn external_characters(&self, monitor: &dyn Monitor) -> Result<Vec<(u64, u64)>> {
        let mut ranges = Vec::new();
        self.for_each_external_string(monitor, |_, string, one_byte, uncached| {
            ranges.extend(self.external_range(string.address, one_byte, uncached));
        })?;
        Ok(ranges)
    }

    /// Calls `visit` with the `Heap` that an external string is in, the string, and how it keeps its characters.
    fn for_each_external_string(
        &self,
        monitor: &dyn Monitor,
        mut visit: impl FnMut(u64, HeapObject<'_>, bool, bool),
    ) -> Result<()> {
        let table = self.objects(monitor)?;
        let external = |map: &Map| matches!(map.string_shape(), Some(StringShape::External { .. }));
        let maps = MapSet::of(self, |map| map.kind == Kind::String && external(map));
        for (index, page) in self.spaces().pages().iter().enumerate() {
            if monitor.cancelled() {
                return Err(crate::Error::Interrupted);
            }
            for (_, string) in maps.on_page(self, table, index) {
                if let Some(StringShape::External { one_byte, uncached }) = string.map.string_shape() {
                    visit(page.heap, string, one_byte, uncached);
                }
            }
        }
        Ok(())
    }

    /// Memory that holds the counts: space objects, their free lists, allocators.
    pub(crate) fn accounting_memory(&self) -> Vec<(u64, u64)> {
        let fields = &self.layout().accounting;
        let mut ranges = HashSet::new();
        let mut keep = |start: u64, len: u64| ranges.insert((start, start.saturating_add(len)));
        for isolate in self.spaces().isolates() {
            for id in 0..self.layout().space_names.len() as u8 {
                let Some(space) = self.space_object(isolate.heap, id).filter(|space| *space != 0) else {
                    continue;
                };
                keep(space, LARGEST_SPACE);
                if let Some(list) = self.count(space, fields.free_list).filter(|list| *list != 0) {
                    keep(list, LARGEST_ALLOCATOR);
                }
            }
            if let Some(allocator) = self.array_buffer_allocator(isolate) {
                keep(allocator.held_at, 8);
                keep(allocator.address, LARGEST_ALLOCATOR);
                if let Some(owned) = self.word(allocator.total.saturating_add(8)) {
                    keep(owned, 8);
                }
            }
            if let ExternalBytes::Two { sweeper, .. } = fields.external_bytes
                && let Some(sweeper) = self.count(isolate.heap, sweeper)
            {
                keep(sweeper, LARGEST_ALLOCATOR);
            }
        }
        ranges.into_iter().collect()
    }
}
