//! The object table: every object of every heap, by dense number.
//!
//! For each page a bitmap of object starts (one bit a word) with a running count each 512 bits, and the map of each
//! object. An object costs 4 bytes and 1/64 of its size; its address and number follow from each other by two loads and
//! a population count; grouping by map does not touch the heap again.
//!
//! ```text
//!   page 17   first id 9000
//!     starts  1001000100000001...      bit n: an object starts n words behind area_start
//!     ranks   [0, 83, 171, ...]        objects before each block of 8 words of bits
//!     maps    [m3, m3, m41, ...]       map of the object with id 9000, 9001, ...
//! ```

use std::time::{Duration, Instant};

use core_reader::Address;

use crate::index::parallel::in_turns;
use crate::isolate::{PageState, Spaces};
use crate::layout::Layout;
use crate::shape::map::{MapId, Maps};
use crate::shape::walk::{Gap, Walker, set_bits};
use crate::store::{Array, Decoder, Encoder, Part, Unusable, ensure, sample, stretch};
use crate::view::View;
use crate::words::Words;
use crate::{Error, Monitor, Result, Tagged};

/// Dense number of an object: ids ascend with addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(pub u32);

/// All objects of all heaps, in address order.
#[derive(Clone, Debug)]
pub struct ObjectTable {
    pages: Vec<PageEntry>,
    /// Logarithm of the bytes of a word.
    granule: u32,
    /// What the walk of the pages met.
    pub summary: WalkSummary,
}

/// What walking all pages met.
#[derive(Clone, Debug, Default)]
pub struct WalkSummary {
    /// Number of objects.
    pub objects: u64,
    /// Their size, in bytes.
    pub object_bytes: u64,
    /// Free memory between them, in bytes.
    pub free_bytes: u64,
    /// Pages walked.
    pub pages: usize,
    /// Of these, pages without a usable header: recognised by their objects.
    pub salvaged_pages: usize,
    /// Pages of the semispace that was not in use: skipped.
    pub stale_pages: usize,
    /// Pages that are in no list of their space any more.
    pub left_pages: usize,
    /// Bytes of pages that the core does not hold.
    pub missing_bytes: u64,
    /// Stretches that could not be walked.
    pub gaps: Vec<Gap>,
    /// How long it took to find the pages and walk them.
    pub elapsed: Duration,
}

/// What the walk over one page found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageUsage {
    /// Number of objects.
    pub objects: u64,
    /// Their size, in bytes.
    pub object_bytes: u64,
    /// Free memory between them, in bytes.
    pub free_bytes: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct PageEntry {
    area_start: u64,
    first_id: u32,
    starts: Array<u64>,
    ranks: Box<[u32]>,
    maps: Array<MapId>,
    object_bytes: u64,
    free_bytes: u64,
    gaps: Vec<Gap>,
}

/// Words of bits between two running counts.
const RANK_BLOCK: usize = 8;

