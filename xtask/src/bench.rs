//! `cargo xtask bench`: how long the main job takes on big heaps, beside a plain read of the same memory.
//!
//! Every figure is a median over runs, and every ratio is one of two measurements taken one after the other: a machine
//! that is slow for a while slows both. The yardstick is what no tool can beat that looks at every object: two threads
//! that add up every word of the process's writable anonymous memory, from a fresh map of the core in the page cache.
//! Blocks of zeros, which the process never touched, are left out of it.

use std::fs::{self, File};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use core_reader::{Address, Contents, Core, Memory, OpenOptions};

use crate::build;
use crate::scenario::Scenario;
use crate::take_core::{self, Request, Start, Writer};

/// Parts of 13 million heap objects, for the line that time should follow.
const SCALES: &[f64] = &[0.08, 0.25, 0.5, 1.0];
/// What the yardstick hands to a thread at a time.
const BLOCK: usize = 256 << 10;
const THREADS: usize = 2;

struct Options {
    cores: Vec<PathBuf>,
    runs: usize,
    markdown: bool,
    /// Another build than that of this tree.
    debugger: Option<PathBuf>,
}

pub fn run(mut arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let mut options = Options { cores: Vec::new(), runs: 9, markdown: false, debugger: None };
    let mut node = "24.21.0".to_owned();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("core") => options.cores.push(PathBuf::from(arguments.value()?)),
            Long("node") => node = arguments.value()?.string()?,
            Long("runs") => options.runs = arguments.value()?.parse()?,
            Long("debugger") => options.debugger = Some(PathBuf::from(arguments.value()?)),
            Long("markdown") => options.markdown = true,
            other => return Err(other.unexpected().into()),
        }
    }
    ensure!(options.runs > 0, "at least one run is needed");
    if options.cores.is_empty() {
        for &scale in SCALES {
            options.cores.push(big_core(&node, scale)?);
        }
    }
    let executable = options.debugger.clone().map_or_else(build::debugger, Ok)?;
    let mut rows = Vec::new();
    for core in &options.cores {
        let core = if core.is_dir() { core.join("core") } else { core.clone() };
        eprintln!("measuring {} ({} runs)", core.display(), options.runs);
        rows.push(measure(&executable, &core, options.runs)?);
    }
    print!("{}", table(&rows, options.markdown));
    Ok(())
}

fn big_core(node: &str, scale: f64) -> Result<PathBuf> {
    let name = if scale == 1.0 { "big".to_owned() } else { format!("big-{scale}") };
    let directory = take_core::directory_of(&name, node);
    take_core::take_once(&Request {
        node: node.to_owned(),
        scenario: Scenario::find("big")?,
        directory: directory.clone(),
        writer: Writer::Gdb,
        snapshot: false,
        arguments: vec![format!("--scale={scale}")],
        start: Start::default(),
        stage: None,
    })?;
    Ok(directory)
}

/// The figures of one core.
#[derive(Debug, Default)]
struct Row {
    core: String,
    /// Heap objects, as the debugger counts them.
    objects: Option<u64>,
    /// Bytes that the yardstick reads.
    bytes: u64,
    read: Duration,
    /// Finding and walking all pages, as the debugger times it.
    index: Duration,
    find_objects: Duration,
    /// Median of the ratios of neighbouring runs.
    ratio: f64,
    prompt: Duration,
    /// Memory of the debugger beside the mapped files, at its highest.
    memory: u64,
}

fn measure(executable: &Path, core: &Path, runs: usize) -> Result<Row> {
    let yardstick = Yardstick::new(core)?;
    let (mut reads, mut finds, mut ratios, mut prompts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut objects, mut indexes) = (None, Vec::new());
    let mut memory = 0;
    for _ in 0..runs {
        let read = yardstick.measure()?;
        // All objects: to tell the living apart takes reading all references as well.
        let find = timed(executable, core, "::findjsobjects -a")?;
        ratios.push(find.elapsed.as_secs_f64() / read.as_secs_f64());
        reads.push(read);
        finds.push(find.elapsed);
        memory = memory.max(find.memory);
        prompts.push(timed(executable, core, "")?.elapsed);
        let statistics = Statistics::of(executable, core)?;
        objects = Some(statistics.heap_objects);
        indexes.push(statistics.indexing);
    }
    ratios.sort_by(f64::total_cmp);
    Ok(Row {
        core: core
            .parent()
            .and_then(Path::file_name)
            .map_or_else(String::new, |n| n.to_string_lossy().into_owned()),
        objects,
        bytes: yardstick.bytes(),
        read: median(&mut reads),
        index: median(&mut indexes),
        find_objects: median(&mut finds),
        ratio: ratios[ratios.len() / 2],
        prompt: median(&mut prompts),
        memory,
    })
}

fn median(durations: &mut [Duration]) -> Duration {
    durations.sort();
    durations[durations.len() / 2]
}

/// What `::findjsobjects -a -v` says of a run.
struct Statistics {
    heap_objects: u64,
    indexing: Duration,
}

impl Statistics {
    fn of(executable: &Path, core: &Path) -> Result<Statistics> {
        let output = Command::new(executable).arg(core).args(["-e", "::findjsobjects -a -v"]).output()?;
        let text = String::from_utf8(output.stdout)?;
        let figure = |label: &str| {
            let line = text
                .lines()
                .find(|line| line.contains(label))
                .with_context(|| format!("no line has {label}"))?;
            line.rsplit("=>").next().map(str::trim).with_context(|| format!("no figure follows {label}"))
        };
        Ok(Statistics {
            heap_objects: figure("heap objects =>")?.parse()?,
            indexing: Duration::from_secs_f64(figure("of it indexing (seconds) =>")?.parse()?),
        })
    }
}

