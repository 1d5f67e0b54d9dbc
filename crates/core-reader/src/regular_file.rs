//! The door through which files are opened whose names a core, or a file beside it, may have chosen.
//!
//! A path in a core leads to whatever is there on this machine. Opening a named pipe waits for a writer that never
//! comes, opening a terminal or a device may do something. So what is no regular file is refused before it is opened;
//! and the descriptor is asked again, because the file may have been exchanged in between.

use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

/// Opens the regular file at `path`, or where links lead from there, for reading. Never waits, and has no effect on what is no
/// regular file.
///
/// # Errors
/// The system's; `InvalidInput`, which says what is there, if that is no regular file.
pub fn open_regular(path: &Path) -> io::Result<File> {
    check(&std::fs::metadata(path)?)?;
    // Without waiting (named pipes), without taking it as controlling terminal. Closed on exec, as all that std opens.
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    check(&file.metadata()?)?;
    Ok(file)
}

fn check(metadata: &Metadata) -> io::Result<()> {
    match kind_of(metadata.file_type()) {
        None => Ok(()),
        Some(kind) => Err(io::Error::new(ErrorKind::InvalidInput, format!("it is {kind}, no regular file"))),
    }
}

/// What a file is that is no regular file.
pub(crate) fn kind_of(kind: FileType) -> Option<&'static str> {
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some("a directory")
    } else if kind.is_fifo() {
        Some("a named pipe")
    } else if kind.is_char_device() || kind.is_block_device() {
        Some("a device")
    } else if kind.is_socket() {
        Some("a socket")
    } else {
        Some("a special file")
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn only_regular_files_are_opened_and_nothing_is_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::fs::write(at("file"), "contents").unwrap();
        std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
        assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
        std::os::unix::fs::symlink(at("pipe"), at("link to a pipe")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        for name in ["file", "link"] {
            assert_eq!(io::read_to_string(open_regular(&at(name)).unwrap()).unwrap(), "contents");
        }
        let refused = [
            (at("pipe"), "a named pipe"),
            (at("link to a pipe"), "a named pipe"),
            (at("socket"), "a socket"),
            (directory.path().to_owned(), "a directory"),
            ("/dev/zero".into(), "a device"),
        ];
        for (path, kind) in refused {
            let error = open_regular(&path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{}", path.display());
            assert!(error.to_string().contains(kind), "{error}");
        }
        assert_eq!(open_regular(&at("none")).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