impl ObjectTable {
    /// Walks all pages, on all processors.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub(crate) fn build(
        words: Words<'_>,
        layout: &Layout,
        maps: &Maps,
        monitor: &dyn Monitor,
    ) -> Result<ObjectTable> {
        let spaces = words.spaces;
        let in_use: Vec<usize> = spaces
            .pages()
            .iter()
            .enumerate()
            .filter(|(_, page)| page.state == PageState::InUse)
            .map(|(index, _)| index)
            .collect();
        let total: u64 = in_use.iter().map(|&index| spaces.pages()[index].present()).sum();
        monitor.begin("indexing the heap", total);
        let start = || (Walker::new(words, layout, maps), Vec::new());
        let walk = |(walker, done): &mut (Walker<'_>, Vec<(usize, PageEntry)>), turn: usize| {
            let index = in_use[turn];
            let page = &spaces.pages()[index];
            for piece in &page.pieces {
                words.memory.will_read(Address(piece.start), piece.bytes.len());
            }
            walker.walk(page);
            done.push((index, PageEntry::from_walk(page.area_start, walker)));
            page.present()
        };
        let workers = in_turns(in_use.len(), monitor, start, walk)?;
        let mut by_index: Vec<(usize, PageEntry)> = workers.into_iter().flat_map(|(_, done)| done).collect();
        by_index.sort_unstable_by_key(|(index, _)| *index);
        let mut by_index = by_index.into_iter().peekable();
        let entries = spaces.pages().iter().enumerate().map(|(index, page)| {
            match by_index.next_if(|(walked, _)| *walked == index) {
                Some((_, entry)) => entry,
                None => PageEntry { area_start: page.area_start, ..PageEntry::default() },
            }
        });
        ObjectTable::of(spaces, entries)
    }

    /// The table of what was found on all pages, in their order.
    fn of(spaces: &Spaces<'_>, entries: impl Iterator<Item = PageEntry>) -> Result<ObjectTable> {
        let mut pages: Vec<PageEntry> = Vec::with_capacity(spaces.pages().len());
        let mut summary = WalkSummary::default();
        for (page, mut entry) in spaces.pages().iter().zip(entries) {
            match page.state {
                PageState::InUse => {
                    summary.pages += 1;
                    summary.salvaged_pages += usize::from(page.salvaged);
                }
                PageState::Stale => summary.stale_pages += 1,
                PageState::Left => summary.left_pages += 1,
            }
            entry.first_id = u32::try_from(summary.objects).map_err(|_| Error::TooManyObjects)?;
            summary.objects += entry.maps.len() as u64;
            summary.object_bytes += entry.object_bytes;
            summary.free_bytes += entry.free_bytes;
            if page.state == PageState::InUse {
                summary.missing_bytes += page.missing();
            }
            summary.gaps.extend_from_slice(&entry.gaps);
            pages.push(entry);
        }
        Ok(ObjectTable { pages, granule: spaces.encoding().size().trailing_zeros(), summary })
    }

    /// The same objects, each of the map with number 0: for a reader that has met no maps yet.
    pub(crate) fn of_one_map(&self) -> ObjectTable {
        let mut table = self.clone();
        for page in &mut table.pages {
            page.maps = vec![MapId(0); page.maps.len()].into();
        }
        table
    }

    /// Calls `ask` with a table that says of one page what a walk has found there. Other objects keep their numbers.
    pub(crate) fn with_page<R>(
        &mut self,
        index: usize,
        area_start: u64,
        walker: &Walker<'_>,
        ask: impl FnOnce(&ObjectTable) -> R,
    ) -> R {
        let first_id = self.pages[index].first_id;
        let entry = PageEntry { first_id, ..PageEntry::from_walk(area_start, walker) };
        let known = std::mem::replace(&mut self.pages[index], entry);
        let answer = ask(self);
        self.pages[index] = known;
        answer
    }

    /// Number of objects.
    pub fn len(&self) -> usize {
        self.summary.objects as usize
    }

    /// Whether there are no objects at all.
    pub fn is_empty(&self) -> bool {
        self.summary.objects == 0
    }

    /// The object that starts at the untagged `address`.
    pub fn id_at(&self, spaces: &Spaces<'_>, address: u64) -> Option<ObjectId> {
        self.id_on_page(spaces.page_index(address)?, address)
    }

    /// The object that starts at the untagged `address`, which is in the object area of the page with this number.
    #[inline]
    pub fn id_on_page(&self, page: usize, address: u64) -> Option<ObjectId> {
        let page = &self.pages[page];
        let bit = (address.checked_sub(page.area_start)? >> self.granule) as usize;
        let word = *page.starts.get(bit / 64)?;
        if word >> (bit % 64) & 1 == 0 || address & ((1 << self.granule) - 1) != 0 {
            return None;
        }
        let before = page.ranks[bit / 64 / RANK_BLOCK]
            + page.starts[bit / 64 / RANK_BLOCK * RANK_BLOCK..bit / 64]
                .iter()
                .map(|w| w.count_ones())
                .sum::<u32>()
            + (word & ((1 << (bit % 64)) - 1)).count_ones();
        Some(ObjectId(page.first_id + before))
    }

    /// The object a strong pointer leads to, unless it can never die: what is in read-only pages does not.
    #[inline]
    pub(crate) fn mortal_target(&self, spaces: &Spaces<'_>, word: u64) -> Option<u32> {
        if word & 3 != 1 {
            return None;
        }
        let page = spaces.page_index(word - 1)?;
        if spaces.pages()[page].is_read_only() {
            return None;
        }
        self.id_on_page(page, word - 1).map(|id| id.0)
    }

    /// Start of the last object that starts at or before the untagged `address`, on the same page.
    pub fn start_before(&self, spaces: &Spaces<'_>, address: u64) -> Option<u64> {
        let (page, bit) = self.locate(spaces, address)?;
        let last = page.starts.len().checked_sub(1)?;
        let mut index = (bit / 64).min(last);
        let mut word = page.starts[index];
        if index == bit / 64 && bit % 64 < 63 {
            word &= (1 << (bit % 64 + 1)) - 1;
        }
        while word == 0 {
            index = index.checked_sub(1)?;
            word = page.starts[index];
        }
        let bit = index * 64 + 63 - word.leading_zeros() as usize;
        Some(page.area_start + ((bit as u64) << self.granule))
    }

    fn locate(&self, spaces: &Spaces<'_>, address: u64) -> Option<(&PageEntry, usize)> {
        let page = &self.pages[spaces.page_index(address)?];
        Some((page, ((address - page.area_start) >> self.granule) as usize))
    }

    /// The untagged address of an object.
    pub fn address_of(&self, id: ObjectId) -> Option<u64> {
        let page = self.page_of_id(id)?;
        let mut rest = id.0 - page.first_id;
        let block = page.ranks.partition_point(|rank| *rank <= rest) - 1;
        rest -= page.ranks[block];
        for (index, &word) in page.starts.iter().enumerate().skip(block * RANK_BLOCK) {
            let ones = word.count_ones();
            if rest < ones {
                let mut word = word;
                for _ in 0..rest {
                    word &= word - 1;
                }
                let bit = index as u64 * 64 + u64::from(word.trailing_zeros());
                return Some(page.area_start + (bit << self.granule));
            }
            rest -= ones;
        }
        None
    }

    /// The map of an object.
    pub fn map_of(&self, id: ObjectId) -> Option<MapId> {
        let page = self.page_of_id(id)?;
        page.maps.get((id.0 - page.first_id) as usize).copied()
    }

    fn page_of_id(&self, id: ObjectId) -> Option<&PageEntry> {
        if u64::from(id.0) >= self.summary.objects {
            return None;
        }
        let index = self.pages.partition_point(|page| page.first_id <= id.0);
        self.pages.get(index.checked_sub(1)?)
    }

    /// Number of the page that has an object.
    pub fn page_with(&self, id: ObjectId) -> usize {
        self.pages.partition_point(|page| page.first_id <= id.0).saturating_sub(1)
    }

    /// Number of pages, for splitting work: see [`ObjectTable::page_objects`].
    pub fn page_count(&self) -> usize {
        self.pages.len()
    }

    /// First id on a page and the maps of its objects, in id order.
    pub fn page_maps(&self, page: usize) -> (ObjectId, &[MapId]) {
        let page = &self.pages[page];
        (ObjectId(page.first_id), &page.maps)
    }

    /// Untagged addresses and maps of the objects on a page, in order.
    pub fn page_objects(&self, page: usize) -> impl Iterator<Item = (u64, MapId)> + '_ {
        let page = &self.pages[page];
        let granule = self.granule;
        set_bits(&page.starts)
            .map(move |bit| page.area_start + (bit << granule))
            .zip(page.maps.iter().copied())
    }

    /// What the walk over one page found.
    pub fn page_usage(&self, page: usize) -> PageUsage {
        let page = &self.pages[page];
        PageUsage {
            objects: page.maps.len() as u64,
            object_bytes: page.object_bytes,
            free_bytes: page.free_bytes,
        }
    }

    /// Bytes of memory the table takes.
    pub fn memory(&self) -> usize {
        self.pages
            .iter()
            .map(|page| {
                size_of::<PageEntry>() + page.starts.len() * 8 + page.ranks.len() * 4 + page.maps.len() * 4
            })
            .sum()
    }
}

