//! Opens a core and puts its parts together.

use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::address_space::AddressSpace;
use crate::architecture::Architecture;
use crate::binaries;
use crate::binary::Binary;
use crate::container::{Compression, Container, DEFAULT_LIMIT, OnProgress, Stored, refuse};
use crate::debuginfod::Debuginfod;
use crate::elf::{Headers, Kind, Segment};
use crate::fields::Fields;
use crate::file_map::FileMap;
use crate::floating_point::FloatingPoint;
use crate::module_symbols::{Copied, ModuleSymbols};
use crate::modules::{self, Module};
use crate::notes::auxv::AuxiliaryVector;
use crate::notes::embedded_symbols::EmbeddedSymbols;
use crate::notes::file::{MappedFile, MappedFiles};
use crate::notes::prpsinfo::ProcessInfo;
use crate::notes::siginfo::SignalInfo;
use crate::notes::{self, Notes, RawNote};
use crate::process::Process;
use crate::segments::{self, Extent, Fill};
use crate::threads::Threads;
use crate::{Address, Error, Memory, Thread, Warning};

const PAGE: u64 = 4096;
/// Bytes of notes that are kept in memory while they are read.
const RELEASED: usize = 4 << 20;

/// What to open, and where to look for the binaries.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// The core: a file, plain or compressed ([`Compression`]), or a pipe. [`crate::STANDARD_INPUT`] is read as it comes.
    pub core: PathBuf,
    /// No more bytes than these are written to a temporary file, for a core that cannot be mapped as it is stored;
    /// [`crate::DEFAULT_LIMIT`] if it is not set.
    pub limit: Option<u64>,
    /// The executable that dumped it; without it, the path that the core records is tried.
    pub executable: Option<PathBuf>,
    /// A directory with copies of the executable and libraries, at their recorded paths or side by side.
    pub sysroot: Option<PathBuf>,
    /// Directories with binaries under their build-ids: `xx/yyyy...`, as in `/usr/lib/debug/.build-id`.
    pub build_ids: Vec<PathBuf>,
    /// Servers to ask for binaries that are nowhere else; none are asked if it is not set.
    pub debuginfod: Option<Debuginfod>,
}

/// A core file that ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncation {
    /// Length in bytes that the headers speak of.
    pub expected: u64,
    /// Length in bytes that is there.
    pub present: u64,
}

impl fmt::Display for Truncation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let missing = self.expected - self.present;
        let percent = missing as f64 / self.expected as f64 * 100.0;
        write!(
            f,
            "the core is truncated: {} of {} bytes are there, {missing} ({percent:.1} %) are missing; \
             check the disk space and `ulimit -c` where it was taken, and copy it again",
            self.present, self.expected
        )
    }
}

/// An open core.
#[derive(Debug)]
pub struct Core {
    map: Arc<FileMap>,
    note_ranges: Vec<std::ops::Range<usize>>,
    memory: Arc<AddressSpace>,
    symbols: ModuleSymbols,
    threads: Threads,
    process: Process,
    signal: Option<SignalInfo>,
    auxv: AuxiliaryVector,
    files: MappedFiles,
    modules: Vec<Module>,
    warnings: Vec<Warning>,
    truncation: Option<Truncation>,
    origin: Option<String>,
    stored: Stored,
}

impl Core {
    /// Opens a core.
    ///
    /// # Errors
    /// If the file cannot be read or is no Linux core of an architecture that is known, or if the executable given is not the one that dumped
    /// it. Anything less is a [`Core::warnings`].
    pub fn open(options: &OpenOptions) -> Result<Core, Error> {
        Core::open_with_progress(options, &mut |_| ControlFlow::Continue(()))
    }

