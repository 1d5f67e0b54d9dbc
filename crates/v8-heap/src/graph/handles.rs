//! Roots that V8 lists, decoded from the blocks of its own memory in which it does.
//!
//! V8 goes through them in `Heap::IterateRoots` (`src/heap/heap.cc`). Few are at offsets that have to be known; the others
//! are reached from the `Isolate` and recognised by their form, which is hard to mistake: objects that point back to the
//! isolate, vectors that hold nothing but tagged words.
//!
//! ```text
//!   Isolate --> roots table, its own tagged fields, startup object cache
//!           --> GlobalHandles --> NodeSpace --> blocks of 256 nodes       strong ones only
//!           --> EternalHandles --> blocks of 256 words
//!           --> TracedHandles --> blocks of nodes                   none (see `cpp_objects`)
//!           --> HandleScopeImplementer --> blocks of handles, saved contexts
//!           --> handles of background threads (see `background_handles`)
//!           --> CompilationCache; strong roots of compilers and deserializers
//!   NativeContext --> MicrotaskQueue --> ring of tasks
//! ```
//!
//! The string table and the table of external strings are weak, global handles may be. None of these are roots.

use std::collections::HashSet;
use std::ops::Range;

use super::background_handles::HANDLE_BLOCK;
use super::global_handles::GlobalHandles;
use super::root_finder::{Finder, read, u64_at, words_of, words_of_isolate};
use super::roots::RootKind;
use crate::index::{MapSet, ObjectId};
use crate::isolate::Isolate;
use crate::layout::native::microtask_queue;
use crate::layout::{Kind, StringShape};

/// Words of a block of eternal handles.
const ETERNAL_BLOCK: u64 = 256;
/// No list of roots is longer; a longer one is damage.
const MOST_ENTRIES: u64 = 1 << 22;
const MOST_BLOCKS: usize = 1 << 16;

impl Finder<'_, '_> {
    /// The words of an isolate, as far as the core has them, with their addresses.
    pub fn isolate_words(&self, isolate: &Isolate) -> Vec<(u64, u64)> {
        words_of_isolate(self.memory, isolate)
    }

    /// The roots of an isolate.
    pub fn isolate(&mut self, isolate: &Isolate) {
        let start = isolate.address;
        let end = isolate.end();
        let words = self.isolate_words(isolate);
        let complete = words.last().is_some_and(|(at, _)| *at + 8 >= end);
        let table = &isolate.roots_table;
        self.found.memory.push((start, words.last().map_or(start, |(at, _)| *at + 8)));
        if !complete {
            self.found.missing.push(format!("a part of the isolate at {start:x}"));
        }
        for &(at, word) in &words {
            let kind = if table.contains(&at) { RootKind::RootsTable } else { RootKind::Isolate };
            // Lists of the heap whose members do not live for being on it.
            let is_weak_list = at >= isolate.heap
                && self.target(word).is_some_and(|target| {
                    let map = self.table.map_of(ObjectId(target)).map(|map| self.view.map(map));
                    map.is_some_and(|map| {
                        map.kind == Kind::NativeContext
                            || matches!(
                                self.view.layout().type_name(map.instance_type),
                                "AllocationSite" | "JSFinalizationRegistry"
                            )
                    })
                });
            if !is_weak_list {
                self.add(kind, at, word);
            }
        }
        let mut has_handles = false;
        let mut global_handles_at = None;
        let mut seen = HashSet::new();
        for (index, &(at, word)) in words.iter().enumerate() {
            if word == 0 || !word.is_multiple_of(8) || self.view.spaces().page_index(word).is_some() {
                continue;
            }
            // A vector is three words, and the first of them is the address of one.
            if let Some(&[(_, begin), (_, finish), (_, limit)]) =
                words.get(index..index + 3).and_then(|words| words.first_chunk())
                && !table.contains(&at)
            {
                self.vector(begin, finish, limit);
            }
            if !seen.insert(word) {
                continue;
            }
            match self.word(word) {
                Some(first) if first == start => {
                    if self.global_handles(word) {
                        has_handles = true;
                        global_handles_at.get_or_insert(at);
                    }
                    self.handle_scopes(start, word, &words);
                    self.compilation_cache(start, word);
                }
                // A text that says what the roots are for.
                Some(label) if at >= isolate.heap => self.strong_roots(word, label),
                _ => {}
            }
        }
        self.background(isolate, &words);
        if !has_handles {
            self.found.missing.push(format!("the global handles of the isolate at {start:x}"));
        }
        match self.eternal_pointer(isolate, &words) {
            Some((_, handles)) if self.eternal_handles(handles) => self.traced_handles(isolate, &words),
            _ if global_handles_at.is_some_and(|at| self.has_no_eternal_handles(at)) => {
                self.traced_handles(isolate, &words);
            }
            _ => self.found.missing.push(format!("the eternal handles of the isolate at {start:x}")),
        }
    }

