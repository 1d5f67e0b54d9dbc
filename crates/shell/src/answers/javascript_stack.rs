//! The stack of a thread as V8 reads it.

use core_reader::Stack;
use v8_heap::Heap;
use v8_heap::objects::frame::{JavaScriptStack, PhysicalFrame};

/// The JavaScript on a stack; its frames have the same numbers.
pub(crate) fn javascript_stack<'h>(heap: &'h Heap<'static>, stack: &Stack) -> JavaScriptStack<'h, 'static> {
    let frames = stack.frames.iter().map(|frame| PhysicalFrame {
        pointer: frame.frame_pointer.map(|pointer| pointer.0),
        instruction: frame.instruction.0,
        is_interrupted: frame.interrupted,
    });
    heap.javascript_stack(frames.collect())
}
