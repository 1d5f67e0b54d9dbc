//! Pages that are no longer the heap's although their headers are intact.
//!
//! After a compacting collection the pages that were emptied stay mapped until a background task frees them; so do pages of a
//! semispace that has shrunk. Their objects are copies that V8 left behind, and the first word of each is the address it went
//! to. V8 marks such pages with bits that differ from version to version. What does not differ: it has taken them out
//! of the list of pages of their space (V8: `heap::List` of `src/heap/list.h`, `MemoryAllocator::UnregisterChunk`).
//!
//! ```text
//!   Space { ..., memory_chunk_list_ { front, back } } --> page <--> page <--> page        a page without neighbours that
//!                                                                                         the space does not know either
//! ```
//!
//! What the core lacks proves nothing: a page counts as left only if all that could tell of it can be read.

use std::collections::HashMap;

use core_reader::{Address, Memory};

use super::page::{Page, PageState};
use super::readable_words;

/// A space object, with its list of pages, is not larger, in bytes.
const SPACE_OBJECT: u64 = 0x400;

/// The links of a page are in this part of its header, in bytes (at 248 to 264 in V8 11.3 to 14.6).
const LINKS: std::ops::Range<u64> = 0x40..0x200;
/// Pages asked where the links are.
const ENOUGH_PAGES: usize = 256;

/// Finds out where page headers keep their links (`heap::ListNode { next_, prev_ }`), and notes in every page what its own are.
/// That is where most pages have a neighbour of the same space whose links lead back. Without any two neighbours nothing
/// is noted.
pub(super) fn link(memory: &dyn Memory, pages: &mut [Page<'_>]) {
    let owners: HashMap<u64, u64> =
        pages.iter().filter(|page| page.owner != 0).map(|page| (page.handle, page.owner)).collect();
    let word = |handle: u64, offset: u64| memory.read_u64(Address(handle.checked_add(offset)?)).ok();
    let asked: Vec<(u64, u64)> = pages
        .iter()
        .filter(|page| page.owner != 0)
        .map(|page| (page.handle, page.owner))
        .take(ENOUGH_PAGES)
        .collect();
    let neighbours = |offset: u64| {
        let leads_back = |&&(handle, owner): &&(u64, u64)| {
            let next =
                word(handle, offset).filter(|next| *next != handle && owners.get(next) == Some(&owner));
            next.is_some_and(|next| word(next, offset + 8) == Some(handle))
        };
        asked.iter().filter(leads_back).count()
    };
    let offsets = LINKS.step_by(8).map(|offset| (neighbours(offset), offset));
    let Some((_, offset)) = offsets
        .filter(|(count, _)| *count > 0)
        .max_by_key(|(count, offset)| (*count, std::cmp::Reverse(*offset)))
    else {
        return;
    };
    for page in pages.iter_mut().filter(|page| page.owner != 0) {
        page.next = word(page.handle, offset).unwrap_or(0);
        page.previous = word(page.handle, offset + 8).unwrap_or(0);
    }
}

/// Marks the pages that are in no list of their space.
pub(super) fn mark_left_pages(memory: &dyn Memory, pages: &mut [Page<'_>]) {
    let by_handle: HashMap<u64, usize> =
        pages.iter().enumerate().map(|(index, page)| (page.handle, index)).collect();
    if pages.iter().all(|page| page.next == 0 && page.previous == 0) {
        return;
    }
    let mut known_to: HashMap<u64, Option<Vec<u64>>> = HashMap::new();
    let left: Vec<usize> = (0..pages.len())
        .filter(|&index| {
            let page = &pages[index];
            if page.owner == 0 || page.state != PageState::InUse {
                return false;
            }
            let may_be_linked =
                [page.next, page.previous].into_iter().any(|link| match by_handle.get(&link) {
                    Some(&other) => other != index && pages[other].owner == page.owner,
                    // A neighbour that the core lacks.
                    None => link != 0 && link.is_multiple_of(8) && memory.read_u64(Address(link)).is_err(),
                });
            if may_be_linked {
                return false;
            }
            let owner = page.owner;
            let known = known_to.entry(owner).or_insert_with(|| {
                let end = owner.saturating_add(SPACE_OBJECT);
                let words = readable_words(memory, owner, end);
                (words.len() as u64 * 8 == end - owner)
                    .then(|| words.into_iter().map(|(_, word)| word).collect())
            });
            known.as_ref().is_some_and(|words| !words.contains(&page.handle))
        })
        .collect();
    for index in left {
        pages[index].state = PageState::Left;
    }
}