    /// The word that leads to the eternal handles, and its address.
    fn eternal_pointer(&self, isolate: &Isolate, words: &[(u64, u64)]) -> Option<(u64, u64)> {
        // Behind the heap there are one or two words more that lead to something like them; the handles are the first.
        words.iter().find(|(at, word)| *at >= isolate.heap && self.is_eternal_handles(*word)).copied()
    }

    /// Whether an isolate whose word at `global_handles` leads to its global handles has no eternal ones: no size, and two empty vectors.
    /// Such a structure has no form to know it by, only its place.
    fn has_no_eternal_handles(&self, global_handles: u64) -> bool {
        let Some(behind) = self.view.layout().facts.eternal_handles_behind else { return false };
        let handles = global_handles.checked_add(behind).and_then(|at| self.word(at));
        let empty = |handles: u64| read::<56>(self.memory, handles).is_some_and(|head| head == [0; 56]);
        handles.is_some_and(|handles| handles != 0 && handles.is_multiple_of(8) && empty(handles))
    }

    /// Strong global handles. Returns whether `at` is where they are listed.
    fn global_handles(&mut self, at: u64) -> bool {
        let memory = self.memory;
        let Some(handles) = GlobalHandles::at(memory, at, &mut |bytes| self.may_read(bytes)) else {
            return false;
        };
        self.found.memory.extend(handles.memory());
        let mut complete = handles.is_complete;
        for node in handles.nodes(memory) {
            match node {
                Some(node) if node.is_strong => self.add(RootKind::GlobalHandle, node.at, node.object),
                Some(_) => {}
                None => complete = false,
            }
        }
        if !complete {
            self.found.missing.push("a part of the global handles".to_owned());
        }
        true
    }

    /// Whether `at` looks like `EternalHandles { int size_; std::vector<Address*> blocks_; std::vector<int> young_node_indices_ }`:
    /// as many blocks as the size takes, whose words in use are objects.
    fn is_eternal_handles(&self, at: u64) -> bool {
        if at == 0 || !at.is_multiple_of(8) || self.view.spaces().page_index(at).is_some() {
            return false;
        }
        let Some(head) = read::<32>(self.memory, at) else { return false };
        let (size, begin, end, limit) =
            (u64_at(&head, 0) & 0xffff_ffff, u64_at(&head, 8), u64_at(&head, 16), u64_at(&head, 24));
        let plausible = size > 0
            && size < MOST_ENTRIES
            && begin != 0
            && begin <= end
            && end <= limit
            && begin.is_multiple_of(8)
            && end - begin == 8 * size.div_ceil(ETERNAL_BLOCK);
        plausible
            && words_of(self.memory, begin, end).0.iter().all(|(_, block)| {
                self.word(*block).is_some_and(|first| first & 3 == 1 && self.is_tagged(first))
            })
    }

    /// `EternalHandles { size_, blocks_, ... }`. Returns whether they could be read.
    fn eternal_handles(&mut self, at: u64) -> bool {
        let Some(head) = read::<32>(self.memory, at) else { return false };
        let (size, begin, end) = (u64_at(&head, 0) & 0xffff_ffff, u64_at(&head, 8), u64_at(&head, 16));
        if begin > end || end - begin > 8 * MOST_BLOCKS as u64 || !begin.is_multiple_of(8) {
            return false;
        }
        self.found.memory.push((at, at.saturating_add(32)));
        self.found.memory.push((begin, end));
        let mut left = size;
        for (_, block) in words_of(self.memory, begin, end).0 {
            let used = left.min(ETERNAL_BLOCK);
            if !self.add_range(RootKind::EternalHandle, block, block.saturating_add(8 * used)) {
                return false;
            }
            left -= used;
        }
        left == 0
    }

