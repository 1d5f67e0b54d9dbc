//! Pages whose header is lost are known by their objects; a layout that does not fit is refused.
#![allow(clippy::unwrap_used)] // a test may panic

use std::collections::BTreeSet;

use core_reader::Contents;
use test_support::v8_heap::{Dump, HeapBuilder, PAGE, PageField, Release, Space, Type};
use v8_heap::{Error, Heap, Unattended};

fn objects(heap: &Heap<'_>) -> BTreeSet<u64> {
    let table = heap.objects(&Unattended).unwrap();
    (0..table.page_count()).flat_map(|page| table.page_objects(page)).map(|(address, _)| address).collect()
}

fn lose_header(dump: &mut Dump, release: Release, base: u64) {
    if release.has_metadata_blocks() {
        let block = dump.word(base + 8);
        dump.lose(block, block + 0x200, Contents::Truncated);
    } else {
        for at in (base..base + 0x140).step_by(8) {
            dump.set_word(at, 0x4141_4141_4141_4141);
        }
    }
}

#[test]
fn objects_of_a_page_without_header_are_found() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let point = builder.class("Point", &["x", "y"]);
        let page = builder.page(Space::Old);
        for n in 0..1000 {
            builder.instance(page, &point, &[HeapBuilder::smi(n), HeapBuilder::smi(n)]);
        }
        let mut words = vec![builder.map_of(Type::FixedArray), HeapBuilder::smi(100_000)];
        words.resize(100_002, builder.roots().undefined);
        let large = builder.large_object(Space::Large, &words);
        let regular = builder.base(page);
        let whole = builder.build();
        let expected = objects(&Heap::open(&whole, &whole, &[]).unwrap());
        for lost in [regular, large - 1 - release.first_object()] {
            let mut dump = whole.clone();
            lose_header(&mut dump, release, lost);
            let heap = Heap::open(&dump, &dump, &[]).unwrap();
            assert_eq!(objects(&heap), expected, "{release:?}: page {lost:#x}");
            let summary = &heap.objects(&Unattended).unwrap().summary;
            assert_eq!(summary.salvaged_pages, 1);
            assert_eq!(summary.gaps, []);
        }
    }
}

/// Memory that native code has given back may have the address of a map where a page would begin, and numbers behind it.
#[test]
fn an_address_of_a_map_with_numbers_behind_it_is_no_large_array() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let mut words = vec![builder.map_of(Type::FixedArray), HeapBuilder::smi(100_000)];
        words.resize(100_002, builder.roots().undefined);
        let large = builder.large_object(Space::Large, &words) - 1;
        let mut dump = builder.build();
        lose_header(&mut dump, release, large - release.first_object());
        let is_found = |dump: &Dump| objects(&Heap::open(dump, dump, &[]).unwrap()).contains(&large);
        assert!(is_found(&dump), "{release:?}");
        // Neither a small integer nor an address of anything.
        dump.set_word(large + 0x40, 0x25e_65f0);
        assert!(!is_found(&dump), "{release:?}");
    }
}

#[test]
fn stale_pages_are_known_as_such_without_their_metadata_block() {
    for release in [Release::Node24, Release::Node26] {
        let mut builder = HeapBuilder::new(release);
        let page = builder.page(Space::NewInactive);
        for n in 0..1000 {
            builder.heap_number(page, f64::from(n));
        }
        let base = builder.base(page);
        let mut dump = builder.build();
        lose_header(&mut dump, release, base);
        let heap = Heap::open(&dump, &dump, &[]).unwrap();
        assert_eq!(objects(&heap).range(base..base + PAGE).count(), 0, "{release:?}");
    }
}

#[test]
fn pages_that_belong_to_nobody_stay_dead() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let page = builder.page(Space::Old);
        for n in 0..1000 {
            builder.heap_number(page, f64::from(n));
        }
        let base = builder.base(page);
        let mut dump = builder.build();
        // As V8 leaves a page that it keeps for later: sound, but without an owner that knows it.
        let header = if release.has_metadata_blocks() { dump.word(base + 8) } else { base };
        let read_only = 0x1000_0000_0000;
        dump.set_word(header + release.page_field(PageField::Owner), read_only);
        let heap = Heap::open(&dump, &dump, &[]).unwrap();
        assert_eq!(objects(&heap).range(base..base + PAGE).count(), 0, "{release:?}");
    }
}

