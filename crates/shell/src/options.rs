//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use core_reader::{OpenOptions, STANDARD_INPUT};

use crate::bases::Bases;
use crate::host_files::Folders;
use crate::opening::Opening;

/// Interactive post-mortem debugger for the V8 heap: opens the core dump of a Node.js process.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "v8mdb",
    version,
    override_usage = "v8mdb [OPTIONS] [OBJECT] CORE\n       v8mdb report [OPTIONS] [OBJECT] CORE\n       v8mdb mcp [OPTIONS]"
)]
pub struct Options {
    /// What the program is to do: the first word of the command line may say so.
    #[arg(skip)]
    pub task: Task,

    /// Run these commands and exit; may be given several times
    #[arg(short = 'e', value_name = "COMMANDS", allow_hyphen_values = true)]
    pub commands: Vec<String>,

    /// Look for the executable and libraries below this directory
    #[arg(short = 'R', long, value_name = "DIR")]
    pub sysroot: Option<PathBuf>,

    /// Look for source maps and sources below this directory too; may be given several times
    #[arg(long, value_name = "DIR")]
    pub sources: Vec<PathBuf>,

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

/// What the program does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Task {
    /// Commands from `-e`, standard input or the prompt.
    #[default]
    Commands,
    /// `v8mdb report`: the report.
    Report {
        /// Where it goes; to standard output if it is not said.
        output: Option<PathBuf>,
        /// What strings say is shown.
        values: bool,
    },
    /// `v8mdb mcp`: a server for assistants.
    Assistants {
        /// Seconds without a question after which a core is closed.
        idle: u64,
    },
    /// What that server starts for each core: questions from standard input.
    Session,
}

/// Serve assistants on standard input and output, with the Model Context Protocol: docs/assistants.md.
#[derive(Clone, Debug, Parser)]
#[command(name = "v8mdb mcp", version)]
struct AssistantOptions {
    /// Close a core that nobody has asked anything for so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    idle: u64,
}

/// What the server for assistants starts for each core.
#[derive(Clone, Debug, Parser)]
#[command(name = "v8mdb mcp-session")]
struct SessionOptions {
    #[arg(long)]
    base: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

/// Say what is wrong with the process, on one page: text, or a file that ends in .html, .json or .txt.
#[derive(Clone, Debug, Parser)]
#[command(name = "v8mdb report", version, override_usage = "v8mdb report [OPTIONS] [OBJECT] CORE")]
struct ReportOptions {
    /// Write the report to this file: .html, .json or .txt
    #[arg(short = 'o', long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Also show what the program's strings say
    #[arg(long)]
    values: bool,

    /// An older core of the same service, to say what has grown since
    #[arg(long, value_name = "OLD")]
    base: Vec<PathBuf>,

    /// The executable that dumped the older core, if it is neither where that says nor OBJECT
    #[arg(long, value_name = "OBJECT")]
    base_object: Vec<PathBuf>,

    /// Look for the executable and libraries below this directory
    #[arg(short = 'R', long, value_name = "DIR")]
    sysroot: Option<PathBuf>,

    /// Look for source maps and sources below this directory too; may be given several times
    #[arg(long, value_name = "DIR")]
    sources: Vec<PathBuf>,

    /// The core dump, with the executable in front of it if it is not where the core says; - reads the core from standard input
    #[arg(value_name = "[OBJECT] CORE", required = true, num_args = 1..=2)]
    files: Vec<PathBuf>,
}

impl From<ReportOptions> for Options {
    fn from(report: ReportOptions) -> Options {
        Options {
            task: Task::Report { output: report.output, values: report.values },
            sysroot: report.sysroot,
            sources: report.sources,
            base: report.base,
            base_object: report.base_object,
            files: report.files,
            ..Options::parse_from(["v8mdb", "-S", "core"])
        }
    }
}

impl From<AssistantOptions> for Options {
    fn from(assistants: AssistantOptions) -> Options {
        Options {
            task: Task::Assistants { idle: assistants.idle },
            ..Options::parse_from(["v8mdb", "-S", "core"])
        }
    }
}

impl From<SessionOptions> for Options {
    fn from(session: SessionOptions) -> Options {
        Options {
            task: Task::Session,
            base: session.base,
            files: session.files,
            ..Options::parse_from(["v8mdb", "-S", "-o", "restricted", "core"])
        }
    }
}

/// A number as the language writes it: hexadecimal unless it says otherwise.
fn distance(text: &str) -> Result<u64, crate::lang::NumberError> {
    crate::lang::number::parse(text, 16)
}

impl Options {
    /// Reads the command line; leaves the program where that is wrong, or asks for help.
    pub fn of_command_line() -> Options {
        Options::of(std::env::args_os())
    }

    /// The same for these words, the name of the program first. A core that is called `report` has a path in front.
    fn of(mut words: impl Iterator<Item = OsString>) -> Options {
        let program = words.next().unwrap_or_default();
        let mut words = words.peekable();
        let named = |name: &'static str| std::iter::once(OsString::from(name));
        match words.peek().and_then(|word| word.to_str()) {
            Some("report") => ReportOptions::parse_from(named("v8mdb report").chain(words.skip(1))).into(),
            Some("mcp") => AssistantOptions::parse_from(named("v8mdb mcp").chain(words.skip(1))).into(),
            Some("mcp-session") => {
                SessionOptions::parse_from(named("v8mdb mcp-session").chain(words.skip(1))).into()
            }
            _ => Options::parse_from(with_plus_options(std::iter::once(program).chain(words))),
        }
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

    /// Below which directories files may be read that the core names.
    pub fn folders(&self) -> Folders {
        Folders::new(self.sysroot.iter().chain(&self.sources).cloned().collect())
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
    fn the_first_word_may_ask_for_a_report() {
        let of = |words: &[&str]| Options::of(words.iter().map(OsString::from));
        let options = of(&["v8mdb", "report", "core", "-o", "x.html", "--base", "old"]);
        let task = Task::Report { output: Some("x.html".into()), values: false };
        assert_eq!(
            (options.task, options.files, options.base),
            (task, vec!["core".into()], vec!["old".into()])
        );
        let options = of(&["v8mdb", "./report", "-o", "cache"]);
        assert_eq!((options.task, options.files), (Task::Commands, vec![PathBuf::from("./report")]));
    }

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
