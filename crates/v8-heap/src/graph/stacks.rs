//! Roots on the stacks and in the registers of threads.
//!
//! V8 looks for roots in its own frames only: from each exit frame, by which JavaScript has called native code, up to the entry
//! frame by which native code had called JavaScript (`src/execution/frames.h`). What a native function needs it holds by a handle; an
//! address in its frame is mostly left over from a function that is done, and keeps nothing alive.
//!
//! ```text
//!   sp   native frames          words left over, or in use for a moment
//!        exit frame             fp - 8  marker (2 x type)   fp - 16  stack pointer
//!        frames of JavaScript   fp - 8  context             fp - 16  function
//!        frames of builtins     fp - 8  marker, or as above
//!        entry frame            fp - 8  marker (2 x type)   fp - 64  fp of the next older exit frame, or 0
//!        native frames          as above; and so on
//! ```
//!
//! The innermost frame of V8 is told by the register of the frame pointer, or else by the isolate (`c_entry_fp`, and
//! `fast_c_call_caller_fp` where there is no exit frame); those further out by the entry frames. What else looks like frames is left
//! over from earlier calls.
//!
//! Within these stretches V8 knows which words are alive, we do not: every word that is the address of an object counts.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use core_reader::{Contents, Thread};

use super::root_finder::{Finder, words_of};
use super::roots::{Root, RootKind};
use crate::index::ObjectId;
use crate::layout::Kind;
use crate::layout::native::frame;

/// A stack is read from its stack pointer on, up to this many bytes.
const MOST_STACK: u64 = 16 << 20;
/// Where compiled code has called native code without an exit frame, nothing tells where its own frame ends; so many bytes of it count.
const UNKNOWN_FRAME: u64 = 4096;

impl Finder<'_, '_> {
    /// Every word of a thread that is the address of an object: roots, if they are in frames of V8, otherwise leftovers.
    pub fn thread(&mut self, thread: &Thread) {
        let registers = &thread.registers;
        let start = registers.stack_pointer().saturating_sub(registers.architecture().red_zone) & !7;
        let ranges = self.memory.ranges();
        let range = ranges.get(ranges.partition_point(|range| range.end.0 <= registers.stack_pointer()));
        let range = range
            .filter(|range| range.start.0 <= registers.stack_pointer() && range.contents == Contents::Dumped);
        let mut is_in_javascript = false;
        match range {
            Some(range) => {
                // What the thread library keeps of a thread stands at the far end of its stack, where other memory may
                // follow.
                let own = Some(registers.thread_pointer()).filter(|base| (start..range.end.0).contains(base));
                let end = own.unwrap_or(range.end.0).min(start.saturating_add(MOST_STACK));
                is_in_javascript = self.stack(thread, start.max(range.start.0), end);
            }
            _ => self.found.missing.push(format!("the stack of thread {}", thread.id)),
        }
        let stack_pointer = registers.stack_pointer();
        for word in registers.general().filter(|word| *word != stack_pointer) {
            self.add_word(RootKind::Register(thread.id), 0, word, is_in_javascript);
        }
    }

    /// Reads a stack; says whether its innermost frame is V8's own, which has values in registers.
    fn stack(&mut self, thread: &Thread, start: u64, end: u64) -> bool {
        if !self.may_read(end.saturating_sub(start)) {
            return false;
        }
        self.found.memory.push((start, end));
        let (words, _) = words_of(self.memory, start, end);
        // Whoever wrote the core could not read it. Without V8 on it, it would hold nothing.
        if words.iter().all(|(_, word)| *word == 0) && self.runs_any_isolate(thread) {
            self.found.missing.push(format!("the stack of thread {}", thread.id));
            return false;
        }
        let frames = Frames { finder: self, words: &words, start, told: self.told_by_isolates(thread) };
        let (stretches, is_in_javascript) = frames.stretches(thread.registers.frame_pointer());
        for &(at, word) in &words {
            let is_sure = stretches.iter().any(|stretch| stretch.contains(&at));
            self.add_word(RootKind::Stack(thread.id), at, word, is_sure);
        }
        is_in_javascript
    }

    fn runs_any_isolate(&self, thread: &Thread) -> bool {
        let owners = self.view.spaces().isolates().iter().filter_map(|isolate| self.view.thread_of(isolate));
        owners.into_iter().any(|owner| owner.thread.id == thread.id)
    }

    /// The words of the isolates that a thread runs, one of which is its innermost frame of V8; nothing if it may run one that is
    /// not known to be its own, or whose memory the core lacks.
    fn told_by_isolates(&self, thread: &Thread) -> Option<HashSet<u64>> {
        let mut told = HashSet::new();
        let mut all_have_owners = true;
        let mut runs_any = false;
        for isolate in self.view.spaces().isolates() {
            let owner = self.view.thread_of(isolate);
            all_have_owners &= owner.is_some();
            if owner.is_some_and(|owner| owner.thread.id == thread.id) {
                let (words, complete) = words_of(self.memory, isolate.address, isolate.heap);
                if !complete || words.is_empty() {
                    return None;
                }
                told.extend(words.into_iter().map(|(_, word)| word));
                runs_any = true;
            }
        }
        (runs_any || all_have_owners).then_some(told)
    }