    /// As [`Core::open`]; `on_progress` is called while a core is read that cannot be mapped as it is stored, and while a binary is
    /// fetched from a server, and can stop that.
    ///
    /// # Errors
    /// As [`Core::open`], and [`Error::Stopped`].
    pub fn open_with_progress(options: &OpenOptions, on_progress: OnProgress<'_>) -> Result<Core, Error> {
        let limit = options.limit.unwrap_or(DEFAULT_LIMIT);
        let container = Container::open(&options.core, limit, &|_| false, &mut *on_progress)?;
        let (map, stored) = (container.map, container.stored);
        let headers =
            core_headers(&options.core, stored.compression, &map).map_err(|error| {
                match &container.damage {
                    Some(damage) => Error::Decompress {
                        path: options.core.clone(),
                        problem: format!(
                            "{damage}, after {} bytes that do not even hold the headers; copy the core again",
                            map.len()
                        ),
                    },
                    None => error,
                }
            })?;
        let mut warnings = Vec::new();
        let truncation = truncation(&headers, map.len() as u64);
        warnings.extend(truncation.map(Warning::Truncated));
        warnings.extend(container.damage.map(Warning::Damaged));

        let note_ranges: Vec<_> = headers
            .of_kind(Segment::NOTE)
            .map(|segment| {
                let end = segment.offset.saturating_add(segment.file_size).min(map.len() as u64);
                segment.offset.min(end) as usize..end as usize
            })
            .collect();
        let architecture = headers.architecture;
        let parsed = ParsedNotes::read(architecture, &map, &note_ranges, &mut warnings);

        // What the core alone holds is enough to recognise the modules; what they supply is added after that.
        let mut extents = segments::extents(&headers, map.len() as u64);
        // A million mappings have as many program headers, in the file and decoded.
        map.release(0, note_ranges.iter().map(|range| range.start).min().unwrap_or(0));
        drop(headers);
        if !parsed.files.is_empty() {
            segments::add_mapped_files(&mut extents, &parsed.files);
            extents = segments::refine(&extents, &parsed.files, &[]);
        }
        let alone = AddressSpace::new(architecture, vec![Arc::clone(&map)], &extents, &parsed.files);
        let mut modules = modules::find(&alone, &parsed.files, &parsed.auxv);
        let binaries =
            binaries::find(&mut modules, &alone, &parsed.files, options, &mut warnings, on_progress)?;
        let has_embedded = parsed.embedded != EmbeddedSymbols::default();
        if !has_embedded {
            warn_of_missing(&modules, &parsed, &mut warnings);
        }

        let (images, fills) = fills(&map, &modules, &binaries, &parsed.files);
        let memory = if fills.is_empty() {
            alone
        } else {
            AddressSpace::new(
                architecture,
                images,
                &fill_gaps(&extents, &parsed.files, &fills),
                &parsed.files,
            )
        };
        let memory = Arc::new(memory);
        let process = Process::new(parsed.process, &memory, &parsed.auxv);
        let empty = parsed.threads.iter().filter(|thread| has_empty_stack(&memory, thread)).count();
        if empty > 0 {
            warnings.push(Warning::EmptyStacks { empty, threads: parsed.threads.len() });
        }
        let copies = copies(&modules, &parsed.files);
        let symbols =
            ModuleSymbols::new(Arc::clone(&memory), &modules, binaries, parsed.embedded, copies, options);
        Ok(Core {
            note_ranges,
            memory,
            symbols,
            signal: parsed
                .threads
                .first()
                .filter(|thread| thread.signal != 0)
                .map(|thread| SignalInfo::new(thread.signal, parsed.signal_note)),
            threads: Threads::new(parsed.threads, parsed.thread_notes),
            process,
            auxv: parsed.auxv,
            files: parsed.files,
            modules,
            warnings,
            truncation,
            origin: parsed.origin,
            stored,
            map,
        })
    }

    /// The memory of the process.
    pub fn memory(&self) -> &AddressSpace {
        &self.memory
    }

