//! What is being debugged: a core with its binaries, and the heap in it once somebody asks.

use std::cell::{OnceCell, RefCell};
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use core_reader::{
    Address, AddressSpace, Core, Malloc, ModuleSymbols, OpenOptions, STANDARD_INPUT, Stack, Step, Thread,
    Unreached, Unwinder, Watch,
};

use v8_heap::{Heap, Monitor};

use crate::error::reasons;
use crate::interrupt::Interrupt;
use crate::output::{Progress, escape};

/// What a target must have for a dcmd to work on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// Nothing but that something is open.
    Any,
    /// Any core.
    Core,
    /// A graph of JavaScript objects: a heap that is understood, or a heap snapshot.
    Graph,
    /// The heap of a JavaScript engine that is understood.
    V8Heap,
}

impl Capability {
    /// Whether some of `needs` is a heap of V8's, from whatever source.
    pub fn are_of_v8(needs: &[Capability]) -> bool {
        needs.iter().any(|need| matches!(need, Capability::V8Heap | Capability::Graph))
    }
}

/// An opened target. A run of the program has one, which lives as long as the program; what is read from it may be kept
/// without asking for how long.
#[derive(Debug)]
pub struct Target {
    core: &'static Core,
    path: Option<PathBuf>,
    heap: OnceCell<Result<Heap<'static>, String>>,
    unwinder: OnceCell<RefCell<Unwinder<'static>>>,
    malloc: OnceCell<Option<Malloc>>,
    unreached: OnceCell<Unreached>,
}

impl Target {
    /// Opens a core; shows how far it is if that takes long, and stops if `interrupt` is set.
    ///
    /// # Errors
    /// What cannot be opened, and why.
    pub fn open(options: &OpenOptions, interrupt: &Interrupt) -> Result<Target, String> {
        let progress = Progress::new(interrupt.clone());
        let mut begun: Option<core_reader::Progress> = None;
        let core = Core::open_with_progress(options, &mut |at: core_reader::Progress| {
            let before = begun.filter(|before| (before.step, before.total) == (at.step, at.total));
            if before.is_none() {
                let what = match at.step {
                    Step::Fetching => "fetching a binary".to_owned(),
                    _ => format!("reading {}", escape(&options.core.to_string_lossy())),
                };
                progress.begin(&what, at.total);
            }
            progress.advance(at.done.saturating_sub(before.map_or(0, |before| before.done)));
            begun = Some(at);
            if progress.cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let mut target = core.map(Target::new).map_err(|error| reasons(&error))?;
        // What was on a pipe is not there any more.
        target.path =
            Some(options.core.clone()).filter(|path| path != Path::new(STANDARD_INPUT) && path.is_file());
        Ok(target)
    }

    /// A target that is `core`.
    pub fn new(core: Core) -> Target {
        Target {
            core: Box::leak(Box::new(core)),
            path: None,
            heap: OnceCell::new(),
            unwinder: OnceCell::new(),
            malloc: OnceCell::new(),
            unreached: OnceCell::new(),
        }
    }

    /// The core.
    pub fn core(&self) -> &'static Core {
        self.core
    }

    /// The file of the core, if it was opened from one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The V8 heap of the process; looked for when first asked.
    ///
    /// # Errors
    /// Why there is none that can be read.
    pub fn heap(&self) -> Result<&Heap<'static>, String> {
        let open = || {
            Heap::open(self.memory(), self.symbols(), self.core.threads()).map_err(|error| reasons(&error))
        };
        self.heap.get_or_init(open).as_ref().map_err(Clone::clone)
    }

