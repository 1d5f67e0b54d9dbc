//! Any bytes as the executable of a core: its headers, symbols and unwinding tables. The core has neither build-id nor headers of it,
//! so that it is believed wherever its segments fit.
#![no_main]

use libfuzzer_sys::fuzz_target;
use test_support::elf_core::ElfCore;
use v8mdb_fuzz::{ask_core, open};

fuzz_target!(|input: &[u8]| {
    let mut registers = [0; 27];
    registers[16] = 0x40_1004; // rip
    registers[19] = 0x5000_0100; // rsp
    registers[4] = 0x5000_0200; // rbp
    let stack: Vec<u8> = (0..512_u64).flat_map(|word| (0x40_1000 + word % 64).to_le_bytes()).collect();
    let core = ElfCore::new()
        .dumped("data", 0x40_2000, "rw-", &[0x40; 0x1000])
        .dumped("stack", 0x5000_0000, "rw-", &stack)
        .process(7, 1, "program", "program")
        .thread(7, 11, registers)
        .build();
    if let Some(core) = open(&core.bytes, Some(input)) {
        ask_core(&core);
    }
});
