//! Where pages hold no objects: open allocation areas and the unused part of the young generation.
//!
//! Each space allocates by moving `top` through a stretch of one page up to `limit` (V8: `LinearAllocationArea`, three
//! words `start`, `top`, `limit`). What lies between `top` and `limit` is whatever was there before. The areas of the
//! young and the old space are in the `Isolate`, the others in their space objects; all of them are found by their
//! form: three ordered addresses in one page.
//!
//! The young generation is a list of pages of which a prefix is in use (V8: `SemiSpace`, fields `first_page`,
//! `last_page`, ..., `current_page_`). Pages behind the current one, and the current one behind `top`, hold stale copies.

use std::collections::HashMap;

use core_reader::Memory;

use super::{PageState, Spaces, readable_words};
use crate::layout::Layout;

/// How far around a space object its allocation area can be, in bytes.
pub(crate) const SPACE_OBJECT_REACH: u64 = 0x400;
/// How far behind the `Heap` the isolate still has allocation areas, in bytes.
pub(crate) const HEAP_REACH: u64 = 0x2000;
/// Size of the head of a `SemiSpace` that refers to its pages, in bytes.
const SEMISPACE_HEAD: u64 = 0x200;

/// Notes in every page where it holds no objects.
pub(super) fn mark_unused(memory: &dyn Memory, layout: &Layout, spaces: &mut Spaces<'_>) {
    let areas = allocation_areas(memory, layout, spaces);
    for (&page, &(top, limit)) in &areas {
        let page = &mut spaces.pages[page];
        let limit = if page.to_space { page.area_end } else { limit };
        if top < limit {
            page.unused.push((top, limit));
        }
    }
    retire_unused_semispace_pages(memory, spaces);
}

/// The open allocation area of each page that has one: `(top, limit)` by page index.
fn allocation_areas(memory: &dyn Memory, layout: &Layout, spaces: &Spaces<'_>) -> HashMap<usize, (u64, u64)> {
    let mut windows: Vec<(u64, u64)> = spaces
        .isolates
        .iter()
        .map(|isolate| {
            (isolate.heap.saturating_sub(layout.heap_in_isolate), isolate.heap.saturating_add(HEAP_REACH))
        })
        .collect();
    let mut owners: Vec<u64> =
        spaces.pages.iter().filter(|page| page.owner != 0).map(|page| page.owner).collect();
    owners.sort_unstable();
    owners.dedup();
    windows.extend(
        owners.iter().map(|owner| {
            (owner.saturating_sub(SPACE_OBJECT_REACH), owner.saturating_add(SPACE_OBJECT_REACH))
        }),
    );
    let mut areas: HashMap<usize, (u64, u64)> = HashMap::new();
    for (start, end) in windows {
        let words = readable_words(memory, start, end);
        for triple in words.windows(3) {
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
            let known = areas.entry(index).or_insert((top, limit));
            if top > known.0 {
                *known = (top, limit);
            }
        }
    }
    areas
}

/// Marks the pages of each active semispace that come after its current page.
fn retire_unused_semispace_pages(memory: &dyn Memory, spaces: &mut Spaces<'_>) {
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
    for owner in owners {
        let references: Vec<usize> = readable_words(memory, owner, owner.saturating_add(SEMISPACE_HEAD))
            .into_iter()
            .filter_map(|(_, word)| by_handle.get(&word).copied())
            .filter(|&index| spaces.pages[index].owner == owner)
            .collect();
        let (Some(&first), Some(&current)) = (references.first(), references.last()) else { continue };
        let mut in_use = vec![first];
        while let Some(&last) = in_use.last() {
            if last == current || in_use.len() > spaces.pages.len() {
                break;
            }
            match by_handle.get(&spaces.pages[last].next) {
                Some(&next) => in_use.push(next),
                None => break,
            }
        }
        // A list that does not lead to the current page tells nothing.
        if in_use.last() != Some(&current) {
            continue;
        }
        for (index, page) in spaces.pages.iter_mut().enumerate() {
            if page.owner == owner && page.to_space && !page.large && !in_use.contains(&index) {
                page.state = PageState::Stale;
            }
        }
    }
}