    fn add_word(&mut self, kind: RootKind, at: u64, word: u64, is_sure: bool) {
        if let Some(target) = self.target(word) {
            match (is_sure, kind) {
                (false, RootKind::Stack(thread) | RootKind::Register(thread)) => {
                    let kind = RootKind::NativeFrame(thread);
                    self.found.leftovers.push(Root { target, kind, at });
                }
                _ => self.found.roots.push(Root { target, kind, at }),
            }
        }
    }
}

/// A stack on which frames are looked for.
struct Frames<'f, 'a, 't> {
    finder: &'f Finder<'a, 't>,
    /// With their addresses, without a gap.
    words: &'f [(u64, u64)],
    /// Address of the first.
    start: u64,
    /// What isolates say, among which is the innermost frame of V8; nothing if that is not known.
    told: Option<HashSet<u64>>,
}

impl Frames<'_, '_, '_> {
    fn word(&self, at: u64) -> Option<u64> {
        let index = at.checked_sub(self.start)? / 8;
        Some(self.words.get(usize::try_from(index).ok()?)?.1)
    }

    /// Where an entry frame has the next older exit frame: so far below its frame pointer.
    fn older_exit(&self) -> u64 {
        self.finder.view.layout().processor.older_exit
    }

    /// The type of frame whose frame pointer is `at`, if it says so where functions of JavaScript have their context.
    fn marked_type(&self, at: u64) -> Option<u64> {
        let marker = self.word(at.checked_sub(frame::MARKER)?)?;
        (marker & 1 == 0 && (1..=frame::MOST_TYPES).contains(&(marker / 2))).then_some(marker / 2)
    }

    /// Whether there is a frame of a function with this frame pointer: function and context stand below it.
    fn is_function(&self, at: u64) -> bool {
        let kind = |distance| {
            let target = self.finder.target(self.word(at.checked_sub(distance)?)?)?;
            Some(self.finder.view.map(self.finder.table.map_of(ObjectId(target))?).kind)
        };
        kind(frame::FUNCTION) == Some(Kind::JsFunction)
            && matches!(kind(frame::CONTEXT), Some(Kind::Context | Kind::NativeContext))
    }

    /// The parts of the stack that are frames of V8, and whether the innermost of them goes down to the stack pointer.
    /// `frame_pointer` is that register.
    fn stretches(&self, frame_pointer: u64) -> (Vec<Range<u64>>, bool) {
        let is_here = |address: u64, above: u64| {
            address.is_multiple_of(8)
                && address > above
                && self.words.last().is_some_and(|(last, _)| address <= *last)
        };
        // Who has saved which frame pointer, the highest last.
        let mut callees: HashMap<u64, Vec<u64>> = HashMap::new();
        for &(at, word) in self.words {
            if is_here(word, at) {
                callees.entry(word).or_default().push(at);
            }
        }
        let is_entry = |at: u64| {
            let older = at.checked_sub(self.older_exit()).and_then(|at| self.word(at));
            matches!(self.marked_type(at), Some(frame::ENTRY | frame::CONSTRUCT_ENTRY))
                && older.is_some_and(|older| older == 0 || is_here(older, at))
        };
        let (mut stretches, mut is_in_javascript) = (Vec::new(), false);
        // The exit frame that the entry frame before has as the next older one.
        let mut older_exit = 0;
        // From the innermost on.
        for entry in self.words.iter().map(|(at, _)| *at).filter(|at| is_entry(*at)) {
            // The callee of a frame stands right below it; what is deeper down may be left over.
            let callee = |caller: u64| {
                let saved = callees.get(&caller)?.iter().rev();
                let mut frames = saved.copied().filter(|at| {
                    self.is_function(*at)
                        || self.marked_type(*at).is_some_and(|kind| kind > frame::CONSTRUCT_ENTRY)
                });
                frames.next()
            };
            // What follows the innermost frame of V8 is native code, which may look like more of them.
            let mut innermost = None;
            for frame in std::iter::successors(callee(entry), |at| callee(*at)) {
                let is_known = frame == frame_pointer || frame == older_exit;
                if is_known || self.told.as_ref().is_none_or(|told| told.contains(&frame)) {
                    innermost = Some(frame);
                }
            }
            let Some(innermost) = innermost else { continue };
            older_exit = self.word(entry - self.older_exit()).unwrap_or(0);
            let exit = self.word(innermost.saturating_sub(frame::EXIT_STACK_POINTER));
            let is_exit = !self.is_function(innermost)
                && exit.is_some_and(|sp| sp >= self.start && sp < innermost && sp.is_multiple_of(8));
            let start = if is_exit {
                innermost - frame::EXIT_STACK_POINTER
            } else if innermost == frame_pointer {
                is_in_javascript = true;
                self.start
            } else {
                innermost.saturating_sub(UNKNOWN_FRAME).max(self.start)
            };
            stretches.push(start..entry);
        }
        (stretches, is_in_javascript)
    }
}
