//! Any bytes as the notes of a core that is sound but for them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use v8mdb_fuzz::{ask_core, open};

/// A core of two program headers: the notes, and a page of memory.
fn core(notes: &[u8]) -> Vec<u8> {
    let header = |kind: u32, flags: u32, offset: u64, address: u64, size: u64| {
        let mut bytes = Vec::new();
        bytes.extend(kind.to_le_bytes());
        bytes.extend(flags.to_le_bytes());
        for word in [offset, address, 0, size, if kind == 1 { size } else { 0 }, 4] {
            bytes.extend(word.to_le_bytes());
        }
        bytes
    };
    let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x04\0\x3e\0\x01\0\0\0".to_vec();
    for word in [0_u64, 64, 0] {
        bytes.extend(word.to_le_bytes());
    }
    for half in [0_u16, 0, 64, 56, 2, 0, 0, 0] {
        bytes.extend(half.to_le_bytes());
    }
    let memory = 64 + 2 * 56;
    bytes.extend(header(4, 0, memory + 4096, 0, notes.len() as u64));
    bytes.extend(header(1, 6, memory, 0x5000_0000, 4096));
    bytes.extend((0..4096).map(|at| (at / 8) as u8));
    bytes.extend(notes);
    bytes
}

fuzz_target!(|input: &[u8]| {
    if let Some(core) = open(&core(input), None) {
        ask_core(&core);
    }
});
