//! Finding pages and walking them: what is an object, what is not, and what is reported where neither can be told.
#![allow(clippy::unwrap_used)] // a test may panic

use std::collections::BTreeMap;

use core_reader::Contents;
use proptest::prelude::*;
use test_support::v8_heap::{Dump, HeapBuilder, PAGE, PageField, PageId, Release, Space, Type};
use v8_heap::{Heap, Unattended};

/// Untagged addresses of all objects, with the addresses of their maps.
fn objects(heap: &Heap<'_>) -> BTreeMap<u64, u64> {
    let table = heap.objects(&Unattended).unwrap();
    let found: BTreeMap<u64, u64> = (0..table.page_count())
        .flat_map(|page| table.page_objects(page))
        .map(|(address, map)| (address, heap.map(map).address))
        .collect();
    assert_eq!(found.len(), table.len(), "no object is found twice");
    found
}

/// Tagged pointers to the objects of pages, page by page.
fn objects_of(heap: &Heap<'_>, bases: &[u64]) -> Vec<u64> {
    let found = objects(heap);
    let of = |base: &u64| found.range(base..&(base + PAGE)).map(|(address, _)| address | 1);
    bases.iter().flat_map(of).collect()
}

fn open(dump: &Dump) -> Heap<'_> {
    Heap::open(dump, dump, &[]).unwrap()
}

/// `count` small arrays in a page; their untagged addresses.
fn small_arrays(builder: &mut HeapBuilder, page: PageId, count: u64) -> Vec<u64> {
    (0..count)
        .map(|n| {
            let words = vec![HeapBuilder::smi(n as i32); (n % 5) as usize];
            builder.array_like(page, Type::FixedArray, &words) - 1
        })
        .collect()
}

#[test]
fn every_object_is_found_with_its_map_and_nothing_else() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let young = builder.page(Space::New);
        let point = builder.class("Point", &["x", "y"]);
        let a = builder.instance(young, &point, &[HeapBuilder::smi(1), HeapBuilder::smi(2)]);
        builder.free(young, 8);
        let b = builder.heap_number(young, 0.5);
        builder.free(young, 64);
        let c = builder.string(young, "nine char");
        let large = builder.large_object(Space::Large, &{
            let mut words =
                vec![builder.word(builder.roots().empty_fixed_array, 0), HeapBuilder::smi(100_000)];
            words.resize(100_002, builder.roots().undefined);
            words
        });
        let (number_map, string_map) =
            (builder.map_of(Type::HeapNumber), builder.map_of(Type::SeqOneByteString));
        let base = builder.base(young);
        let dump = builder.build();
        let heap = open(&dump);
        let found = objects(&heap);
        let young: Vec<_> =
            found.range(base..base + PAGE).map(|(&address, &map)| (address | 1, map | 1)).collect();
        assert_eq!(young, [(a, point.map), (b, number_map), (c, string_map)], "{release:?}");
        assert!(found.contains_key(&(large - 1)));
        let summary = &heap.objects(&Unattended).unwrap().summary;
        assert_eq!(summary.gaps, [], "{release:?}");
        assert_eq!(summary.missing_bytes, 0, "the guard behind a hole is not missing");
        for (&address, _) in found.range(base..base + PAGE) {
            assert!(!heap.map_at(address).unwrap().1.kind.is_gap());
        }
    }
}

#[test]
fn memory_that_merely_looks_like_a_page_is_none() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let young = builder.page(Space::New);
        let string = builder.string(young, "an object that is no object if its page is none");
        let (base, heap_address) = (builder.base(young), builder.heap_address(builder.main()));
        let genuine = builder.build();
        let header = if release.has_metadata_blocks() { genuine.word(base + 8) } else { base };
        let owner = genuine.word(header + release.page_field(PageField::Owner));
        let elsewhere = owner + 0x100;
        for (what, address, word) in [
            ("its owner belongs to another heap", owner + 8, heap_address + 8),
            ("its owner is no space", header + release.page_field(PageField::Owner), elsewhere),
            ("it ends before it starts", header + release.page_field(PageField::AreaEnd), base + 8),
            ("it is not made of pages of memory", header + release.page_field(PageField::Size), PAGE + 8),
            ("it starts far inside", header + release.page_field(PageField::AreaStart), base + 0x5000),
        ] {
            let mut dump = genuine.clone();
            dump.set_word(address, word);
            let heap = open(&dump);
            let pages = heap.spaces().pages();
            assert!(
                pages.iter().all(|page| page.base != base || page.salvaged),
                "{release:?}: a page although {what}"
            );
        }
        let heap = open(&genuine);
        assert!(heap.spaces().pages().iter().any(|page| page.base == base));
        assert!(objects(&heap).contains_key(&(string - 1)));
    }
}

