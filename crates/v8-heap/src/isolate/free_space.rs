//! In what unit free blocks tell their size: put to the vote.
//!
//! A free block between objects is an object too, `FreeSpace`, which holds its own size. Up to V8 13.6.233.10 that is a count
//! of bytes, later a count of words: the change came in the middle of a release line, so no table by version can have it.
//! But in a heap one of the two is right for all of its free blocks: behind a block there is an object, or the end of the
//! objects of its page.

use core_reader::Memory;
use memchr::memmem;

use super::locate::{is_object, read_only_maps};
use super::page::{Page, PageState};
use crate::Tagged;
use crate::layout::{FreeSpaceUnit, FreeSpaceVote, Kind, Layout};

/// Blocks that tell: so many that no accident decides.
const ENOUGH_BLOCKS: u32 = 256;
/// Of one page no more are asked, as the objects of a page are often all of one size.
const OF_A_PAGE: u32 = 32;
/// Pages looked through for them.
const MOST_PAGES: usize = 128;

/// Asks the free blocks of these pages.
pub(super) fn vote(memory: &dyn Memory, layout: &Layout, pages: &[Page<'_>]) -> FreeSpaceVote {
    let word = layout.fields.words.tagged as usize;
    let maps: Vec<[u8; 8]> = read_only_maps(memory, layout, pages, Kind::FreeSpace)
        .into_iter()
        .map(|map| Tagged::pointer(map).0.to_le_bytes())
        .collect();
    let mut vote = FreeSpaceVote::default();
    if maps.is_empty() {
        return vote;
    }
    // The young generation has no free blocks but those that older objects have left in its unused pages.
    let is_asked = |page: &&Page<'_>| !page.is_read_only() && !page.large && !page.to_space;
    let in_use = pages.iter().filter(is_asked).filter(|page| page.state == PageState::InUse);
    for page in in_use.take(MOST_PAGES) {
        let before = vote.bytes + vote.words;
        'page: for piece in &page.pieces {
            let found = maps.iter().flat_map(|map| memmem::find_iter(piece.bytes, &map[..word]));
            for at in found.filter(|at| at.is_multiple_of(word)) {
                let Some(size) = page.encoding.first(&piece.bytes[at + word..]) else { continue };
                let Some(size) = size.smi().and_then(|size| u64::try_from(size).ok()) else {
                    continue;
                };
                let address = piece.start + at as u64;
                let fits = |unit: FreeSpaceUnit| {
                    let Some(end) = address.checked_add(size * unit.bytes(layout.fields.words)) else {
                        return false;
                    };
                    size > 0
                        && end.is_multiple_of(word as u64)
                        && (end == page.area_end
                            || (end < page.area_end
                                && (page.unused.iter().any(|(start, _)| *start == end)
                                    || is_object(memory, layout, end))))
                };
                match (fits(FreeSpaceUnit::Bytes), fits(FreeSpaceUnit::Words)) {
                    (true, false) => vote.bytes += 1,
                    (false, true) => vote.words += 1,
                    (true, true) => vote.both += 1,
                    (false, false) => vote.neither += 1,
                }
                let told = vote.bytes + vote.words;
                if told >= ENOUGH_BLOCKS {
                    return vote;
                }
                if told >= before + OF_A_PAGE {
                    break 'page;
                }
            }
        }
    }
    vote
}
