//! Walking a page from object to object.
//!
//! A page is a gapless sequence: each object's map tells its size, and the next object starts behind it. Free memory is
//! part of the sequence (fillers and free-space objects). Where the sequence breaks (a page that was being swept, an
//! allocation area of a background thread, damage) the walk goes on at the next word that points to a map, and reports
//! the gap.

use crate::Tagged;
use crate::isolate::{Page, Piece};
use crate::layout::{Layout, ObjectBytes, SizeFormula, SpecialSize};
use crate::shape::map::{MapId, Maps};
use crate::tagged::{Caged, Encoding, TaggedWords, Whole};
use crate::words::Words;

/// A stretch of a page in which no objects could be found although there is something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// First address.
    pub start: u64,
    /// First address behind it.
    pub end: u64,
}

/// What a walk found in one page. Objects are in address order.
#[derive(Debug, Default)]
pub(crate) struct PageObjects {
    /// One bit for each word of the page's object area: an object starts here.
    pub starts: Vec<u64>,
    /// The map of each object.
    pub maps: Vec<MapId>,
    /// Bytes of the objects.
    pub object_bytes: u64,
    /// Bytes of free memory between objects.
    pub free_bytes: u64,
    /// Where the walk lost its way.
    pub gaps: Vec<Gap>,
    /// Logarithm of the bytes of a word.
    granule: u32,
}

impl PageObjects {
    /// Untagged addresses and maps of the objects found in a page whose object area starts at `area_start`.
    pub fn objects(&self, area_start: u64) -> impl Iterator<Item = (u64, MapId)> + '_ {
        set_bits(&self.starts)
            .map(move |bit| area_start + (bit << self.granule))
            .zip(self.maps.iter().copied())
    }

    fn clear(&mut self) {
        self.starts.clear();
        self.maps.clear();
        self.object_bytes = 0;
        self.free_bytes = 0;
        self.gaps.clear();
    }
}

/// Walks pages; keeps what it learns about maps from one page to the next. One for each thread.
pub(crate) struct Walker<'a> {
    words: Words<'a>,
    layout: &'a Layout,
    maps: &'a Maps,
    cache: SizeCache,
    pub found: PageObjects,
}

