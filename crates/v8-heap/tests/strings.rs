//! Strings of every representation, sound and hostile.
#![allow(clippy::unwrap_used)] // a test may panic

use test_support::v8_heap::{Dump, HeapBuilder, Release, Space};
use v8_heap::{Error, Heap, Tagged};

fn text(dump: &Dump, string: u64) -> String {
    let heap = Heap::open(dump, dump, &[]).unwrap();
    heap.string(Tagged(string), usize::MAX).unwrap().to_text()
}

#[test]
fn every_representation_reads_as_what_the_program_sees() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let page = builder.page(Space::Old);
        let hello = builder.string(page, "hello, ");
        let world = builder.two_byte_string(page, &"wörld ☃".encode_utf16().collect::<Vec<_>>());
        let rope = builder.cons_string(page, hello, world, 14);
        let nested = builder.cons_string(page, rope, hello, 21);
        let slice = builder.sliced_string(page, hello, 1, 4);
        let thin = builder.thin_string(page, hello, 7);
        let slice_of_thin = builder.sliced_string(page, thin, 2, 3);
        let external = builder.external_string(page, "from outside", false);
        let uncached = builder.external_string(page, "from outside, uncached", true);
        let empty = builder.roots().empty_string;
        let flattened = builder.cons_string(page, hello, empty, 7);
        let lone = builder.two_byte_string(page, &[0x61, 0xd800, 0x62]);
        let dump = builder.build();
        for (string, expected) in [
            (hello, "hello, "),
            (world, "wörld ☃"),
            (rope, "hello, wörld ☃"),
            (nested, "hello, wörld ☃hello, "),
            (slice, "ello"),
            (thin, "hello, "),
            (slice_of_thin, "llo"),
            (external, "from outside"),
            (uncached, "from outside, uncached"),
            (empty, ""),
            (flattened, "hello, "),
            (lone, "a\u{fffd}b"),
        ] {
            assert_eq!(text(&dump, string), expected, "{release:?}");
        }
        let heap = Heap::open(&dump, &dump, &[]).unwrap();
        let cut = heap.string(Tagged(nested), 9).unwrap();
        assert_eq!(cut.to_text(), "hello, wö");
        assert_eq!(cut.length, 21);
        assert!(cut.is_cut());
    }
}

#[test]
fn a_rope_as_deep_as_it_is_long_reads_to_its_end() {
    let mut builder = HeapBuilder::new(Release::Node22);
    let page = builder.page(Space::Old);
    let letter = builder.string(page, "x");
    let mut rope = builder.string(page, "y");
    for length in 2..5000 {
        rope = builder.cons_string(page, rope, letter, length);
    }
    let dump = builder.build();
    assert_eq!(text(&dump, rope), format!("y{}", "x".repeat(4998)));
}

#[test]
fn strings_that_contain_themselves_are_refused_at_once() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let page = builder.page(Space::Old);
        let letter = builder.string(page, "x");
        // Length 500 million: whoever follows the cycle that often does not come back.
        let longest = (1 << 29) - 24;
        let first = builder.cons_string(page, 0, letter, longest);
        builder.set_word(first, 2, first);
        let second = builder.cons_string(page, letter, 0, longest);
        builder.set_word(second, 3, second);
        let thin = builder.thin_string(page, 0, longest);
        builder.set_word(thin, 2, thin);
        let slice = builder.sliced_string(page, 0, 0, longest);
        builder.set_word(slice, 2, slice);
        let rope = builder.cons_string(page, 0, letter, longest);
        let slice_of_rope = builder.sliced_string(page, rope, 0, longest - 1);
        builder.set_word(rope, 2, slice_of_rope);
        let dump = builder.build();
        let heap = Heap::open(&dump, &dump, &[]).unwrap();
        for string in [first, second, thin, slice, rope, slice_of_rope] {
            let error = heap.string(Tagged(string), usize::MAX).unwrap_err();
            assert!(matches!(error, Error::Implausible { .. }), "{release:?}: {error}");
        }
    }
}

#[test]
fn lengths_that_cannot_be_are_refused() {
    let mut builder = HeapBuilder::new(Release::Node24);
    let page = builder.page(Space::Old);
    let short = builder.string(page, "short");
    let slice = builder.sliced_string(page, short, 3, 5);
    let huge = builder.string(page, "huge");
    builder.set_word(huge, 1, 0x7fff_ffff << 32);
    let behind = builder.string(page, "reaches behind the page");
    builder.set_word(behind, 1, 0x10_0000 << 32);
    let number = builder.heap_number(page, 1.0);
    let dump = builder.build();
    let heap = Heap::open(&dump, &dump, &[]).unwrap();
    for string in [slice, huge, behind, number, HeapBuilder::smi(7), 0, u64::MAX, u64::MAX - 2] {
        assert!(heap.string(Tagged(string), usize::MAX).is_err(), "{string:#x}");
    }
}
