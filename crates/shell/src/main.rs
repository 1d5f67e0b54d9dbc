//! `v8mdb`: the command.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    ExitCode::from(shell::run(&shell::options::Options::parse()))
}
