//! Gets at the bytes of a core file: mapped as it is, or written to a temporary file first.
//!
//! systemd-coredump stores cores as `.zst`, older ones as `.lz4` or `.xz` (`Compress=` in `coredump.conf`), and people compress
//! cores before they copy them. Neither a compressed core nor one on a pipe can be mapped, so it is written once into an
//! unlinked temporary file, with runs of zeros left as holes: a core is mostly untouched memory, and the file takes far less
//! room on disk than its length says. Nothing is left of it whatever ends the program. Memory stays flat: the decompressor's
//! window (of zstd and xz at most 128 MiB) and one block.
//!
//! A few bytes of a compressed file can stand for any number of zeros. So what it decompresses to must begin as a core before
//! anything is written, and there is a limit ([`DEFAULT_LIMIT`]).
//!
//! A stream that is cut or damaged gives what could be decompressed; the rest is missing from the core as if the core
//! itself had been truncated.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lz4_flex::frame::FrameDecoder;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::Error;
use crate::elf::{Headers, Kind, Refusal};
use crate::file_map::FileMap;
use crate::regular_file::{kind_of, open_regular};

/// Frames with a larger window are refused: the limit of the `zstd` program without `--long`.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;
/// The same for xz in KiB; `xz -9` needs half of it.
const XZ_MEMORY_MAX: u32 = 128 << 10;
/// Bytes of the core handled at once, and the unit in which zeros become holes.
const BLOCK: usize = 1 << 20;
const PAGE: usize = 4096;
/// Bytes that are asked of a decoder at once.
const PIECE: usize = 64 << 10;
/// How often a reader that waits for a pipe looks whether it is to stop.
const PATIENCE: Duration = Duration::from_millis(100);

/// The core that is read from standard input.
pub const STANDARD_INPUT: &str = "/dev/stdin";

/// No more bytes of a core are written to the temporary file, if the user sets no other limit.
pub const DEFAULT_LIMIT: u64 = 256 << 30;

/// What takes long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Reading a core that cannot be mapped as it is stored.
    Reading,
    /// Fetching a binary from a server.
    Fetching,
    /// Writing a core.
    Writing,
}

/// How far a long step has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Which.
    pub step: Step,
    /// Bytes done: of the file as it is stored when reading a core, of the core when writing one.
    pub done: u64,
    /// Bytes in all; 0 if nobody knows, as of a pipe.
    pub total: u64,
}

/// Told how far a long step has come; breaks to stop it.
pub type OnProgress<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// How a core is compressed. Displays as the name of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// RFC 1952, `.gz`
    Gzip,
    /// The .xz file format
    Xz,
    /// The LZ4 frame format, `.lz4`
    Lz4,
    /// RFC 8878, `.zst`
    Zstd,
}

impl Compression {
    /// The format of a file that begins with `start`.
    pub fn of(start: &[u8]) -> Option<Compression> {
        let first: [u8; 4] = *start.first_chunk()?;
        match first {
            [0x1f, 0x8b, 8, _] => Some(Compression::Gzip),
            [0xfd, b'7', b'z', b'X'] if start[4..].starts_with(b"Z\0") => Some(Compression::Xz),
            // LZ4 frames, and those of `lz4 -l`.
            [0x04 | 0x02, 0x22 | 0x21, 0x4d | 0x4c, 0x18] => Some(Compression::Lz4),
            [0x28, 0xb5, 0x2f, 0xfd] => Some(Compression::Zstd),
            // A frame to be skipped (RFC 8878, section 3.1.2): `pzstd` begins with one.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Some(Compression::Zstd),
            _ => None,
        }
    }

    /// What `input`, compressed in this way, stands for.
    fn decoder<'r>(self, input: Box<dyn Read + 'r>) -> io::Result<Box<dyn Read + 'r>> {
        let input = BufReader::with_capacity(BLOCK, input);
        Ok(match self {
            Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
            Compression::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(input, true, XZ_MEMORY_MAX)),
            Compression::Lz4 => Box::new(Lz4Frames(FrameDecoder::new(input))),
            Compression::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(input)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Box::new(decoder)
            }
        })
    }
}

/// All frames of an LZ4 file, one after the other.
struct Lz4Frames<R: Read>(FrameDecoder<R>);

impl<R: BufRead> Read for Lz4Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.0.read(buffer)?;
            // The decoder ends with each frame. If there is more, it takes at least the first bytes of the next.
            if count > 0 || self.0.get_mut().fill_buf()?.is_empty() {
                return Ok(count);
            }
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Compression::Gzip => "gzip",
            Compression::Xz => "xz",
            Compression::Lz4 => "lz4",
            Compression::Zstd => "zstd",
        })
    }
}

