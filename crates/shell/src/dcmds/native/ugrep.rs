//! `::ugrep`: find the places in memory that hold a value.
//!
//! All memory that can be read is searched, on all processors: every word at a multiple of its size that equals the value.
//! The places are printed one a line, in order, and flow on in a pipe. However many values come, memory is searched once; the places
//! of all of them are in order.
//!
//! A pointer to somewhere inside of an object is found by `-d`, which takes the value and so many numbers above it. `-m` compares
//! only the bits that are set in the mask, `-M` only those that are clear in it. `-s 4` searches half words, which holds for
//! numbers of 32 bits as well as for compressed references.
//!
//! # Limits
//!
//! Words are found, not references: a place may be memory that nobody uses any more. `::findjsobjects -r` knows who refers
//! to a JavaScript object. Memory that the core leaves out (see `::mappings`) is searched where its file is at hand.

use core_reader::{Chunk, Memory};

use crate::answers::search::search;
use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields};
use crate::error::DcmdError;
use crate::stage::{Flow, Out, Stage};
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "8ba8239fd91::ugrep",
        r#"
10c0d74c2010
3ca2dd6c3f48
"#,
    ),
    Example::on(
        "leak-24",
        "8ba8239fd91::ugrep | ::whatis",
        r#"
10c0d74c2010 is 10c0d74c1ff1+0x1f, FunctionContext, in old space of isolate 1f430000
3ca2dd6c3f48 is 3ca2dd6c0011+0x3f37, OrderedHashMap, in old space of isolate 1f430000
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "ugrep",
    aliases: &[],
    summary: "find the places in memory that hold a value",
    family: Family::Memory,
    address: AddressUse::Required,
    takes: Takes::Anything,
    yields: Yields::Items(Kind::Address),
    options: &[
        Opt::flag('v', "say how much memory was searched"),
        Opt::number('d', "distance", "also values up to so much above"),
        Opt::number('m', "mask", "compare only these bits"),
        Opt::number('M', "mask", "compare all but these bits"),
        Opt::number('a', "address", "search from here"),
        Opt::number('A', "address", "search to here"),
        Opt::number('s', "size", "bytes of a value: 1, 2, 4 or 8"),
    ],
    operands: Operands::NONE,
    needs: &[Capability::Core],
    manual: include_str!("ugrep.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let size = args.number('s').unwrap_or(8);
        if !matches!(size, 1 | 2 | 4 | 8) {
            return Err(DcmdError::usage("the size of a value must be 1, 2, 4 or 8"));
        }
        let given = [args.number('d'), args.number('m'), args.number('M')];
        if given.iter().flatten().count() > 1 {
            return Err(DcmdError::usage("only one of -d, -m and -M can be used"));
        }
        let all = u64::MAX >> (64 - 8 * size);
        let [distance, mask, inverse] = given;
        let mask = mask.or(inverse.map(|mask| !mask)).unwrap_or(u64::MAX) & all;
        let range = (args.number('a').unwrap_or(0), args.number('A').unwrap_or(u64::MAX));
        Ok(Box::new(Ugrep {
            size,
            distance,
            mask,
            is_exact: given.iter().all(Option::is_none),
            all,
            range,
            verbose: args.has('v'),
            wanted: Vec::new(),
        }))
    },
};

/// A search for all the values that come: one pass over memory finds them all.
struct Ugrep {
    size: u64,
    distance: Option<u64>,
    mask: u64,
    /// Neither a distance nor a mask is given.
    is_exact: bool,
    /// The bits of a value of that size.
    all: u64,
    range: (u64, u64),
    verbose: bool,
    wanted: Vec<u64>,
}

impl Stage for Ugrep {
    fn run(&mut self, _: &Context, _: &mut Out<'_>) -> Result<(), DcmdError> {
        Err(DcmdError::usage(""))
    }

