//! The executable and the libraries of the dumped process: where they were loaded and who they are.
//!
//! `NT_FILE` says which file was mapped where. A file is a *module* if its first page, as the process had it, is the
//! header of an ELF program or library; the kernel dumps that page even where it leaves the rest of the file out
//! (bit 4 of `coredump_filter`), and gdb does the same. From the header follow the load bias, the extent of the
//! module, and the build-id.
//!
//! Without `NT_FILE` (older gdb, a very large note, the end of a truncated `gcore` file) the mappings themselves are
//! looked through for ELF headers, and names come from the auxiliary vector and the dynamic linker's list.
//!
//! Folklore: V8 maps the builtins embedded in the executable a second time, next to its code range, so a Node
//! executable has one more entry in `NT_FILE`, far away from the others and with an odd-looking offset
//! (`CodeRange::RemapEmbeddedBuiltins`). It belongs to the module for its contents but not for its extent.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::address_space::AddressSpace;
use crate::build_id::BuildId;
use crate::elf::{HEADER_SIZE, Headers, Kind, PROGRAM_HEADER_SIZE, Segment};
use crate::fields::Fields;
use crate::notes::auxv::AuxiliaryVector;
use crate::notes::file::{MappedFile, MappedFiles};
use crate::{Address, Contents, Memory};

const PAGE: u64 = 4096;
/// An ELF header in memory with more program headers than this is not believed; real ones have 15.
const PROGRAM_HEADERS_LIMIT: usize = 512;
/// Notes of a module beyond this size are not searched for a build-id.
const NOTES_LIMIT: u64 = 1 << 16;
/// The dynamic linker's list is followed no further than this.
const LINK_MAP_LIMIT: usize = 8192;
const PATH_LIMIT: usize = 4096;
/// So many mappings of the beginning of a file are looked at for the header of a module.
const LOOKS_LIMIT: usize = 16;
/// Between two segments of a module there is no more than this: what their alignment needs, up to 64 KiB on other machines and 2
/// MiB with large pages, and memory without a file at the end of one.
const LARGEST_HOLE: u64 = 64 << 20;
/// No more modules are looked for; each costs a look at the whole list of mapped files. Large programs have hundreds.
const MODULES_LIMIT: usize = 4096;

/// Why a file is taken for the one that was mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// Same build-id in the core and in the file.
    BuildId,
    /// Neither has a build-id, and the ELF header and program headers are the same byte for byte.
    Headers,
    /// The core does not hold the header; the file's segments lie exactly where the core says the file was mapped.
    Layout,
}

/// The file that stands for a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFile {
    /// Where it was found.
    pub path: PathBuf,
    /// Its build-id.
    pub build_id: Option<BuildId>,
    /// What ties it to the core.
    pub verification: Verification,
    /// Separate debug information: has symbols, has no contents.
    pub symbols_only: bool,
}

/// The executable or a library.
#[derive(Clone, Debug)]
pub struct Module {
    /// The path recorded in the core.
    pub path: String,
    /// The file had been removed or replaced when the core was taken.
    pub deleted: bool,
    /// It is the executable, not a library.
    pub executable: bool,
    /// First address.
    pub start: Address,
    /// First address behind it.
    pub end: Address,
    /// What to add to addresses in the file to get addresses in the process; 0 for a fixed executable. Wraps.
    pub bias: u64,
    /// The build-id in the core's memory, if that page is there.
    pub build_id: Option<BuildId>,
    /// The file that stands for it, or why there is none.
    pub file: Result<FoundFile, String>,
    /// Its headers, in the core's memory or else in the file.
    pub(crate) segments: Vec<Segment>,
    /// The ELF header and program headers as the core holds them.
    pub(crate) header_bytes: Option<HeaderBytes>,
}

impl Module {
    /// Loaded, at fixed addresses.
    pub(crate) fn placed(path: String, bias: u64, segments: Vec<Segment>) -> Module {
        let mut module = Module {
            path,
            deleted: false,
            executable: false,
            start: Address(0),
            end: Address(0),
            bias,
            build_id: None,
            file: Err("not looked for".to_owned()),
            segments,
            header_bytes: None,
        };
        module.set_extent();
        module
    }