#[test]
fn pages_belong_to_the_heap_of_their_thread() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let worker = builder.isolate();
        let page = builder.page_of(worker, Space::Old);
        builder.string(page, "of the worker");
        let heaps = [builder.heap_address(builder.main()), builder.heap_address(worker)];
        let base = builder.base(page);
        let dump = builder.build();
        let heap = open(&dump);
        let mut found: Vec<u64> = heap.spaces().isolates().iter().map(|isolate| isolate.heap).collect();
        found.sort_unstable();
        assert_eq!(found, heaps);
        let page = heap.spaces().pages().iter().find(|page| page.base == base).unwrap();
        assert_eq!(page.heap, heaps[1]);
        let read_only = heap.spaces().pages().iter().filter(|page| page.heap == 0).count();
        assert_eq!(read_only, 1);
    }
}

#[test]
fn open_allocation_areas_hold_no_objects() {
    for release in Release::ALL {
        for space in [Space::New, Space::Old] {
            let mut builder = HeapBuilder::new(release);
            let page = builder.page(space);
            let number = builder.heap_number(page, 1.0);
            let number_map = builder.map_of(Type::HeapNumber);
            // Dead numbers, which nothing but the area tells from living ones.
            builder.open_allocation_area(page, &[number_map, 0, number_map, 0, number_map, 0]);
            let after = (space == Space::Old).then(|| builder.heap_number(page, 2.0));
            let base = builder.base(page);
            let dump = builder.build();
            let heap = open(&dump);
            let found: Vec<u64> =
                objects(&heap).range(base..base + PAGE).map(|(address, _)| address | 1).collect();
            let expected: Vec<u64> = [Some(number), after].into_iter().flatten().collect();
            assert_eq!(found, expected, "{release:?} {space:?}");
            assert_eq!(heap.objects(&Unattended).unwrap().summary.gaps, []);
        }
    }
}

#[test]
fn a_list_of_addresses_in_a_page_is_no_allocation_area() {
    // An area has three words, and copies of them that do not ascend.
    for (release, length) in Release::ALL.into_iter().flat_map(|release| [(release, 4), (release, 10)]) {
        let mut builder = HeapBuilder::new(release);
        let page = builder.page(Space::Old);
        let numbers: Vec<u64> = (0..10).map(|number| builder.heap_number(page, f64::from(number))).collect();
        let listed = numbers.iter().map(|number| number - 1);
        builder.list_addresses(&listed.take(length).collect::<Vec<_>>());
        let base = builder.base(page);
        let dump = builder.build();
        let heap = open(&dump);
        let found: Vec<u64> =
            objects(&heap).range(base..base + PAGE).map(|(address, _)| address | 1).collect();
        assert_eq!(found, numbers, "{release:?}");
    }
}

/// Allocation areas are looked for up to 0x2000 bytes behind the `Heap`.
#[test]
fn a_list_that_begins_near_the_end_of_what_is_searched_is_no_allocation_area() {
    for release in Release::ALL {
        for inside in 3..=6 {
            let mut builder = HeapBuilder::new(release);
            let page = builder.page(Space::Old);
            let numbers: Vec<u64> =
                (0..10).map(|number| builder.heap_number(page, f64::from(number))).collect();
            let (base, heap) = (builder.base(page), builder.heap_address(builder.main()));
            // Memory behind the isolate.
            builder.native_bytes(&[0; 0x3000]);
            let mut dump = builder.build();
            for (index, number) in numbers.iter().enumerate() {
                dump.set_word(heap + 0x2000 - 8 * inside + 8 * index as u64, number - 1);
            }
            let heap = open(&dump);
            let found: Vec<u64> =
                objects(&heap).range(base..base + PAGE).map(|(address, _)| address | 1).collect();
            assert_eq!(found, numbers, "{release:?}, {inside} of them are searched");
        }
    }
}

