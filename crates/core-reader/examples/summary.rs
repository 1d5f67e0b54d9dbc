//! Prints what a core says about its process: `cargo run --release -p core-reader --example summary -- CORE [OBJECT]`.

use std::path::PathBuf;
use std::time::Instant;

use core_reader::{Contents, Core, Memory, OpenOptions, Symbols};

fn main() -> Result<(), core_reader::Error> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let core = arguments.next().unwrap_or_default();
    let options = OpenOptions {
        core,
        executable: arguments.next(),
        sysroot: arguments.next(),
        ..OpenOptions::default()
    };
    let started = Instant::now();
    let core = Core::open(&options)?;
    println!("opened in {:?}", started.elapsed());
    for warning in core.warnings() {
        println!("warning: {warning}");
    }
    let process = core.process();
    println!("process {} ({}): {:?}", process.id, process.name, process.arguments);
    println!("{} environment variables, executed as {:?}", process.environment.len(), process.executed_path);
    println!("signal: {}", core.signal().map_or_else(|| "none".to_owned(), ToString::to_string));
    for thread in core.threads() {
        let registers = &thread.registers;
        println!(
            "thread {}: rip {:#x} rsp {:#x} fs_base {:#x}",
            thread.id,
            registers.instruction_pointer(),
            registers.stack_pointer(),
            registers.thread_pointer()
        );
    }
    for module in core.modules() {
        let id = module.build_id.as_ref().map_or_else(|| "no build-id".to_owned(), ToString::to_string);
        println!("{:#x}..{:#x} {} {id} {:?}", module.start, module.end, module.path, module.file);
    }
    for contents in
        [Contents::Dumped, Contents::FromBinary, Contents::NotDumped, Contents::NoAccess, Contents::Truncated]
    {
        let ranges = core.memory().ranges().iter().filter(|range| range.contents == contents);
        let bytes: u64 = ranges.clone().map(|range| range.end.0 - range.start.0).sum();
        println!("{contents:?}: {bytes} bytes in {} ranges", ranges.count());
    }
    for range in core.memory().ranges().iter().filter(|range| range.contents != Contents::Dumped) {
        println!(
            "{:#x}..{:#x} {} {:?} {:?}",
            range.start, range.end, range.permissions, range.contents, range.file
        );
    }
    let timed = Instant::now();
    let constants = core.symbols().with_prefix("v8dbg_").len();
    println!("{constants} symbols begin with v8dbg_, found in {:?}", timed.elapsed());
    let timed = Instant::now();
    let found = core.symbols().find("_ZN2v88internal18g_current_isolate_E");
    println!("g_current_isolate_: {found:?} in {:?}", timed.elapsed());
    for name in ["_ZN2v88internal18g_current_isolate_E", "_ZN2v88internal7Isolate16g_current_isolate"] {
        for thread in core.threads().iter().take(1) {
            println!("{name} of thread {}: {:?}", thread.id, core.symbols().thread_local(name, thread));
        }
    }
    for thread in core.threads().iter().take(1) {
        let timed = Instant::now();
        println!(
            "{:?} in {:?}",
            core.symbols().at(core_reader::Address(thread.registers.instruction_pointer())),
            timed.elapsed()
        );
    }
    let timed = Instant::now();
    println!("no_such_name: {:?} in {:?}", core.symbols().find("no_such_name"), timed.elapsed());
    Ok(())
}
