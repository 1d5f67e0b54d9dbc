//! Pieces of a heap that are read again while the heap stays open, as the fuzz targets do.
#![allow(clippy::unwrap_used)] // a test may panic

use test_support::v8_heap::{HeapBuilder, Release, Space};
use v8_heap::fuzzing::{Pages, again, reads_part};
use v8_heap::{Heap, Unattended};

#[test]
fn kept_parts_are_read_beside_the_others_and_cut_ones_are_not() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let page = builder.page(Space::New);
        let class = builder.class("Point", &["x"]);
        builder.instance(page, &class, &[HeapBuilder::smi(1)]);
        let dump = builder.build();
        let heap = Heap::open(&dump, &dump, &[]).unwrap();
        heap.kinds(&Unattended).unwrap();
        heap.dominators(&Unattended).unwrap();
        heap.liveness(&Unattended).unwrap();
        let parts = heap.computed_parts();
        let names: Vec<&str> = parts.iter().map(|part| part.name).collect();
        assert_eq!(
            names,
            ["objects", "kinds", "graph", "roots", "reached", "liveness", "holders", "dominators"]
        );
        for part in &parts {
            let bytes = part.pieces.concat();
            assert!(reads_part(&heap, part.name, bytes.clone()).unwrap(), "{}", part.name);
            let cut = bytes[..bytes.len() - 8].to_vec();
            assert!(!reads_part(&heap, part.name, cut).unwrap(), "{}", part.name);
        }
        assert!(!reads_part(&heap, "no part", Vec::new()).unwrap());
    }
}

#[test]
fn a_page_is_read_from_any_object_on() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let page = builder.page(Space::Old);
        let text = builder.string(page, "twelve chars");
        let number = builder.heap_number(page, 1.5);
        let last = builder.heap_number(page, 2.5);
        let dump = builder.build();
        let heap = Heap::open(&dump, &dump, &[]).unwrap();
        let mut pages = Pages::of(&heap).unwrap();
        let mut other = again(&heap);
        let (text, number, last) = (text & !1, number & !1, last & !1);
        let page = other.spaces().page_index(text).unwrap();
        let found = |found: Vec<(u64, _)>| found.into_iter().map(|(at, _)| at).collect::<Vec<_>>();
        assert_eq!(found(pages.read(&mut other, page, text, last - text)), [text, number]);
        assert_eq!(found(pages.read(&mut other, page, number, last + 16 - number)), [number, last]);
        // What is cut off is one all the same.
        assert_eq!(found(pages.read(&mut other, page, number, 8)), [number]);
    }
}
