//! Threads with a JavaScript heap of their own, where there are many, and who keeps them.

use core_reader::Core;
use v8_heap::index::{ObjectId, ObjectTable};
use v8_heap::questions::ClassHolders;
use v8_heap::{Heap, Tagged};

use crate::answers::explained::LEAST_BYTES;
use crate::answers::merged_ways::{MergedWay, merged_ways};
use crate::answers::share::percent;
use crate::context::Context;
use crate::error::DcmdError;
use crate::output::Progress;

/// Fewer are a pool, as every machine with some processors has one.
const LEAST_THREADS: usize = 10;
/// A smaller part of what all heaps have is no suspect.
const LEAST_PERCENT: u64 = 10;

/// The threads of `Worker` objects.
#[derive(Debug)]
pub(crate) struct KeptThreads {
    /// How many run.
    pub(crate) count: u64,
    /// Bytes of their heaps in use, as V8 counts them, and what part of all heaps that is.
    pub(crate) bytes: u64,
    pub(crate) percent: u64,
    /// Bytes of their stacks that are in use.
    pub(crate) stacks: u64,
    /// The one whose heap has most, and how much.
    pub(crate) largest: Tagged,
    pub(crate) largest_bytes: u64,
    /// The ways to the objects, those that read alike once, the most frequent first.
    pub(crate) ways: Vec<MergedWay>,
    /// Objects of the program's classes that hold a few of them each, those that hold most first.
    pub(crate) holders: Vec<ClassHolders>,
}

/// The threads of `Worker` objects, if they are many and have much.
///
/// # Errors
/// The user interrupts, or a graph cannot be had.
pub(crate) fn kept_threads(
    context: &Context,
    heap: &Heap<'static>,
    table: &ObjectTable,
    monitor: &Progress,
) -> Result<Option<KeptThreads>, DcmdError> {
    // Who looks for threads goes through all objects.
    if heap.spaces().isolates().len() <= LEAST_THREADS {
        return Ok(None);
    }
    let symbols = context.target()?.symbols();
    let environments = heap.environments(symbols, monitor)?;
    let threads = heap.node_threads(&environments, symbols, monitor)?;
    let mut all = 0u64;
    let mut found: Vec<(Tagged, u64, Option<u32>)> = Vec::new();
    for isolate in heap.spaces().isolates() {
        let spaces = heap.spaces_of(isolate, monitor)?;
        let counters = spaces.iter().filter_map(|space| space.counters);
        let used = counters.map(|counters| counters.used).fold(0, u64::saturating_add);
        all = all.saturating_add(used);
        let own = threads.iter().find(|thread| thread.heap == Some(isolate.heap));
        found.extend(own.and_then(|own| Some((own.worker?, used, own.thread))));
    }
    let bytes = found.iter().map(|(_, used, _)| *used).fold(0, u64::saturating_add);
    let percent = percent(bytes, all);
    let Some((largest, largest_bytes, _)) = found.iter().max_by_key(|(_, used, _)| *used).copied() else {
        return Ok(None);
    };
    if found.len() < LEAST_THREADS || bytes < LEAST_BYTES || percent < LEAST_PERCENT {
        return Ok(None);
    }
    let ids: Vec<ObjectId> =
        found.iter().filter_map(|(worker, ..)| table.id_at(heap.spaces(), worker.object()?)).collect();
    let core = context.target()?.core();
    Ok(Some(KeptThreads {
        count: found.len() as u64,
        bytes,
        percent,
        stacks: found.iter().filter_map(|(.., thread)| stack_in_use(core, (*thread)?)).sum(),
        largest,
        largest_bytes,
        ways: merged_ways(context, heap, table, &ids, monitor)?.0,
        holders: heap.class_holders(&ids, monitor)?,
    }))
}

/// Bytes from the stack pointer of a thread to the end of its stack.
fn stack_in_use(core: &Core, thread: u32) -> Option<u64> {
    let thread = core.threads().get(core.thread_with_id(thread)?)?;
    let pointer = thread.stack_pointer();
    Some(core.memory().range_at(pointer)?.end.0 - pointer.0)
}
