//! Global handles: objects that native code holds, or wants to know the end of.
//!
//! ```text
//!   Isolate --> GlobalHandles { isolate_, [is_marking_,] regular_nodes_, ... }
//!                                                             '--> NodeSpace { global_handles_, first_block_, ... }
//!     NodeBlock { 256 nodes, next_, global_handles_, space_, ... }  <-------------------------------'
//!     node { object, class, index, flags, parameter, callback }
//! ```
//!
//! A node is free, strong, or weak; the owner of a weak one is called, with its parameter, when the object has died.
//!
//! Source: V8's `src/handles/global-handles.cc`.

use std::collections::HashSet;

use core_reader::Memory;

use super::root_finder::{read, u64_at, words_of_isolate};
use crate::isolate::Isolate;
use crate::layout::native::global_handles::{FLAGS, INDEX, NODES, PARAMETER, SIZE, STATE, STRONG};

/// No process has more blocks; a list that is longer is damage.
const MOST_BLOCKS: usize = 1 << 16;
/// Bytes of a block behind its nodes.
const LINKS: u64 = 48;

/// Where the global handles of an isolate are.
pub(crate) struct GlobalHandles {
    /// The `GlobalHandles` as far as it is read, and its `NodeSpace`.
    lists: [(u64, u64); 2],
    /// Addresses of `NodeBlock`s.
    blocks: Vec<u64>,
    /// All blocks could be found.
    pub is_complete: bool,
}

/// A handle in use.
#[derive(Clone, Copy)]
pub(crate) struct Node {
    pub at: u64,
    /// The word that holds the object.
    pub object: u64,
    pub is_strong: bool,
    /// What the owner of a weak one is called with.
    pub parameter: u64,
}

impl GlobalHandles {
    /// Those that an isolate leads to.
    pub fn of(
        memory: &dyn Memory,
        isolate: &Isolate,
        may_read: &mut dyn FnMut(u64) -> bool,
    ) -> Vec<GlobalHandles> {
        let mut seen = HashSet::new();
        let leads_back = |word: &u64| {
            *word != 0
                && word.is_multiple_of(8)
                && read::<8>(memory, *word).is_some_and(|first| u64_at(&first, 0) == isolate.address)
        };
        let words = words_of_isolate(memory, isolate).into_iter().map(|(_, word)| word);
        let lists = words.filter(leads_back).filter(|word| seen.insert(*word));
        lists.filter_map(|at| GlobalHandles::at(memory, at, may_read)).collect()
    }

    /// Those whose `GlobalHandles` is at an address, if one is there. Blocks are gone through as long as `may_read` so many bytes.
    pub fn at(memory: &dyn Memory, at: u64, may_read: &mut dyn FnMut(u64) -> bool) -> Option<GlobalHandles> {
        let word = |at: u64| read::<8>(memory, at).map(|bytes| u64_at(&bytes, 0));
        let places = [8, 16].map(|offset| at.saturating_add(offset));
        let (place, space) = places.into_iter().find_map(|place| {
            let space = word(place)?;
            (word(space) == Some(at)).then_some((place, space))
        })?;
        let mut found = GlobalHandles {
            lists: [(at, place.saturating_add(8)), (space, space.saturating_add(LINKS))],
            blocks: Vec::new(),
            is_complete: true,
        };
        let mut block = space.checked_add(8).and_then(word).unwrap_or(0);
        let mut seen = HashSet::new();
        while block != 0 && found.blocks.len() < MOST_BLOCKS && seen.insert(block) && may_read(NODES * SIZE) {
            // The links are in either order.
            let links = read::<24>(memory, block.saturating_add(NODES * SIZE));
            let links: Option<[u64; 3]> =
                links.map(|links| std::array::from_fn(|index| u64_at(&links, 8 * index)));
            let own = links.and_then(|links| links.iter().position(|link| *link == at));
            let (Some(links), Some(own)) = (links, own) else {
                found.is_complete = false;
                break;
            };
            found.blocks.push(block);
            block = if own == 0 { links[2] } else { links[0] };
        }
        Some(found)
    }

    /// The memory that all of it takes.
    pub fn memory(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let blocks = self.blocks.iter().map(|block| (*block, block.saturating_add(NODES * SIZE + LINKS)));
        self.lists.into_iter().chain(blocks)
    }

    /// The handles in use; nothing for one that cannot be read.
    pub fn nodes<'a>(&'a self, memory: &'a dyn Memory) -> impl Iterator<Item = Option<Node>> + 'a {
        let places = self
            .blocks
            .iter()
            .flat_map(|block| (0..NODES).map(move |index| (index, block.saturating_add(SIZE * index))));
        places.filter_map(move |(index, at)| {
            let Some(node) = read::<32>(memory, at) else { return Some(None) };
            let byte = |at: u64| node[at as usize];
            let state = byte(FLAGS) & STATE;
            (u64::from(byte(INDEX)) == index && state >= STRONG).then(|| {
                Some(Node {
                    at,
                    object: u64_at(&node, 0),
                    is_strong: state == STRONG,
                    parameter: u64_at(&node, PARAMETER as usize),
                })
            })
        })
    }
}
