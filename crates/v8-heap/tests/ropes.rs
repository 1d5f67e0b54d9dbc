//! Ropes: of many pieces, that share their parts, that are damaged. Whatever way they are read, they say what the program saw, and
//! cost no more than what is shown or searched.
#![allow(clippy::unwrap_used)] // a test may panic

use std::collections::HashMap;

use test_support::v8_heap::{Dump, HeapBuilder, PageId, Release, Space};
use v8_heap::compare::{Counted, Fingerprints, Texts};
use v8_heap::objects::string::Piece;
use v8_heap::questions::StringQuery;
use v8_heap::{Heap, Tagged, Unattended};

/// Objects that fit on a page, and a few less.
const EACH_PAGE: u32 = 6000;

/// Strings and what they say.
struct Built {
    builder: HeapBuilder,
    page: PageId,
    placed: u32,
    says: HashMap<u64, Vec<u16>>,
}

impl Built {
    fn new(release: Release) -> Built {
        let mut builder = HeapBuilder::new(release);
        let page = builder.page(Space::Old);
        Built { builder, page, placed: 0, says: HashMap::new() }
    }

    fn room(&mut self) -> PageId {
        self.placed += 1;
        if self.placed.is_multiple_of(EACH_PAGE) {
            self.page = self.builder.page(Space::Old);
        }
        self.page
    }

    fn flat(&mut self, text: &str) -> u64 {
        let (page, units) = (self.room(), text.encode_utf16().collect::<Vec<_>>());
        let string = match text.is_ascii() {
            true => self.builder.string(page, text),
            false => self.builder.two_byte_string(page, &units),
        };
        self.says.insert(string, units);
        string
    }

    fn cons(&mut self, first: u64, second: u64) -> u64 {
        // As V8 does: there is nothing to put together.
        match (self.says[&first].is_empty(), self.says[&second].is_empty()) {
            (true, _) => return second,
            (_, true) => return first,
            _ => {}
        }
        let text = [&self.says[&first][..], &self.says[&second]].concat();
        let page = self.room();
        let string = self.builder.cons_string(page, first, second, text.len() as u32);
        self.says.insert(string, text);
        string
    }

    fn thin(&mut self, of: u64) -> u64 {
        let (page, text) = (self.room(), self.says[&of].clone());
        let string = self.builder.thin_string(page, of, text.len() as u32);
        self.says.insert(string, text);
        string
    }

    fn slice(&mut self, of: u64, from: usize, len: usize) -> u64 {
        let (page, text) = (self.room(), self.says[&of][from..from + len].to_vec());
        let string = self.builder.sliced_string(page, of, from as i32, len as u32);
        self.says.insert(string, text);
        string
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }
}

fn text(units: &[u16]) -> String {
    String::from_utf16_lossy(units)
}

/// Heaps of strings that are made of each other at random: long and short, shared, of both widths. One rope grows all the time, by
/// pieces and by what is there already, until it is too long to be compared with what it should say; then the next one does.
fn random_heap(seed: u64) -> Built {
    const LONGEST: usize = 20_000;
    let mut random = Random(seed);
    let mut built = Built::new(Release::ALL[seed as usize % 4]);
    let words = ["a", "needle", "hay ", "x\u{1f600}y", "ne", "edle", "Ünï", "", "0123456789", "\u{2028}"];
    let flats: Vec<u64> = words.iter().map(|word| built.flat(word)).collect();
    let mut flat_or_not = flats.clone();
    let mut all: Vec<u64> = flats.clone();
    let mut growing = flats[0];
    for _ in 0..400 {
        let some = |all: &[u64], random: &mut Random| all[random.below(all.len())];
        let how = random.below(8);
        let next = match how {
            0 | 1 => {
                let piece = some(&flats, &mut random);
                built.cons(growing, piece)
            }
            2 => {
                let piece = some(&flats, &mut random);
                built.cons(piece, growing)
            }
            3 => {
                let other = some(&all, &mut random);
                if built.says[&growing].len() + built.says[&other].len() > LONGEST {
                    growing = some(&flats, &mut random);
                }
                built.cons(growing, other)
            }
            4 | 5 => {
                let (first, second) = (some(&all, &mut random), some(&all, &mut random));
                built.cons(first, second)
            }
            6 => {
                let of = some(&flats, &mut random);
                let thin = built.thin(of);
                flat_or_not.push(thin);
                thin
            }
            _ => {
                let of = some(&flat_or_not, &mut random);
                let length = built.says[&of].len();
                let from = random.below(length + 1);
                let len = random.below(length - from + 1);
                built.slice(of, from, len)
            }
        };
        if how < 4 {
            growing = next;
        }
        if built.says[&next].len() <= LONGEST {
            all.push(next);
        }
    }
    built
}

