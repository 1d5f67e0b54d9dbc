//! Any text as command lines of a session on a small core: nothing that steers a terminal on any stream, and no command that does not
//! heed Ctrl-C.
#![no_main]

use std::cell::OnceCell;

use libfuzzer_sys::fuzz_target;
use shell::interpreter::Source;
use test_support::elf_core::{ElfCore, words};
use v8mdb_fuzz::file;
use v8mdb_fuzz::session::Session;

thread_local!(static SESSION: OnceCell<Session> = const { OnceCell::new() });

fn session() -> Session {
    let mut data = words(&[0x1234, 2, 3]);
    data.extend(b"\x1b[2J\xc2\x9b\xe2\x80\xae text\0");
    data.resize(0x1000, 0);
    let mut registers = [0; 27];
    registers[16] = 0x4000_0010; // rip
    registers[19] = 0x5000_0800; // rsp
    let core = ElfCore::new()
        .dumped("text", 0x4000_0000, "r-x", &[0xcc; 0x1000])
        .dumped("data", 0x5000_0000, "rw-", &data)
        .not_dumped("hole", 0x6000_0000, "rw-", 0x2000)
        .process(0x101f, 1000, "node\x1b[2J", "node \u{202e}server.js")
        .thread(0x101f, 6, registers)
        .thread(0x1020, 0, [0; 27])
        .file(0x4000_0000, 0x4000_1000, 0, "/opt/\u{9b}1m/libsample.so.1")
        .build();
    Session::on(Some(file("session", &core.bytes)))
}

fuzz_target!(|input: &str| {
    SESSION.with(|own| own.get_or_init(session).run(input, Source::Prompt));
});
