//! Pages whose header tells nothing: damaged, or (from V8 13 on) in a metadata block that the core does not hold.
//!
//! A core that ends early keeps low addresses and loses high ones, and a thread's metadata blocks and space objects can
//! lie high while its pages lie low: then whole heaps would vanish although their objects are all there. But a page also
//! shows what it is by its objects. They start at a known distance from its base, the first word of each points to a
//! map, and a map is recognised by its own map alone, which is a meta map and therefore its own map. A few in a row can be
//! chance (V8 keeps tables of maps in native memory: a core of Node.js 22 had its roots table where a code page's first
//! objects would be), but a unit that is nothing but objects is a page.
//!
//! Only units whose header is *lost or nonsense* are looked at. A header that is sound and says that the page belongs to
//! nobody is believed: V8 keeps freed pages in a pool, full of dead objects. So is a page whose metadata block was freed
//! and used for something else, as large pages on their way out have it in V8 14. Units that begin with nothing but zeros
//! are passed over: nearly all of the memory that is not heap does, and looking further into each would take longer than
//! all the rest of opening.

use core_reader::{Address, Contents, Memory};

use super::locate::{first_word, instance_type, is_map};
use super::page::{Header, Page, PageState, guarded, pieces};
use super::{Isolate, PAGE_SIZE};
use crate::Tagged;
use crate::layout::{HeaderPlace, Kind, Layout};
use crate::tagged::{ADDRESS_LIMIT, Encoding};

/// Objects in a row for a unit to be looked at as a whole.
const ENOUGH: usize = 4;
/// Of the words that are not zero, this many in four must belong to objects.
const QUARTERS: u64 = 3;

/// A 256 KiB unit that may be a page.
#[derive(Debug)]
pub(super) struct Candidate {
    pub base: u64,
    /// What its header says, if it is sound in itself and only its owner is unreadable.
    pub header: Option<Header>,
}

/// The pages among the candidates.
pub(super) fn salvage<'t>(
    memory: &'t dyn Memory,
    layout: &Layout,
    known: &[Page<'t>],
    isolates: &[Isolate],
    candidates: &[Candidate],
    encoding: Encoding,
) -> Vec<Page<'t>> {
    // Where objects start follows from the version; pages with a sound header know better.
    let mut starts: Vec<u64> = known.iter().map(|page| page.area_start - page.base).collect();
    starts.push(layout.page.first_object);
    starts.sort_unstable();
    starts.dedup();
    starts.retain(|start| *start < PAGE_SIZE);
    let largest_heap = isolates.first().map_or(u64::MAX, |isolate| isolate.heap);
    let objects = Objects { memory, layout };
    let mut found: Vec<Page<'t>> = Vec::new();
    for candidate in candidates {
        let base = candidate.base;
        if found.last().is_some_and(|page| base < page.end()) || base >= ADDRESS_LIMIT {
            continue;
        }
        // The roots of an isolate are a table of maps, which may well lie where a page could begin.
        if isolates.iter().any(|isolate| (isolate.address..isolate.heap).contains(&base)) {
            continue;
        }
        let own = candidate.header.map(|header| header.area_start - base);
        let Some((start, end)) =
            own.iter().chain(&starts).find_map(|start| Some((*start, objects.extent(base, base + start)?)))
        else {
            continue;
        };
        // Flags are in the page itself, but worth something only if the rest of the header is.
        let flags = match (candidate.header, layout.page.header) {
            (Some(header), _) => header.flags,
            (None, HeaderPlace::Metadata { .. }) => {
                memory.read_u64(Address(base + layout.page.flags)).unwrap_or(0)
            }
            (None, HeaderPlace::InPage) => 0,
        };
        let read_only = flags & layout.read_only_page != 0;
        let heap = match candidate.header {
            Some(header) => header.heap,
            None if read_only => 0,
            None => largest_heap,
        };
        let end = candidate.header.map_or(end, |header| header.area_end);
        // Whoever has a sound header begins there.
        let next = known.partition_point(|page| page.base <= base);
        let end = known.get(next).map_or(end, |next| end.min(next.base));
        let Some(size) = (end - base).checked_next_multiple_of(0x1000) else { continue };
        if end <= base + start {
            continue;
        }
        found.push(Page {
            base,
            size,
            area_start: base + start,
            area_end: end,
            heap,
            owner: 0,
            handle: candidate.header.map_or(base, |header| header.handle),
            next: 0,
            previous: 0,
            encoding,
            space: None,
            large: size > PAGE_SIZE || flags & layout.large_page != 0,
            odd_flags: false,
            to_space: heap != 0 && flags & layout.to_page != 0,
            state: if heap != 0 && flags & layout.from_page != 0 {
                PageState::Stale
            } else {
                PageState::InUse
            },
            salvaged: true,
            pieces: pieces(memory, layout, base + start, end),
            guarded: guarded(memory, base + start, end),
            unused: Vec::new(),
        });
    }
    found
}

/// How far an object reaches.
#[derive(Clone, Copy, Debug)]
enum Size {
    Bytes(u64),
    /// To the next object, for all that is known here.
    Unknown,
}

