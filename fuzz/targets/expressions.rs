//! Any text as an expression of `::where`, and as one of the language.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shell::jsexpr::JsExpr;
use shell::lang::parse_expression;

fuzz_target!(|input: &str| {
    if let Err(error) = JsExpr::parse(input) {
        assert!(!error.to_string().is_empty());
    }
    let _ = parse_expression(input);
});