    /// `HandleScopeImplementer { isolate_, blocks_, entered_contexts_, ..., saved_contexts_, ... }`: vectors of the form data,
    /// capacity, size. `HandleScopeData { next, limit, ... }` is in the isolate: it says how full the last block is.
    fn handle_scopes(&mut self, isolate: u64, at: u64, isolate_words: &[(u64, u64)]) {
        let Some(head) = read::<104>(self.memory, at) else { return };
        let vector = |index: usize| {
            let (data, capacity, size) = (
                u64_at(&head, 8 + 24 * index),
                u64_at(&head, 16 + 24 * index),
                u64_at(&head, 24 + 24 * index),
            );
            (size <= capacity
                && capacity <= MOST_BLOCKS as u64
                && data.is_multiple_of(8)
                && (data == 0) == (capacity == 0))
                .then_some((data, size))
        };
        let (Some((blocks, count)), Some(_)) = (vector(0), vector(1)) else { return };
        if count == 0 || self.word(at) != Some(isolate) {
            return;
        }
        let last = self.word(blocks.saturating_add(8 * (count - 1))).unwrap_or(0);
        let limit = last.saturating_add(HANDLE_BLOCK);
        let next = isolate_words.windows(2).find_map(|pair| {
            let (next, end) = (pair[0].1, pair[1].1);
            (last != 0 && last <= next && next <= end && end <= limit && next.is_multiple_of(8))
                .then_some(next)
        });
        let Some(next) = next else { return };
        self.found.memory.push((at, at.saturating_add(104)));
        self.found.memory.push((blocks, blocks.saturating_add(8 * count)));
        for (index, (_, block)) in
            words_of(self.memory, blocks, blocks.saturating_add(8 * count)).0.into_iter().enumerate()
        {
            let full = block.saturating_add(HANDLE_BLOCK);
            let end = if index as u64 + 1 == count { next } else { full };
            self.add_range(RootKind::HandleScope, block, end);
            // Behind the last handle are those of scopes that were left: no roots.
            self.found.memory.push((end, full));
        }
        // Contexts that are entered; there may be a vector of small numbers between them.
        for index in 1..4 {
            let Some((data, size)) = vector(index) else { break };
            self.add_range(RootKind::HandleScope, data, data.saturating_add(8 * size));
        }
    }

    /// `CompilationCache { isolate_, script_, eval_global_, ... }`, each `{ isolate_, table_ }`.
    fn compilation_cache(&mut self, isolate: u64, at: u64) {
        const SIZE: u64 = 80;
        let (words, _) = words_of(self.memory, at, at.saturating_add(SIZE));
        if words.len() < 3 || words[1].1 != isolate || !self.is_tagged(words[2].1) {
            return;
        }
        self.add_range(RootKind::CompilationCache, at, at.saturating_add(SIZE));
    }

    /// A vector of tagged words that is part of the isolate: the startup object cache, and the shared one.
    fn vector(&mut self, begin: u64, end: u64, limit: u64) {
        let plausible = begin != 0
            && begin < end
            && end <= limit
            && (begin | end | limit).is_multiple_of(8)
            && limit - begin <= 8 * MOST_ENTRIES
            && self.view.spaces().page_index(begin).is_none();
        if !plausible || !self.word(begin).is_some_and(|first| first & 3 == 1 && self.is_tagged(first)) {
            return;
        }
        if !self.may_read(end - begin) {
            return;
        }
        let (words, complete) = words_of(self.memory, begin, end);
        if !complete || !words.iter().all(|(_, word)| self.is_tagged(*word)) {
            return;
        }
        let is_external = |word: u64| {
            let target = self.target(word)?;
            let map = self.view.map(self.table.map_of(ObjectId(target))?);
            Some(matches!(map.string_shape(), Some(StringShape::External { .. })))
        };
        // The table of external strings is weak.
        let is_weak = words.iter().all(|(_, word)| is_external(*word) == Some(true));
        self.found.memory.push((begin, limit));
        if is_weak {
            return;
        }
        for (at, word) in words {
            self.add(RootKind::ObjectCache, at, word);
        }
    }

    /// `StrongRootsEntry { label, start, end, prev, next }`, a list.
    fn strong_roots(&mut self, at: u64, label: u64) {
        let mut next = at;
        let mut label = label;
        let mut before = 0;
        for _ in 0..MOST_BLOCKS {
            let Some(entry) = read::<40>(self.memory, next) else { return };
            let (start, end) = (u64_at(&entry, 8), u64_at(&entry, 16));
            let is_text =
                read::<4>(self.memory, label).is_some_and(|text| text.iter().all(u8::is_ascii_graphic));
            if !is_text
                || u64_at(&entry, 24) != before
                || start > end
                || end - start > 8 * MOST_ENTRIES
                || !(start | end).is_multiple_of(8)
            {
                return;
            }
            self.found.memory.push((next, next.saturating_add(40)));
            self.found.memory.push((label, label.saturating_add(8)));
            self.add_range(RootKind::StrongRoots, start, end);
            before = next;
            next = u64_at(&entry, 32);
            if next == 0 {
                return;
            }
            label = self.word(next).unwrap_or(0);
        }
    }