impl<'a> Walker<'a> {
    pub fn new(words: Words<'a>, layout: &'a Layout, maps: &'a Maps) -> Walker<'a> {
        let found = PageObjects { granule: layout.fields.words.granule(), ..PageObjects::default() };
        Walker { words, layout, maps, cache: SizeCache::new(), found }
    }

    /// Walks one page; what it holds is in `self.found` afterwards.
    pub fn walk(&mut self, page: &Page<'_>) {
        self.found.clear();
        match page.encoding {
            Encoding::Whole => self.walk_page(page, Whole),
            Encoding::Caged(base) => self.walk_page(page, Caged(base)),
        }
    }

    fn walk_page<W: TaggedWords>(&mut self, page: &Page<'_>, tagged: W) {
        // Where the last object ends: behind the end of its piece if the core lacks the rest of it.
        let mut reached = 0;
        for piece in &page.pieces {
            // What lies inside a large object is no object, whatever it looks like.
            if page.large && piece.start != page.area_start {
                break;
            }
            let mut from = piece.start.max(reached).min(piece.end());
            for &(start, end) in &page.unused {
                reached =
                    self.walk_stretch(tagged, page, piece, from, start.clamp(from, piece.end())).max(reached);
                from = end.clamp(from, piece.end());
            }
            reached = self.walk_stretch(tagged, page, piece, from, piece.end()).max(reached);
        }
    }

    /// Walks the addresses `[from, to)` of a piece of `page`. Returns where the last object ends.
    fn walk_stretch<W: TaggedWords>(
        &mut self,
        tagged: W,
        page: &Page<'_>,
        piece: &Piece<'_>,
        from: u64,
        to: u64,
    ) -> u64 {
        let stretch = Stretch {
            start: from,
            bytes: &piece.bytes[(from - piece.start) as usize..(to - piece.start) as usize],
            large: page.large,
        };
        // The core lacks what follows: the last object is one even if it reaches over there.
        let is_cut = to == piece.end() && to < page.area_end;
        let bytes = stretch.bytes;
        let first_bit = (from - page.area_start) as usize / W::SIZE;
        let mut at = 0;
        // Neighbours are often of one kind, or of two in turn. A right guess lets the processor go on to the next object
        // before the look-up is done.
        let mut recent = [NO_ENTRY; 2];
        while at + W::SIZE <= bytes.len() {
            let word = tagged.word(&bytes[at..at + W::SIZE]).0;
            let guess = if word == recent[0].word {
                Some(recent[0])
            } else if word == recent[1].word {
                Some(recent[1])
            } else {
                None
            };
            let entry = match guess.filter(|_| word != 0).or_else(|| self.cache.get(word)) {
                Some(entry) => {
                    if entry.word != recent[0].word {
                        recent = [entry, recent[0]];
                    }
                    entry
                }
                None => match self.learn(word) {
                    Some(entry) => entry,
                    None => {
                        at = self.resynchronise(tagged, &stretch, at);
                        continue;
                    }
                },
            };
            let size = match entry.formula.special {
                // Most objects: nothing to wait for but the map.
                None if entry.formula.mask == 0 => u64::from(entry.formula.base),
                None => {
                    // A count behind the end of the stretch cannot be one.
                    let count_at = at + usize::from(entry.formula.offset);
                    match bytes.get(count_at..count_at + 4) {
                        Some(count) => {
                            let count = u32::from_le_bytes([count[0], count[1], count[2], count[3]]);
                            entry.formula.apply(count, W::SIZE as u64)
                        }
                        None if is_cut => bytes.len() as u64,
                        None => 0,
                    }
                }
                Some(special) => self.special_size(tagged, special, &stretch, at).unwrap_or(0),
            };
            let free = (bytes.len() - at) as u64;
            if size < W::SIZE as u64 || size > free {
                let end = from.saturating_add(at as u64 + size);
                if size > free && is_cut && end <= page.area_end {
                    if entry.is_free {
                        self.found.free_bytes += free;
                    } else {
                        self.record(first_bit + at / W::SIZE, entry.id);
                        self.found.object_bytes += free;
                    }
                    return end;
                }
                at = self.resynchronise(tagged, &stretch, at);
                continue;
            }
            if entry.is_free {
                self.found.free_bytes += size;
            } else {
                self.record(first_bit + at / W::SIZE, entry.id);
                self.found.object_bytes += size;
            }
            at += size as usize;
            if page.large {
                break;
            }
        }
        from + at as u64
    }

    #[inline]
    fn record(&mut self, bit: usize, id: MapId) {
        let index = bit / 64;
        if index >= self.found.starts.len() {
            self.found.starts.resize(index + 1, 0);
        }
        self.found.starts[index] |= 1 << (bit % 64);
        self.found.maps.push(id);
    }

    /// Takes a map into the cache.
    #[cold]
    fn learn(&mut self, word: u64) -> Option<SizeEntry> {
        let id = self.maps.intern(&self.words, self.layout, Tagged(word))?;
        let map = self.maps.get(id);
        let formula = map.size?;
        let entry = SizeEntry { word, formula, id, is_free: map.kind.is_gap() };
        self.cache.insert(entry);
        Some(entry)
    }

    /// The next place after `at` where an object can start; notes the gap if anything but zeros is skipped.
    #[cold]
    fn resynchronise<W: TaggedWords>(&mut self, tagged: W, stretch: &Stretch<'_>, at: usize) -> usize {
        let bytes = stretch.bytes;
        let mut next = if stretch.large { bytes.len() } else { at + W::SIZE };
        while next + W::SIZE <= bytes.len() {
            let word = tagged.word(&bytes[next..next + W::SIZE]).0;
            if word & 3 == 1 && (self.cache.get(word).is_some() || self.learn(word).is_some()) {
                break;
            }
            next += W::SIZE;
        }
        let next = next.min(bytes.len());
        if bytes[at..next].iter().any(|byte| *byte != 0) {
            self.found.gaps.push(Gap { start: stretch.start + at as u64, end: stretch.start + next as u64 });
        } else {
            self.found.free_bytes += (next - at) as u64;
        }
        next
    }

    #[cold]
    fn special_size<W: TaggedWords>(
        &mut self,
        tagged: W,
        special: SpecialSize,
        stretch: &Stretch<'_>,
        at: usize,
    ) -> Option<u64> {
        let layout = self.layout;
        let bytes = &stretch.bytes[at..];
        let mut object = WalkedObject { walker: self, tagged, address: stretch.start + at as u64, bytes };
        layout.special_size(special, &mut object).ok().flatten()
    }
}

/// An object on the way of a walk, with all that is behind it.
struct WalkedObject<'o, 'a, W> {
    walker: &'o mut Walker<'a>,
    tagged: W,
    address: u64,
    bytes: &'o [u8],
}

impl<W: TaggedWords> ObjectBytes for WalkedObject<'_, '_, W> {
    /// The stretch ends before it.
    type Error = ();

