//! An executable or library on disk, to be matched against what the core says was mapped.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use object::LittleEndian as LE;
use object::ReadRef;
use object::elf::{self, FileHeader64, SectionHeader64};
use object::read::elf::{FileHeader as _, SectionHeader as _};

use crate::Error;
use crate::build_id::BuildId;
use crate::container::open_file;
use crate::elf::{Headers, Kind, Refusal, Segment};
use crate::file_map::FileMap;

/// An ELF file that can be loaded as a program or library.
#[derive(Clone, Debug)]
pub(crate) struct Binary {
    pub path: PathBuf,
    pub map: Arc<FileMap>,
    pub headers: Arc<Headers>,
    pub build_id: Option<BuildId>,
    /// A file made by `objcopy --only-keep-debug`: its headers speak of contents that it does not hold.
    pub symbols_only: bool,
}

impl Binary {
    /// Opens and reads the headers; nothing else is touched.
    pub fn open(path: &Path) -> Result<Binary, Error> {
        let file = open_file(path, "an executable")?;
        let map = FileMap::of(&file).map_err(|source| Error::Io {
            action: "map",
            path: path.to_owned(),
            source,
        })?;
        let wrong = |found: String, advice: &str| Error::WrongFile {
            path: path.to_owned(),
            found,
            wanted: "an executable",
            advice: advice.to_owned(),
        };
        let headers = Headers::parse(&map).map_err(|refusal| match refusal {
            Refusal::NotElf(found) => wrong(found.to_owned(), "give the ELF executable that dumped core"),
            Refusal::OtherMachine(found) => wrong(found, "give the executable that dumped core"),
            Refusal::Malformed(problem) => Error::Malformed {
                path: path.to_owned(),
                problem,
                advice: "the executable is damaged, copy it again",
            },
        })?;
        match headers.kind {
            Kind::Executable | Kind::Shared => {}
            Kind::Core => {
                return Err(wrong("a core dump".to_owned(), "the executable comes before the core"));
            }
            Kind::Relocatable => {
                return Err(wrong("an object file (.o)".to_owned(), "give the linked executable"));
            }
            Kind::Other(kind) => {
                return Err(wrong(format!("an ELF file of type {kind}"), "give the executable"));
            }
        }
        let build_id = headers.of_kind(Segment::NOTE).find_map(|segment| {
            let from = usize::try_from(segment.offset).ok()?;
            let len = usize::try_from(segment.file_size).ok()?;
            BuildId::among(map.get(from..from.checked_add(len)?)?)
        });
        let symbols_only = sections(&map).iter().any(|section| {
            section.sh_type(LE) == elf::SHT_NOBITS && section.sh_flags(LE).0 & elf::SHF_EXECINSTR.0 != 0
        });
        // The build-id of a symbol file is in a section; its program headers point nowhere.
        let build_id = build_id.or_else(|| {
            sections(&map)
                .iter()
                .filter(|section| section.sh_type(LE) == elf::SHT_NOTE)
                .find_map(|section| BuildId::among(section.data(LE, &*map).ok()?))
        });
        Ok(Binary {
            path: path.to_owned(),
            map: Arc::new(map),
            headers: Arc::new(headers),
            build_id,
            symbols_only,
        })
    }

    /// Offset in the file of the bytes that are loaded at `vaddr` (an address before the load bias is added).
    pub fn offset_of(&self, vaddr: u64) -> Option<usize> {
        self.headers.of_kind(Segment::LOAD).find_map(|segment| {
            let behind = vaddr.checked_sub(segment.vaddr).filter(|behind| *behind < segment.file_size)?;
            usize::try_from(segment.offset.checked_add(behind)?).ok()
        })
    }

    /// The static symbol table: byte ranges of the symbols and of their names.
    pub fn static_symbols(&self) -> Option<(std::ops::Range<usize>, std::ops::Range<usize>)> {
        let sections = sections(&self.map);
        let table = sections.iter().find(|section| section.sh_type(LE) == elf::SHT_SYMTAB)?;
        let names = sections.get(table.sh_link(LE) as usize)?;
        let range = |section: &SectionHeader64<LE>| {
            let start = usize::try_from(section.sh_offset(LE)).ok()?;
            let end = start.checked_add(usize::try_from(section.sh_size(LE)).ok()?)?;
            (end <= self.map.len()).then_some(start..end)
        };
        Some((range(table)?, range(names)?))
    }
}

/// The section headers, or none if the file has none that make sense.
fn sections(data: &[u8]) -> &[SectionHeader64<LE>] {
    data.read_at::<FileHeader64<LE>>(0)
        .ok()
        .and_then(|header| header.section_headers(LE, data).ok())
        .unwrap_or_default()
}