    /// The V8 heap, if it has been asked for and found.
    pub fn known_heap(&self) -> Option<&Heap<'static>> {
        self.heap.get()?.as_ref().ok()
    }

    /// The memory of the process.
    pub fn memory(&self) -> &'static AddressSpace {
        self.core.memory()
    }

    /// Its symbols.
    pub fn symbols(&self) -> &'static ModuleSymbols {
        self.core.symbols()
    }

    /// The blocks of the C library's allocator; found when first asked. Nothing if it is not in use. What was cancelled is not kept.
    pub fn malloc(&self, watch: &dyn Watch) -> Option<&Malloc> {
        if let Some(known) = self.malloc.get() {
            return known.as_ref();
        }
        let found = Malloc::of(self.core, watch);
        if watch.cancelled() {
            return None;
        }
        self.malloc.get_or_init(|| found).as_ref()
    }

    /// Blocks of the allocator that nothing leads to; looked for when first asked. Nothing if there are no blocks, or if `watch` has
    /// stopped it.
    pub fn unreached(&self, watch: &dyn Watch) -> Option<&Unreached> {
        if let Some(known) = self.unreached.get() {
            return Some(known);
        }
        let mut stale = self.heap().map_or_else(|_| Vec::new(), |heap| heap.spaces().without_objects());
        stale.extend(self.room_on_stacks());
        stale.sort_unstable();
        let found = self.malloc(watch)?.unreached(self.core, &stale, watch)?;
        Some(self.unreached.get_or_init(|| found))
    }

    /// Room in frames that nobody has cleared: words in it are of who had that part of the stack before. What else such a function has, others
    /// have as well.
    fn room_on_stacks(&self) -> Vec<(u64, u64)> {
        /// Functions that are mostly room: libuv waits with a list of 1024 events (`src/unix/linux.c`).
        const WITH_ROOM: [&str; 1] = ["uv__io_poll"];
        /// The return address and the registers that are given back are at the end of a frame.
        const SAVED: u64 = 64;
        /// The innermost frames of a thread that waits.
        const FRAMES: usize = 16;
        let mut room = Vec::new();
        for thread in self.core.threads() {
            for frame in self.stack_of(thread, FRAMES).frames {
                let function = self.symbols().nearest(frame.lookup_address(), 0);
                let is_one = function.is_some_and(|found| WITH_ROOM.contains(&&*found.symbol.name));
                if let Some(end) = frame.frame_pointer.filter(|_| is_one) {
                    room.push((frame.stack_pointer.0, end.0.saturating_sub(SAVED)));
                }
            }
        }
        room
    }

    /// Bytes of the file that was mapped at `address`, as they are in the file that stands for it.
    ///
    /// # Errors
    /// No file was mapped there, there is none at hand, or it cannot be read.
    pub fn read_file(&self, address: u64, buffer: &mut [u8]) -> Result<(), String> {
        let inside = |file: &&core_reader::MappedFile| (file.start..file.end).contains(&Address(address));
        let Some(mapped) = self.core.mapped_files().iter().find(inside) else {
            return Err("no file was mapped at the address".to_owned());
        };
        if mapped.end.0 - address < buffer.len() as u64 {
            return Err("no mapping for address".to_owned());
        }
        let module = self.core.modules().iter().find(|module| *module.path == *mapped.path);
        let found = match module.map(|module| &module.file) {
            Some(Ok(file)) if !file.symbols_only => file,
            Some(Err(reason)) => return Err(reason.clone()),
            _ => return Err(format!("the file {} is not at hand", escape(&mapped.path))),
        };
        let offset = mapped.offset + (address - mapped.start.0);
        core_reader::open_regular(&found.path).and_then(|file| file.read_exact_at(buffer, offset)).map_err(
            |error| format!("failed to read {}: {}", escape(&found.path.to_string_lossy()), reasons(&error)),
        )
    }

    /// The stack of a thread, at most `limit` frames of it.
    pub fn stack_of(&self, thread: &Thread, limit: usize) -> Stack {
        let unwinder = self.unwinder.get_or_init(|| RefCell::new(Unwinder::new(self.core)));
        unwinder.borrow_mut().stack(&thread.registers, limit)
    }

    /// Its threads; the first one is current.
    pub fn threads(&self) -> &'static [Thread] {
        self.core.threads()
    }
}