    /// The processor that it ran on.
    pub fn architecture(&self) -> &'static Architecture {
        self.memory.architecture()
    }

    /// The floating point and vector registers of the thread with this index in [`Core::threads`]. `None` if the core does
    /// not hold them.
    pub fn floating_point(&self, thread: usize) -> Option<FloatingPoint> {
        // The register sets of a thread follow its NT_PRSTATUS.
        let (mut legacy, mut extended) = (None, None);
        for note in self.notes_of_thread(thread) {
            match (note.owner, note.kind) {
                (b"CORE", notes::PRSTATUS)
                    if notes::prstatus::decode(self.architecture(), note.data).is_some() =>
                {
                    break;
                }
                (b"CORE", notes::FPREGSET) => legacy = Some(note.data),
                (b"LINUX", notes::X86_XSTATE) => extended = Some(note.data),
                _ => {}
            }
        }
        (self.architecture().floating_point)(legacy.or(extended)?, extended)
    }

    /// The symbols of its executable and libraries.
    pub fn symbols(&self) -> &ModuleSymbols {
        &self.symbols
    }

    /// Whether the core has nothing but zeros where a thread has its stack, which no thread has that runs: whoever wrote the core could not
    /// read it.
    pub fn has_empty_stack(&self, thread: &Thread) -> bool {
        has_empty_stack(&self.memory, thread)
    }

    /// All threads. The first is the one that took the fatal signal, if there was one, or the main thread.
    pub fn threads(&self) -> &[Thread] {
        &self.threads.all
    }

    /// The index in [`Core::threads`] of the thread with this id.
    pub fn thread_with_id(&self, id: u32) -> Option<usize> {
        self.threads.with_id(id)
    }

    /// The threads whose stack pointers lie in `[start, end)`, by address.
    pub fn threads_with_stack_in(&self, start: Address, end: Address) -> impl Iterator<Item = &Thread> {
        self.threads.with_stack_in(start, end)
    }

    /// The notes that follow the `NT_PRSTATUS` of the thread with this index, up to the end of the notes.
    pub(crate) fn notes_of_thread(&self, thread: usize) -> Notes<'_> {
        let bytes = self.threads.notes.get(thread).and_then(|(start, end)| self.map.get(*start..*end));
        Notes(bytes.unwrap_or_default())
    }

    /// The main thread: the one whose id is the process id.
    pub fn main_thread(&self) -> Option<&Thread> {
        let main = self.threads.with_id(self.process.id).map(|index| &self.threads.all[index]);
        main.or(self.threads.all.first())
    }

    /// The process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// The signal that ended the process. `None` if it was not ended by one: `gcore` dumps a process that lives on.
    pub fn signal(&self) -> Option<&SignalInfo> {
        self.signal.as_ref()
    }

    /// The signal in the first `NT_SIGINFO` note. Of a core that `gcore` took: that with which gdb had stopped the process.
    pub fn recorded_signal(&self) -> Option<SignalInfo> {
        let note = self.raw_notes().find(|note| (note.owner, note.kind) == (b"CORE", notes::SIGINFO))?;
        SignalInfo::of_note(note.data)
    }

    /// What the kernel told the program at its start.
    pub fn auxv(&self) -> &AuxiliaryVector {
        &self.auxv
    }

    /// Mappings of files, by address.
    pub fn mapped_files(&self) -> &[MappedFile] {
        &self.files
    }

    /// The executable, then the libraries in the order in which names are looked up in them, and the vDSO.
    pub fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// What is wrong with the core and the binaries beside it.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// How much of the core file is missing.
    pub fn truncation(&self) -> Option<Truncation> {
        self.truncation
    }

    /// The file, decompressed.
    pub(crate) fn map(&self) -> &FileMap {
        &self.map
    }

    /// Where the notes are in the file.
    pub(crate) fn note_ranges(&self) -> &[std::ops::Range<usize>] {
        &self.note_ranges
    }

    /// How the core was made, if it was trimmed by this program.
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// How the core is stored.
    pub fn stored(&self) -> &Stored {
        &self.stored
    }

    /// Length in bytes of the core file, decompressed.
    pub fn file_len(&self) -> u64 {
        self.map.len() as u64
    }

    /// The memory by which the modules are recognised: their ELF headers and build-id notes. A trimmed core that
    /// keeps these few pages can still be matched with its binaries.
    pub fn identity_ranges(&self) -> Vec<(Address, Address)> {
        let mut ranges = Vec::new();
        for module in &self.modules {
            if let Some(header) = &module.header_bytes {
                // With the build-id, which is in the same page.
                ranges.push((module.start, Address(module.start.0.saturating_add(PAGE))));
                let end = header.programs_at.0.saturating_add(header.programs.len() as u64);
                ranges.push((header.programs_at, Address(end)));
            }
            for notes in module.segments.iter().filter(|segment| segment.kind == Segment::NOTE) {
                let start = notes.vaddr.wrapping_add(module.bias);
                let end = start.saturating_add(notes.memory_size.min(PAGE));
                if module.contains(Address(start)) {
                    ranges.push((Address(start), Address(end)));
                }
            }
        }
        ranges
    }

    /// All notes as the file holds them.
    pub fn raw_notes(&self) -> impl Iterator<Item = RawNote<'_>> {
        self.note_ranges.iter().flat_map(|range| Notes(&self.map[range.clone()]))
    }
}

