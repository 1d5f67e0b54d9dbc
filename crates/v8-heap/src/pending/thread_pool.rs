//! The pool of threads of libuv: what its threads do, and what waits for one.
//!
//! ```text
//!   threads: pthread_t of each       idle threads       wq: work, in order, and a marker for slow work
//!   slow_io_pending_wq: names that are looked up: at most half of the threads do that
//!     uv__work   function or 0, what is called when it is done, loop, place in a queue
//!       inside of uv_fs_t, uv_getaddrinfo_t, uv_work_t ...
//!         inside of Node.js's ThreadPoolWork, which says what it is for: crypto, zlib
//! ```
//!
//! (libuv: `src/threadpool.c`, `include/uv/threadpool.h`; Node.js: `src/threadpoolwork-inl.h`.) Work is taken off the queue before it
//! runs, and the function is set to 0 when it has run: what runs is found on the stack of its thread, the outermost word there that leads to
//! work of a known loop that is in no queue. How many run libuv counts itself, which the caller can compare.

use std::collections::HashSet;

use core_reader::{Address, Symbols, Thread, demangle};

use crate::heap::Heap;
use crate::isolate::readable_words;
use crate::layout::native::{thread_pool, uv_loop, uv_request, uv_work};
use crate::node_runtime::{
    IDLE_THREADS, POOL_SIZE, POOL_THREADS, SLOW_MARKER, SLOW_QUEUE, THREAD_OF_POOL, WORK_QUEUE,
};
use crate::{Error, Monitor, Result, Tagged};

use super::environments::Environments;
use super::event_loops::EventLoopState;
use super::handles::VIRTUAL_FUNCTIONS;

/// No pool is larger (libuv: `MAX_THREADPOOL_SIZE`).
const MOST_THREADS: u32 = 1024;
/// A stack is not looked through further, in bytes.
const MOST_STACK: u64 = 8 << 20;
/// Longer names of kinds are not believed.
const LONGEST_KIND: usize = 40;

/// What Node.js calls the work of some classes; early releases of Node.js 18 do not keep that with the work.
const KINDS: [(&str, &str); 3] = [("node::crypto::", "crypto"), ("Zlib", "zlib"), ("Brotli", "zlib")];

/// How far work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkState {
    /// A thread does it: its number in the system.
    Running(u32),
    /// It waits for a thread.
    Queued,
    /// It waits until fewer threads do such slow work.
    Slow,
    /// It was given to the kernel in place of the pool (libuv: `src/unix/linux.c`, `uv__iou_fs_*`), and the loop has not been told yet that it is
    /// done.
    Kernel,
    /// It is done, and the loop has still to be told.
    Done,
}

/// Something that was given to the pool, or to the kernel in its place.
#[derive(Clone, Debug)]
pub struct Work {
    /// Address of the `uv__work`.
    pub address: u64,
    /// How far it is.
    pub state: WorkState,
    /// `fs`, `dns`, `random`, or what Node.js calls it: `crypto`, `zlib`; `work` for another function, `?` without symbols.
    pub kind: String,
    /// The function that does it, if it has a symbol.
    pub function: Option<String>,
    /// What it does with a file: `open`.
    pub operation: Option<&'static str>,
    /// The path that it works on.
    pub path: Option<String>,
    /// The descriptor that it works on.
    pub descriptor: Option<i32>,
    /// The name that is looked up.
    pub host: Option<String>,
    /// Its object: an `FSReqCallback`, a `PBKDF2Job`.
    pub object: Option<Tagged>,
    /// The loop that is told.
    pub event_loop: u64,
    /// The native object that it is for.
    pub(super) wrap: Option<u64>,
    /// Words that lead to the texts above.
    pub(super) texts: Vec<u64>,
    /// Tables of virtual functions.
    pub(super) tables: Vec<u64>,
}

impl Work {
    /// Of which nothing else is known.
    fn new(address: u64, state: WorkState, event_loop: u64) -> Work {
        Work {
            address,
            state,
            kind: "?".to_owned(),
            function: None,
            operation: None,
            path: None,
            descriptor: None,
            host: None,
            object: None,
            event_loop,
            wrap: None,
            texts: Vec::new(),
            tables: Vec::new(),
        }
    }
}

/// The pool of threads.
#[derive(Clone, Debug, Default)]
pub struct ThreadPool {
    /// The numbers of its threads in the system, those that are in the core.
    pub threads: Vec<u32>,
    /// How many threads it has; 0 if nothing was ever given to it.
    pub size: u32,
    /// How many of them have nothing to do, as libuv counts them.
    pub idle: u32,
    /// What runs, then what waits in the order in which it will run, then what is done, then what the kernel has.
    pub works: Vec<Work>,
    /// What is missing, if something is.
    pub missing: Option<&'static str>,
}

impl ThreadPool {
    /// Threads that are neither idle nor known to work on something: between two works, or what they do was not found.
    pub fn unaccounted(&self) -> u32 {
        let running =
            self.works.iter().filter(|work| matches!(work.state, WorkState::Running(_))).count() as u32;
        self.size.saturating_sub(self.idle).saturating_sub(running)
    }
}