    /// Computes `start` and `end` from the segments.
    pub(crate) fn set_extent(&mut self) {
        let loads = || self.segments.iter().filter(|segment| segment.kind == Segment::LOAD);
        let start = loads().map(|segment| segment.vaddr).min().unwrap_or(0) & !(PAGE - 1);
        let end = loads().map(|segment| segment.vaddr.saturating_add(segment.memory_size)).max().unwrap_or(0);
        let size = end.saturating_sub(start);
        self.start = Address(start.wrapping_add(self.bias));
        self.end =
            Address(self.start.0.saturating_add(size).checked_next_multiple_of(PAGE).unwrap_or(u64::MAX));
    }

    /// Start and size of the memory that it may write to, from the first such segment to the end of the last.
    pub fn data(&self) -> Option<(Address, u64)> {
        let writable = || self.loaded().filter(|segment| segment.permissions.write);
        let start = writable().map(|segment| segment.vaddr).min()?;
        let end = writable().map(|segment| segment.vaddr.saturating_add(segment.memory_size)).max()?;
        Some((Address(start.wrapping_add(self.bias)), end - start))
    }

    /// An address lies in a segment with code.
    pub(crate) fn has_code_at(&self, address: Address) -> bool {
        let mut code = self.loaded().filter(|segment| segment.permissions.execute);
        code.any(|segment| {
            address.0.wrapping_sub(segment.vaddr.wrapping_add(self.bias)) < segment.memory_size
        })
    }

    /// Bytes of its segments with code.
    pub fn text_size(&self) -> u64 {
        let code = self.loaded().filter(|segment| segment.permissions.execute);
        code.fold(0, |size, segment| size.saturating_add(segment.memory_size))
    }

    fn loaded(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(|segment| segment.kind == Segment::LOAD)
    }

    /// No file stands for it, and one would be of use: it is not part of the kernel.
    pub fn lacks_file(&self) -> bool {
        self.file.is_err() && self.path != VDSO_PATH
    }

    /// `address` lies in the module.
    pub fn contains(&self, address: Address) -> bool {
        (self.start..self.end).contains(&address)
    }

    /// The last part of its path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// `name` is its path, the last part of it, that part cut at a dot, or `a.out` for the executable.
    pub fn is_called(&self, name: &str) -> bool {
        let base = self.name();
        !name.is_empty()
            && (self.path == name
                || base == name
                || base.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'))
                || (self.executable && name == "a.out"))
    }

    /// The loaded segment that `address` lies in, to the page; of two that share a page, the one mapped last.
    pub(crate) fn segment_at(&self, address: u64) -> Option<&Segment> {
        let vaddr = address.wrapping_sub(self.bias);
        self.segments.iter().rev().filter(|segment| segment.kind == Segment::LOAD).find(|segment| {
            let end = segment.vaddr.saturating_add(segment.memory_size).checked_next_multiple_of(PAGE);
            segment.vaddr & !(PAGE - 1) <= vaddr && vaddr < end.unwrap_or(u64::MAX)
        })
    }
}

/// The load bias of a module whose first page is mapped at `start`.
pub(crate) fn bias_for(start: u64, segments: &[Segment]) -> Option<u64> {
    let first = segments
        .iter()
        .find(|segment| segment.kind == Segment::LOAD && segment.offset < PAGE && segment.memory_size > 0)?;
    Some(start.wrapping_sub(first.vaddr.wrapping_sub(first.offset) & !(PAGE - 1)))
}

/// The header of an ELF program or library in memory, as far as the core holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeaderBytes {
    /// The ELF header.
    pub header: Vec<u8>,
    /// The program headers, or nothing if the core does not hold them.
    pub programs: Vec<u8>,
    /// Where in memory they are.
    pub programs_at: Address,
}

impl HeaderBytes {
    /// `e_phoff`: where the program headers are in the file.
    pub fn programs_offset(&self) -> Option<u64> {
        Fields(&self.header).u64(32)
    }

