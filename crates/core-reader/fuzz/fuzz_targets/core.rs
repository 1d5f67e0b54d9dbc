//! Any bytes as a core file, plain or compressed: `cargo +nightly fuzz run core`.
#![no_main]

use std::io::Write;

use core_reader::{Address, Core, Memory, OpenOptions, Symbols, TableKind, Unwinder};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(input).expect("room in the temporary directory");
    // Compressed ones stay small.
    let limit = Some(1 << 22);
    let options = OpenOptions { core: file.path().to_owned(), limit, ..OpenOptions::default() };
    let Ok(core) = Core::open(&options) else { return };
    for range in core.memory().ranges() {
        assert!(range.start < range.end);
        let _ = core.memory().bytes_from(range.start);
        let _ = core.memory().read_u64(Address(range.end.0 - 1));
    }
    for thread in core.threads() {
        let _ = core.symbols().thread_local("entry", thread);
    }
    let mut unwinder = Unwinder::new(&core);
    for (index, thread) in core.threads().iter().enumerate() {
        assert!(core.thread_with_id(thread.id).is_some_and(|found| found <= index));
        let _ = unwinder.stack(&thread.registers, 1000);
        let _ = core.floating_point(index);
    }
    let _ = core.symbols().find("main");
    let _ = core.symbols().resolve(None, "node::Start");
    for module in core.modules() {
        let _ = core.symbols().nearest(module.start, 0x1000);
    }
    let _ = core.symbols().entries(0, TableKind::Static).count();
    let _ = core.raw_notes().count();
});
