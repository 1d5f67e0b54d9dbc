//! `cargo xtask mutate`: damages the cores that ship, and runs every family of dcmds over them.
//!
//! A core is damaged where it says something: bits, words and whole pages anywhere; words that are pointers to maps, or look like
//! lengths; chains of pointers bent to somewhere else; the headers of the file and of pages; the notes; or it ends early. Whatever is
//! wrong with it, the debugger ends by itself, in bounded time and memory, with a status that says whether it could read anything;
//! prints nothing that steers a terminal; and writes JSON that strict readers take.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use shell::output::is_safe;
use test_support::command_lines::Seed;

use crate::{build, places};

/// No session may take longer, nor more address space in kilobytes.
const PATIENCE: Duration = Duration::from_secs(120);
const MOST_MEMORY: &str = "6000000";

/// What is asked of every core: a family in each line.
const FAMILIES: [&str; 12] = [
    "::status; ::nodeinfo -v; ::mappings; ::files; ::threads; $C; ::auxv; ::getenv; ::dmods",
    "::findjsobjects; ::findjsobjects -d -v; ::findjsobjects -j",
    "::findjsobjects | ::jsprint -d 3; ::findjsobjects | ::jsprint -j -d 2; ::findjsobjects | ::jsconstructor",
    "::findjsobjects | ::v8print; ::findjsobjects | ::v8map; ::findjsobjects | ::v8whatis; ::findjsobjects | ::whatis",
    "::jsfunctions; ::jsfunctions -j -m; ::jsfunctions | ::jssource -n 1; ::jsfunctions | ::jsclosure; ::jsfunctions | ::v8code",
    "::jsscripts -v; ::jsscripts -j; ::jsscripts | ::jssource -n 3",
    "::jsstrings; ::jsstrings -d; ::jsstrings -j -p node; ::walk jsstring | ::head -500 | ::v8str",
    "::jsbuffers -v; ::jsbuffers -j; ::v8spaces -v; ::v8spaces -j; ::v8pages; ::v8classes",
    "::findjsobjects | ::head -20 | ::jsfindrefs; ::findjsobjects | ::head -20 | ::findjsobjects -r",
    "::jsleaks; ::jsdominators; ::findjsobjects -R | ::head -50; ::findjsobjects | ::head -20 | ::jspath",
    "::findjsobjects | ::group constructor.name; ::findjsobjects | ::where 'length > 1' | ::count; ::jsstack -v",
    "::findjsobjects | ::findjsobjects | ::head -3000 | ::json -d 2",
];

pub fn run(mut arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let (mut runs, mut seed, mut cores, mut executable, mut keep, mut truncate) =
        (100_u64, 1_u64, Vec::new(), None, places::target().join("mutate"), false);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("runs") => runs = arguments.value()?.parse()?,
            Long("seed") => seed = arguments.value()?.parse()?,
            Long("core") => cores.push(PathBuf::from(arguments.value()?)),
            Long("debugger") => executable = Some(PathBuf::from(arguments.value()?)),
            Long("keep") => keep = PathBuf::from(arguments.value()?),
            Long("truncate") => truncate = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let executable = executable.map_or_else(build::debugger, Ok)?;
    if cores.is_empty() {
        cores = shipped()?;
    }
    let wholes = cores.iter().map(|core| decompressed(core)).collect::<Result<Vec<_>>>()?;
    let mut tally = Tally::default();
    let file = memory().join(format!("v8mdb-mutate-{}", std::process::id()));
    let count = if truncate { wholes[0].len().div_ceil(TRUNCATION) as u64 } else { runs };
    for number in 0..count {
        let mut random = Seed::new(seed.wrapping_add(number));
        let mut choose = |below: usize| random.below(below.max(1));
        let (bytes, how) = match truncate {
            true => (wholes[0][..number as usize * TRUNCATION].to_vec(), "truncation"),
            false => mutated(&wholes[choose(wholes.len())], &mut choose),
        };
        fs::write(&file, &bytes)?;
        let family = FAMILIES[if truncate { 1 } else { choose(FAMILIES.len()) }];
        let ended = ask(&executable, &file, family)?;
        if let Some(finding) = tally.add(ended, how) {
            fs::create_dir_all(&keep)?;
            let kept = keep.join(format!("seed-{}", seed.wrapping_add(number)));
            fs::write(&kept, &bytes)?;
            eprintln!("{finding}: {how}, `{family}`: {}", kept.display());
        }
        if number % 500 == 499 {
            eprintln!("{} cores: {}", number + 1, tally.told());
        }
    }
    fs::remove_file(&file)?;
    println!("{count} damaged cores: {}", tally.told());
    ensure!(tally.findings == 0, "findings are in {}", keep.display());
    Ok(())
}

