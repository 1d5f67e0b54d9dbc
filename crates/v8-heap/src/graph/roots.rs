//! Roots: what keeps objects alive from outside of the heap.
//!
//! V8 lists them in `Heap::IterateRoots` (`src/heap/heap.cc`). Few of them are at offsets that have to be known; the others
//! are reached from the `Isolate` and recognised by their form, which is hard to mistake: objects that point back to the
//! isolate, vectors that hold nothing but tagged words.
//!
//! ```text
//!   Isolate --> roots table, its own tagged fields, startup object cache
//!           --> GlobalHandles --> NodeSpace --> blocks of 256 nodes       strong ones only
//!           --> EternalHandles --> blocks of 256 words
//!           --> TracedHandles --> blocks of nodes
//!           --> HandleScopeImplementer --> blocks of handles, saved contexts
//!           --> CompilationCache; strong roots of compilers and deserializers
//!   NativeContext --> MicrotaskQueue --> ring of tasks
//!   thread --> stack: every word that is the address of an object, registers as well
//! ```
//!
//! Stacks are read conservatively: V8 knows which words of a frame are alive, we do not. For what dominates what, words in frames of
//! JavaScript count, others only where nothing else holds their objects ([`Roots::holding`]).
//!
//! The string table and the table of external strings are weak, global handles may be. None of these are roots.
//!
//! Last, objects that nothing of all this keeps alive may still be held by native code in ways of its own. Every other word of
//! writable memory that is the address of an object counts as such a holder, but is told apart: what it holds may as well
//! be dead, and the word left over.

use std::collections::HashSet;

use core_reader::{Address, Contents, Memory, Thread};

use crate::heap::Heap;
use crate::index::parallel::in_turns;
use crate::index::{ObjectId, ObjectTable};
use crate::isolate::Isolate;
use crate::layout::{Kind, StringShape};
use crate::{Error, Monitor, Result};

/// What holds an object from outside of the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RootKind {
    /// V8's table of strong roots.
    RootsTable,
    /// Another field of the isolate.
    Isolate,
    /// A handle of a native function that is running.
    HandleScope,
    /// A strong handle of Node.js or an addon.
    GlobalHandle,
    /// A handle of Node.js that is never given back.
    EternalHandle,
    /// A reference of a C++ object that has a garbage collector of its own.
    TracedHandle,
    /// A task that waits in a microtask queue: the continuation of a promise.
    Microtask,
    /// The cache of what the startup snapshot holds.
    ObjectCache,
    /// The cache of compiled scripts.
    CompilationCache,
    /// A list that V8 keeps of roots of its own parts.
    StrongRoots,
    /// The stack of a thread, by its number.
    Stack(u32),
    /// A register of a thread, by its number.
    Register(u32),
    /// Some word of native memory, of which it is not known what it is.
    NativeMemory,
}

/// A word outside of the heap that holds an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Root {
    /// Number of the object.
    pub target: u32,
    /// What holds it.
    pub kind: RootKind,
    /// Where the word is; of a register, nothing.
    pub at: u64,
}

/// All roots, by target.
#[derive(Debug, Default)]
pub struct Roots {
    pub(super) roots: Vec<Root>,
    /// What could not be found, in words: nothing if all is there.
    pub missing: Vec<String>,
    /// Memory outside of the pages that tells what the roots are, as `[start, end)`.
    pub(super) memory: Vec<(u64, u64)>,
}

