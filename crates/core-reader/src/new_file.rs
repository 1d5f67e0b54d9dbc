//! Files that appear when they are complete.
//!
//! What is written goes into a hidden file beside the place where it is to be, and takes that place at the end. So nobody
//! ever reads half of it, what was there before stays if something fails, and of two writers the last one wins.
//!
//! Somebody else may have put something at that place. So no link is followed, nothing is replaced but a regular file of the user's
//! own, and that keeps its permissions; a file that is new can be read by its owner only, as it holds what a core holds.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// A file that is being written.
#[derive(Debug)]
pub struct NewFile {
    temporary: NamedTempFile,
    path: PathBuf,
}

impl NewFile {
    /// Starts a file at `path`. A regular file of the user's that is there will be replaced.
    ///
    /// # Errors
    /// If the directory cannot be written to, or if there is anything else at `path`: a link ([`ErrorKind::AlreadyExists`], as it is
    /// not followed), a device, a pipe, a directory, or a file of another user ([`ErrorKind::PermissionDenied`]).
    pub fn create(path: &Path) -> io::Result<NewFile> {
        let refused = |kind, reason| Err(io::Error::new(kind, reason));
        let replaced = match fs::symlink_metadata(path) {
            Ok(found) if found.is_symlink() => {
                return refused(ErrorKind::AlreadyExists, "it is a symbolic link, which is not followed");
            }
            Ok(found) if !found.is_file() => {
                return refused(ErrorKind::InvalidInput, "it is no regular file");
            }
            Ok(found) => Some(found),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let directory =
            path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let temporary = Builder::new().prefix(".v8mdb-").tempfile_in(directory)?;
        if let Some(replaced) = replaced {
            if replaced.uid() != temporary.as_file().metadata()?.uid() {
                return refused(ErrorKind::PermissionDenied, "it belongs to another user");
            }
            let mode = replaced.permissions().mode() & 0o777;
            temporary.as_file().set_permissions(Permissions::from_mode(mode))?;
        }
        Ok(NewFile { temporary, path: path.to_owned() })
    }

    /// What is written to.
    pub fn file(&mut self) -> &mut File {
        self.temporary.as_file_mut()
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// The system's.
    pub fn finish(self) -> io::Result<()> {
        self.temporary.persist(&self.path).map(|_| ()).map_err(|error| error.error)
    }

    /// Puts it in its place, unless something has come there meanwhile.
    ///
    /// # Errors
    /// The system's; [`ErrorKind::AlreadyExists`] if something has.
    pub fn finish_unless_there(self) -> io::Result<()> {
        self.temporary.persist_noclobber(&self.path).map(|_| ()).map_err(|error| error.error)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_appears_when_it_is_complete() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        fs::write(&path, "old").unwrap();
        let mut new = NewFile::create(&path).unwrap();
        new.file().write_all(b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        new.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        drop(NewFile::create(&path).unwrap());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "what was given up is gone");
    }

    #[test]
    fn links_are_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let (path, link) = (directory.path().join("x"), directory.path().join("link"));
        fs::write(&path, "old").unwrap();
        for target in [path.clone(), directory.path().join("nowhere")] {
            std::os::unix::fs::symlink(target, &link).unwrap();
            let error = NewFile::create(&link).unwrap_err();
            assert!(error.to_string().contains("symbolic link"), "{error}");
            fs::remove_file(&link).unwrap();
        }
        // One that comes while the file is written is replaced itself.
        let mut new = NewFile::create(&link).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        new.file().write_all(b"new").unwrap();
        new.finish().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_file());
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }

    #[test]
    fn permissions_stay_and_new_files_are_private() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        NewFile::create(&path).unwrap().finish().unwrap();
        assert_eq!(mode(), 0o600);
        for permissions in [0o640, 0o444, 0o600, 0o666] {
            fs::set_permissions(&path, Permissions::from_mode(permissions)).unwrap();
            NewFile::create(&path).unwrap().finish().unwrap();
            assert_eq!(mode(), permissions);
        }
        fs::set_permissions(&path, Permissions::from_mode(0o4755)).unwrap();
        NewFile::create(&path).unwrap().finish().unwrap();
        assert_eq!(mode(), 0o755, "a program of the user's becomes none that runs as the user");
    }

    #[test]
    fn what_has_come_meanwhile_stays_if_it_is_to() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        let new = NewFile::create(&path).unwrap();
        fs::write(&path, "first").unwrap();
        assert_eq!(new.finish_unless_there().unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn devices_and_directories_are_not_replaced() {
        for path in ["/dev/null", "/"] {
            let error = NewFile::create(Path::new(path)).unwrap_err();
            assert!(error.to_string().contains("no regular file"), "{path}: {error}");
        }
    }

    #[test]
    fn files_of_others_are_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        fs::write(&path, "theirs").unwrap();
        // Only the superuser can give files away: nobody else is asked.
        if std::os::unix::fs::chown(&path, Some(65534), None).is_err() {
            return;
        }
        let error = NewFile::create(&path).unwrap_err();
        assert!(error.to_string().contains("another user"), "{error}");
    }
}
