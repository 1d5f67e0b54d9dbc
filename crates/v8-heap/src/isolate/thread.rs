//! Which thread an isolate belongs to.
//!
//! V8 keeps a thread-local pointer to the isolate that a thread is in. Without the symbol that says where (the executable is
//! stripped, or gone) the isolate itself tells: its `ThreadLocalTop` points to frames and handlers on the stack of the thread
//! that runs it (V8: `src/execution/thread-local-top.h`).

use std::ops::Range;

use core_reader::{Address, Contents, Memory, Thread};

use super::{Isolate, readable_words};
use crate::heap::Heap;

/// A stack is not larger, in bytes.
const MOST_STACK: u64 = 64 << 20;

/// The thread of an isolate, and how that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner<'t> {
    /// The thread.
    pub thread: &'t Thread,
    /// The isolate points to its stack; the thread itself does not say that it is in the isolate, or cannot be asked.
    pub by_stack: bool,
}

impl<'t> Heap<'t> {
    /// The thread that runs an isolate; none if no thread is in it.
    pub fn thread_of(&self, isolate: &Isolate) -> Option<Owner<'t>> {
        let isolates = self.spaces().isolates();
        let index = isolates.iter().position(|other| other.heap == isolate.heap)?;
        self.threads_of_isolates()[index]
    }

    /// The isolate that a thread runs; none if it runs none.
    pub fn isolate_of_thread(&self, thread: &Thread) -> Option<&Isolate> {
        let runs_it = |owner: &Option<Owner<'_>>| owner.is_some_and(|owner| owner.thread.id == thread.id);
        Some(&self.spaces().isolates()[self.threads_of_isolates().iter().position(runs_it)?])
    }

    /// The threads of all isolates, in their order.
    pub(crate) fn find_owners(&self) -> Vec<Option<Owner<'t>>> {
        self.spaces().isolates().iter().map(|isolate| self.find_owner(isolate)).collect()
    }

    fn find_owner(&self, isolate: &Isolate) -> Option<Owner<'t>> {
        let threads = self.threads();
        let says_so = |thread: &&Thread| self.current_isolate(thread.id) == Some(isolate.address);
        if let Some(thread) = threads.iter().find(says_so) {
            return Some(Owner { thread, by_stack: false });
        }
        if isolate.address == isolate.heap {
            return None;
        }
        // What V8 and its embedder keep in front of the roots; without a table of them, all in front of the heap.
        let end = if isolate.roots_table.is_empty() { isolate.heap } else { isolate.roots_table.start };
        let words = readable_words(self.memory(), isolate.address, end);
        let pointers = |stack: &Range<u64>| words.iter().filter(|(_, word)| stack.contains(word)).count();
        // A thread that says that it is in another isolate is not in this one.
        let (count, thread) = threads
            .iter()
            .filter(|thread| thread.has_user_stack() && self.current_isolate(thread.id).is_none())
            .filter_map(|thread| Some((pointers(&stack_of(self.memory(), thread)?), thread)))
            .max_by_key(|(count, thread)| (*count, std::cmp::Reverse(thread.id)))?;
        (count > 0).then_some(Owner { thread, by_stack: true })
    }
}

/// The part of a thread's stack that is in use.
fn stack_of(memory: &dyn Memory, thread: &Thread) -> Option<Range<u64>> {
    let sp = thread.registers.rsp;
    let ranges = memory.ranges();
    let range = ranges.get(ranges.partition_point(|range| range.end.0 <= sp))?;
    if range.start > Address(sp) || range.contents != Contents::Dumped {
        return None;
    }
    // The thread library keeps its own data at the far end of the stack, where that of another thread may follow.
    let own_data = Some(thread.registers.fs_base).filter(|base| (sp..range.end.0).contains(base));
    let end = own_data.unwrap_or(range.end.0).min(sp.saturating_add(MOST_STACK));
    Some(sp..end)
}
