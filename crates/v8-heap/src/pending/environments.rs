//! The `Environment` of each thread that runs Node.js, and its clock.
//!
//! ```text
//!   NativeContext  embedder_data  EmbedderDataArray  slot kEnvironment  node::Environment
//!   Environment    timer_base ... handle wrap queue, request wrap queue
//! ```
//!
//! Slot and queues are published (`nodedbg_*`). Timers count from the moment at which the `Environment` was made (Node.js:
//! `Environment::timer_base_`, `GetNowUint64`). Where that is kept moves from release to release, so it is told by what it is: of all
//! words in front of the queues that can be a time at which the event loop has been, it is the earliest.

use core_reader::{Address, Symbols};

use crate::heap::Heap;
use crate::layout::Kind;
use crate::layout::native::uv_loop::BehindMutex;
use crate::layout::native::{handle_wrap, list_node, node_metadata, uv_handle};
use crate::node_runtime::{DEFAULT_LOOP, START_TIME};
use crate::objects::value::HeapObject;
use crate::{Embedder, Monitor, Result};

use super::heap_of;

/// No process has more threads that run Node.js.
const MOST_ENVIRONMENTS: usize = 4096;
/// More handles and requests are taken for damage.
const MOST_NODES: usize = 1 << 22;

/// One thread that runs Node.js.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Address of the `node::Environment`.
    pub address: u64,
    /// The V8 `Heap` of the thread.
    pub heap: u64,
    /// Its `uv_loop_t`, if it has a handle, or is that of the main thread.
    pub event_loop: Option<u64>,
    /// What its timers count by; `None` if the core does not tell.
    pub clock: Option<Clock>,
}

/// A clock, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// When the event loop last looked at the monotonic clock.
    pub loop_time: u64,
    /// The monotonic clock when the timers' clock was 0.
    pub base: u64,
}

impl Clock {
    /// What the timers' clock said.
    pub fn now(&self) -> u64 {
        self.loop_time.saturating_sub(self.base)
    }
}

/// All threads that run Node.js, or what the core lacks to find them.
#[derive(Clone, Debug, Default)]
pub struct Environments {
    /// The threads, in the order of their addresses.
    pub list: Vec<Environment>,
    /// What is missing, if something is.
    pub missing: Option<&'static str>,
    pub(super) places: Option<Places>,
}

/// Where fields are, as Node.js publishes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    pub environment_slot: u64,
    pub persistent: u64,
    pub handle_queue: u64,
    pub request_queue: u64,
    pub handle_node: u64,
    pub request_node: u64,
}

impl Places {
    fn read(heap: &Heap<'_>, symbols: &dyn Symbols) -> Option<Places> {
        let at = |name: &str| symbols.find(name).map(|symbol| symbol.address);
        let plausible = |value: &u64| *value < node_metadata::LARGEST;
        let offset = |name: &str| heap.memory().read_u64(at(name)?).ok().filter(plausible);
        let slot = heap.memory().read_u32(at(node_metadata::ENVIRONMENT_SLOT)?).ok().map(u64::from);
        let places = Places {
            environment_slot: slot.filter(plausible)?,
            persistent: offset(node_metadata::PERSISTENT)?,
            handle_queue: offset(node_metadata::HANDLE_QUEUE)?,
            request_queue: offset(node_metadata::REQUEST_QUEUE)?,
            handle_node: offset(node_metadata::HANDLE_NODE)?,
            request_node: offset(node_metadata::REQUEST_NODE)?,
        };
        // In cores without the data of the executable all are 0.
        (places.handle_queue > 0 && places.handle_node > 0 && places.request_node > 0).then_some(places)
    }
}

