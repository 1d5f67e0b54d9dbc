//! What a C++ object of V8's own collector holds lives as long as the JavaScript object that stands for it.
#![allow(clippy::unwrap_used)] // a test may panic

use test_support::v8_heap::{Dump, HeapBuilder, Release, Space};
use v8_heap::graph::Life;
use v8_heap::{Heap, Unattended};

/// Memory outside of the heap.
const NATIVE: u64 = 0x5600_0000_0000;
/// `CppHeap`, and what stands in it for "memory runs out".
const CPP_HEAP: u64 = NATIVE + 0x1000;
const OUT_OF_MEMORY: u64 = NATIVE + 0x2000;
const ETERNAL: u64 = NATIVE + 0x3000;
const ETERNAL_BLOCKS: u64 = NATIVE + 0x3100;
const ETERNAL_BLOCK: u64 = NATIVE + 0x3200;
/// `TracedNodeBlock`; the nodes begin behind its head.
const TRACED_BLOCK: u64 = NATIVE + 0x4000;
const NODES: u64 = TRACED_BLOCK + 72;
const PERSISTENTS: u64 = NATIVE + 0x5000;
const ENTRIES: u64 = NATIVE + 0x6000;
const PERSISTENT: u64 = NATIVE + 0x8000;
/// A page of C++ objects, and two objects on it.
const PAGE: u64 = NATIVE + 0x2_0000;
const OBJECT: u64 = PAGE + 0x108;
const OTHER: u64 = PAGE + 0x208;
/// Of a class, constructed, of eight words.
const HEADER: u64 = 16 << 48 | 9 << 32;

fn set(dump: &mut Dump, at: u64, words: &[u64]) {
    for (index, word) in words.iter().enumerate() {
        dump.set_word(at + 8 * index as u64, *word);
    }
}

/// What lives of three objects, each of which a handle of a C++ object holds, where `describe` says what is on the page. It gets
/// whether a living object stands for the first C++ object.
fn lives(release: Release, is_held: bool, describe: impl Fn(&mut Dump)) -> Vec<Life> {
    let mut builder = HeapBuilder::new(release);
    let young = builder.page(Space::New);
    let point = builder.class("Point", &["x"]);
    let objects: Vec<u64> = (0..3).map(|_| builder.instance(young, &point, &[HeapBuilder::smi(1)])).collect();
    let wrapper = builder.api_object(young, OBJECT);
    let heap = builder.heap_address(builder.main());
    let undefined = builder.roots().undefined;
    let mut dump = builder.build();
    dump.add(NATIVE, vec![0; 0x4_0000]);
    // The handles lie in front of the pointer to eternal handles.
    let traced = heap + 0x100;
    set(&mut dump, traced, &[TRACED_BLOCK]);
    dump.set_word(traced + 0x40, ETERNAL);
    set(&mut dump, ETERNAL, &[1, ETERNAL_BLOCKS, ETERNAL_BLOCKS + 8, ETERNAL_BLOCKS + 8]);
    dump.set_word(ETERNAL_BLOCKS, ETERNAL_BLOCK);
    dump.set_word(ETERNAL_BLOCK, if is_held { wrapper } else { undefined });
    set(&mut dump, TRACED_BLOCK + 48, &[traced, 0x0003_0003_0000]);
    for (index, object) in objects.iter().enumerate() {
        dump.set_word(NODES + 16 * index as u64, *object);
    }
    dump.set_word(heap + 0x180, CPP_HEAP);
    let end = [OUT_OF_MEMORY, CPP_HEAP];
    set(&mut dump, CPP_HEAP + 0x80, &[PERSISTENTS, PERSISTENTS + 8, PERSISTENTS + 8, 0, 1]);
    set(&mut dump, CPP_HEAP + 0x80 + 40, &end);
    set(&mut dump, CPP_HEAP + 0x80 + 96, &end);
    dump.set_word(CPP_HEAP + 0x80 + 112 + 40, OUT_OF_MEMORY);
    dump.set_word(PERSISTENTS, ENTRIES);
    dump.set_word(PAGE, CPP_HEAP + 8);
    dump.set_word(OBJECT - 8, HEADER);
    dump.set_word(OTHER - 8, HEADER);
    describe(&mut dump);
    let view = Heap::open(&dump, &dump, &[]).unwrap();
    let (table, liveness) = (view.objects(&Unattended).unwrap(), view.liveness(&Unattended).unwrap());
    let life = |object: &u64| liveness.of(table.id_at(view.spaces(), object - 1).unwrap().0);
    objects.iter().map(life).collect()
}

#[test]
fn a_handle_is_no_root_but_held_by_who_stands_for_its_object() {
    for release in Release::ALL {
        // The first object refers to the second, by an address inside of it.
        let describe = |dump: &mut Dump| {
            set(dump, OBJECT, &[1, NODES, OTHER + 16]);
            set(dump, OTHER, &[1, 2, 3, NODES + 16]);
        };
        let held = lives(release, true, describe);
        assert_eq!(held[..2], [Life::Live, Life::Live], "{release:?}");
        assert_ne!(held[2], Life::Live, "{release:?}");
        let dropped = lives(release, false, describe);
        assert!(dropped.iter().all(|life| *life != Life::Live), "{release:?}: {dropped:?}");
    }
}

#[test]
fn a_persistent_keeps_its_object() {
    for release in Release::ALL {
        let found = lives(release, false, |dump| {
            set(dump, OTHER, &[NODES + 32]);
            set(dump, ENTRIES + 16, &[PERSISTENT, 0x40_1000]);
            dump.set_word(PERSISTENT, OTHER);
        });
        assert_eq!(found[2], Life::Live, "{release:?}");
        assert_ne!(found[0], Life::Live, "{release:?}");
    }
}

#[test]
fn a_page_of_somebody_else_has_no_such_objects() {
    for release in Release::ALL {
        let found = lives(release, true, |dump| {
            dump.set_word(PAGE, 0x1234);
            set(dump, OBJECT, &[NODES]);
        });
        assert_ne!(found[0], Life::Live, "{release:?}");
    }
}
