//! Cores of small C programs, put together from what Linux says about them. A program prints lines of a word and hexadecimal
//! numbers, its registers among them (`REGISTERS`: rip rsp rbp rbx r12 r13 r14 r15), then `READY`, and waits.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use core_reader::{Core, OpenOptions};
use test_support::elf_core::ElfCore;

fn cc(source: &str, options: &[&str], output: PathBuf) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/program").join(source);
    let status = Command::new("cc").arg(&source).args(options).arg("-o").arg(&output).status().unwrap();
    assert!(status.success(), "cc {options:?}");
    output
}

/// The program `source`, compiled with `options`.
pub fn compile(directory: &Path, source: &str, options: &[&str]) -> PathBuf {
    cc(source, options, directory.join("program"))
}

/// A part of a program; gives its path.
#[allow(dead_code)] // not every test needs one
pub fn object(directory: &Path, source: &str, options: &[&str]) -> String {
    let options: Vec<&str> = ["-c"].iter().chain(options).copied().collect();
    cc(source, &options, directory.join("part.o")).to_str().unwrap().to_owned()
}

/// A library of that name, which a program compiled with its path finds.
#[allow(dead_code)] // not every test needs one
pub fn library(directory: &Path, source: &str, name: &str, options: &[&str]) -> String {
    let options: Vec<&str> = ["-shared", "-fPIC"].iter().chain(options).copied().collect();
    cc(source, &options, directory.join(name)).to_str().unwrap().to_owned()
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a program said, and its core.
pub struct Taken {
    pub core: Core,
    lines: Vec<(String, Vec<u64>)>,
}

impl Taken {
    /// The numbers of every line that begins with `word`.
    pub fn said<'t>(&'t self, word: &'t str) -> impl Iterator<Item = &'t [u64]> {
        self.lines.iter().filter(move |(first, _)| first == word).map(|(_, numbers)| numbers.as_slice())
    }
}

struct Mapping {
    start: u64,
    end: u64,
    permissions: String,
    offset: u64,
    path: String,
}

fn mappings(pid: u32) -> Vec<Mapping> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mapping = |line: &str| {
        let mut words = line.split_whitespace();
        let (start, end) = words.next()?.split_once('-')?;
        let number = |text: &str| u64::from_str_radix(text, 16).ok();
        Some(Mapping {
            start: number(start)?,
            end: number(end)?,
            permissions: words.next()?[..3].to_owned(),
            offset: number(words.next()?)?,
            path: words.nth(2).unwrap_or_default().to_owned(),
        })
    };
    text.lines().filter_map(mapping).collect()
}

/// Runs the program, and takes its core as the kernel would: of files the first page and what can be written.
pub fn take(program: &Path, arguments: &[&str]) -> Taken {
    let child = Command::new(program).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut running = Running(child);
    let mut lines = Vec::new();
    for line in BufReader::new(running.0.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let mut words = line.split(' ');
        let word = words.next().unwrap_or_default().to_owned();
        if word == "READY" {
            break;
        }
        lines.push((word, words.map(|text| u64::from_str_radix(text, 16).unwrap()).collect()));
    }
    let pid = running.0.id();
    let memory = std::fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut registers = [0; 27];
    if let Some((_, numbers)) = lines.iter().find(|(word, _): &&(String, Vec<u64>)| word == "REGISTERS") {
        for (place, value) in [16, 19, 4, 5, 3, 2, 1, 0].into_iter().zip(numbers) {
            registers[place] = *value;
        }
    }
    let mut core = ElfCore::new().process(pid, 0, "program", "program").thread(pid, 0, registers);
    for mapping in mappings(pid) {
        let size = mapping.end - mapping.start;
        let is_file = mapping.path.starts_with('/');
        if is_file {
            core = core.file(mapping.start, mapping.end, mapping.offset, &mapping.path);
        }
        let dumped = match (is_file, mapping.permissions.contains('w')) {
            (true, false) if mapping.offset == 0 => 4096.min(size),
            (true, false) => 0,
            _ => size,
        };
        let mut bytes = vec![0; dumped as usize];
        if memory.read_exact_at(&mut bytes, mapping.start).is_err() {
            bytes.clear(); // [vvar] can be mapped and not be read
        }
        core = core.partly_dumped(&mapping.path, mapping.start, &mapping.permissions, &bytes, size);
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("core");
    std::fs::write(&path, core.build().bytes).unwrap();
    let core = Core::open(&OpenOptions { core: path, ..OpenOptions::default() }).unwrap();
    Taken { core, lines }
}
