//! The shell of v8mdb: command language, pipelines, dcmds, output and the interactive prompt.
//!
//! ```text
//! text --lang--> statements --interpreter--> plan --pipeline--> dcmd | dcmd | ... --output--> terminal, pager, `! shell`
//! ```
//!
//! A dcmd is one file in `dcmds/`, declared as a [`dcmd::Dcmd`] and listed in `dcmds/mod.rs`; parsing, help, completion and
//! the generated pages follow the declaration. Only this crate knows terminals, colours and exit codes.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod arguments;
pub mod bases;
pub mod context;
mod damage;
pub mod dcmd;
pub mod dcmds;
pub mod disassembly;
pub mod docs;
pub mod error;
pub mod format;
mod growth;
pub mod interpreter;
pub mod interrupt;
pub mod jsexpr;
mod kept_index;
pub mod lang;
mod lives;
pub mod manual;
mod members;
mod opening;
pub mod options;
pub mod output;
pub mod pipeline;
mod place_name;
pub mod print;
mod reference;
pub mod repl;
mod retention;
mod search;
mod session;
pub mod settings;
mod shell_escape;
mod source_map;
mod summary;
pub mod symbols;
pub mod target;
mod threads;
pub mod value;
pub mod variables;
pub mod walker;
mod walkers;

pub use session::run;

/// The program's name, in front of its messages.
pub const PROGRAM: &str = "v8mdb";
