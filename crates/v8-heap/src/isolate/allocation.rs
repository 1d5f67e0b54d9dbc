//! Where pages hold no objects: open allocation areas and the unused part of the young generation.
//!
//! Each space allocates by moving `top` through a stretch of one page up to `limit` (V8: `LinearAllocationArea`, three
//! words `start`, `top`, `limit`). What lies between `top` and `limit` is whatever was there before. The areas of the
//! young and the old space are in the `Isolate`, others in their space objects, and those of background threads in their
//! `LocalHeap`s; all of them are found by their form: three ordered addresses in one page.
//!
//! The young generation is a list of pages of which a prefix is in use (V8: `SemiSpace`, fields `first_page`,
//! `last_page`, ..., `current_page_`). Pages behind the current one, and the current one behind `top`, hold stale copies.

use std::cmp::Reverse;
use std::collections::HashMap;

use core_reader::{Address, Memory};

use crate::layout::Layout;

use super::{HEAP_REACH, PageState, Spaces, readable_words};
/// How far around a space object its allocation area can be, in bytes.
const SPACE_OBJECT_REACH: u64 = 0x400;
/// Size of a `LocalHeap` with its allocators, and of the part of it that links to others, in bytes.
const LOCAL_HEAP_REACH: u64 = 0x1000;
const LOCAL_HEAP_LINKS: u64 = 0x100;
/// Size of an allocator of a `LocalHeap`, in bytes.
const ALLOCATOR_SIZE: u64 = 0x40;
/// Words of an allocation area.
const WORDS_OF_AN_AREA: usize = 3;
/// Words of an allocation area with its copies: start, top, limit, and top and limit from when it was opened.
const MOST_WORDS_OF_AN_AREA: usize = 6;
/// More of them are taken for damage.
const MOST_LOCAL_HEAPS: usize = 1024;
/// Size of the head of a `SemiSpace` that refers to its pages, in bytes.
const SEMISPACE_HEAD: u64 = 0x200;

/// An open allocation area: `[start, top)` holds objects, `[top, limit)` does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Area {
    start: u64,
    top: u64,
    limit: u64,
}

/// The pages of an active semispace that are in use: all but the current one, the last, are full.
struct SemiSpace {
    owner: u64,
    in_use: Vec<usize>,
}

/// Notes in every page where it holds no objects.
pub(super) fn mark_unused(memory: &dyn Memory, layout: &Layout, spaces: &mut Spaces<'_>) {
    spaces.bookkeeping = bookkeeping(memory, spaces);
    let semispaces = active_semispaces(memory, spaces);
    let known = match layout.page.areas_have_start {
        true => allocation_areas(memory, spaces),
        false => areas_without_start(memory, spaces),
    };
    for (&index, areas) in &known {
        let page = &mut spaces.pages[index];
        if page.to_space {
            // Beside one in the current page, an area in a full page is one of the past, which says nothing of what the page holds now.
            let of_page = semispaces.iter().find(|semispace| semispace.owner == page.owner);
            let current = of_page.and_then(|semispace| semispace.in_use.last());
            if current.is_some_and(|current| *current != index && known.contains_key(current)) {
                continue;
            }
            // Behind the one area of the young generation its page has never been used.
            if let Some(top) = areas.iter().map(|area| area.top).max().filter(|top| *top < page.area_end) {
                page.unused.push((top, page.area_end));
            }
            continue;
        }
        page.unused
            .extend(areas.iter().filter(|area| area.top < area.limit).map(|area| (area.top, area.limit)));
        page.unused.sort_unstable();
    }
    for SemiSpace { owner, in_use } in semispaces {
        for (index, page) in spaces.pages.iter_mut().enumerate() {
            if page.owner == owner && page.to_space && !page.large && !in_use.contains(&index) {
                page.state = PageState::Stale;
            }
        }
    }
}