/// Cores are cut at multiples of it.
const TRUNCATION: usize = 4096;

fn memory() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}

fn shipped() -> Result<Vec<PathBuf>> {
    let mut cores = Vec::new();
    for entry in fs::read_dir(places::workspace().join("testdata/cores"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "zst") {
            cores.push(path);
        }
    }
    cores.sort();
    Ok(cores)
}

fn decompressed(core: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = fs::File::open(core).with_context(|| format!("cannot open {}", core.display()))?;
    match core.extension().is_some_and(|extension| extension == "zst") {
        true => zstd::Decoder::new(file)?.read_to_end(&mut bytes)?,
        false => file.read_to_end(&mut bytes)?,
    };
    Ok(bytes)
}

/// A damaged copy, and what was done to it.
fn mutated(whole: &[u8], choose: &mut dyn FnMut(usize) -> usize) -> (Vec<u8>, &'static str) {
    const WORD: usize = 8;
    let mut bytes = whole.to_vec();
    let words = bytes.len() / WORD;
    let read = |bytes: &[u8], word: usize| {
        u64::from_le_bytes(bytes[word * WORD..][..WORD].try_into().unwrap_or_default())
    };
    let write = |bytes: &mut [u8], word: usize, value: u64| {
        bytes[word * WORD..][..WORD].copy_from_slice(&value.to_le_bytes());
    };
    // A word that is one of the kind, near a place drawn by lot.
    let find = |bytes: &[u8], from: usize, is_one: &dyn Fn(u64) -> bool| {
        (from..words).take(1 << 16).find(|word| is_one(read(bytes, *word))).unwrap_or(from)
    };
    let is_pointer = |word: u64| word & 1 == 1 && word > 1 << 32 && word < 1 << 47;
    let is_length = |word: u64| word.trailing_zeros() >= 32 && word != 0 && word >> 32 < 1 << 20;
    let extremes = [0, 1, u64::MAX, u64::MAX - 2, 1 << 63, 1 << 47, 0x7fff_ffff << 32, 0xffff_ffff, 1 << 32];
    let how = choose(9);
    let times = 1 << choose(10);
    for _ in 0..times {
        let word = choose(words);
        match how {
            0 => bytes[word * WORD + choose(WORD)] ^= 1 << choose(8),
            1 => write(&mut bytes, word, extremes[choose(extremes.len())]),
            2 => {
                let (from, to) = (choose(words) * WORD / 4096 * 4096, word * WORD / 4096 * 4096);
                let length = 4096.min(bytes.len() - from.max(to));
                match choose(3) {
                    0 => bytes[to..to + length].fill(0),
                    1 => bytes[to..to + length].fill(0xff),
                    _ => bytes.copy_within(from..from + length, to),
                }
            }
            // An object gets the map, or whatever it points to, of another.
            3 => {
                let (own, start) = (find(&bytes, word, &is_pointer), choose(words));
                let other = find(&bytes, start, &is_pointer);
                let value = read(&bytes, other);
                write(&mut bytes, own, value);
            }
            4 => {
                let own = find(&bytes, word, &is_length);
                let value = match choose(4) {
                    0 => extremes[choose(extremes.len())],
                    1 => read(&bytes, own).wrapping_add(1 << 32),
                    2 => read(&bytes, own) << 8,
                    _ => (choose(1 << 20) as u64) << 32,
                };
                write(&mut bytes, own, value);
            }
            // A chain that leads back, or on to itself.
            5 => {
                let own = find(&bytes, word, &is_pointer);
                let value = read(&bytes, own);
                for behind in 1..=1 + choose(4) {
                    if own + behind < words {
                        write(&mut bytes, own + behind, value);
                    }
                }
            }
            6 => write(&mut bytes, choose(512), extremes[choose(extremes.len())]),
            7 => bytes[choose(1 << 14)] = choose(256) as u8,
            _ => {
                bytes.truncate(choose(whole.len()));
                break;
            }
        }
    }
    let name =
        ["bits", "words", "pages", "pointers", "lengths", "chains", "headers", "notes", "truncation"][how];
    (bytes, name)
}

