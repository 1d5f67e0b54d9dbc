//! Handles of work that V8 hands to background threads: compilers, above all.
//!
//! A job that waits or runs keeps what it needs by handles of its own (`PersistentHandles`, `src/handles/persistent-handles.h`), all of
//! which are in a list of the isolate; while it runs, a thread has further ones (`LocalHandles`, `src/handles/local-handles.h`). They
//! are recognised by their form: blocks of 1022 words, the last of which ends where the handles say that it does.
//!
//! ```text
//!   Isolate --> PersistentHandlesList { mutex, head }
//!                 --> PersistentHandles { isolate, vector of blocks, next, limit, previous, next } --> ...
//!   Heap --> LocalHeap { heap, ..., handles, persistent handles, ... }
//!              --> LocalHandles { next, limit, levels, vector of blocks }
//! ```

use std::collections::HashSet;

use super::root_finder::{Finder, read, u64_at, words_of};
use super::roots::RootKind;
use crate::isolate::Isolate;

/// Bytes of a block of handles (`kHandleBlockSize`).
pub(super) const HANDLE_BLOCK: u64 = 8 * 1022;
/// More blocks, or jobs, are taken for damage.
const MOST: u64 = 1 << 16;
/// Bytes of a `PersistentHandlesList`: a mutex, and the first of the list.
const LIST: usize = 64;
/// Bytes of a `LocalHeap` in which it points to its handles.
const LOCAL_HEAP_LINKS: u64 = 0x100;

/// Blocks of handles, of which the last is in use up to `next`.
struct Blocks {
    /// Where the addresses of the blocks are.
    begin: u64,
    end: u64,
    next: u64,
}

impl Finder<'_, '_> {
    /// The handles of all jobs of an isolate, and of all threads that work for it.
    pub fn background(&mut self, isolate: &Isolate, words: &[(u64, u64)]) {
        let mut seen = HashSet::new();
        for &(_, word) in words {
            if self.is_outside(word) && seen.insert(word) {
                self.persistent_handles(isolate, word);
            }
        }
        for local_heap in self.view.spaces().owned_by_heap(self.memory, isolate.heap) {
            let links = words_of(self.memory, local_heap, local_heap.saturating_add(LOCAL_HEAP_LINKS)).0;
            for (_, word) in links {
                if self.is_outside(word) && seen.insert(word) {
                    self.local_handles(word);
                }
            }
        }
    }

    fn is_outside(&self, word: u64) -> bool {
        word != 0 && word.is_multiple_of(8) && self.view.spaces().page_index(word).is_none()
    }

    /// `PersistentHandlesList { persistent_handles_mutex_, persistent_handles_head_ }` at `list`, if it is one.
    fn persistent_handles(&mut self, isolate: &Isolate, list: u64) {
        let Some(words) = read::<LIST>(self.memory, list) else { return };
        for at in (0..LIST).step_by(8) {
            let mut job = u64_at(&words, at);
            let mut before = 0;
            for _ in 0..MOST {
                if !self.is_outside(job) {
                    break;
                }
                // isolate_, blocks_ of three words, block_next_, block_limit_, prev_, next_
                let Some(head) = read::<64>(self.memory, job) else { break };
                let field = |index: usize| u64_at(&head, 8 * index);
                if field(0) != isolate.address || field(6) != before {
                    break;
                }
                let Some(blocks) = self.blocks([field(1), field(2), field(3)], field(4), field(5)) else {
                    break;
                };
                self.found.memory.push((job, job.saturating_add(64)));
                if !self.blocks_of_handles(&blocks) {
                    let address = isolate.address;
                    self.found.missing.push(format!("handles of a compiler of the isolate at {address:x}"));
                    break;
                }
                (before, job) = (job, field(7));
            }
        }
    }

    /// `LocalHandles { scope_ { next, limit, level, sealed_level }, blocks_ }` at `at`, if these are some.
    fn local_handles(&mut self, at: u64) {
        let Some(head) = read::<48>(self.memory, at) else { return };
        let field = |index: usize| u64_at(&head, 8 * index);
        let Some(blocks) = self.blocks([field(3), field(4), field(5)], field(0), field(1)) else { return };
        self.found.memory.push((at, at.saturating_add(48)));
        if !self.blocks_of_handles(&blocks) {
            self.found.missing.push("handles of a background thread".to_owned());
        }
    }

    /// The blocks of which a vector tells, if `next` and `limit` are in the last of them.
    fn blocks(&self, [begin, end, capacity]: [u64; 3], next: u64, limit: u64) -> Option<Blocks> {
        let is_vector = begin <= end
            && end <= capacity
            && (begin | end | capacity).is_multiple_of(8)
            && capacity - begin <= 8 * MOST;
        if !is_vector {
            return None;
        }
        let last = if begin == end { 0 } else { self.word(end - 8)? };
        let fits = if last == 0 {
            next == 0 && limit == 0 && begin == end
        } else {
            last.checked_add(HANDLE_BLOCK) == Some(limit)
                && (last..=limit).contains(&next)
                && next.is_multiple_of(8)
        };
        fits.then_some(Blocks { begin, end, next })
    }

    /// Adds the handles in use; says whether all of them could be read.
    fn blocks_of_handles(&mut self, blocks: &Blocks) -> bool {
        if !self.may_read(blocks.end - blocks.begin) {
            return false;
        }
        let (addresses, complete) = words_of(self.memory, blocks.begin, blocks.end);
        self.found.memory.push((blocks.begin, blocks.end));
        for (at, block) in addresses {
            let full = block.saturating_add(HANDLE_BLOCK);
            let end = if at + 8 == blocks.end { blocks.next } else { full };
            if !self.add_range(RootKind::Job, block, end) {
                return false;
            }
            // Behind the last handle are those of scopes that were left: no roots.
            self.found.memory.push((end, full));
        }
        complete
    }
}
