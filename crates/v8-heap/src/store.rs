//! What has been computed of a heap, kept from one session to the next.
//!
//! A [`Store`] keeps bytes by name and knows nothing of heaps; this crate knows nothing of files. What can be kept is a
//! `Part`: it writes itself as a few arrays of integers, and reads itself back. [`crate::Heap`] asks its store for a part before
//! it computes it, and [`crate::Heap::computed_parts`] hands out all that is there to be kept. A new part needs an implementation
//! of `Part` beside its structure, a slot in `Heap`, and a line in the list of `Heap::computed_parts`.
//!
//! ```text
//!   part     number | count, elements, zeros up to 8 bytes | count, elements, ... | ...      all little-endian
//! ```
//!
//! Whether the bytes are those that were written is for the store to say. Here they are hostile all the same: every part checks
//! all that later code relies on (numbers of objects are below their count, rows ascend, the pages are those of this core), and
//! compares some of what it says, evenly spread, with the core itself. What fails is computed as if it had not been kept, and so
//! is all that follows.

use std::borrow::Cow;

use bytemuck::Pod;

use crate::view::View;
use crate::{Error, Monitor};

const _: () = assert!(cfg!(target_endian = "little"), "arrays are used as they lie in the store");

/// Keeps parts from one session to the next.
pub trait Store: Send + Sync {
    /// The bytes of a part, as they were written; `None` if there are none, or others.
    fn part(&self, name: &str, monitor: &dyn Monitor) -> Option<Cow<'static, [u8]>>;

    /// Hears that a part was read, and is used.
    fn accept(&self, name: &str);

    /// Hears that a part does not fit this heap, and why: it is computed instead, and the store is asked for nothing else.
    fn refuse(&self, name: &str, reason: &str);
}

/// A part of what has been computed, as bytes.
#[derive(Debug)]
pub struct KeptPart<'a> {
    /// What it is called.
    pub name: &'static str,
    /// Its bytes, one piece behind the other.
    pub pieces: Vec<Cow<'a, [u8]>>,
}

/// Integers that were computed, or lie in the store.
pub(crate) type Array<T> = Cow<'static, [T]>;

/// Something that can be kept.
pub(crate) trait Part: Sized {
    /// Its name in the store.
    const NAME: &'static str;

    /// What is known already, and is compared with what is read.
    type Known<'h>;

    fn write<'a>(&'a self, view: &'a View<'_>, to: &mut Encoder<'a>);

    /// Reads what was written; believes nothing of it.
    fn read(known: Self::Known<'_>, from: &mut Decoder, monitor: &dyn Monitor) -> Result<Self, Unusable>;

    fn kept<'a>(&'a self, view: &'a View<'_>) -> KeptPart<'a> {
        let mut encoder = Encoder { pieces: Vec::new() };
        self.write(view, &mut encoder);
        KeptPart { name: Self::NAME, pieces: encoder.pieces }
    }
}

/// Why a part cannot be read.
#[derive(Debug)]
pub(crate) enum Unusable {
    /// It is not what a part of this heap looks like.
    Damaged(&'static str),
    /// What it builds on could not be computed.
    Failed(Error),
}

impl From<Error> for Unusable {
    fn from(error: Error) -> Unusable {
        Unusable::Failed(error)
    }
}

/// Refuses a part unless a condition holds.
pub(crate) fn ensure(condition: bool, otherwise: &'static str) -> Result<(), Unusable> {
    if condition { Ok(()) } else { Err(Unusable::Damaged(otherwise)) }
}

/// Whether all numbers are below a limit.
pub(crate) fn are_below(numbers: &[u32], limit: usize) -> bool {
    numbers.is_empty() || (numbers.iter().fold(0, |most, number| most.max(*number)) as usize) < limit
}

/// Numbers of up to `most` objects, evenly spread, of `count`.
pub(crate) fn sample(count: usize, most: usize) -> impl Iterator<Item = u32> {
    (0..count).step_by((count / most).max(1)).map(|id| id as u32)
}

/// Writes a part.
#[derive(Debug)]
pub(crate) struct Encoder<'a> {
    pieces: Vec<Cow<'a, [u8]>>,
}

impl<'a> Encoder<'a> {
    pub fn number(&mut self, number: u64) {
        self.pieces.push(Cow::Owned(number.to_le_bytes().to_vec()));
    }

    pub fn array<T: Pod>(&mut self, elements: &'a [T]) {
        self.arrays(std::iter::once(elements));
    }

    /// One array, in pieces.
    pub fn arrays<T: Pod>(&mut self, pieces: impl Iterator<Item = &'a [T]> + Clone) {
        let count: usize = pieces.clone().map(<[T]>::len).sum();
        self.number(count as u64);
        self.pieces.extend(pieces.map(|piece| Cow::Borrowed(bytemuck::cast_slice(piece))));
        self.pad(count * size_of::<T>());
    }

    /// One array, of elements that are put together for it.
    pub fn column<T: Pod>(&mut self, elements: impl Iterator<Item = T>) {
        let elements: Vec<T> = elements.collect();
        self.number(elements.len() as u64);
        self.pieces.push(Cow::Owned(bytemuck::cast_slice(&elements).to_vec()));
        self.pad(size_of_val(elements.as_slice()));
    }

