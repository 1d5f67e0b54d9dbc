//! `v8mdb`: the command.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(shell::run(&shell::options::Options::of_command_line()))
}
