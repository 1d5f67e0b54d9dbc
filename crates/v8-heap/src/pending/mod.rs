//! What a process waits for: timers and what is due next, handles and requests of libuv, suspended functions, promises.
//!
//! Node.js keeps timers, immediates and ticks in objects of its own modules, which are found by the names of the variables that
//! hold them. Handles and requests are C++ objects in two queues of each `Environment`, each with its object in the heap. Promises and
//! microtasks are V8's; the event loop and the pool of threads are libuv's.

mod async_storage;
mod chains;
mod environments;
mod essential;
mod event_loops;
mod handles;
mod http;
mod microtasks;
mod promises;
mod retained;
mod scopes;
mod thread_pool;
mod ticks;
mod timers;
mod workers;

pub use async_storage::{AsyncContext, AsyncStorage, AsyncStore, ContextHolder};
pub use chains::{Chain, Chains, Link, Settler, SettlerKind};
pub use environments::{Clock, Environment, Environments};
pub use essential::PendingMemory;
pub use event_loops::{EventLoopState, LoopHandle};
pub use handles::{Handle, Request};
pub use http::{HttpExchange, HttpState};
pub use microtasks::{Microtask, MicrotaskKind, MicrotaskQueue};
pub use promises::{PromiseMakers, PromiseState};
pub use retained::ChainBytes;
pub use thread_pool::{ThreadPool, Work, WorkState};
pub use ticks::Tick;
pub use timers::{Immediate, Timer};
pub use workers::NodeThread;

use crate::heap::Heap;
use crate::objects::value::{HeapObject, Value};
use crate::{PropertyValue, Tagged};

/// The JavaScript object that a word stands for.
fn js_object<'h>(heap: &'h Heap<'_>, value: Tagged) -> Option<HeapObject<'h>> {
    match heap.value(value).ok()? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

/// The JavaScript object in a property.
fn object_property<'h>(heap: &'h Heap<'_>, object: HeapObject<'_>, name: &str) -> Option<HeapObject<'h>> {
    js_object(heap, heap.data_property(object, name)?)
}

/// The number in a property.
fn number_property(heap: &Heap<'_>, object: HeapObject<'_>, name: &str) -> Option<f64> {
    match heap.own_property(object, name).ok()?? {
        PropertyValue::Data(value) => heap.number(value),
        PropertyValue::Double(number) => Some(number),
        _ => None,
    }
}

/// `true` or `false` in a property.
fn boolean_property(heap: &Heap<'_>, object: HeapObject<'_>, name: &str) -> Option<bool> {
    match heap.value(heap.data_property(object, name)?).ok()? {
        Value::Boolean(value) => Some(value),
        _ => None,
    }
}

/// The `Heap` whose object this is.
fn heap_of(heap: &Heap<'_>, object: HeapObject<'_>) -> u64 {
    heap.spaces().page_of(object.address).map_or(0, |page| page.heap)
}