fn core_headers(path: &Path, compression: Option<Compression>, map: &[u8]) -> Result<Headers, Error> {
    match Headers::parse(map) {
        Ok(headers) if headers.kind == Kind::Core => Ok(headers),
        Ok(headers) => Err(refuse(path, compression, Ok(headers.kind))),
        Err(refusal) => Err(refuse(path, compression, Err(refusal))),
    }
}

fn truncation(headers: &Headers, present: u64) -> Option<Truncation> {
    let ends = headers.segments.iter().map(|segment| segment.offset.saturating_add(segment.file_size));
    let expected = ends.chain([headers.sections_end]).max().unwrap_or(0);
    (expected > present).then_some(Truncation { expected, present })
}

/// The notes, decoded.
#[derive(Default)]
struct ParsedNotes<'a> {
    process: ProcessInfo,
    threads: Vec<Thread>,
    thread_notes: Vec<(usize, usize)>,
    signal_note: Option<&'a [u8]>,
    auxv: AuxiliaryVector,
    files: MappedFiles,
    embedded: EmbeddedSymbols,
    origin: Option<String>,
}

impl<'a> ParsedNotes<'a> {
    /// Reads the notes in `ranges` of the file.
    fn read(
        architecture: &'static Architecture,
        map: &'a FileMap,
        ranges: &[std::ops::Range<usize>],
        warnings: &mut Vec<Warning>,
    ) -> ParsedNotes<'a> {
        let mut parsed = ParsedNotes::default();
        let mut any = false;
        for range in ranges {
            let mut notes = Notes(&map[range.clone()]);
            let mut in_memory = range.start;
            while let Some(note) = notes.next() {
                any = true;
                let behind = range.end - notes.0.len();
                parsed.add(architecture, note, (behind, range.end), warnings);
                // The registers of 100,000 threads take hundreds of megabytes, and have been read.
                if behind - in_memory > RELEASED {
                    map.release(in_memory, behind - in_memory);
                    in_memory = behind;
                }
            }
        }
        if !any {
            warnings.push(Warning::NoNotes);
        }
        parsed
    }

    /// `rest`: where in the file the next note begins, and where the notes end.
    fn add(
        &mut self,
        architecture: &'static Architecture,
        note: RawNote<'a>,
        rest: (usize, usize),
        warnings: &mut Vec<Warning>,
    ) {
        let parsed = self;
        {
            match (note.owner, note.kind) {
                (b"CORE", notes::PRSTATUS) => match notes::prstatus::decode(architecture, note.data) {
                    Some(thread) => {
                        parsed.threads.push(thread);
                        parsed.thread_notes.push(rest);
                    }
                    None => warnings.push(too_short("NT_PRSTATUS", note.data)),
                },
                (b"LINUX", kind) if Some(kind) == architecture.thread_pointer_note => {
                    if let (Some(thread), Some(pointer)) =
                        (parsed.threads.last_mut(), Fields(note.data).u64(0))
                    {
                        thread.registers.set_thread_pointer(pointer);
                    }
                }
                (b"CORE", notes::PRPSINFO) => match notes::prpsinfo::decode(note.data) {
                    Some(info) => parsed.process = info,
                    None => warnings.push(too_short("NT_PRPSINFO", note.data)),
                },
                (b"CORE", notes::SIGINFO) => {
                    parsed.signal_note.get_or_insert(note.data);
                }
                (b"CORE", notes::AUXV) => parsed.auxv = AuxiliaryVector::decode(note.data),
                (b"CORE", notes::FILE) => match notes::file::decode(note.data) {
                    Some(files) => parsed.files = MappedFiles::new(files),
                    None => warnings.push(Warning::BadNote(
                        "NT_FILE (the list of mapped files) has more entries than bytes".to_owned(),
                    )),
                },
                (notes::OWN, notes::OWN_SYMBOLS) => match EmbeddedSymbols::decode(note.data) {
                    Ok(symbols) => parsed.embedded = symbols,
                    Err(problem) => warnings.push(Warning::BadNote(problem)),
                },
                (notes::OWN, notes::OWN_ORIGIN) => {
                    parsed.origin = Some(String::from_utf8_lossy(note.data).into_owned());
                }
                _ => {}
            }
        }
    }
}

