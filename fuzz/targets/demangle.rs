//! Any text as a mangled name.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let _ = core_reader::demangle(input);
    let _ = core_reader::demangle_without_parameters(input);
    let mangled = format!("_Z{input}");
    if let Some(name) = core_reader::demangle(&mangled) {
        assert!(name.len() < 1 << 20, "{} bytes of {}", name.len(), input.len());
    }
});