impl Heap<'_> {
    /// All threads that run Node.js.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] if the monitor says so; what fails when the heap is indexed.
    pub fn environments(&self, symbols: &dyn Symbols, monitor: &dyn Monitor) -> Result<Environments> {
        let Some(places) = Places::read(self, symbols) else {
            let missing = match self.embedder() {
                Some(embedder) if embedder.name != Embedder::NODE => "an Environment, which only Node.js has",
                _ => "what Node.js publishes of itself (nodedbg_*)",
            };
            return Ok(Environments { missing: Some(missing), ..Environments::default() });
        };
        let mut found: Vec<(u64, u64)> = Vec::new();
        self.for_each_of(Kind::NativeContext, monitor, |context| {
            if let Some(address) = self.environment_of(context, &places) {
                found.push((address, heap_of(self, context)));
            }
            found.len() < MOST_ENVIRONMENTS
        })?;
        found.sort_unstable();
        found.dedup_by_key(|(address, _)| *address);
        let main = symbols.find(DEFAULT_LOOP).map(|symbol| symbol.address.0);
        let start = symbols.find(START_TIME).and_then(|symbol| self.memory().read_u64(symbol.address).ok());
        let list: Vec<Environment> = found
            .into_iter()
            .filter_map(|(address, heap)| {
                let nodes = self.queue(address, places.handle_queue)?;
                let mut loops = nodes.iter().filter_map(|node| self.loop_of(*node, &places));
                // Where a thread has no handle, it can only be the main one.
                let event_loop = loops.next().or(main.filter(|_| nodes.is_empty()));
                let clock =
                    event_loop.and_then(|event_loop| self.clock(address, &places, event_loop, start?));
                Some(Environment { address, heap, event_loop, clock })
            })
            .collect();
        let missing = list.is_empty().then_some("the memory of Node.js's Environment");
        Ok(Environments { list, missing, places: Some(places) })
    }

    fn environment_of(&self, context: HeapObject<'_>, places: &Places) -> Option<u64> {
        let slot = self.layout().embedder_data_slot;
        let at = self.fields().context_slot(context.address, slot);
        let array = self.object(self.words().tagged(at, "embedder data").ok()?).ok()?;
        if self.layout().type_name(array.map.instance_type) != "EmbedderDataArray"
            || places.environment_slot
                >= self.plausible_length(array.address, self.fields().embedder_data_length).ok()?
        {
            return None;
        }
        let at = array.address
            + self.fields().embedder_data_slots
            + size_of::<u64>() as u64 * places.environment_slot;
        let address = self.words().word(at, "embedder data").ok()?;
        // Contexts that are not Node.js's have a small integer or undefined there.
        (address != 0 && address.is_multiple_of(size_of::<u64>() as u64)).then_some(address)
    }

    /// The nodes of a queue of an `Environment`, in order; `None` if it cannot be followed to its end.
    pub(super) fn queue(&self, environment: u64, offset: u64) -> Option<Vec<u64>> {
        let word = |at: u64, offset: u64| self.memory().read_u64(Address(at.checked_add(offset)?)).ok();
        let head = environment.checked_add(offset)?;
        let mut nodes = Vec::new();
        let mut before = head;
        let mut node = word(head, list_node::NEXT)?;
        while node != head {
            if nodes.len() == MOST_NODES || word(node, list_node::PREVIOUS) != Some(before) {
                return None;
            }
            nodes.push(node);
            (before, node) = (node, word(node, list_node::NEXT)?);
        }
        Some(nodes)
    }

    /// The `uv_handle_t` of a place in the queue of handles, and where the state of its wrap is.
    pub(super) fn handle_of_node(&self, node: u64, places: &Places) -> Option<(u64, u64)> {
        let word = |at: u64, offset: u64| self.memory().read_u64(Address(at.checked_add(offset)?)).ok();
        let wrap = node.checked_sub(places.handle_node)?;
        handle_wrap::PLACES.into_iter().find_map(|(behind, state)| {
            let handle = word(node, behind)?;
            let is_own = word(handle, uv_handle::DATA) == Some(wrap);
            is_own.then_some((handle, node.checked_add_signed(state)?))
        })
    }

    fn loop_of(&self, node: u64, places: &Places) -> Option<u64> {
        let word = |at: u64, offset: u64| self.memory().read_u64(Address(at.checked_add(offset)?)).ok();
        let (handle, _) = self.handle_of_node(node, places)?;
        word(handle, uv_handle::LOOP).filter(|event_loop| *event_loop != 0)
    }

    /// `started` is when the process did, in nanoseconds.
    fn clock(&self, environment: u64, places: &Places, event_loop: u64, started: u64) -> Option<Clock> {
        let word = |at: u64, offset: u64| self.memory().read_u64(Address(at.checked_add(offset)?)).ok();
        let loop_time = word(event_loop, BehindMutex::of(self.memory().architecture()).time)?;
        let started = started / 1_000_000;
        if started == 0 || loop_time < started {
            return None;
        }
        let size = size_of::<u64>() as u64;
        let words = (0..places.handle_queue).step_by(size as usize);
        let base = words
            .filter_map(|at| word(environment, at))
            .filter(|time| (started..=loop_time).contains(time))
            .min()?;
        Some(Clock { loop_time, base })
    }
}
