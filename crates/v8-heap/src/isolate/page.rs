//! One page of a V8 heap (V8: `MemoryChunk`, `MutablePageMetadata`, `src/heap/*chunk*.h`).

use core_reader::{Address, Contents, Memory};

use super::PAGE_SIZE;
use super::metadata_table::MetadataTable;
use crate::layout::{HeaderPlace, Layout, SelfCheck};
use crate::tagged::{ADDRESS_LIMIT, Encoding};

/// No object is larger (`FixedArray::kMaxLength`, `JSArrayBuffer` aside, stays far below), in bytes.
const LARGEST_PAGE: u64 = 8 << 30;

/// What a page's objects are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageState {
    /// Holds objects.
    InUse,
    /// Part of a semispace that is not in use: stale copies only.
    Stale,
    /// In no list of pages any more: V8 has emptied it and is about to give it back. Stale copies only.
    Left,
}

/// Memory of a page that the core holds in one piece.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'t> {
    /// Address of the first byte.
    pub start: u64,
    /// The bytes.
    pub bytes: &'t [u8],
}

impl<'t> Piece<'t> {
    /// `len` bytes at `address`, if the piece has them.
    #[inline]
    pub fn slice(&self, address: u64, len: usize) -> Option<&'t [u8]> {
        let offset = usize::try_from(address.checked_sub(self.start)?).ok()?;
        self.bytes.get(offset..offset.checked_add(len)?)
    }

    /// The bytes at `address` and behind it, if the piece has any.
    #[inline]
    pub fn from(&self, address: u64) -> Option<&'t [u8]> {
        self.bytes.get(usize::try_from(address.checked_sub(self.start)?).ok()?..)
    }

    /// First address behind the piece.
    pub fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

/// A page and the memory its objects are in.
#[derive(Clone, Debug)]
pub struct Page<'t> {
    /// First address, a multiple of 256 KiB.
    pub base: u64,
    /// Bytes, header included.
    pub size: u64,
    /// First address an object can have.
    pub area_start: u64,
    /// First address behind the last object.
    pub area_end: u64,
    /// The `Heap` it belongs to; 0 for read-only pages that all heaps share.
    pub heap: u64,
    /// The space object that owns it; 0 if none.
    pub owner: u64,
    /// The address by which other pages and the space refer to it.
    pub(super) handle: u64,
    /// Handles of the next and the previous page of the space, 0 at the ends and where that is not known.
    pub(super) next: u64,
    pub(super) previous: u64,
    /// How its tagged words lie in memory.
    pub encoding: Encoding,
    /// `AllocationSpace` of the owner, if it can be told.
    pub space: Option<u8>,
    /// Holds one object only: its space is one of large objects. Where the space is not known, its flags say so.
    pub large: bool,
    /// Its flags say otherwise than its space does.
    pub odd_flags: bool,
    /// In the active semispace.
    pub to_space: bool,
    /// Worth of its objects.
    pub state: PageState,
    /// Its header was of no use: it was recognised by its objects.
    pub salvaged: bool,
    /// The parts of `[area_start, area_end)` that the core holds, in order. More than one where the page has guarded
    /// blocks (the holes of V8 14) or the core is damaged.
    pub pieces: Vec<Piece<'t>>,
    /// Bytes of `[area_start, area_end)` that nobody has access to: guarded blocks.
    pub guarded: u64,
    /// Stretches without objects, sorted: open allocation areas, and what lies behind the last one.
    pub unused: Vec<(u64, u64)>,
}

/// `RO_SPACE`
const READ_ONLY_SPACE: u8 = 0;

/// What a page header says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub handle: u64,
    pub flags: u64,
    pub size: u64,
    pub area_start: u64,
    pub area_end: u64,
    pub heap: u64,
}

/// Whether there is a page somewhere.
#[derive(Debug)]
pub(super) enum Recognition<'t> {
    /// There is.
    Page(Page<'t>),
    /// There is none, or one that belongs to nobody.
    Refused,
    /// The header is nonsense, or what it refers to cannot be read.
    Unsure(Option<Header>),
}

