//! Walkers over the threads.

use crate::answers::javascript_stack::javascript_stack;
use crate::dcmd::{AddressUse, Takes};
use crate::stage::Flow;
use crate::value::{Item, Kind};
use crate::walker::Walker;

/// `thread`: the ids of the threads.
pub(crate) static THREAD: Walker = Walker {
    name: "thread",
    summary: "walk the ids of the threads",
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Kind::Thread,
    needs: &[crate::dcmd::Capability::Core],
    walk: |context, _, visit| {
        for thread in context.target()?.threads() {
            if visit(Item::thread(thread.id))? == Flow::Enough {
                break;
            }
        }
        Ok(())
    },
};

/// `jsframe`: the frame pointers of the frames of JavaScript on a stack.
pub(crate) static JSFRAME: Walker = Walker {
    name: "jsframe",
    summary: "walk the frames of JavaScript of a thread, innermost first",
    address: AddressUse::Optional,
    takes: Takes::Only(&[Kind::Thread]),
    yields: Kind::Address,
    needs: &[crate::dcmd::Capability::V8Heap],
    walk: |context, item, visit| {
        let heap = context.heap()?;
        let stack = context.stack_of(context.thread_of(item)?, usize::MAX)?;
        let javascript = javascript_stack(heap, &stack);
        for (index, frame) in stack.frames.iter().enumerate() {
            context.check_interrupt()?;
            if let (Some(pointer), Some(_)) = (frame.frame_pointer, javascript.function(index))
                && visit(Item::address(pointer.0))? == Flow::Enough
            {
                break;
            }
        }
        Ok(())
    },
};