/// How a session ended.
enum Ended {
    /// It could open the core, or said why not.
    Opened,
    Refused,
    /// What must not be.
    Wrong(&'static str, String),
}

fn ask(executable: &Path, core: &Path, commands: &str) -> Result<Ended> {
    let mut child = Command::new("/bin/sh")
        .args(["-c", "ulimit -v \"$1\"; shift; exec \"$@\"", "sh", MOST_MEMORY])
        .arg(executable)
        .args(["-S", "-o", "restricted"])
        .arg(core)
        .env("HOME", "/nonexistent")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run the debugger")?;
    if let Some(mut stdin) = child.stdin.take() {
        // It may end before it has read them.
        let _ = stdin.write_all(commands.replace("; ", "\n").as_bytes());
    }
    let read = |stream: Option<Box<dyn Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(stream) = stream {
                let _ = stream.take(1 << 28).read_to_end(&mut bytes);
            }
            bytes
        })
    };
    let stdout = read(child.stdout.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>));
    let stderr = read(child.stderr.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>));
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Ok(Ended::Wrong("it did not end", String::new()));
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let (Ok(stdout), Ok(stderr)) = (stdout.join(), stderr.join()) else { bail!("a reader panicked") };
    let messages = String::from_utf8_lossy(&stderr).into_owned();
    if let Some(signal) = status.signal() {
        return Ok(Ended::Wrong("it was killed", format!("signal {signal}: {messages}")));
    }
    if !matches!(status.code(), Some(0 | 1))
        || messages.contains("panicked")
        || messages.contains("internal error")
    {
        return Ok(Ended::Wrong("it panicked", messages));
    }
    for bytes in [&stdout, &stderr] {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Ok(Ended::Wrong("it printed what is no UTF-8", String::new()));
        };
        if let Some(c) = text.chars().find(|c| !is_safe(*c) && !matches!(c, '\n' | '\t')) {
            return Ok(Ended::Wrong("it printed a control character", format!("{c:?}")));
        }
    }
    for line in String::from_utf8_lossy(&stdout).lines().filter(|line| line.starts_with("{\"")) {
        if let Err(error) = serde_json::from_str::<serde_json::Value>(line) {
            return Ok(Ended::Wrong("it printed wrong JSON", format!("{error}: {line}")));
        }
    }
    Ok(match (status.code(), stdout.is_empty()) {
        (Some(1), true) if !messages.is_empty() => Ended::Refused,
        (Some(1), true) => Ended::Wrong("it failed without a word", messages),
        _ => Ended::Opened,
    })
}

#[derive(Default)]
struct Tally {
    opened: u64,
    refused: u64,
    findings: u64,
}

impl Tally {
    fn add(&mut self, ended: Ended, _: &str) -> Option<String> {
        match ended {
            Ended::Opened => self.opened += 1,
            Ended::Refused => self.refused += 1,
            Ended::Wrong(what, more) => {
                self.findings += 1;
                return Some(format!("{what} ({more})"));
            }
        }
        None
    }

    fn told(&self) -> String {
        let Tally { opened, refused, findings } = self;
        format!("{opened} answered, {refused} refused with a reason, {findings} findings")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_the_same_for_the_same_seed_and_of_every_sort() {
        let whole: Vec<u8> =
            (0..1_u32 << 16).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        let mut seen = std::collections::BTreeSet::new();
        for number in 0..100 {
            let copy = || {
                let mut random = Seed::new(number);
                mutated(&whole, &mut |below| random.below(below.max(1)))
            };
            let (bytes, how) = copy();
            assert_eq!(copy(), (bytes.clone(), how));
            assert!(bytes.len() <= whole.len());
            seen.insert(how);
        }
        assert_eq!(seen.len(), 9, "{seen:?}");
    }
}
