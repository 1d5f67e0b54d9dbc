//! What backports move is found by what it contains: no answer depends on where a table of some release has it.
#![allow(clippy::unwrap_used)] // a test may panic

use std::collections::BTreeSet;

use test_support::v8_heap::{Dump, HeapBuilder, Release, Space, Type};
use v8_heap::isolate::{FoundBy, PageState};
use v8_heap::layout::FreeSpaceUnit;
use v8_heap::{Encoding, Error, Heap, Unattended};

fn open(dump: &Dump) -> Heap<'_> {
    Heap::open(dump, dump, &[]).unwrap()
}

fn objects(heap: &Heap<'_>) -> BTreeSet<u64> {
    let table = heap.objects(&Unattended).unwrap();
    assert_eq!(table.summary.gaps, []);
    (0..table.page_count()).flat_map(|page| table.page_objects(page)).map(|(address, _)| address).collect()
}

/// Free blocks of many sizes between arrays, and where the arrays are.
fn blocks_and_arrays(builder: &mut HeapBuilder) -> BTreeSet<u64> {
    let page = builder.page(Space::Old);
    (1..200)
        .map(|n| {
            builder.free(page, 16 + 8 * (n * 7 % 30));
            builder.array_like(page, Type::FixedArray, &[HeapBuilder::smi(n as i32); 3]) - 1
        })
        .collect()
}

#[test]
fn tables_of_any_length_in_front_of_the_heap_change_no_answer() {
    for release in Release::ALL {
        let mut answers = BTreeSet::new();
        for shift in [0, 8, 16, 24, 48, 0x400] {
            let mut builder = HeapBuilder::shifted(release, shift);
            let page = builder.page(Space::Old);
            let arrays = blocks_and_arrays(&mut builder);
            // An allocation area, which is found from the isolate.
            builder.heap_number(page, 0.5);
            builder.open_allocation_area(page, &[0x41; 7]);
            let worker = builder.isolate();
            let own = builder.page_of(worker, Space::Old);
            builder.heap_number(own, 1.5);
            let heaps = [builder.main(), worker].map(|isolate| builder.heap_address(isolate));
            let addresses = [builder.main(), worker].map(|isolate| builder.isolate_address(isolate));
            let dump = builder.build();
            let heap = open(&dump);
            let found = objects(&heap);
            assert!(arrays.is_subset(&found));
            for isolate in heap.spaces().isolates() {
                let index = heaps.iter().position(|heap| *heap == isolate.heap).unwrap();
                assert_eq!(isolate.address, addresses[index], "{release:?}, {shift} bytes");
                assert_eq!(isolate.found_by, FoundBy::Heap);
            }
            answers.insert(found);
        }
        assert_eq!(answers.len(), 1, "{release:?}: the same objects at the same addresses");
    }
}

#[test]
fn the_heap_votes_on_the_unit_of_its_free_blocks() {
    for release in Release::ALL {
        for (bytes, unit) in [(1, FreeSpaceUnit::Bytes), (8, FreeSpaceUnit::Words)] {
            let mut builder = HeapBuilder::with_free_memory_in(release, bytes);
            let arrays = blocks_and_arrays(&mut builder);
            let dump = builder.build();
            let heap = open(&dump);
            assert_eq!(
                heap.layout().free_space_unit(),
                unit,
                "{release:?}: {:?}",
                heap.layout().free_space_vote()
            );
            assert!(arrays.is_subset(&objects(&heap)));
        }
    }
}

#[test]
fn free_blocks_of_two_minds_are_an_error() {
    let mut builder = HeapBuilder::new(Release::Node24);
    builder.count_free_memory_in(1);
    blocks_and_arrays(&mut builder);
    builder.count_free_memory_in(8);
    blocks_and_arrays(&mut builder);
    let dump = builder.build();
    let heap = open(&dump);
    assert!(heap.layout().free_space_vote().is_mixed(), "{:?}", heap.layout().free_space_vote());
    let error = heap.objects(&Unattended).unwrap_err();
    assert!(matches!(error, Error::LayoutMismatch { .. }), "{error}");
    assert!(error.to_string().contains("free blocks"), "{error}");
}

