//! Stacks of a small C program, in cores put together from what Linux says about it. The program tells its registers, and
//! what the unwinder of its C library finds; functions that it calls in an order known from its source are the rest.
#![allow(clippy::unwrap_used)] // a test may panic

use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use core_reader::{Address, Core, FoundBy, OpenOptions, Stack, StackEnd, Symbols, Unwinder};
use proptest::prelude::*;
use test_support::elf_core::ElfCore;

/// The program, compiled with `options`.
fn compile(directory: &Path, options: &[&str]) -> PathBuf {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let cc = |arguments: &[&str], output: &Path| {
        let status = Command::new("cc").args(arguments).arg("-o").arg(output).status().unwrap();
        assert!(status.success(), "cc {arguments:?}");
    };
    let (bare, program) = (directory.join("bare.o"), directory.join("program"));
    let source = |name: &str| sources.join(name).to_str().unwrap().to_owned();
    let no_tables = [
        "-c",
        "-O1",
        "-fno-omit-frame-pointer",
        "-fno-optimize-sibling-calls",
        "-fno-asynchronous-unwind-tables",
        "-fno-unwind-tables",
        &source("stacks_without_tables.c"),
    ];
    cc(&no_tables, &bare);
    let (main, bare) = (source("stacks.c"), bare.to_str().unwrap().to_owned());
    let arguments: Vec<&str> =
        options.iter().copied().chain(["-fno-optimize-sibling-calls", &main, &bare]).collect();
    cc(&arguments, &program);
    program
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the program said of itself, and its core.
struct Taken {
    core: Core,
    /// Return addresses, as its C library found them.
    frames: Vec<u64>,
    _directory: tempfile::TempDir,
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
fn take(options: &[&str], arguments: &[&str]) -> Taken {
    let directory = tempfile::tempdir().unwrap();
    let program = compile(directory.path(), options);
    let child = Command::new(&program).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut running = Running(child);
    let (mut registers, mut frames) = (Vec::new(), Vec::new());
    for line in BufReader::new(running.0.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let numbers = || line.split(' ').skip(1).map(|text| u64::from_str_radix(text, 16).unwrap());
        match line.split(' ').next() {
            Some("REGISTERS") => registers = numbers().collect(),
            Some("FRAME") => frames.extend(numbers()),
            Some("READY") => break,
            _ => panic!("the program said {line}"),
        }
    }
    let pid = running.0.id();
    let memory = std::fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    let [rip, rsp, rbp, rbx, r12, r13, r14, r15] = registers[..] else { panic!("registers") };
    let mut all = [0; 27];
    for (place, value) in [(16, rip), (19, rsp), (4, rbp), (5, rbx), (3, r12), (2, r13), (1, r14), (0, r15)] {
        all[place] = value;
    }
    let mut core = ElfCore::new().process(pid, 0, "program", "program").thread(pid, 0, all);
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
    let path = directory.path().join("core");
    std::fs::write(&path, core.build().bytes).unwrap();
    let core = Core::open(&OpenOptions { core: path, ..OpenOptions::default() }).unwrap();
    Taken { core, frames, _directory: directory }
}

fn stack(core: &Core) -> Stack {
    Unwinder::new(core).stack(&core.threads()[0].registers, usize::MAX)
}

/// The functions of the program on a stack, innermost first.
fn functions(core: &Core, stack: &Stack) -> Vec<String> {
    let names = stack.frames.iter().filter_map(|frame| core.symbols().nearest(frame.lookup_address(), 0));
    let own = names.filter(|found| found.module == Some(0)).map(|found| found.symbol.name);
    // The compiler may call its copies of a function `leaf.constprop.0`.
    own.map(|name| name.split('.').next().unwrap_or_default().to_owned()).collect()
}

const RAISED: [&str; 12] = [
    "tell",
    "handler",
    "leaf",
    "deep",
    "deep",
    "deep",
    "deep",
    "deep",
    "deep",
    "without_tables",
    "main",
    "_start",
];

#[test]
fn every_frame_is_found_whatever_the_code_is_compiled_to() {
    for options in [&["-O0"][..], &["-O2", "-fomit-frame-pointer"], &["-O2", "-fno-omit-frame-pointer"]] {
        for stack_of_signals in ["normal", "alternate"] {
            let taken = take(options, &[stack_of_signals]);
            let stack = stack(&taken.core);
            assert_eq!(
                functions(&taken.core, &stack)
                    .iter()
                    .filter(|name| RAISED.contains(&name.as_str()))
                    .collect::<Vec<_>>(),
                RAISED.to_vec(),
                "{options:?} {stack_of_signals}"
            );
            assert_eq!(stack.end, StackEnd::Outermost);
            let found: Vec<FoundBy> = stack.frames.iter().map(|frame| frame.found).collect();
            assert_eq!(found.iter().filter(|found| **found == FoundBy::Signal).count(), 1, "{found:?}");
            assert_eq!(found.iter().filter(|found| **found == FoundBy::FramePointer).count(), 1, "{found:?}");
            assert!(!found.contains(&FoundBy::Scan) && !found.contains(&FoundBy::TopOfStack), "{found:?}");
            // Up to the function without tables, at which the C library gives up. Its first frame is the call of backtrace().
            let ours: Vec<u64> = stack.frames.iter().skip(1).map(|frame| frame.instruction.0).collect();
            let theirs = &taken.frames[1..];
            assert!(theirs.len() > 8, "{theirs:x?}");
            let common = theirs.len().min(ours.len()) - 1;
            assert_eq!(ours[..common], theirs[..common], "{options:?} {stack_of_signals}");
        }
    }
}

#[test]
fn a_function_interrupted_before_it_has_a_frame_is_not_left_out() {
    let taken = take(&["-O2", "-fomit-frame-pointer"], &["alternate", "fault"]);
    let stack = stack(&taken.core);
    let names = functions(&taken.core, &stack);
    assert_eq!(names, ["tell", "handler", "fault", "main", "_start"]);
    let fault = stack.frames.iter().position(|frame| frame.found == FoundBy::Signal).unwrap();
    assert!(stack.frames[fault].interrupted);
    assert_eq!(stack.frames[fault].lookup_address(), stack.frames[fault].instruction);
}

#[test]
fn a_stack_goes_on_from_any_frame_pointer() {
    let taken = take(&["-O0"], &["normal"]);
    let whole = stack(&taken.core);
    let names = functions(&taken.core, &whole);
    let main = names.iter().rposition(|name| name == "main").unwrap();
    let from = whole.frames.iter().find(|frame| {
        let found = taken.core.symbols().at(frame.lookup_address());
        found.is_some_and(|symbol| symbol.name == "without_tables")
    });
    let rest = Unwinder::new(&taken.core).stack_at(from.unwrap().frame_pointer.unwrap(), usize::MAX);
    assert_eq!(functions(&taken.core, &rest), names[main..]);
    assert_eq!(
        Unwinder::new(&taken.core).stack(&taken.core.threads()[0].registers, 3).frames,
        whole.frames[..3]
    );
}

/// A core of the program at fixed addresses, all of it dumped, with other bytes in its unwind tables and on its stack.
fn damaged(program: &[u8], changes: &[(usize, u64)], words: &[(u8, u64)], registers: [u64; 27]) -> Core {
    const BASE: u64 = 0x40_0000;
    const STACK: u64 = 0x7000_0000;
    let mut bytes = program.to_vec();
    bytes.resize(program.len().next_multiple_of(4096), 0);
    // Of the tables and what stands before them, the headers.
    let tables = memchr::memmem::find(program, &[1, 0x1b, 3, 0x3b]).unwrap();
    for (place, value) in changes {
        let at = match place % 8 {
            0 => place / 8 % 0x400,
            _ => tables + place / 8 % 0x400,
        };
        let at = at.min(bytes.len() - 8);
        bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
    let word = |(kind, value): &(u8, u64)| match kind % 4 {
        0 => STACK + value % 0x2000,
        1 => BASE + value % bytes.len() as u64,
        2 => BASE + 0x1000 + value % 0x400,
        _ => *value,
    };
    let mut stack: Vec<u8> = words.iter().flat_map(|pair| word(pair).to_le_bytes()).collect();
    stack.resize(0x2000, 0);
    let core = ElfCore::new()
        .thread(1, 0, registers.map(|value| word(&(value as u8, value >> 8))))
        .file(BASE, BASE + bytes.len() as u64, 0, "/nowhere/program")
        .dumped("program", BASE, "r-x", &bytes)
        .dumped("stack", STACK, "rw-", &stack)
        .build();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("core");
    std::fs::write(&path, core.bytes).unwrap();
    Core::open(&OpenOptions { core: path, ..OpenOptions::default() }).unwrap()
}

fn program() -> &'static [u8] {
    static PROGRAM: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    PROGRAM.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        std::fs::read(compile(directory.path(), &["-O2"])).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_tables_and_any_stack_come_to_an_end(
        changes in prop::collection::vec((any::<usize>(), prop_oneof![any::<u64>(), 0..64_u64]), 0..24),
        words in prop::collection::vec((any::<u8>(), any::<u64>()), 1024),
        registers in any::<[u64; 27]>(),
    ) {
        let core = damaged(program(), &changes, &words, registers);
        let mut unwinder = Unwinder::new(&core);
        let stack = unwinder.stack(&core.threads()[0].registers, usize::MAX);
        // Each frame takes at least a word of a stack, unless a signal changes stacks.
        prop_assert!(stack.frames.len() <= 20 * 1024, "{} frames", stack.frames.len());
        prop_assert!(!stack.end.to_string().is_empty());
        for frame in &stack.frames {
            core.symbols().nearest(frame.lookup_address(), 0);
        }
        for offset in (0..0x2000).step_by(0x208) {
            let stack = unwinder.stack_at(Address(0x7000_0000 + offset), usize::MAX);
            prop_assert!(stack.frames.len() <= 20 * 1024);
        }
    }
}