    /// Reads the header at `start`. The program headers usually follow; tools that add something to an executable, such as a
    /// program to run, put them elsewhere in it. So `places` says where else they may be, given their offset in the file.
    fn read(
        memory: &AddressSpace,
        start: Address,
        places: impl Fn(u64, usize) -> Vec<Address>,
    ) -> Option<HeaderBytes> {
        let mut header = vec![0; HEADER_SIZE];
        memory.read_into(start, &mut header).ok()?;
        if !header.starts_with(b"\x7fELF") {
            return None;
        }
        let (offset, count) = (Fields(&header).u64(32)?, usize::from(Fields(&header).u16(56)?));
        let mut found = HeaderBytes { header, programs: Vec::new(), programs_at: start };
        if count > PROGRAM_HEADERS_LIMIT {
            return None;
        }
        let here = (offset <= PAGE).then(|| start.checked_add(offset)).flatten();
        for place in here.map_or_else(|| places(offset, count), |here| vec![here]) {
            let mut programs = vec![0; count * PROGRAM_HEADER_SIZE];
            if memory.read_into(place, &mut programs).is_ok() {
                (found.programs, found.programs_at) = (programs, place);
                break;
            }
        }
        Some(found)
    }

    /// The headers, decoded; with segments only if the program headers are there.
    fn parse(&self) -> Option<Headers> {
        let mut whole = self.header.clone();
        // As if they followed.
        whole[32..40].copy_from_slice(&(HEADER_SIZE as u64).to_le_bytes());
        whole.extend_from_slice(&self.programs);
        if self.programs.is_empty() {
            whole[56..58].fill(0);
        }
        let headers = Headers::parse(&whole).ok()?;
        matches!(headers.kind, Kind::Executable | Kind::Shared).then_some(headers)
    }
}

/// The build-id in the notes of a module, as its memory has it.
fn build_id_in_memory(memory: &AddressSpace, bias: u64, segments: &[Segment]) -> Option<BuildId> {
    segments.iter().filter(|segment| segment.kind == Segment::NOTE).find_map(|segment| {
        let mut notes = vec![0; segment.memory_size.min(NOTES_LIMIT) as usize];
        memory.read_into(Address(segment.vaddr.wrapping_add(bias)), &mut notes).ok()?;
        BuildId::among(&notes)
    })
}

/// The build-id in the first page of a module whose program headers are not in the core: linkers put the note there.
fn build_id_in_first_page(memory: &AddressSpace, start: Address) -> Option<BuildId> {
    let mut page = vec![0; PAGE as usize];
    memory.read_into(start, &mut page).ok()?;
    // Size of the name before it: 4; of the build-id; type 3.
    memchr::memmem::find_iter(&page, b"\x03\0\0\0GNU\0")
        .find_map(|at| BuildId::among(page.get(at.checked_sub(8)?..)?))
}

/// Who knows where the program headers of a module may be.
struct Places<'a> {
    files: &'a MappedFiles,
    auxv: &'a AuxiliaryVector,
}