/// Memory that can hold allocation areas: isolates, the surroundings of space objects, and the `LocalHeap`s through which
/// threads allocate, those of background compilers among them.
fn bookkeeping(memory: &dyn Memory, spaces: &Spaces<'_>) -> Vec<(u64, u64)> {
    let mut windows = Vec::new();
    for isolate in &spaces.isolates {
        windows.push((isolate.address, isolate.end()));
        for object in owned_by_heap(memory, spaces, isolate.heap) {
            windows.push((object, object.saturating_add(LOCAL_HEAP_REACH)));
            windows.extend(allocators_of(memory, spaces, object));
        }
    }
    let mut owners: Vec<u64> =
        spaces.pages.iter().filter(|page| page.owner != 0).map(|page| page.owner).collect();
    owners.sort_unstable();
    owners.dedup();
    windows.extend(
        owners.iter().map(|owner| {
            (owner.saturating_sub(SPACE_OBJECT_REACH), owner.saturating_add(SPACE_OBJECT_REACH))
        }),
    );
    windows
}

/// Objects whose first word is the address of the heap, found from the heap and from one another. `IsolateSafepoint` is
/// one, which heads the list of `LocalHeap`s, which are such objects too (V8: `src/heap/safepoint.h`, `local-heap.h`).
pub(super) fn owned_by_heap(memory: &dyn Memory, spaces: &Spaces<'_>, heap: u64) -> Vec<u64> {
    let mut found: Vec<u64> = Vec::new();
    let mut windows = vec![(heap, heap.saturating_add(HEAP_REACH))];
    while let Some((start, end)) = windows.pop() {
        for (_, word) in readable_words(memory, start, end) {
            let is_new = word != heap
                && word.is_multiple_of(8)
                && spaces.directory.find(word).is_none()
                && memory.read_u64(Address(word)) == Ok(heap)
                && !found.contains(&word);
            if is_new && found.len() < MOST_LOCAL_HEAPS {
                found.push(word);
                windows.push((word, word.saturating_add(LOCAL_HEAP_LINKS)));
            }
        }
    }
    found
}

/// Allocators that a `LocalHeap` keeps outside itself: their first word is its address (V8 11: `ConcurrentAllocator`, fields
/// `local_heap_`, `space_`, `lab_`).
fn allocators_of(memory: &dyn Memory, spaces: &Spaces<'_>, local_heap: u64) -> Vec<(u64, u64)> {
    readable_words(memory, local_heap, local_heap.saturating_add(LOCAL_HEAP_LINKS))
        .into_iter()
        .map(|(_, word)| word)
        .filter(|word| {
            *word != local_heap
                && word.is_multiple_of(8)
                && spaces.directory.find(*word).is_none()
                && memory.read_u64(Address(*word)) == Ok(local_heap)
        })
        .map(|allocator| (allocator, allocator.saturating_add(ALLOCATOR_SIZE)))
        .collect()
}

/// The open allocation areas of each page that has any, by page index.
fn allocation_areas(memory: &dyn Memory, spaces: &Spaces<'_>) -> HashMap<usize, Vec<Area>> {
    let mut areas: HashMap<usize, Vec<Area>> = HashMap::new();
    for &(start, end) in &spaces.bookkeeping {
        // A list may begin in front of this memory, or go on behind it.
        let around = 8 * MOST_WORDS_OF_AN_AREA as u64;
        let words = readable_words(memory, start.saturating_sub(around).max(8), end.saturating_add(around));
        let in_lists = in_lists_of_addresses(spaces, &words);
        for (at, triple) in words.windows(3).enumerate() {
            if in_lists[at] || triple[0].0 < start || triple[2].0 >= end {
                continue;
            }
            let [(_, start), (_, top), (_, limit)] = [triple[0], triple[1], triple[2]];
            let ordered = start <= top && top <= limit && (start | top | limit).is_multiple_of(8);
            if !ordered || start == 0 {
                continue;
            }
            let Some(index) = spaces.directory.find(start) else { continue };
            let page = &spaces.pages[index];
            if page.large || start < page.area_start || limit > page.area_end {
                continue;
            }
            let area = Area { start, top, limit };
            let known = areas.entry(index).or_default();
            // V8 keeps copies of an area from when it was opened: the one that has moved on is right. And it keeps the
            // limit twice, so that `top, limit, limit` looks like an area too, which starts further on.
            match known.iter_mut().find(|other| other.start < area.limit && area.start < other.limit) {
                Some(other) if (Reverse(area.start), area.top) > (Reverse(other.start), other.top) => {
                    *other = area
                }
                Some(_) => {}
                None => known.push(area),
            }
        }
    }
    areas
}