    fn word32(&mut self, offset: u64, _: &'static str) -> Result<u32, ()> {
        let at = offset as usize;
        let bytes = self.bytes.get(at..at + 4).ok_or(())?;
        Ok(u32::from_le_bytes(bytes.try_into().expect("four bytes")))
    }

    fn tagged(&mut self, offset: u64, _: &'static str) -> Result<Tagged, ()> {
        let at = usize::try_from(offset).map_err(|_| ())?;
        self.bytes.get(at..).and_then(|bytes| self.tagged.first(bytes)).ok_or(())
    }

    fn room(&self) -> (u64, u64) {
        (self.address, self.bytes.len() as u64)
    }

    fn is_map_of_gap(&mut self, word: Tagged) -> bool {
        let word = word.0;
        let entry = self.walker.cache.get(word);
        let entry = entry.or_else(|| (word & 3 == 1).then(|| self.walker.learn(word)).flatten());
        entry.is_some_and(|entry| entry.is_free)
    }
}

/// Contiguous words of a page, all of them objects.
struct Stretch<'a> {
    start: u64,
    bytes: &'a [u8],
    /// All one object.
    large: bool,
}

/// All that the walk needs of a map.
#[derive(Clone, Copy, Debug)]
struct SizeEntry {
    word: u64,
    formula: SizeFormula,
    id: MapId,
    is_free: bool,
}

/// From map word to size: an open-addressed table, as this lookup is the inner loop.
struct SizeCache {
    slots: Vec<SizeEntry>,
    used: usize,
}

const NO_ENTRY: SizeEntry =
    SizeEntry { word: 0, formula: SizeFormula::fixed(0), id: MapId(0), is_free: false };

/// Room for the maps of a small page; a power of two. A large heap takes what it needs.
const FIRST_SLOTS: usize = 512;

impl SizeCache {
    fn new() -> SizeCache {
        SizeCache { slots: vec![NO_ENTRY; FIRST_SLOTS], used: 0 }
    }

    #[inline]
    fn slot(&self, word: u64) -> usize {
        (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & (self.slots.len() - 1)
    }

    #[inline]
    fn get(&self, word: u64) -> Option<SizeEntry> {
        // 0 marks a free slot and is no map word.
        if word == 0 {
            return None;
        }
        let mut slot = self.slot(word);
        loop {
            let entry = self.slots[slot];
            if entry.word == word {
                return Some(entry);
            }
            if entry.word == 0 {
                return None;
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }

    fn insert(&mut self, entry: SizeEntry) {
        if self.used * 2 >= self.slots.len() {
            let old = std::mem::replace(&mut self.slots, vec![NO_ENTRY; 0]);
            self.slots = vec![NO_ENTRY; old.len() * 2];
            self.used = 0;
            for entry in old.into_iter().filter(|entry| entry.word != 0) {
                self.insert(entry);
            }
        }
        let mut slot = self.slot(entry.word);
        while self.slots[slot].word != 0 {
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        self.slots[slot] = entry;
        self.used += 1;
    }
}

/// Numbers of the bits that are set, ascending.
pub(crate) fn set_bits(words: &[u64]) -> impl Iterator<Item = u64> + '_ {
    words.iter().enumerate().flat_map(|(index, &word)| {
        std::iter::successors((word != 0).then_some(word), |rest| {
            let rest = rest & (rest - 1);
            (rest != 0).then_some(rest)
        })
        .map(move |rest| 64 * index as u64 + u64::from(rest.trailing_zeros()))
    })
}