impl<'t> Page<'t> {
    /// The page at `base`, if the words there are a page header. `rest` is the memory from `base` on.
    pub(super) fn recognise(
        memory: &'t dyn Memory,
        layout: &Layout,
        table: Option<MetadataTable>,
        base: u64,
        rest: &'t [u8],
    ) -> Recognition<'t> {
        let in_page = |offset: u64| word_at(rest, offset as usize);
        let fields = &layout.page;
        let Some(flags) = in_page(fields.flags) else { return Recognition::Refused };
        let handle = match fields.header {
            HeaderPlace::InPage => base,
            HeaderPlace::Metadata { pointer } if layout.fields.words.sandboxed => {
                let number = in_page(pointer).map(|word| word as u32);
                match number.zip(table).and_then(|(number, table)| table.metadata(memory, number)) {
                    Some(block) => block,
                    None => return Recognition::Refused,
                }
            }
            HeaderPlace::Metadata { pointer } => match in_page(pointer) {
                Some(pointer) if pointer != 0 && pointer.is_multiple_of(8) => pointer,
                _ => return Recognition::Unsure(None),
            },
        };
        let header_bytes = match memory.bytes_from(Address(handle)) {
            _ if handle == base => rest,
            Ok(bytes) => bytes,
            Err(_) => return Recognition::Unsure(None),
        };
        let in_header = |offset: u64| word_at(header_bytes, offset as usize);
        let (Some(size), Some(area_start), Some(area_end), Some(heap), Some(owner)) = (
            in_header(fields.size),
            in_header(fields.area_start),
            in_header(fields.area_end),
            in_header(fields.heap),
            in_header(fields.owner),
        ) else {
            return Recognition::Unsure(None);
        };
        let header = Header { handle, flags, size, area_start, area_end, heap };
        if !header.is_consistent(memory, base)
            || (fields.self_check == SelfCheck::OwnAddress && in_page(8) != Some(base))
            || (fields.self_check == SelfCheck::SizeTwice && in_page(0) != Some(size))
            || (fields.self_check == SelfCheck::Heap && heap == 0)
        {
            return if handle == base { Recognition::Unsure(None) } else { Recognition::Refused };
        }
        let space = if heap == 0 {
            // Read-only pages are cut loose from their heap, if all heaps share them.
            Some(READ_ONLY_SPACE)
        } else if owner == 0 {
            // Kept for later, or about to be given back.
            return Recognition::Refused;
        } else {
            // A space knows its heap (`BaseSpace::heap_`) and which space it is (`id_`).
            let word = |offset| memory.read_u64(Address(owner.checked_add(offset)?)).ok();
            match (word(fields.space_heap), word(fields.space_id)) {
                (Some(owning_heap), Some(id)) if owning_heap == heap => {
                    u8::try_from(id as u32).ok().filter(|id| usize::from(*id) < layout.space_names.len())
                }
                (Some(_), Some(_)) => return Recognition::Refused,
                _ => return Recognition::Unsure(Some(header)),
            }
        };
        let has = |flag: u64| flags & flag != 0;
        let large =
            space.map_or(has(layout.large_page), |space| layout.has_large_objects(space)) || size > PAGE_SIZE;
        // Of the young generation a page is in one of the two semispaces, of all else in none.
        let semispaces = u8::from(has(layout.from_page)) + u8::from(has(layout.to_page));
        let odd_flags = large != has(layout.large_page)
            || (layout.read_only_page != 0 && (space == Some(READ_ONLY_SPACE)) != has(layout.read_only_page))
            || space.is_some_and(|space| u8::from(layout.is_young(space)) != semispaces);
        Recognition::Page(Page {
            base,
            size,
            area_start,
            area_end,
            heap,
            owner,
            handle,
            next: 0,
            previous: 0,
            encoding: Encoding::Whole,
            space,
            large,
            odd_flags,
            to_space: heap != 0 && has(layout.to_page),
            state: if heap != 0 && has(layout.from_page) { PageState::Stale } else { PageState::InUse },
            salvaged: false,
            pieces: pieces(memory, layout, area_start, area_end),
            guarded: guarded(memory, area_start, area_end),
            unused: Vec::new(),
        })
    }

    /// The page, as if the core held no more than `bytes` bytes of its objects from `from` on.
    pub(crate) fn only(&self, from: u64, bytes: u64) -> Page<'t> {
        let end = from.saturating_add(bytes);
        let inside = self.pieces.iter().filter(|piece| piece.start < end && piece.end() > from);
        let pieces = inside.map(|piece| {
            let start = piece.start.max(from);
            let length = (piece.end().min(end) - start) as usize;
            Piece { start, bytes: &piece.bytes[(start - piece.start) as usize..][..length] }
        });
        Page { pieces: pieces.collect(), unused: self.unused.clone(), ..*self }
    }

    /// The address by which other pages and the space refer to it: its own, or that of its metadata block.
    pub fn handle(&self) -> u64 {
        self.handle
    }

    /// Whether nothing on it ever changes.
    pub fn is_read_only(&self) -> bool {
        self.heap == 0 || self.space == Some(READ_ONLY_SPACE)
    }

    /// First address behind the page.
    pub(super) fn end(&self) -> u64 {
        self.base + self.size
    }

    /// Bytes of the object area that the core holds.
    pub fn present(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.bytes.len() as u64).sum()
    }

    /// Bytes of the object area that the process had and the core does not hold.
    pub fn missing(&self) -> u64 {
        (self.area_end - self.area_start).saturating_sub(self.present()).saturating_sub(self.guarded)
    }
}

