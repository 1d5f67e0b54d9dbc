//! The file: named sections behind a table, each signed.
//!
//! ```text
//!      0   8  "v8mdbidx"
//!      8   4  version of this format
//!     12   4  number of sections
//!     16  32  signature of all of the header that follows, and of the number of sections
//!     48  64  what it was made from: 4 hashes
//!    112  64  for each section: name (16 bytes, zeros behind it), offset, length, signature
//!   4096      the sections, each from a multiple of 4096 on
//! ```
//!
//! Everything is little-endian. A signature is BLAKE3 with the user's own key (`key`): so nobody else can make an index that is
//! believed, and damage shows as well. That of a section is taken over those of its blocks of 4 MiB, so that all processors can
//! check it. The file is written under another name and renamed when it is complete; it is not forced to the disk, as the signatures
//! tell what a crash of the machine leaves.

use std::borrow::Cow;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use core_reader::FileMap;
use v8_heap::Monitor;

use super::identity::Identity;
use super::key::{Key, Signature, Signer};
use crate::host_files;

const MAGIC: [u8; 8] = *b"v8mdbidx";
/// Goes up whenever sections change what they mean.
const VERSION: u32 = 2;
const SIGNATURE_AT: usize = 16;
const IDENTITY_AT: usize = 48;
const TABLE_AT: usize = 112;
const ENTRY: usize = 64;
const NAME: usize = 16;
/// Sections start at multiples of it, and the header ends before it.
const PAGE: usize = 4096;
const MOST_SECTIONS: usize = (PAGE - TABLE_AT) / ENTRY;
/// What has a signature of its own.
const BLOCK: usize = 4 << 20;

/// An index in a file.
#[derive(Debug)]
pub struct IndexFile {
    map: FileMap,
    key: Key,
    sections: Vec<Section>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Section {
    name: String,
    offset: usize,
    length: usize,
    signature: Signature,
}

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("it cannot be read")]
    Io(#[from] io::Error),
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    #[error("it was made by another version of v8mdb")]
    OtherFormat,
    #[error("this user's v8mdb did not write it, or it has been changed since")]
    Unsigned,
    #[error("it was made for another {0}")]
    Other(&'static str),
}

/// A section to be written: its name, and its bytes in pieces.
pub type NewSection<'a> = (&'a str, Vec<Cow<'a, [u8]>>);

impl IndexFile {
    /// Opens the file at `path`, if it is an index of what `identity` says, signed with `key`, and of `most` bytes at most. The
    /// sections are not looked at.
    ///
    /// # Errors
    /// Why it is not used.
    pub fn open(path: &Path, identity: &Identity, key: &Key, most: u64) -> Result<IndexFile, Refusal> {
        let file = host_files::open_own(path)?;
        if file.metadata()?.len() > most {
            return Err(Refusal::Damaged("it is larger than the index of this core can be"));
        }
        let map = FileMap::of(&file)?;
        let sections = read_header(&map, identity, key)?;
        Ok(IndexFile { map, key: key.clone(), sections })
    }

    /// Names of its sections.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().map(|section| &*section.name)
    }

    /// Its length in bytes.
    pub fn length(&self) -> usize {
        self.map.len()
    }

    /// A section, after a look at all of it; `None` if there is none of this name.
    ///
    /// # Errors
    /// Its bytes are not those that were written, or the monitor stopped the look at them.
    pub fn section(&self, name: &str, monitor: &dyn Monitor) -> Option<Result<&[u8], Refusal>> {
        let section = self.sections.iter().find(|section| section.name == name)?;
        let bytes = &self.map[section.offset..section.offset + section.length];
        let next = AtomicUsize::new(0);
        let signed: Vec<OnceLock<Signature>> = bytes.chunks(BLOCK).map(|_| OnceLock::new()).collect();
        let cancelled = AtomicBool::new(false);
        monitor.begin("reading the index", bytes.len() as u64);
        let check = || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(signature) = signed.get(number) else { return };
                if monitor.cancelled() {
                    cancelled.store(true, Ordering::Relaxed);
                    return;
                }
                let block = &bytes[number * BLOCK..bytes.len().min((number + 1) * BLOCK)];
                self.map.populate(section.offset + number * BLOCK, block.len());
                signature.get_or_init(|| self.key.sign_block(block));
                monitor.advance(block.len() as u64);
            }
        };
        std::thread::scope(|scope| {
            let threads = std::thread::available_parallelism().map_or(1, usize::from).min(signed.len());
            for _ in 1..threads {
                scope.spawn(check);
            }
            check();
        });
        if cancelled.into_inner() {
            return Some(Err(Refusal::Damaged("it was not read to its end")));
        }
        let blocks = signed.into_iter().filter_map(OnceLock::into_inner);
        Some(match self.key.sign_section(blocks) == section.signature {
            true => Ok(bytes),
            false => Err(Refusal::Damaged("its bytes are not those that were written")),
        })
    }

    /// Writes a file with these sections, in place of the one that is there.
    ///
    /// # Errors
    /// The system's, or [`io::ErrorKind::Interrupted`] if the monitor says so; then nothing has changed.
    pub fn write(
        path: &Path,
        identity: &Identity,
        key: &Key,
        sections: &[NewSection<'_>],
        monitor: &dyn Monitor,
    ) -> io::Result<u64> {
        let mut new = host_files::create_own(path)?;
        let total = sections.iter().flat_map(|(_, pieces)| pieces).map(|piece| piece.len() as u64).sum();
        monitor.begin("writing the index", total);
        let mut written = Vec::new();
        let mut end = PAGE;
        for (name, pieces) in sections {
            let offset = end.next_multiple_of(PAGE);
            let mut out = io::BufWriter::with_capacity(1 << 20, new.file());
            out.seek(SeekFrom::Start(offset as u64))?;
            let mut blocks = BlockSigner::new(key);
            let mut length = 0;
            for piece in pieces {
                for chunk in piece.chunks(BLOCK) {
                    if monitor.cancelled() {
                        return Err(io::ErrorKind::Interrupted.into());
                    }
                    blocks.add(chunk);
                    out.write_all(chunk)?;
                    monitor.advance(chunk.len() as u64);
                }
                length += piece.len();
            }
            out.flush()?;
            written.push(Section { name: (*name).to_owned(), offset, length, signature: blocks.finish() });
            end = offset + length;
        }
        let file = new.file();
        // An empty section at the end has written nothing.
        file.set_len(end as u64)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&header(identity, key, &written))?;
        new.finish()?;
        Ok(end as u64)
    }
}