#[test]
fn ropes_say_what_the_program_saw() {
    let mut longest = 0;
    for seed in 0..12 {
        let built = random_heap(seed);
        let dump = built.builder.build();
        let mut order: Vec<(&u64, &Vec<u16>)> = built.says.iter().collect();
        order.sort();
        if seed % 2 == 1 {
            order.reverse();
        }
        let heap = Heap::open(&dump, &dump, &[]).unwrap();
        for limit in [usize::MAX, 5, 80, 1000] {
            for (string, units) in &order {
                let read = heap.string(Tagged(**string), limit).unwrap();
                assert_eq!(read.length as usize, units.len());
                let expected = &units[..units.len().min(limit)];
                assert_eq!(read.to_text(), text(expected), "{seed}: {string:#x} to {limit}");
            }
        }
        longest = longest.max(order.iter().map(|(_, units)| units.len()).max().unwrap());
    }
    assert!(longest > 5000, "{longest}");
}

#[test]
fn searches_find_what_reading_finds() {
    for seed in 20..32 {
        let built = random_heap(seed);
        let dump = built.builder.build();
        let heap = Heap::open(&dump, &dump, &[]).unwrap();
        let found = |query: &StringQuery<'_>| {
            let strings = heap.strings(query, &Unattended).unwrap();
            assert_eq!((strings.unsearched, strings.unreadable), (0, 0));
            let own = strings.entries.iter().map(|entry| entry.value.0);
            own.filter(|string| built.says.contains_key(string)).collect::<Vec<_>>()
        };
        let expected = |is_match: &dyn Fn(&[u16]) -> bool| {
            let matching = built.says.iter().filter(|(_, units)| is_match(units));
            let mut strings: Vec<u64> = matching.map(|(string, _)| *string).collect();
            strings.sort_unstable();
            strings
        };
        for sought in ["needle", "a", "needlehay ", "\u{1f600}y", "ïn", "nowhere", "9", "yne"] {
            let units: Vec<u16> = sought.encode_utf16().collect();
            let query = StringQuery { containing: Some(units.clone()), ..StringQuery::default() };
            let has = |text: &[u16]| text.windows(units.len()).any(|window| window == units);
            assert_eq!(found(&query), expected(&has), "{seed}: {sought}");
            // Both at once; a whole text is matched, not a part of one.
            let begins = |text: &str| text.starts_with("needle") && !text.ends_with('a');
            let both = StringQuery { matching: Some(&begins), ..query };
            assert_eq!(
                found(&both),
                expected(&|units| has(units) && begins(&text(units))),
                "{seed}: {sought}"
            );
        }
    }
}

/// Whoever says the same is told as the same, whether in one piece or in many.
#[test]
fn texts_are_told_by_what_they_say() {
    for seed in 40..46 {
        let built = random_heap(seed);
        let dump = built.builder.build();
        let heap = Heap::open(&dump, &dump, &[]).unwrap();
        // Against a heap without any of them.
        let other = Built::new(Release::ALL[seed as usize % 4]).builder.build();
        let other = Heap::open(&other, &other, &[]).unwrap();
        let fingerprints = Fingerprints::default();
        let texts = |heap: &Heap<'_>| heap.string_texts(Counted::All, &fingerprints, &Unattended).unwrap();
        let all = [texts(&other), texts(&heap)];
        assert_eq!(all[1].unread, 0);
        let mut counts: HashMap<&[u16], u64> = HashMap::new();
        for (string, units) in &built.says {
            let storage = heap.string_storage(Tagged(*string)).unwrap();
            let stands_for_another = match storage {
                v8_heap::objects::string::StringStorage::Thin { .. } => true,
                v8_heap::objects::string::StringStorage::Cons { second, .. } => {
                    heap.string_length(second).unwrap() == 0
                }
                _ => false,
            };
            *counts.entry(units).or_default() += u64::from(!stands_for_another);
        }
        let mut compared = 0;
        for change in Texts::changes(&all) {
            let Some(units) = built.says.get(&change.group.example.0) else { continue };
            if change.sums[0].count == 0 {
                assert_eq!(change.sums[1].count, counts[&units[..]], "{seed}: {:?}", text(units));
                compared += 1;
            }
        }
        assert!(compared > 100, "{seed}: {compared}");
    }
}

/// A rope of so many pieces of one character, and all that it leaves behind; in the order in which they were made, or the other
/// way round, as the collector may leave them.
fn chain(pieces: u32, newest_first: bool) -> (Dump, Vec<u64>) {
    let mut builder = HeapBuilder::new(Release::Node24);
    let mut page = builder.page(Space::Old);
    let letters: Vec<u64> = ["x", "y", "z"].iter().map(|letter| builder.string(page, letter)).collect();
    let mut ropes = vec![builder.string(page, "!")];
    for length in 2..=pieces {
        if length.is_multiple_of(EACH_PAGE) {
            page = builder.page(Space::Old);
        }
        let first = if newest_first { 0 } else { ropes[ropes.len() - 1] };
        let own = if newest_first { pieces + 2 - length } else { length };
        ropes.push(builder.cons_string(page, first, letters[own as usize % 3], own));
    }
    if newest_first {
        let first = ropes.remove(0);
        ropes.push(first);
        for pair in ropes.windows(2) {
            builder.set_word(pair[0], 2, pair[1]);
        }
    }
    (builder.build(), ropes)
}