    /// Texts: where each ends, then all of them.
    pub fn texts<'s>(&mut self, texts: impl Iterator<Item = &'s str> + Clone) {
        let mut end = 0;
        self.column(texts.clone().map(|text| {
            end += text.len() as u64;
            end
        }));
        self.column(texts.flat_map(str::bytes));
    }

    fn pad(&mut self, length: usize) {
        let padding = length.next_multiple_of(8) - length;
        if padding > 0 {
            self.pieces.push(Cow::Borrowed(&[0; 8][..padding]));
        }
    }
}

/// Reads a part.
#[derive(Debug)]
pub(crate) struct Decoder {
    bytes: Cow<'static, [u8]>,
    at: usize,
}

impl Decoder {
    pub fn new(bytes: Cow<'static, [u8]>) -> Decoder {
        Decoder { bytes, at: 0 }
    }

    pub fn number(&mut self) -> Result<u64, Unusable> {
        let bytes = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk);
        let number = u64::from_le_bytes(*bytes.ok_or(Unusable::Damaged("it ends early"))?);
        self.at += 8;
        Ok(number)
    }

    /// An array of any length.
    pub fn array<T: Pod>(&mut self) -> Result<Array<T>, Unusable> {
        let count = usize::try_from(self.number()?).ok();
        let length = count.and_then(|count| count.checked_mul(size_of::<T>()));
        let padded = length.and_then(|length| length.checked_next_multiple_of(8));
        let end = padded.and_then(|padded| self.at.checked_add(padded));
        let (Some(length), Some(end)) = (length, end.filter(|end| *end <= self.bytes.len())) else {
            return Err(Unusable::Damaged("an array is longer than the part"));
        };
        let range = self.at..self.at + length;
        self.at = end;
        Ok(match &self.bytes {
            // Parts that lie in memory as they are needed cost nothing but the look at them.
            Cow::Borrowed(bytes) => match bytemuck::try_cast_slice(&bytes[range.clone()]) {
                Ok(elements) => Cow::Borrowed(elements),
                Err(_) => Cow::Owned(bytemuck::pod_collect_to_vec(&bytes[range])),
            },
            Cow::Owned(bytes) => Cow::Owned(bytemuck::pod_collect_to_vec(&bytes[range])),
        })
    }

    /// An array of as many elements as there must be.
    pub fn array_of<T: Pod>(&mut self, count: usize) -> Result<Array<T>, Unusable> {
        let array = self.array()?;
        ensure(array.len() == count, "an array is shorter or longer than it should be")?;
        Ok(array)
    }

    pub fn texts(&mut self) -> Result<Vec<String>, Unusable> {
        let ends: Array<u64> = self.array()?;
        let bytes: Array<u8> = self.array()?;
        let mut from = 0;
        let mut texts = Vec::new();
        for end in ends.iter() {
            let end = usize::try_from(*end).unwrap_or(usize::MAX);
            let text = bytes.get(from..end).and_then(|text| std::str::from_utf8(text).ok());
            texts.push(text.ok_or(Unusable::Damaged("a text is none"))?.to_owned());
            from = end;
        }
        Ok(texts)
    }

    /// Nothing may follow.
    pub fn finish(&self) -> Result<(), Unusable> {
        ensure(self.at == self.bytes.len(), "something follows that belongs to nothing")
    }
}

/// A stretch of an array, without copying what lies in the store.
pub(crate) fn stretch<T: Clone>(array: &Array<T>, range: std::ops::Range<usize>) -> Array<T> {
    match array {
        Cow::Borrowed(elements) => Cow::Borrowed(&elements[range]),
        Cow::Owned(elements) => Cow::Owned(elements[range].to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(encoder: Encoder<'_>) -> Vec<u8> {
        encoder.pieces.concat()
    }

    #[test]
    fn what_was_written_is_read() {
        let mut encoder = Encoder { pieces: Vec::new() };
        encoder.number(7);
        encoder.array(&[1u32, 2, 3]);
        encoder.arrays([&[4u64][..], &[], &[5, 6]].into_iter());
        encoder.texts(["", "ü", "abc"].into_iter());
        let bytes = bytes(encoder);
        assert_eq!(bytes[8..32], [3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]);
        let mut decoder = Decoder::new(bytes.into());
        assert_eq!(decoder.number().unwrap(), 7);
        assert_eq!(*decoder.array::<u32>().unwrap(), [1, 2, 3]);
        assert!(decoder.finish().is_err());
        assert_eq!(*decoder.array_of::<u64>(3).unwrap(), [4, 5, 6]);
        assert_eq!(decoder.texts().unwrap(), ["", "ü", "abc"]);
        decoder.finish().unwrap();
        assert!(decoder.number().is_err());
    }

    #[test]
    fn counts_that_do_not_fit_are_refused() {
        for count in [2, 3, u64::MAX / 4, u64::MAX / 4 + 1, u64::MAX] {
            let bytes = [count.to_le_bytes(), [1; 8]].concat();
            let mut decoder = Decoder::new(bytes.into());
            assert_eq!(decoder.array::<u32>().is_ok(), count == 2, "{count}");
        }
        let mut decoder = Decoder::new([1u64, 9, 0].iter().flat_map(|word| word.to_le_bytes()).collect());
        assert!(decoder.texts().is_err(), "a text that ends behind the texts");
    }
}
