//! V8's table of the metadata of pages, where pages are in a sandbox: what they say themselves is no address, which somebody in
//! the sandbox could change, but a number in this table, which is outside (V8: `IsolateGroup::metadata_pointer_table_`,
//! `src/init/isolate-group.h`; `MemoryChunk::MetadataTableIndex`, `src/heap/memory-chunk.cc`).
//!
//! ```text
//!   page                      table                       metadata
//!   +--------------+          +------------------+        +----------------------------+
//!   | flags        |     i -> | metadata, isolate| -----> | ... size, area, heap, owner|
//!   | number i     |          | metadata, isolate|        +----------------------------+
//!   | objects ...  |          +------------------+
//!   +--------------+
//! ```
//!
//! No symbol leads to it. It is found by what it contains: the number of a page of the cage follows from its address; the metadata
//! of a page holds the address of its first object; and the table is where the addresses of such metadata stand in the order of
//! the numbers.

use std::collections::{HashMap, HashSet};

use core_reader::{Address, Contents, Memory};

use super::{CAGE, PAGE_SIZE};
use crate::layout::{HeaderPlace, Layout};

/// No flag of a page is as high, or higher.
const FLAGS_LIMIT: u64 = 1 << 24;
/// The first object of a page is nearer to its start than this, in bytes.
const FAR: u64 = 0x1000;
/// No more blocks are looked at that may be the metadata of a page, and no more places that refer to one.
const MOST_PLACES: usize = 64;

/// Where the table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MetadataTable {
    base: u64,
    entry: u64,
}

impl MetadataTable {
    /// The table of a process whose pages are numbered; nothing if there is none, or the layout has none.
    pub fn find(memory: &dyn Memory, layout: &Layout) -> Option<MetadataTable> {
        let entry = layout.sandbox.filter(|_| layout.fields.words.sandboxed)?.metadata_entry;
        let HeaderPlace::Metadata { pointer } = layout.page.header else { return None };
        let pages = numbered_pages(memory, layout, pointer);
        if pages.is_empty() {
            return None;
        }
        let mut blocks: HashMap<u64, u32> = HashMap::new();
        let mut seen: HashMap<u64, usize> = HashMap::new();
        each_word_outside(memory, &pages, &mut |at, word| {
            let page = word & !(PAGE_SIZE - 1);
            if word - page < FAR
                && page != 0
                && let Some(number) = pages.get(&page)
                && let Some(block) = at.checked_sub(layout.page.area_start)
                && says_page(memory, layout, block, page)
            {
                let count = seen.entry(page).or_default();
                *count += 1;
                if *count <= MOST_PLACES {
                    blocks.insert(block, *number);
                }
            }
        });
        let (Some(lowest), Some(highest)) = (blocks.keys().min().copied(), blocks.keys().max().copied())
        else {
            return None;
        };
        let mut bases: HashSet<u64> = HashSet::new();
        let mut places: HashMap<u64, usize> = HashMap::new();
        each_word_outside(memory, &pages, &mut |at, word| {
            if (lowest..=highest).contains(&word)
                && let Some(number) = blocks.get(&word)
                && let Some(base) = at.checked_sub(entry * u64::from(*number))
            {
                let count = places.entry(word).or_default();
                *count += 1;
                if *count <= MOST_PLACES {
                    bases.insert(base);
                }
            }
        });
        let knows = |table: &MetadataTable| {
            let is_known = |(page, number): &(&u64, &u32)| {
                table.metadata(memory, **number).is_some_and(|block| says_page(memory, layout, block, **page))
            };
            pages.iter().filter(is_known).count()
        };
        let tables = bases.into_iter().map(|base| MetadataTable { base, entry });
        let (known, table) =
            tables.map(|table| (knows(&table), table)).max_by_key(|(known, table)| (*known, table.base))?;
        (2 * known > pages.len()).then_some(table)
    }

    /// Address of the metadata of the page with this number.
    pub fn metadata(&self, memory: &dyn Memory, number: u32) -> Option<u64> {
        let at = self.base.checked_add(self.entry.checked_mul(u64::from(number))?)?;
        memory.read_u64(Address(at)).ok().filter(|block| *block != 0 && block.is_multiple_of(8))
    }
}

/// The pages of the cage, with their numbers, which say how far from the start of the cage they are.
fn numbered_pages(memory: &dyn Memory, layout: &Layout, number_at: u64) -> HashMap<u64, u32> {
    let mut pages = HashMap::new();
    for range in memory.ranges().iter().filter(|range| range.contents == Contents::Dumped) {
        if !range.permissions.read {
            continue;
        }
        let mut next = range.start.0.checked_next_multiple_of(PAGE_SIZE);
        while let Some(base) = next.filter(|base| *base < range.end.0) {
            next = base.checked_add(PAGE_SIZE);
            let flags = memory.read_u64(Address(base + layout.page.flags)).ok();
            let number = memory.read_u32(Address(base + number_at)).ok();
            if let (Some(flags), Some(number)) = (flags, number)
                && (1..FLAGS_LIMIT).contains(&flags)
                && u64::from(number) == base % CAGE / PAGE_SIZE
            {
                pages.insert(base, number);
            }
        }
    }
    pages
}

/// Whether there is a block that says that it is of this page.
fn says_page(memory: &dyn Memory, layout: &Layout, block: u64, page: u64) -> bool {
    let word = |offset: u64| memory.read_u64(Address(block.checked_add(offset)?)).ok();
    let fields = &layout.page;
    let (Some(size), Some(start), Some(end)) =
        (word(fields.size), word(fields.area_start), word(fields.area_end))
    else {
        return false;
    };
    start >= page
        && start - page < FAR
        && size > 0
        && size.is_multiple_of(0x1000)
        && start < end
        && page.checked_add(size).is_some_and(|last| end <= last)
}

/// Calls `visit` with every word of memory that the process can write to, that holds no code and is in no cage, with its address.
fn each_word_outside(memory: &dyn Memory, pages: &HashMap<u64, u32>, visit: &mut dyn FnMut(u64, u64)) {
    let cages: HashSet<u64> = pages.keys().map(|page| page / CAGE).collect();
    for range in memory.ranges() {
        if range.contents != Contents::Dumped
            || !range.permissions.write
            || range.permissions.execute
            || cages.contains(&(range.start.0 / CAGE))
        {
            continue;
        }
        let Some(start) = range.start.0.checked_next_multiple_of(8) else { continue };
        let Ok(bytes) = memory.bytes_from(Address(start)) else { continue };
        let length = bytes.len().min(range.end.0.saturating_sub(start) as usize);
        for (index, word) in bytes[..length].chunks_exact(8).enumerate() {
            let word = u64::from_le_bytes(word.try_into().expect("chunks of eight"));
            if word != 0 {
                visit(start + 8 * index as u64, word);
            }
        }
    }
}
