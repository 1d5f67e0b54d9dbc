//! What must be the same for an index to be used again.

use std::fs::Metadata;
use std::hash::Hasher;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use core_reader::Core;
use v8_heap::Heap;
use xxhash_rust::xxh3::Xxh3Default;

/// What an index was made from, as hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// In the order of [`Identity::OF`].
    pub hashes: [u128; 4],
}

impl Identity {
    /// What the hashes are of.
    pub const OF: [&str; 4] = ["version of v8mdb", "core", "executable or library", "layout of the heap"];

    /// Of an open core and the heap in it.
    ///
    /// # Errors
    /// The core file is gone.
    pub fn of(path: &Path, core: &Core, heap: &Heap<'_>) -> std::io::Result<Identity> {
        let hashes = [program(), hash_of_core(path, core)?, binaries(core), heap.layout().fingerprint()];
        Ok(Identity { hashes })
    }

    /// A name for the file that no other core gives.
    pub fn core_name(&self) -> String {
        format!("{:032x}", self.hashes[1])
    }

    /// The first difference, in words.
    pub fn difference(&self, other: &Identity) -> Option<&'static str> {
        let at = self.hashes.iter().zip(&other.hashes).position(|(own, other)| own != other)?;
        Some(Identity::OF[at])
    }
}

/// The version, and the very file that runs: two builds of one version may compute different things.
fn program() -> u128 {
    let mut hasher = Xxh3Default::new();
    hasher.update(env!("CARGO_PKG_VERSION").as_bytes());
    if let Ok(metadata) = std::env::current_exe().and_then(std::fs::metadata) {
        add_file(&mut hasher, &metadata);
    }
    hasher.digest128()
}

fn hash_of_core(path: &Path, core: &Core) -> std::io::Result<u128> {
    let mut hasher = Xxh3Default::new();
    add_file(&mut hasher, &std::fs::metadata(path)?);
    hasher.update(&core.fingerprint().to_le_bytes());
    Ok(hasher.digest128())
}

fn add_file(hasher: &mut Xxh3Default, metadata: &Metadata) {
    for number in [metadata.len() as i64, metadata.mtime(), metadata.mtime_nsec()] {
        hasher.write_i64(number);
    }
}

/// Who the executable and the libraries are, and which of them are at hand.
fn binaries(core: &Core) -> u128 {
    let mut hasher = Xxh3Default::new();
    for module in core.modules() {
        let file = module.file.as_ref().ok().map(|file| (&file.build_id, file.symbols_only));
        hasher.update(format!("{:?}", (&module.path, &module.build_id, file)).as_bytes());
    }
    hasher.digest128()
}
