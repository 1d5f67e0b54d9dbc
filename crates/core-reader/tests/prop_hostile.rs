//! Whatever the bytes: an answer or an error, never a panic, and everything asked of what opened ends.
#![allow(clippy::unwrap_used)] // a test may panic

use std::ops::ControlFlow;

use core_reader::{
    Address, Chunk, Core, Malloc, Memory, OpenOptions, Symbols, TableKind, Unwinder, Watch, demangle,
};
use proptest::prelude::*;
use test_support::elf_core::{ElfBinary, ElfCore, words};

fn exercise(bytes: &[u8], executable: Option<&[u8]>) {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let options = OpenOptions {
        core: path("core", bytes),
        executable: executable.map(|bytes| path("program", bytes)),
        ..OpenOptions::default()
    };
    let core = match Core::open(&options) {
        Ok(core) => core,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let ranges = core.memory().ranges();
    assert!(ranges.iter().all(|range| range.start < range.end));
    assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start));
    for range in ranges {
        for at in [range.start, Address(range.end.0 - 1)] {
            if let Ok(piece) = core.memory().bytes_from(at) {
                assert!(!piece.is_empty());
            }
        }
    }
    for thread in core.threads() {
        core.symbols().thread_local("entry", thread);
    }
    core.symbols().find("entry");
    core.symbols().with_prefix("e");
    for module in core.modules() {
        core.symbols().at(module.start);
        core.symbols().at(Address(0x40_1004));
    }
    ask_names(&core);
    ask_stacks(&core);
    ask_memory(&core);
    for warning in core.warnings() {
        assert!(!warning.to_string().is_empty());
    }
    assert!(core.raw_notes().count() <= bytes.len() / 12);
}

fn ask_names(core: &Core) {
    let symbols = core.symbols();
    for object in [None, Some("a.out"), Some("program"), Some("libc")] {
        for name in ["entry", "node::Start", "f()", "operator", "::", "~", "a::~b<c>"] {
            if let Ok(symbol) = symbols.resolve(object, name) {
                symbols.nearest(symbol.address, 0);
            }
        }
    }
    for (index, module) in core.modules().iter().enumerate() {
        for table in [TableKind::Static, TableKind::Dynamic] {
            assert!(symbols.entries(index, table).count() <= core.file_len() as usize + (1 << 16));
        }
        for distance in [0, 1, 0x1000, u64::MAX] {
            for at in [module.start, Address(module.end.0.wrapping_sub(1)), Address(0x40_1004)] {
                symbols.nearest(at, distance);
            }
        }
    }
}

fn ask_stacks(core: &Core) {
    let mut unwinder = Unwinder::new(core);
    for (index, thread) in core.threads().iter().enumerate() {
        let stack = unwinder.stack(&thread.registers, usize::MAX);
        assert!(stack.frames.len() <= 1 << 17);
        core.floating_point(index);
    }
    for range in core.memory().ranges().iter().take(8) {
        for at in [range.start, Address(range.end.0.wrapping_sub(8))] {
            unwinder.stack_at(at, 100);
        }
    }
    if let Some(signal) = core.recorded_signal() {
        signal.code_name();
    }
}

struct Unwatched;

impl Watch for Unwatched {
    fn advance(&self, _: u64) {}
    fn cancelled(&self) -> bool {
        false
    }
}

fn ask_memory(core: &Core) {
    let memory = core.memory();
    let everything = (Address(0), Address(u64::MAX));
    let pieces = memory.readable(everything.0, everything.1);
    assert!(pieces.windows(2).all(|pair| pair[0].0.0 + pair[0].1 <= pair[1].0.0));
    let find = |chunk: Chunk<'_>, found: &mut Vec<u64>| found.push(chunk.own as u64);
    let mut seen = 0;
    memory.scan(everything, 16, &Unwatched, &find, &mut |own| {
        seen += own;
        ControlFlow::Continue(())
    });
    assert_eq!(seen, pieces.iter().map(|(_, length)| length).sum::<u64>());
    if let Some(malloc) = Malloc::of(core, &Unwatched) {
        let blocks = malloc.blocks();
        assert!(
            blocks.iter().all(|block| blocks.around(block.start.0).is_some_and(|found| found.id == block.id))
        );
        let _ = malloc.unreached(core, &[], &Unwatched);
    }
}

