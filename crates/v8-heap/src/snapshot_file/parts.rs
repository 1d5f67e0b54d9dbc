//! Work on parts of a column, one for each processor.

use crate::Result;

/// How many of `count` make one part.
pub(super) fn share_of(count: usize) -> usize {
    /// A thread costs more than so few.
    const LEAST: usize = 1 << 12;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    count.div_ceil(threads).max(LEAST)
}

/// Does `work` for each part on a thread of its own; the results in order.
///
/// # Errors
/// The first error.
pub(super) fn in_parts<P: Send, R: Send>(
    parts: Vec<P>,
    work: impl Fn(P) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    if parts.len() <= 1 {
        return parts.into_iter().map(work).collect();
    }
    let work = &work;
    crossbeam::thread::scope(|scope| {
        let running: Vec<_> = parts.into_iter().map(|part| scope.spawn(move |_| work(part))).collect();
        running.into_iter().map(|thread| thread.join().expect("a part does not panic")).collect()
    })
    .expect("all threads have been joined")
}