/// How a core was stored, and what it took to open it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// How it is compressed, if it is.
    pub compression: Option<Compression>,
    /// Bytes as stored.
    pub bytes: u64,
    /// Where a copy is kept until the core is closed, and the bytes written to it, which are all but runs of zeros; none if the
    /// file itself is mapped.
    pub temporary: Option<(PathBuf, u64)>,
}

/// The bytes of a core.
#[derive(Debug)]
pub(crate) struct Container {
    pub map: Arc<FileMap>,
    /// What went wrong in decompression, if the bytes end early because of it.
    pub damage: Option<String>,
    pub stored: Stored,
}

/// Opens the file at `path`; refuses what is no regular file.
pub(crate) fn open_file(path: &Path, wanted: &'static str) -> Result<File, Error> {
    open_regular(path).map_err(|source| {
        let kind = std::fs::metadata(path).ok().and_then(|metadata| kind_of(metadata.file_type()));
        match kind {
            Some(found) if source.kind() == io::ErrorKind::InvalidInput => no_core(path, found, wanted),
            _ => Error::Io { action: "open", path: path.to_owned(), source },
        }
    })
}

fn no_core(path: &Path, found: &str, wanted: &'static str) -> Error {
    let advice = format!("give the path of {wanted}");
    Error::WrongFile { path: path.to_owned(), found: found.to_owned(), wanted, advice }
}

/// Opens the core at `path`: a file, or a pipe. Whether it is a pipe.
fn open_core(path: &Path) -> Result<(File, bool), Error> {
    let io_error = |source: io::Error| Error::Io { action: "open", path: path.to_owned(), source };
    let is_stream =
        |metadata: &std::fs::Metadata| metadata.file_type().is_fifo() || metadata.file_type().is_socket();
    if path == Path::new(STANDARD_INPUT) {
        // Not opened again: a socket cannot be, and a file would be read from its beginning.
        let file = File::from(io::stdin().as_fd().try_clone_to_owned().map_err(io_error)?);
        let metadata = file.metadata().map_err(io_error)?;
        return match kind_of(metadata.file_type()) {
            Some(found) if !is_stream(&metadata) => Err(no_core(path, found, "a core dump")),
            Some(_) => Ok((file, true)),
            None => Ok((file, false)),
        };
    }
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.file_type().is_fifo() => {
            // Without waiting for a writer: Ctrl-C must end that, see `Input`.
            let mut options = File::options();
            let file = options.read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(io_error)?;
            let metadata = file.metadata().map_err(io_error)?;
            Ok((file, is_stream(&metadata)))
        }
        _ => Ok((open_file(path, "a core dump")?, false)),
    }
}

/// Whether what a file begins with is what is wanted of it.
pub type Wanted<'a> = &'a dyn Fn(&[u8]) -> bool;

/// The bytes of a file that is no core.
#[derive(Debug)]
pub struct OtherFile {
    /// The bytes.
    pub map: Arc<FileMap>,
    /// What went wrong in decompression, if the bytes end early because of it.
    pub damage: Option<String>,
    /// How the file is stored.
    pub stored: Stored,
}

impl OtherFile {
    /// Opens the file at `path` if it begins, decompressed, as `wanted` says; nothing if not, or if it is no regular file. Files are
    /// opened, decompressed and limited as cores are.
    ///
    /// # Errors
    /// As those of opening a core.
    pub fn open(
        path: &Path,
        limit: Option<u64>,
        wanted: Wanted<'_>,
        on_progress: OnProgress<'_>,
    ) -> Result<Option<OtherFile>, Error> {
        let is_regular = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
        if !is_regular || path == Path::new(STANDARD_INPUT) || !begins(path, wanted) {
            return Ok(None);
        }
        let Container { map, damage, stored } =
            Container::open(path, limit.unwrap_or(DEFAULT_LIMIT), wanted, on_progress)?;
        Ok(wanted(&map[..map.len().min(PAGE)]).then_some(OtherFile { map, damage, stored }))
    }
}

/// Whether a file begins as `wanted` says, decompressed or as it is; if it cannot be read, others will say so.
fn begins(path: &Path, wanted: Wanted<'_>) -> bool {
    let Ok(mut file) = open_regular(path) else { return false };
    let mut start = [0; PAGE];
    let (length, _) = fill(&mut file, &mut start);
    let start = &start[..length];
    let Some(compression) = Compression::of(start) else { return wanted(start) };
    if file.seek(SeekFrom::Start(0)).is_err() {
        return false;
    }
    let Ok(mut decoder) = compression.decoder(Box::new(file)) else { return false };
    let mut start = [0; PAGE];
    let (length, _) = fill(&mut *decoder, &mut start);
    wanted(&start[..length])
}

