//! Any text as a source map, or as the `data:` URL of one.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    shell::fuzzing::source_map(input);
});
