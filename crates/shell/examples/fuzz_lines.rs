//! Runs generated command lines on a small core: `cargo run --release -p shell --example fuzz_lines -- [COUNT [SEED]]`.
//!
//! Nothing of a line reaches the shell or a file. A line that panics ends the run with its text; one that cannot be
//! interrupted is named after a minute.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a failure is to end the run")]

// The tests run the same with fewer lines.
#[path = "../tests/session/fuzz.rs"]
mod fuzz;
#[path = "../tests/session/session.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod session;

fn main() {
    let mut numbers = std::env::args().skip(1).map(|word| word.replace('_', "").parse::<u64>().unwrap());
    let count = numbers.next().unwrap_or(100_000);
    let seed = numbers.next().unwrap_or(1);
    let began = std::time::Instant::now();
    // Each processor has its own sessions.
    let workers = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let share = count / workers + u64::from(worker < count % workers);
            scope.spawn(move || fuzz::run(seed.wrapping_mul(1000).wrapping_add(worker), share));
        }
    });
    println!("{count} lines in {:.0?}, none of which panicked", began.elapsed());
}
