//! Microtasks that have still to run, in the order in which they will.
//!
//! ```text
//!   NativeContext   last word: MicrotaskQueue   size, capacity, start, ring of tasks
//!     CallableTask                    what `queueMicrotask` was given
//!     PromiseFulfillReactionJobTask   a handler for the value of a promise, and what that promise's then() returned
//!     PromiseRejectReactionJobTask    the same for a reason
//!     PromiseResolveThenableJobTask   a thenable whose `then` is called with the functions that settle a promise
//!     CallbackTask                    a function of the embedder
//!     AsyncResumeTask                 a suspended call that goes on with a value (V8 15)
//! ```
//!
//! (V8: `src/execution/microtask-queue.h`, `src/objects/microtask.tq`, `promise.tq`.) An isolate has a queue that all its contexts
//! share; contexts of `vm` with `microtaskMode: 'afterEvaluate'` have one of their own. A task is taken out of the ring before it runs.

use std::collections::HashSet;

use core_reader::Address;

use crate::heap::Heap;
use crate::layout::Kind;
use crate::layout::native::microtask_queue;
use crate::objects::promise::Waits;
use crate::objects::value::HeapObject;
use crate::{Error, Monitor, Result, Tagged};

use super::{heap_of, object_property};

/// No queue has more.
const MOST_TASKS: u64 = 1 << 26;
/// No process has more queues.
const MOST_QUEUES: usize = 1 << 16;

/// What a microtask does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MicrotaskKind {
    /// Calls a function: what `queueMicrotask` was given.
    Callback,
    /// Tells a handler the value of a promise that was fulfilled.
    Fulfilled,
    /// Tells a handler the reason of a promise that was rejected.
    Rejected,
    /// Calls `then` of what a promise was resolved with.
    Thenable,
    /// Calls a function of the embedder.
    Native,
    /// It cannot be read.
    Unknown,
}

/// A microtask that has still to run.
#[derive(Clone, Copy, Debug)]
pub struct Microtask {
    /// V8's record of it.
    pub object: Tagged,
    /// What it does.
    pub kind: MicrotaskKind,
    /// For whom, if it tells of a promise.
    pub waits: Option<Waits>,
    /// The function that it calls: of the program where there is one.
    pub handler: Option<Tagged>,
    /// The suspended call that goes on.
    pub call: Option<Tagged>,
    /// The value or reason that it tells, or the thenable.
    pub argument: Option<Tagged>,
    /// The promise that is settled with what comes of it.
    pub promise: Option<Tagged>,
}

/// A queue of microtasks.
#[derive(Clone, Debug)]
pub struct MicrotaskQueue {
    /// Address of the `MicrotaskQueue`.
    pub address: u64,
    /// The V8 `Heap` whose contexts use it.
    pub heap: u64,
    /// In the order in which they will run.
    pub tasks: Vec<Microtask>,
    /// Tasks that the core does not have.
    pub missing: u64,
}

