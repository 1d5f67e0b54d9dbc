//! Where the `Isolate` of a heap is, and its table of roots: found by what they contain.
//!
//! The `Heap` is a member of the `Isolate`, and between the start of the one and of the other lie tables of roots, external
//! references and builtins (V8: `src/execution/isolate-data.h`), which a backport lengthens by an entry or two. So their
//! distance is no property of a version, and nothing here counts on it:
//!
//! ```text
//!   Isolate +0   cage base
//!           +8   StackGuard::isolate_ -----> Isolate         the mark: a structure that holds its own address
//!           ...
//!           roots table: undefined, maps, ... -----> read-only pages
//!           external references, builtins
//!   Heap    ...  Heap::isolate_ -----------> Isolate
//! ```
//!
//! A word at the head of the `Heap` that points back to a structure with that mark is `Heap::isolate_`. Beside it stands what
//! threads say: V8 keeps a thread-local pointer to the isolate that a thread is in. Where both can be read they agree in
//! every release looked at; if they do not, what the heap says counts, and the status says so.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use core_reader::{Address, Memory};

use super::page::Page;
use super::{CAGE, Directory, Isolate, readable_words};
use crate::Tagged;
use crate::layout::{Kind, Layout, WordModel};
use crate::tagged::Encoding;

/// The `Heap` is at most this far behind the start of its `Isolate`, in bytes (0xa300 to 0xfc20 in V8 9.4 to 15.8).
const LARGEST_DISTANCE: u64 = 0x2_0000;
/// `Heap::isolate_` is in this part of the `Heap`, in bytes (at 8 to 0x50).
const HEAD_OF_HEAP: u64 = 0x100;
/// The address of the isolate is in this part of it, in bytes (at 8; V8 9 had it at 0x38).
const HEAD_OF_ISOLATE: u64 = 0x40;
/// A value that stands this often around a heap may be its isolate (5 to 23 times in V8 9.4 to 14.6, others up to 3 times).
const ENOUGH_VOTES: usize = 4;
/// Words behind the start of the `Heap` that take part in the vote, in bytes.
const VOTING_TAIL: u64 = 0x4000;

/// By what the address of an isolate is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundBy {
    /// `Heap::isolate_` leads to a structure that holds its own address; a thread is in it.
    HeapAndThread,
    /// `Heap::isolate_` leads to a structure that holds its own address.
    Heap,
    /// The thread-local pointer of a thread.
    Thread,
    /// No other address stands as often in the memory around the heap.
    Frequency,
    /// It is not known: the core lacks the memory.
    Nothing,
}

impl fmt::Display for FoundBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FoundBy::HeapAndThread => "found from its heap, confirmed by a thread",
            FoundBy::Heap => "found from its heap",
            FoundBy::Thread => "found from a thread",
            FoundBy::Frequency => "found as the address that stands most often around its heap",
            FoundBy::Nothing => "not found; its heap stands for it",
        })
    }
}

/// The address of the isolate that has its `Heap` at `heap`; `current` are the isolates that threads say they are in.
pub(super) fn isolate_of(memory: &dyn Memory, heap: u64, current: &[u64]) -> (u64, FoundBy) {
    let in_front = |address: u64| address < heap && heap - address < LARGEST_DISTANCE;
    let holds_itself = |address: u64| {
        readable_words(memory, address, address.saturating_add(HEAD_OF_ISOLATE))
            .iter()
            .any(|(_, word)| *word == address)
    };
    let head = readable_words(memory, heap, heap.saturating_add(HEAD_OF_HEAP));
    let marked = head
        .iter()
        .map(|(_, word)| *word)
        .filter(|word| word.is_multiple_of(8) && in_front(*word) && holds_itself(*word));
    let mut marked: Vec<u64> = marked.collect();
    marked.sort_unstable();
    marked.dedup();
    let by_thread = || current.iter().copied().filter(|isolate| in_front(*isolate)).max();
    match *marked {
        [only] if current.contains(&only) => (only, FoundBy::HeapAndThread),
        [only] => (only, FoundBy::Heap),
        _ => match by_thread() {
            Some(isolate) => (isolate, FoundBy::Thread),
            None => match most_frequent(memory, heap) {
                Some(isolate) => (isolate, FoundBy::Frequency),
                None => (heap, FoundBy::Nothing),
            },
        },
    }
}

