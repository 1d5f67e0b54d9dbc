//! Where the lines of a source end, found once for each source.

use std::sync::{Arc, PoisonError, RwLock};

use crate::Tagged;
use crate::address_map::AddressMap;

/// Lines of all scripts that are remembered: beyond, they are counted anew.
const MOST_LINES: usize = 1 << 24;

/// Where the lines of a source end: the position of each terminator, of a pair its last; and the length of the source.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lines {
    pub(crate) ends: Vec<u32>,
}

impl Lines {
    /// The lines of a text given in pieces.
    pub(crate) fn add(&mut self, units: impl Iterator<Item = u16>, state: &mut Counting) {
        for unit in units {
            if state.after_return && unit != u16::from(b'\n') {
                self.ends.push(state.position - 1);
            }
            state.after_return = unit == u16::from(b'\r');
            if matches!(unit, 0x0a | 0x2028 | 0x2029) {
                self.ends.push(state.position);
            }
            state.position += 1;
        }
    }

    pub(crate) fn finish(&mut self, state: &Counting) {
        if state.after_return {
            self.ends.push(state.position - 1);
        }
        // The last line ends with the source.
        self.ends.push(state.position);
    }

    /// Number of lines; text behind the last terminator is a line even if it is empty.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// Line and column of a position, both from 0; `None` behind the end of the source.
    pub fn place(&self, position: u32) -> Option<(u32, u32)> {
        let line = self.ends.partition_point(|end| *end < position);
        (line < self.ends.len()).then(|| (line as u32, position - self.start(line)))
    }

    /// Where a line begins.
    fn start(&self, line: usize) -> u32 {
        match line.checked_sub(1) {
            Some(before) => self.ends[before] + 1,
            None => 0,
        }
    }

    /// The range of a line, from 0, with its terminator but for a `\n` that follows a `\r`; `None` if there is no such line.
    pub fn range(&self, line: usize) -> Option<(u32, u32)> {
        let end = *self.ends.get(line)?;
        Some((self.start(line), end))
    }
}

/// What of a source has been seen.
#[derive(Default)]
pub(crate) struct Counting {
    pub(crate) position: u32,
    pub(crate) after_return: bool,
}

/// The lines of sources, by the address of the string.
#[derive(Debug, Default)]
pub(crate) struct KnownLines(RwLock<(AddressMap<Arc<Lines>>, usize)>);

impl KnownLines {
    pub fn get(&self, source: Tagged) -> Option<Arc<Lines>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).0.get(&source.0).cloned()
    }

    pub fn keep(&self, source: Tagged, lines: Arc<Lines>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.1 + lines.count() > MOST_LINES {
            *known = Default::default();
        }
        known.1 += lines.count();
        known.0.insert(source.0, lines);
    }
}
