//! A core of this very test program, put together from what Linux says about it: a real position-independent
//! executable and real libraries, with the addresses of real functions to compare with.

use std::collections::HashSet;

use core_reader::{Address, Contents, Core, Memory, OpenOptions, Symbols, Verification};
use test_support::elf_core::ElfCore;

#[inline(never)]
fn marker_function(argument: u64) -> u64 {
    std::hint::black_box(argument).wrapping_mul(3)
}

/// One line of `/proc/self/maps`.
struct Mapping {
    start: u64,
    end: u64,
    permissions: String,
    offset: u64,
    path: String,
}

fn mappings() -> Vec<Mapping> {
    let text = std::fs::read_to_string("/proc/self/maps").expect("Linux has it");
    let mapping = |line: &str| {
        let mut words = line.split_whitespace();
        let (start, end) = words.next()?.split_once('-')?;
        let number = |text: &str| u64::from_str_radix(text, 16).ok();
        Some(Mapping {
            start: number(start)?,
            end: number(end)?,
            permissions: words.next()?.to_owned(),
            offset: number(words.next()?)?,
            path: words.nth(2).unwrap_or_default().to_owned(),
        })
    };
    text.lines().filter_map(mapping).filter(|mapping| mapping.path.starts_with('/')).collect()
}

/// As the kernel would dump it: the first page of every file, nothing else of them.
fn core_of_ourselves() -> Core {
    let mut core = ElfCore::new().process(std::process::id(), 0, "test", "test");
    for mapping in mappings() {
        let size = mapping.end - mapping.start;
        core = core.file(mapping.start, mapping.end, mapping.offset, &mapping.path);
        let file = std::fs::read(&mapping.path).unwrap_or_default();
        let first = if mapping.offset == 0 { file.get(..4096).unwrap_or_default() } else { &[] };
        core = core.partly_dumped(&mapping.path, mapping.start, &mapping.permissions, first, size);
    }
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("core");
    std::fs::write(&path, core.build().bytes).expect("room");
    Core::open(&OpenOptions { core: path, ..OpenOptions::default() }).expect("a core")
}

#[test]
fn modules_are_found_where_they_are_loaded() {
    let core = core_of_ourselves();
    let executable = std::env::current_exe().expect("a path");
    let at = Address(marker_function as *const () as u64);
    let module =
        core.modules().iter().find(|module| module.contains(at)).expect("the function is in a module");
    let found = module.file.as_ref().expect("found");
    assert_eq!(found.path, executable);
    assert!(matches!(found.verification, Verification::BuildId | Verification::Headers));
}

#[test]
fn code_comes_from_the_binary_and_has_the_right_symbol() {
    let core = core_of_ourselves();
    let at = Address(marker_function as *const () as u64);
    assert_eq!(core.memory().range_at(at).map(|range| range.contents), Some(Contents::FromBinary));
    let symbol = core.symbols().at(at).expect("the test program has a symbol table");
    assert_eq!(symbol.address, at);
    assert!(symbol.name.contains("marker_function"), "{}", symbol.name);
    assert_eq!(core.symbols().find(&symbol.name), Some(symbol.clone()));
    let inside = at.checked_add(symbol.size - 1).expect("in range");
    assert_eq!(core.symbols().at(inside), Some(symbol));
    assert!(core.memory().slice(at, 1).is_some());
}

#[test]
fn the_hash_table_and_a_scan_find_the_same_names() {
    let core = core_of_ourselves();
    let scanned = core.symbols().with_prefix("pthread_");
    assert!(scanned.len() > 50, "the C library has many such functions, not {}", scanned.len());
    let names: HashSet<&str> = scanned.iter().map(|symbol| symbol.name.as_str()).collect();
    for name in names {
        let found = core.symbols().find(name).expect("what the scan finds");
        assert!(scanned.contains(&found), "{found:?}");
    }
    assert_eq!(core.symbols().find("pthread_no_such_function"), None);
}
