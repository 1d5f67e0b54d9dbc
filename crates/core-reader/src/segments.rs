//! Turns the `PT_LOAD` program headers of a core into a sorted table of extents, and refines it with what the
//! binaries hold.
//!
//! One mapping can fall into several extents:
//!
//! ```text
//!  p_vaddr            + bytes in the file     + p_filesz               + p_memsz
//!  |---- dumped ------|------ truncated ------|------ not dumped ------|
//!                     ^ end of a file that was cut
//! ```
//!
//! Hostile headers may overlap: of two extents the one that begins first keeps the addresses.

use crate::Permissions;
use crate::elf::{Headers, Segment};
use crate::notes::file::MappedFile;

/// Where the bytes of an extent are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// In image number `image` at `offset`; image 0 is the core, all others are binaries.
    Image {
        image: usize,
        offset: usize,
    },
    NotDumped,
    NoAccess,
    Truncated,
}

impl Source {
    /// The same source, `distance` bytes further on.
    fn advanced(self, distance: u64) -> Source {
        match self {
            Source::Image { image, offset } => Source::Image { image, offset: offset + distance as usize },
            other => other,
        }
    }
}

/// A run of addresses with one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub start: u64,
    /// First address behind; greater than `start`.
    pub end: u64,
    pub permissions: Permissions,
    pub source: Source,
}

/// Contents that a binary can supply for a mapping that nobody wrote to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fill {
    pub start: u64,
    pub end: u64,
    pub permissions: Permissions,
    pub image: usize,
    pub offset: usize,
}

/// The extents of a core of `file_len` bytes, sorted, without overlap.
pub(crate) fn extents(headers: &Headers, file_len: u64) -> Vec<Extent> {
    let mut loads: Vec<&Segment> =
        headers.of_kind(Segment::LOAD).filter(|segment| segment.memory_size > 0).collect();
    loads.sort_by_key(|segment| segment.vaddr);
    let mut extents = Vec::with_capacity(loads.len());
    let mut free_from = 0;
    for segment in loads {
        let at = |size: u64| segment.vaddr.saturating_add(size.min(segment.memory_size));
        let present = file_len.saturating_sub(segment.offset).min(segment.file_size);
        let dumped = Source::Image { image: 0, offset: segment.offset.min(file_len) as usize };
        let parts = [
            (segment.vaddr, at(present), dumped),
            (at(present), at(segment.file_size), Source::Truncated),
            (at(segment.file_size), at(segment.memory_size), left_out(segment)),
        ];
        for (start, end, source) in parts {
            let cut = free_from.max(start);
            if cut < end {
                let source = source.advanced(cut - start);
                extents.push(Extent { start: cut, end, permissions: segment.permissions, source });
                free_from = end;
            }
        }
    }
    extents
}

/// What a program header says of the part of its mapping that is not in the file. The kernel writes memory that anybody ever
/// wrote to, whatever its permissions are now (`vma_dump_size`, `fs/coredump.c`): a mapping that has neither flags nor bytes
/// never held any.
fn left_out(segment: &Segment) -> Source {
    if segment.file_size == 0 && segment.permissions == Permissions::default() {
        Source::NoAccess
    } else {
        Source::NotDumped
    }
}

/// Adds the mapped files that have no program header at all: gdb leaves out mappings that it does not dump, where the
/// kernel writes a program header with `p_filesz` 0. Their permissions are unknown.
pub(crate) fn add_mapped_files(extents: &mut Vec<Extent>, files: &[MappedFile]) {
    let mut added = Vec::new();
    let mut next = 0;
    for file in files {
        while extents.get(next).is_some_and(|extent| extent.end <= file.start.0) {
            next += 1;
        }
        let mut free_from = file.start.0;
        let missing = |start: u64, end: u64| Extent {
            start,
            end,
            permissions: Permissions::default(),
            source: Source::NotDumped,
        };
        for extent in extents[next..].iter().take_while(|extent| extent.start < file.end.0) {
            if extent.start > free_from {
                added.push(missing(free_from, extent.start));
            }
            free_from = extent.end;
        }
        if free_from < file.end.0 {
            added.push(missing(free_from, file.end.0));
        }
    }
    extents.append(&mut added);
    extents.sort_by_key(|extent| extent.start);
}

/// Cuts the extents at the borders of mapped files and fills what binaries can supply. `fills` is sorted, without
/// overlap.
///
/// Memory that the process could write is never filled: its contents may differ from the file's.
pub(crate) fn refine(extents: &[Extent], files: &[MappedFile], fills: &[Fill]) -> Vec<Extent> {
    let mut borders: Vec<u64> = files.iter().flat_map(|file| [file.start.0, file.end.0]).collect();
    borders.extend(fills.iter().flat_map(|fill| [fill.start, fill.end]));
    borders.sort_unstable();
    borders.dedup();
    let mut refined = Vec::with_capacity(extents.len());
    for extent in extents {
        let first = borders.partition_point(|border| *border <= extent.start);
        let inside = borders[first..].iter().copied().take_while(|border| *border < extent.end);
        let mut start = extent.start;
        for end in inside.chain([extent.end]) {
            let mut part =
                Extent { start, end, source: extent.source.advanced(start - extent.start), ..*extent };
            // A file has contents whether or not the process may read them; and cores that `write` made of such of gdb's
            // know no permissions of the files that these leave out.
            let file = files.partition_point(|file| file.start.0 <= start).checked_sub(1);
            if part.source == Source::NoAccess && file.is_some_and(|index| start < files[index].end.0) {
                part.source = Source::NotDumped;
            }
            refined.push(filled(part, fills));
            start = end;
        }
    }
    refined
}

fn filled(part: Extent, fills: &[Fill]) -> Extent {
    if matches!(part.source, Source::Image { .. }) || part.permissions.write {
        return part;
    }
    let index = fills.partition_point(|fill| fill.start <= part.start);
    match index.checked_sub(1).map(|index| &fills[index]).filter(|fill| part.end <= fill.end) {
        Some(fill) => Extent {
            source: Source::Image { image: fill.image, offset: fill.offset }
                .advanced(part.start - fill.start),
            permissions: if part.permissions == Permissions::default() {
                fill.permissions
            } else {
                part.permissions
            },
            ..part
        },
        None => part,
    }
}
