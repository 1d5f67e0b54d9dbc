//! Native memory of processes with one to forty threads, waiting and busy, and with up to 2 GB of it: every arena must be walked to its last byte, what is
//! free must be what `mallinfo2` counts, and the planted leaks must be found.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;
use test_support::scenarios::debugger::Debugger;

use crate::native_memory::{
    Facts, LEAST_FOUND, Running, SINCE, UNTOUCHED, accessible, address, number, rows, sources, take_core,
};
use crate::{node_release, releases};

/// Threads that run JavaScript, and as many of libuv's pool; and megabytes that are kept.
const SHAPES: [(u64, u64); 9] =
    [(1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (40, 0), (1, 20), (4, 200), (4, 2000)];
/// From so many threads or megabytes on the kernel writes the core: gdb writes out what was only reserved, tens of gigabytes.
const KERNELS: (u64, u64) = (16, 1000);
/// Of these one is tried where there is little time.
const SMALL: usize = 4;
/// Per cent by which the memory of the arenas of a busy process may differ: the last count was made up to a fifth of a second before.
const MOST_OFF_BUSY: u64 = 10;

/// Tries all shapes on all releases.
pub fn sweep(executable: &Path, nodes: &[String], library: &Path, directory: &Path) -> Result<()> {
    let (mut tried, mut wrong) = (0, 0);
    for node in nodes {
        for (threads, megabytes) in SHAPES {
            for busy in [false, true] {
                tried += 1;
                let process = Process { node, threads, megabytes, busy };
                if let Err(error) = process.check(executable, library, directory) {
                    wrong += 1;
                    println!("node {node}, {threads} threads, {megabytes} MB, busy {busy} WRONG: {error:#}");
                }
            }
        }
    }
    ensure!(wrong == 0, "the native memory of {wrong} processes of {tried} is not told right");
    Ok(())
}

/// Tries one of the small shapes, another one each day.
pub fn sample(executable: &Path, node: &str, library: &Path, directory: &Path) -> Result<()> {
    let day = usize::try_from(releases::today()).unwrap_or(0);
    let (threads, megabytes) = SHAPES[day % SMALL];
    Process { node, threads, megabytes, busy: day % 2 == 0 }.check(executable, library, directory)
}

/// Per cent of the planted leaks that are found while much is taken and freed: buffers that nobody has cleared have words of who had their memory
/// before.
const LEAST_FOUND_BUSY: usize = 90;

struct Process<'a> {
    node: &'a str,
    threads: u64,
    megabytes: u64,
    busy: bool,
}

impl Process<'_> {
    /// Takes a core of such a process, and prints a row.
    fn check(&self, executable: &Path, library: &Path, directory: &Path) -> Result<()> {
        let facts_path = directory.join("threads.facts");
        // What runs before it need not have the library, which would write facts of its own.
        let mut program = Command::new("sh");
        program.args(["-c", "ulimit -c unlimited; exec env LD_PRELOAD=\"$PLANTED\" \"$0\" \"$@\""]);
        program.arg(node_release::executable(self.node)?).arg(sources().join("threads.js"));
        program.args([self.threads.to_string(), if self.busy { "busy" } else { "idle" }.to_owned()]);
        program.arg(self.megabytes.to_string()).env("UV_THREADPOOL_SIZE", self.threads.to_string());
        program.env("PLANTED", library).env("FACTS", &facts_path);
        // The kernel names its core relative to it.
        program.current_dir(directory);
        let mut running = Running::start(&mut program)?;
        // The second leaks are planted after a second.
        std::thread::sleep(Duration::from_secs(3));
        running.signal("-STOP")?;
        let mapped = accessible(&std::fs::read_to_string(format!("/proc/{}/smaps", running.0.id()))?)?;
        let core = directory.join("threads.core");
        let is_kernels = self.threads >= KERNELS.0 || self.megabytes >= KERNELS.1;
        take_core(&mut running, &core, is_kernels.then_some(directory))?;
        let facts = Facts::read(&facts_path, true)?;
        drop(running);
        let lines = ["::malloc -j", "::findleaks -v -j", "::ledger -j"].map(str::to_owned);
        let answers = Debugger::new(executable.to_owned(), &core).session(&lines);
        std::fs::remove_file(&core)?;
        let answers = answers?;
        let row = self.compare(&answers, &facts, mapped)?;
        println!(
            "node {} {:>2} threads {:>4} MB {}: {row}",
            self.node,
            self.threads,
            self.megabytes,
            if self.busy { "busy" } else { "idle" }
        );
        Ok(())
    }

    fn compare(&self, answers: &[String], facts: &Facts, mapped: u64) -> Result<String> {
        let [malloc, leaks, ledger] = answers else { anyhow::bail!("not three answers") };
        let (mut system, mut free, mut arenas) = (0, 0, 0);
        for arena in rows(malloc)?.iter().filter(|row| !row["arena"].is_null()) {
            arenas += 1;
            ensure!(number(arena, "notFound")? == 0, "an arena was not walked to its end: {arena}");
            system += number(arena, "system")?;
            free += number(arena, "free")? + number(arena, "top")?;
        }
        let [of_arenas, of_free, ..] = facts.info.unwrap_or_default();
        let off = if self.busy { SINCE.max(system * MOST_OFF_BUSY / 100) } else { SINCE };
        ensure!(system.abs_diff(of_arenas) <= off, "arenas have {system} bytes, mallinfo2 said {of_arenas}");
        // What is busy takes and frees much in a fifth of a second.
        ensure!(
            self.busy || free.abs_diff(of_free) <= off,
            "{free} bytes are free, mallinfo2 said {of_free}"
        );
        let (mut found, mut others) = (0, 0);
        for leak in rows(leaks)? {
            let block = address(&leak, "block")?;
            ensure!(!facts.kept.contains(&block), "{block:x} is called leaked, and is kept");
            match facts.leaked.contains(&block) {
                true => found += 1,
                false => others += 1,
            }
        }
        let planted = facts.leaked.len();
        let least = if self.busy { LEAST_FOUND_BUSY } else { LEAST_FOUND };
        ensure!(found * 100 >= planted * least, "{found} of {planted} planted leaks were found");
        let ledger: Value = serde_json::from_str(ledger.trim())?;
        let total = number(&ledger, "total")?;
        // Each thread has a table of V8's that was never touched.
        let untouched = UNTOUCHED * self.threads;
        ensure!(total.abs_diff(mapped) <= untouched, "the ledger has {total} bytes, the kernel {mapped}");
        let stacks = ledger["stacksOfThreads"].as_array().map_or(0, Vec::len);
        Ok(format!(
            "{arenas:>2} arenas of {system} bytes to the last, free {free} of {of_free}, {found} of {planted} leaks, {others} others, \
             {stacks} stacks, ledger {total} of {mapped} mapped"
        ))
    }
}