struct Timed {
    elapsed: Duration,
    memory: u64,
}

/// One cold run: a new process, its output to a file.
fn timed(executable: &Path, core: &Path, commands: &str) -> Result<Timed> {
    let output = std::env::temp_dir().join(format!("v8mdb-bench-{}", std::process::id()));
    let start = Instant::now();
    let mut child = Command::new(executable)
        .arg(core)
        .args(["-e", commands])
        .stdin(Stdio::null())
        .stdout(File::create(&output)?)
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot run {}", executable.display()))?;
    let pid = child.id();
    // Looks every few milliseconds, which costs the run nothing; the wait itself is not polled.
    let watch = thread::spawn(move || {
        let mut highest = 0;
        while let Some(memory) = anonymous_memory(pid) {
            highest = highest.max(memory);
            thread::sleep(Duration::from_millis(4));
        }
        highest
    });
    let status = child.wait()?;
    let elapsed = start.elapsed();
    let memory = watch.join().unwrap_or(0);
    fs::remove_file(&output)?;
    ensure!(status.success(), "`{commands}` failed on {} ({status})", core.display());
    Ok(Timed { elapsed, memory })
}

/// `RssAnon` of proc(5): what a process holds beside the files it maps. Nothing once it is gone.
fn anonymous_memory(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kib| kib << 10)
}

/// The plain read.
struct Yardstick {
    options: OpenOptions,
    /// Blocks that hold something.
    blocks: Vec<(Address, usize)>,
}

impl Yardstick {
    /// Finds the blocks to read, which also brings them into the page cache.
    fn new(core: &Path) -> Result<Yardstick> {
        let options = OpenOptions { core: core.to_owned(), ..OpenOptions::default() };
        let core = Core::open(&options)?;
        let mut blocks = Vec::new();
        for range in core.memory().ranges() {
            let anonymous =
                range.file.is_none() && range.permissions.write && range.contents == Contents::Dumped;
            let (mut at, end) = (range.start.0, range.end.0);
            while anonymous && at < end {
                let length = BLOCK.min(usize::try_from(end - at)?);
                let block = core.memory().slice(Address(at), length);
                if block.is_some_and(|block| block.iter().any(|&byte| byte != 0)) {
                    blocks.push((Address(at), length));
                }
                at += length as u64;
            }
        }
        ensure!(!blocks.is_empty(), "{} holds no writable memory", options.core.display());
        Ok(Yardstick { options, blocks })
    }

    fn bytes(&self) -> u64 {
        self.blocks.iter().map(|(_, length)| *length as u64).sum()
    }

    /// From a fresh map, so that mapping the pages is part of it, as it is for the debugger.
    fn measure(&self) -> Result<Duration> {
        let core = Core::open(&self.options)?;
        let memory = core.memory();
        let next = AtomicUsize::new(0);
        let start = Instant::now();
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let mut sum = 0u64;
                    while let Some(&(at, length)) = self.blocks.get(next.fetch_add(1, Ordering::Relaxed)) {
                        sum = sum.wrapping_add(memory.slice(at, length).map_or(0, sum_of_words));
                    }
                    black_box(sum);
                });
            }
        });
        Ok(start.elapsed())
    }
}

fn sum_of_words(block: &[u8]) -> u64 {
    let (words, _) = block.as_chunks::<8>();
    words.iter().fold(0, |sum, word| sum.wrapping_add(u64::from_le_bytes(*word)))
}

fn table(rows: &[Row], markdown: bool) -> String {
    let header = [
        "core",
        "heap objects",
        "memory read",
        "read",
        "index",
        "::findjsobjects -a",
        "ratio",
        "prompt",
        "own memory",
    ];
    let mebibytes = |bytes: u64| format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20));
    let milliseconds = |duration: Duration| format!("{:.1} ms", duration.as_secs_f64() * 1e3);
    let mut lines: Vec<Vec<String>> = vec![header.map(str::to_owned).into()];
    for row in rows {
        lines.push(vec![
            row.core.clone(),
            row.objects.map_or_else(|| "?".to_owned(), |objects| objects.to_string()),
            mebibytes(row.bytes),
            milliseconds(row.read),
            match row.objects {
                Some(objects) => {
                    let rate = objects as f64 / row.index.as_secs_f64() / 1e6;
                    format!("{} ({rate:.0} M objects/s)", milliseconds(row.index))
                }
                None => milliseconds(row.index),
            },
            milliseconds(row.find_objects),
            format!("{:.2}", row.ratio),
            milliseconds(row.prompt),
            match row.objects {
                Some(objects) if objects > 0 => {
                    format!("{} ({:.1} B/object)", mebibytes(row.memory), row.memory as f64 / objects as f64)
                }
                _ => mebibytes(row.memory),
            },
        ]);
    }
    let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        let cells: Vec<_> = line
            .iter()
            .enumerate()
            .map(|(column, cell)| format!("{cell:>width$}", width = width(column)))
            .collect();
        if markdown {
            text += &format!("| {} |\n", cells.join(" | "));
            if number == 0 {
                text += &format!("|{}\n", " ---: |".repeat(line.len()));
            }
        } else {
            text += &format!("{}\n", cells.join("  "));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_added_little_endian() {
        let mut block = [0u8; 24];
        block[0] = 1;
        block[9] = 1;
        block[16] = 2;
        assert_eq!(sum_of_words(&block), 1 + 256 + 2);
    }

    #[test]
    fn the_median_is_the_middle_one() {
        let mut durations = [5, 1, 9].map(Duration::from_millis);
        assert_eq!(median(&mut durations), Duration::from_millis(5));
    }
}
