//! What `process.nextTick` has been given and has not been run.
//!
//! ```text
//!   queue   FixedQueue   tail: the oldest buffer, head: the newest
//!     FixedCircularBuffer   list[bottom] is next, list[top] is free   next: the buffer behind it
//!       { callback, args }
//! ```
//!
//! (Node.js: `lib/internal/fixed_queue.js`, `lib/internal/process/task_queues.js`.)

use std::collections::HashSet;

use crate::heap::Heap;
use crate::{Monitor, PropertyValue, Result, Tagged};

use super::scopes::{self, Sought};
use super::{heap_of, js_object, number_property, object_property};

/// No process has more.
const MOST_TICKS: usize = 1 << 26;

/// A callback of `process.nextTick` that has still to run.
#[derive(Clone, Copy, Debug)]
pub struct Tick {
    /// Node.js's record of it.
    pub object: Tagged,
    /// What it runs.
    pub callback: Option<Tagged>,
    /// The `Heap` that it is in.
    pub heap: u64,
}

impl Heap<'_> {
    /// All ticks that have still to run, of all threads, in the order in which they will.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] if the monitor says so; what fails when the heap is indexed.
    pub fn ticks(&self, monitor: &dyn Monitor) -> Result<Vec<Tick>> {
        let mut ticks = Vec::new();
        let mut seen = HashSet::new();
        for queue in scopes::variables(self, Sought::Ticks, monitor)? {
            let buffer = js_object(self, *queue).and_then(|queue| object_property(self, queue, "tail"));
            let mut next = buffer;
            while let Some(buffer) = next
                && seen.insert(buffer.value())
                && ticks.len() < MOST_TICKS
            {
                let place = |name| number_property(self, buffer, name).filter(|place| *place >= 0.0);
                let list = object_property(self, buffer, "list").and_then(|list| self.elements(list).ok());
                if let (Some(bottom), Some(top), Some(list)) = (place("bottom"), place("top"), list) {
                    let length = list.capacity.max(1);
                    let (mut at, end) = (bottom as u64 % length, top as u64 % length);
                    while at != end {
                        if let Ok(Some(PropertyValue::Data(tick))) = self.element(&list, at)
                            && let Some(tick) = js_object(self, tick)
                        {
                            let callback = object_property(self, tick, "callback");
                            ticks.push(Tick {
                                object: tick.value(),
                                callback: callback.map(|callback| callback.value()),
                                heap: heap_of(self, tick),
                            });
                        }
                        at = (at + 1) % length;
                    }
                }
                next = object_property(self, buffer, "next");
            }
        }
        Ok(ticks)
    }
}
