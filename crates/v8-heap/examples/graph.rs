//! Builds the object graph of a core and prints how large it is and how long each part took:
//! `cargo run --release -p v8-heap --example graph -- CORE [EXECUTABLE]`.

use std::collections::BTreeMap;
use std::time::Instant;

use core_reader::{Core, OpenOptions};
use v8_heap::index::ObjectId;
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
    let start = Instant::now();
    let table = heap.objects(&Unattended)?;
    println!("{:.2} s: {} objects", start.elapsed().as_secs_f64(), table.len());
    let start = Instant::now();
    let graph = heap.graph(&Unattended)?;
    println!(
        "{:.2} s: {} references, {} ephemerons, {} bytes outside, {} bytes of memory, follows code: {}",
        start.elapsed().as_secs_f64(),
        graph.holds.edges(),
        graph.ephemerons.len(),
        graph.owned.iter().map(|owned| owned.bytes).sum::<u64>(),
        graph.memory(),
        graph.follows_code
    );
    let start = Instant::now();
    let roots = heap.roots(&Unattended)?;
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for root in roots.all() {
        *kinds.entry(format!("{:?}", root.kind)).or_default() += 1;
    }
    println!("{:.2} s: roots {kinds:?}, missing {:?}", start.elapsed().as_secs_f64(), roots.missing);
    let start = Instant::now();
    let liveness = heap.liveness(&Unattended)?;
    let mut lives = [0u64; 3];
    for id in 0..graph.len() as u32 {
        lives[liveness.of(id) as usize] += 1;
    }
    println!("{:.2} s: live, unsure, dead {lives:?}", start.elapsed().as_secs_f64());
    let start = Instant::now();
    let held_by = heap.held_by(&Unattended)?;
    println!("{:.2} s: {} references turned around", start.elapsed().as_secs_f64(), held_by.edges());
    let start = Instant::now();
    let dominators = heap.dominators(&Unattended)?;
    println!("{:.2} s: dominators of {} objects", start.elapsed().as_secs_f64(), dominators.order().len());
    let mut largest: Vec<u32> = dominators.order().to_vec();
    largest.sort_unstable_by_key(|id| std::cmp::Reverse(dominators.retained(*id)));
    for id in largest.into_iter().take(12) {
        let object = heap.object_by_id(table, ObjectId(id)).ok_or("no object")?;
        println!(
            "{} {:?} {} {}",
            object.value(),
            object.kind(),
            heap.name(heap.constructor_name(object)),
            dominators.retained(id)
        );
    }
    Ok(())
}
