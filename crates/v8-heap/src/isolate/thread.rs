//! Which thread an isolate belongs to.
//!
//! V8 keeps a thread-local pointer to the isolate that a thread is in. Without the symbol that says where (the executable is
//! stripped, or gone) the isolate itself tells: its `ThreadLocalTop` points to frames and handlers on the stack of the thread
//! that runs it (V8: `src/execution/thread-local-top.h`).

use std::cell::LazyCell;
use std::collections::HashMap;
use std::ops::Range;

use core_reader::{Address, Contents, Memory, Symbols, Thread};

use super::{Isolate, readable_words};
use crate::layout::native::thread_specific;

/// Thread-local pointer to the isolate that a thread is in (V8: `v8::internal::g_current_isolate_`).
pub const CURRENT_ISOLATE: &str = "_ZN2v88internal18g_current_isolate_E";

/// Where the key is under which a thread keeps that pointer in older versions (V8 up to 10: `v8::internal::Isolate::isolate_key_`).
const ISOLATE_KEY: &str = "_ZN2v88internal7Isolate12isolate_key_E";

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

/// Which thread runs an isolate: its index, and whether that is known by the stack only. `current` are the isolates that threads
/// say they are in, by the number of the thread.
pub(crate) fn find(
    memory: &dyn Memory,
    threads: &[Thread],
    current: &HashMap<u32, u64>,
    isolate: &Isolate,
) -> Option<(usize, bool)> {
    let says_so = |thread: &Thread| current.get(&thread.id) == Some(&isolate.address);
    if let Some(index) = threads.iter().position(says_so) {
        return Some((index, false));
    }
    if isolate.address == isolate.heap {
        return None;
    }
    // What V8 and its embedder keep in front of the roots; without a table of them, all in front of the heap.
    let end = if isolate.roots_table.is_empty() { isolate.heap } else { isolate.roots_table.start };
    let words = readable_words(memory, isolate.address, end);
    let pointers = |stack: &Range<u64>| words.iter().filter(|(_, word)| stack.contains(word)).count();
    // A thread that says that it is in another isolate is not in this one.
    let (count, _, index) = threads
        .iter()
        .enumerate()
        .filter(|(_, thread)| thread.has_user_stack() && !current.contains_key(&thread.id))
        .filter_map(|(index, thread)| {
            Some((pointers(&stack_of(memory, thread)?), std::cmp::Reverse(thread.id), index))
        })
        .max()?;
    (count > 0).then_some((index, true))
}

/// The isolates that threads say they are in, by the number of the thread.
pub(crate) fn current_isolates(
    memory: &dyn Memory,
    symbols: &dyn Symbols,
    threads: &[Thread],
) -> HashMap<u32, u64> {
    let key = LazyCell::new(|| memory.read_u32(symbols.find(ISOLATE_KEY)?.address).ok());
    let current = |thread: &Thread| {
        let place = symbols.thread_local(CURRENT_ISOLATE, thread).or_else(|| {
            let registers = &thread.registers;
            let (processor, pointer) = (registers.architecture(), registers.thread_pointer());
            thread_specific::place(processor, pointer, (*key)?).map(Address)
        })?;
        let isolate = memory.read_u64(place).ok().filter(|isolate| *isolate != 0)?;
        Some((thread.id, isolate))
    };
    threads.iter().filter_map(current).collect()
}

/// The part of a thread's stack that is in use.
fn stack_of(memory: &dyn Memory, thread: &Thread) -> Option<Range<u64>> {
    let sp = thread.registers.stack_pointer();
    let ranges = memory.ranges();
    let range = ranges.get(ranges.partition_point(|range| range.end.0 <= sp))?;
    if range.start > Address(sp) || range.contents != Contents::Dumped {
        return None;
    }
    // The thread library keeps its own data at the far end of the stack, where that of another thread may follow.
    let own_data = Some(thread.registers.thread_pointer()).filter(|base| (sp..range.end.0).contains(base));
    let end = own_data.unwrap_or(range.end.0).min(sp.saturating_add(MOST_STACK));
    Some(sp..end)
}
