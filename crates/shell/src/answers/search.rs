//! Searches through the memory of the target, for dcmds.

use std::ops::ControlFlow;

use core_reader::{Address, Chunk, ScanEnd, Watch};
use v8_heap::Monitor;

use crate::context::Context;
use crate::error::DcmdError;
use crate::output::Progress;
use crate::stage::Flow;

/// Tells a monitor of a search.
pub(crate) struct Watched<'m>(pub &'m Progress);

impl Watch for Watched<'_> {
    fn advance(&self, bytes: u64) {
        self.0.advance(bytes);
    }

    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}

/// Searches all readable memory in `[from, to)` for what `find` finds in a chunk; `take` gets it in the order of addresses.
/// A chunk comes with up to `overlap` bytes of the next one.
///
/// # Errors
/// Those of `take`, and [`DcmdError::Interrupted`].
pub fn search<T: Send>(
    context: &Context,
    range: (u64, u64),
    overlap: usize,
    find: &(dyn Fn(Chunk<'_>, &mut Vec<T>) + Sync),
    take: &mut dyn FnMut(T) -> Result<Flow, DcmdError>,
) -> Result<(), DcmdError> {
    let memory = context.memory()?;
    let range = (Address(range.0), Address(range.1));
    let progress = context.progress();
    let total = memory.readable(range.0, range.1).iter().map(|(_, length)| length).sum();
    progress.begin("searching memory", total);
    let mut ended = Ok(());
    let end = memory.scan(range, overlap, &Watched(&progress), find, &mut |found| match take(found) {
        Ok(Flow::Continue) => ControlFlow::Continue(()),
        Ok(Flow::Enough) => ControlFlow::Break(()),
        Err(error) => {
            ended = Err(error);
            ControlFlow::Break(())
        }
    });
    match end {
        ScanEnd::Cancelled => Err(DcmdError::Interrupted),
        ScanEnd::Complete | ScanEnd::Enough => ended,
    }
}