/// The same where an area is top and limit only (V8 up to 8): of several that overlap or touch the one with the highest top counts, as
/// beside an area stands what it was when it was opened (`original_top_`, `original_limit_`).
fn areas_without_start(memory: &dyn Memory, spaces: &Spaces<'_>) -> HashMap<usize, Vec<Area>> {
    let mut areas: HashMap<usize, Vec<Area>> = HashMap::new();
    for &(start, end) in &spaces.bookkeeping {
        let words = readable_words(memory, start, end);
        let in_lists = in_lists_of_addresses(spaces, &words);
        for (at, pair) in words.windows(2).enumerate() {
            let [(first, top), (second, limit)] = [pair[0], pair[1]];
            if in_lists[at] || second != first + 8 || top > limit || !(top | limit).is_multiple_of(8) {
                continue;
            }
            let Some(index) = spaces.directory.find(top) else { continue };
            let page = &spaces.pages[index];
            if page.large || top < page.area_start || limit > page.area_end {
                continue;
            }
            let area = Area { start: top, top, limit };
            let known = areas.entry(index).or_default();
            match known.iter_mut().find(|other| other.top <= area.limit && area.top <= other.limit) {
                Some(other) if area.top > other.top => *other = area,
                Some(_) => {}
                None => known.push(area),
            }
        }
    }
    areas
}

/// Which words belong to a list of addresses in one page, such as V8 9 to 11 keep of the code on a page (`CodeObjectRegistry`): it
/// ascends like an allocation area, but is longer than one with the copies beside it, or ascends beyond the three words of one, which no
/// copy does.
fn in_lists_of_addresses(spaces: &Spaces<'_>, words: &[(u64, u64)]) -> Vec<bool> {
    let mut in_lists = vec![false; words.len()];
    let page = |index: usize| spaces.directory.find(words[index].1);
    let mut first = 0;
    while first < words.len() {
        let Some(own) = page(first) else {
            first += 1;
            continue;
        };
        let next_to = |index: usize| words[index].0 == words[index - 1].0 + 8;
        let end = (first + 1..words.len())
            .find(|&index| !next_to(index) || page(index) != Some(own))
            .unwrap_or(words.len());
        if end - first > MOST_WORDS_OF_AN_AREA {
            in_lists[first..end].fill(true);
        }
        let mut ascends_from = first;
        for index in first + 1..=end {
            // What refers to a page refers to its header.
            let is_object = |index: usize| words[index].1 >= spaces.pages[own].area_start;
            if index == end || !is_object(index - 1) || words[index].1 <= words[index - 1].1 {
                if index - ascends_from > WORDS_OF_AN_AREA {
                    in_lists[ascends_from..index].fill(true);
                }
                ascends_from = index;
            }
        }
        first = end;
    }
    in_lists
}

/// The active semispaces whose list of pages leads from the first page to the current one.
fn active_semispaces(memory: &dyn Memory, spaces: &Spaces<'_>) -> Vec<SemiSpace> {
    let by_handle: HashMap<u64, usize> =
        spaces.pages.iter().enumerate().map(|(index, page)| (page.handle, index)).collect();
    let mut owners: Vec<u64> = spaces
        .pages
        .iter()
        .filter(|page| page.to_space && !page.large && page.owner != 0)
        .map(|page| page.owner)
        .collect();
    owners.sort_unstable();
    owners.dedup();
    let active = owners.into_iter().filter_map(|owner| {
        let references: Vec<usize> = readable_words(memory, owner, owner.saturating_add(SEMISPACE_HEAD))
            .into_iter()
            .filter_map(|(_, word)| by_handle.get(&word).copied())
            .filter(|&index| spaces.pages[index].owner == owner)
            .collect();
        let (&first, &current) = (references.first()?, references.last()?);
        let mut in_use = vec![first];
        while let Some(&last) = in_use.last().filter(|last| **last != current) {
            if in_use.len() > spaces.pages.len() {
                break;
            }
            let Some(&next) = by_handle.get(&spaces.pages[last].next) else { break };
            in_use.push(next);
        }
        // A list that does not lead to the current page tells nothing.
        (in_use.last() == Some(&current)).then_some(SemiSpace { owner, in_use })
    });
    active.collect()
}
