//! The event loop of each thread: what keeps it alive, what it will do next, what is being closed.
//!
//! ```text
//!   uv_loop_t   counts of active handles and requests, stop flag, time
//!     handle queue: all handles        pending queue: streams with something to do
//!     closing handles, in a chain      work that the pool has done      timer heap: what is due first
//! ```
//!
//! (libuv: `include/uv.h`, `include/uv/unix.h`; `uv__loop_alive` of `src/unix/core.c` says what keeps a loop alive. The layout does
//! not change within libuv 1.)

use core_reader::{Address, Symbols};

use crate::heap::Heap;
use crate::layout::native::uv_loop::BehindMutex;
use crate::layout::native::{uv_handle, uv_loop, uv_queue, uv_timer};
use crate::node_runtime::{DEFAULT_LOOP, HANDLE_TYPES, handles_of_loop};

use super::environments::Environments;

/// More of one list are taken for damage.
pub(super) const MOST_NODES: usize = 1 << 22;

/// A handle, as a loop sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopHandle {
    /// Address of the `uv_handle_t`.
    pub address: u64,
    /// `uv_handle_type`, as `tcp`.
    pub uv_type: Option<&'static str>,
    /// It waits for something.
    pub is_active: bool,
    /// It keeps the loop alive while it is active.
    pub is_referenced: bool,
    /// `uv_close` has been called, and its callback not yet.
    pub is_closing: bool,
}

/// An event loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventLoopState {
    /// Address of the `uv_loop_t`.
    pub address: u64,
    /// The V8 `Heap` of its thread, if that is known.
    pub heap: Option<u64>,
    /// It is that of the main thread.
    pub is_main: bool,
    /// When it last looked at the monotonic clock, in milliseconds.
    pub time: u64,
    /// How many milliseconds it has lived by then, if the core tells when it began.
    pub age: Option<u64>,
    /// Handles that keep it alive, as it counts them itself.
    pub active_handles: u32,
    /// Requests under way, as it counts them itself.
    pub active_requests: u32,
    /// All handles, in the order in which they were made; `None` if the list cannot be followed.
    pub handles: Option<Vec<LoopHandle>>,
    /// Streams and others that are told something in the next round.
    pub pending: Option<u64>,
    /// Handles whose close callbacks run next.
    pub closing: Option<u64>,
    /// Work that the pool of threads has done and that has not been told.
    pub done: Option<u64>,
    /// Timers of libuv that run.
    pub timers: u32,
    /// In how many milliseconds from [`EventLoopState::time`] the first is due: less than 0 if it is late.
    pub next_timer: Option<i64>,
    /// Descriptors that it watches.
    pub descriptors: u32,
    /// It was told to stop.
    pub is_stopping: bool,
}

impl EventLoopState {
    /// Whether it would go on for another round (`uv__loop_alive`); `None` if a part of that is not in the core.
    pub fn is_alive(&self) -> Option<bool> {
        let waits = self.active_handles > 0 || self.active_requests > 0;
        if waits {
            return Some(true);
        }
        Some(self.pending? > 0 || self.closing? > 0)
    }
}

