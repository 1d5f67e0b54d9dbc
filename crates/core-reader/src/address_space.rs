//! The address space of the dumped process: an address to its bytes in tens of nanoseconds.

use std::sync::Arc;

use crate::architecture::Architecture;
use crate::file_map::FileMap;
use crate::notes::file::MappedFile;
use crate::segments::{Extent, Source};
use crate::{Address, Contents, Memory, MemoryError, MemoryRange};

/// Bytes that lie side by side both in memory and in one image, whatever mappings they belong to.
#[derive(Clone, Copy, Debug)]
struct Piece {
    end: u64,
    image: usize,
    offset: usize,
}

/// The memory of a dumped process: the core, and the binaries for what the core leaves out.
#[derive(Debug)]
pub struct AddressSpace {
    architecture: &'static Architecture,
    /// Image 0 is the core.
    images: Vec<Arc<FileMap>>,
    /// First address of each piece, apart from the rest so that the search touches few cache lines.
    starts: Vec<u64>,
    pieces: Vec<Piece>,
    ranges: Vec<MemoryRange>,
}

impl AddressSpace {
    /// `extents` and `files` are sorted and do not overlap.
    pub(crate) fn new(
        architecture: &'static Architecture,
        images: Vec<Arc<FileMap>>,
        extents: &[Extent],
        files: &[MappedFile],
    ) -> AddressSpace {
        let mut space = AddressSpace {
            architecture,
            images,
            starts: Vec::with_capacity(extents.len()),
            pieces: Vec::with_capacity(extents.len()),
            ranges: Vec::with_capacity(extents.len()),
        };
        for extent in extents {
            space.add_piece(extent);
            space.add_range(extent, files);
        }
        space.starts.shrink_to_fit();
        space.pieces.shrink_to_fit();
        space.ranges.shrink_to_fit();
        space
    }

    fn add_piece(&mut self, extent: &Extent) {
        let Source::Image { image, offset } = extent.source else { return };
        if let (Some(last), Some(start)) = (self.pieces.last_mut(), self.starts.last()) {
            let continues = last.end == extent.start
                && last.image == image
                && last.offset + (last.end - start) as usize == offset;
            if continues {
                last.end = extent.end;
                return;
            }
        }
        self.starts.push(extent.start);
        self.pieces.push(Piece { end: extent.end, image, offset });
    }

    fn add_range(&mut self, extent: &Extent, files: &[MappedFile]) {
        let contents = match extent.source {
            Source::Image { image: 0, .. } => Contents::Dumped,
            Source::Image { .. } => Contents::FromBinary,
            Source::NotDumped => Contents::NotDumped,
            Source::NoAccess => Contents::NoAccess,
            Source::Truncated => Contents::Truncated,
        };
        let index = files.partition_point(|file| file.start.0 <= extent.start);
        let file = index.checked_sub(1).map(|index| &files[index]).filter(|file| extent.start < file.end.0);
        let path = file.map(|file| &file.path);
        let piece_start = match extent.source {
            Source::Image { .. } => self.starts.last().copied().unwrap_or_default(),
            _ => 0,
        };
        if let Some(last) = self.ranges.last_mut() {
            let continues = last.end.0 == extent.start
                && last.permissions == extent.permissions
                && last.contents == contents
                && last.file.as_ref() == path
                && piece_start <= last.start.0;
            if continues {
                last.end = Address(extent.end);
                return;
            }
        }
        self.ranges.push(MemoryRange {
            start: Address(extent.start),
            end: Address(extent.end),
            permissions: extent.permissions,
            contents,
            file: path.cloned(),
        });
    }

    /// Where the bytes from `at` on are: the image, the offset in it, and how many follow.
    pub(crate) fn locate(&self, at: Address) -> Option<(&Arc<FileMap>, usize, usize)> {
        let index = self.starts.partition_point(|start| *start <= at.0).checked_sub(1)?;
        let piece = self.pieces[index];
        let behind = at.0 - self.starts[index];
        (at.0 < piece.end)
            .then(|| (&self.images[piece.image], piece.offset + behind as usize, (piece.end - at.0) as usize))
    }

