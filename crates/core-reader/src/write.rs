//! Writes ELF cores: the original's notes, the memory worth keeping, and a record of everything else that was mapped.
//!
//! ```text
//! ELF header | [section header 0] | program headers | notes | memory
//! ```
//!
//! A mapping, or a part of one, that is not kept stays in the program headers with `p_filesz` 0, so that a reader
//! still knows it was there and says "not dumped" rather than "unmapped". Section header 0 is written only for more
//! than 65,534 program headers (see the module on ELF headers), and before the data, so that a cut file keeps it.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::container::{OnProgress, Progress, Step, write_sparse};
use crate::elf::{HEADER_SIZE, PROGRAM_HEADER_SIZE, Segment};
use crate::new_file::NewFile;
use crate::notes::{self, RawNote};
use crate::{Address, Contents, Core, EmbeddedSymbols, Error, Memory, Permissions};

const SECTION_HEADER_SIZE: usize = 64;
const PAGE: usize = 4096;
const PN_XNUM: usize = 0xffff;
/// Progress is told, and an interrupt seen, after this many bytes.
const CHUNK: usize = 1 << 20;

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenCore {
    /// Bytes of memory in the core.
    pub memory: u64,
    /// Length of the core.
    pub core: u64,
    /// Length of the file: less than the core if it is compressed.
    pub file: u64,
}

/// Collects what goes into a core, then writes it.
pub struct CoreWriter<'a> {
    memory: &'a dyn Memory,
    notes: Vec<u8>,
    keep: Vec<(u64, u64)>,
}

impl std::fmt::Debug for CoreWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CoreWriter")
            .field("notes", &self.notes.len())
            .field("keep", &self.keep.len())
            .finish()
    }
}

impl<'a> CoreWriter<'a> {
    /// A core of `memory`, so far without notes and contents.
    pub fn new(memory: &'a dyn Memory) -> CoreWriter<'a> {
        CoreWriter { memory, notes: Vec::new(), keep: Vec::new() }
    }

    /// Copies the notes of `core`, but for those this crate writes itself. With `only_general`, register sets other
    /// than the general registers and gdb's target description are left out: some 3 KB a thread.
    pub fn copy_notes(&mut self, core: &Core, only_general: bool) {
        const GENERAL: [u32; 5] =
            [notes::PRSTATUS, notes::PRPSINFO, notes::SIGINFO, notes::AUXV, notes::FILE];
        for note in core.raw_notes().filter(|note| note.owner != notes::OWN) {
            let is_general = match note.owner {
                b"CORE" => GENERAL.contains(&note.kind),
                _ => Some(note.kind) == core.architecture().thread_pointer_note,
            };
            if !only_general || is_general {
                notes::append(&mut self.notes, &note);
            }
        }
    }

    /// Puts symbols into the core, so that it can be read without its binaries.
    pub fn embed_symbols(&mut self, symbols: &EmbeddedSymbols) {
        let data = symbols.encode();
        notes::append(&mut self.notes, &RawNote { owner: notes::OWN, kind: notes::OWN_SYMBOLS, data: &data });
    }

    /// Says in a few words how and from what the core is made ([`Core::origin`]).
    pub fn origin(&mut self, text: &str) {
        let data = text.as_bytes();
        notes::append(&mut self.notes, &RawNote { owner: notes::OWN, kind: notes::OWN_ORIGIN, data });
    }

    /// Keeps the memory from `start` to `end` as far as it can be read. Ranges may overlap and come in any order.
    pub fn keep(&mut self, start: Address, end: Address) {
        if start < end {
            self.keep.push((start.0, end.0));
        }
    }

    /// Writes the core to `path`, compressed with zstd if `level` (1 to 19) is given, readable by its owner only. The
    /// file appears when it is complete; one that was there is replaced.
    ///
    /// # Errors
    /// If the file cannot be written, or if `on_progress` stops it.
    pub fn save(
        &self,
        path: &Path,
        level: Option<i32>,
        on_progress: OnProgress<'_>,
    ) -> Result<WrittenCore, Error> {
        let failed = |source: io::Error| Error::Io { action: "write", path: path.to_owned(), source };
        let mut new = NewFile::create(path).map_err(failed)?;
        let plan = Plan::new(self);
        let stop = |error: Stop| match error {
            Stop::Io(source) => failed(source),
            Stop::Memory(source) => Error::Unwritable { path: path.to_owned(), source },
            Stop::Asked => Error::Stopped { path: path.to_owned() },
        };
        let handle = new.file().try_clone().map_err(failed)?;
        match level {
            Some(level) => {
                let mut encoder = zstd::Encoder::new(BufWriter::new(handle), level).map_err(failed)?;
                encoder.include_checksum(true).map_err(failed)?;
                encoder.set_pledged_src_size(Some(plan.len())).map_err(failed)?;
                plan.write(self, &mut encoder, on_progress).map_err(stop)?;
                encoder.finish().and_then(|mut out| out.flush()).map_err(failed)?;
            }
            None => {
                let mut out = SparseFile { file: handle, offset: 0 };
                plan.write(self, &mut out, on_progress).map_err(stop)?;
                out.file.set_len(out.offset).map_err(failed)?;
            }
        }
        let file = new.file().metadata().map_err(failed)?.len();
        new.finish().map_err(failed)?;
        Ok(WrittenCore { memory: plan.memory_bytes, core: plan.len(), file })
    }
}

/// Leaves out pages of zeros.
struct SparseFile {
    file: File,
    offset: u64,
}

impl Write for SparseFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write_sparse(&mut self.file, self.offset, bytes)?;
        self.offset += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Why writing ended early.
enum Stop {
    Io(io::Error),
    Memory(crate::MemoryError),
    Asked,
}

/// One program header: the first `kept` bytes are in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Load {
    start: u64,
    end: u64,
    kept: u64,
    permissions: Permissions,
}

