//! What is wrong with a core that opened all the same.

use std::fmt;
use std::path::PathBuf;

use crate::{BuildId, Truncation};

/// Something the user should know before believing an answer. Displays as one line that names what is affected and
/// the option that helps.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The core file ends early.
    Truncated(Truncation),
    /// The compressed core could not be decompressed to its end.
    Damaged(String),
    /// The core has no notes, or has lost them with its end: no threads, no signal, no list of mapped files.
    NoNotes,
    /// The executable was not found.
    MissingExecutable {
        /// The path in the core, if it records one.
        path: Option<String>,
        /// Its build-id, if the core holds it.
        build_id: Option<BuildId>,
    },
    /// Libraries were not found.
    MissingLibraries(Vec<String>),
    /// A file was found where the core says, and it is another program.
    Mismatch {
        /// The file that is not used.
        path: PathBuf,
        /// The build-id in the core.
        in_core: Option<BuildId>,
        /// The build-id of the file.
        in_file: Option<BuildId>,
    },
    /// Files are used although the core holds nothing that identifies them but where they were mapped.
    Unverified(Vec<PathBuf>),
    /// A server that was to be asked for binaries.
    Server {
        /// Its URL.
        server: String,
        /// What went wrong.
        problem: String,
    },
    /// Stacks that hold nothing but zeros, though threads are on them: gdb gives up on a mapping at the first page that it cannot read,
    /// and the stacks of glibc 2.42 and later begin with such pages (`MADV_GUARD_INSTALL`).
    EmptyStacks {
        /// Threads whose stack is empty.
        empty: usize,
        /// All threads.
        threads: usize,
    },
    /// A note that could not be decoded.
    BadNote(String),
}

struct OptionalId<'a>(&'a Option<BuildId>);

impl fmt::Display for OptionalId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(id) => write!(f, "build-id {id}"),
            None => f.write_str("no build-id"),
        }
    }
}

/// The first few of `paths`, and how many more there are.
fn write_some(f: &mut fmt::Formatter<'_>, paths: &[String]) -> fmt::Result {
    const SHOWN: usize = 3;
    f.write_str(&paths[..paths.len().min(SHOWN)].join(", "))?;
    if paths.len() > SHOWN {
        write!(f, " and {} more", paths.len() - SHOWN)?;
    }
    Ok(())
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::Truncated(truncation) => write!(f, "{truncation}"),
            Warning::Damaged(reason) => {
                write!(
                    f,
                    "the compressed core is damaged ({reason}): what follows the damage is missing, copy it again"
                )
            }
            Warning::NoNotes => f.write_str(
                "the core has no notes, or they were cut off: threads, signal and the paths of binaries are unknown",
            ),
            Warning::MissingExecutable { path, build_id } => {
                write!(f, "executable {} ", path.as_deref().unwrap_or("(path unknown)"))?;
                write!(f, "({}) not found: ", OptionalId(build_id))?;
                f.write_str("symbols and read-only data are missing; ")?;
                f.write_str("give it with v8mdb OBJECT CORE or --sysroot DIR")?;
                match build_id {
                    Some(_) => f.write_str(", or under its build-id with -o build-ids=DIR or DEBUGINFOD_URLS"),
                    None => Ok(()),
                }
            }
            Warning::MissingLibraries(paths) => {
                write!(f, "{} of the program's libraries not found: ", paths.len())?;
                write_some(f, paths)?;
                f.write_str("; --sysroot DIR says where copies are")
            }
            Warning::Mismatch { path, in_core, in_file } => {
                write!(f, "{} not used: it has {}, ", path.display(), OptionalId(in_file))?;
                match in_core {
                    Some(id) => write!(f, "the core was dumped by build-id {id}")?,
                    None => {
                        f.write_str("and its headers or segments are not those of the program in the core")?
                    }
                }
                f.write_str("; --sysroot DIR says where the right one is")
            }
            Warning::Unverified(paths) => {
                let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
                write_some(f, &paths)?;
                f.write_str(": used unchecked, as the core does not hold the pages with their build-ids")
            }
            Warning::Server { server, problem } => write!(f, "debuginfod server {server}: {problem}"),
            Warning::EmptyStacks { empty, threads } => write!(
                f,
                "the stacks of {empty} of {threads} threads are empty, what they hold is missing: so gdb's gcore leaves stacks with guard \
                 pages inside (glibc 2.42 and later); a core that the kernel writes is whole (kill -ABRT)"
            ),
            Warning::BadNote(problem) => write!(f, "note ignored: {problem}"),
        }
    }
}
