//! How a dcmd ends, other than well.

use std::io;

/// Why a dcmd, or its work on one item, failed.
#[derive(Debug, thiserror::Error)]
pub enum DcmdError {
    /// The work on one item or one run failed. It is reported, and the rest of the pipe goes on.
    #[error("{0}")]
    Failed(String),
    /// The dcmd was not called as it wants to be: its usage is printed and the pipeline aborted. The text, if any, says what
    /// is wrong.
    #[error("{0}")]
    Usage(String),
    /// The pipeline cannot go on.
    #[error("{0}")]
    Abort(String),
    /// The pipeline was aborted and the user has been told why.
    #[error("the pipeline was aborted")]
    Reported,
    /// The user pressed Ctrl-C.
    #[error("command cancelled by user")]
    Interrupted,
    /// Whoever read our output has closed it: stop, quietly.
    #[error("the reader of the output has gone")]
    Closed,
}

impl DcmdError {
    /// A failure of one item or one run, from any error or text.
    pub fn failed(error: impl ToString) -> DcmdError {
        DcmdError::Failed(error.to_string())
    }

    /// A failure that ends the pipeline.
    pub fn abort(error: impl ToString) -> DcmdError {
        DcmdError::Abort(error.to_string())
    }

    /// A usage error with its reason.
    pub fn usage(reason: impl ToString) -> DcmdError {
        DcmdError::Usage(reason.to_string())
    }
}

impl From<io::Error> for DcmdError {
    fn from(error: io::Error) -> DcmdError {
        match error.kind() {
            io::ErrorKind::BrokenPipe => DcmdError::Closed,
            _ => DcmdError::Abort(format!("failed to write output: {error}")),
        }
    }
}

impl From<core_reader::MemoryError> for DcmdError {
    fn from(error: core_reader::MemoryError) -> DcmdError {
        DcmdError::failed(error)
    }
}

/// An error and all its sources on one line, without the system's error numbers.
pub fn reasons(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    // The number says nothing more, nor does the name of a temporary file behind it.
    match text.rfind(" (os error ") {
        Some(at) if text.ends_with(')') || text[at..].contains(") at path ") => text[..at].to_owned(),
        _ => text,
    }
}

impl From<v8_heap::Error> for DcmdError {
    fn from(error: v8_heap::Error) -> DcmdError {
        match error {
            v8_heap::Error::Interrupted => DcmdError::Interrupted,
            error => DcmdError::failed(reasons(&error)),
        }
    }
}

/// Why memory cannot be read, as the language says it.
pub fn unreadable(error: &core_reader::MemoryError) -> String {
    match error {
        core_reader::MemoryError::Unmapped(_) => "no mapping for address".to_owned(),
        other => other.to_string(),
    }
}