impl Places<'_> {
    /// Where the program headers of the file at `path`, `count` of them at `offset` in it, may be in memory.
    fn of_programs(&self, path: &str, offset: u64, count: usize) -> Vec<Address> {
        let end = offset.saturating_add((count * PROGRAM_HEADER_SIZE) as u64);
        let mut places = Vec::new();
        let known = self.auxv.address(AuxiliaryVector::PROGRAM_HEADERS);
        // Those of the executable are where the kernel says, if that place belongs to the file.
        let holds = |file: &MappedFile, at: Address| {
            *file.path == *path
                && (file.start..file.end).contains(&at)
                && at.0 - file.start.0 + file.offset == offset
        };
        places.extend(known.filter(|at| self.files.of(path).any(|file| holds(file, *at))));
        places.extend(self.files.of(path).filter_map(|file| {
            let behind = offset.checked_sub(file.offset)?;
            (end - file.offset <= file.end.0 - file.start.0).then(|| file.start.checked_add(behind)).flatten()
        }));
        if self.files.is_empty() && self.auxv.get(AuxiliaryVector::PROGRAM_HEADER_COUNT) == Some(count as u64)
        {
            places.extend(known);
        }
        places
    }

    /// The module whose header is at `start`, if there is one; without segments if the core does not hold its program headers.
    fn module_at(&self, memory: &AddressSpace, start: Address, path: &str, deleted: bool) -> Option<Module> {
        let bytes = HeaderBytes::read(memory, start, |offset, count| self.of_programs(path, offset, count))?;
        let segments = bytes.parse()?.segments;
        let mut module = match bias_for(start.0, &segments) {
            Some(bias) => Module::placed(path.to_owned(), bias, segments),
            // Without the list of files, nothing else says how far the module reaches.
            None if self.files.is_empty() => return None,
            None => self.without_segments(start, path),
        };
        module.deleted = deleted;
        module.build_id = build_id_in_memory(memory, module.bias, &module.segments)
            .or_else(|| build_id_in_first_page(memory, start));
        module.header_bytes = Some(bytes);
        Some(module)
    }

    /// A module of which only the mappings are known: it reaches from `start` to where something else begins.
    fn without_segments(&self, start: Address, path: &str) -> Module {
        let mut module = Module::placed(path.to_owned(), 0, Vec::new());
        (module.start, module.end) = (start, start);
        let first = self.files.partition_point(|file| file.start < start);
        let own = self.files[first..].iter().take_while(|file| *file.path == *path);
        for file in own {
            if file.start.0.saturating_sub(module.end.0) > LARGEST_HOLE {
                break;
            }
            module.end = file.end;
        }
        module
    }
}

/// Path of the module that the kernel maps into every process: the functions that answer some system calls.
pub(crate) const VDSO_PATH: &str = "linux-vdso.so.1";

/// Finds the modules of a process: the executable, then the libraries in the order in which the dynamic linker looks
/// names up in them, those that it does not know by address, and the vDSO.
pub(crate) fn find(memory: &AddressSpace, files: &MappedFiles, auxv: &AuxiliaryVector) -> Vec<Module> {
    let mut modules =
        if files.is_empty() { by_headers(memory, auxv) } else { by_mapped_files(memory, files, auxv) };
    let with = |kind| {
        let at = auxv.address(kind)?;
        modules.iter().position(|module| module.contains(at))
    };
    let executable = with(AuxiliaryVector::PROGRAM_HEADERS)
        .or_else(|| with(AuxiliaryVector::ENTRY))
        .or_else(|| modules.iter().position(|module| module.path.ends_with("/node")))
        .or_else(|| (!modules.is_empty()).then_some(0));
    if let Some(index) = executable {
        modules[..=index].rotate_right(1);
        modules[0].executable = true;
        if files.is_empty() {
            name_modules(memory, auxv, &mut modules);
        }
        in_link_order(memory, &mut modules);
    }
    if let Some(at) = auxv.address(AuxiliaryVector::VDSO)
        && !modules.iter().any(|module| module.contains(at))
    {
        modules
            .extend(Places { files: &MappedFiles::default(), auxv }.module_at(memory, at, VDSO_PATH, false));
    }
    modules
}

/// Puts the libraries behind the executable in the order of the dynamic linker's list.
fn in_link_order(memory: &AddressSpace, modules: &mut [Module]) {
    let mut order = Vec::new();
    for (_, dynamic) in linked(memory, &modules[0]) {
        order.extend(modules.iter().find(|module| module.contains(dynamic)).map(|module| module.start));
    }
    let rank = |module: &Module| order.iter().position(|start| *start == module.start).unwrap_or(usize::MAX);
    modules[1..].sort_by_cached_key(rank);
}

/// The dynamic linker's list: address of the name and of the dynamic section of each object.
fn linked(memory: &AddressSpace, executable: &Module) -> Vec<(Address, Address)> {
    let mut found = Vec::new();
    let mut next = link_map(memory, executable);
    for _ in 0..LINK_MAP_LIMIT {
        let Some(entry) = next else { break };
        let word = |offset: u64| memory.read_u64(Address(entry.0.wrapping_add(offset))).ok();
        if let (Some(name), Some(dynamic)) = (word(8), word(16)) {
            found.push((Address(name), Address(dynamic)));
        }
        next = word(24).filter(|next| *next != 0).map(Address);
    }
    found
}