fn too_short(name: &str, data: &[u8]) -> Warning {
    Warning::BadNote(format!("{name} has only {} bytes", data.len()))
}

/// A missing executable has a line of its own; libraries share one.
/// As [`Core::has_empty_stack`].
fn has_empty_stack(memory: &AddressSpace, thread: &Thread) -> bool {
    /// So much above the stack pointer is looked at: a frame has where it returns to, and what the thread began with lies above all.
    const LOOKED_AT: u64 = 1 << 12;
    let start = thread.stack_pointer();
    let Some(range) = memory.range_at(start).filter(|range| {
        thread.has_user_stack() && range.contents == crate::Contents::Dumped && range.permissions.write
    }) else {
        return false;
    };
    let end = Address(start.0.saturating_add(LOOKED_AT).min(range.end.0));
    end.0 - start.0 >= 8
        && memory.stored(start, end).iter().all(|(at, length)| {
            memory.slice(*at, *length as usize).is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0))
        })
}

fn warn_of_missing(modules: &[Module], parsed: &ParsedNotes<'_>, warnings: &mut Vec<Warning>) {
    let reported = |module: &Module| module.file.as_ref().err().is_some_and(|reason| reason == "not found");
    let executable = modules.first().filter(|module| module.executable);
    match executable {
        Some(module) if reported(module) => warnings.push(Warning::MissingExecutable {
            path: Some(module.path.clone()),
            build_id: module.build_id.clone(),
        }),
        None if !parsed.threads.is_empty() => {
            warnings.push(Warning::MissingExecutable { path: None, build_id: None });
        }
        _ => {}
    }
    let libraries: Vec<String> = modules
        .iter()
        .filter(|module| !module.executable && reported(module))
        .map(|module| module.path.clone())
        .collect();
    if !libraries.is_empty() {
        warnings.push(Warning::MissingLibraries(libraries));
    }
}

