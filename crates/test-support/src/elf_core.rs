//! Builds Linux x86-64 ELF cores, and small ELF executables to go with them, from a few readable lines.
//!
//! Written from the specifications (System V ABI; `elf.h`; `fs/binfmt_elf.c`) and sharing no definition with the reader
//! under test, so that a wrong definition cannot cancel itself out.

use std::collections::HashMap;
use std::ops::Range;

const PT_LOAD: u32 = 1;
const PT_NOTE: u32 = 4;

/// Little-endian bytes of `words`.
pub fn words(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

#[derive(Clone, Debug)]
struct Load {
    label: String,
    address: u64,
    permissions: String,
    data: Vec<u8>,
    memory_size: u64,
}

/// A core under construction.
#[derive(Clone, Debug, Default)]
pub struct ElfCore {
    loads: Vec<Load>,
    notes: Vec<u8>,
    files: Vec<(u64, u64, u64, String)>,
    notes_last: bool,
    extended: bool,
}

/// A finished core.
#[derive(Clone, Debug)]
pub struct BuiltCore {
    /// The file.
    pub bytes: Vec<u8>,
    /// Where in the file each labelled segment is; the notes are called `notes`.
    pub places: HashMap<String, Range<usize>>,
}

impl ElfCore {
    /// A core with nothing in it.
    pub fn new() -> ElfCore {
        ElfCore::default()
    }

    /// A mapping at `address`, dumped whole. Permissions as in `/proc/PID/maps`: `r-x`.
    pub fn dumped(self, label: &str, address: u64, permissions: &str, data: &[u8]) -> ElfCore {
        let size = data.len() as u64;
        self.partly_dumped(label, address, permissions, data, size)
    }

    /// A mapping of `size` bytes, of which only the first, `data`, are in the core.
    pub fn partly_dumped(
        mut self,
        label: &str,
        address: u64,
        permissions: &str,
        data: &[u8],
        size: u64,
    ) -> ElfCore {
        self.loads.push(Load {
            label: label.to_owned(),
            address,
            permissions: permissions.to_owned(),
            data: data.to_vec(),
            memory_size: size,
        });
        self
    }

    /// A mapping that the core only mentions.
    pub fn not_dumped(self, label: &str, address: u64, permissions: &str, size: u64) -> ElfCore {
        self.partly_dumped(label, address, permissions, &[], size)
    }

    /// Any note.
    pub fn note(mut self, owner: &str, kind: u32, data: &[u8]) -> ElfCore {
        let out = &mut self.notes;
        out.extend_from_slice(&(owner.len() as u32 + 1).to_le_bytes());
        out.extend_from_slice(&(data.len() as u32).to_le_bytes());
        out.extend_from_slice(&kind.to_le_bytes());
        out.extend_from_slice(owner.as_bytes());
        out.push(0);
        while !out.len().is_multiple_of(4) {
            out.push(0);
        }
        out.extend_from_slice(data);
        while !out.len().is_multiple_of(4) {
            out.push(0);
        }
        self
    }

    /// A thread (`NT_PRSTATUS`) with the 27 words of `struct user_regs_struct`.
    pub fn thread(self, id: u32, signal: u16, registers: [u64; 27]) -> ElfCore {
        let mut note = vec![0; 336];
        note[0..4].copy_from_slice(&u32::from(signal).to_le_bytes()); // si_signo
        note[12..14].copy_from_slice(&signal.to_le_bytes()); // pr_cursig
        note[32..36].copy_from_slice(&id.to_le_bytes()); // pr_pid
        note[112..328].copy_from_slice(&words(&registers)); // pr_reg
        self.note("CORE", 1, &note)
    }

    /// The process (`NT_PRPSINFO`).
    pub fn process(self, id: u32, user: u32, name: &str, arguments: &str) -> ElfCore {
        let mut note = vec![0; 136];
        note[16..20].copy_from_slice(&user.to_le_bytes()); // pr_uid
        note[20..24].copy_from_slice(&(user + 1).to_le_bytes()); // pr_gid
        note[24..28].copy_from_slice(&id.to_le_bytes()); // pr_pid
        note[28..32].copy_from_slice(&(id - 1).to_le_bytes()); // pr_ppid
        note[40..40 + name.len()].copy_from_slice(name.as_bytes()); // pr_fname
        note[56..56 + arguments.len()].copy_from_slice(arguments.as_bytes()); // pr_psargs
        self.note("CORE", 3, &note)
    }

    /// The auxiliary vector (`NT_AUXV`), without the `AT_NULL` that ends it.
    pub fn auxv(self, entries: &[(u64, u64)]) -> ElfCore {
        let flat: Vec<u64> = entries.iter().flat_map(|(kind, value)| [*kind, *value]).chain([0, 0]).collect();
        self.note("CORE", 6, &words(&flat))
    }

    /// One mapping in the list of mapped files (`NT_FILE`).
    pub fn file(mut self, start: u64, end: u64, offset: u64, path: &str) -> ElfCore {
        self.files.push((start, end, offset, path.to_owned()));
        self
    }

    /// The notes come behind the memory, as gdb writes them.
    pub fn notes_last(mut self) -> ElfCore {
        self.notes_last = true;
        self
    }

    /// The number of program headers is in section header 0 at the end of the file, as the kernel does it for more
    /// than 65,534 of them.
    pub fn extended_count(mut self) -> ElfCore {
        self.extended = true;
        self
    }

    fn file_note(&self) -> Vec<u8> {
        let mut note = words(&[self.files.len() as u64, 4096]);
        for (start, end, offset, _) in &self.files {
            note.extend(words(&[*start, *end, offset / 4096]));
        }
        for (.., path) in &self.files {
            note.extend_from_slice(path.as_bytes());
            note.push(0);
        }
        note
    }

    /// The file.
    pub fn build(mut self) -> BuiltCore {
        if !self.files.is_empty() {
            let note = self.file_note();
            self = self.note("CORE", 0x4649_4c45, &note);
        }
        let count = self.loads.len() + 1;
        let mut out = elf_header(4, count, self.extended);
        let mut places = HashMap::new();
        let mut at = 64 + 56 * count;
        let mut place = |label: &str, size: usize| {
            let range = at..at + size;
            at = range.end;
            places.insert(label.to_owned(), range.clone());
            range.start
        };
        let mut notes_at = 0;
        if !self.notes_last {
            notes_at = place("notes", self.notes.len());
        }
        let data_at: Vec<usize> = self.loads.iter().map(|load| place(&load.label, load.data.len())).collect();
        if self.notes_last {
            notes_at = place("notes", self.notes.len());
        }
        program_header(&mut out, PT_NOTE, "---", [notes_at as u64, 0, self.notes.len() as u64, 0]);
        for (load, data_at) in self.loads.iter().zip(&data_at) {
            let sizes = [*data_at as u64, load.address, load.data.len() as u64, load.memory_size];
            program_header(&mut out, PT_LOAD, &load.permissions, sizes);
        }
        if !self.notes_last {
            out.extend_from_slice(&self.notes);
        }
        for load in &self.loads {
            out.extend_from_slice(&load.data);
        }
        if self.notes_last {
            out.extend_from_slice(&self.notes);
        }
        if self.extended {
            let end = out.len() as u64;
            out[40..48].copy_from_slice(&end.to_le_bytes()); // e_shoff
            out.extend(words(&[0, 0, 0, 0, 1])); // sh_size: one section header
            out.extend_from_slice(&[0; 4]); // sh_link
            out.extend_from_slice(&(count as u32).to_le_bytes()); // sh_info
            out.extend(words(&[0, 0]));
        }
        BuiltCore { bytes: out, places }
    }
}

fn elf_header(kind: u16, program_headers: usize, extended: bool) -> Vec<u8> {
    let mut out = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    out.extend_from_slice(&kind.to_le_bytes()); // e_type
    out.extend_from_slice(&62_u16.to_le_bytes()); // e_machine: x86-64
    out.extend_from_slice(&1_u32.to_le_bytes()); // e_version
    out.extend(words(&[0, 64, 0])); // e_entry, e_phoff, e_shoff
    out.extend_from_slice(&0_u32.to_le_bytes()); // e_flags
    let count = if extended { 0xffff } else { program_headers as u16 };
    for half in [64, 56, count, 64, u16::from(extended), 0] {
        out.extend_from_slice(&u16::to_le_bytes(half)); // e_ehsize ... e_shstrndx
    }
    out
}

/// `numbers`: file offset, address, size in the file, size in memory.
fn program_header(out: &mut Vec<u8>, kind: u32, permissions: &str, numbers: [u64; 4]) {
    let [offset, address, file_size, memory_size] = numbers;
    let flag = |letter: char, bit: u32| if permissions.contains(letter) { bit } else { 0 };
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&(flag('r', 4) | flag('w', 2) | flag('x', 1)).to_le_bytes());
    out.extend(words(&[offset, address, 0, file_size, memory_size, 0x1000]));
}