    /// Where the first piece of memory that can be read behind `at` begins.
    pub(crate) fn next_piece(&self, at: u64) -> Option<u64> {
        self.starts.get(self.starts.partition_point(|start| *start <= at)).copied()
    }

    /// The parts of `[from, to)` that the core has bytes for, as start and length. What lies between is zero, and was left out of the
    /// file: the kernel leaves a hole for every page that the process did not have in memory.
    pub fn stored(&self, from: Address, to: Address) -> Vec<(Address, u64)> {
        let mut found = Vec::new();
        for (start, length) in self.readable(from, to) {
            let mut at = start.0;
            while let Some((image, offset, len)) =
                Some(at).filter(|at| *at < start.0 + length).and_then(|at| self.locate(Address(at)))
            {
                let len = len.min((start.0 + length - at) as usize);
                let parts = image.stored(offset, len).into_iter();
                found.extend(parts.map(|(part, bytes)| (Address(at + (part - offset) as u64), bytes as u64)));
                at += len as u64;
            }
        }
        found
    }

    /// Whether holes of the core tell what the process had in memory.
    pub fn has_holes(&self) -> bool {
        self.images.first().is_some_and(|core| core.has_holes())
    }

    /// The range that holds `at`.
    pub fn range_at(&self, at: Address) -> Option<&MemoryRange> {
        let index = self.ranges.partition_point(|range| range.start <= at).checked_sub(1)?;
        Some(&self.ranges[index]).filter(|range| at < range.end)
    }

    /// The C string at `at`, at most `limit` bytes; invalid UTF-8 is replaced. `None` if its first byte is missing.
    pub(crate) fn c_string(&self, at: Address, limit: usize) -> Option<String> {
        let mut bytes = Vec::new();
        let mut from = at;
        while bytes.len() < limit {
            let Ok(piece) = self.bytes_from(from) else { break };
            let piece = &piece[..piece.len().min(limit - bytes.len())];
            if let Some(end) = memchr::memchr(0, piece) {
                bytes.extend_from_slice(&piece[..end]);
                return Some(String::from_utf8_lossy(&bytes).into_owned());
            }
            bytes.extend_from_slice(piece);
            from = from.checked_add(piece.len() as u64)?;
        }
        (!bytes.is_empty()).then(|| String::from_utf8_lossy(&bytes).into_owned())
    }

    #[cold]
    fn why_missing(&self, at: Address) -> MemoryError {
        match self.range_at(at).map(|range| range.contents) {
            None => MemoryError::Unmapped(at),
            Some(Contents::Truncated) => MemoryError::Truncated(at),
            Some(Contents::NoAccess) => MemoryError::NoAccess(at),
            Some(_) => MemoryError::NotDumped(at),
        }
    }
}

impl Memory for AddressSpace {
    fn architecture(&self) -> &'static Architecture {
        self.architecture
    }

    fn bytes_from(&self, at: Address) -> Result<&[u8], MemoryError> {
        match self.locate(at).and_then(|(image, offset, len)| image.get(offset..)?.get(..len)) {
            Some(bytes) => Ok(bytes),
            None => Err(self.why_missing(at)),
        }
    }

    fn ranges(&self) -> &[MemoryRange] {
        &self.ranges
    }

    fn peek(&self, at: Address, buffer: &mut [u8]) -> Result<(), MemoryError> {
        match self.locate(at) {
            Some((image, offset, present)) if present >= buffer.len() && image.peek(offset, buffer) => Ok(()),
            _ => self.read_into(at, buffer),
        }
    }

    fn will_read(&self, at: Address, len: usize) {
        if let Some((image, offset, present)) = self.locate(at) {
            image.populate(offset, len.min(present));
        }
    }
}