/// The cage of an isolate, which is the first that it says of itself (V8: `IsolateData::cage_base_`): 0 where pointers are whole
/// addresses. Its pages are in the cage, but for those of machine code, and in a sandbox those of trusted objects.
pub(super) fn cage(
    memory: &dyn Memory,
    words: WordModel,
    pages: &[Page<'_>],
    isolate: &Isolate,
) -> Option<u64> {
    let base = memory.read_u64(Address(isolate.address)).ok()?;
    let inside = |page: &&Page<'_>| page.base >= base && page.base - base < CAGE;
    let own = || pages.iter().filter(|page| page.heap == isolate.heap);
    let inside = own().filter(inside).count();
    let is_cage = base != 0
        && base.is_multiple_of(CAGE)
        && inside > if words.sandboxed { 0 } else { own().count() / 2 };
    is_cage.then_some(base)
}

/// The cage that an address is in, if it is in one.
pub(super) fn cage_of(address: u64) -> u64 {
    address & !(CAGE - 1)
}

/// The address in front of the heap that stands most often in the memory around it.
fn most_frequent(memory: &dyn Memory, heap: u64) -> Option<u64> {
    let mut votes: HashMap<u64, usize> = HashMap::new();
    let around =
        readable_words(memory, heap.saturating_sub(LARGEST_DISTANCE), heap.saturating_add(VOTING_TAIL));
    for (_, word) in around {
        if word.is_multiple_of(8) && word < heap && heap - word < LARGEST_DISTANCE {
            *votes.entry(word).or_default() += 1;
        }
    }
    let (isolate, count) = votes.into_iter().max_by_key(|(address, count)| (*count, *address))?;
    (count >= ENOUGH_VOTES).then_some(isolate)
}

/// The table of roots of an isolate, as addresses: nothing if there is none to be seen.
///
/// Of the runs of pointers to read-only objects it is the one with the most maps. (Not the longest: where the builtins are
/// read-only, so is their table.) It begins with `undefined` and the hole, or with the map of free space, and goes on as long as
/// its words are tagged (V8: `ROOT_LIST` of `src/roots/roots.h`).
pub(super) fn roots_table(
    memory: &dyn Memory,
    layout: &Layout,
    pages: &[Page<'_>],
    directory: &Directory,
    isolate: Range<u64>,
) -> Range<u64> {
    let words = readable_words(memory, isolate.start, isolate.end);
    let page = |word: u64| {
        let address = Tagged(word).strong()?;
        let page = &pages[directory.find(address)?];
        (page.area_start <= address && address < page.area_end).then_some(page)
    };
    let is_read_only = |word: u64| page(word).is_some_and(|page| page.is_read_only());
    let follows = |index: usize| words[index].0 == words[index - 1].0 + 8;
    let mut best: Option<(usize, Range<usize>)> = None;
    let mut index = 0;
    while index < words.len() {
        if !is_read_only(words[index].1) {
            index += 1;
            continue;
        }
        let end = (index + 1..words.len())
            .find(|&next| !follows(next) || !is_read_only(words[next].1))
            .unwrap_or(words.len());
        let maps = words[index..end].iter().filter(|(_, word)| is_map(memory, layout, Tagged(*word))).count();
        if best.as_ref().is_none_or(|(most, _)| maps > *most) {
            best = Some((maps, index..end));
        }
        index = end;
    }
    let Some((_, run)) = best.filter(|(maps, _)| *maps > 0) else {
        return isolate.start..isolate.start;
    };
    let first = run.start + padding(memory, layout, &words[run.clone()]);
    let is_tagged = |word: u64| Tagged(word).smi().is_some() || page(word).is_some();
    let end = (run.end..words.len())
        .find(|&next| !follows(next) || !is_tagged(words[next].1))
        .unwrap_or(words.len());
    // The first external reference is the null address, which looks like a Smi.
    let end = if end > run.end && words[end - 1].1 == 0 { end - 1 } else { end };
    words[first].0..words[end - 1].0 + 8
}

/// How many words of a run belong to fields in front of the table: they hold `undefined` as long as nobody uses them.
fn padding(memory: &dyn Memory, layout: &Layout, run: &[(u64, u64)]) -> usize {
    let undefined = run[0].1;
    if is_map(memory, layout, Tagged(undefined)) {
        return 0;
    }
    let first_other = run.iter().position(|(_, word)| *word != undefined).unwrap_or(0);
    let begins_with_maps =
        run.get(first_other).is_some_and(|(_, word)| is_map(memory, layout, Tagged(*word)));
    if begins_with_maps { first_other } else { first_other.saturating_sub(1) }
}

/// Whether a word points to a map: an object whose map is a meta map.
pub(super) fn is_map(memory: &dyn Memory, layout: &Layout, word: Tagged) -> bool {
    let read = |at: u64| first_word(memory, layout, at);
    let meta = word.strong().and_then(read).and_then(Tagged::strong);
    meta.is_some_and(|meta| {
        read(meta) == Some(Tagged::pointer(meta))
            && instance_type(memory, layout, meta) == Some(layout.map_type())
    })
}

/// The first word of the object at `address`: its map, which is in the cage that the object is in, if there is one.
pub(super) fn first_word(memory: &dyn Memory, layout: &Layout, address: u64) -> Option<Tagged> {
    match layout.fields.words {
        WordModel::FULL => memory.read_u64(Address(address)).ok().map(Tagged),
        _ => {
            let word = memory.read_u32(Address(address)).ok()?;
            Encoding::Caged(cage_of(address)).first(&word.to_le_bytes())
        }
    }
}

/// Whether an object starts at `address`, as far as its map tells.
pub(super) fn is_object(memory: &dyn Memory, layout: &Layout, address: u64) -> bool {
    first_word(memory, layout, address).is_some_and(|map| is_map(memory, layout, map))
}

/// The instance type that the map at `map` gives its objects.
pub(super) fn instance_type(memory: &dyn Memory, layout: &Layout, map: u64) -> Option<u16> {
    let mut bytes = [0; 2];
    memory.read_into(Address(map.checked_add(layout.fields.map_instance_type)?), &mut bytes).ok()?;
    Some(u16::from_le_bytes(bytes))
}

/// Addresses of the read-only maps of objects of this kind.
pub(super) fn read_only_maps(
    memory: &dyn Memory,
    layout: &Layout,
    pages: &[Page<'_>],
    kind: Kind,
) -> Vec<u64> {
    let mut maps = Vec::new();
    let pieces = pages
        .iter()
        .filter(|page| page.is_read_only())
        .flat_map(|page| page.pieces.iter().map(|piece| (page.encoding, piece)));
    for (encoding, piece) in pieces {
        for (index, word) in encoding.each(piece.bytes).enumerate() {
            let address = piece.start + encoding.size() * index as u64;
            // The map of a read-only map is the one meta map that all isolates share.
            let Some(meta) = word.strong() else { continue };
            if first_word(memory, layout, meta) == Some(word)
                && is_map(memory, layout, Tagged::pointer(address))
                && instance_type(memory, layout, address)
                    .and_then(|number| layout.type_info(number))
                    .is_some_and(|info| info.kind == kind)
            {
                maps.push(address);
            }
        }
    }
    maps
}
