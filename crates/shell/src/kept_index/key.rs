//! The user's key, which tells an index that this user's sessions have written from any other.
//!
//! An index answers questions in place of the core, so whoever can write one can make the debugger say anything. What is computed
//! can be checked by computing it again only: so an index is signed with 32 random bytes that only the user can read, in
//! `$XDG_STATE_HOME/v8mdb/index-key` (`~/.local/state`), made by the first session that keeps an index.

use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use crate::host_files;

const LENGTH: usize = 32;

/// What signs: a key for each sort of thing that is signed, so that none passes for another.
#[derive(Clone)]
pub struct Key {
    block: [u8; LENGTH],
    section: [u8; LENGTH],
    header: [u8; LENGTH],
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").finish_non_exhaustive()
    }
}

/// A signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature(blake3::Hash);

impl Signature {
    pub fn of_bytes(bytes: &[u8; LENGTH]) -> Signature {
        Signature(blake3::Hash::from_bytes(*bytes))
    }

    pub fn bytes(&self) -> [u8; LENGTH] {
        *self.0.as_bytes()
    }
}

/// Signs bytes as they come.
pub struct Signer(blake3::Hasher);

impl Signer {
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub fn finish(self) -> Signature {
        Signature(self.0.finalize())
    }
}

impl Key {
    /// From the secret.
    pub fn new(secret: &[u8; LENGTH]) -> Key {
        let derived = |of: &str| blake3::derive_key(of, secret);
        Key {
            block: derived("v8mdb 2026 index block"),
            section: derived("v8mdb 2026 index section"),
            header: derived("v8mdb 2026 index header"),
        }
    }

    /// The key of the user; made if there is none.
    ///
    /// # Errors
    /// Where it should be, and why it cannot be read or made.
    pub fn of_user() -> Result<Key, (PathBuf, io::Error)> {
        let path = path().ok_or_else(|| {
            let reason = "neither HOME nor XDG_STATE_HOME says where";
            (PathBuf::from("index-key"), io::Error::new(ErrorKind::NotFound, reason))
        })?;
        let secret = match read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => make(&path).and_then(|()| read(&path)),
            read => read,
        };
        secret.map(|secret| Key::new(&secret)).map_err(|error| (path, error))
    }

    pub fn signer_of_block(&self) -> Signer {
        Signer(blake3::Hasher::new_keyed(&self.block))
    }

    pub fn sign_block(&self, bytes: &[u8]) -> Signature {
        Signature(blake3::keyed_hash(&self.block, bytes))
    }

    pub fn sign_section(&self, blocks: impl Iterator<Item = Signature>) -> Signature {
        let mut hasher = blake3::Hasher::new_keyed(&self.section);
        for block in blocks {
            hasher.update(&block.bytes());
        }
        Signature(hasher.finalize())
    }

    pub fn sign_header(&self, parts: &[&[u8]]) -> Signature {
        let mut hasher = blake3::Hasher::new_keyed(&self.header);
        for part in parts {
            hasher.update(part);
        }
        Signature(hasher.finalize())
    }
}

fn path() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let state = state.or_else(|| Some(std::env::home_dir()?.join(".local/state")))?;
    Some(state.join("v8mdb/index-key"))
}

fn read(path: &Path) -> io::Result<[u8; LENGTH]> {
    let file = host_files::open_secret(path)?;
    let mut secret = Vec::new();
    file.take(LENGTH as u64 + 1).read_to_end(&mut secret)?;
    secret.try_into().map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is no key: remove it"))
}

fn make(path: &Path) -> io::Result<()> {
    let mut secret = [0; LENGTH];
    let mut filled = 0;
    while filled < LENGTH {
        filled += rustix::rand::getrandom(&mut secret[filled..], rustix::rand::GetRandomFlags::empty())?;
    }
    let mut new = host_files::create_own(path)?;
    new.file().write_all(&secret)?;
    match new.finish_unless_there() {
        // Another session was first.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_the_user_can_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state/v8mdb/index-key");
        assert_eq!(read(&path).unwrap_err().kind(), ErrorKind::NotFound);
        make(&path).unwrap();
        let secret = read(&path).unwrap();
        make(&path).unwrap();
        assert_eq!(read(&path).unwrap(), secret);
        assert_ne!(secret, [0; LENGTH]);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("others may read it"));
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "short").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("no key"));
    }

    #[test]
    fn one_thing_does_not_pass_for_another() {
        let key = Key::new(&[1; LENGTH]);
        let bytes = [3; 100];
        let mut signer = key.signer_of_block();
        signer.add(&bytes[..30]);
        signer.add(&bytes[30..]);
        assert_eq!(signer.finish(), key.sign_block(&bytes));
        assert_ne!(key.sign_block(&bytes), key.sign_header(&[&bytes]));
        let block = key.sign_block(&bytes);
        assert_ne!(key.sign_section([block.clone()].into_iter()), key.sign_block(&block.bytes()));
        assert_ne!(key.sign_block(&bytes), Key::new(&[2; LENGTH]).sign_block(&bytes));
    }
}
