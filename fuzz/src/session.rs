//! A session, and what must hold of all that it prints.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use core_reader::OpenOptions;
use shell::context::Context;
use shell::interpreter::{self, Source};
use shell::interrupt::Interrupt;
use shell::output::{Terminal, is_safe};
use shell::target::Target;
use test_support::captured::Captured;
use v8_heap::Heap;

/// No input may keep a session busy for longer,
const PATIENCE: Duration = Duration::from_secs(10);
/// and Ctrl-C is pressed after this.
const ATTENTION: Duration = Duration::from_millis(500);

/// A restricted session, on a core or on none.
pub struct Session {
    context: Context,
    results: Captured,
    messages: Captured,
    watch: Arc<Watch>,
}

/// Presses Ctrl-C where something takes too long.
struct Watch {
    interrupt: Mutex<Interrupt>,
    /// Counts what was begun; odd while it runs.
    runs: AtomicU64,
}

impl Watch {
    fn begin(interrupt: Interrupt) -> Arc<Watch> {
        let watch = Arc::new(Watch { interrupt: Mutex::new(interrupt), runs: AtomicU64::new(0) });
        let own = Arc::clone(&watch);
        std::thread::spawn(move || {
            let mut last = 0;
            loop {
                std::thread::sleep(ATTENTION);
                let now = own.runs.load(Ordering::SeqCst);
                if now == last && now % 2 == 1 {
                    own.interrupt.lock().unwrap_or_else(PoisonError::into_inner).set();
                }
                last = now;
            }
        });
        watch
    }
}

impl Session {
    /// On the core in a file.
    pub fn on(core: Option<PathBuf>) -> Session {
        let target = core.map(|core| {
            let options = OpenOptions { core, ..OpenOptions::default() };
            Target::open(&options, &Interrupt::default()).expect("a core that opens")
        });
        let (results, messages) = (Captured::default(), Captured::default());
        let terminal = Terminal::new(Box::new(results.clone()), Box::new(messages.clone()));
        let context = Context::new(target, terminal, Interrupt::default(), false);
        context.settings.set_option("restricted", true).expect("an option");
        let watch = Watch::begin(context.interrupt.clone());
        Session { context, results, messages, watch }
    }

    /// The heap of its core.
    pub fn heap(&self) -> &Heap<'static> {
        self.context.heap().expect("a core with a heap")
    }

    /// Runs lines, and checks what they print.
    pub fn run(&self, lines: &str, source: Source<'_>) {
        let start = Instant::now();
        self.watch.runs.fetch_add(1, Ordering::SeqCst);
        let _ = interpreter::run(&self.context, lines, source, &self.context.text);
        let _ = self.context.text.flush();
        self.watch.runs.fetch_add(1, Ordering::SeqCst);
        self.context.interrupt.clear();
        assert!(start.elapsed() < PATIENCE, "took {:?}", start.elapsed());
        check_results(&self.results.take_bytes());
        check_text(&self.messages.take_bytes());
    }
}

/// Nothing steers a terminal, and lines of JSON are for strict readers: those that end, as Ctrl-C cuts the last one.
fn check_results(bytes: &[u8]) {
    let whole = check_text(bytes).split_inclusive('\n').filter(|line| line.ends_with('\n'));
    for line in whole.filter(|line| line.starts_with("{\"")) {
        let read = serde_json::from_str::<serde::de::IgnoredAny>(line);
        assert!(read.is_ok(), "{:?} in {line}", read.err());
    }
}

/// Nothing steers a terminal.
fn check_text(bytes: &[u8]) -> &str {
    let text = std::str::from_utf8(bytes).expect("UTF-8");
    let bad = text.chars().find(|c| !is_safe(*c) && !matches!(c, '\n' | '\t'));
    assert!(bad.is_none(), "{bad:?} in {text:?}");
    text
}