/// What the binaries can supply: mappings of files that the process could not write, and the images they are in.
fn fills(
    map: &Arc<FileMap>,
    modules: &[Module],
    binaries: &[Option<Binary>],
    files: &MappedFiles,
) -> (Vec<Arc<FileMap>>, Vec<Fill>) {
    let mut images = vec![Arc::clone(map)];
    let mut fills = Vec::new();
    for (module, binary) in modules.iter().zip(binaries) {
        let Some(binary) = binary.as_ref().filter(|binary| !binary.symbols_only) else { continue };
        let image = images.len();
        images.push(Arc::clone(&binary.map));
        let mut add = |start: u64, end: u64, offset: u64, segment: &Segment| {
            let len = (binary.map.len() as u64).saturating_sub(offset).min(end.saturating_sub(start));
            if len > 0 && !segment.permissions.write {
                let permissions = segment.permissions;
                fills.push(Fill { start, end: start + len, permissions, image, offset: offset as usize });
            }
        };
        if files.is_empty() {
            for segment in module.segments.iter().filter(|segment| segment.kind == Segment::LOAD) {
                let start = (segment.vaddr & !(PAGE - 1)).wrapping_add(module.bias);
                let before = segment.vaddr & (PAGE - 1);
                let size =
                    segment.file_size.saturating_add(before).checked_next_multiple_of(PAGE).unwrap_or(0);
                let end = start.saturating_add(size);
                // The part that another segment maps over is left out with the whole page.
                let end = if module.segment_at(end.wrapping_sub(1)).is_some_and(|last| last.permissions.write)
                {
                    end.saturating_sub(PAGE)
                } else {
                    end
                };
                if let Some(offset) = segment.offset.checked_sub(before) {
                    add(start, end, offset, segment);
                }
            }
        } else {
            for file in files.of(&module.path) {
                let by_address =
                    module.contains(file.start).then(|| module.segment_at(file.start.0)).flatten();
                if let Some(segment) = by_address.or_else(|| segment_of_offset(module, file)) {
                    add(file.start.0, file.end.0, file.offset, segment);
                }
            }
        }
    }
    fills.sort_by_key(|fill| fill.start);
    let mut free_from = 0;
    fills.retain(|fill| {
        let apart = fill.start >= free_from;
        if apart {
            free_from = fill.end;
        }
        apart
    });
    (images, fills)
}

/// Mappings of the modules' files outside of the modules.
fn copies(modules: &[Module], files: &MappedFiles) -> Vec<Copied> {
    let mut copies = Vec::new();
    for module in modules.iter().filter(|module| !module.segments.is_empty()) {
        for file in files.of(&module.path).filter(|file| !module.contains(file.start)) {
            if let Some(segment) = segment_of_offset(module, file) {
                let original = segment
                    .vaddr
                    .wrapping_add(file.offset.wrapping_sub(segment.offset))
                    .wrapping_add(module.bias);
                copies.push(Copied {
                    start: file.start.0,
                    end: file.end.0,
                    distance: original.wrapping_sub(file.start.0),
                });
            }
        }
    }
    copies
}

/// The segment whose part of the file holds all of a mapping that lies outside the module's own extent.
fn segment_of_offset<'a>(module: &'a Module, file: &MappedFile) -> Option<&'a Segment> {
    let end = file.offset.checked_add(file.end.0 - file.start.0)?;
    module.segments.iter().filter(|segment| segment.kind == Segment::LOAD).find(|segment| {
        let segment_end = segment.offset.saturating_add(segment.file_size).checked_next_multiple_of(PAGE);
        segment.offset & !(PAGE - 1) <= file.offset && Some(end) <= segment_end
    })
}

/// The extents with the fills. Where the core records no mapped files, a fill may lie where the core has no program
/// header either: the mapping existed, as the module was loaded there.
fn fill_gaps(extents: &[Extent], files: &[MappedFile], fills: &[Fill]) -> Vec<Extent> {
    if !files.is_empty() {
        return segments::refine(extents, files, fills);
    }
    let mapped: Vec<MappedFile> = fills
        .iter()
        .map(|fill| MappedFile {
            start: Address(fill.start),
            end: Address(fill.end),
            offset: 0,
            path: Arc::from(""),
            deleted: false,
        })
        .collect();
    let mut extents = extents.to_vec();
    segments::add_mapped_files(&mut extents, &mapped);
    segments::refine(&extents, files, fills)
}