fn header(identity: &Identity, key: &Key, sections: &[Section]) -> Vec<u8> {
    let mut rest: Vec<u8> = identity.hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect();
    for section in sections {
        let mut name = [0; NAME];
        let length = section.name.len().min(NAME);
        name[..length].copy_from_slice(&section.name.as_bytes()[..length]);
        rest.extend(name);
        rest.extend((section.offset as u64).to_le_bytes());
        rest.extend((section.length as u64).to_le_bytes());
        rest.extend(section.signature.bytes());
    }
    let count = (sections.len() as u32).to_le_bytes();
    let mut header = MAGIC.to_vec();
    header.extend(VERSION.to_le_bytes());
    header.extend(count);
    header.extend(key.sign_header(&[&count, &rest]).bytes());
    header.extend(rest);
    header
}

fn read_header(map: &[u8], identity: &Identity, key: &Key) -> Result<Vec<Section>, Refusal> {
    let u32_at =
        |at: usize| map.get(at..).and_then(<[u8]>::first_chunk).map(|bytes| u32::from_le_bytes(*bytes));
    let u64_at =
        |at: usize| map.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let signature_at = |at: usize| map.get(at..).and_then(<[u8]>::first_chunk).map(Signature::of_bytes);
    let (Some(version), Some(count)) = (u32_at(8), u32_at(12)) else {
        return Err(Refusal::Damaged("it is no index"));
    };
    if map[..8] != MAGIC {
        return Err(Refusal::Damaged("it is no index"));
    }
    if version != VERSION {
        return Err(Refusal::OtherFormat);
    }
    let table = TABLE_AT..TABLE_AT + ENTRY * (count as usize).min(MOST_SECTIONS + 1);
    let header = map.get(IDENTITY_AT..table.end).filter(|_| count as usize <= MOST_SECTIONS);
    let header = header.ok_or(Refusal::Damaged("its header is cut off"))?;
    if signature_at(SIGNATURE_AT) != Some(key.sign_header(&[&count.to_le_bytes(), header])) {
        return Err(Refusal::Unsigned);
    }
    let mut made_from = Identity { hashes: [0; 4] };
    for (hash, bytes) in made_from.hashes.iter_mut().zip(header.as_chunks::<16>().0) {
        *hash = u128::from_le_bytes(*bytes);
    }
    if let Some(difference) = made_from.difference(identity) {
        return Err(Refusal::Other(difference));
    }
    let mut sections: Vec<Section> = Vec::new();
    for at in table.step_by(ENTRY) {
        let name: Vec<u8> = map[at..at + NAME].iter().copied().take_while(|byte| *byte != 0).collect();
        let [offset, length] = [0, 8].map(|field| u64_at(at + NAME + field));
        let end = offset.checked_add(length);
        let fits = offset.is_multiple_of(PAGE as u64) && end.is_some_and(|end| end <= map.len() as u64);
        let Some(signature) = signature_at(at + NAME + 16).filter(|_| fits) else {
            return Err(Refusal::Damaged("it is cut off"));
        };
        let name = String::from_utf8(name).map_err(|_| Refusal::Damaged("a section has no name"))?;
        sections.push(Section { name, offset: offset as usize, length: length as usize, signature });
    }
    Ok(sections)
}

/// Signs a section as its bytes come.
struct BlockSigner<'k> {
    key: &'k Key,
    block: Signer,
    length: usize,
    signed: Vec<Signature>,
}

