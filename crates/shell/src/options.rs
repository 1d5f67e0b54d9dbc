//! The command line.

use std::path::PathBuf;

use clap::Parser;
use core_reader::OpenOptions;

/// Interactive post-mortem debugger for the V8 heap: opens the core dump of a Node.js process.
#[derive(Clone, Debug, Parser)]
#[command(name = "v8mdb", version, override_usage = "v8mdb [OPTIONS] [OBJECT] CORE")]
pub struct Options {
    /// Run these commands and exit; may be given several times
    #[arg(short = 'e', value_name = "COMMANDS", allow_hyphen_values = true)]
    pub commands: Vec<String>,

    /// Look for the executable and libraries below this directory
    #[arg(short = 'R', long, value_name = "DIR")]
    pub sysroot: Option<PathBuf>,

    /// Do not run ~/.v8mdbrc
    #[arg(short = 'S')]
    pub no_rc_file: bool,

    /// The prompt, "> " by default
    #[arg(short = 'P', value_name = "PROMPT")]
    pub prompt: Option<String>,

    /// Set an option, as ::set -o does
    #[arg(short = 'o', value_name = "OPTION")]
    pub set: Vec<String>,

    /// The core dump, with the executable in front of it if it is not where the core says
    #[arg(value_name = "[OBJECT] CORE", required = true, num_args = 1..=2)]
    pub files: Vec<PathBuf>,
}

impl Options {
    /// What to open.
    pub fn target(&self) -> OpenOptions {
        let (executable, core) = match self.files.as_slice() {
            [executable, core, ..] => (Some(executable.clone()), core.clone()),
            [core] => (None, core.clone()),
            [] => (None, PathBuf::new()),
        };
        OpenOptions { core, executable, sysroot: self.sysroot.clone() }
    }
}
