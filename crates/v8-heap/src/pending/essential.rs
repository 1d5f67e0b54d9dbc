//! What a smaller core must keep so that handles, requests and the clock of timers can still be told.

use core_reader::{Address, Symbol, Symbols};

use crate::heap::Heap;
use crate::layout::native::{list_node, req_wrap, uv_handles, uv_loop, uv_request};
use crate::{Monitor, Result};

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
        let read = |at: Option<u64>| self.memory().read_u64(Address(at?)).ok();
        for environment in &environments.list {
            let end = places.handle_queue.max(places.request_queue) + list_node::NEXT + word;
            kept.ranges.push((environment.address, environment.address.saturating_add(end)));
            if let Some(event_loop) = environment.event_loop {
                kept.ranges.push((event_loop, event_loop.saturating_add(uv_loop::TIME + word)));
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

    /// The text that a word points to, if there is one.
    pub(super) fn text_range(&self, at: Option<u64>, is_there: bool) -> Option<(u64, u64)> {
        let start = self.memory().read_u64(Address(at?)).ok().filter(|start| is_there && *start != 0)?;
        Some((start, start.saturating_add(LONGEST_PATH as u64)))
    }
}