#[test]
fn tables_of_maps_in_native_memory_are_no_page() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let maps = [
            Type::FixedArray,
            Type::HeapNumber,
            Type::Symbol,
            Type::Oddball,
            Type::ConsString,
            Type::ThinString,
            Type::SlicedString,
            Type::AccessorPair,
            Type::PropertyCell,
            Type::SharedFunctionInfo,
        ];
        let mut unit = vec![0; PAGE as usize];
        let mut at = release.first_object() as usize;
        while at + 8 * maps.len() < unit.len() {
            for (index, class) in maps.into_iter().enumerate() {
                let map = builder.map_of(class);
                unit[at + 8 * index..at + 8 * index + 8].copy_from_slice(&map.to_le_bytes());
            }
            // Words of malloc between tables.
            at += 8 * maps.len();
            for _ in 0..maps.len().min((unit.len() - at) / 8) {
                unit[at..at + 8].copy_from_slice(&0x5151_5151_5151_5151_u64.to_le_bytes());
                at += 8;
            }
        }
        let mut dump = builder.build();
        let base = 0x3000_0000_0000;
        dump.add(base, unit);
        let heap = Heap::open(&dump, &dump, &[]).unwrap();
        assert!(heap.spaces().pages().iter().all(|page| page.base != base), "{release:?}");
    }
}

#[test]
fn the_self_check_counts_what_is_there() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let point = builder.class("Point", &["x", "y"]);
        let page = builder.page(Space::Old);
        for n in 0..100 {
            builder.instance(page, &point, &[HeapBuilder::smi(n), HeapBuilder::smi(n)]);
        }
        let dump = builder.build();
        let heap = Heap::open(&dump, &dump, &[]).unwrap();
        let check = heap.self_check(&Unattended).unwrap();
        assert_eq!(check.pages, 3);
        assert_eq!(check.objects, objects(&heap).len() as u64);
        assert_eq!(
            (check.gaps, check.missing_bytes % 0x1_0000, check.stray_maps, check.damaged),
            (0, 0, 0, 0)
        );
        assert_eq!(check.meta_maps, if release == Release::Node20 { 1 } else { 2 });
        // The instances, the prototype, the constructor.
        assert_eq!(check.sampled, 102);
    }
}

/// A heap of 1000 points in a process that says it is V8 `major.minor`, for which there is no table.
fn heap_that_claims(release: Release, major: u64, minor: u64) -> test_support::v8_heap::Dump {
    let mut builder = HeapBuilder::new(release);
    let point = builder.class("Point", &["x", "y"]);
    let page = builder.page(Space::Old);
    for n in 0..1000 {
        builder.instance(page, &point, &[HeapBuilder::smi(n), HeapBuilder::smi(n)]);
    }
    let mut dump = builder.build();
    let version = core_reader::Symbols::find(&dump, "_ZN2v88internal7Version6major_E").unwrap().address.0;
    dump.set_word(version, major | minor << 32);
    dump
}

#[test]
fn a_version_whose_heap_does_not_fit_is_refused_before_use() {
    // The heap of Node.js 26 in a process that says it is V8 12.6, for which 12.4 and 13.6 are tried; and so on.
    for (release, major, minor) in [
        (Release::Node26, 12, 6),
        (Release::Node24, 14, 9),
        (Release::Node20, 12, 6),
        (Release::Node20, 13, 9),
    ] {
        let dump = heap_that_claims(release, major, minor);
        let heap = Heap::open(&dump, &dump, &[]).unwrap();
        let error = heap.objects(&Unattended).unwrap_err();
        assert!(matches!(error, Error::LayoutMismatch { .. }), "{release:?} as V8 {major}.{minor}: {error}");
        assert!(heap.kinds(&Unattended).is_err());
    }
}

#[test]
fn a_version_without_a_table_is_read_by_the_neighbour_that_fits() {
    for (release, major, minor, neighbour) in [
        (Release::Node26, 14, 3, (14, 6)),
        (Release::Node24, 13, 9, (13, 6)),
        (Release::Node24, 13, 2, (13, 6)),
        (Release::Node22, 12, 6, (12, 4)),
    ] {
        let dump = heap_that_claims(release, major, minor);
        let heap = Heap::open(&dump, &dump, &[]).unwrap();
        assert_eq!(heap.layout().table_version, neighbour, "{release:?} as V8 {major}.{minor}");
        assert!(!heap.layout().exact);
        let kinds = heap.kinds(&Unattended).unwrap();
        let points = kinds.groups().iter().filter(|group| heap.name(group.constructor) == "Point");
        assert_eq!(points.map(|group| group.count).sum::<u64>(), 1000, "{release:?} as V8 {major}.{minor}");
    }
}

#[test]
fn a_core_without_any_of_its_heap_says_so() {
    let dump = HeapBuilder::new(Release::Node22).build();
    let mut dump = dump.clone();
    dump.truncate(0x1000_0000_0000);
    let heap = Heap::open(&dump, &dump, &[]).unwrap();
    let error = heap.objects(&Unattended).unwrap_err();
    assert!(matches!(error, Error::NoV8(_)), "{error}");
}