impl<'k> BlockSigner<'k> {
    fn new(key: &'k Key) -> BlockSigner<'k> {
        BlockSigner { key, block: key.signer_of_block(), length: 0, signed: Vec::new() }
    }

    fn add(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let take = bytes.len().min(BLOCK - self.length);
            self.block.add(&bytes[..take]);
            self.length += take;
            bytes = &bytes[take..];
            if self.length == BLOCK {
                self.end_block();
            }
        }
    }

    fn end_block(&mut self) {
        let block = std::mem::replace(&mut self.block, self.key.signer_of_block());
        self.signed.push(block.finish());
        self.length = 0;
    }

    fn finish(mut self) -> Signature {
        if self.length > 0 {
            self.end_block();
        }
        self.key.sign_section(self.signed.into_iter())
    }
}

#[cfg(test)]
mod tests {
    use v8_heap::Unattended;

    use super::*;

    const IDENTITY: Identity = Identity { hashes: [1, 2, 3, 4] };

    fn key() -> Key {
        Key::new(&[7; 32])
    }

    fn open(path: &Path, most: u64) -> Result<IndexFile, Refusal> {
        IndexFile::open(path, &IDENTITY, &key(), most)
    }

    fn write(path: &Path, sections: &[(&str, &[&[u8]])]) {
        let sections: Vec<NewSection<'_>> = sections
            .iter()
            .map(|(name, pieces)| (*name, pieces.iter().map(|piece| Cow::Borrowed(*piece)).collect()))
            .collect();
        IndexFile::write(path, &IDENTITY, &key(), &sections, &Unattended).unwrap();
    }

    #[test]
    fn sections_come_back_as_they_were_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("index");
        // Over two blocks and a part of one, in pieces that end elsewhere.
        let long: Vec<u8> = (0..2 * BLOCK + 4711).map(|byte| (byte / 251) as u8).collect();
        write(&path, &[("empty", &[]), ("long", &[&long[..1], &long[1..5_000_000], &long[5_000_000..]])]);
        let file = open(&path, u64::MAX).unwrap();
        assert!(open(&path, file.length() as u64 - 1).is_err());
        assert_eq!(file.names().collect::<Vec<_>>(), ["empty", "long"]);
        assert!(file.section("long", &Unattended).unwrap().unwrap() == long);
        assert!(file.section("empty", &Unattended).unwrap().unwrap().is_empty());
        assert!(file.section("other", &Unattended).is_none());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn whatever_it_was_not_made_for_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("index");
        write(&path, &[("one", &[b"1"])]);
        for (index, of) in Identity::OF.into_iter().enumerate() {
            let mut other = IDENTITY;
            other.hashes[index] += 1;
            match IndexFile::open(&path, &other, &key(), u64::MAX) {
                Err(Refusal::Other(difference)) => assert_eq!(difference, of),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Whatever somebody else writes, with all signatures right but for the key.
    #[test]
    fn the_index_of_another_user_is_not_believed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("index");
        write(&path, &[("one", &[b"1"])]);
        match IndexFile::open(&path, &IDENTITY, &Key::new(&[8; 32]), u64::MAX) {
            Err(Refusal::Unsigned) => {}
            other => panic!("{other:?}"),
        }
        // A section of this user's, in the place of another.
        write(&path, &[("one", &[b"first"]), ("two", &[b"other"])]);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.copy_within(2 * PAGE..2 * PAGE + 5, PAGE);
        std::fs::write(&path, bytes).unwrap();
        let file = open(&path, u64::MAX).unwrap();
        assert!(file.section("one", &Unattended).unwrap().is_err());
        assert!(file.section("two", &Unattended).unwrap().is_ok());
    }

    /// Every byte, changed, and every length: an error, or sections with the bytes that were written.
    #[test]
    fn no_damage_goes_unnoticed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("index");
        write(&path, &[("one", &[b"first"]), ("two", &[b"second, ", b"longer"])]);
        let whole = std::fs::read(&path).unwrap();
        let mut noticed = 0;
        let mut check = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            let Ok(file) = open(&path, u64::MAX) else {
                noticed += 1;
                return;
            };
            for (name, expected) in [("one", &b"first"[..]), ("two", b"second, longer")] {
                match file.section(name, &Unattended) {
                    Some(Ok(bytes)) => assert_eq!(bytes, expected),
                    Some(Err(_)) => noticed += 1,
                    None => panic!("{name} is gone and the header fits"),
                }
            }
        };
        // What stands between header and sections means nothing.
        let counted = [0..TABLE_AT + 2 * ENTRY, PAGE..PAGE + 5, 2 * PAGE..whole.len()];
        let total: usize = counted.iter().map(ExactSizeIterator::len).sum();
        for at in counted.into_iter().flatten() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            check(&bytes);
        }
        for length in (0..200).chain(PAGE - 1..PAGE + 10).chain(2 * PAGE - 1..whole.len()) {
            check(&whole[..length]);
        }
        let lengths = 200 + 11 + whole.len() - (2 * PAGE - 1);
        assert_eq!(noticed, total + lengths);
    }
}