/// Where everything goes.
struct Plan {
    /// `e_machine`
    machine: u16,
    loads: Vec<Load>,
    notes_offset: u64,
    data_offset: u64,
    memory_bytes: u64,
}

impl Plan {
    fn new(writer: &CoreWriter<'_>) -> Plan {
        let loads = loads(writer);
        let sections = if loads.len() + 1 >= PN_XNUM { SECTION_HEADER_SIZE } else { 0 };
        let notes_offset = HEADER_SIZE + sections + (loads.len() + 1) * PROGRAM_HEADER_SIZE;
        let data_offset = (notes_offset + writer.notes.len()).next_multiple_of(PAGE);
        let memory_bytes = loads.iter().map(|load| load.kept).sum();
        Plan {
            machine: writer.memory.architecture().machine,
            loads,
            notes_offset: notes_offset as u64,
            data_offset: data_offset as u64,
            memory_bytes,
        }
    }

    fn len(&self) -> u64 {
        self.data_offset + self.memory_bytes
    }

    fn write(
        &self,
        writer: &CoreWriter<'_>,
        out: &mut dyn Write,
        on_progress: OnProgress<'_>,
    ) -> Result<(), Stop> {
        let mut head = self.headers(writer.notes.len() as u64);
        head.extend_from_slice(&writer.notes);
        head.resize(self.data_offset as usize, 0);
        out.write_all(&head).map_err(Stop::Io)?;
        let mut done = self.data_offset;
        for load in &self.loads {
            let (mut at, end) = (load.start, load.start + load.kept);
            while at < end {
                let piece = writer.memory.bytes_from(Address(at)).map_err(Stop::Memory)?;
                let take = piece.len().min(CHUNK).min((end - at) as usize);
                out.write_all(&piece[..take]).map_err(Stop::Io)?;
                at += take as u64;
                done += take as u64;
                if on_progress(Progress { step: Step::Writing, done, total: self.len() }).is_break() {
                    return Err(Stop::Asked);
                }
            }
        }
        Ok(())
    }

