//! Timers and immediates, from the lists in which Node.js keeps them.
//!
//! ```text
//!   timerListQueue   PriorityQueue   #heap: an array from 1 on, #size; in early releases of Node.js 18 under symbols
//!     TimersList     circular by _idlePrev: the timer that is due first, and so on, back to the list
//!       Timeout      _idleStart, _idleTimeout, _repeat, _onTimeout, [refed]
//!   immediateQueue   ImmediateList   head: Immediate, its _idleNext, and so on to null
//! ```
//!
//! (Node.js: `lib/internal/timers.js`, `lib/internal/priority_queue.js`.) A timer that was cleared, or has run, is in no list.

use std::collections::HashSet;

use crate::heap::Heap;
use crate::objects::value::Value;
use crate::{Error, Monitor, PropertyValue, Result, Tagged};

use super::scopes::{self, Sought};
use super::{boolean_property, heap_of, js_object, number_property, object_property};

/// No process has more.
const MOST_TIMERS: usize = 1 << 26;
/// Where a queue has its array, and how many are in it: names by release, the newest first.
const HEAP_OF_QUEUE: [&str; 2] = ["#heap", "Symbol(heap)"];
const SIZE_OF_QUEUE: [&str; 2] = ["#size", "Symbol(size)"];
/// The symbol under which timers and immediates keep whether they are referenced.
const REFERENCED: &str = "Symbol(refed)";

/// A timer that has still to run.
#[derive(Clone, Copy, Debug)]
pub struct Timer {
    /// The `Timeout`.
    pub object: Tagged,
    /// It was made by `setInterval`.
    pub is_interval: bool,
    /// What it runs.
    pub callback: Option<Tagged>,
    /// How long it waits, or between two runs, in milliseconds.
    pub period: f64,
    /// When it began to wait, in milliseconds of Node.js's clock.
    pub started: f64,
    /// Whether it keeps the event loop alive; `None` if it does not say.
    pub is_referenced: Option<bool>,
    /// The `Heap` that it is in.
    pub heap: u64,
}

impl Timer {
    /// When it is due, in milliseconds of Node.js's clock.
    pub fn due(&self) -> f64 {
        self.started + self.period
    }
}

/// A callback of `setImmediate` that has still to run.
#[derive(Clone, Copy, Debug)]
pub struct Immediate {
    /// The `Immediate`.
    pub object: Tagged,
    /// What it runs.
    pub callback: Option<Tagged>,
    /// Whether it keeps the event loop alive; `None` if it does not say.
    pub is_referenced: Option<bool>,
    /// The `Heap` that it is in.
    pub heap: u64,
}

impl Heap<'_> {
    /// All timers that have still to run, of all threads, those that are due first in front.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] if the monitor says so; what fails when the heap is indexed; [`crate::Error::Implausible`] if there are
    /// queues, and none can be read.
    pub fn timers(&self, monitor: &dyn Monitor) -> Result<Vec<Timer>> {
        let mut timers = Vec::new();
        let mut seen = HashSet::new();
        let (mut read, mut unread) = (0, None);
        for queue in scopes::variables(self, Sought::Timers, monitor)? {
            if !seen.insert(*queue) {
                continue;
            }
            match self.timers_of_queue(*queue, &mut seen, &mut timers) {
                Some(()) => read += 1,
                None => unread = unread.or(js_object(self, *queue)),
            }
        }
        if let Some(queue) = unread.filter(|_| read == 0) {
            return Err(Error::Implausible {
                object: queue.value(),
                what: "the queue of timers",
                found: format!("it has neither {} nor {}", HEAP_OF_QUEUE[0], HEAP_OF_QUEUE[1]),
            });
        }
        timers.sort_by(|a: &Timer, b: &Timer| {
            (a.heap, a.due()).partial_cmp(&(b.heap, b.due())).unwrap_or(a.heap.cmp(&b.heap))
        });
        Ok(timers)
    }

    /// None if the queue cannot be read.
    fn timers_of_queue(
        &self,
        queue: Tagged,
        seen: &mut HashSet<Tagged>,
        timers: &mut Vec<Timer>,
    ) -> Option<()> {
        let queue = js_object(self, queue)?;
        let array = HEAP_OF_QUEUE.iter().find_map(|name| object_property(self, queue, name))?;
        let size = SIZE_OF_QUEUE.iter().find_map(|name| number_property(self, queue, name))?;
        let elements = self.elements(array).ok()?;
        let mut lists = Vec::new();
        // What could be read before an error is kept.
        let _ = self.for_each_element(&elements, |index, value| {
            if let PropertyValue::Data(list) = value
                && index >= 1
                && index as f64 <= size
            {
                lists.push(list);
            }
            index as f64 <= size
        });
        for list in lists {
            let Some(mut timer) = js_object(self, list) else { continue };
            while let Some(next) = object_property(self, timer, "_idlePrev")
                && next.value() != list
                && timers.len() < MOST_TIMERS
                && seen.insert(next.value())
            {
                timer = next;
                let Some(started) = number_property(self, timer, "_idleStart") else { continue };
                let repeat = number_property(self, timer, "_repeat");
                let Some(period) = number_property(self, timer, "_idleTimeout") else { continue };
                timers.push(Timer {
                    object: timer.value(),
                    is_interval: repeat.is_some(),
                    callback: object_property(self, timer, "_onTimeout").map(|callback| callback.value()),
                    period,
                    started,
                    is_referenced: boolean_property(self, timer, REFERENCED),
                    heap: heap_of(self, timer),
                });
            }
        }
        Some(())
    }

    /// All immediates that have still to run, of all threads, in the order in which they will. Those of a round that is being
    /// run are in no list.
    ///
    /// # Errors
    /// As [`Heap::timers`].
    pub fn immediates(&self, monitor: &dyn Monitor) -> Result<Vec<Immediate>> {
        let mut immediates = Vec::new();
        let mut seen = HashSet::new();
        let outstanding = scopes::variables(self, Sought::Outstanding, monitor)?;
        for queue in outstanding.iter().chain(scopes::variables(self, Sought::Immediates, monitor)?) {
            let Some(queue) = js_object(self, *queue) else { continue };
            if !seen.insert(queue.value()) {
                continue;
            }
            let mut next = object_property(self, queue, "head");
            while let Some(immediate) = next
                && immediates.len() < MOST_TIMERS
                && seen.insert(immediate.value())
            {
                let callback = self.data_property(immediate, "_onImmediate");
                let callback =
                    callback.filter(|callback| matches!(self.value(*callback), Ok(Value::Object(_))));
                // One that has been cleared has none.
                if callback.is_some() {
                    immediates.push(Immediate {
                        object: immediate.value(),
                        callback,
                        is_referenced: boolean_property(self, immediate, REFERENCED),
                        heap: heap_of(self, immediate),
                    });
                }
                next = object_property(self, immediate, "_idleNext");
            }
        }
        Ok(immediates)
    }
}