fn by_mapped_files(memory: &AddressSpace, files: &MappedFiles, auxv: &AuxiliaryVector) -> Vec<Module> {
    let places = Places { files, auxv };
    let mut modules: Vec<Module> = Vec::new();
    // How often each path has been looked at; all that are needed, once it was a module.
    let mut looks: HashMap<&str, usize> = HashMap::new();
    for file in files.iter().filter(|file| file.offset == 0) {
        if modules.len() == MODULES_LIMIT {
            break;
        }
        let looks = looks.entry(&file.path).or_default();
        if *looks == LOOKS_LIMIT {
            continue;
        }
        *looks += 1;
        let module = match memory.bytes_from(file.start) {
            Ok(_) => places.module_at(memory, file.start, &file.path, file.deleted),
            // The header is not there to be looked at. A file mapped in several parts may well be a module.
            Err(_) if files.of(&file.path).nth(1).is_some() && file.path.starts_with('/') => {
                let mut module = places.without_segments(file.start, &file.path);
                module.deleted = file.deleted;
                Some(module)
            }
            Err(_) => None,
        };
        if let Some(module) = module {
            *looks = LOOKS_LIMIT;
            modules.push(module);
        }
    }
    modules
}

/// Modules by the ELF headers at the beginning of mappings that nobody can write.
fn by_headers(memory: &AddressSpace, auxv: &AuxiliaryVector) -> Vec<Module> {
    let vdso = auxv.address(AuxiliaryVector::VDSO);
    let none = MappedFiles::default();
    let places = Places { files: &none, auxv };
    let mut modules: Vec<Module> = Vec::new();
    for range in memory.ranges() {
        let candidate =
            range.contents == Contents::Dumped && !range.permissions.write && Some(range.start) != vdso;
        if candidate
            && modules.len() < MODULES_LIMIT
            && modules.last().is_none_or(|last| range.start >= last.end)
        {
            modules.extend(places.module_at(memory, range.start, "", false));
        }
    }
    modules
}

/// Gives modules found by their headers their names: `AT_EXECFN`, and the dynamic linker's `struct link_map`
/// (`link.h`), which the executable's `DT_DEBUG` entry leads to.
fn name_modules(memory: &AddressSpace, auxv: &AuxiliaryVector, modules: &mut [Module]) {
    if let Some(path) =
        auxv.address(AuxiliaryVector::EXECUTED_PATH).and_then(|at| memory.c_string(at, PATH_LIMIT))
    {
        modules[0].path = path;
    }
    for (name, dynamic) in linked(memory, &modules[0]) {
        if let Some(module) = modules.iter_mut().find(|module| module.contains(dynamic))
            && module.path.is_empty()
            && let Some(path) = memory.c_string(name, PATH_LIMIT)
        {
            module.path = path;
        }
    }
    for module in modules {
        if module.path.is_empty() {
            module.path = format!("(module at {:#x})", module.start);
        }
    }
}

/// The first entry of the dynamic linker's list.
fn link_map(memory: &AddressSpace, executable: &Module) -> Option<Address> {
    const DT_DEBUG: u64 = 21;
    let dynamic = executable.segments.iter().find(|segment| segment.kind == Segment::DYNAMIC)?;
    let start = Address(dynamic.vaddr.wrapping_add(executable.bias));
    let entries = dynamic.memory_size.min(1 << 16) / 16;
    let debug = (0..entries).find_map(|index| {
        let at = start.checked_add(16 * index)?;
        (memory.read_u64(at).ok()? == DT_DEBUG).then(|| memory.read_u64(at.checked_add(8)?).ok()).flatten()
    })?;
    // struct r_debug: int r_version, padding, struct link_map *r_map
    memory.read_u64(Address(debug.checked_add(8)?)).ok().filter(|first| *first != 0).map(Address)
}
