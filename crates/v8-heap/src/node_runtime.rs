//! What Node.js and libuv keep outside the heap: when the process began, and what its event loop waits for.
//!
//! All of it is found by symbols of the executable, and only of the main thread. `uv_loop_t` and `uv_handle_t` are public
//! structs whose layout does not change within libuv 1 (`include/uv.h`, `include/uv/unix.h`).

use std::collections::{BTreeMap, HashSet};

use core_reader::{Address, Memory, Symbols};

use crate::layout::native::{uv_handle, uv_loop};

/// Symbols that tell of Node.js.
pub(crate) const SYMBOLS: [&str; 5] =
    [START_TIME, START_TIMESTAMP, DEFAULT_LOOP, ALLOCATORS[0], ALLOCATORS[1]];

/// Tables of virtual functions of `node::NodeArrayBufferAllocator` and what derives from it (Node.js: `src/env.h`,
/// `src/node_internals.h`).
const ALLOCATORS: [&str; 2] =
    ["_ZTVN4node24NodeArrayBufferAllocatorE", "_ZTVN4node29DebuggingArrayBufferAllocatorE"];
/// Objects point behind offset and type at the head of such a table (Itanium C++ ABI, 2.5.2).
const VIRTUAL_FUNCTIONS: u64 = 16;

/// What the first word of an `ArrayBuffer::Allocator` of Node.js can be.
pub(crate) fn allocators(symbols: &dyn Symbols) -> Vec<u64> {
    ALLOCATORS
        .iter()
        .filter_map(|name| symbols.find(name)?.address.0.checked_add(VIRTUAL_FUNCTIONS))
        .collect()
}

/// `node::per_process::node_start_time`: monotonic clock, nanoseconds.
pub(crate) const START_TIME: &str = "_ZN4node11per_process15node_start_timeE";
/// `node::performance::performance_process_start_timestamp`: microseconds since 1970, a double.
pub(crate) const START_TIMESTAMP: &str = "_ZN4node11performance35performance_process_start_timestampE";
/// The `uv_loop_t` of the main thread (libuv: `src/uv-common.c`).
pub(crate) const DEFAULT_LOOP: &str = "default_loop_struct";

/// The pool of threads of libuv: how many threads there are, the list of them, how many have nothing to do, and what waits for
/// one: a queue with a marker for slow work, which is in another queue (libuv: `src/threadpool.c`).
pub(crate) const POOL_SIZE: &str = "nthreads";
pub(crate) const POOL_THREADS: &str = "threads";
pub(crate) const IDLE_THREADS: &str = "idle_threads";
pub(crate) const WORK_QUEUE: &str = "wq";
pub(crate) const SLOW_QUEUE: &str = "slow_io_pending_wq";
pub(crate) const SLOW_MARKER: &str = "run_slow_work_message";
/// All of them.
pub(crate) const POOL: [&str; 6] =
    [POOL_SIZE, POOL_THREADS, IDLE_THREADS, WORK_QUEUE, SLOW_QUEUE, SLOW_MARKER];
/// In the name of the function by which Node.js gives its own work to the pool (Node.js: `src/threadpoolwork-inl.h`).
pub(crate) const THREAD_OF_POOL: &str = "ThreadPoolWork12ScheduleWork";

/// `uv_handle_type`, from 1 on.
pub(crate) const HANDLE_TYPES: [&str; 16] = [
    "async", "check", "fs_event", "fs_poll", "handle", "idle", "pipe", "poll", "prepare", "process",
    "stream", "tcp", "timer", "tty", "udp", "signal",
];

/// More handles are taken for damage.
const MOST_HANDLES: usize = 1 << 20;

/// Clock and event loop of the main thread. What is not in the core is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeRuntime {
    /// When the process began, in microseconds since 1970.
    pub started_at: Option<u64>,
    /// How long it had run when its event loop last looked at the clock, in milliseconds.
    pub uptime: Option<u64>,
    /// The event loop.
    pub event_loop: Option<EventLoop>,
}

