//! The class descriptions against real heaps, word by word, and against what binaries publish.
#![allow(clippy::unwrap_used)] // a test may panic

use core_reader::{Core, OpenOptions};
use test_support::scenarios::shipped::{self, ShippedCore};
use v8_heap::layout::FieldKind;
use v8_heap::{Heap, Unattended};

fn open(core: ShippedCore) -> Core {
    let options =
        OpenOptions { core: core.path(), executable: None, sysroot: None, ..OpenOptions::default() };
    Core::open(&options).unwrap_or_else(|error| panic!("{core}: {error}"))
}

/// Every word of every object is what its class says, and every object has a class with a name.
#[test]
fn every_word_of_every_object_is_what_its_class_says() {
    for shipped in shipped::all() {
        let core = open(shipped);
        let heap = Heap::open(core.memory(), core.symbols(), core.threads()).unwrap();
        let check = heap.check_classes(&Unattended).unwrap();
        let told: Vec<_> = check
            .contradictions
            .iter()
            .map(|((number, offset, what), (count, example))| {
                let name = heap.layout().type_name(*number);
                format!("{name} +{offset}: {what:?} x {count}, first {example}")
            })
            .collect();
        assert!(told.is_empty(), "{shipped}:\n{}", told.join("\n"));
        assert!(check.objects > 40_000 && check.tagged > check.words / 2, "{shipped}: {check:?}");
        for number in check.types.keys() {
            let name = heap.layout().type_name(*number);
            assert!(!name.starts_with("type "), "{shipped}: objects of {name}, which no table names");
        }
    }
}

/// What the binaries publish of fields (`v8dbg_class_*`) is where the table puts them without being told.
#[test]
fn the_table_agrees_with_what_binaries_publish() {
    for shipped in shipped::LINES.map(|line| ShippedCore { scenario: "leak", line }) {
        let core = open(shipped);
        let heap = Heap::open(core.memory(), core.symbols(), core.threads()).unwrap();
        let untold = heap.layout().classes_of_table_alone();
        let mut compared = 0;
        for class in heap.classes().iter() {
            let alone = untold.class(untold.find(class.name).unwrap());
            for (told, field) in class.fields.iter().zip(&alone.fields) {
                assert_eq!((told.name, told.offset), (field.name, field.offset), "{shipped}: {}", class.name);
                compared += 1;
            }
        }
        assert!(compared > 500, "{shipped}: {compared}");
    }
}

/// Fields of a class do not overlap, and words are aligned.
#[test]
fn fields_follow_each_other() {
    for shipped in shipped::LINES.map(|line| ShippedCore { scenario: "leak", line }) {
        let core = open(shipped);
        let heap = Heap::open(core.memory(), core.symbols(), core.threads()).unwrap();
        for class in heap.classes().iter() {
            let fields = heap.classes().all_fields(heap.classes().find(class.name).unwrap());
            let mut end = 0;
            for (_, field) in fields {
                assert!(field.offset >= end, "{shipped}: {}.{}", class.name, field.name);
                assert_eq!(field.offset % field.size, 0, "{shipped}: {}.{}", class.name, field.name);
                end = field.offset + field.size;
            }
            assert!(class.tail.as_ref().is_none_or(|tail| tail.offset >= end), "{shipped}: {}", class.name);
        }
        let map = heap.classes().find("Map").unwrap();
        let bit_field3 =
            heap.classes().class(map).fields.iter().find(|field| field.name == "bit_field3").unwrap();
        assert_eq!((bit_field3.offset, bit_field3.kind), (16, FieldKind::Unsigned(4)), "{shipped}");
        let flags = heap.layout().flags(bit_field3.flags.unwrap());
        assert!(
            flags.iter().any(|flag| flag.name == "is_dictionary_map" && flag.of(1 << 21) == 1),
            "{flags:?}"
        );
    }
}
