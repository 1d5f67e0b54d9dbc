//! The threads of the target, and which one is current.
//!
//! Registers and stacks are those of the current thread: at first the one that took the fatal signal, or the first of the
//! core; `id::context` chooses another. A thread is named by the id that the kernel gave it.

use core_reader::{Address, Memory, Stack, Symbols, Thread, Unwinder};
use v8_heap::isolate::Isolate;

use crate::context::Context;
use crate::error::DcmdError;
use crate::target::Target;
use crate::value::{Item, Kind};

/// The thread that is in an isolate.
pub fn thread_of_isolate(target: &Target, isolate: &Isolate) -> Option<u32> {
    let mut threads = target.threads().iter();
    let is_in = |at: Address| target.memory().read_u64(at) == Ok(isolate.address);
    threads
        .find(|thread| target.symbols().thread_local(v8_heap::CURRENT_ISOLATE, thread).is_some_and(is_in))
        .map(|thread| thread.id)
}

impl Context {
    /// The current thread.
    ///
    /// # Errors
    /// The core has none.
    pub fn thread(&self) -> Result<&'static Thread, DcmdError> {
        let threads = self.target()?.threads();
        let chosen = self.current_thread.get();
        let chosen = threads.iter().find(|thread| Some(thread.id) == chosen);
        chosen.or(threads.first()).ok_or_else(|| DcmdError::failed("the core has no threads"))
    }

    /// The thread with this id, if there is one.
    pub fn thread_with_id(&self, id: u64) -> Option<&'static Thread> {
        self.target().ok()?.threads().iter().find(|thread| u64::from(thread.id) == id)
    }

    /// The thread that an item stands for: its id. The current one if there is no item.
    ///
    /// # Errors
    /// No thread has that id.
    pub fn thread_of(&self, item: Option<Item>) -> Result<&'static Thread, DcmdError> {
        let Some(item) = item else { return self.thread() };
        self.thread_with_id(item.word).ok_or_else(|| {
            DcmdError::failed(format!("invalid thread identifier: {item}; ::threads lists them"))
        })
    }

    /// As [`Context::thread_of`], for dcmds to which an address means something else: nothing for an item that is no
    /// thread's id.
    ///
    /// # Errors
    /// The item says that it is a thread, and there is none of that id.
    pub fn thread_if_id(&self, item: Item) -> Result<Option<&'static Thread>, DcmdError> {
        match item.kind {
            Kind::Thread => self.thread_of(Some(item)).map(Some),
            _ => Ok(self.thread_with_id(item.word)),
        }
    }

    /// The stack of a thread, at most `limit` frames of it.
    ///
    /// # Errors
    /// There is no target.
    pub fn stack_of(&self, thread: &Thread, limit: usize) -> Result<Stack, DcmdError> {
        let mut unwinder = Unwinder::new(self.target()?.core());
        Ok(unwinder.stack(&thread.registers, limit))
    }

    /// The V8 isolate that a thread is in, if it is in one.
    pub fn isolate_of(&self, thread: &Thread) -> Option<u64> {
        let target = self.target().ok()?;
        let place = target.symbols().thread_local(v8_heap::CURRENT_ISOLATE, thread)?;
        target.memory().read_u64(Address(place.0)).ok().filter(|isolate| *isolate != 0)
    }
}
