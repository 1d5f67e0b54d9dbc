//! Work over all pages on all processors.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam::channel::RecvTimeoutError;

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
    // A thread costs more than a page of a small heap.
    if threads == 1 {
        let worker = run();
        return if cancelled.into_inner() { Err(Error::Interrupted) } else { Ok(vec![worker]) };
    }
    let workers = crossbeam::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(|_| run())).collect();
        running.into_iter().map(|thread| thread.join().expect("a turn does not panic")).collect()
    })
    .expect("all threads have been joined");
    if cancelled.into_inner() { Err(Error::Interrupted) } else { Ok(workers) }
}

/// Does `work` for turns `0..turns` on all processors, and hands each result to `take`, in order. Results that wait for an
/// earlier one are few: who is too far ahead waits. Long work should ask the monitor itself whether to stop.
///
/// # Errors
/// [`Error::Interrupted`] if the monitor says so, or what `take` fails with.
pub(crate) fn in_order<T: Send>(
    turns: usize,
    monitor: &dyn Monitor,
    work: impl Fn(usize) -> T + Sync,
    take: &mut dyn FnMut(usize, T) -> Result<()>,
) -> Result<()> {
    /// Results that may wait for each processor.
    const AHEAD: usize = 4;
    /// How long to wait for a result before asking whether to stop.
    const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(turns.max(1));
    let next = AtomicUsize::new(0);
    let stopped = AtomicBool::new(false);
    // Each thread has a turn in hand for each token.
    let (tokens, ready) = crossbeam::channel::bounded::<()>(AHEAD * threads);
    let (results, arrived) = crossbeam::channel::unbounded::<(usize, T)>();
    for _ in 0..AHEAD * threads {
        let sent = tokens.send(());
        debug_assert!(sent.is_ok(), "there is room");
    }
    let run = |results: crossbeam::channel::Sender<(usize, T)>| {
        while ready.recv().is_ok() && !stopped.load(Ordering::Relaxed) {
            let turn = next.fetch_add(1, Ordering::Relaxed);
            if turn >= turns || results.send((turn, work(turn))).is_err() {
                return;
            }
        }
    };
    crossbeam::thread::scope(|scope| {
        for _ in 0..threads {
            let (results, run) = (results.clone(), &run);
            scope.spawn(move |_| run(results));
        }
        drop(results);
        let mut early: BTreeMap<usize, T> = BTreeMap::new();
        let mut outcome = Ok(());
        let mut expected = 0;
        while expected < turns {
            if monitor.cancelled() {
                outcome = Err(Error::Interrupted);
                break;
            }
            match arrived.recv_timeout(BETWEEN_LOOKS) {
                Ok((turn, result)) => drop(early.insert(turn, result)),
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => break,
            }
            while let Some(result) = early.remove(&expected) {
                outcome = take(expected, result);
                expected += 1;
                let _ = tokens.try_send(());
                if outcome.is_err() {
                    break;
                }
            }
            if outcome.is_err() {
                break;
            }
        }
        stopped.store(true, Ordering::Relaxed);
        // Whoever waits for a token finds that there are no more.
        drop(tokens);
        outcome
    })
    .expect("a turn does not panic")
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

    #[test]
    fn results_come_in_order_and_all_of_them() {
        let mut taken = Vec::new();
        let work = |turn: usize| {
            // The first of each few takes longest.
            std::thread::sleep(std::time::Duration::from_micros(if turn.is_multiple_of(7) {
                300
            } else {
                1
            }));
            turn * turn
        };
        let mut take = |turn: usize, result: usize| {
            taken.push((turn, result));
            Ok(())
        };
        in_order(500, &Unattended, work, &mut take).unwrap();
        assert_eq!(taken, (0..500).map(|turn| (turn, turn * turn)).collect::<Vec<_>>());
        in_order(0, &Unattended, work, &mut |_, _| unreachable!("there is nothing to take")).unwrap();
    }

    #[test]
    fn what_fails_ends_the_work() {
        let mut taken = 0;
        let mut take = |turn: usize, _: usize| {
            taken += 1;
            if turn == 10 { Err(Error::TooManyObjects) } else { Ok(()) }
        };
        let outcome = in_order(100_000, &Unattended, |turn| turn, &mut take);
        assert!(matches!(outcome, Err(Error::TooManyObjects)));
        assert_eq!(taken, 11);
        assert!(matches!(in_order(10, &Stopped, |turn| turn, &mut |_, _| Ok(())), Err(Error::Interrupted)));
    }
}