#[test]
fn stale_copies_never_appear() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let inactive = builder.page(Space::NewInactive);
        builder.heap_number(inactive, 1.0);
        // What a scavenge leaves: the address of the new copy in place of the map.
        builder.place(inactive, &[0x2000_0000_1000, 0]);
        let first = builder.page(Space::New);
        let current = builder.page(Space::New);
        let unused = builder.page(Space::New);
        let in_use = [builder.heap_number(first, 2.0), builder.heap_number(current, 3.0)];
        let number_map = builder.map_of(Type::HeapNumber);
        builder.open_allocation_area(current, &[number_map, 0, 0x2000_0000_1000, 7]);
        builder.heap_number(unused, 4.0);
        builder.current_young_page(current);
        let bases: Vec<u64> = [inactive, first, current, unused].map(|page| builder.base(page)).to_vec();
        let dump = builder.build();
        let heap = open(&dump);
        let young = objects_of(&heap, &bases);
        assert_eq!(young, in_use, "{release:?}");
        let summary = &heap.objects(&Unattended).unwrap().summary;
        assert_eq!(summary.stale_pages, 2);
        assert_eq!(summary.gaps, []);
    }
}

/// V8 keeps addresses of an area that it has long left: where a thread or a collection began, say.
#[test]
fn a_full_page_of_the_young_generation_holds_objects_behind_an_area_of_the_past() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let (full, current) = (builder.page(Space::New), builder.page(Space::New));
        let mut numbers: Vec<u64> =
            (0..10).map(|number| builder.heap_number(full, f64::from(number))).collect();
        let end = builder.base(full) + PAGE;
        builder.list_addresses(&[numbers[0] - 1, numbers[4] - 1, end]);
        numbers.push(builder.heap_number(current, 10.0));
        let number_map = builder.map_of(Type::HeapNumber);
        builder.open_allocation_area(current, &[number_map, 0]);
        builder.current_young_page(current);
        let bases = [full, current].map(|page| builder.base(page));
        let dump = builder.build();
        let heap = open(&dump);
        let young = objects_of(&heap, &bases);
        assert_eq!(young, numbers, "{release:?}");
    }
}

#[test]
fn the_walk_goes_on_behind_damage_and_reports_it() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let page = builder.page(Space::Old);
        let numbers: Vec<u64> = (0..100).map(|n| builder.heap_number(page, f64::from(n))).collect();
        let mut dump = builder.build();
        for at in (numbers[10] - 1..numbers[20] - 1).step_by(8) {
            dump.set_word(at, 0x6161_6161_6161_6161);
        }
        let heap = open(&dump);
        let found = objects(&heap);
        for (index, number) in numbers.iter().enumerate() {
            assert_eq!(found.contains_key(&(number - 1)), !(10..20).contains(&index), "number {index}");
        }
        let gaps = &heap.objects(&Unattended).unwrap().summary.gaps;
        assert_eq!(gaps.len(), 1);
        assert_eq!((gaps[0].start, gaps[0].end), (numbers[10] - 1, numbers[20] - 1), "{release:?}");
    }
}

#[test]
fn of_a_page_cut_by_the_end_of_the_core_all_that_is_there_is_found() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let page = builder.page(Space::Old);
        let arrays = small_arrays(&mut builder, page, 1000);
        let whole = builder.build();
        let cut = arrays[500];
        let mut dump = whole.clone();
        dump.truncate(cut);
        let heap = open(&dump);
        let found = objects(&heap);
        for (index, array) in arrays.iter().enumerate() {
            assert_eq!(found.contains_key(array), index < 500, "{release:?}: array {index}");
        }
        let summary = &heap.objects(&Unattended).unwrap().summary;
        assert!(summary.missing_bytes > 0);
        assert_eq!(summary.gaps, []);

        // In the middle of an object: that object is there, if not all of it.
        let mut dump = whole.clone();
        dump.truncate(arrays[504] + 24);
        let heap = open(&dump);
        assert!(objects(&heap).contains_key(&arrays[504]));
        assert_eq!(heap.objects(&Unattended).unwrap().summary.gaps, []);
    }
}

