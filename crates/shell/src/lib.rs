//! The shell of v8mdb: command language, pipelines, dcmds, output and the interactive prompt.
//!
//! ```text
//! text --lang--> statements --interpreter--> plan --pipeline--> dcmd | dcmd | ... --output--> terminal, pager, `! shell`
//! ```
//!
//! A dcmd is one file in `dcmds/`, declared as a [`dcmd::Dcmd`] and listed in `dcmds/mod.rs`; parsing, help, completion and
//! the generated pages follow the declaration. Only this crate knows terminals, colours and exit codes.
//!
//! # An example
//!
//! A session without a prompt: what it prints goes to standard output, and the exit status tells whether every command had an answer.
//!
//! ```
//! use clap::Parser;
//! use shell::options::Options;
//!
//! let core = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/cores/leak-24.core.zst");
//! let asked = |commands| shell::run(&Options::parse_from(["v8mdb", "-S", core, "-e", commands]));
//! assert_eq!(asked("::findjsobjects -c UpstreamConnection | ::jsprint -d 1 ! head"), 0);
//! assert_eq!(asked("::findjsobjects -c NothingIsCalledThis"), 1);
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod answers;
pub mod arguments;
mod asked;
#[cfg(feature = "mcp")]
mod assistants;
mod banner;
pub mod bare_words;
pub mod bases;
pub mod context;
pub mod correction;
mod damage;
pub mod dcmd;
pub mod dcmds;
pub mod disassembly;
pub mod docs;
pub mod error;
pub mod format;
#[doc(hidden)]
pub mod fuzzing;
mod growth;
pub mod host_files;
pub mod interpreter;
pub mod interrupt;
pub mod jsexpr;
mod kept_index;
mod known_names;
pub mod lang;
pub mod manual;
mod nothing;
pub mod of_snapshot;
pub mod opened;
mod opening;
pub mod options;
pub mod output;
pub mod pipeline;
pub mod print;
pub mod private_symbols;
mod profile;
mod program;
pub mod prompt;
pub mod repl;
mod report;
pub mod said;
pub mod session;
pub mod settings;
mod shell_escape;
mod source_map;
mod spelling;
pub mod stage;
pub mod symbols;
pub mod target;
mod threads;
pub mod value;
pub mod variables;
pub mod walker;
pub mod walkers;

pub use program::run;

/// The program's name, in front of its messages.
pub const PROGRAM: &str = "v8mdb";