    fn push(&mut self, context: &Context, batch: &[Item], _: &mut Out<'_>) -> Result<Flow, DcmdError> {
        for item in batch {
            context.set_dot(item.word);
            // A value that does not fit is nowhere.
            let fits = item.word & self.mask & !self.all == 0 && (!self.is_exact || item.word <= self.all);
            if fits {
                self.wanted.push(item.word);
            }
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        if self.verbose {
            let memory = context.memory()?;
            let pieces =
                memory.readable(core_reader::Address(self.range.0), core_reader::Address(self.range.1));
            let bytes: u64 = pieces.iter().map(|(_, length)| length).sum();
            context.message(&format!(
                "searching {bytes} bytes in {} pieces, of {} mappings",
                pieces.len(),
                memory.ranges().len()
            ));
        }
        let (size, distance, mask) = (self.size, self.distance, self.mask);
        let wanted = Wanted::new(std::mem::take(&mut self.wanted));
        if wanted.sorted.is_empty() {
            return Ok(());
        }
        let find = |chunk: Chunk<'_>, found: &mut Vec<u64>| match (distance, size, wanted.sorted.as_slice()) {
            (None, 8, &[only]) if mask == u64::MAX => words(chunk, found, |word| word == only),
            (None, 8, _) if mask == u64::MAX => words(chunk, found, |word| wanted.contains(word)),
            (None, 8, all) => words(chunk, found, |word| all.iter().any(|only| word & mask == only & mask)),
            (Some(distance), 8, _) => words(chunk, found, |word| wanted.is_near(word, distance)),
            (None, 4, all) => {
                halves(chunk, found, |half| all.iter().any(|only| u64::from(half) & mask == only & mask));
            }
            (distance, _, all) => parts(chunk, found, size as usize, |part| match distance {
                Some(distance) => wanted.is_near(part, distance),
                None => all.iter().any(|only| part & mask == only & mask),
            }),
        };
        search(context, self.range, size as usize, &find, &mut |place| out.emit(Item::address(place)))
    }
}

/// The values that are sought.
struct Wanted {
    /// Each once, the least first.
    sorted: Vec<u64>,
    /// A bit for each remainder of a value: what has none is not sought.
    bits: Vec<u64>,
}

/// Bits of the filter: many times as many as there are values, within a cache.
const FILTER: u64 = 1 << 18;

impl Wanted {
    fn new(mut values: Vec<u64>) -> Wanted {
        values.sort_unstable();
        values.dedup();
        let mut bits = vec![0; (FILTER / 64) as usize];
        for value in &values {
            let bit = remainder(*value);
            bits[(bit / 64) as usize] |= 1 << (bit % 64);
        }
        Wanted { sorted: values, bits }
    }

    fn contains(&self, word: u64) -> bool {
        let bit = remainder(word);
        self.bits[(bit / 64) as usize] >> (bit % 64) & 1 == 1 && self.sorted.binary_search(&word).is_ok()
    }

    /// Whether a word is one of the values, or at most so much above one.
    fn is_near(&self, word: u64, distance: u64) -> bool {
        let below = self.sorted.partition_point(|value| *value <= word);
        below.checked_sub(1).is_some_and(|at| word - self.sorted[at] <= distance)
    }
}

/// Objects lie at multiples of 8, and their addresses end in the same tag.
fn remainder(value: u64) -> u64 {
    (value >> 3) % FILTER
}

/// Words tested together, to see whether any of them is of interest.
const BLOCK: usize = 32;

/// The words of a chunk that are wanted.
fn words(chunk: Chunk<'_>, found: &mut Vec<u64>, wanted: impl Fn(u64) -> bool) {
    let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap_or_default());
    let skip = (chunk.start.0.wrapping_neg() & 7) as usize;
    let first = chunk.start.0 + skip as u64;
    // The last word may reach into the next chunk.
    let end = chunk.bytes.len().min(chunk.own.next_multiple_of(8) + skip);
    let bytes = chunk.bytes.get(skip..end).unwrap_or_default();
    for (index, block) in bytes.chunks(8 * BLOCK).enumerate() {
        let any = block.chunks_exact(8).fold(false, |any, bytes| any | wanted(word(bytes)));
        if any {
            let base = first + (8 * BLOCK * index) as u64;
            let places = block.chunks_exact(8).enumerate().filter(|(_, bytes)| wanted(word(bytes)));
            let places = places.map(|(index, _)| base + 8 * index as u64);
            found.extend(places.filter(|place| *place < chunk.start.0 + chunk.own as u64));
        }
    }
}