impl Container {
    /// Opens the core at `path`, or what begins as `wanted` says, at most `limit` bytes of it where it has to be written to a temporary
    /// file.
    pub fn open(
        path: &Path,
        limit: u64,
        wanted: Wanted<'_>,
        on_progress: OnProgress<'_>,
    ) -> Result<Container, Error> {
        let (mut file, is_stream) = open_core(path)?;
        let read_error = |source| Error::Io { action: "read", path: path.to_owned(), source };
        let total = match is_stream {
            true => 0,
            false => file.metadata().map_err(read_error)?.len(),
        };
        if !is_stream {
            file.seek(SeekFrom::Start(0)).map_err(read_error)?;
        }
        let steps = Steps {
            on_progress: RefCell::new(on_progress),
            read: Cell::new(0),
            total,
            stopped: Cell::new(false),
        };
        let mut input = Input { file, is_stream, steps: &steps };
        let mut start = [0; 6];
        let length = match fill(&mut input, &mut start) {
            (_, Some(_)) if steps.stopped.get() => return Err(Error::Stopped { path: path.to_owned() }),
            (_, Some(source)) => return Err(read_error(source)),
            (length, None) => length,
        };
        let start = &start[..length];
        let compression = Compression::of(start);
        if compression.is_none() && !is_stream {
            let map = FileMap::of(&input.file);
            let map = map.map_err(|source| Error::Io { action: "map", path: path.to_owned(), source })?;
            let stored = Stored { compression, bytes: map.len() as u64, temporary: None };
            return Ok(Container { map: Arc::new(map), damage: None, stored });
        }
        let input = Box::new(start.chain(input));
        let mut source: Box<dyn Read + '_> = match compression {
            None => input,
            Some(compression) => compression.decoder(input).map_err(read_error)?,
        };
        spool(path, compression, &mut *source, limit, wanted, &steps)
    }
}

/// Where a core is on its way to the temporary file.
struct Steps<'p> {
    on_progress: RefCell<OnProgress<'p>>,
    /// Bytes taken from the file.
    read: Cell<u64>,
    total: u64,
    /// Somebody asked to stop.
    stopped: Cell<bool>,
}

impl Steps<'_> {
    fn tell(&self) -> io::Result<()> {
        let progress = Progress { step: Step::Reading, done: self.read.get(), total: self.total };
        if (self.on_progress.borrow_mut())(progress).is_break() {
            self.stopped.set(true);
            return Err(io::Error::other("stopped"));
        }
        Ok(())
    }
}

/// The file as it is stored.
struct Input<'s, 'p> {
    file: File,
    /// It is no regular file: its bytes have to be waited for.
    is_stream: bool,
    steps: &'s Steps<'p>,
}

