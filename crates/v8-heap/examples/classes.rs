//! Holds every word of a core's heap against the class descriptions, and prints where they differ:
//! `cargo run --release -p v8-heap --example classes -- CORE [EXECUTABLE]`.

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
    let check = heap.check_classes(&Unattended)?;
    println!(
        "{} objects, {} words, {} of them tagged, {} never written",
        check.objects, check.words, check.tagged, check.unwritten
    );
    for ((number, offset, what), (count, example)) in &check.contradictions {
        println!("{} +{offset}: {what:?} x {count}, first {example}", heap.layout().type_name(*number));
    }
    Ok(())
}