    /// The handles of C++ objects: roots only where what keeps those objects alive is not known.
    fn traced_handles(&mut self, isolate: &Isolate, words: &[(u64, u64)]) {
        let blocks = self.traced_blocks(isolate, words);
        if self.with_cpp_heap.contains(&isolate.address) {
            // What they hold is held by whoever holds the C++ object.
            self.found.memory.extend(blocks.into_iter().map(|block| (block.start, block.end)));
            return;
        }
        for block in blocks {
            self.add_range(RootKind::TracedHandle, block.start, block.end);
        }
    }

    /// Blocks of handles of C++ objects. `TracedHandles` lies in the isolate in front of the pointer to eternal handles; its blocks
    /// point back to it.
    pub fn traced_blocks(&self, isolate: &Isolate, words: &[(u64, u64)]) -> Vec<Range<u64>> {
        /// Size of `TracedHandles` and what is around it, in bytes.
        const REACH: u64 = 0x100;
        /// `TracedNodeBlock`: three links of two words each, the back pointer, counts, then the nodes, of two words.
        const BACK: u64 = 48;
        const HEAD: u64 = 72;
        let Some((eternal, _)) = self.eternal_pointer(isolate, words) else { return Vec::new() };
        let start = eternal.saturating_sub(REACH);
        let (mut blocks, mut seen) = (Vec::new(), HashSet::new());
        let mut waiting: Vec<u64> =
            words.iter().filter(|(at, _)| (start..eternal).contains(at)).map(|(_, word)| *word).collect();
        while let Some(block) = waiting.pop() {
            if block == 0 || !block.is_multiple_of(8) || seen.len() > MOST_BLOCKS {
                continue;
            }
            let Some(back) = block.checked_add(BACK).and_then(|at| read::<16>(self.memory, at)) else {
                continue;
            };
            if !(start..eternal).contains(&u64_at(&back, 0)) || !seen.insert(block) {
                continue;
            }
            // IndexType used_, capacity_: u16 each.
            let capacity = u64::from(u16::from_le_bytes([back[10], back[11]]));
            blocks.push(block..block.saturating_add(HEAD + 16 * capacity));
            if let Some(links) = read::<48>(self.memory, block) {
                waiting.extend((0..6).map(|index| u64_at(&links, 8 * index)));
            }
        }
        blocks
    }

    /// The queues of all native contexts.
    pub fn microtasks(&mut self) {
        let mut queues = HashSet::new();
        let contexts = MapSet::of_kind(self.view, Kind::NativeContext);
        for page in 0..self.table.page_count() {
            for (_, context) in contexts.on_page(self.view, self.table, page) {
                // The pointer to the queue is the last word.
                let Ok(size) = self.view.object_size(context) else { continue };
                let last = context.address.checked_add(size.saturating_sub(8));
                queues.extend(last.and_then(|at| self.view.words().external(at, "microtask queue").ok()));
            }
        }
        for queue in queues {
            let Some(head) = read::<48>(self.memory, queue) else {
                if queue != 0 {
                    self.found.missing.push("a microtask queue".to_owned());
                }
                continue;
            };
            let field = |at: u64| u64_at(&head, at as usize);
            let (size, capacity, start, ring) = (
                field(microtask_queue::SIZE),
                field(microtask_queue::CAPACITY),
                field(microtask_queue::START),
                field(microtask_queue::RING),
            );
            if size > capacity || capacity > MOST_ENTRIES || (capacity > 0 && start >= capacity) {
                continue;
            }
            if !self.may_read(8 * size) {
                return;
            }
            self.found.memory.push((queue, queue.saturating_add(96)));
            self.found.memory.push((ring, ring.saturating_add(8 * capacity)));
            for index in 0..size {
                let at = ring.saturating_add(8 * ((start + index) % capacity));
                match self.word(at) {
                    Some(word) => self.add(RootKind::Microtask, at, word),
                    None => {
                        self.found.missing.push("a part of a microtask queue".to_owned());
                        break;
                    }
                }
            }
        }
    }
}
