//! Work over all pages on all processors.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::{Error, Monitor, Result};

/// Takes turns `0..turns`, each on one of as many threads as there are processors, in ascending order on each. A thread has a
/// worker of its own, made by `start`; `work` does one turn with it and says how much the monitor may count. Returns the
/// workers.
///
/// # Errors
/// [`Error::Interrupted`] if the monitor says so.
pub(crate) fn in_turns<W: Send>(
    turns: usize,
    monitor: &dyn Monitor,
    start: impl Fn() -> W + Sync,
    work: impl Fn(&mut W, usize) -> u64 + Sync,
) -> Result<Vec<W>> {
    let next = AtomicUsize::new(0);
    let cancelled = AtomicBool::new(false);
    let run = || {
        let mut worker = start();
        loop {
            let turn = next.fetch_add(1, Ordering::Relaxed);
            if turn >= turns {
                return worker;
            }
            if monitor.cancelled() {
                cancelled.store(true, Ordering::Relaxed);
                return worker;
            }
            monitor.advance(work(&mut worker, turn));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(turns.max(1));
    let workers = crossbeam::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(|_| run())).collect();
        running.into_iter().map(|thread| thread.join().expect("a turn does not panic")).collect()
    })
    .expect("all threads have been joined");
    if cancelled.into_inner() { Err(Error::Interrupted) } else { Ok(workers) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Unattended;

    struct Stopped;

    impl Monitor for Stopped {
        fn begin(&self, _: &str, _: u64) {}
        fn advance(&self, _: u64) {}
        fn cancelled(&self) -> bool {
            true
        }
    }

    #[test]
    fn every_turn_is_taken_once_and_in_order_on_its_thread() {
        let work = |taken: &mut Vec<usize>, turn: usize| {
            taken.push(turn);
            1
        };
        let workers = in_turns(1000, &Unattended, Vec::new, work).unwrap();
        assert!(workers.iter().all(|taken| taken.is_sorted()));
        let mut all = workers.concat();
        all.sort_unstable();
        assert_eq!(all, (0..1000).collect::<Vec<_>>());
        assert!(matches!(in_turns(1000, &Stopped, Vec::new, work), Err(Error::Interrupted)));
    }
}
