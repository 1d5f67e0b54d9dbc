//! Collects roots, within bounds.

use std::collections::HashSet;

use core_reader::{Address, Memory};

use super::roots::{Root, RootKind, Roots};
use crate::index::ObjectTable;
use crate::isolate::Isolate;
use crate::view::View;

/// Bytes of lists of roots that are read in all. What says that it has more says so of the same memory again and again.
const MOST_BYTES: u64 = 1 << 30;

/// How far behind the `Heap` an isolate goes on at most, in bytes.
const MOST_HEAP_REACH: u64 = 0x6000;

/// What has been found so far, and what of it may still be read.
pub(super) struct Finder<'a, 't> {
    pub view: &'a View<'t>,
    pub table: &'a ObjectTable,
    pub memory: &'t dyn Memory,
    /// Isolates of which it is known what keeps the handles of C++ objects, so that these are no roots.
    pub with_cpp_heap: HashSet<u64>,
    pub found: Roots,
    /// Bytes that may still be read.
    pub budget: u64,
}

impl<'a, 't> Finder<'a, 't> {
    pub fn new(view: &'a View<'t>, table: &'a ObjectTable) -> Finder<'a, 't> {
        Finder {
            view,
            table,
            memory: view.memory(),
            with_cpp_heap: HashSet::new(),
            found: Roots::default(),
            budget: MOST_BYTES,
        }
    }

    pub fn word(&self, at: u64) -> Option<u64> {
        self.memory.read_u64(Address(at)).ok()
    }

    /// The object a strong pointer leads to, unless it can never die.
    pub fn target(&self, word: u64) -> Option<u32> {
        self.table.mortal_target(self.view.spaces(), word)
    }

    /// Whether a word is tagged: a small integer, or the address of an object.
    pub fn is_tagged(&self, word: u64) -> bool {
        word as u32 == 0
            || (word & 3 == 1
                && self
                    .view
                    .spaces()
                    .page_index(word - 1)
                    .is_some_and(|page| self.table.id_on_page(page, word - 1).is_some()))
    }

    pub fn add(&mut self, kind: RootKind, at: u64, word: u64) {
        if let Some(target) = self.target(word) {
            self.found.roots.push(Root { target, kind, at });
        }
    }

    /// All words of `[start, end)`, as far as they can be read. Returns whether all of them could.
    pub fn add_range(&mut self, kind: RootKind, start: u64, end: u64) -> bool {
        if !self.may_read(end.saturating_sub(start)) {
            return false;
        }
        self.found.memory.push((start, end));
        let (words, complete) = words_of(self.memory, start, end);
        for (at, word) in words {
            self.add(kind, at, word);
        }
        complete
    }

    /// Takes so many bytes from the budget, if there are any left.
    pub fn may_read(&mut self, bytes: u64) -> bool {
        match self.budget.checked_sub(bytes) {
            Some(left) => self.budget = left,
            None => {
                let lists = "the end of lists of roots that have no end".to_owned();
                if !self.found.missing.contains(&lists) {
                    self.found.missing.push(lists);
                }
                return false;
            }
        }
        true
    }
}

pub(super) fn read<const N: usize>(memory: &dyn Memory, at: u64) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    memory.read_into(Address(at), &mut bytes).ok()?;
    Some(bytes)
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// The words of an isolate, as far as the core has them, with their addresses.
pub(super) fn words_of_isolate(memory: &dyn Memory, isolate: &Isolate) -> Vec<(u64, u64)> {
    words_of(memory, isolate.address, isolate.heap.saturating_add(MOST_HEAP_REACH)).0
}

/// The words of `[start, end)` up to the first that cannot be read, with their addresses, and whether that is all of them.
pub(super) fn words_of(memory: &dyn Memory, start: u64, end: u64) -> (Vec<(u64, u64)>, bool) {
    let mut words = Vec::new();
    let mut at = start;
    while at < end {
        let Ok(piece) = memory.bytes_from(Address(at)) else { return (words, false) };
        let take = (piece.len() as u64).min(end - at) & !7;
        if take == 0 {
            return (words, false);
        }
        let chunks = piece[..take as usize].chunks_exact(8);
        words.extend(chunks.enumerate().map(|(index, word)| {
            (at + 8 * index as u64, u64::from_le_bytes(word.try_into().expect("chunks of eight")))
        }));
        at += take;
    }
    (words, true)
}