/// A small executable at fixed addresses: the page of its headers, a page of code, a page of data.
#[derive(Clone, Debug)]
pub struct ElfBinary {
    /// Address of its first page; the code follows at `+ 0x1000`, the data at `+ 0x2000`.
    pub base: u64,
    /// The file.
    pub bytes: Vec<u8>,
}

impl ElfBinary {
    /// `build_id` may be empty for none; `text` and `data` are at most a page; `symbols` are name, address, size.
    pub fn new(
        base: u64,
        build_id: &[u8],
        text: &[u8],
        data: &[u8],
        symbols: &[(&str, u64, u64)],
    ) -> ElfBinary {
        let mut out = elf_header(2, 4, false);
        let note_at = 64 + 4 * 56;
        let note_size = if build_id.is_empty() { 0 } else { 16 + build_id.len() as u64 };
        program_header(&mut out, PT_LOAD, "r--", [0, base, 0x1000, 0x1000]);
        program_header(&mut out, PT_LOAD, "r-x", [0x1000, base + 0x1000, 0x1000, 0x1000]);
        program_header(&mut out, PT_LOAD, "rw-", [0x2000, base + 0x2000, 0x1000, 0x1000]);
        program_header(&mut out, PT_NOTE, "r--", [note_at, base + note_at, note_size, note_size]);
        if !build_id.is_empty() {
            for word in [4, build_id.len() as u32, 3] {
                out.extend_from_slice(&word.to_le_bytes());
            }
            out.extend_from_slice(b"GNU\0");
            out.extend_from_slice(build_id);
        }
        out.resize(0x1000, 0);
        out.extend_from_slice(text);
        out.resize(0x2000, 0);
        out.extend_from_slice(data);
        out.resize(0x3000, 0);
        // .symtab, .strtab and their section headers, behind everything that is loaded.
        let mut names = vec![0];
        let mut table = vec![0; 24];
        for (name, address, size) in symbols {
            table.extend_from_slice(&(names.len() as u32).to_le_bytes()); // st_name
            table.extend_from_slice(&[0x12, 0, 1, 0]); // STB_GLOBAL | STT_FUNC, st_other, st_shndx 1
            table.extend(words(&[*address, *size]));
            names.extend_from_slice(name.as_bytes());
            names.push(0);
        }
        let (table_at, names_at) = (out.len(), out.len() + table.len());
        out.extend_from_slice(&table);
        out.extend_from_slice(&names);
        out.resize(out.len().next_multiple_of(8), 0);
        let sections_at = out.len() as u64;
        out[40..48].copy_from_slice(&sections_at.to_le_bytes()); // e_shoff
        out[60..62].copy_from_slice(&3_u16.to_le_bytes()); // e_shnum
        out.resize(out.len() + 64, 0);
        let mut section = |kind: u32, at: usize, size: usize, link: u32, entry: u64| {
            out.extend_from_slice(&0_u32.to_le_bytes());
            out.extend_from_slice(&kind.to_le_bytes());
            out.extend(words(&[0, 0, at as u64, size as u64]));
            out.extend_from_slice(&link.to_le_bytes());
            out.extend_from_slice(&1_u32.to_le_bytes());
            out.extend(words(&[8, entry]));
        };
        section(2, table_at, table.len(), 2, 24); // SHT_SYMTAB
        section(3, names_at, names.len(), 0, 0); // SHT_STRTAB
        ElfBinary { base, bytes: out }
    }

    /// One of its three loaded pages.
    pub fn page(&self, index: usize) -> &[u8] {
        &self.bytes[0x1000 * index..0x1000 * (index + 1)]
    }
}
