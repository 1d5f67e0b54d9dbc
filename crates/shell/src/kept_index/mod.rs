//! The index kept beside the core (`-o cache`).
//!
//! What has been computed of a heap is written to `CORE.v8mdb-index` when the session ends, or to the user's cache directory where
//! the core's cannot be written to, and read by the next session that asks for it. A file is used only if this user's sessions wrote
//! it (`key`), from the same core, binaries and layout and by this very program (`identity`), and each of its sections only if
//! its signature (`file`), its structure and a comparison with the core agree (`v8_heap::Store`). Whatever does not is computed
//! anew and replaced.
//!
//! Two sessions may end at once: each writes a file of its own and renames it, so one of two complete files stays. What the
//! file at the end holds beyond what this session has is taken along.

mod file;
mod identity;
mod key;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use v8_heap::{Heap, Monitor, Store};

use crate::error::reasons;
use crate::output::escape;
use crate::said::Said;
use crate::target::Target;

use file::{IndexFile, NewSection, Refusal};
use identity::Identity;
use key::Key;

/// An object of two words costs some 50 bytes: no byte of a core costs more than this. An index of nearly nothing is as small as
/// that.
const MOST_BYTES_EACH: u64 = 8;
const SMALL: u64 = 1 << 20;

/// The index of a session: nothing until the option is on and the heap is asked for.
#[derive(Debug, Default)]
pub struct KeptIndex(OnceCell<Option<Opened>>);

#[derive(Debug)]
struct Opened {
    identity: Identity,
    /// Without it, nothing is read or written.
    key: Option<Key>,
    /// Bytes of the largest file that can be an index of the core.
    most: u64,
    /// Beside the core, and in the user's cache directory, if there is one.
    beside: PathBuf,
    elsewhere: Option<PathBuf>,
    /// The file that is used, and where it is.
    file: Option<(&'static IndexFile, PathBuf)>,
    log: Arc<Mutex<Log>>,
}

/// What became of the parts, and what the user has still to be told.
#[derive(Debug, Default)]
struct Log {
    accepted: Vec<String>,
    /// Sections whose bytes are not those that were written.
    damaged: BTreeSet<String>,
    /// A part was not of this heap: nothing in the file is to be kept.
    is_wrong: bool,
    untold: Vec<String>,
}

impl KeptIndex {
    /// Looks for a file and has the heap ask it; does nothing from the second time on.
    pub fn attach(&self, target: &Target, heap: &Heap<'static>) {
        self.0.get_or_init(|| {
            let opened = Opened::of(target, heap)?;
            if let Some((file, path)) = &opened.file {
                let (log, path) = (Arc::clone(&opened.log), path.clone());
                heap.use_store(Box::new(FileStore { file, path, log }));
            }
            Some(opened)
        });
    }

    /// Tells what has happened since the last time.
    pub fn tell(&self, said: &Said) {
        let Some(Some(opened)) = self.0.get() else { return };
        let untold = std::mem::take(&mut opened.log().untold);
        for text in untold {
            said.warn(&text);
        }
    }

