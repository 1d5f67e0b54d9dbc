//! What the fuzz targets have in common: whom they ask, and what must hold whatever the answer.

pub mod objects;
pub mod real;
pub mod session;
pub mod small_heap;

use std::path::PathBuf;

use core_reader::{Address, Core, Memory, OpenOptions, Symbols, TableKind, Unwinder};

/// Keeps a process to one processor: a thread for each page of a small heap would cost more than all else.
pub fn on_one_processor() {
    let mut own = rustix::thread::CpuSet::new();
    own.set(rustix::thread::sched_getcpu());
    let _ = rustix::thread::sched_setaffinity(None, &own);
}

/// Writes `bytes` to a file of this process, in memory where there is such a directory.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    let directory = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let path = directory.join(format!("v8mdb-fuzz-{}-{name}", std::process::id()));
    std::fs::write(&path, bytes).expect("room for a small file");
    path
}

/// Opens a core, with its executable or without.
pub fn open(core: &[u8], executable: Option<&[u8]>) -> Option<Core> {
    let core = file("core", core);
    let executable = executable.map(|bytes| file("program", bytes));
    let options = OpenOptions { core, executable, ..OpenOptions::default() };
    let opened = Core::open(&options);
    if let Err(error) = &opened {
        assert!(!error.to_string().is_empty());
    }
    opened.ok()
}

/// Asks a core everything that can be asked of any.
pub fn ask_core(core: &Core) {
    let ranges = core.memory().ranges();
    assert!(ranges.iter().all(|range| range.start < range.end));
    assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start), "ranges overlap");
    for range in ranges.iter().take(64) {
        let _ = core.memory().bytes_from(range.start);
        let _ = core.memory().read_u64(Address(range.end.0 - 1));
    }
    let mut unwinder = Unwinder::new(core);
    for (index, thread) in core.threads().iter().enumerate().take(16) {
        let _ = core.symbols().thread_local("entry", thread);
        let _ = unwinder.stack(&thread.registers, 1000);
        let _ = core.floating_point(index);
    }
    for name in ["main", "node::Start", "f()", "operator", "a::~b<c>"] {
        let _ = core.symbols().find(name);
        let _ = core.symbols().resolve(None, name);
    }
    let _ = core.symbols().with_prefix("v8dbg_");
    for (index, module) in core.modules().iter().enumerate().take(16) {
        let _ = core.symbols().nearest(module.start, 0x1000);
        for table in [TableKind::Static, TableKind::Dynamic] {
            let _ = core.symbols().entries(index, table).take(1 << 16).count();
        }
    }
    let _ = core.raw_notes().count();
    let _ = core
        .recorded_signal()
        .map(|signal| signal.code_name().map(|(name, meaning)| name.len() + meaning.len()));
    for warning in core.warnings() {
        assert!(!warning.to_string().is_empty());
    }
}
