//! Any text as command lines, and as an expression of `::where`: `cargo +nightly fuzz run lines`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shell::context::Context;
use shell::interpreter::{self, Source};
use shell::interrupt::Interrupt;
use shell::jsexpr::JsExpr;
use shell::lang::{next_statement, statement};
use shell::output::Terminal;

fuzz_target!(|input: &str| {
    let mut start = 0;
    while start < input.len() {
        start = match statement(input, start) {
            // What was read is read the same from what it prints.
            Ok((read, next)) => {
                let _ = statement(&read.to_string(), 0);
                next
            }
            Err(error) => next_statement(input, error.span.start.max(start)),
        };
    }
    let _ = JsExpr::parse(input);
    // A count would keep it busy for good.
    if input.contains(',') {
        return;
    }
    let terminal = Terminal::new(Box::new(std::io::sink()), Box::new(std::io::sink()));
    let context = Context::new(None, terminal, Interrupt::default(), false);
    context.settings.set_option("restricted", true).expect("an option");
    let _ = interpreter::run(&context, input, Source::Prompt, &context.text);
});