fn halves(chunk: Chunk<'_>, found: &mut Vec<u64>, wanted: impl Fn(u32) -> bool) {
    let half = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap_or_default());
    let skip = (chunk.start.0.wrapping_neg() & 3) as usize;
    let first = chunk.start.0 + skip as u64;
    let bytes = chunk.bytes.get(skip..).unwrap_or_default();
    for (index, block) in bytes.chunks(8 * BLOCK).enumerate() {
        if block.chunks_exact(4).fold(false, |any, bytes| any | wanted(half(bytes))) {
            let base = first + (8 * BLOCK * index) as u64;
            let places = block.chunks_exact(4).enumerate().filter(|(_, bytes)| wanted(half(bytes)));
            let places = places.map(|(index, _)| base + 4 * index as u64);
            found.extend(places.filter(|place| *place < chunk.start.0 + chunk.own as u64));
        }
    }
}

fn parts(chunk: Chunk<'_>, found: &mut Vec<u64>, size: usize, wanted: impl Fn(u64) -> bool) {
    let skip = (chunk.start.0.wrapping_neg() as usize) & (size - 1);
    let first = chunk.start.0 + skip as u64;
    for (index, bytes) in chunk.bytes.get(skip..).unwrap_or_default().chunks_exact(size).enumerate() {
        let mut word = [0; 8];
        word[..size].copy_from_slice(bytes);
        let place = first + (size * index) as u64;
        if place < chunk.start.0 + chunk.own as u64 && wanted(u64::from_le_bytes(word)) {
            found.push(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use core_reader::Address;

    use super::*;

    #[test]
    fn many_values_are_found_as_each_alone() {
        let values: Vec<u64> = (0..1000_u64).map(|index| (index * 0x1_0003) | 1).collect();
        let wanted = Wanted::new(values.iter().copied().chain([values[5]]).collect());
        assert_eq!(wanted.sorted.len(), 1000);
        for value in &values {
            assert!(
                wanted.contains(*value) && !wanted.contains(value + 2) && !wanted.contains(value ^ (1 << 40))
            );
            assert!(
                wanted.is_near(*value, 0) && wanted.is_near(value + 7, 7) && !wanted.is_near(value + 8, 7)
            );
        }
        assert!(!wanted.is_near(0, 0x1000), "below the least");
    }

    /// Whatever the alignment of a chunk: the aligned words that begin in it, and no others.
    #[test]
    fn chunks_give_the_aligned_words_that_begin_in_them() {
        let memory: Vec<u8> = (0..1200_u32).map(|index| u8::from(index % 40 < 8) * 7).collect();
        let seven = u64::from_le_bytes([7; 8]);
        for offset in 0..9 {
            for own in [0, 1, 7, 8, 255, 256, 257, 1000] {
                let bytes = &memory[offset..(offset + own + 8).min(memory.len())];
                let start = Address(0x1000 + offset as u64);
                let mut found = Vec::new();
                let chunk = Chunk { start, bytes, own, before: None };
                words(chunk, &mut found, |word| word == seven);
                let expected: Vec<u64> = (offset..offset + own)
                    .filter(|place| place % 8 == 0 && place % 40 == 0)
                    .map(|place| 0x1000 + place as u64)
                    .collect();
                assert_eq!(found, expected, "offset {offset}, {own} bytes");
                let mut in_parts = Vec::new();
                parts(chunk, &mut in_parts, 8, |word| word == seven);
                assert_eq!(in_parts, expected);
                let (mut in_halves, mut by_parts) = (Vec::new(), Vec::new());
                halves(chunk, &mut in_halves, |half| half == 0x0707_0707);
                parts(chunk, &mut by_parts, 4, |half| half == 0x0707_0707);
                assert_eq!(in_halves, by_parts);
            }
        }
    }
}