impl Input<'_, '_> {
    /// Waits until there is something to read, or somebody asks to stop.
    fn wait(&self) -> io::Result<()> {
        let timeout = Timespec::try_from(PATIENCE).map_err(io::Error::other)?;
        loop {
            match poll(&mut [PollFd::new(&self.file, PollFlags::IN)], Some(&timeout)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => self.steps.tell()?,
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Read for Input<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.is_stream {
                self.wait()?;
            }
            match self.file.read(buffer) {
                Ok(count) => {
                    self.steps.read.set(self.steps.read.get() + count as u64);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Where temporary files of core size go: `$TMPDIR`, else `/var/tmp`, because `/tmp` is often memory.
fn temporary_directory() -> PathBuf {
    match std::env::var_os("TMPDIR") {
        Some(directory) if !directory.is_empty() => PathBuf::from(directory),
        _ if Path::new("/var/tmp").is_dir() => PathBuf::from("/var/tmp"),
        _ => std::env::temp_dir(),
    }
}

/// Writes what `source` gives into a temporary file.
fn spool(
    path: &Path,
    compression: Option<Compression>,
    source: &mut dyn Read,
    limit: u64,
    wanted: Wanted<'_>,
    steps: &Steps<'_>,
) -> Result<Container, Error> {
    let directory = temporary_directory();
    let failed = |problem: String| match compression {
        Some(compression) => {
            Error::Decompress { path: path.to_owned(), problem: format!("{compression}: {problem}") }
        }
        None => Error::Copy { path: path.to_owned(), problem },
    };
    let no_room = |error: io::Error| {
        failed(format!(
            "writing to {}: {error}; set TMPDIR to a directory with room for the core",
            directory.display()
        ))
    };
    let mut output: Option<File> = None;
    let mut block = vec![0; BLOCK];
    let (mut length, mut taken) = (0_u64, 0_u64);
    let mut damage = None;
    loop {
        let filled = match fill(source, &mut block) {
            _ if steps.stopped.get() => return Err(Error::Stopped { path: path.to_owned() }),
            (0, None) => break,
            (filled, error) => {
                damage = error.map(|error| error.to_string());
                &block[..filled]
            }
        };
        let file = match &mut output {
            Some(file) => file,
            None if filled.is_empty() => break,
            // Nothing is written before it is known to be a core.
            None => {
                match Headers::kind(filled) {
                    Ok(Kind::Core) => {}
                    _ if wanted(filled) => {}
                    // Cut within the header: that it is damaged says more.
                    Err(_) if damage.is_some() && filled.len() < PAGE => {}
                    other => return Err(refuse(path, compression, other)),
                }
                output.insert(tempfile::tempfile_in(&directory).map_err(no_room)?)
            }
        };
        if length + filled.len() as u64 > limit {
            return Err(Error::TooLarge { path: path.to_owned(), limit });
        }
        taken += write_sparse(file, length, filled).map_err(no_room)?;
        length += filled.len() as u64;
        if steps.tell().is_err() {
            return Err(Error::Stopped { path: path.to_owned() });
        }
        if damage.is_some() {
            break;
        }
    }
    let Some(output) = output else {
        let advice = match compression {
            Some(Compression::Zstd) => "copy the core again, or try `zstd -d --long=31`",
            Some(_) => "copy the core again",
            None => "check what writes to it",
        };
        let reason = damage.unwrap_or_else(|| "there are no bytes in it".to_owned());
        return Err(failed(format!("{reason}; {advice}")));
    };
    output.set_len(length).map_err(no_room)?;
    let map = FileMap::of(&output);
    let map = map.map_err(|source| Error::Io { action: "map", path: path.to_owned(), source })?;
    let stored = Stored { compression, bytes: steps.read.get(), temporary: Some((directory, taken)) };
    Ok(Container { map: Arc::new(map), damage, stored })
}

/// Fills `buffer` as far as the reader goes; what came before a failure counts.
fn fill(reader: &mut dyn Read, buffer: &mut [u8]) -> (usize, Option<io::Error>) {
    let mut done = 0;
    while done < buffer.len() {
        // What a decoder had put into the buffer when it failed is lost, so it gets little ones.
        let end = buffer.len().min(done + PIECE);
        match reader.read(&mut buffer[done..end]) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (done, Some(error)),
        }
    }
    (done, None)
}

/// Writes `bytes` at `offset`, leaving out pages of zeros; gives how many it wrote.
pub(crate) fn write_sparse(file: &mut File, offset: u64, bytes: &[u8]) -> io::Result<u64> {
    let mut written = 0;
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
        written += (end - first * PAGE) as u64;
    }
    Ok(written)
}

fn is_zero(page: &[u8]) -> bool {
    page.iter().fold(0, |seen, byte| seen | byte) == 0
}

/// Why the file at `path`, or what it decompresses to, is no core.
pub(crate) fn refuse(path: &Path, compression: Option<Compression>, found: Result<Kind, Refusal>) -> Error {
    let wrong = |found: String, advice: &str| Error::WrongFile {
        path: path.to_owned(),
        found: match compression {
            Some(compression) => format!("{found} in {compression} form"),
            None => found,
        },
        wanted: "a core dump",
        advice: advice.to_owned(),
    };
    let found = match found {
        Err(Refusal::NotElf(found @ ("a bzip2 file" | "a zip archive"))) => {
            return wrong(
                found.to_owned(),
                "decompress it first; gzip, xz, lz4 and zstd are opened directly",
            );
        }
        Err(Refusal::NotElf(found)) => {
            return wrong(found.to_owned(), "give an ELF core dump of a Linux process");
        }
        Err(Refusal::OtherMachine(found)) => {
            return wrong(found, "only cores of Linux processes on x86-64 and arm64 can be read");
        }
        Err(Refusal::Malformed(problem)) => {
            return Error::Malformed {
                path: path.to_owned(),
                problem,
                advice: "the core is cut off or damaged at its beginning, copy or take it again",
            };
        }
        Ok(Kind::Executable | Kind::Shared) => "an executable or shared library".to_owned(),
        Ok(Kind::Relocatable) => "an object file (.o)".to_owned(),
        Ok(Kind::Other(kind)) => format!("an ELF file of type {kind}"),
        Ok(Kind::Core) => "a core dump that cannot be read".to_owned(),
    };
    wrong(found, "the core comes last on the command line: v8mdb OBJECT CORE")
}
