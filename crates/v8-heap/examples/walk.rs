//! Walks the heap of a core and prints what the self-check found:
//! `cargo run --release -p v8-heap --example walk -- CORE [EXECUTABLE]`.

use core_reader::{Core, OpenOptions};
use v8_heap::{Heap, Unattended};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let core = arguments.next().ok_or("which core?")?;
    let options = OpenOptions {
        core: core.into(),
        executable: arguments.next().map(Into::into),
        sysroot: None,
        ..OpenOptions::default()
    };
    let core = Core::open(&options)?;
    let heap = Heap::open(core.memory(), core.symbols(), core.threads())?;
    println!(
        "V8 {}, layout of V8 {:?}, exact: {}",
        heap.version(),
        heap.layout().table_version,
        heap.layout().exact
    );
    println!("{:#?}", heap.self_check(&Unattended)?);
    let kinds = heap.kinds(&Unattended)?;
    println!("{} kinds, {:?}", kinds.groups().len(), kinds.statistics);
    Ok(())
}
