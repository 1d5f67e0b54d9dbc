//! A long array of whole numbers in a file, as nodes and edges are: where each number is, and the numbers from one on.
//!
//! Nothing separates numbers but commas, so the commas in front of each piece of the file say which number is the first behind it.
//! Pieces are surveyed on all processors, and read from any number on.

use std::sync::{Mutex, PoisonError};

use super::contents::Contents;
use super::json::damaged;
use crate::index::parallel::in_turns;
use crate::{Error, Monitor, Result};

/// Bytes between two places at which it is known how many commas are in front.
const PIECE: usize = 1 << 16;
/// Pieces that are surveyed at once.
const PIECES: usize = 16;
/// Bytes that are read before the pages that they are in are given back.
const READ_AHEAD: usize = 1 << 22;

/// An array of numbers in the file.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    part: &'static str,
    /// From behind the opening bracket to the closing one.
    start: usize,
    end: usize,
    /// Commas in front of each piece.
    commas: Vec<u64>,
    /// How many numbers.
    pub count: u64,
}

impl Numbers {
    /// The array whose opening bracket is in front of `start`.
    ///
    /// # Errors
    /// It does not end; [`Error::Interrupted`].
    pub fn survey(
        contents: &Contents,
        start: usize,
        part: &'static str,
        monitor: &dyn Monitor,
    ) -> Result<Numbers> {
        let bytes: &[u8] = contents;
        let rest = bytes.get(start..).unwrap_or_default();
        let Some(length) = memchr::memchr(b']', rest) else {
            return Err(Error::SnapshotCut { part, at: bytes.len() as u64 });
        };
        let end = start + length;
        let pieces = length.div_ceil(PIECE);
        monitor.begin("looking over the snapshot", length as u64);
        let counts = Mutex::new(vec![0u64; pieces]);
        in_turns(
            pieces.div_ceil(PIECES),
            monitor,
            || (),
            |(), turn| {
                let first = turn * PIECES;
                let own = first..pieces.min(first + PIECES);
                let (from, to) = (start + own.start * PIECE, end.min(start + own.end * PIECE));
                contents.populate(from, to);
                let counted: Vec<u64> = bytes[from..to]
                    .chunks(PIECE)
                    .map(|piece| memchr::memchr_iter(b',', piece).count() as u64)
                    .collect();
                counts.lock().unwrap_or_else(PoisonError::into_inner)[own].copy_from_slice(&counted);
                contents.release(from, to);
                (to - from) as u64
            },
        )?;
        let mut commas = counts.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut sum = 0;
        for count in &mut commas {
            sum += std::mem::replace(count, sum);
        }
        let is_empty = sum == 0 && bytes[start..end].iter().all(u8::is_ascii_whitespace);
        let count = if is_empty { 0 } else { sum + 1 };
        Ok(Numbers { part, start, end, commas, count })
    }

    /// Where the array ends: its closing bracket.
    pub fn end(&self) -> usize {
        self.end
    }

    /// The numbers from the one with this index on.
    pub fn from<'a>(&self, contents: &'a Contents, index: u64) -> Reader<'a> {
        let bytes: &'a [u8] = contents;
        let mut at = self.start;
        if index > 0 {
            // The piece in which the comma in front of it is.
            let piece = self.commas.partition_point(|commas| *commas < index).saturating_sub(1);
            let before = self.commas.get(piece).copied().unwrap_or(0);
            let from = self.start + piece * PIECE;
            let nth = (index - before).saturating_sub(1) as usize;
            let found = memchr::memchr_iter(b',', &bytes[from..self.end]).nth(nth);
            at = found.map_or(self.end, |comma| from + comma + 1);
        }
        Reader { contents, bytes: &bytes[..self.end], at, given_back: at, part: self.part }
    }
}

/// Reads one number after the other.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    contents: &'a Contents,
    /// All up to the closing bracket.
    bytes: &'a [u8],
    at: usize,
    given_back: usize,
    part: &'static str,
}

impl Reader<'_> {
    /// The next number.
    ///
    /// # Errors
    /// There is none, or what is there is none.
    #[inline]
    pub fn next(&mut self) -> Result<u64> {
        let bytes = self.bytes;
        let mut at = self.at;
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
            at += 1;
        }
        let start = at;
        let mut number = 0u64;
        while let Some(byte) = bytes.get(at) {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
            at += 1;
        }
        // 19 digits fit whatever they are.
        if at == start || at - start > 19 {
            return Err(self.wrong(start));
        }
        match bytes.get(at) {
            Some(b',') => at += 1,
            None => {}
            Some(_) => {
                while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
                    at += 1;
                }
                match bytes.get(at) {
                    Some(b',') => at += 1,
                    None => {}
                    Some(_) => return Err(self.wrong(at)),
                }
            }
        }
        self.at = at;
        Ok(number)
    }

    /// Where it is, in bytes.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Gives pages back that have been read, if they are many.
    pub fn give_back(&mut self) {
        if self.at - self.given_back >= READ_AHEAD {
            self.contents.release(self.given_back, self.at);
            self.given_back = self.at;
        }
    }

    #[cold]
    fn wrong(&self, at: usize) -> Error {
        let found = match self.bytes.get(at) {
            None => "fewer numbers than there should be".to_owned(),
            Some(b'0'..=b'9') => "a number beyond 2^63".to_owned(),
            Some(byte) => format!("{:?} among its numbers", char::from(*byte)),
        };
        damaged(self.part, at, found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Unattended;

    fn array(text: &str) -> (Contents, Numbers) {
        let contents = Contents::Owned(text.as_bytes().to_vec());
        let numbers = Numbers::survey(&contents, 1, "test", &Unattended).unwrap();
        (contents, numbers)
    }

    #[test]
    fn numbers_are_found_by_their_index() {
        // Numbers of all lengths, so that pieces are cut everywhere.
        let wanted: Vec<u64> =
            (0..100_000u64).map(|index| index * index * 7919 % 10u64.pow(1 + (index % 12) as u32)).collect();
        for separator in [",", "\n,", ", "] {
            let text = wanted.iter().map(u64::to_string).collect::<Vec<_>>().join(separator);
            let (contents, numbers) = array(&format!("[{text}] "));
            assert!(text.len() > 4 * PIECE);
            assert_eq!(numbers.count, 100_000);
            let mut reader = numbers.from(&contents, 0);
            for number in &wanted {
                assert_eq!(reader.next().unwrap(), *number);
            }
            assert!(reader.next().is_err());
            for index in (0..100_000).step_by(997).chain([1, 99_999]) {
                assert_eq!(numbers.from(&contents, index).next().unwrap(), wanted[index as usize], "{index}");
            }
        }
    }

    #[test]
    fn what_is_no_number_is_told_with_its_place() {
        for (text, place) in [
            ("[1,x]", 3),
            ("[1,,2]", 3),
            ("[1 2]", 3),
            ("[-1]", 1),
            ("[1.5]", 2),
            ("[99999999999999999999]", 1),
        ] {
            let (contents, numbers) = array(text);
            let mut reader = numbers.from(&contents, 0);
            let error = (0..3).find_map(|_| reader.next().err()).unwrap();
            let Error::SnapshotDamaged { at, .. } = error else { panic!("{error}") };
            assert_eq!(at, place, "{text}");
        }
        assert_eq!(array("[]").1.count, 0);
        assert_eq!(array("[ \n]").1.count, 0);
        let cut = Contents::Owned(b"[1,2".to_vec());
        assert!(matches!(
            Numbers::survey(&cut, 1, "test", &Unattended),
            Err(Error::SnapshotCut { at: 4, .. })
        ));
    }
}
