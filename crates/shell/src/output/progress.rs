//! The progress bar: on a terminal's standard error, and only for commands that take over a second.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use v8_heap::Monitor;

use crate::interrupt::Interrupt;

const QUIET: Duration = Duration::from_secs(1);
const REDRAW: Duration = Duration::from_millis(100);

/// Shows how far some work is.
#[derive(Debug)]
pub struct Progress {
    interrupt: Interrupt,
    /// What is worked on, if that has to be said.
    subject: String,
    done: AtomicU64,
    work: Mutex<Work>,
    /// Milliseconds since `epoch` when the bar is to be drawn next.
    due: AtomicU64,
    epoch: Instant,
    /// When the command began.
    started: Instant,
    visible: bool,
}

#[derive(Debug, Default)]
struct Work {
    what: String,
    total: u64,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// A monitor that watches `interrupt` and draws if standard error is a terminal.
    pub fn new(interrupt: Interrupt) -> Progress {
        Progress::of(interrupt, "")
    }

    /// The same for work that is part of a command that runs since `started`: the bar appears when that takes long, however short its
    /// parts are.
    pub fn since(interrupt: Interrupt, started: Instant) -> Progress {
        let mut progress = Progress::new(interrupt);
        progress.started = started;
        progress
    }

    /// The same for work on one of several things, which the bar calls `subject`.
    pub fn of(interrupt: Interrupt, subject: &str) -> Progress {
        Progress {
            interrupt,
            subject: subject.to_owned(),
            done: AtomicU64::new(0),
            work: Mutex::default(),
            due: AtomicU64::new(u64::MAX),
            epoch: Instant::now(),
            started: Instant::now(),
            visible: std::io::stderr().is_terminal(),
        }
    }

    fn milliseconds(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn postpone(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.due.store(self.milliseconds().saturating_add(by), Ordering::Relaxed);
    }

    fn draw(&self) {
        // Whoever comes second has nothing to add.
        let Ok(mut work) = self.work.try_lock() else { return };
        self.postpone(REDRAW);
        let done = self.done.load(Ordering::Relaxed);
        let (what, total) = (work.what.clone(), work.total);
        let bar = work.bar.get_or_insert_with(|| {
            // 0 is no amount of work, but one that nobody knows.
            let known = Some(total).filter(|total| *total > 0);
            let bar = ProgressBar::with_draw_target(known, ProgressDrawTarget::stderr());
            let template = match known {
                Some(_) => "{msg} [{bar:30}] {percent}% ({eta} left, ^C stops)",
                None => "{msg}: {bytes} (^C stops)",
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_message(what);
            bar
        });
        bar.set_position(if total > 0 { done.min(total) } else { done });
    }

    fn clear(&self) {
        self.due.store(u64::MAX, Ordering::Relaxed);
        if let Ok(mut work) = self.work.lock()
            && let Some(bar) = work.bar.take()
        {
            bar.finish_and_clear();
        }
    }
}

impl Progress {
    /// A piece of work of `total` units begins, or goes on, of which `done` are done.
    fn begin_at(&self, what: &str, done: u64, total: u64) {
        self.clear();
        self.done.store(done, Ordering::Relaxed);
        if let Ok(mut work) = self.work.lock() {
            work.what = match self.subject.as_str() {
                "" => what.to_owned(),
                subject => format!("{subject}: {what}"),
            };
            work.total = total;
        }
        if self.visible {
            self.postpone(QUIET.saturating_sub(self.started.elapsed()));
        }
    }
}

impl Monitor for Progress {
    fn begin(&self, what: &str, total: u64) {
        self.begin_at(what, 0, total);
    }

    fn advance(&self, n: u64) {
        self.done.fetch_add(n, Ordering::Relaxed);
        if self.visible && self.milliseconds() >= self.due.load(Ordering::Relaxed) {
            self.draw();
        }
    }

    fn cancelled(&self) -> bool {
        self.interrupt.is_set()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Shows how far work on several things is that are worked on at the same time, in one bar.
#[derive(Debug)]
pub struct Several {
    progress: Progress,
    /// Units of each part's work that are done, and all of them.
    parts: Vec<(AtomicU64, AtomicU64)>,
}

/// Watches the work on one of several things.
#[derive(Debug)]
pub struct Part<'s> {
    several: &'s Several,
    index: usize,
}

impl Several {
    /// A monitor for `count` things; it watches `interrupt` and draws if standard error is a terminal.
    pub fn new(interrupt: Interrupt, count: usize) -> Several {
        Several {
            progress: Progress::new(interrupt),
            parts: (0..count).map(|_| Default::default()).collect(),
        }
    }

    /// Who watches the work on one of them.
    pub fn part(&self, index: usize) -> Part<'_> {
        Part { several: self, index }
    }
}

impl Monitor for Part<'_> {
    fn begin(&self, what: &str, total: u64) {
        let Several { progress, parts } = self.several;
        if let Some((done, all)) = parts.get(self.index) {
            done.store(0, Ordering::Relaxed);
            all.store(total, Ordering::Relaxed);
        }
        let sum = |of: fn(&(AtomicU64, AtomicU64)) -> &AtomicU64| {
            parts.iter().map(|part| of(part).load(Ordering::Relaxed)).fold(0, u64::saturating_add)
        };
        progress.begin_at(what, sum(|(done, _)| done), sum(|(_, all)| all));
    }

    fn advance(&self, units: u64) {
        if let Some((done, _)) = self.several.parts.get(self.index) {
            done.fetch_add(units, Ordering::Relaxed);
        }
        self.several.progress.advance(units);
    }

    fn cancelled(&self) -> bool {
        self.several.progress.cancelled()
    }
}