/// Recognises objects without knowing any page.
struct Objects<'a> {
    memory: &'a dyn Memory,
    layout: &'a Layout,
}

impl Objects<'_> {
    /// Where the objects of a unit end, if there are objects from `first` on and hardly anything else.
    fn extent(&self, base: u64, first: u64) -> Option<u64> {
        let unit_end = base.checked_add(PAGE_SIZE)?;
        let step = self.layout.fields.words.tagged;
        let (mut in_objects, mut in_none, mut in_a_row) = (0, 0, 0);
        // Inside an object whose size is not computed here.
        let mut unknown = false;
        let mut at = first;
        while at < unit_end {
            // What the core lacks tells nothing.
            let Some(word) = first_word(self.memory, self.layout, at) else { break };
            let size = self.size(at, word);
            if at == first
                && let Some(Size::Bytes(size)) = size
                && let Some(end) = at.checked_add(size).filter(|end| *end > unit_end)
            {
                // A large object has a page of its own.
                let is_one = end <= ADDRESS_LIMIT && self.is_mapped(at, end) && self.holds_values(at, word);
                return is_one.then_some(end);
            }
            match size {
                Some(Size::Bytes(size)) if size <= unit_end - at => {
                    in_objects += size;
                    in_a_row += 1;
                    at += size;
                    unknown = false;
                }
                Some(Size::Unknown) => {
                    in_a_row += 1;
                    at += step;
                    unknown = true;
                }
                _ => {
                    let is_zero = word == Tagged::default();
                    if in_a_row == 0 || (in_a_row < ENOUGH && !is_zero && !unknown) {
                        return None;
                    }
                    in_none += if is_zero || unknown { 0 } else { step };
                    at += step;
                }
            }
        }
        // One object alone is believed if it is so large that it has a page of its own.
        let enough = in_a_row >= ENOUGH
            || (in_a_row > 0 && in_objects >= PAGE_SIZE / 4)
            || (in_a_row > 1 && in_none == 0);
        (enough && in_objects * (4 - QUARTERS) >= in_none * QUARTERS).then_some(unit_end)
    }

    /// Whether the first elements of a large array are values: memory that was given back may have the address of a map anywhere.
    fn holds_values(&self, at: u64, map_word: Tagged) -> bool {
        const LOOKED_AT: u64 = 32;
        /// What a weak word led to is gone (V8: `kClearedWeakHeapObjectLower32`).
        const CLEARED: u32 = 3;
        let granule = self.layout.fields.words.tagged;
        let map = map_word.strong().and_then(|map| instance_type(self.memory, self.layout, map));
        let Some(info) = map.and_then(|of| self.layout.type_info(of)) else { return false };
        let formula = info
            .variable_size
            .filter(|_| matches!(info.kind, Kind::FixedArray | Kind::PropertyArray | Kind::DescriptorArray));
        // Bytes may be anything.
        let Some(formula) = formula else { return true };
        let first = at.saturating_add(u64::from(formula.base));
        (0..LOOKED_AT).all(|index| {
            let word = first_word(self.memory, self.layout, first.saturating_add(granule * index));
            word.is_none_or(|word| {
                word.smi().is_some()
                    || word.0 as u32 == CLEARED
                    || word.object().is_some_and(|target| self.is_mapped(target, target + granule))
            })
        })
    }

    /// Whether all of `[start, end)` was part of the process.
    fn is_mapped(&self, start: u64, end: u64) -> bool {
        super::is_mapped(self.memory, start, end)
    }

    /// Size of the object at `at`, whose first word is `map_word`.
    fn size(&self, at: u64, map_word: Tagged) -> Option<Size> {
        let fields = &self.layout.fields;
        let granule = fields.words.tagged;
        let map = map_word.strong().filter(|map| map.is_multiple_of(granule))?;
        let tagged = |address: u64| first_word(self.memory, self.layout, address);
        if !is_map(self.memory, self.layout, Tagged::pointer(map)) {
            return None;
        }
        let info = self.layout.type_info(instance_type(self.memory, self.layout, map)?)?;
        // V8's collector keeps lists of maps, sizes and addresses in native memory, which fit each other like objects.
        if info.kind.is_js_object() {
            let properties = tagged(at.checked_add(fields.properties)?)?;
            if properties.smi().is_none() && properties.strong().is_none() {
                return None;
            }
        }
        let words = self.memory.read_u32(Address(map.checked_add(fields.map_instance_size)?)).ok()? & 0xff;
        if words != 0 {
            return Some(Size::Bytes(granule * u64::from(words)));
        }
        let formula = info.variable_size?;
        if formula.special.is_some() {
            return Some(Size::Unknown);
        }
        let count = self.memory.read_u32(Address(at.checked_add(u64::from(formula.offset))?)).ok()?;
        Some(formula.apply(count, granule)).filter(|size| *size >= granule).map(Size::Bytes)
    }
}

/// Units of anonymous memory that `range` holds in the core.
pub(super) fn may_hold_pages(range: &core_reader::MemoryRange) -> bool {
    range.contents == Contents::Dumped && range.file.is_none()
}