/// How far behind the `Heap` an isolate certainly goes on, and how far at most, in bytes.
const HEAP_REACH: u64 = 0x2000;
const MOST_HEAP_REACH: u64 = 0x6000;
/// Nodes of a block of global handles, and bytes of a node (`GlobalHandles::NodeBlock`, `Node`).
const NODES: u64 = 256;
const NODE_SIZE: u64 = 32;
/// `NodeBase::index_`, u8, and `Node::flags_`, u8: the state is in its low bits.
const NODE_INDEX: usize = 10;
const NODE_FLAGS: usize = 11;
const NODE_STATE: u8 = 3;
const NODE_STRONG: u8 = 1;
/// Words of a block of handles (`kHandleBlockSize`), and of one of eternal handles.
const HANDLE_BLOCK: u64 = 1022;
const ETERNAL_BLOCK: u64 = 256;
/// `MicrotaskQueue`: vtable, then these.
const QUEUE_SIZE: u64 = 8;
const QUEUE_CAPACITY: u64 = 16;
const QUEUE_START: u64 = 24;
const QUEUE_RING: u64 = 32;
/// No list of roots is longer; a longer one is damage.
const MOST_ENTRIES: u64 = 1 << 22;
const MOST_BLOCKS: usize = 1 << 16;
/// Bytes of lists of roots that are read in all. What says that it has more says so of the same memory again and again.
const MOST_BYTES: u64 = 1 << 30;
/// A stack is read from its stack pointer on, up to this many bytes.
const MOST_STACK: u64 = 16 << 20;
/// Below the stack pointer, leaf functions keep data (the red zone of the x86-64 ABI), in bytes.
const RED_ZONE: u64 = 128;
/// Bytes of native memory read in one go.
const CHUNK: u64 = 1 << 22;

impl Roots {
    /// All roots, by target.
    pub fn all(&self) -> &[Root] {
        &self.roots
    }

    /// The roots that hold an object; those that certainly do come first.
    pub fn of(&self, target: u32) -> &[Root] {
        let start = self.roots.partition_point(|root| root.target < target);
        let end = self.roots[start..].partition_point(|root| root.target == target);
        &self.roots[start..start + end]
    }

    /// Whether an object is held by one at least.
    pub fn hold(&self, target: u32) -> bool {
        !self.of(target).is_empty()
    }