impl Heap<'_> {
    /// The event loops of all threads that run Node.js, that of the main thread first.
    pub fn event_loops(&self, environments: &Environments, symbols: &dyn Symbols) -> Vec<EventLoopState> {
        let main = symbols.find(DEFAULT_LOOP).map(|symbol| symbol.address.0);
        let mut loops: Vec<EventLoopState> = Vec::new();
        for environment in &environments.list {
            let Some(address) = environment.event_loop else { continue };
            if loops.iter().any(|known| known.address == address) {
                continue;
            }
            let age = environment.clock.map(|clock| clock.now());
            let found = self.event_loop(address, Some(environment.heap), main == Some(address), age);
            loops.extend(found);
        }
        if let Some(address) = main.filter(|main| !loops.iter().any(|known| known.address == *main)) {
            loops.extend(self.event_loop(address, None, true, None));
        }
        loops.sort_by_key(|known| !known.is_main);
        loops
    }

    fn event_loop(
        &self,
        address: u64,
        heap: Option<u64>,
        is_main: bool,
        age: Option<u64>,
    ) -> Option<EventLoopState> {
        let half = |offset: u64| self.memory().read_u32(Address(address.checked_add(offset)?)).ok();
        let word = |offset: u64| self.memory().read_u64(Address(address.checked_add(offset)?)).ok();
        let behind_mutex = BehindMutex::of(self.memory().architecture());
        let time = word(behind_mutex.time)?;
        // A loop that never began, and cores without the data of the executable, have 0 everywhere.
        if time == 0 {
            return None;
        }
        let count = |offset: u64| self.uv_queue(address.checked_add(offset)?).map(|nodes| nodes.len() as u64);
        let timers = half(behind_mutex.timer_count)?;
        let first = word(behind_mutex.timer_heap).filter(|node| timers > 0 && *node != 0);
        let due = first.and_then(|node| {
            self.memory().read_u64(Address(node.checked_add(uv_timer::TIMEOUT_BEHIND_NODE)?)).ok()
        });
        let handles = handles_of_loop(self.memory(), address);
        Some(EventLoopState {
            address,
            heap,
            is_main,
            time,
            age,
            active_handles: half(uv_loop::ACTIVE_HANDLES)?,
            active_requests: half(uv_loop::ACTIVE_REQUESTS)?,
            handles: handles
                .and_then(|handles| handles.into_iter().map(|handle| self.loop_handle(handle)).collect()),
            pending: count(uv_loop::PENDING_QUEUE),
            closing: self.closing_handles(address),
            done: count(uv_loop::DONE_QUEUE),
            timers,
            next_timer: due.and_then(|due| i64::try_from(due).ok()?.checked_sub(i64::try_from(time).ok()?)),
            descriptors: half(uv_loop::DESCRIPTORS)?,
            is_stopping: half(uv_loop::STOP)? != 0,
        })
    }

    fn loop_handle(&self, address: u64) -> Option<LoopHandle> {
        let half = |offset: u64| self.memory().read_u32(Address(address.checked_add(offset)?)).ok();
        let flags = half(uv_handle::FLAGS)?;
        let number = half(uv_handle::TYPE)?.checked_sub(1);
        Some(LoopHandle {
            address,
            uv_type: number.and_then(|number| HANDLE_TYPES.get(number as usize).copied()),
            is_active: flags & uv_handle::ACTIVE != 0,
            is_referenced: flags & uv_handle::REFERENCED != 0,
            is_closing: flags & uv_handle::CLOSING != 0 && flags & uv_handle::CLOSED == 0,
        })
    }

    fn closing_handles(&self, event_loop: u64) -> Option<u64> {
        let word = |at: Option<u64>| self.memory().read_u64(Address(at?)).ok();
        let mut handle = word(event_loop.checked_add(BehindMutex::of(self.memory().architecture()).closing))?;
        let mut count = 0;
        while handle != 0 {
            count += 1;
            if count > MOST_NODES as u64 {
                return None;
            }
            handle = word(handle.checked_add(uv_handle::NEXT_CLOSING))?;
        }
        Some(count)
    }

    /// The nodes of a queue of libuv, in order; `None` if it cannot be followed to its end.
    pub(super) fn uv_queue(&self, head: u64) -> Option<Vec<u64>> {
        let word = |at: u64, offset: u64| self.memory().read_u64(Address(at.checked_add(offset)?)).ok();
        let mut nodes = Vec::new();
        let mut before = head;
        let mut node = word(head, uv_queue::NEXT)?;
        // One that was never made is empty.
        while node != head && node != 0 {
            if nodes.len() == MOST_NODES || word(node, uv_queue::PREVIOUS) != Some(before) {
                return None;
            }
            nodes.push(node);
            (before, node) = (node, word(node, uv_queue::NEXT)?);
        }
        Some(nodes)
    }
}
