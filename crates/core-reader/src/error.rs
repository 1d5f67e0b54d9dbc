//! Why a core could not be opened or written. Anything less than that is a [`crate::Warning`].

use std::io;
use std::path::PathBuf;

/// A core, or the executable given with it, that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was attempted: `open`, `map`, ...
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The file is not an ELF core of a supported machine.
    #[error("{} is {found}, not {wanted}: {advice}", path.display())]
    WrongFile {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: String,
        /// What belongs here: `a core dump` or `an executable`.
        wanted: &'static str,
        /// What the user can do.
        advice: String,
    },
    /// The file claims to be ELF, and its headers contradict themselves or the file.
    #[error("{}: {problem}; {advice}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What was read, where, and what was found.
        problem: String,
        /// What the user can do.
        advice: &'static str,
    },
    /// The executable given by the user is not the one that ran.
    #[error(
        "{} (build-id {given}) is not the program that dumped {}: {}; give the executable that ran, or leave it out",
        path.display(), core.display(), expected
    )]
    WrongExecutable {
        /// The file given.
        path: PathBuf,
        /// Its build-id, or `none`.
        given: String,
        /// The core.
        core: PathBuf,
        /// What the core says about the program it came from.
        expected: String,
    },
    /// A compressed core that cannot be decompressed at all.
    #[error("cannot decompress {}: {problem}", path.display())]
    Decompress {
        /// The file.
        path: PathBuf,
        /// What happened and what to do.
        problem: String,
    },
    /// A core on a pipe that cannot be copied.
    #[error("cannot copy {}: {problem}", path.display())]
    Copy {
        /// The pipe.
        path: PathBuf,
        /// What happened and what to do.
        problem: String,
    },
    /// A core that cannot be mapped as it is stored, and is larger than may be written to a temporary file.
    #[error("{} holds more than {limit} bytes, which is the limit: `-o coresize=BYTES` sets another", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// The user stopped a long step.
    #[error("stopped before {} was complete", path.display())]
    Stopped {
        /// The file being opened or written.
        path: PathBuf,
    },
    /// A core was to be written with memory that cannot be read.
    #[error("cannot write the core to {}", path.display())]
    Unwritable {
        /// The file to be written.
        path: PathBuf,
        /// What is missing.
        #[source]
        source: crate::MemoryError,
    },
}