    /// The roots but for words on stacks and in registers that are in no frame of JavaScript and lead to what other roots reach:
    /// those of native functions are mostly left over, and what such a function needs it holds by a handle.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub(crate) fn holding(
        &self,
        heap: &Heap<'_>,
        graph: &super::Graph,
        monitor: &dyn Monitor,
    ) -> Result<Vec<Root>> {
        let frames = self.javascript_frames(heap, heap.objects(monitor)?);
        let is_sure = |root: &Root| match root.kind {
            RootKind::Register(_) => false,
            RootKind::Stack(_) => frames.iter().any(|frame| frame.contains(&root.at)),
            _ => true,
        };
        let (mut holding, others): (Vec<Root>, Vec<Root>) = self.roots.iter().partition(|root| is_sure(root));
        let reached = super::ObjectSet::new(graph.len());
        let seeds = holding.iter().map(|root| root.target).collect();
        super::liveness::Marker::new(graph).mark(&reached, seeds, monitor)?;
        holding.extend(others.into_iter().filter(|root| !reached.contains(root.target)));
        holding.sort_unstable();
        Ok(holding)
    }

    /// The stretches of stacks in which functions of JavaScript keep what they work with (V8: `StandardFrameConstants` of
    /// `src/execution/frame-constants.h`): a frame is known by its function and context below the saved frame pointer.
    ///
    /// ```text
    ///   fp + 16  arguments   fp  caller's fp   fp - 8  context   fp - 16  function   fp - 24  number of arguments   registers
    /// ```
    fn javascript_frames(&self, heap: &Heap<'_>, table: &ObjectTable) -> Vec<std::ops::Range<u64>> {
        /// Callers are not further away, in bytes.
        const LARGEST_FRAME: u64 = 1 << 20;
        /// Bytes of a frame whose end is not known.
        const USUAL_FRAME: u64 = 512;
        const MOST_ARGUMENTS: u64 = 1 << 12;
        let kind = |root: &Root| table.map_of(ObjectId(root.target)).map(|map| heap.map(map).kind);
        let on_stack = self.roots.iter().filter(|root| matches!(root.kind, RootKind::Stack(_)));
        let mut words: Vec<&Root> = on_stack.collect();
        words.sort_unstable_by_key(|root| root.at);
        let word = |at: u64| heap.memory().read_u64(Address(at)).ok();
        let mut pointers: Vec<u64> = Vec::new();
        for pair in words.windows(2) {
            let (function, context) = (pair[0], pair[1]);
            let is_frame = context.at == function.at + 8
                && kind(function) == Some(Kind::JsFunction)
                && matches!(kind(context), Some(Kind::Context | Kind::NativeContext));
            let pointer = function.at + 16;
            let caller = word(pointer).filter(|_| is_frame).unwrap_or(0);
            if caller.is_multiple_of(8) && (pointer + 16..pointer + LARGEST_FRAME).contains(&caller) {
                pointers.push(pointer);
            }
        }
        let mut frames = Vec::with_capacity(pointers.len());
        let mut below = 0;
        for pointer in pointers {
            let arguments = word(pointer - 24).filter(|count| *count <= MOST_ARGUMENTS).unwrap_or(1);
            let start = pointer.saturating_sub(USUAL_FRAME).max(below);
            let end = pointer + 16 + 8 * arguments;
            frames.push(start..end);
            below = end;
        }
        frames
    }

    /// The same with `others`.
    pub(crate) fn with(&self, others: Vec<Root>) -> Vec<Root> {
        let mut all = self.roots.clone();
        all.extend(others);
        all.sort_unstable();
        all
    }

    /// Memory outside of the pages that tells what the roots are, as `[start, end)`.
    pub(crate) fn memory(&self) -> &[(u64, u64)] {
        &self.memory
    }

    /// Whether everything that V8 counts as a root could be looked at. If not, what seems dead may be alive.
    pub fn are_complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// Objects whose addresses are anywhere else in memory that the process could write, if they are `wanted`.
    /// Internalized and external strings do not count: V8 lists all of them, weakly.
    pub(crate) fn native_memory(
        &self,
        heap: &Heap<'_>,
        table: &ObjectTable,
        wanted: impl Fn(u32) -> bool + Sync,
        monitor: &dyn Monitor,
    ) -> Result<Vec<Root>> {
        let memory = heap.memory();
        let mut known = self.memory.clone();
        known.extend(heap.spaces().pages().iter().map(|page| (page.base, page.area_end)));
        let known = merged(known);
        let mut stretches = Vec::new();
        for range in memory.ranges() {
            if range.contents != Contents::Dumped || !range.permissions.write || range.permissions.execute {
                continue;
            }
            let mut from = range.start.0;
            let first = known.partition_point(|(_, end)| *end <= from);
            let mut add = |from: u64, to: u64| {
                let mut at = from;
                while at < to {
                    let end = at.saturating_add(CHUNK).min(to);
                    stretches.push((at, end));
                    at = end;
                }
            };
            for &(start, end) in known[first..].iter().take_while(|(start, _)| *start < range.end.0) {
                add(from, start);
                from = from.max(end);
            }
            add(from, range.end.0);
        }
        monitor.begin("searching native memory", stretches.iter().map(|(start, end)| end - start).sum());
        let search = |own: &mut Vec<Root>, turn: usize| {
            let (start, end) = stretches[turn];
            for (at, word) in words_of(memory, start, end).0 {
                if word & 3 != 1 {
                    continue;
                }
                let Some(target) = target(heap, table, word).filter(|target| wanted(*target)) else {
                    continue;
                };
                let Some(map) = table.map_of(ObjectId(target)).map(|map| heap.map(map)) else { continue };
                let is_listed = match StringShape::of(map.instance_type) {
                    Some(StringShape::External { .. }) => true,
                    Some(_) => map.instance_type & NOT_INTERNALIZED == 0,
                    None => false,
                };
                if !is_listed {
                    own.push(Root { target, kind: RootKind::NativeMemory, at });
                }
            }
            end - start
        };
        Ok(in_turns(stretches.len(), monitor, Vec::new, search)?.concat())
    }

    /// Finds all roots.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub(crate) fn find(heap: &Heap<'_>, table: &ObjectTable, monitor: &dyn Monitor) -> Result<Roots> {
        let mut finder = Finder::new(heap, table);
        monitor.begin("finding roots", heap.spaces().isolates().len() as u64);
        for isolate in heap.spaces().isolates() {
            if monitor.cancelled() {
                return Err(Error::Interrupted);
            }
            finder.isolate(isolate);
            monitor.advance(1);
        }
        if heap.spaces().isolates().is_empty() {
            finder.found.missing.push("no isolate".to_owned());
        }
        finder.microtasks();
        // The kernel's own workers hold nothing of the heap.
        let mut threads = heap.threads().iter().filter(|thread| thread.has_user_stack()).peekable();
        if threads.peek().is_none() {
            finder.found.missing.push("the stacks of threads".to_owned());
        }
        for thread in threads {
            finder.thread(thread);
        }
        let mut roots = finder.found;
        roots.memory = merged(roots.memory);
        roots.missing.dedup();
        roots.roots.sort_unstable();
        roots.roots.dedup_by_key(|root| (root.target, root.kind, root.at));
        Ok(roots)
    }
}