    /// Writes what has been computed, if there is anything that the file lacks.
    pub fn keep(&self, said: &Said, heap: &Heap<'static>, monitor: &dyn Monitor) {
        let Some(Some(opened)) = self.0.get() else { return };
        match opened.keep(heap, monitor) {
            Ok(None) => {}
            Ok(Some((path, length))) => {
                let path = escape(&path.to_string_lossy()).into_owned();
                said.warn(&format!("index written to {path} ({})", megabytes(length)));
            }
            Err((_, error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Err((path, error)) => {
                let path = escape(&path.to_string_lossy()).into_owned();
                said.warn(&format!("warning: cannot write the index to {path}: {}", reasons(&error)));
            }
        }
    }

    /// One line for `::status`.
    pub fn status(&self) -> Option<String> {
        let opened = self.0.get()?.as_ref()?;
        Some(match &opened.file {
            Some((file, path)) => {
                let log = opened.log();
                let mut read = log.accepted.join(", ");
                if read.is_empty() {
                    "nothing so far".clone_into(&mut read);
                }
                let path = path.to_string_lossy();
                format!("{} ({}), of it read: {read}", escape(&path), megabytes(file.length() as u64))
            }
            None if opened.key.is_none() => "none: there is no key to sign it".to_owned(),
            None => {
                format!("to be written to {} when the session ends", escape(&opened.beside.to_string_lossy()))
            }
        })
    }
}

impl Opened {
    fn of(target: &Target, heap: &Heap<'_>) -> Option<Opened> {
        let path = target.path()?.canonicalize().ok()?;
        let identity = Identity::of(&path, target.core(), heap).ok()?;
        let mut name = path.file_name()?.to_owned();
        name.push(".v8mdb-index");
        let beside = path.with_file_name(name);
        let elsewhere = cache_directory().map(|cache| cache.join(format!("{}.index", identity.core_name())));
        let most = target.core().file_len().saturating_mul(MOST_BYTES_EACH).saturating_add(SMALL);
        let mut log = Log::default();
        let mut file = None;
        let key = Key::of_user().map_err(|(path, error)| {
            let path = path.to_string_lossy();
            log.untold.push(format!(
                "warning: no index is read or written: the key to sign it, {}: {}",
                escape(&path),
                reasons(&error)
            ));
        });
        let key = key.ok();
        for path in [Some(&beside), elsewhere.as_ref()].into_iter().flatten() {
            let Some(key) = &key else { break };
            match IndexFile::open(path, &identity, key, most) {
                Ok(found) => {
                    // What another place holds is of no interest then.
                    log.untold.clear();
                    // As the core, it is there as long as the program runs.
                    file = Some((&*Box::leak(Box::new(found)), path.clone()));
                    break;
                }
                Err(Refusal::Io(error)) if error.kind() == io::ErrorKind::NotFound => {}
                Err(refusal) => log.untold.push(format!(
                    "the index in {} is not used: {}; it is computed anew",
                    escape(&path.to_string_lossy()),
                    reasons(&refusal)
                )),
            }
        }
        Some(Opened { identity, key, most, beside, elsewhere, file, log: Arc::new(Mutex::new(log)) })
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where it was written and how long it is; nothing if there was nothing to write.
    fn keep(
        &self,
        heap: &Heap<'static>,
        monitor: &dyn Monitor,
    ) -> Result<Option<(PathBuf, u64)>, (PathBuf, io::Error)> {
        let Some(key) = &self.key else { return Ok(None) };
        let parts = heap.computed_parts();
        let log = self.log();
        let is_new = |name: &str| !log.accepted.iter().any(|accepted| accepted == name);
        if !parts.iter().any(|part| is_new(part.name)) {
            return Ok(None);
        }
        let place = self.file.as_ref().map_or(&self.beside, |(_, path)| path);
        // Not the file of the beginning: another session may have ended meanwhile.
        let present = IndexFile::open(place, &self.identity, key, self.most).ok().filter(|_| !log.is_wrong);
        let is_there = |name: &str| {
            !log.damaged.contains(name)
                && present.iter().flat_map(|file| file.names()).any(|there| there == name)
        };
        if parts.iter().all(|part| is_there(part.name)) {
            return Ok(None);
        }
        let mut sections: Vec<NewSection<'_>> =
            parts.into_iter().map(|part| (part.name, part.pieces)).collect();
        for name in present.iter().flat_map(|file| file.names()) {
            let is_wanted = sections.iter().all(|(own, _)| *own != name);
            let bytes = present.as_ref().filter(|_| is_wanted).and_then(|file| file.section(name, monitor));
            if let Some(Ok(bytes)) = bytes {
                sections.push((name, vec![Cow::Borrowed(bytes)]));
            }
        }
        let write = |path: &Path| {
            IndexFile::write(path, &self.identity, key, &sections, monitor)
                .map(|length| Some((path.to_owned(), length)))
                .map_err(|error| (path.to_owned(), error))
        };
        // Nothing can be written there, or something is there that is not to be replaced.
        let denied = [
            io::ErrorKind::PermissionDenied,
            io::ErrorKind::ReadOnlyFilesystem,
            io::ErrorKind::AlreadyExists,
            io::ErrorKind::InvalidInput,
        ];
        match (write(place), &self.elsewhere) {
            (Err((_, error)), Some(elsewhere)) if denied.contains(&error.kind()) => write(elsewhere),
            (written, _) => written,
        }
    }
}

/// `$XDG_CACHE_HOME/v8mdb`, or `~/.cache/v8mdb`.
fn cache_directory() -> Option<PathBuf> {
    let chosen = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    Some(chosen.or_else(|| Some(std::env::home_dir()?.join(".cache")))?.join("v8mdb"))
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// A file as the heap sees it.
struct FileStore {
    file: &'static IndexFile,
    path: PathBuf,
    log: Arc<Mutex<Log>>,
}

impl FileStore {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn not_used(&self, name: &str, reason: &str) -> String {
        let path = self.path.to_string_lossy();
        format!("warning: `{name}` in the index {} is not used: {reason}; it is computed anew", escape(&path))
    }
}

impl Store for FileStore {
    fn part(&self, name: &str, monitor: &dyn Monitor) -> Option<Cow<'static, [u8]>> {
        match self.file.section(name, monitor)? {
            Ok(bytes) => Some(Cow::Borrowed(bytes)),
            Err(_) if monitor.cancelled() => None,
            Err(refusal) => {
                let mut log = self.log();
                log.damaged.insert(name.to_owned());
                log.untold.push(self.not_used(name, &refusal.to_string()));
                None
            }
        }
    }

    fn accept(&self, name: &str) {
        let mut log = self.log();
        if log.accepted.is_empty() {
            let (path, length) = (self.path.to_string_lossy(), megabytes(self.file.length() as u64));
            log.untold.push(format!("index read from {} ({length})", escape(&path)));
        }
        log.accepted.push(name.to_owned());
    }

    fn refuse(&self, name: &str, reason: &str) {
        let mut log = self.log();
        log.is_wrong = true;
        log.untold.push(self.not_used(name, reason));
    }
}
