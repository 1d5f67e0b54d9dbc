//! Gets at the bytes of a core file: mapped as it is, or decompressed first.
//!
//! systemd-coredump stores cores as `.zst` (`Compress=` in `coredump.conf`), and people compress cores
//! before they copy them. A compressed core cannot be mapped, so it is decompressed once into an unlinked temporary
//! file, with runs of zeros left as holes: a core is mostly untouched memory, and the file takes far less room on disk
//! than its length says. Memory stays flat: one zstd window (at most 128 MiB) and one block.
//!
//! A stream that is cut or damaged gives what could be decompressed; the rest is missing from the core as if the core
//! itself had been truncated.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Error;
use crate::file_map::FileMap;
use crate::regular_file::{kind_of, open_regular};

/// First bytes of a zstd frame, RFC 8878 section 3.1.1.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Frames with a larger window are refused: the limit of the `zstd` program without `--long`.
const WINDOW_LOG_MAX: u32 = 27;
/// Decompressed bytes handled at once, and the unit in which zeros become holes.
const BLOCK: usize = 1 << 20;
const PAGE: usize = 4096;

/// How far a long step (decompressing, writing) has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes done: of the compressed file when opening, of the core when writing.
    pub done: u64,
    /// Bytes in all.
    pub total: u64,
}

/// Told how far a long step has come; breaks to stop it.
pub type OnProgress<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// The bytes of a core.
#[derive(Debug)]
pub(crate) struct Container {
    pub map: Arc<FileMap>,
    /// What went wrong in decompression, if the bytes end early because of it.
    pub damage: Option<String>,
}

/// Opens the file at `path`; refuses what is no regular file.
pub(crate) fn open_file(path: &Path, wanted: &'static str) -> Result<File, Error> {
    open_regular(path).map_err(|source| {
        let kind = std::fs::metadata(path).ok().and_then(|metadata| kind_of(metadata.file_type()));
        match kind {
            Some(found) if source.kind() == io::ErrorKind::InvalidInput => {
                let advice = format!("give the path of {wanted}");
                Error::WrongFile { path: path.to_owned(), found: found.to_owned(), wanted, advice }
            }
            _ => Error::Io { action: "open", path: path.to_owned(), source },
        }
    })
}

impl Container {
    /// Opens the core at `path`, decompressing it if need be.
    pub fn open(path: &Path, on_progress: OnProgress<'_>) -> Result<Container, Error> {
        let mut file = open_file(path, "a core dump")?;
        let mut magic = [0; 4];
        let compressed = read_up_to(&mut file, &mut magic).map_err(|source| Error::Io {
            action: "read",
            path: path.to_owned(),
            source,
        })? == magic.len()
            && magic == ZSTD_MAGIC;
        let (file, damage) = if compressed { decompress(path, file, on_progress)? } else { (file, None) };
        let map = FileMap::of(&file).map_err(|source| Error::Io {
            action: "map",
            path: path.to_owned(),
            source,
        })?;
        Ok(Container { map: Arc::new(map), damage })
    }
}

/// Fills `buffer` as far as the reader goes.
fn read_up_to(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match reader.read(&mut buffer[done..]) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return if done > 0 { Ok(done) } else { Err(error) },
        }
    }
    Ok(done)
}

/// Where temporary files of core size go: `$TMPDIR`, else `/var/tmp`, because `/tmp` is often memory.
fn temporary_directory() -> PathBuf {
    match std::env::var_os("TMPDIR") {
        Some(directory) if !directory.is_empty() => PathBuf::from(directory),
        _ if Path::new("/var/tmp").is_dir() => PathBuf::from("/var/tmp"),
        _ => std::env::temp_dir(),
    }
}

/// Counts what the decompressor takes from the file.
struct Counted<R> {
    inner: R,
    read: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read += count as u64;
        Ok(count)
    }
}

fn decompress(
    path: &Path,
    mut file: File,
    on_progress: OnProgress<'_>,
) -> Result<(File, Option<String>), Error> {
    let directory = temporary_directory();
    let failed = |problem: String| Error::Decompress { path: path.to_owned(), problem };
    let no_room = |error: io::Error| {
        failed(format!(
            "writing to {}: {error}; set TMPDIR to a directory with room for the core",
            directory.display()
        ))
    };
    let total = file.metadata().map_or(0, |metadata| metadata.len());
    file.seek(SeekFrom::Start(0)).map_err(|error| failed(error.to_string()))?;
    let mut output = tempfile::tempfile_in(&directory).map_err(no_room)?;
    let counted = Counted { inner: file, read: 0 };
    let mut decoder = zstd::Decoder::new(counted).map_err(|error| failed(error.to_string()))?;
    decoder.window_log_max(WINDOW_LOG_MAX).map_err(|error| failed(error.to_string()))?;

    let mut block = vec![0; BLOCK];
    let mut length = 0_u64;
    let mut damage = None;
    loop {
        let filled = match fill_block(&mut decoder, &mut block) {
            (0, None) => break,
            (filled, error) => {
                damage = error.map(|error| error.to_string());
                filled
            }
        };
        write_sparse(&mut output, length, &block[..filled]).map_err(no_room)?;
        length += filled as u64;
        let progress = Progress { done: decoder.get_ref().get_ref().read, total };
        if on_progress(progress).is_break() {
            return Err(Error::Stopped { path: path.to_owned() });
        }
        if damage.is_some() {
            break;
        }
    }
    if length == 0 {
        let reason = damage.unwrap_or_else(|| "the compressed stream is empty".to_owned());
        return Err(failed(format!("{reason}; copy the core again, or try `zstd -d --long=31`")));
    }
    output.set_len(length).map_err(no_room)?;
    Ok((output, damage))
}

/// Decompresses until `block` is full, the stream ends, or it fails; what came before a failure counts.
fn fill_block(decoder: &mut dyn Read, block: &mut [u8]) -> (usize, Option<io::Error>) {
    let mut done = 0;
    while done < block.len() {
        match decoder.read(&mut block[done..]) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (done, Some(error)),
        }
    }
    (done, None)
}

/// Writes `bytes` at `offset`, leaving out pages of zeros.
pub(crate) fn write_sparse(file: &mut File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    let mut pages = bytes.chunks(PAGE).enumerate().peekable();
    while let Some((first, page)) = pages.next() {
        if is_zero(page) {
            continue;
        }
        let mut end = first * PAGE + page.len();
        while let Some((_, page)) = pages.next_if(|(_, page)| !is_zero(page)) {
            end += page.len();
        }
        file.seek(SeekFrom::Start(offset + (first * PAGE) as u64))?;
        file.write_all(&bytes[first * PAGE..end])?;
    }
    Ok(())
}

fn is_zero(page: &[u8]) -> bool {
    page.iter().fold(0, |seen, byte| seen | byte) == 0
}
