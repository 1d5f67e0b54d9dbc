//! The ELF file header and the program headers, of cores and of the binaries beside them.
//!
//! Source: System V ABI, chapter 4 (ELF header) and 5 (program header); `elf.h`. The raw structures come from the
//! `object` crate; what is checked here is what a dump can get wrong: the wrong kind of file, a header cut off, and a
//! count of program headers that does not fit in 16 bits.
//!
//! **`PN_XNUM`.** A process with more than 65,534 mappings needs more program headers than `e_phnum` can say. It then
//! holds 0xffff, and the count is `sh_info` of section header 0. The kernel puts that section header *behind all the
//! data* (`fill_extnum_info` and `elf_core_dump`, `fs/binfmt_elf.c`), so a truncated core has lost it. There the count
//! is recovered from the first program header: the notes it describes begin right behind the program headers.

use object::LittleEndian as LE;
use object::elf::{FileHeader64, PN_XNUM, ProgramHeader64, SectionHeader64};
use object::read::elf::{FileHeader as _, ProgramHeader as _, SectionHeader as _};
use object::{ReadRef, elf};

use crate::Permissions;
use crate::architecture::Architecture;

/// Bytes of the ELF header.
pub(crate) const HEADER_SIZE: usize = 64;
/// Bytes of one program header.
pub(crate) const PROGRAM_HEADER_SIZE: usize = 56;
const PROGRAM_HEADER_SIZE_64: u64 = PROGRAM_HEADER_SIZE as u64;

/// `e_type` as far as this crate cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Core,
    Executable,
    Shared,
    Relocatable,
    Other(u16),
}

/// One program header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub kind: u32,
    pub permissions: Permissions,
    pub offset: u64,
    pub vaddr: u64,
    pub file_size: u64,
    pub memory_size: u64,
    pub align: u64,
}

impl Segment {
    pub const LOAD: u32 = 1;
    pub const DYNAMIC: u32 = 2;
    pub const NOTE: u32 = 4;
    pub const TLS: u32 = 7;
    /// `PT_GNU_EH_FRAME`: `.eh_frame_hdr`.
    pub const EH_FRAME: u32 = 0x6474_e550;
}

/// Header and program headers of a 64-bit little-endian file for a processor that is known.
#[derive(Debug)]
pub(crate) struct Headers {
    pub kind: Kind,
    /// `e_machine`
    pub architecture: &'static Architecture,
    pub segments: Vec<Segment>,
    /// End of the section header table, if it has one: part of what the file should hold.
    pub sections_end: u64,
}

/// Why bytes are not a file we read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Not ELF: what it looks like instead.
    NotElf(&'static str),
    /// ELF of another class, byte order or machine.
    OtherMachine(String),
    /// What contradicts what.
    Malformed(String),
}

fn is_text(data: &[u8]) -> bool {
    let text = match std::str::from_utf8(data) {
        Ok(text) => text,
        // The last character may be cut.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&data[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty() && text.chars().all(|letter| !letter.is_control() || letter.is_ascii_whitespace())
}

/// Names what a file without the ELF magic number seems to be.
fn describe_foreign(data: &[u8]) -> &'static str {
    let starts = |magic: &[u8]| data.starts_with(magic);
    if data.is_empty() {
        "an empty file"
    } else if starts(b"\x1f\x8b") {
        "a gzip file"
    } else if starts(b"\xfd7zXZ\0") {
        "an xz file"
    } else if starts(b"\x04\x22\x4d\x18") {
        "an lz4 file"
    } else if starts(b"BZh") {
        "a bzip2 file"
    } else if starts(b"\xcf\xfa\xed\xfe") {
        "a Mach-O file (macOS)"
    } else if starts(b"MDMP") {
        "a minidump"
    } else if starts(b"{\"snapshot\"") {
        "a V8 heap snapshot"
    } else if starts(b"PK\x03\x04") {
        "a zip archive"
    } else if is_text(&data[..data.len().min(512)]) {
        "a text file"
    } else if data.iter().take(512).all(|&byte| byte == 0) {
        "a file that begins with zeros"
    } else {
        "a file of unknown kind"
    }
}

fn machine_name(machine: u16) -> String {
    if let Some(architecture) = Architecture::of_machine(machine) {
        return architecture.name.to_owned();
    }
    let name = match machine {
        3 => "32-bit x86 (i386)",
        8 => "MIPS",
        20 => "32-bit PowerPC",
        21 => "64-bit PowerPC",
        22 => "IBM S/390",
        40 => "32-bit ARM",
        243 => "RISC-V",
        258 => "LoongArch",
        other => return format!("machine number {other}"),
    };
    name.to_owned()
}

impl Headers {
    /// What kind of file `data` begins, from its ELF header alone.
    pub fn kind(data: &[u8]) -> Result<Kind, Refusal> {
        Headers::elf_header(data).map(|(kind, ..)| kind)
    }

