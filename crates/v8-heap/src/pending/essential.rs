//! What a smaller core must keep so that handles, requests, the clock of timers, threads, event loops and the pool can still be told.

use core_reader::{Address, Symbol, Symbols};

use crate::heap::Heap;
use crate::layout::Kind;
use crate::layout::native::uv_loop::BehindMutex;
use crate::layout::native::{
    list_node, req_wrap, thread_pool, uv_handle, uv_handles, uv_request, uv_timer, uv_work, worker,
};
use crate::node_runtime::{POOL, POOL_THREADS};
use crate::{Monitor, Result};

use super::environments::Environments;
use super::handles::{LONGEST_PATH, VIRTUAL_FUNCTIONS};

/// Memory, as `[start, end)`, and symbols.
#[derive(Debug, Default)]
pub struct PendingMemory {
    /// Ranges may overlap.
    pub ranges: Vec<(u64, u64)>,
    /// What names the classes of native objects.
    pub symbols: Vec<Symbol>,
}

impl Heap<'_> {
    /// What handles, requests and clocks are read from.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] if the monitor says so.
    pub fn pending_memory(&self, symbols: &dyn Symbols, monitor: &dyn Monitor) -> Result<PendingMemory> {
        let environments = self.environments(symbols, monitor)?;
        let mut kept = PendingMemory::default();
        let Some(places) = environments.places else { return Ok(kept) };
        let word = size_of::<u64>() as u64;
        let behind_mutex = BehindMutex::of(self.memory().architecture());
        let read = |at: Option<u64>| self.memory().read_u64(Address(at?)).ok();
        for environment in &environments.list {
            let end = places.handle_queue.max(places.request_queue) + list_node::NEXT + word;
            kept.ranges.push((environment.address, environment.address.saturating_add(end)));
            if let Some(event_loop) = environment.event_loop {
                kept.ranges.push((event_loop, event_loop.saturating_add(behind_mutex.time + word)));
            }
            let queues =
                [(places.handle_queue, places.handle_node), (places.request_queue, places.request_node)];
            for (queue, node_place) in queues {
                for node in self.queue(environment.address, queue).unwrap_or_default() {
                    let Some(wrap) = node.checked_sub(node_place) else { continue };
                    let end = node.saturating_add(req_wrap::FURTHEST + uv_request::FS_FILE + word);
                    kept.ranges.push((wrap, end));
                    if let Some(slot) = read(wrap.checked_add(places.persistent)) {
                        kept.ranges.push((slot, slot.saturating_add(word)));
                    }
                    let table = read(Some(wrap)).and_then(|table| table.checked_sub(VIRTUAL_FUNCTIONS));
                    kept.symbols.extend(table.and_then(|table| symbols.at(Address(table))));
                }
            }
        }
        self.pool_memory(&environments, symbols, monitor, &mut kept)?;
        self.for_each_of(Kind::JsApiObject, monitor, |object| {
            if self.is_worker(object) {
                let data = self.embedder_fields(object).unwrap_or_default();
                kept.ranges
                    .extend(data.fields.iter().map(|field| (*field, field.saturating_add(worker::SIZE))));
            }
            true
        })?;
        for handle in self.handles(&environments, symbols, monitor)? {
            let end = handle.address.saturating_add(uv_handles::STREAM_DESCRIPTOR + word);
            kept.ranges.push((handle.address, end));
            kept.ranges.extend(
                self.text_range(handle.address.checked_add(uv_handles::WATCHED), handle.path.is_some()),
            );
        }
        kept.ranges.extend(self.request_texts(&environments));
        kept.symbols.sort_by_key(|symbol| symbol.address);
        kept.symbols.dedup_by_key(|symbol| symbol.address);
        Ok(kept)
    }

    /// What event loops and the pool of threads are read from.
    fn pool_memory(
        &self,
        environments: &Environments,
        symbols: &dyn Symbols,
        monitor: &dyn Monitor,
        kept: &mut PendingMemory,
    ) -> Result<()> {
        let word = size_of::<u64>() as u64;
        let behind_mutex = BehindMutex::of(self.memory().architecture());
        let read = |at: u64| self.memory().read_u64(Address(at)).ok();
        let loops = self.event_loops(environments, symbols);
        for known in &loops {
            kept.ranges.push((known.address, known.address.saturating_add(behind_mutex.time + word)));
            let handles = known.handles.iter().flatten().map(|handle| handle.address);
            kept.ranges.extend(handles.map(|handle| (handle, handle.saturating_add(uv_handle::SIZE))));
            let first = known.address.checked_add(behind_mutex.timer_heap).and_then(read);
            let due = first.and_then(|node| node.checked_add(uv_timer::TIMEOUT_BEHIND_NODE));
            kept.ranges.extend(due.map(|due| (due, due.saturating_add(word))));
        }
        for symbol in POOL.iter().filter_map(|name| symbols.find(name)) {
            kept.ranges.push((symbol.address.0, symbol.address.0.saturating_add(2 * word)));
        }
        let pool = self.thread_pool(environments, &loops, symbols, monitor)?;
        if let Some(list) = symbols.find(POOL_THREADS).and_then(|symbol| read(symbol.address.0)) {
            let end = list.saturating_add(u64::from(pool.size) * thread_pool::THREAD);
            kept.ranges.push((list, end));
        }
        for work in &pool.works {
            let around = work.address.saturating_sub(uv_work::AROUND);
            kept.ranges.push((around, work.address.saturating_add(uv_work::AROUND)));
            if let Some(wrap) = work.wrap {
                kept.ranges.push((wrap, wrap.saturating_add(4 * word)));
                let slot = environments.places.and_then(|places| read(wrap.checked_add(places.persistent)?));
                kept.ranges.extend(slot.map(|slot| (slot, slot.saturating_add(word))));
                let table = read(wrap).and_then(|table| table.checked_sub(VIRTUAL_FUNCTIONS));
                kept.symbols.extend(table.and_then(|table| symbols.at(Address(table))));
            }
            kept.ranges.extend(work.texts.iter().filter_map(|at| self.text_range(Some(*at), true)));
            kept.ranges.extend(work.tables.iter().map(|table| (*table, table.saturating_add(2 * word))));
            let functions = [uv_work::FUNCTION, uv_work::DONE].map(|offset| work.address.checked_add(offset));
            let callback = work.address.checked_sub(uv_work::IN_WORK - uv_work::CALLBACK_OF_WORK);
            for function in functions.into_iter().chain([callback]).flatten().filter_map(read) {
                kept.symbols.extend(symbols.at(Address(function)));
            }
        }
        Ok(())
    }

    /// The text that a word points to, if there is one.
    pub(super) fn text_range(&self, at: Option<u64>, is_there: bool) -> Option<(u64, u64)> {
        let start = self.memory().read_u64(Address(at?)).ok().filter(|start| is_there && *start != 0)?;
        Some((start, start.saturating_add(LONGEST_PATH as u64)))
    }
}
