//! Pieces of an allocator that counts what it gives out, and writes in front of each piece how much that is.
//!
//! Node.js gives such an allocator to libraries of protocols, one for each connection (`NgLibMemoryManager` in `src/node_mem-inl.h`). A
//! piece that has been handed on is counted no longer, and has 0 there; of those it is known that they say next whose allocator they
//! are of (`nghttp2_rcbuf` in nghttp2's `lib/nghttp2_rcbuf.h`).
//!
//! ```text
//!   block   | bytes, with this word | what was asked for ...      | not asked for |
//!           | 0                     | address of the owner, ...   |
//!                                   ^
//!                                   '-- words of the owner, and of other pieces
//! ```
//!
//! Two words that are the borders of a piece say that it is room for text (`nghttp2_buf`). Nobody clears that, so its words lead nowhere.
//! A table that has not been filled may have words of who had its memory before: what they lead to is left out if it says, or leads to what
//! says, that it is another owner's.

use std::collections::{HashMap, HashSet};

use super::Malloc;
use super::blocks::{Block, BlockId};
use super::words::Words;
use crate::Core;

/// What is in front of a piece, in bytes: the word, or in later versions that and one more, so that a piece is aligned as blocks are.
const FRONTS: [u64; 2] = [8, 16];
const WORD: u64 = 8;
/// A block is no larger than what was asked for by more, in bytes: by less than a smallest chunk that was not worth to be split off, and
/// what rounding takes.
const MOST_SPARE: u64 = 48;
/// What a larger piece leads to does not say whose it is: an entry of a table leads to two texts, a table may have any words. In bytes.
const LARGEST_ENTRY: u64 = 128;
/// Blocks that an owner has at most.
const MOST: usize = 1 << 22;

/// A block with a piece of such an allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The block.
    pub block: BlockId,
    /// Bytes that were asked for and still count, with the word in front.
    pub counted: Option<u64>,
}

/// Owners with such allocators, of which one is asked about.
#[derive(Clone, Copy, Debug)]
pub struct CountedOthers<'a> {
    /// Their addresses, with that of the one.
    pub owners: &'a HashSet<u64>,
    /// Blocks that are known to be others'.
    pub taken: &'a HashSet<BlockId>,
}

/// A block that a word leads to as such allocators do.
struct Led {
    block: Block,
    counted: Option<u64>,
    /// What the piece begins with.
    first: u64,
}

impl Malloc {
    /// The pieces that the allocator of an owner, a block, has given out, as far as that leads to them.
    pub fn counted(&self, core: &Core, owner: BlockId, others: &CountedOthers<'_>) -> Vec<Piece> {
        let Some(owner) = self.blocks().get(owner) else { return Vec::new() };
        let bounds = self.bounds();
        let mut words = Words::of(core.memory());
        let is_others = |led: &Led| {
            (led.first != owner.start.0 && others.owners.contains(&led.first))
                || others.taken.contains(&led.block.id)
        };
        // Each with how much of it is read.
        let mut waiting = vec![(owner, owner.bytes, None)];
        let mut found: HashMap<BlockId, Option<u64>> = HashMap::new();
        let mut seen = HashSet::from([owner.id]);
        while let Some((block, bytes, counted)) = waiting.pop() {
            let (mut next, mut is_foreign) = (Vec::new(), false);
            let places = (0..bytes / WORD).map(|index| block.start.0 + WORD * index);
            let own: Vec<u64> = places.map_while(|at| words.word(at)).collect();
            for (index, word) in own.iter().enumerate() {
                let Some(led) = self.led_as_piece(&mut words, *word, owner.start.0, bounds) else { continue };
                if is_others(&led) {
                    is_foreign = true;
                    continue;
                }
                let end = led.block.start.0 + led.counted.unwrap_or(led.block.bytes);
                let is_room = own.get(index + 1) == Some(&end);
                next.push((led, is_room));
            }
            if block.id != owner.id {
                if is_foreign && bytes <= LARGEST_ENTRY {
                    continue;
                }
                found.insert(block.id, counted);
            }
            for (led, is_room) in next {
                if seen.len() < MOST && seen.insert(led.block.id) {
                    let bytes = if is_room { 0 } else { led.counted.unwrap_or(led.block.bytes) };
                    waiting.push((led.block, bytes, led.counted));
                }
            }
        }
        let mut found: Vec<Piece> =
            found.into_iter().map(|(block, counted)| Piece { block, counted }).collect();
        found.sort_unstable_by_key(|piece| piece.block);
        found
    }

    fn led_as_piece(&self, words: &mut Words<'_>, word: u64, owner: u64, bounds: (u64, u64)) -> Option<Led> {
        let block = self.blocks().block(self.target(word, bounds)?);
        let before = word.checked_sub(block.start.0).filter(|before| FRONTS.contains(before))?;
        let (front, first) = (words.word(block.start.0)?, words.word(word).unwrap_or_default());
        if front == 0 && first != owner {
            return None;
        }
        let counted = (front != 0).then_some(front);
        let fits = |bytes: u64| {
            bytes > before && block.bytes.checked_sub(bytes).is_some_and(|spare| spare < MOST_SPARE)
        };
        counted.is_none_or(fits).then_some(Led { block, counted, first })
    }
}
