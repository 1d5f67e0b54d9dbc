//! The threads of the target, and which one is current.
//!
//! Registers and stacks are those of the current thread: at first the one that took the fatal signal, or the first of the
//! core; `id::context` chooses another. A thread is named by the id that the kernel gave it.

use core_reader::{Core, Stack, Thread};

use crate::error::DcmdError;
use crate::session::Session;
use crate::value::{Item, Kind};

/// How many threads there are, the kernel's own workers apart.
pub fn number_of_threads(core: &Core) -> String {
    let all = core.threads().len();
    match core.threads().iter().filter(|thread| thread.has_user_stack()).count() {
        own if own == all => all.to_string(),
        own => format!("{own}, and {} of the kernel", all - own),
    }
}

impl Session {
    /// The current thread.
    ///
    /// # Errors
    /// The core has none.
    pub fn thread(&self) -> Result<&'static Thread, DcmdError> {
        let chosen = self.current_thread.get().and_then(|id| self.thread_with_id(u64::from(id)));
        chosen
            .or(self.target()?.threads().first())
            .ok_or_else(|| DcmdError::failed("the core has no threads"))
    }

    /// The thread with this id, if there is one.
    pub fn thread_with_id(&self, id: u64) -> Option<&'static Thread> {
        let core = self.target().ok()?.core();
        core.threads().get(core.thread_with_id(u32::try_from(id).ok()?)?)
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

    /// As [`Session::thread_of`], for dcmds to which an address means something else: nothing for an item that is no
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
        Ok(self.target()?.stack_of(thread, limit))
    }

    /// The V8 isolate that a thread is in, if it is in one.
    pub fn isolate_of(&self, thread: &Thread) -> Option<u64> {
        let heap = self.target().ok()?.heap().ok()?;
        heap.isolate_of_thread(thread).map(|isolate| isolate.address)
    }
}
