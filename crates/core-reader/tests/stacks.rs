//! Stacks of a small C program, in cores put together from what Linux says about it. The program tells its registers, and
//! what the unwinder of its C library finds; functions that it calls in an order known from its source are the rest.
#![allow(clippy::unwrap_used)] // a test may panic

mod program;

use std::path::{Path, PathBuf};

use core_reader::{Address, Core, FoundBy, OpenOptions, Stack, StackEnd, Symbols, Unwinder};
use proptest::prelude::*;
use test_support::elf_core::ElfCore;

/// The program, compiled with `options`.
fn compile(directory: &Path, options: &[&str]) -> PathBuf {
    let bare = program::object(
        directory,
        "without_tables.c",
        &[
            "-O1",
            "-fno-omit-frame-pointer",
            "-fno-optimize-sibling-calls",
            "-fno-asynchronous-unwind-tables",
            "-fno-unwind-tables",
        ],
    );
    let options: Vec<&str> = options.iter().copied().chain(["-fno-optimize-sibling-calls", &bare]).collect();
    program::compile(directory, "stacks.c", &options)
}

/// What the program said of itself, and its core.
struct Taken {
    core: Core,
    /// Return addresses, as its C library found them.
    frames: Vec<u64>,
}

fn take(options: &[&str], arguments: &[&str]) -> Taken {
    let directory = tempfile::tempdir().unwrap();
    let taken = program::take(&compile(directory.path(), options), arguments);
    let frames = taken.said("FRAME").map(|numbers| numbers[0]).collect();
    Taken { core: taken.core, frames }
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
            // Few functions of so small a program have tables, so that code is followed before a frame pointer is believed.
            assert_eq!(found.iter().filter(|found| **found == FoundBy::Instructions).count(), 1, "{found:?}");
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

/// The frames of a library as musl is compiled are told by what its instructions do to the stack, those of functions that never
/// return by what they have done.
#[test]
fn code_without_tables_and_frame_pointers_is_followed() {
    const QUIET: [&str; 5] = [
        "-fomit-frame-pointer",
        "-fno-optimize-sibling-calls",
        "-fno-asynchronous-unwind-tables",
        "-fno-unwind-tables",
        "-fno-stack-protector",
    ];
    for level in ["-O1", "-O2", "-Os"] {
        let directory = tempfile::tempdir().unwrap();
        let quiet: Vec<&str> = [level].iter().chain(&QUIET).copied().collect();
        let library = program::library(directory.path(), "quiet.c", "libquiet.so", &quiet);
        let options = ["-O2", "-fomit-frame-pointer", "-fno-optimize-sibling-calls", &library];
        let taken =
            program::take(&program::compile(directory.path(), "quiet_main.c", &options), &["one", "two"]);
        let stack = stack(&taken.core);
        let mut returns: Vec<u64> = taken.said("RETURNS").map(|numbers| numbers[0]).collect();
        assert_eq!(returns.len(), 6);
        returns.reverse();
        let tell = stack.frames.iter().position(|frame| frame.instruction.0 == returns[0]).unwrap();
        let found: Vec<u64> = stack.frames[tell..].iter().map(|frame| frame.instruction.0).collect();
        assert_eq!(found[..6], returns, "{level}: {found:x?}");
        assert_eq!(stack.end, StackEnd::Outermost, "{level}");
        let manners: Vec<FoundBy> = stack.frames[tell..tell + 5].iter().map(|frame| frame.found).collect();
        assert_eq!(manners, [FoundBy::Instructions; 5], "{level}");
        assert!(stack.frames.iter().all(|frame| frame.found != FoundBy::Scan), "{level}");
    }
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