impl PageEntry {
    /// Whether a walk has found the same.
    fn is_what(&self, walker: &Walker<'_>) -> bool {
        let found = PageEntry { first_id: self.first_id, ..PageEntry::from_walk(self.area_start, walker) };
        found == *self
    }

    fn from_walk(area_start: u64, walker: &Walker<'_>) -> PageEntry {
        let found = &walker.found;
        let (ranks, _) = ranks_of(&found.starts);
        PageEntry {
            area_start,
            first_id: 0,
            starts: found.starts.clone().into(),
            ranks,
            maps: found.maps.clone().into(),
            object_bytes: found.object_bytes,
            free_bytes: found.free_bytes,
            gaps: found.gaps.clone(),
        }
    }
}

/// Objects before each block of bits, and in all.
fn ranks_of(starts: &[u64]) -> (Box<[u32]>, u32) {
    let mut ranks = Vec::with_capacity(starts.len() / RANK_BLOCK + 1);
    let mut rank = 0;
    for block in starts.chunks(RANK_BLOCK) {
        ranks.push(rank);
        rank += block.iter().map(|word| word.count_ones()).sum::<u32>();
    }
    (ranks.into(), rank)
}

/// Objects whose maps are compared with the core when the table comes from a store, and pages that are walked again.
const COMPARED: usize = 1024;
const WALKED: usize = 8;

