//! Roots on the stacks and in the registers of threads.
//!
//! Stacks are read conservatively: V8 knows which words of a frame are alive, we do not. For what dominates what, words in frames of
//! JavaScript count, others only where nothing else holds their objects ([`holding`]).

use std::ops::Range;

use core_reader::{Address, Contents, Thread};

use super::liveness::{Marker, ObjectSet};
use super::object_graph::Graph;
use super::root_finder::Finder;
use super::roots::{Root, RootKind, Roots};
use crate::index::{ObjectId, ObjectTable};
use crate::layout::Kind;
use crate::view::View;
use crate::{Monitor, Result};

/// A stack is read from its stack pointer on, up to this many bytes.
const MOST_STACK: u64 = 16 << 20;
/// Below the stack pointer, leaf functions keep data (the red zone of the x86-64 ABI), in bytes.
const RED_ZONE: u64 = 128;

impl Finder<'_, '_> {
    /// Every word of a thread that is the address of an object.
    pub fn thread(&mut self, thread: &Thread) {
        let registers = &thread.registers;
        for word in [
            registers.rax,
            registers.rbx,
            registers.rcx,
            registers.rdx,
            registers.rsi,
            registers.rdi,
            registers.rbp,
            registers.r8,
            registers.r9,
            registers.r10,
            registers.r11,
            registers.r12,
            registers.r13,
            registers.r14,
            registers.r15,
        ] {
            self.add(RootKind::Register(thread.id), 0, word);
        }
        let start = registers.rsp.saturating_sub(RED_ZONE) & !7;
        let ranges = self.memory.ranges();
        let range = ranges.get(ranges.partition_point(|range| range.end.0 <= registers.rsp));
        match range {
            Some(range) if range.start.0 <= registers.rsp && range.contents == Contents::Dumped => {
                // What the thread library keeps of a thread stands at the far end of its stack, where other memory may
                // follow.
                let own = Some(registers.fs_base).filter(|base| (start..range.end.0).contains(base));
                let end = own.unwrap_or(range.end.0).min(start.saturating_add(MOST_STACK));
                self.add_range(RootKind::Stack(thread.id), start.max(range.start.0), end);
            }
            _ => self.found.missing.push(format!("the stack of thread {}", thread.id)),
        }
    }
}

/// The roots but for words on stacks and in registers that are in no frame of JavaScript and lead to what other roots reach:
/// those of native functions are mostly left over, and what such a function needs it holds by a handle.
///
/// # Errors
/// [`crate::Error::Interrupted`] if the monitor says so.
pub(crate) fn holding(
    view: &View<'_>,
    table: &ObjectTable,
    graph: &Graph,
    roots: &Roots,
    monitor: &dyn Monitor,
) -> Result<Vec<Root>> {
    let frames = javascript_frames(view, table, roots);
    let is_sure = |root: &Root| match root.kind {
        RootKind::Register(_) => false,
        RootKind::Stack(_) => frames.iter().any(|frame| frame.contains(&root.at)),
        _ => true,
    };
    let (mut holding, others): (Vec<Root>, Vec<Root>) = roots.roots.iter().partition(|root| is_sure(root));
    let reached = ObjectSet::new(graph.len());
    let seeds = holding.iter().map(|root| root.target).collect();
    Marker::new(graph).mark(&reached, seeds, monitor)?;
    holding.extend(others.into_iter().filter(|root| !reached.contains(root.target)));
    holding.sort_unstable();
    Ok(holding)
}

/// The stretches of stacks in which functions of JavaScript keep what they work with (V8: `StandardFrameConstants` of
/// `src/execution/frame-constants.h`): a frame is known by its function and context below the saved frame pointer.
///
/// ```text
///   fp + 16  arguments   fp  caller's fp   fp - 8  context   fp - 16  function   fp - 24  number of arguments   registers
/// ```
fn javascript_frames(view: &View<'_>, table: &ObjectTable, roots: &Roots) -> Vec<Range<u64>> {
    /// Callers are not further away, in bytes.
    const LARGEST_FRAME: u64 = 1 << 20;
    /// Bytes of a frame whose end is not known.
    const USUAL_FRAME: u64 = 512;
    const MOST_ARGUMENTS: u64 = 1 << 12;
    let kind = |root: &Root| table.map_of(ObjectId(root.target)).map(|map| view.map(map).kind);
    let on_stack = roots.roots.iter().filter(|root| matches!(root.kind, RootKind::Stack(_)));
    let mut words: Vec<&Root> = on_stack.collect();
    words.sort_unstable_by_key(|root| root.at);
    let word = |at: u64| view.memory().read_u64(Address(at)).ok();
    let mut pointers: Vec<u64> = Vec::new();
    for pair in words.windows(2) {
        let (function, context) = (pair[0], pair[1]);
        let is_frame = context.at == function.at + 8
            && kind(function) == Some(Kind::JsFunction)
            && matches!(kind(context), Some(Kind::Context | Kind::NativeContext));
        let pointer = function.at + 16;
        let caller = word(pointer).filter(|_| is_frame).unwrap_or(0);
        if caller.is_multiple_of(8) && (pointer + 16..pointer + LARGEST_FRAME).contains(&caller) {
            pointers.push(pointer);
        }
    }
    let mut frames = Vec::with_capacity(pointers.len());
    let mut below = 0;
    for pointer in pointers {
        let arguments = word(pointer - 24).filter(|count| *count <= MOST_ARGUMENTS).unwrap_or(1);
        let start = pointer.saturating_sub(USUAL_FRAME).max(below);
        let end = pointer + 16 + 8 * arguments;
        frames.push(start..end);
        below = end;
    }
    frames
}