struct Finder<'a, 't> {
    heap: &'a Heap<'t>,
    table: &'a ObjectTable,
    memory: &'t dyn Memory,
    found: Roots,
    /// Bytes that may still be read.
    budget: u64,
}

impl<'a, 't> Finder<'a, 't> {
    fn new(heap: &'a Heap<'t>, table: &'a ObjectTable) -> Finder<'a, 't> {
        Finder { heap, table, memory: heap.memory(), found: Roots::default(), budget: MOST_BYTES }
    }

    fn word(&self, at: u64) -> Option<u64> {
        self.memory.read_u64(Address(at)).ok()
    }

    /// The object a strong pointer leads to, unless it can never die.
    fn target(&self, word: u64) -> Option<u32> {
        target(self.heap, self.table, word)
    }

    /// Whether a word is tagged: a small integer, or the address of an object.
    fn is_tagged(&self, word: u64) -> bool {
        word as u32 == 0
            || (word & 3 == 1
                && self
                    .heap
                    .spaces()
                    .page_index(word - 1)
                    .is_some_and(|page| self.table.id_on_page(page, word - 1).is_some()))
    }

    fn add(&mut self, kind: RootKind, at: u64, word: u64) {
        if let Some(target) = self.target(word) {
            self.found.roots.push(Root { target, kind, at });
        }
    }

    /// All words of `[start, end)`, as far as they can be read. Returns whether all of them could.
    fn add_range(&mut self, kind: RootKind, start: u64, end: u64) -> bool {
        if !self.may_read(end.saturating_sub(start)) {
            return false;
        }
        self.found.memory.push((start, end));
        let (words, complete) = words_of(self.memory, start, end);
        for (at, word) in words {
            self.add(kind, at, word);
        }
        complete
    }

    /// Takes so many bytes from the budget, if there are any left.
    fn may_read(&mut self, bytes: u64) -> bool {
        match self.budget.checked_sub(bytes) {
            Some(left) => self.budget = left,
            None => {
                let lists = "the end of lists of roots that have no end".to_owned();
                if !self.found.missing.contains(&lists) {
                    self.found.missing.push(lists);
                }
                return false;
            }
        }
        true
    }

