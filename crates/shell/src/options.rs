//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use core_reader::{OpenOptions, STANDARD_INPUT};

use crate::bases::Bases;
use crate::opening::Opening;

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

    /// An older core of the same service, for ::diff to compare with; twice for two, the oldest first
    #[arg(long, value_name = "OLD")]
    pub base: Vec<PathBuf>,

    /// The executable that dumped an older core, if it is neither where that says nor OBJECT
    #[arg(long, value_name = "OBJECT")]
    pub base_object: Vec<PathBuf>,

    /// Do not run ~/.v8mdbrc or ~/.mdbrc
    #[arg(short = 'S')]
    pub no_rc_file: bool,

    /// The prompt, "> " by default
    #[arg(short = 'P', value_name = "PROMPT")]
    pub prompt: Option<String>,

    /// The symbol matching distance in bytes, as $s
    #[arg(short = 's', value_name = "DISTANCE", value_parser = distance)]
    pub symbol_distance: Option<u64>,

    /// Set an option, as ::set -o does; +o clears it
    #[arg(short = 'o', value_name = "OPTION")]
    pub set: Vec<String>,

    /// Options that +o names
    #[arg(long, hide = true, value_name = "OPTION")]
    pub clear: Vec<String>,

    /// Where $< looks for macro files: directories between colons
    #[arg(short = 'I', value_name = "PATH")]
    pub macro_path: Option<String>,

    /// Accepted: modules are built in
    #[arg(short = 'L', value_name = "PATH", hide = true)]
    pub module_path: Option<String>,

    /// Accepted: modules are built in
    #[arg(short = 'M', hide = true)]
    pub no_modules: bool,

    /// Accepted: symbols are read when they are asked for
    #[arg(short = 'm', hide = true)]
    pub load_on_demand: bool,

    /// Refused: a process that runs is not looked at
    #[arg(short = 'p', value_name = "PID", hide = true)]
    pub process: Option<String>,

    /// The core dump, with the executable in front of it if it is not where the core says; - reads the core from standard input
    #[arg(value_name = "[OBJECT] CORE", required_unless_present = "process", num_args = 1..=2)]
    pub files: Vec<PathBuf>,
}

/// A number as the language writes it: hexadecimal unless it says otherwise.
fn distance(text: &str) -> Result<u64, crate::lang::NumberError> {
    crate::lang::number::parse(text, 16)
}

impl Options {
    /// Reads the command line; leaves the program where that is wrong, or asks for help.
    pub fn of_command_line() -> Options {
        Options::parse_from(with_plus_options(std::env::args_os()))
    }

    /// How cores are to be opened.
    ///
    /// # Errors
    /// An option of `-o` that makes no sense.
    pub fn opening(&self) -> Result<Opening, String> {
        Opening::of(&self.set, |name| std::env::var_os(name))
    }

    /// What to open.
    pub fn target(&self, opening: &Opening) -> OpenOptions {
        let (executable, core) = match self.files.as_slice() {
            [executable, core, ..] => (Some(executable.clone()), core.clone()),
            [core] => (None, core.clone()),
            [] => (None, PathBuf::new()),
        };
        let core = if core.as_os_str() == "-" { PathBuf::from(STANDARD_INPUT) } else { core };
        opening.apply(OpenOptions {
            core,
            executable,
            sysroot: self.sysroot.clone(),
            ..OpenOptions::default()
        })
    }

    /// The older cores beside it.
    pub fn bases(&self, opening: &Opening) -> Bases {
        let executables = self.base_object.iter().cloned().chain(self.target(opening).executable).collect();
        Bases::new(self.base.clone(), executables, self.sysroot.clone(), opening.clone())
    }
}

/// `+o name` as `--clear name`.
fn with_plus_options(words: impl Iterator<Item = OsString>) -> impl Iterator<Item = OsString> {
    let mut literal = false;
    words.map(move |word| {
        literal |= word == "--";
        match word.to_str() {
            Some("+o") if !literal => "--clear".into(),
            _ => word,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_set_and_cleared() {
        let words = ["v8mdb", "-o", "ignoreeof", "+o", "pager", "-s", "0t10", "core"].map(OsString::from);
        let options = Options::parse_from(with_plus_options(words.into_iter()));
        assert_eq!(
            (options.set.as_slice(), options.clear.as_slice()),
            (&["ignoreeof".to_owned()][..], &["pager".to_owned()][..])
        );
        assert_eq!((options.symbol_distance, options.files.len()), (Some(10), 1));
    }
}
