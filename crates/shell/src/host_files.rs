//! Files of the machine that the debugger runs on: the one door to them.
//!
//! Whatever the shell opens, creates or replaces goes through here; a test of the sources sees to it. What may be opened depends on
//! who asks:
//!
//! - the user, by a name in a command: regular files. Not in a restricted session.
//! - the debugger, for files of the user's own, such as the one with the first commands: regular files that nobody else can have
//!   written.
//! - the core, by a name that it holds: regular files below directories that the user has named ([`Folders`]), and nothing else is
//!   looked at. Not in a restricted session.
//!
//! What is written follows no link ([`NewFile`]). The target's own files are opened by `core_reader`, which verifies them.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use core_reader::{NewFile, open_regular};
use rustix::fs::OFlags;

use crate::settings::Settings;

/// Opens a file that the user has named, to read it.
///
/// # Errors
/// The session is restricted, the file is no regular one, or the system's reason.
pub fn open(settings: &Settings, path: &Path) -> io::Result<File> {
    check(settings)?;
    open_regular(path)
}

/// Starts a file that the user has named.
///
/// # Errors
/// The session is restricted, or as [`NewFile::create`].
pub fn create(settings: &Settings, path: &Path) -> io::Result<NewFile> {
    check(settings)?;
    NewFile::create(path)
}

/// Opens a file that the user has named, to write behind what it has: a regular file, which nobody else can read if it is new, or a
/// device such as a terminal.
///
/// # Errors
/// The session is restricted, the file is a link or something else, or the system's reason.
pub fn append(settings: &Settings, path: &Path) -> io::Result<File> {
    check(settings)?;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(flags.bits().cast_signed())
        .open(path);
    let file = match opened {
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return refused("it is a symbolic link, which is not followed");
        }
        opened => opened?,
    };
    let kind = file.metadata()?.file_type();
    if !kind.is_file() && !kind.is_char_device() {
        return refused("it is no regular file");
    }
    Ok(file)
}

/// Opens a file of the user's own, to read it.
///
/// # Errors
/// The system's reason; or [`ErrorKind::PermissionDenied`] if somebody else can have written it: it belongs neither to the user nor
/// to the superuser, or its permissions let others write.
pub fn open_own(path: &Path) -> io::Result<File> {
    let file = open_regular(path)?;
    check_owner(&file)?;
    Ok(file)
}

/// Opens a file that only the user can read.
///
/// # Errors
/// As [`open_own`]; and if others can read it.
pub fn open_secret(path: &Path) -> io::Result<File> {
    let file = open_own(path)?;
    if file.metadata()?.mode() & 0o077 != 0 {
        return Err(io::Error::new(ErrorKind::PermissionDenied, "others may read it (chmod go=)"));
    }
    Ok(file)
}

/// Starts a file of the user's own, and the directory that it is in.
///
/// # Errors
/// As [`NewFile::create`].
pub fn create_own(path: &Path) -> io::Result<NewFile> {
    create_directory_of(path)?;
    NewFile::create(path)
}

/// Creates the directory that a file of the user's own is to be in, for nobody else.
///
/// # Errors
/// The system's.
pub fn create_directory_of(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    match path.parent() {
        Some(directory) => std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory),
        None => Ok(()),
    }
}

/// Whether the shell would find `program`.
pub fn is_program(program: &str) -> bool {
    let Some(directories) = std::env::var_os("PATH") else { return false };
    std::env::split_paths(&directories).any(|directory| directory.join(program).is_file())
}

/// Names in a directory that the user has begun to type, directories with a slash behind; nothing in a restricted session.
pub fn entries(settings: &Settings, directory: &Path, most: usize) -> Vec<String> {
    if check(settings).is_err() {
        return Vec::new();
    }
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let named = entries.take(most).filter_map(Result::ok).filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        Some(if entry.path().is_dir() { name + "/" } else { name })
    });
    named.collect()
}

fn check(settings: &Settings) -> io::Result<()> {
    match settings.check_restriction() {
        Ok(()) => Ok(()),
        Err(error) => Err(io::Error::new(ErrorKind::PermissionDenied, error.to_string())),
    }
}