/// What an event loop waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventLoop {
    /// Handles that keep it alive, as it counts them itself.
    pub active_handles: u32,
    /// Requests under way, as it counts them itself.
    pub active_requests: u32,
    /// The handles that keep it alive, by type (`uv_handle_type`).
    pub by_type: BTreeMap<&'static str, u64>,
}

impl NodeRuntime {
    /// Reads what is in the core.
    pub fn find(memory: &dyn Memory, symbols: &dyn Symbols) -> NodeRuntime {
        let at = |name: &str| symbols.find(name).map(|symbol| symbol.address.0);
        let word = |at: u64| memory.read_u64(Address(at)).ok();
        // In cores without the data of the executable all words are 0.
        let start = at(START_TIME).and_then(word).filter(|time| *time != 0);
        let stamp = at(START_TIMESTAMP).and_then(word).map(f64::from_bits);
        let main = at(DEFAULT_LOOP);
        let now = main
            .and_then(|main| word(main.checked_add(uv_loop::BehindMutex::of(memory.architecture()).time)?));
        NodeRuntime {
            started_at: stamp.filter(|time| *time >= 1.0 && *time < 9e15).map(|time| time as u64),
            uptime: now.zip(start).and_then(|(now, start)| now.checked_sub(start / 1_000_000)),
            event_loop: main.and_then(|main| EventLoop::read(memory, main)),
        }
    }
}

impl NodeRuntime {
    /// Memory of the event loop's handles, as `[start, end)`: what a smaller core must keep beside the symbols.
    pub fn essential_memory(memory: &dyn Memory, symbols: &dyn Symbols) -> Vec<(u64, u64)> {
        let Some(main) = symbols.find(DEFAULT_LOOP) else { return Vec::new() };
        let handles = handles_of_loop(memory, main.address.0).unwrap_or_default();
        handles.into_iter().map(|handle| (handle, handle.saturating_add(uv_handle::SIZE))).collect()
    }
}

/// Addresses of all handles of a loop; `None` if its list cannot be followed to the end.
pub(crate) fn handles_of_loop(memory: &dyn Memory, main: u64) -> Option<Vec<u64>> {
    let word = |at: u64, offset: u64| memory.read_u64(Address(at.checked_add(offset)?)).ok();
    let head = main.checked_add(uv_loop::HANDLE_QUEUE)?;
    let mut met = HashSet::new();
    let mut handles = Vec::new();
    let mut node = word(head, 0)?;
    // A loop that was never started has no list.
    while node != 0 && node != head && handles.len() < MOST_HANDLES && met.insert(node) {
        let handle = node.checked_sub(uv_handle::HANDLE_QUEUE)?;
        if word(handle, uv_handle::LOOP) != Some(main) {
            return None;
        }
        handles.push(handle);
        node = word(node, 0)?;
    }
    Some(handles)
}

impl EventLoop {
    fn read(memory: &dyn Memory, main: u64) -> Option<EventLoop> {
        let half = |at: u64, offset: u64| memory.read_u32(Address(at.checked_add(offset)?)).ok();
        let mut by_type = BTreeMap::new();
        for handle in handles_of_loop(memory, main)? {
            let flags = half(handle, uv_handle::FLAGS)?;
            if flags & uv_handle::ACTIVE != 0 && flags & uv_handle::REFERENCED != 0 {
                let number = half(handle, uv_handle::TYPE)?.checked_sub(1)?;
                *by_type.entry(*HANDLE_TYPES.get(usize::try_from(number).ok()?)?).or_default() += 1;
            }
        }
        Some(EventLoop {
            active_handles: half(main, uv_loop::ACTIVE_HANDLES)?,
            active_requests: half(main, uv_loop::ACTIVE_REQUESTS)?,
            by_type,
        })
    }
}
