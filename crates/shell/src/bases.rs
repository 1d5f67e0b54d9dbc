//! Older cores beside the target: those of `--base`, and those that `::diff` has opened.

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use core_reader::OpenOptions;

use crate::interrupt::Interrupt;
use crate::opening::Opening;
use crate::target::Target;

/// So many are kept with all that was computed of them; the one that was used least recently goes, but for the map of its file, which
/// stays until the program ends: what is read from a core may be kept without asking for how long.
const MOST_OPEN: usize = 3;

/// An older core.
#[derive(Clone, Debug)]
pub struct Base {
    /// What the user calls it.
    pub path: PathBuf,
    /// The core.
    pub target: Rc<Target>,
}

/// The older cores of a session.
#[derive(Debug, Default)]
pub struct Bases {
    /// Those that `::diff` compares with where it is not told, the oldest first.
    given: Vec<PathBuf>,
    /// Executables that may be those of older cores.
    executables: Vec<PathBuf>,
    sysroot: Option<PathBuf>,
    opening: Opening,
    opened: RefCell<Vec<Base>>,
}

impl Bases {
    /// The older cores `given` on the command line, the oldest first; what dumped them is looked for among `executables`, and below
    /// `sysroot`. They are opened as `opening` says.
    pub fn new(
        given: Vec<PathBuf>,
        executables: Vec<PathBuf>,
        sysroot: Option<PathBuf>,
        opening: Opening,
    ) -> Bases {
        Bases { given, executables, sysroot, opening, opened: RefCell::default() }
    }

    /// The older cores of the command line, the oldest first.
    pub fn given(&self) -> &[PathBuf] {
        &self.given
    }

    /// Opens an older core, unless it is open already. `warn` is told what is short of it.
    ///
    /// # Errors
    /// It cannot be opened, and why.
    pub fn open(
        &self,
        path: &Path,
        executable: Option<&Path>,
        interrupt: &Interrupt,
        warn: &dyn Fn(&dyn fmt::Display),
    ) -> Result<Base, String> {
        let known = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let mut opened = self.opened.borrow_mut();
        let at = opened.iter().position(|base| base.path.canonicalize().is_ok_and(|path| path == known));
        if let (Some(at), None) = (at, executable) {
            let base = opened.remove(at);
            opened.push(base.clone());
            return Ok(base);
        }
        let options = self.opening.apply(OpenOptions {
            core: path.to_owned(),
            executable: executable.map(Path::to_owned),
            sysroot: self.sysroot.clone(),
            ..OpenOptions::default()
        });
        let mut target = Target::open(&options, interrupt)?;
        let lacks_executable = |target: &Target| {
            target.core().modules().first().is_none_or(|module| module.executable && module.file.is_err())
        };
        if executable.is_none() && lacks_executable(&target) {
            // One of those at hand may be it: whether it is, the build-id says.
            let with = |executable: &PathBuf| OpenOptions {
                executable: Some(executable.clone()),
                ..options.clone()
            };
            let fitting = self.executables.iter().find_map(|own| Target::open(&with(own), interrupt).ok());
            target = fitting.unwrap_or(target);
        }
        for warning in target.core().warnings() {
            warn(&format_args!("warning: {}: {warning}", path.display()));
        }
        if let Some(at) = at {
            opened.remove(at);
        }
        if opened.len() >= MOST_OPEN {
            opened.remove(0);
        }
        let base = Base { path: path.to_owned(), target: Rc::new(target) };
        opened.push(base.clone());
        Ok(base)
    }
}