impl Heap<'_> {
    /// The pool of threads of libuv, which all loops share.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub fn thread_pool(
        &self,
        environments: &Environments,
        loops: &[EventLoopState],
        symbols: &dyn Symbols,
        monitor: &dyn Monitor,
    ) -> Result<ThreadPool> {
        let at = |name: &str| symbols.find(name).map(|symbol| symbol.address.0);
        let missing = |what| ThreadPool { missing: Some(what), ..ThreadPool::default() };
        let no_symbols = "the symbols of libuv's pool of threads";
        let (Some(size), Some(idle), Some(queue), Some(slow), Some(marker), Some(threads)) = (
            at(POOL_SIZE),
            at(IDLE_THREADS),
            at(WORK_QUEUE),
            at(SLOW_QUEUE),
            at(SLOW_MARKER),
            at(POOL_THREADS),
        ) else {
            return Ok(missing(no_symbols));
        };
        let half = |at: u64| self.memory().read_u32(Address(at)).ok();
        let (Some(size), Some(idle)) = (half(size), half(idle)) else {
            return Ok(missing("the data of libuv's pool of threads"));
        };
        if size > MOST_THREADS || idle > size {
            return Ok(missing("the data of libuv's pool of threads"));
        }
        let mut pool = ThreadPool { size, idle, ..ThreadPool::default() };
        let (Some(queued), Some(slow)) = (self.uv_queue(queue), self.uv_queue(slow)) else {
            pool.missing = Some("a part of the queue of libuv's pool of threads");
            return Ok(pool);
        };
        let work_of = |node: u64| node.checked_sub(uv_work::NODE);
        let waiting = |nodes: Vec<u64>, state| {
            let nodes = nodes.into_iter().filter(move |node| *node != marker);
            nodes.filter_map(work_of).map(move |work| (work, state))
        };
        let mut found: Vec<(u64, WorkState)> =
            waiting(queued, WorkState::Queued).chain(waiting(slow, WorkState::Slow)).collect();
        for known in loops {
            let done = known.address.checked_add(uv_loop::DONE_QUEUE).and_then(|at| self.uv_queue(at));
            found.extend(waiting(done.unwrap_or_default(), WorkState::Done));
        }
        let mut taken: HashSet<u64> = found.iter().map(|(work, _)| *work).collect();
        let mut known: HashSet<u64> = loops.iter().map(|known| known.address).collect();
        known.extend(found.iter().filter_map(|(work, _)| self.uv_word(*work, uv_work::LOOP)));
        let mut running = Vec::new();
        for thread in self.pool_threads(threads, size) {
            if monitor.cancelled() {
                return Err(Error::Interrupted);
            }
            pool.threads.push(thread.id);
            if let Some(work) = self.work_on_stack(thread, &known, &taken, symbols) {
                taken.insert(work);
                running.push((work, WorkState::Running(thread.id)));
            }
        }
        for (work, state) in running.into_iter().chain(found) {
            pool.works.extend(self.work(work, state, environments, symbols));
        }
        for request in self.file_requests(environments) {
            if monitor.cancelled() {
                return Err(Error::Interrupted);
            }
            // The kernel has no use for what a thread would call.
            let Some(work) = request.checked_add(uv_work::IN_FS) else { continue };
            let word = |offset| self.uv_word(work, offset);
            let is_given = word(uv_work::LOOP).is_some_and(|event_loop| known.contains(&event_loop));
            if is_given && word(uv_work::FUNCTION) == Some(0) && word(uv_work::DONE) == Some(0) {
                let mut work = Work::new(work, WorkState::Kernel, word(uv_work::LOOP).unwrap_or(0));
                self.file_work(request, &mut work);
                self.object_of(&mut work, environments);
                pool.works.push(work);
            }
        }
        Ok(pool)
    }

    fn pool_threads(&self, threads: u64, size: u32) -> Vec<&Thread> {
        let Some(list) = self.uv_word(threads, 0).filter(|list| *list != 0) else { return Vec::new() };
        let numbers =
            (0..u64::from(size)).filter_map(|index| self.uv_word(list, index * thread_pool::THREAD));
        let by_pointer =
            |number: u64| self.threads().iter().find(|thread| thread.registers.are_of_thread(number));
        numbers.filter_map(by_pointer).collect()
    }

    /// The work that a thread does.
    fn work_on_stack(
        &self,
        thread: &Thread,
        loops: &HashSet<u64>,
        taken: &HashSet<u64>,
        symbols: &dyn Symbols,
    ) -> Option<u64> {
        let start = thread.registers.stack_pointer();
        let end = thread.registers.thread_pointer().min(start.saturating_add(MOST_STACK));
        if start >= end {
            return None;
        }
        // From the far end: what the thread began with is there.
        let words = readable_words(self.memory(), start, end);
        let words = words.iter().rev().map(|(_, word)| *word);
        let kept = thread.registers.preserved();
        // Its place in the queue is what a thread takes it by.
        let both = |word: u64| [Some(word), word.checked_sub(uv_work::NODE)].into_iter().flatten();
        words.chain(kept).flat_map(both).find(|work| {
            work.is_multiple_of(size_of::<u64>() as u64)
                && !taken.contains(work)
                && self.uv_word(*work, uv_work::LOOP).is_some_and(|event_loop| loops.contains(&event_loop))
                && self
                    .uv_word(*work, uv_work::FUNCTION)
                    .is_some_and(|function| function != 0 && is_function(function, symbols))
                && self
                    .uv_word(*work, uv_work::DONE)
                    .is_some_and(|function| function != 0 && is_function(function, symbols))
        })
    }

    fn work(
        &self,
        address: u64,
        state: WorkState,
        environments: &Environments,
        symbols: &dyn Symbols,
    ) -> Option<Work> {
        let event_loop = self.uv_word(address, uv_work::LOOP)?;
        let done = self.uv_word(address, uv_work::DONE)?;
        let mut work = Work::new(address, state, event_loop);
        let Some(done) = symbols.at(Address(done)) else { return Some(work) };
        let wrap_of = |request: u64| self.uv_word(request, uv_request::DATA).filter(|wrap| *wrap != 0);
        match done.name.as_str() {
            "uv__fs_done" => self.file_work(address.checked_sub(uv_work::IN_FS)?, &mut work),
            "uv__getaddrinfo_done" => {
                work.kind = "dns".to_owned();
                let request = address.checked_sub(uv_work::IN_NAME)?;
                work.host = self.libuv_text(request, uv_work::HOST_OF_NAME);
                work.wrap = wrap_of(request);
                work.texts.extend(request.checked_add(uv_work::HOST_OF_NAME));
            }
            "uv__getnameinfo_done" => {
                work.kind = "dns".to_owned();
                work.wrap = wrap_of(address.checked_sub(uv_work::IN_NAME)?);
            }
            "uv__random_done" => work.kind = "random".to_owned(),
            "uv__queue_done" => {
                let request = address.checked_sub(uv_work::IN_WORK)?;
                let function = self.uv_word(request, uv_work::CALLBACK_OF_WORK)?;
                let symbol = symbols.at(Address(function)).map(|symbol| symbol.name);
                work.kind = "work".to_owned();
                let is_node = symbol.as_ref().is_some_and(|name| name.contains(THREAD_OF_POOL));
                work.function = symbol.map(|name| demangle(&name).unwrap_or(name));
                if is_node {
                    self.work_of_node(request, &mut work, symbols);
                }
            }
            name => work.function = Some(name.to_owned()),
        }
        self.object_of(&mut work, environments);
        Some(work)
    }

    /// What a `uv_fs_t` says of its work.
    fn file_work(&self, request: u64, work: &mut Work) {
        work.kind = "fs".to_owned();
        let file = self.file_request(request);
        (work.operation, work.path, work.descriptor) = (file.operation, file.path, file.descriptor);
        work.wrap = self.uv_word(request, uv_request::DATA).filter(|wrap| *wrap != 0);
        work.texts.extend(request.checked_add(uv_request::FS_PATH));
    }

    fn object_of(&self, work: &mut Work, environments: &Environments) {
        if let (Some(wrap), Some(places)) = (work.wrap, &environments.places) {
            work.object = self.native_object(wrap, places);
        }
    }

    /// What Node.js says of work: `ThreadPoolWork` is around the request, and that is inside of the object for it.
    fn work_of_node(&self, request: u64, work: &mut Work, symbols: &dyn Symbols) -> Option<()> {
        let around = request.checked_sub(uv_work::IN_NODE)?;
        let kind = self
            .libuv_text(request, uv_work::KIND_OF_NODE)
            .filter(|kind| kind.len() <= LONGEST_KIND && kind.bytes().all(|byte| byte.is_ascii_graphic()));
        // How far the whole object is in front is at the head of the table of its virtual functions.
        let table = self.uv_word(around, 0)?.checked_sub(VIRTUAL_FUNCTIONS)?;
        let whole = around.checked_add_signed(self.uv_word(table, 0)? as i64)?;
        work.function = self.class_of_native(whole, symbols).or(work.function.take());
        let by_class = || {
            let class = self.whole_class_of_native(whole, symbols)?;
            KINDS.iter().find(|(part, _)| class.contains(part)).map(|(_, kind)| (*kind).to_owned())
        };
        if let Some(kind) = kind.or_else(by_class) {
            work.kind = kind;
        }
        work.wrap = Some(whole);
        work.texts.extend(request.checked_add(uv_work::KIND_OF_NODE));
        work.tables.push(table);
        Some(())
    }

    fn uv_word(&self, at: u64, offset: u64) -> Option<u64> {
        self.memory().read_u64(Address(at.checked_add(offset)?)).ok()
    }
}

/// Whether an address is where a function begins.
fn is_function(address: u64, symbols: &dyn Symbols) -> bool {
    symbols.at(Address(address)).is_some_and(|symbol| symbol.address.0 == address)
}