    fn isolate(&mut self, isolate: &Isolate) {
        let start = isolate.address;
        let end = isolate.heap.saturating_add(HEAP_REACH);
        let (words, _) = words_of(self.memory, start, isolate.heap.saturating_add(MOST_HEAP_REACH));
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
                    let map = self.table.map_of(ObjectId(target)).map(|map| self.heap.map(map));
                    map.is_some_and(|map| {
                        map.kind == Kind::NativeContext
                            || matches!(
                                self.heap.layout().type_name(map.instance_type),
                                "AllocationSite" | "JSFinalizationRegistry"
                            )
                    })
                });
            if !is_weak_list {
                self.add(kind, at, word);
            }
        }
        let mut has_handles = false;
        let mut seen = HashSet::new();
        for (index, &(at, word)) in words.iter().enumerate() {
            if word == 0 || !word.is_multiple_of(8) || self.heap.spaces().page_index(word).is_some() {
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
                    has_handles |= self.global_handles(word);
                    self.handle_scopes(start, word, &words);
                    self.compilation_cache(start, word);
                }
                // A text that says what the roots are for.
                Some(label) if at >= isolate.heap => self.strong_roots(word, label),
                _ => {}
            }
        }
        if !has_handles {
            self.found.missing.push(format!("the global handles of the isolate at {start:x}"));
        }
        // Behind the heap there are one or two words more that lead to something like them; the handles are the first.
        let is_behind = |(at, _): &&(u64, u64)| *at >= isolate.heap;
        let eternal =
            words.iter().filter(is_behind).find(|(_, word)| self.is_eternal_handles(*word)).copied();
        match eternal {
            Some((at, handles)) if self.eternal_handles(handles) => self.traced_handles(&words, at),
            _ => self.found.missing.push(format!("the eternal handles of the isolate at {start:x}")),
        }
    }

    /// `GlobalHandles { isolate_, regular_nodes_, ... }`, `NodeSpace { global_handles_, first_block_, ... }`. Returns
    /// whether there are any at `at`.
    fn global_handles(&mut self, at: u64) -> bool {
        let Some(space) = self.word(at.saturating_add(8)) else { return false };
        if self.word(space) != Some(at) {
            return false;
        }
        self.found.memory.push((at, at.saturating_add(16)));
        self.found.memory.push((space, space.saturating_add(48)));
        let mut block = space.checked_add(8).and_then(|first| self.word(first)).unwrap_or(0);
        let mut complete = true;
        let mut seen = HashSet::new();
        while block != 0 && seen.len() < MOST_BLOCKS && seen.insert(block) && self.may_read(NODES * NODE_SIZE)
        {
            let behind = block.saturating_add(NODES * NODE_SIZE);
            // NodeBlock { nodes_, next_, global_handles_, space_, ... }, the links in either order.
            let Some(links) = read::<24>(self.memory, behind) else {
                complete = false;
                break;
            };
            let links: [u64; 3] = std::array::from_fn(|index| u64_at(&links, 8 * index));
            let Some(own) = links.iter().position(|link| *link == at) else {
                complete = false;
                break;
            };
            self.found.memory.push((block, behind.saturating_add(48)));
            for index in 0..NODES {
                let at = block + NODE_SIZE * index;
                let Some(node) = read::<32>(self.memory, at) else {
                    complete = false;
                    continue;
                };
                if u64::from(node[NODE_INDEX]) == index && node[NODE_FLAGS] & NODE_STATE == NODE_STRONG {
                    self.add(RootKind::GlobalHandle, at, u64_at(&node, 0));
                }
            }
            block = if own == 0 { links[2] } else { links[0] };
        }
        if !complete {
            self.found.missing.push("a part of the global handles".to_owned());
        }
        true
    }

    /// Whether `at` looks like `EternalHandles { int size_; std::vector<Address*> blocks_; std::vector<int> young_node_indices_ }`:
    /// as many blocks as the size takes, whose words in use are objects.
    fn is_eternal_handles(&self, at: u64) -> bool {
        if at == 0 || !at.is_multiple_of(8) || self.heap.spaces().page_index(at).is_some() {
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
        let limit = last.saturating_add(8 * HANDLE_BLOCK);
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
            let full = block.saturating_add(8 * HANDLE_BLOCK);
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
            && self.heap.spaces().page_index(begin).is_none();
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
            let map = self.heap.map(self.table.map_of(ObjectId(target))?);
            Some(matches!(StringShape::of(map.instance_type), Some(StringShape::External { .. })))
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

    /// `TracedHandles`, which lies in the isolate in front of the pointer to eternal handles: blocks that point back to it.
    fn traced_handles(&mut self, words: &[(u64, u64)], eternal: u64) {
        /// Size of `TracedHandles` and what is around it, in bytes.
        const REACH: u64 = 0x100;
        /// `TracedNodeBlock`: three links of two words each, the back pointer, counts, then the nodes, of two words.
        const BACK: u64 = 48;
        const HEAD: u64 = 72;
        let start = eternal.saturating_sub(REACH);
        let mut seen = HashSet::new();
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
            self.add_range(RootKind::TracedHandle, block, block.saturating_add(HEAD + 16 * capacity));
            if let Some(links) = read::<48>(self.memory, block) {
                waiting.extend((0..6).map(|index| u64_at(&links, 8 * index)));
            }
        }
    }

    /// The queues of all native contexts.
    fn microtasks(&mut self) {
        let mut queues = HashSet::new();
        for page in 0..self.table.page_count() {
            for (address, map) in self.table.page_objects(page) {
                let map = self.heap.map(map);
                if map.kind != Kind::NativeContext {
                    continue;
                }
                let object = crate::objects::value::HeapObject { address, map_id: crate::map::MapId(0), map };
                // The pointer to the queue is the last word.
                let Ok(size) = self.heap.object_size(object) else { continue };
                if let Some(queue) = address.checked_add(size.saturating_sub(8)).and_then(|at| self.word(at))
                {
                    queues.insert(queue);
                }
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
            let (size, capacity, start, ring) =
                (field(QUEUE_SIZE), field(QUEUE_CAPACITY), field(QUEUE_START), field(QUEUE_RING));
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

    fn thread(&mut self, thread: &Thread) {
        let registers = &thread.registers;
        for word in [
            registers.rax,
            registers.rbx,
            registers.rcx,
            registers.rdx,
            registers.rsi,
            registers.rdi,
            registers.rbp,
            registers.r8,
            registers.r9,
            registers.r10,
            registers.r11,
            registers.r12,
            registers.r13,
            registers.r14,
            registers.r15,
        ] {
            self.add(RootKind::Register(thread.id), 0, word);
        }
        let start = registers.rsp.saturating_sub(RED_ZONE) & !7;
        let ranges = self.memory.ranges();
        let range = ranges.get(ranges.partition_point(|range| range.end.0 <= registers.rsp));
        match range {
            Some(range) if range.start.0 <= registers.rsp && range.contents == Contents::Dumped => {
                // What the thread library keeps of a thread stands at the far end of its stack, where other memory may
                // follow.
                let own = Some(registers.fs_base).filter(|base| (start..range.end.0).contains(base));
                let end = own.unwrap_or(range.end.0).min(start.saturating_add(MOST_STACK));
                self.add_range(RootKind::Stack(thread.id), start.max(range.start.0), end);
            }
            _ => self.found.missing.push(format!("the stack of thread {}", thread.id)),
        }
    }
}

/// `kIsNotInternalizedMask`
const NOT_INTERNALIZED: u16 = 1 << 5;

/// The object a strong pointer leads to, unless it can never die.
#[inline]
pub(super) fn target(heap: &Heap<'_>, table: &ObjectTable, word: u64) -> Option<u32> {
    if word & 3 != 1 {
        return None;
    }
    let spaces = heap.spaces();
    let page = spaces.page_index(word - 1)?;
    if spaces.pages()[page].heap == 0 {
        return None;
    }
    table.id_on_page(page, word - 1).map(|id| id.0)
}

/// The same stretches of memory, sorted, none of which overlap.
fn merged(mut stretches: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    stretches.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::with_capacity(stretches.len());
    for (start, end) in stretches {
        match merged.last_mut() {
            Some((_, last)) if start <= *last => *last = end.max(*last),
            _ => merged.push((start, end)),
        }
    }
    merged
}

fn read<const N: usize>(memory: &dyn Memory, at: u64) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    memory.read_into(Address(at), &mut bytes).ok()?;
    Some(bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// The words of `[start, end)` up to the first that cannot be read, with their addresses, and whether that is all of them.
fn words_of(memory: &dyn Memory, start: u64, end: u64) -> (Vec<(u64, u64)>, bool) {
    let mut words = Vec::new();
    let mut at = start;
    while at < end {
        let Ok(piece) = memory.bytes_from(Address(at)) else { return (words, false) };
        let take = (piece.len() as u64).min(end - at) & !7;
        if take == 0 {
            return (words, false);
        }
        let chunks = piece[..take as usize].chunks_exact(8);
        words.extend(chunks.enumerate().map(|(index, word)| {
            (at + 8 * index as u64, u64::from_le_bytes(word.try_into().expect("chunks of eight")))
        }));
        at += take;
    }
    (words, true)
}