impl Header {
    /// Whether the words fit each other, and the process had memory where the page would be.
    fn is_consistent(&self, memory: &dyn Memory, base: u64) -> bool {
        let Some(end) = base.checked_add(self.size) else { return false };
        end <= ADDRESS_LIMIT
            && base < self.area_start
            && self.area_start - base < 0x4000
            && self.area_start < self.area_end
            && self.area_end <= end
            && self.area_start.is_multiple_of(4)
            && self.area_end.is_multiple_of(4)
            && self.size.is_multiple_of(0x1000)
            && (0x1000..=LARGEST_PAGE).contains(&self.size)
            && (self.size <= PAGE_SIZE || super::is_mapped(memory, base, self.area_end))
    }
}

/// What the core holds of `[start, end)`.
pub(super) fn pieces<'t>(memory: &'t dyn Memory, layout: &Layout, start: u64, end: u64) -> Vec<Piece<'t>> {
    let word = layout.fields.words.tagged;
    let mut pieces: Vec<Piece<'t>> = Vec::new();
    let ranges = memory.ranges();
    let first = ranges.partition_point(|range| range.end.0 <= start);
    for range in ranges[first..].iter().take_while(|range| range.start.0 < end) {
        // Objects are made of whole words.
        let Some(from) = range.start.0.max(start).checked_next_multiple_of(word) else { break };
        // Permissions may change in the middle of a page, and of an object.
        if let Some(last) = pieces.last_mut().filter(|last| last.end() == from)
            && let Ok(bytes) = memory.bytes_from(Address(last.start))
        {
            let len = (bytes.len() as u64).min(range.end.0.min(end) - last.start) & !(word - 1);
            if len > last.bytes.len() as u64 {
                last.bytes = &bytes[..len as usize];
                continue;
            }
        }
        let Ok(bytes) = memory.bytes_from(Address(from)) else { continue };
        let len = (bytes.len() as u64).min(range.end.0.min(end).saturating_sub(from)) & !(word - 1);
        if len > 0 {
            pieces.push(Piece { start: from, bytes: &bytes[..len as usize] });
        }
    }
    pieces
}

/// Bytes of `[start, end)` that the process itself had no access to.
pub(super) fn guarded(memory: &dyn Memory, start: u64, end: u64) -> u64 {
    let ranges = memory.ranges();
    let first = ranges.partition_point(|range| range.end.0 <= start);
    let inside = ranges[first..].iter().take_while(|range| range.start.0 < end);
    inside
        .filter(|range| range.contents == Contents::NoAccess)
        .map(|range| range.end.0.min(end) - range.start.0.max(start))
        .sum()
}

fn word_at(bytes: &[u8], offset: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(offset..)?.first_chunk()?))
}
