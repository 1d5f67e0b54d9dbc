//! Weighted stacks as files that other programs draw: folded lines, speedscope, pprof, and a picture.
//!
//! What is drawn is either the tree of dominators, where a path of owners is the stack and bytes are the weight, or the stacks of threads.
//! Names reach each format as that format escapes them.

mod folded;
mod pprof;
mod speedscope;
mod svg;

use std::io::Write;
use std::path::Path;

use crate::context::Context;
use crate::error::DcmdError;
use crate::host_files;
use crate::output::escape;

/// What a weight counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Bytes that would be freed.
    Bytes,
    /// Threads.
    Threads,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Unit::Bytes => "bytes",
            Unit::Threads => "threads",
        }
    }
}

/// A stack, and what it weighs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stack {
    /// Names, outermost first; not escaped.
    pub(crate) frames: Vec<String>,
    /// Its own weight, without that of longer stacks.
    pub(crate) weight: u64,
}

/// Stacks of one sort.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    /// What it shows.
    pub(crate) title: String,
    pub(crate) unit: Unit,
    pub(crate) stacks: Vec<Stack>,
}

/// How a profile is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Lines of names between semicolons, and a weight: `flamegraph.pl`, inferno.
    Folded,
    /// The JSON of speedscope.
    Speedscope,
    /// The protocol buffer of pprof, not compressed.
    Pprof,
    /// A picture.
    Svg,
}

impl Format {
    /// By the end of a file's name.
    ///
    /// # Errors
    /// It has none that is known.
    pub(crate) fn of(path: &str) -> Result<Format, String> {
        match Path::new(path).extension().and_then(|end| end.to_str()) {
            Some("folded" | "txt") => Ok(Format::Folded),
            Some("json") => Ok(Format::Speedscope),
            Some("pb" | "pprof") => Ok(Format::Pprof),
            Some("svg") => Ok(Format::Svg),
            _ => Err(format!(
                "'{}' does not end in .svg, .json (speedscope), .pb (pprof) or .folded",
                escape(path)
            )),
        }
    }

    /// A profile in this form.
    pub(crate) fn written(self, profile: &Profile) -> Vec<u8> {
        match self {
            Format::Folded => folded::written(profile).into_bytes(),
            Format::Speedscope => speedscope::written(profile).into_bytes(),
            Format::Pprof => pprof::written(profile),
            Format::Svg => svg::written(profile).into_bytes(),
        }
    }
}

/// Writes a profile to a file.
///
/// # Errors
/// The session is restricted, or the file cannot be written.
pub(crate) fn save(
    context: &Context,
    path: &str,
    format: Format,
    profile: &Profile,
) -> Result<(), DcmdError> {
    let failed = |error: std::io::Error| DcmdError::abort(format!("cannot write {}: {error}", escape(path)));
    context.settings.check_restriction()?;
    let mut new = host_files::create(&context.settings, Path::new(path)).map_err(failed)?;
    new.file().write_all(&format.written(profile)).map_err(failed)?;
    new.finish().map_err(failed)
}
