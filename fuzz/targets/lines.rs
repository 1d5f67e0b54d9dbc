//! Any text as command lines: parsed, printed and parsed again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shell::lang::{next_statement, parse_expression, statement};

fuzz_target!(|input: &str| {
    let mut start = 0;
    while start < input.len() {
        let next = match statement(input, start) {
            Ok((read, next)) => {
                let printed = read.to_string();
                if let Ok((again, _)) = statement(&printed, 0) {
                    assert_eq!(again.to_string(), printed, "printed differently the second time");
                }
                next
            }
            Err(error) => {
                assert!(error.span.end <= input.len() && !error.message.is_empty());
                next_statement(input, error.span.start.max(start))
            }
        };
        assert!(next > start, "no way forward from {start}");
        start = next;
    }
    let _ = parse_expression(input);
});