impl Heap<'_> {
    /// All queues of microtasks, those in front whose heap is, empty ones among them.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so; what fails when the heap is indexed.
    pub fn microtask_queues(&self, monitor: &dyn Monitor) -> Result<Vec<MicrotaskQueue>> {
        let (mut seen, mut places) = (HashSet::new(), Vec::new());
        self.for_each_of(Kind::NativeContext, monitor, |context| {
            let size = self.object_size(context).unwrap_or(0);
            let at = context.address.saturating_add(size.saturating_sub(size_of::<u64>() as u64));
            let queue = self.memory().read_u64(Address(at)).ok().filter(|queue| *queue != 0);
            places.extend(
                queue.filter(|queue| seen.insert(*queue)).map(|queue| (queue, heap_of(self, context))),
            );
            places.len() < MOST_QUEUES
        })?;
        places.sort_by_key(|(queue, heap)| (*heap, *queue));
        let mut queues = Vec::new();
        let mut room = MOST_TASKS;
        for (address, heap) in places {
            queues.push(self.microtask_queue(address, heap, &mut room, monitor)?);
        }
        Ok(queues)
    }

    fn microtask_queue(
        &self,
        address: u64,
        heap: u64,
        room: &mut u64,
        monitor: &dyn Monitor,
    ) -> Result<MicrotaskQueue> {
        let word = |at: Option<u64>| self.memory().read_u64(Address(at?)).ok();
        let field = |offset: u64| word(address.checked_add(offset));
        let mut queue = MicrotaskQueue { address, heap, tasks: Vec::new(), missing: 0 };
        let (Some(size), Some(capacity), Some(start), Some(ring)) = (
            field(microtask_queue::SIZE),
            field(microtask_queue::CAPACITY),
            field(microtask_queue::START),
            field(microtask_queue::RING),
        ) else {
            queue.missing = 1;
            return Ok(queue);
        };
        if size == 0 {
            return Ok(queue);
        }
        if size > capacity || start >= capacity || size > *room {
            queue.missing = size;
            return Ok(queue);
        }
        *room -= size;
        for index in 0..size {
            if index % 1024 == 0 && monitor.cancelled() {
                return Err(Error::Interrupted);
            }
            let place = (start % capacity + index) % capacity;
            let at = place.checked_mul(size_of::<u64>() as u64).and_then(|offset| ring.checked_add(offset));
            match word(at) {
                Some(task) => queue.tasks.push(self.microtask(Tagged(task))),
                None => {
                    queue.missing = size - index;
                    break;
                }
            }
        }
        Ok(queue)
    }

    fn microtask(&self, task: Tagged) -> Microtask {
        let mut found = Microtask {
            object: task,
            kind: MicrotaskKind::Unknown,
            waits: None,
            handler: None,
            call: None,
            argument: None,
            promise: None,
        };
        let Ok(object) = self.object(task) else { return found };
        let fields = self.fields();
        let field = |at: u64| self.words().tagged(object.address + at, "field of a microtask").ok();
        match self.layout().type_name(object.map.instance_type) {
            "CallableTask" => {
                found.kind = MicrotaskKind::Callback;
                found.handler =
                    field(fields.callable_task_callable).map(|called| self.queued_callback(called));
            }
            // It stands for the two steps between a call that waits and a value that is no promise.
            "AsyncResumeTask" => {
                found.kind = MicrotaskKind::Fulfilled;
                found.call = fields.resume_generator.and_then(field);
                found.argument = fields.resume_value.and_then(field);
            }
            "CallbackTask" => found.kind = MicrotaskKind::Native,
            name @ ("PromiseFulfillReactionJobTask" | "PromiseRejectReactionJobTask") => {
                let is_fulfilled = name == "PromiseFulfillReactionJobTask";
                found.kind = if is_fulfilled { MicrotaskKind::Fulfilled } else { MicrotaskKind::Rejected };
                let (Some(handler), Some(promise)) =
                    (field(fields.job_handler), field(fields.job_promise_or_capability))
                else {
                    return found;
                };
                let reaction = self.reaction_of_job(is_fulfilled, handler, promise);
                found.waits = Some(reaction.waits);
                found.handler = reaction.handler.filter(|_| reaction.awaiting.is_none());
                found.call = reaction.awaiting;
                found.promise = reaction.promise;
                found.argument = field(fields.job_argument);
            }
            "PromiseResolveThenableJobTask" => {
                found.kind = MicrotaskKind::Thenable;
                found.argument = field(fields.thenable_job_thenable);
                found.handler = field(fields.thenable_job_then);
                found.promise = field(fields.thenable_job_promise);
            }
            _ => {}
        }
        found
    }

    /// Node.js binds what `queueMicrotask` was given into a function of its own: `callback` of the bound `this` (Node.js:
    /// `lib/internal/process/task_queues.js`).
    fn queued_callback(&self, called: Tagged) -> Tagged {
        let callback = || {
            let bound = self.object(called).ok().filter(|object| object.kind() == Kind::JsBoundFunction)?;
            let resource: HeapObject<'_> = self.object(self.bound_function(bound).ok()?.this).ok()?;
            let resource = Some(resource).filter(|resource| resource.kind().is_js_object())?;
            object_property(self, resource, "callback").filter(|callback| callback.kind() == Kind::JsFunction)
        };
        callback().map_or(called, |callback| callback.value())
    }
}
