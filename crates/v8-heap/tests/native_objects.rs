//! C++ objects behind objects of the heap: which are found, what their classes say, and where they stand in a heap snapshot.
#![allow(clippy::unwrap_used)] // a test may panic

use std::io::Cursor;

use test_support::v8_heap::{Dump, HeapBuilder, Release, Space};
use v8_heap::questions::{NativeObject, Retainer};
use v8_heap::snapshot::Extent;
use v8_heap::{Heap, Tagged, Unattended};

/// Memory outside of the heap.
const NATIVE: u64 = 0x5600_0000_0000;
/// `GlobalHandles`, its `NodeSpace`, and a block of nodes.
const HANDLES: u64 = NATIVE + 0x100;
const SPACE: u64 = NATIVE + 0x200;
const BLOCK: u64 = NATIVE + 0x1000;
/// C++ objects, and what leads to one.
const FIRST: u64 = NATIVE + 0x4000;
const SECOND: u64 = NATIVE + 0x4100;
const THIRD: u64 = NATIVE + 0x4200;
const PARAMETER: u64 = NATIVE + 0x4300;
/// A table of virtual functions, code, and a text.
const TABLE: u64 = NATIVE + 0x5000;
const NAME: u64 = NATIVE + 0x5100;
const SIZE: u64 = NATIVE + 0x5200;
const TEXT: u64 = NATIVE + 0x5300;

const STRONG: u64 = 1;
const WEAK: u64 = 2;

fn set(dump: &mut Dump, at: u64, words: &[u64]) {
    for (index, word) in words.iter().enumerate() {
        dump.set_word(at + 8 * index as u64, *word);
    }
}

fn node(index: u64) -> u64 {
    BLOCK + 32 * index
}

fn set_node(dump: &mut Dump, index: u64, object: u64, state: u64, parameter: u64) {
    // The number of the node and its flags are the bytes 10 and 11.
    set(dump, node(index), &[object, index << 16 | state << 24, parameter]);
}

/// A heap with two objects and one that stands for a C++ object; `describe` says what is in native memory.
fn heap(release: Release, describe: impl Fn(&mut Dump, [u64; 3])) -> Dump {
    let mut builder = HeapBuilder::new(release);
    let young = builder.page(Space::New);
    let point = builder.class("Point", &["x"]);
    let [first, second] = [1, 2].map(|number| builder.instance(young, &point, &[HeapBuilder::smi(number)]));
    let wrapper = builder.api_object(young, FIRST);
    let (isolate, heap) = (builder.isolate_address(builder.main()), builder.heap_address(builder.main()));
    let mut dump = builder.build();
    dump.add(NATIVE, vec![0; 0x1_0000]);
    dump.set_word(heap + 0x140, HANDLES);
    set(&mut dump, HANDLES, &[isolate, SPACE]);
    set(&mut dump, SPACE, &[HANDLES, BLOCK]);
    set(&mut dump, node(256), &[0, HANDLES, SPACE]);
    if !matches!(release, Release::Node20 | Release::Node22) {
        // Node.js has it in a field of its own there; the other one is for V8's collector.
        dump.set_word(wrapper - 1 + 8 * 5, FIRST);
    }
    describe(&mut dump, [first, second, wrapper]);
    dump
}

/// What its class says: `lea rax, [rip + ...]; ret` and `mov eax, 480; ret`.
fn describe_class(dump: &mut Dump) {
    set(dump, TABLE, &[0, 0, 0, NAME, SIZE]);
    let distance = TEXT - (NAME + 7);
    set(dump, NAME, &[0xc300_0000_0005_8d48 | distance << 24]);
    set(dump, SIZE, &[0xc300_0001_e0b8]);
    set(dump, TEXT, &[u64::from_le_bytes(*b"ZlibStre"), u64::from(u16::from_le_bytes(*b"am"))]);
}

#[test]
fn who_is_told_of_a_death_stands_behind_the_object() {
    for release in Release::ALL {
        let objects = std::cell::Cell::new([0; 3]);
        let dump = heap(release, |dump, given| {
            objects.set(given);
            set_node(dump, 0, given[0], WEAK, FIRST);
            set(dump, FIRST, &[TABLE, 0, 0, node(0)]);
            // By way of what leads to it.
            set_node(dump, 1, given[1], WEAK, PARAMETER);
            set(dump, PARAMETER, &[SECOND]);
            set(dump, SECOND, &[node(1)]);
            // It has no such handle; and one that is strong holds its object.
            set_node(dump, 2, given[0], WEAK, THIRD);
            set_node(dump, 3, given[1], STRONG, THIRD);
            set(dump, THIRD, &[TABLE, node(3)]);
        });
        let heap = Heap::open(&dump, &dump, &[]).unwrap();
        let [first, second, _] = objects.get();
        let expected = [(first, FIRST), (second, SECOND)]
            .map(|(object, address)| NativeObject { object: Tagged(object), address });
        assert_eq!(heap.natives_told_of_death(), expected, "{release:?}");
    }
}

#[test]
fn a_class_says_its_name_and_size_if_they_stand_in_its_code() {
    for release in Release::ALL {
        let retainer = |change: &dyn Fn(&mut Dump)| {
            let dump = heap(release, |dump, _| {
                describe_class(dump);
                set(dump, FIRST, &[TABLE]);
                change(dump);
            });
            Heap::open(&dump, &dump, &[]).unwrap().retainer(FIRST)
        };
        let said = Retainer { name: "ZlibStream".to_owned(), size: 480 };
        assert_eq!(retainer(&|_| {}), Some(said), "{release:?}");
        // mov rax, [rdi + 8]; ret: it is worked out.
        assert_eq!(retainer(&|dump| set(dump, SIZE, &[0xc3_0847_8b48])), None, "{release:?}");
        assert_eq!(retainer(&|dump| set(dump, TEXT, &[7])), None, "{release:?}: no name");
        assert_eq!(retainer(&|dump| set(dump, FIRST, &[0x1234_5678])), None, "{release:?}: no table");
    }
}

#[test]
fn a_snapshot_has_the_object_and_the_one_behind_it() {
    for release in Release::ALL {
        let text = |is_held: bool| {
            let dump = heap(release, |dump, [.., wrapper]| {
                describe_class(dump);
                set_node(dump, 0, if is_held { wrapper } else { 0 }, STRONG, 0);
                set(dump, FIRST, &[TABLE, node(0)]);
            });
            let heap = Heap::open(&dump, &dump, &[]).unwrap();
            let mut file = Cursor::new(Vec::new());
            heap.write_snapshot(Extent::All, &dump, &mut file, &Unattended).unwrap();
            String::from_utf8(file.into_inner()).unwrap()
        };
        for name in ["\"Node / ZlibStream\"", "\"javascript_to_native\"", "\"native_to_javascript\""] {
            assert!(text(true).contains(name), "{release:?}: no {name}");
            assert!(!text(false).contains(name), "{release:?}: {name}, though the circle is open");
        }
        // Kind, name, id, 480 bytes, one reference.
        assert_eq!(text(true).matches(",480,1,0,0").count(), 1, "{release:?}");
    }
}
