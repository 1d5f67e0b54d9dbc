//! Runs generated command lines, as `cargo run --release --example fuzz_lines` does for longer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use shell::dcmds::ALL;
use shell::format::letters::LETTERS;
use shell::interpreter::{self, Source};
use shell::walkers::WALKERS;
use test_support::command_lines::{Seed, Vocabulary, line};

use crate::session::Session;

/// How long a line may run until it is interrupted.
const PATIENCE: Duration = Duration::from_millis(40);

pub fn run(seed: u64, count: u64) {
    // A session that has been left runs nothing more.
    let dcmds = ALL.iter().filter(|dcmd| dcmd.name != "quit");
    let dcmds: Vec<&str> =
        dcmds.flat_map(|dcmd| std::iter::once(dcmd.name).chain(dcmd.aliases.iter().copied())).collect();
    let walkers: Vec<&str> = WALKERS.iter().map(|walker| walker.name).collect();
    let formats: Vec<char> = LETTERS.iter().map(|letter| letter.character).collect();
    let vocabulary = Vocabulary { dcmds: &dcmds, walkers: &walkers, formats: &formats };
    let mut session = new_session();
    let at = Arc::new(AtomicU64::new(0));
    // Presses Ctrl-C at lines that take too long.
    let interrupt = session.context.interrupt.clone();
    let watched = Arc::downgrade(&at);
    let shared = Arc::new(std::sync::Mutex::new(interrupt));
    let pressed = Arc::clone(&shared);
    let watcher = std::thread::spawn(move || {
        let mut last = u64::MAX;
        while let Some(at) = watched.upgrade() {
            let now = at.load(Ordering::Relaxed);
            drop(at);
            if now == last
                && let Ok(interrupt) = pressed.lock()
            {
                interrupt.set();
            }
            last = now;
            std::thread::sleep(PATIENCE);
        }
    });
    let mut seed = Seed::new(seed);
    for number in 0..count {
        // Variables and the like of so many lines are enough of a past; a target stays mapped until the program ends.
        if (number % 100_000 == 0 && number > 0) || session.context.prompt.is_quitting() {
            session = new_session();
            if let Ok(mut interrupt) = shared.lock() {
                *interrupt = session.context.interrupt.clone();
            }
        }
        let line = line(vocabulary, &mut |below| seed.below(below));
        at.store(number, Ordering::Relaxed);
        session.context.interrupt.clear();
        let source = match number % 3 {
            0 => Source::Prompt,
            1 => Source::String,
            _ => Source::Script { name: "generated", line: 1 },
        };
        // Whatever it says is fine, but it has to say it.
        let _ = interpreter::run(&session.context, &line, source, &session.context.text);
        let _ = session.context.text.flush();
        session.results.take_bytes();
        session.messages.take_bytes();
    }
    drop(at);
    watcher.join().unwrap();
}

fn new_session() -> Session {
    let session = Session::on_core();
    session.context.settings.set_option("restricted", true).unwrap();
    session
}