#[test]
fn an_object_that_reaches_over_a_missing_stretch_does_not_lead_the_walk_astray() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let number_map = builder.map_of(Type::HeapNumber);
        let mut words = vec![builder.word(builder.roots().empty_fixed_array, 0), HeapBuilder::smi(100_000)];
        // Elements that look like objects.
        words.resize(100_002, number_map);
        let large = builder.large_object(Space::Large, &words);
        let mut dump = builder.build();
        dump.lose(large - 1 + 0x4_0000, large - 1 + 0x5_0000, Contents::NotDumped);
        let heap = open(&dump);
        let found = objects(&heap);
        let inside: Vec<_> = found.range(large - 1..large - 1 + 8 * words.len() as u64).collect();
        assert_eq!(inside.len(), 1, "{release:?}: the elements of a large object are no objects");
        assert_eq!(heap.objects(&Unattended).unwrap().summary.gaps, []);
    }
}

#[test]
fn blocks_without_access_are_no_loss() {
    for release in Release::ALL {
        let missing = |contents: Contents| {
            let mut builder = HeapBuilder::new(release);
            let number_map = builder.map_of(Type::HeapNumber);
            let mut words =
                vec![builder.word(builder.roots().empty_fixed_array, 0), HeapBuilder::smi(100_000)];
            words.resize(100_002, number_map);
            let large = builder.large_object(Space::Large, &words);
            let mut dump = builder.build();
            dump.lose(large - 1 + 0x4_0000, large - 1 + 0x5_0000, contents);
            dump.lose(large - 1 + 0x6_0000, large - 1 + 0x7_0000, contents);
            let heap = open(&dump);
            heap.self_check(&Unattended).unwrap().missing_bytes
        };
        assert_eq!(missing(Contents::NoAccess), 0, "{release:?}");
        assert_eq!(missing(Contents::NotDumped), 0x2_0000, "{release:?}");
    }
}

/// What the object table says, asked of a list of all objects instead.
struct Naive(Vec<(u64, u64)>);

impl Naive {
    fn id_at(&self, address: u64) -> Option<usize> {
        self.0.iter().position(|(start, _)| *start == address)
    }

    fn start_before(&self, page: u64, address: u64) -> Option<u64> {
        self.0.iter().map(|(start, _)| *start).filter(|start| (page..=address).contains(start)).max()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn numbers_addresses_and_maps_follow_from_each_other(
        release in prop::sample::select(Release::ALL.to_vec()),
        sizes in prop::collection::vec((0..200_usize, prop::bool::weighted(0.2)), 1..200),
        probes in prop::collection::vec(0..PAGE, 20),
    ) {
        let mut builder = HeapBuilder::new(release);
        let page = builder.page(Space::Old);
        let base = builder.base(page);
        let mut placed = Vec::new();
        for (size, free) in sizes {
            if builder.top(page) + 8 * (size as u64 + 4) > base + PAGE {
                break;
            }
            if free {
                builder.free(page, 8 * (size as u64 % 3) + 24 * u64::from(size % 3 == 2));
            } else {
                let class = if size % 2 == 0 { Type::FixedArray } else { Type::FixedDoubleArray };
                placed.push((builder.array_like(page, class, &vec![0; size]) - 1, builder.map_of(class) - 1));
            }
        }
        let area_start = base + release.first_object();
        let dump = builder.build();
        let heap = open(&dump);
        let table = heap.objects(&Unattended).unwrap();
        let spaces = heap.spaces();
        let on_page: Vec<(u64, u64)> = objects(&heap).range(base..base + PAGE).map(|(&a, &m)| (a, m)).collect();
        prop_assert_eq!(&on_page, &placed);
        let all = Naive(objects(&heap).into_iter().collect());
        for (index, &(address, map)) in all.0.iter().enumerate() {
            let id = table.id_at(spaces, address).unwrap();
            prop_assert_eq!(id.0 as usize, index);
            prop_assert_eq!(table.address_of(id), Some(address));
            prop_assert_eq!(table.map_of(id).map(|map| heap.map(map).address), Some(map));
        }
        for probe in probes {
            let address = base + probe;
            prop_assert_eq!(table.id_at(spaces, address).map(|id| id.0 as usize), all.id_at(address));
            if probe >= area_start - base {
                prop_assert_eq!(table.start_before(spaces, address), all.start_before(area_start, address));
            }
        }
        prop_assert_eq!(table.address_of(v8_heap::index::ObjectId(table.len() as u32)), None);
        prop_assert_eq!(table.map_of(v8_heap::index::ObjectId(u32::MAX)), None);
    }
}
