//! The threads that run Node.js: the main one, and its workers with the objects by which programs know them.
//!
//! ```text
//!   Worker   Symbol(kHandle)   its native object: threadId, [threadName], onexit
//!                                internal field ──► node::worker::Worker   its isolate, its thread
//! ```
//!
//! (Node.js: `lib/internal/worker.js`, `src/node_worker.h`.) Which word of the C++ object is which differs from release to release.
//! They are told by what they are: the address of an isolate of this process, and the thread pointer of one of its threads.

use core_reader::{Address, Symbols};

use crate::heap::Heap;
use crate::isolate::Isolate;
use crate::layout::Kind;
use crate::layout::native::worker;
use crate::node_runtime::DEFAULT_LOOP;
use crate::objects::context::VariableValue;
use crate::objects::value::HeapObject;
use crate::{Monitor, Result, Tagged};

use super::environments::Environments;
use super::{boolean_property, js_object, number_property, object_property};

/// Scopes around a function that are looked through.
const MOST_SCOPES: usize = 4;
/// Longer names are cut, in code units.
const LONGEST_NAME: usize = 256;
/// No process has more.
const MOST_WORKERS: usize = 1 << 16;

/// A thread that runs Node.js.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeThread {
    /// It is the main thread.
    pub is_main: bool,
    /// `worker.threadId`: 0 for the main thread; `None` if nothing that lives knows it.
    pub number: Option<u32>,
    /// The number of the thread in the system, if it has begun.
    pub thread: Option<u32>,
    /// Its `node::Environment`, if it has one: not before it has begun, and not any more when it is at its end.
    pub environment: Option<u64>,
    /// Its V8 `Heap`.
    pub heap: Option<u64>,
    /// The `Worker` of the thread that started it.
    pub worker: Option<Tagged>,
    /// What that thread has called it, where Node.js keeps that in an object.
    pub name: Option<String>,
    /// It has told that thread that it is online: its program has begun.
    pub is_online: Option<bool>,
}

impl Heap<'_> {
    /// All threads that run Node.js, the main one first, then workers by number. A worker that has ended is not among them.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] if the monitor says so; what fails when the heap is indexed.
    pub fn node_threads(
        &self,
        environments: &Environments,
        symbols: &dyn Symbols,
        monitor: &dyn Monitor,
    ) -> Result<Vec<NodeThread>> {
        let main = symbols.find(DEFAULT_LOOP).map(|symbol| symbol.address.0);
        let system = |isolate: &Isolate| self.thread_of(isolate).map(|owner| owner.thread.id);
        let isolate_of = |heap: u64| self.spaces().isolates().iter().find(|isolate| isolate.heap == heap);
        let mut threads: Vec<NodeThread> = Vec::new();
        for environment in &environments.list {
            let is_main = main.is_some() && environment.event_loop == main;
            threads.push(NodeThread {
                is_main,
                number: is_main.then_some(0),
                thread: isolate_of(environment.heap).and_then(system),
                environment: Some(environment.address),
                heap: Some(environment.heap),
                worker: None,
                name: None,
                is_online: None,
            });
        }
        let mut handles = Vec::new();
        self.for_each_of(Kind::JsApiObject, monitor, |object| {
            if self.is_worker(object) {
                handles.push(object.value());
            }
            handles.len() < MOST_WORKERS
        })?;
        for handle in handles {
            let Some(handle) = js_object(self, handle) else { continue };
            let found = self.native_worker(handle);
            let heap = found.0.map(|isolate| isolate.heap);
            let number = number_property(self, handle, "threadId")
                .filter(|number| *number >= 0.0 && *number <= f64::from(u32::MAX))
                .map(|number| number as u32);
            let worker = self.worker_of(handle);
            let name = self
                .data_property(handle, "threadName")
                .and_then(|name| Some(self.string(name, LONGEST_NAME).ok()?.to_text()));
            let is_online = worker.and_then(|worker| boolean_property(self, worker, "Symbol(kIsOnline)"));
            // What has ended has neither isolate nor thread, and nobody waits for it.
            let known = threads.iter().position(|thread| heap.is_some() && thread.heap == heap);
            let thread = found.1.or(found.0.and_then(system));
            match known {
                Some(index) => {
                    let own = &mut threads[index];
                    (own.number, own.name, own.is_online) = (number, name, is_online);
                    own.worker = worker.map(|worker| worker.value());
                    own.thread = own.thread.or(thread);
                }
                None => threads.push(NodeThread {
                    is_main: false,
                    number,
                    thread,
                    environment: None,
                    heap,
                    worker: worker.map(|worker| worker.value()),
                    name,
                    is_online,
                }),
            }
        }
        threads.sort_by_key(|thread| (!thread.is_main, thread.number.unwrap_or(u32::MAX), thread.thread));
        Ok(threads)
    }

    /// Whether an object is the native one of a worker.
    pub(super) fn is_worker(&self, object: HeapObject<'_>) -> bool {
        self.name(self.constructor_name(object)) == "Worker"
            && number_property(self, object, "threadId").is_some()
    }

    /// The isolate and the thread of a worker's native object.
    fn native_worker(&self, handle: HeapObject<'_>) -> (Option<&Isolate>, Option<u32>) {
        let pointers = self.embedder_fields(handle).map(|data| data.fields).unwrap_or_default();
        let isolates = self.spaces().isolates();
        for pointer in pointers {
            let word = |offset: u64| self.memory().read_u64(Address(pointer.checked_add(offset)?)).ok();
            let words = (0..worker::SIZE).step_by(size_of::<u64>()).filter_map(word);
            let mut found = (None, None);
            for word in words {
                found.0 = found.0.or_else(|| isolates.iter().find(|isolate| isolate.address == word));
                found.1 = found.1.or_else(|| {
                    let mut threads = self.threads().iter();
                    threads.find(|thread| thread.registers.are_of_thread(word)).map(|thread| thread.id)
                });
            }
            if found.0.is_some() || found.1.is_some() {
                return found;
            }
        }
        (None, None)
    }

    /// The `Worker` that a native object is of: `this` of the arrow function that waits for its end.
    fn worker_of(&self, handle: HeapObject<'_>) -> Option<HeapObject<'_>> {
        let function = object_property(self, handle, "onexit")?;
        if function.kind() != Kind::JsFunction {
            return None;
        }
        let mut context = self.object(self.function_context(function).ok()?).ok()?;
        for _ in 0..MOST_SCOPES {
            for variable in self.context_variables(context).ok()? {
                if let VariableValue::Tagged(value) = variable.value
                    && self.is_text(variable.name, "this")
                {
                    return js_object(self, value);
                }
            }
            context = self.previous_context(context).ok()??;
        }
        None
    }
}