/// Addresses of the maps by number; by page: where its area starts, words of bits, objects, bytes of objects, free bytes, gaps;
/// then the bits, the numbers of the maps, and the gaps of all pages.
impl Part for ObjectTable {
    const NAME: &'static str = "objects";
    type Known<'h> = &'h View<'h>;

    fn write<'a>(&'a self, view: &'a View<'_>, to: &mut Encoder<'a>) {
        to.column((0..view.map_count() as u32).map(|id| view.map(MapId(id)).address));
        to.column(self.pages.iter().map(|page| page.area_start));
        to.column(self.pages.iter().map(|page| page.starts.len() as u32));
        to.column(self.pages.iter().map(|page| page.maps.len() as u32));
        to.column(self.pages.iter().map(|page| page.object_bytes));
        to.column(self.pages.iter().map(|page| page.free_bytes));
        to.column(self.pages.iter().map(|page| page.gaps.len() as u32));
        to.arrays(self.pages.iter().map(|page| &*page.starts));
        to.arrays(self.pages.iter().map(|page| &*page.maps));
        to.column(self.pages.iter().flat_map(|page| &page.gaps).flat_map(|gap| [gap.start, gap.end]));
    }

    fn read(view: &View<'_>, from: &mut Decoder, _: &dyn Monitor) -> Result<ObjectTable, Unusable> {
        let started = Instant::now();
        let (words, spaces) = (view.words(), view.spaces());
        let count = spaces.pages().len();
        let map_addresses: Array<u64> = from.array()?;
        let area_starts: Array<u64> = from.array_of(count)?;
        let lengths: Array<u32> = from.array_of(count)?;
        let objects: Array<u32> = from.array_of(count)?;
        let object_bytes: Array<u64> = from.array_of(count)?;
        let free_bytes: Array<u64> = from.array_of(count)?;
        let gap_counts: Array<u32> = from.array_of(count)?;
        let total = |counts: &[u32]| counts.iter().map(|count| *count as usize).sum::<usize>();
        let starts: Array<u64> = from.array_of(total(&lengths))?;
        let mut maps: Array<MapId> = from.array_of(total(&objects))?;
        let gaps: Array<u64> = from.array_of(2 * total(&gap_counts))?;
        // This session may have met maps in another order.
        let mut ids = Vec::with_capacity(map_addresses.len());
        for address in map_addresses.iter() {
            let id = view.maps.intern(&words, view.layout(), Tagged::pointer(*address));
            ids.push(id.ok_or(Unusable::Damaged("there is no map where it says"))?);
        }
        let most = maps.iter().fold(0, |most, map| most.max(map.0));
        ensure(maps.is_empty() || (most as usize) < ids.len(), "an object has a map that is none")?;
        if ids.iter().enumerate().any(|(number, id)| id.0 as usize != number) {
            maps = maps.iter().map(|map| ids[map.0 as usize]).collect();
        }
        let (mut start, mut map, mut gap) = (0, 0, 0);
        let mut entries = Vec::with_capacity(count);
        for (index, page) in spaces.pages().iter().enumerate() {
            let (length, own, own_gaps) =
                (lengths[index] as usize, objects[index] as usize, gap_counts[index] as usize);
            ensure(area_starts[index] == page.area_start, "the pages are others")?;
            ensure(page.state == PageState::InUse || length + own + own_gaps == 0, "it walked a stale page")?;
            ensure(
                object_bytes[index] <= page.size && free_bytes[index] <= page.size,
                "a page holds more bytes than it has",
            )?;
            let starts = stretch(&starts, start..start + length);
            let (ranks, bits) = ranks_of(&starts);
            ensure(bits as usize == own, "a page has more objects or fewer than maps")?;
            let last = starts.iter().rposition(|word| *word != 0);
            let last = last.map_or(0, |last| 64 * last as u64 + 63 - u64::from(starts[last].leading_zeros()));
            ensure(
                own == 0 || spaces.encoding().size() * last < page.area_end - page.area_start,
                "an object is behind its page",
            )?;
            let own_gaps: Vec<Gap> = gaps[gap..gap + 2 * own_gaps]
                .chunks_exact(2)
                .map(|ends| Gap { start: ends[0], end: ends[1] })
                .collect();
            ensure(
                own_gaps.iter().all(|gap| {
                    page.area_start <= gap.start && gap.start < gap.end && gap.end <= page.area_end
                }) && own_gaps.is_sorted_by(|one, next| one.end <= next.start),
                "a gap is not in its page",
            )?;
            entries.push(PageEntry {
                area_start: page.area_start,
                first_id: 0,
                starts,
                ranks,
                maps: stretch(&maps, map..map + own),
                object_bytes: object_bytes[index],
                free_bytes: free_bytes[index],
                gaps: own_gaps,
            });
            (start, map, gap) = (start + length, map + own, gap + 2 * entries[index].gaps.len());
        }
        let mut table = ObjectTable::of(spaces, entries.into_iter())?;
        for id in sample(table.len(), COMPARED).map(ObjectId) {
            let word = table.address_of(id).and_then(|address| words.heap_tagged(address));
            let map = word.and_then(|word| view.maps.intern(&words, view.layout(), word));
            ensure(map.is_some() && map == table.map_of(id), "an object is not what it says")?;
        }
        let in_use: Vec<usize> =
            (0..count).filter(|index| spaces.pages()[*index].state == PageState::InUse).collect();
        let mut walker = Walker::new(words, view.layout(), &view.maps);
        for &index in in_use.iter().step_by((in_use.len() / WALKED).max(1)) {
            walker.walk(&spaces.pages()[index]);
            ensure(table.pages[index].is_what(&walker), "a page holds other objects")?;
        }
        ensure(view.check_before_use(&table).is_ok(), "the layout does not fit it")?;
        table.summary.elapsed = started.elapsed();
        Ok(table)
    }
}