fn valid() -> (Vec<u8>, Vec<u8>) {
    let binary =
        ElfBinary::new(0x40_0000, &[7; 20], &[0x90; 64], &words(&[5; 8]), &[("entry", 0x40_1000, 64)]);
    let core = ElfCore::new()
        .process(10, 20, "program", "program")
        .thread(10, 6, [0x40_1004; 27])
        .auxv(&[(3, 0x40_0040), (25, 0x7000_3000), (31, 0x7000_3100), (33, 0x7100_0000)])
        .note(
            "v8mdb",
            1,
            &[1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0, 65],
        )
        .file(0x40_0000, 0x40_1000, 0, "/nowhere/program")
        .file(0x40_1000, 0x40_2000, 0x1000, "/nowhere/program")
        .dumped("header", 0x40_0000, "r--", binary.page(0))
        .not_dumped("code", 0x40_1000, "r-x", 0x1000)
        .dumped("data", 0x40_2000, "rw-", binary.page(2))
        .dumped("stack", 0x7000_0000, "rw-", &[0; 0x4000])
        .build();
    (core.bytes, binary.bytes)
}

fn overwrite(bytes: &mut [u8], changes: &[(usize, u64, usize)], within: usize) {
    let within = within.min(bytes.len());
    for (place, value, width) in changes {
        let at = place % within;
        let width = (*width).min(bytes.len() - at);
        bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
    }
}

/// A place, a value that headers are sensitive to, and how many bytes of it.
fn change() -> impl Strategy<Value = (usize, u64, usize)> {
    let value = prop_oneof![
        any::<u64>(),
        Just(0),
        Just(u64::MAX),
        Just(1 << 63),
        Just(0xffff_ffff),
        Just(0x40_0000),
        0..0x5000_u64
    ];
    (any::<usize>(), value, prop_oneof![Just(1_usize), Just(2), Just(4), Just(8)])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        exercise(&bytes, None);
    }

    #[test]
    fn any_bytes_behind_a_core_header(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        let mut core = valid().0[..64].to_vec();
        core[56] = 4; // e_phnum
        core.extend_from_slice(&bytes);
        exercise(&core, None);
    }

    #[test]
    fn any_name_is_demangled_or_left_alone(name in "(_Z)?[NSTIE0-9a-zA-Z_]{0,200}") {
        if let Some(text) = demangle(&name) {
            prop_assert!(text.len() <= 1 << 14);
        }
    }

    #[test]
    fn any_notes(notes in prop::collection::vec((0..9_usize, prop::collection::vec(any::<u8>(), 0..400)), 0..6)) {
        let mut core = ElfCore::new().dumped("heap", 0x1000, "rw-", &[1; 64]);
        for (which, data) in notes {
            let (owner, kind) = [
                ("CORE", 1), ("CORE", 3), ("CORE", 6), ("CORE", 0x4649_4c45), ("CORE", 0x5349_4749), ("v8mdb", 1),
                ("v8mdb", 2), ("LINUX", 0x202), ("CORE", 2),
            ][which];
            core = core.note(owner, kind, &data);
        }
        exercise(&core.build().bytes, None);
    }

    #[test]
    fn a_core_with_changed_headers_and_notes(changes in prop::collection::vec(change(), 1..6)) {
        let (mut core, binary) = valid();
        overwrite(&mut core, &changes, 2000);
        exercise(&core, Some(&binary));
    }

    #[test]
    fn an_executable_with_changes(changes in prop::collection::vec(change(), 1..6), tail in any::<bool>()) {
        let (core, mut binary) = valid();
        // The headers and notes, or the symbol table and section headers behind the three pages.
        let from = if tail { 0x3000 } else { 0 };
        overwrite(&mut binary[from..], &changes, 400);
        exercise(&core, Some(&binary));
    }
}
