//! What is open: a core, with the process in it, or a heap snapshot, which has a graph of objects and no process.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use core_reader::{OpenOptions, OtherFile, Step, Stored};
use v8_heap::Monitor;
use v8_heap::snapshot_file::{Contents, SnapshotFile};

use crate::error::reasons;
use crate::interrupt::Interrupt;
use crate::output::{Progress, escape};
use crate::target::{Capability, Target};

/// What is open. It lives as long as the program; what is read from it may be kept without asking for how long.
#[derive(Debug)]
pub enum Opened {
    /// A core.
    Core(Box<Target>),
    /// A heap snapshot.
    Snapshot(OpenSnapshot),
}

/// A heap snapshot that is open.
#[derive(Debug)]
pub struct OpenSnapshot {
    /// The snapshot.
    pub file: &'static SnapshotFile,
    /// Where it is.
    pub path: PathBuf,
    /// How it is stored.
    pub stored: Stored,
    /// What is short of it, as far as can be told without reading it.
    warnings: Vec<String>,
}

impl From<Target> for Opened {
    fn from(target: Target) -> Opened {
        Opened::Core(Box::new(target))
    }
}

/// What a snapshot cannot answer, and what can.
const NO_PROCESS: &str = "a heap snapshot has no process in it: no memory, stacks or threads, and nothing of V8 itself (a core has all: gcore PID)";

impl Opened {
    /// Opens what is at the path of a core: a heap snapshot if it begins as one, whatever it is called, or a core.
    ///
    /// # Errors
    /// What cannot be opened, and why.
    pub fn open(options: &OpenOptions, interrupt: &Interrupt) -> Result<Opened, String> {
        match OpenSnapshot::open(options, interrupt)? {
            Some(snapshot) => Ok(Opened::Snapshot(snapshot)),
            None => Target::open(options, interrupt).map(|target| Opened::Core(Box::new(target))),
        }
    }

    /// What is short of it, as known when it was opened.
    pub fn warnings(&self) -> Vec<String> {
        match self {
            Opened::Core(target) => target.core().warnings().iter().map(ToString::to_string).collect(),
            Opened::Snapshot(snapshot) => snapshot.warnings.clone(),
        }
    }

    /// The core.
    ///
    /// # Errors
    /// It is a heap snapshot.
    pub fn core(&self) -> Result<&Target, String> {
        match self {
            Opened::Core(target) => Ok(target),
            Opened::Snapshot(_) => Err(NO_PROCESS.to_owned()),
        }
    }

    /// The heap snapshot, if it is one.
    pub fn snapshot(&self) -> Option<&OpenSnapshot> {
        match self {
            Opened::Core(_) => None,
            Opened::Snapshot(snapshot) => Some(snapshot),
        }
    }

    /// Why it does not have `capability`; nothing if it does.
    pub fn lacks(&self, capability: Capability) -> Option<String> {
        match (self, capability) {
            (_, Capability::Any)
            | (Opened::Core(_), Capability::Core)
            | (Opened::Snapshot(_), Capability::Graph) => None,
            (Opened::Core(target), Capability::V8Heap | Capability::Graph) => target.heap().err(),
            (Opened::Snapshot(_), Capability::Core | Capability::V8Heap) => Some(NO_PROCESS.to_owned()),
        }
    }
}

impl OpenSnapshot {
    /// Opens the file at the path of a core if it is a heap snapshot; nothing if it is none.
    ///
    /// # Errors
    /// It is one and cannot be read, and why.
    pub fn open(options: &OpenOptions, interrupt: &Interrupt) -> Result<Option<OpenSnapshot>, String> {
        let progress = Progress::new(interrupt.clone());
        let mut begun = None;
        let path: &Path = &options.core;
        let opened = OtherFile::open(path, options.limit, &SnapshotFile::is_one, &mut |at| {
            if begun.is_none() && at.step == Step::Reading {
                progress.begin(&format!("reading {}", escape(&path.to_string_lossy())), at.total);
            }
            progress.advance(at.done.saturating_sub(begun.unwrap_or(0)));
            begun = Some(at.done);
            if progress.cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let Some(opened) = opened.map_err(|error| reasons(&error))? else { return Ok(None) };
        let file = SnapshotFile::open(Contents::Mapped(opened.map)).map_err(|error| reasons(&error))?;
        let mut warnings: Vec<String> = opened.damage.into_iter().collect();
        if !file.seems_whole() {
            warnings.push(
                "the snapshot does not end as one does: it was cut off (::status says where)".to_owned(),
            );
        }
        Ok(Some(OpenSnapshot {
            file: Box::leak(Box::new(file)),
            path: path.to_owned(),
            stored: opened.stored,
            warnings,
        }))
    }
}
