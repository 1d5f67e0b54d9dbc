//! Tests of whole sessions, inside the process and through the program.
#![allow(clippy::unwrap_used, reason = "a test fails where it panics")]

mod assistants;
mod bare_words;
mod command_line;
mod conformance;
mod declarations;
mod files;
mod formats;
mod fuzz;
mod native;
mod opening;
mod pipelines;
mod prompt;
mod rooms;
mod session;