    fn elf_header(data: &[u8]) -> Result<(Kind, &'static Architecture, &FileHeader64<LE>), Refusal> {
        if !data.starts_with(b"\x7fELF") {
            return Err(Refusal::NotElf(describe_foreign(data)));
        }
        let ident = data.get(4..6).unwrap_or(&[2, 1]);
        let big_endian = ident[1] == 2;
        let machine = data.get(18..20).map(|two| {
            let two = [two[0], two[1]];
            if big_endian { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) }
        });
        let machine_text = machine.map_or_else(|| "unknown machine".to_owned(), machine_name);
        match ident {
            [1, _] => return Err(Refusal::OtherMachine(format!("a 32-bit ELF file ({machine_text})"))),
            [2, 2] => return Err(Refusal::OtherMachine(format!("a big-endian ELF file ({machine_text})"))),
            [2, 1] => {}
            [class, order] => {
                let text =
                    format!("ELF class {class} and byte order {order} are neither of the two that exist");
                return Err(Refusal::Malformed(text));
            }
            _ => {}
        }
        let Ok(header) = data.read_at::<FileHeader64<LE>>(0) else {
            let text = format!("the ELF header takes 64 bytes and the file ends after {}", data.len());
            return Err(Refusal::Malformed(text));
        };
        let Some(architecture) = machine.and_then(Architecture::of_machine) else {
            return Err(Refusal::OtherMachine(format!("an ELF file for {machine_text}")));
        };
        let kind = match header.e_type(LE) {
            elf::ET_CORE => Kind::Core,
            elf::ET_EXEC => Kind::Executable,
            elf::ET_DYN => Kind::Shared,
            elf::ET_REL => Kind::Relocatable,
            other => Kind::Other(other.0),
        };
        Ok((kind, architecture, header))
    }

    /// Reads the headers from the beginning of `data`, all of a file or of what memory still holds of one.
    pub fn parse(data: &[u8]) -> Result<Headers, Refusal> {
        let (kind, architecture, header) = Headers::elf_header(data)?;
        let segments = read_segments(header, data)?;
        let sections = u64::from(header.e_shnum(LE)) * u64::from(header.e_shentsize(LE));
        let sections_end = if sections == 0 { 0 } else { header.e_shoff(LE).saturating_add(sections) };
        Ok(Headers { kind, architecture, segments, sections_end })
    }

    /// The segments of one kind.
    pub fn of_kind(&self, kind: u32) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(move |segment| segment.kind == kind)
    }
}

fn read_segments(header: &FileHeader64<LE>, data: &[u8]) -> Result<Vec<Segment>, Refusal> {
    let offset = header.e_phoff(LE);
    let entry_size = header.e_phentsize(LE);
    let mut count = u64::from(header.e_phnum(LE));
    if count == 0 || offset == 0 {
        return Ok(Vec::new());
    }
    if usize::from(entry_size) != PROGRAM_HEADER_SIZE {
        let text = format!("the ELF header says program headers of {entry_size} bytes; they have 56");
        return Err(Refusal::Malformed(text));
    }
    if count == u64::from(PN_XNUM) {
        count = extended_count(header, data)?;
    }
    let available = (data.len() as u64).saturating_sub(offset) / PROGRAM_HEADER_SIZE_64;
    if count > available {
        let text = format!(
            "{count} program headers at offset {offset} need {} bytes and the file ends after {}",
            offset.saturating_add(count.saturating_mul(PROGRAM_HEADER_SIZE_64)),
            data.len()
        );
        return Err(Refusal::Malformed(text));
    }
    // `count` fits in the file, so this allocation is no larger than the file itself.
    let headers = data
        .read_slice_at::<ProgramHeader64<LE>>(offset, count as usize)
        .map_err(|()| Refusal::Malformed(format!("program headers at offset {offset} cannot be read")))?;
    Ok(headers
        .iter()
        .map(|header| {
            let flags = header.p_flags(LE);
            Segment {
                kind: header.p_type(LE).0,
                permissions: Permissions {
                    read: flags.0 & 4 != 0,
                    write: flags.0 & 2 != 0,
                    execute: flags.0 & 1 != 0,
                },
                offset: header.p_offset(LE),
                vaddr: header.p_vaddr(LE),
                file_size: header.p_filesz(LE),
                memory_size: header.p_memsz(LE),
                align: header.p_align(LE),
            }
        })
        .collect())
}

/// The number of program headers when it is too large for `e_phnum`.
fn extended_count(header: &FileHeader64<LE>, data: &[u8]) -> Result<u64, Refusal> {
    let section_offset = header.e_shoff(LE);
    if section_offset != 0
        && let Ok(section) = data.read_at::<SectionHeader64<LE>>(section_offset)
    {
        return Ok(u64::from(section.sh_info(LE)));
    }
    let offset = header.e_phoff(LE);
    let first = data.read_at::<ProgramHeader64<LE>>(offset).ok();
    let bytes = first.and_then(|first| first.p_offset(LE).checked_sub(offset)).filter(|bytes| *bytes != 0);
    bytes
        .filter(|bytes| bytes % PROGRAM_HEADER_SIZE_64 == 0)
        .map(|bytes| bytes / PROGRAM_HEADER_SIZE_64)
        .ok_or_else(|| {
            Refusal::Malformed(format!(
                "the number of program headers is in section header 0 at offset {section_offset}, \
                 and the file ends after {}",
                data.len()
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(data: &[u8]) -> Refusal {
        Headers::parse(data).unwrap_err()
    }

    #[test]
    fn names_what_is_no_elf_file() {
        assert_eq!(refusal(b""), Refusal::NotElf("an empty file"));
        assert_eq!(refusal(b"#!/bin/sh\necho hello\n"), Refusal::NotElf("a text file"));
        assert_eq!(refusal(b"\x1f\x8b\x08\0\0\0"), Refusal::NotElf("a gzip file"));
        assert_eq!(refusal(&[0; 600]), Refusal::NotElf("a file that begins with zeros"));
        assert_eq!(refusal(b"\x01\x02\x03"), Refusal::NotElf("a file of unknown kind"));
    }

    #[test]
    fn a_header_cut_anywhere_is_an_error() {
        let mut header = [0_u8; 64];
        header[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        header[16] = 4; // e_type: ET_CORE
        header[18] = 62; // e_machine: EM_X86_64
        assert!(Headers::parse(&header).is_ok());
        for len in 0..64 {
            assert!(Headers::parse(&header[..len]).is_err(), "{len} bytes");
        }
    }
}