fn refused<T>(reason: &str) -> io::Result<T> {
    Err(io::Error::new(ErrorKind::InvalidInput, reason))
}

fn check_owner(file: &File) -> io::Result<()> {
    let found = file.metadata()?;
    let denied = |reason| Err(io::Error::new(ErrorKind::PermissionDenied, reason));
    if ![0, rustix::process::geteuid().as_raw()].contains(&found.uid()) {
        return denied("it belongs to another user");
    }
    if found.mode() & 0o022 != 0 {
        return denied("others may write it (chmod go-w)");
    }
    Ok(())
}

/// Directories below which files that a core names may be read.
#[derive(Clone, Debug, Default)]
pub struct Folders {
    named: Vec<PathBuf>,
}

impl Folders {
    /// Those that the user has named, the best first.
    pub fn new(named: Vec<PathBuf>) -> Folders {
        Folders { named }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// Reads the file that the core calls `path`, up to `most` bytes: below one of the directories, under its path or under its bare
    /// name, or where it says if that is below one. No link leads out of them.
    ///
    /// # Errors
    /// The session is restricted, or there is no such file below them. Whether there is one elsewhere is not found out.
    pub fn read(&self, settings: &Settings, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        check(settings)?;
        if self.is_empty() {
            return refused("no directory is named in which to look for it (--sysroot or --sources DIR)");
        }
        let found = self.named.iter().find_map(|folder| open_below(folder, path));
        let Some(file) = found else {
            let named: Vec<_> = self.named.iter().map(|folder| folder.to_string_lossy()).collect();
            return refused(&format!("it is not in {}", named.join(" nor in ")));
        };
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

fn open_below(folder: &Path, path: &Path) -> Option<File> {
    let folder = folder.canonicalize().ok()?;
    candidates(&folder, path).iter().find_map(|candidate| {
        // The file that is opened is asked where it is: a link may have changed since it was resolved.
        let candidate = candidate.canonicalize().ok().filter(|candidate| candidate.starts_with(&folder))?;
        let file = open_regular(&candidate).ok()?;
        use std::os::fd::AsRawFd;
        let opened = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()?;
        opened.starts_with(&folder).then_some(file)
    })
}

/// Where a file may be below a directory.
fn candidates(folder: &Path, path: &Path) -> Vec<PathBuf> {
    let normal = |path: &Path| path.components().all(|part| matches!(part, Component::Normal(_)));
    let relative = path.strip_prefix("/").unwrap_or(path);
    let mut paths = Vec::new();
    if normal(relative) {
        paths.push(folder.join(relative));
        if let Ok(inside) = path.strip_prefix(folder) {
            paths.push(folder.join(inside));
        }
    }
    paths.extend(path.file_name().map(|name| folder.join(name)));
    paths
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn read(folders: &Folders, path: &str) -> Option<String> {
        let bytes = folders.read(&Settings::default(), Path::new(path), 100).ok()?;
        Some(String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn a_core_names_files_below_folders_only() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::create_dir_all(at("root/srv")).unwrap();
        for name in ["root/srv/a.map", "root/b.map", "secret"] {
            fs::write(at(name), name).unwrap();
        }
        symlink(at("secret"), at("root/link")).unwrap();
        symlink("..", at("root/up")).unwrap();
        symlink("srv", at("root/inside")).unwrap();
        let secret = at("secret").to_str().unwrap().to_owned();
        let folders = Folders::new(vec![at("root")]);
        assert_eq!(read(&folders, "/srv/a.map").as_deref(), Some("root/srv/a.map"));
        assert_eq!(read(&folders, "/inside/a.map").as_deref(), Some("root/srv/a.map"));
        assert_eq!(read(&folders, "/elsewhere/b.map").as_deref(), Some("root/b.map"), "by its name");
        let own = at("root/srv/a.map").to_str().unwrap().to_owned();
        assert_eq!(read(&folders, &own).as_deref(), Some("root/srv/a.map"), "where the core says");
        for path in ["/link", "/up/secret", "../secret", "/../secret", "/srv", "/", "", ".", "..", &*secret] {
            assert_eq!(read(&folders, path), None, "{path}");
        }
        // What is not below them is answered the same, whether it is there or not.
        let told =
            |path: &str| folders.read(&Settings::default(), Path::new(path), 100).unwrap_err().to_string();
        assert_eq!(told(&secret), told("/nonexistent"));
        assert_eq!(read(&Folders::default(), &own), None);
    }

    #[test]
    fn a_restricted_session_opens_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        fs::write(&path, "x").unwrap();
        let settings = Settings::default();
        assert!(open(&settings, &path).is_ok());
        settings.restricted.set(true);
        let folders = Folders::new(vec![directory.path().to_owned()]);
        for error in [
            open(&settings, &path).unwrap_err(),
            create(&settings, &path).unwrap_err(),
            append(&settings, &path).unwrap_err(),
            folders.read(&settings, &path, 9).unwrap_err(),
        ] {
            assert!(error.to_string().contains("restricted"), "{error}");
        }
        assert!(entries(&settings, directory.path(), 9).is_empty());
    }

    #[test]
    fn a_log_follows_no_link_and_is_private() {
        let directory = tempfile::tempdir().unwrap();
        let (path, link) = (directory.path().join("log"), directory.path().join("link"));
        let settings = Settings::default();
        append(&settings, &path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        append(&settings, &path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644, "it stays as it is");
        symlink(&path, &link).unwrap();
        assert!(append(&settings, &link).unwrap_err().to_string().contains("symbolic link"));
        assert!(append(&settings, directory.path()).is_err());
        assert!(append(&settings, Path::new("/dev/full")).is_ok());
    }

    #[test]
    fn what_others_can_have_written_is_not_the_users_own() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        fs::write(&path, "x").unwrap();
        for (mode, expected) in [(0o600, true), (0o644, true), (0o664, false), (0o602, false)] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert_eq!(open_own(&path).is_ok(), expected, "{mode:o}");
        }
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        // Only the superuser can give files away.
        if std::os::unix::fs::chown(&path, Some(65534), None).is_ok() {
            assert!(open_own(&path).unwrap_err().to_string().contains("another user"));
        }
    }

    /// The text of a source file in front of its tests.
    fn without_tests(text: &str) -> &str {
        text.split("#[cfg(test)]\nmod ").next().unwrap_or(text)
    }

    fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }

    /// Nothing in the shell opens, creates, removes or looks at files, but what is written here.
    #[test]
    fn there_is_no_other_door() {
        const DOORS: [&str; 22] = [
            "File::open",
            "File::create",
            "File::options",
            "OpenOptions::new",
            "fs::read",
            "fs::write",
            "fs::copy",
            "fs::rename",
            "fs::remove",
            "fs::create_dir",
            "fs::hard_link",
            "fs::symlink",
            "fs::metadata",
            "fs::symlink_metadata",
            "read_dir",
            "NewFile::create",
            "open_regular",
            ".exists()",
            ".is_file()",
            ".is_dir()",
            "tempfile",
            "DirBuilder",
        ];
        /// A place that does, and why it may.
        const ALLOWED: [(&str, &str, &str); 4] = [
            ("kept_index/identity.rs", "fs::metadata", "asks about the core and the program, which are open"),
            (
                "program.rs",
                "File::open",
                "opens the terminal itself, where the core comes through standard input",
            ),
            ("target.rs", ".is_file()", "asks about the core that the user has named"),
            ("target.rs", "open_regular", "reads of a file that core_reader has found and verified"),
        ];
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = Vec::new();
        sources(&root, &mut files);
        assert!(files.len() > 100, "{}", files.len());
        for path in files {
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&path).unwrap();
            for (number, line) in without_tests(&text).lines().enumerate() {
                let code = line.split("//").next().unwrap_or("");
                // `IndexFile::open` is none.
                let is_door = |door: &str| {
                    code.match_indices(door).any(|(at, _)| {
                        door.starts_with('.') || !code[..at].ends_with(|c: char| c.is_alphanumeric())
                    })
                };
                for door in DOORS.iter().filter(|door| is_door(door) && name != "host_files.rs") {
                    let allowed = ALLOWED.iter().any(|(file, what, _)| *file == name && what == door);
                    assert!(allowed, "{name}:{}: {door} is for host_files.rs: {line}", number + 1);
                }
            }
        }
    }
}
