//! A compressed core: any bytes behind the first of a zstd frame, or any core compressed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use v8mdb_fuzz::{ask_core, open};

fuzz_target!(|input: &[u8]| {
    let Some((&how, rest)) = input.split_first() else { return };
    let file = match how % 2 {
        0 => [&[0x28, 0xb5, 0x2f, 0xfd], rest].concat(),
        _ => zstd::encode_all(rest, 1).expect("memory"),
    };
    if let Some(core) = open(&file, None) {
        ask_core(&core);
    }
});
