//! Any bytes as a core file, and what follows from them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use v8_heap::Heap;
use v8mdb_fuzz::objects::ask_objects;
use v8mdb_fuzz::{ask_core, open};

fuzz_target!(|input: &[u8]| {
    let Some(core) = open(input, None) else { return };
    ask_core(&core);
    if let Ok(heap) = Heap::open(core.memory(), core.symbols(), core.threads()) {
        ask_objects(&heap);
    }
});