    /// ELF header, section header 0 if it is needed, program headers.
    fn headers(&self, notes_size: u64) -> Vec<u8> {
        let count = self.loads.len() + 1;
        let extended = count >= PN_XNUM;
        let (section_offset, first) =
            if extended { (HEADER_SIZE, HEADER_SIZE + SECTION_HEADER_SIZE) } else { (0, HEADER_SIZE) };
        let mut out = Vec::with_capacity(self.data_offset as usize);
        out.extend_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0"); // 64-bit, little-endian, version 1
        half(&mut out, 4); // e_type: ET_CORE
        half(&mut out, self.machine);
        word(&mut out, 1); // e_version
        long(&mut out, 0); // e_entry
        long(&mut out, first as u64); // e_phoff
        long(&mut out, section_offset as u64); // e_shoff
        word(&mut out, 0); // e_flags
        half(&mut out, HEADER_SIZE as u16); // e_ehsize
        half(&mut out, PROGRAM_HEADER_SIZE as u16); // e_phentsize
        half(&mut out, count.min(PN_XNUM) as u16); // e_phnum
        half(&mut out, if extended { SECTION_HEADER_SIZE as u16 } else { 0 }); // e_shentsize
        half(&mut out, u16::from(extended)); // e_shnum
        half(&mut out, 0); // e_shstrndx
        if extended {
            out.resize(first, 0);
            let info = HEADER_SIZE + 44; // sh_info: the number of program headers
            out[info..info + 4].copy_from_slice(&(count as u32).to_le_bytes());
            let size = HEADER_SIZE + 32; // sh_size: the number of section headers
            out[size..size + 8].copy_from_slice(&1_u64.to_le_bytes());
        }
        let read_only = Permissions { read: true, ..Permissions::default() };
        program_header(&mut out, Segment::NOTE, read_only, self.notes_offset, 0, notes_size, 0, 4);
        let mut offset = self.data_offset;
        for load in &self.loads {
            let size = load.end - load.start;
            program_header(&mut out, Segment::LOAD, load.permissions, offset, load.start, load.kept, size, 1);
            offset += load.kept;
        }
        out
    }
}

fn half(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn word(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn long(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}

#[allow(clippy::too_many_arguments)] // the fields of the structure, in its order
fn program_header(
    out: &mut Vec<u8>,
    kind: u32,
    permissions: Permissions,
    offset: u64,
    vaddr: u64,
    file_size: u64,
    memory_size: u64,
    align: u64,
) {
    word(out, kind);
    let flag = |on: bool, bit: u32| if on { bit } else { 0 };
    word(out, flag(permissions.execute, 1) | flag(permissions.write, 2) | flag(permissions.read, 4));
    long(out, offset);
    long(out, vaddr);
    long(out, 0); // p_paddr
    long(out, file_size);
    long(out, memory_size);
    long(out, align);
}

/// The program headers for all of memory, with what is to be kept of it.
fn loads(writer: &CoreWriter<'_>) -> Vec<Load> {
    let mut keep = writer.keep.clone();
    keep.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::with_capacity(keep.len());
    for (start, end) in keep {
        match merged.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    let mut loads = Vec::new();
    for range in writer.memory.ranges() {
        let (start, end) = (range.start.0, range.end.0);
        let load =
            |start: u64, end: u64, kept: u64| Load { start, end, kept, permissions: range.permissions };
        let readable = matches!(range.contents, Contents::Dumped | Contents::FromBinary);
        let first = merged.partition_point(|(_, keep_end)| *keep_end <= start);
        let kept: Vec<(u64, u64)> = merged[first..]
            .iter()
            .take_while(|(keep_start, _)| readable && *keep_start < end)
            .map(|(keep_start, keep_end)| (start.max(*keep_start), end.min(*keep_end)))
            .collect();
        let leading_end = kept.first().map_or(end, |(keep_start, _)| *keep_start);
        if start < leading_end {
            loads.push(load(start, leading_end, 0));
        }
        for (index, (keep_start, keep_end)) in kept.iter().enumerate() {
            // What is not kept up to the next kept part follows in the same program header.
            let next = kept.get(index + 1).map_or(end, |(next, _)| *next);
            loads.push(load(*keep_start, next, keep_end - keep_start));
        }
    }
    loads
}