#[test]
fn pages_in_no_list_of_their_space_hold_no_objects() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let pages: Vec<_> = (0..5).map(|_| builder.page(Space::Old)).collect();
        let mut living = BTreeSet::new();
        let mut dead = BTreeSet::new();
        for (index, page) in pages.iter().enumerate() {
            for n in 0..100 {
                let object = builder.heap_number(*page, f64::from(n)) - 1;
                if index == 1 || index == 4 {
                    dead.insert(object)
                } else {
                    living.insert(object)
                };
            }
        }
        builder.take_out_of_list(pages[1]);
        builder.take_out_of_list(pages[4]);
        let left = [pages[1], pages[4]].map(|page| builder.base(page));
        let dump = builder.build();
        let heap = open(&dump);
        let found = objects(&heap);
        assert!(living.is_subset(&found), "{release:?}");
        assert!(dead.is_disjoint(&found), "{release:?}");
        let in_state = |state| {
            let pages = heap.spaces().pages().iter().filter(|page| page.state == state);
            pages.map(|page| page.base).collect::<Vec<_>>()
        };
        assert_eq!(in_state(PageState::Left), left, "{release:?}");
        assert_eq!(heap.objects(&Unattended).unwrap().summary.left_pages, 2);
    }
}

#[test]
fn a_page_that_is_alone_in_its_space_is_the_heaps() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        builder.page(Space::Old);
        let map = builder.map_of(Type::FixedArray);
        let words = [vec![map, HeapBuilder::smi(40_000)], vec![0; 40_000]].concat();
        let large = builder.large_object(Space::Large, &words) - 1;
        let dump = builder.build();
        assert!(objects(&open(&dump)).contains(&large), "{release:?}");
    }
}

/// An isolate whose pointers are compressed begins with the address that they are counted from (V8: `IsolateData::cage_base_`). A heap of
/// whole words is refused then, instead of being read by halves.
#[test]
fn a_cage_makes_words_of_four_bytes() {
    for release in Release::ALL {
        let builder = HeapBuilder::new(release);
        let isolate = builder.isolate_address(builder.main());
        let mut dump = builder.build();
        dump.set_word(isolate, 0x2000_0000_0000);
        let heap = Heap::open(&dump, &dump, &[]).unwrap();
        assert_eq!(heap.spaces().encoding(), Encoding::Caged(0x2000_0000_0000), "{release:?}");
        let error = heap.objects(&Unattended).unwrap_err();
        assert!(matches!(error, Error::LayoutMismatch { .. }), "{release:?}: {error}");
        // What no page of the heap lies behind, or four bytes cannot count from, is none.
        for other in [0, 8, 0x2000_0000_0008, 0x2001_0000_0000, 0x1000_0000_0000, u64::MAX << 32] {
            dump.set_word(isolate, other);
            let heap = Heap::open(&dump, &dump, &[]).unwrap();
            assert_eq!(heap.spaces().encoding(), Encoding::Whole, "{release:?}: {other:x}");
        }
    }
}

#[test]
fn a_line_that_is_not_supported_is_named_at_once() {
    for ((major, minor), line) in [
        ((10, 1), "18.x"),
        ((9, 5), "17.x"),
        ((10, 8), "19.x"),
        ((8, 1), "14.x"),
        ((8, 6), "15.x"),
        ((7, 4), "12.x"),
    ] {
        let mut dump = HeapBuilder::new(Release::Node20).build();
        let version = core_reader::Symbols::find(&dump, "_ZN2v88internal7Version6major_E").unwrap().address.0;
        dump.set_word(version, major | minor << 32);
        let error = Heap::open(&dump, &dump, &[]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("Node.js {line} (V8 {major}.{minor}.")), "{error}");
        assert!(error.contains("supported are the lines 18 (from 18.3 on), 20, 21, 22, 23,"), "{error}");
    }
}