/// Read rope by rope, these would be five thousand million steps.
#[test]
fn ropes_of_many_pieces_cost_what_they_have() {
    const PIECES: u32 = 100_000;
    for newest_first in [false, true] {
        let (dump, ropes) = chain(PIECES, newest_first);
        let heap = Heap::open(&dump, &dump, &[]).unwrap();
        let start = std::time::Instant::now();
        let count = |query: StringQuery<'_>| {
            let strings = heap.strings(&query, &Unattended).unwrap();
            assert_eq!((strings.unsearched, strings.unreadable), (0, 0));
            strings.entries.len() as u32
        };
        let containing = |text: &str| Some(text.encode_utf16().collect());
        assert_eq!(
            count(StringQuery { containing: containing("!zxyzxyz"), ..Default::default() }),
            PIECES - 7
        );
        assert_eq!(count(StringQuery { containing: containing("zz"), ..Default::default() }), 0);
        for rope in &ropes {
            let beginning = heap.string(Tagged(*rope), 80).unwrap();
            assert!(
                "!zxyzxyzxyzxy".starts_with(beginning.to_text().split_at_checked(12).map_or("!", |s| s.0))
            );
        }
        let fingerprints = Fingerprints::default();
        let texts = heap.string_texts(Counted::All, &fingerprints, &Unattended).unwrap();
        assert_eq!(texts.unread, 0);
        assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
    }
}

/// Twenty-six ropes that say 67 million characters, and a few that say more than there can be.
#[test]
fn ropes_that_share_their_parts_cost_what_they_say() {
    let mut builder = HeapBuilder::new(Release::Node22);
    let page = builder.page(Space::Old);
    let mut ropes = vec![builder.string(page, "ab")];
    for doubling in 1..=27 {
        let last = ropes[ropes.len() - 1];
        ropes.push(builder.cons_string(page, last, last, 2 << doubling));
    }
    let dump = builder.build();
    let heap = Heap::open(&dump, &dump, &[]).unwrap();
    let start = std::time::Instant::now();
    for rope in &ropes {
        let expected = "ab".repeat(40);
        assert!(expected.starts_with(&heap.string(Tagged(*rope), 80).unwrap().to_text()));
    }
    let mut units = 0;
    heap.for_each_piece(Tagged(ropes[25]), usize::MAX, |piece| {
        units += piece.len();
        true
    })
    .unwrap();
    assert_eq!(units, 1 << 26);
    let found = |text: &str| {
        let query = StringQuery { containing: Some(text.encode_utf16().collect()), ..Default::default() };
        let strings = heap.strings(&query, &Unattended).unwrap();
        (strings.entries.len(), strings.unsearched)
    };
    assert_eq!(found("baba"), (24, 2), "all but the shortest two, and those that are too long");
    assert_eq!(found("aa"), (0, 2));
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
}

/// What is in front of a part that cannot be read is there; and so is what does not hold it.
#[test]
fn a_damaged_part_costs_what_is_behind_it() {
    let mut builder = HeapBuilder::new(Release::Node20);
    let page = builder.page(Space::Old);
    let letter = builder.string(page, "x");
    let mut rope = builder.string(page, "y");
    let mut ropes = Vec::new();
    for length in 2..2000 {
        rope = builder.cons_string(page, rope, letter, length);
        ropes.push(rope);
    }
    // Nothing is there.
    builder.set_word(ropes[998], 3, 0x7f00_0000_0001);
    let dump = builder.build();
    for backwards in [false, true] {
        let heap = Heap::open(&dump, &dump, &[]).unwrap();
        let mut order: Vec<(usize, u64)> = ropes.iter().copied().enumerate().collect();
        if backwards {
            order.reverse();
        }
        for (at, rope) in order {
            let mut read = 0;
            let ended = heap.for_each_piece(Tagged(rope), usize::MAX, |piece: Piece<'_>| {
                read += piece.len();
                true
            });
            assert_eq!((ended.is_ok(), read), if at < 998 { (true, at + 2) } else { (false, 999) }, "{at}");
            assert!(heap.string(Tagged(rope), 500).is_ok(), "{at}");
        }
        let query = StringQuery { containing: Some(vec![0x79]), ..Default::default() };
        let strings = heap.strings(&query, &Unattended).unwrap();
        let found = strings.entries.iter().filter(|entry| ropes.contains(&entry.value.0)).count();
        assert_eq!((found, strings.unreadable), (998, 1000));
    }
}
