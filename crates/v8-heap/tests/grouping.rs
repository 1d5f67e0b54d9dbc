//! Kinds of objects: what is counted together, and under which name.
#![allow(clippy::unwrap_used)] // a test may panic

use std::collections::BTreeMap;

use test_support::v8_heap::{Dump, HeapBuilder, PageId, Release, Space, Type};
use v8_heap::index::GroupId;
use v8_heap::{Heap, Tagged, Unattended};

/// What a group is to a user: constructor, property names, and for arrays the length; and its members.
type Groups = BTreeMap<(String, Vec<String>, u64), Vec<u64>>;

fn groups(dump: &Dump) -> Groups {
    let heap = Heap::open(dump, dump, &[]).unwrap();
    let kinds = heap.kinds(&Unattended).unwrap();
    let table = heap.objects(&Unattended).unwrap();
    let mut all = Groups::new();
    for (index, group) in kinds.groups().iter().enumerate() {
        let mut members = Vec::new();
        heap.for_each_member(kinds, GroupId(index), &Unattended, |object| {
            members.push(object.value().0);
            assert_eq!(kinds.group_of(&heap, object), Some(GroupId(index)));
            true
        })
        .unwrap();
        assert_eq!(members.len() as u64, group.count, "as many members as counted");
        assert!(members.is_sorted());
        assert_eq!(table.address_of(group.representative).map(|at| at | 1), members.first().copied());
        let names = heap.group_property_names(table, group);
        let name = heap.name(group.constructor).to_owned();
        let previous = all.insert((name, names, group.properties), members);
        assert!(previous.is_none(), "two groups that look alike");
    }
    all
}

fn key(name: &str, properties: &[&str]) -> (String, Vec<String>, u64) {
    (name.to_owned(), properties.iter().map(|name| (*name).to_owned()).collect(), properties.len() as u64)
}

#[test]
fn equal_shapes_merge_whatever_their_maps() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let page = builder.page(Space::New);
        let one = builder.class("Point", &["x", "y"]);
        // Another class of that name, with strings of its own for the names.
        let other = builder.class("Point", &["x", "y"]);
        let turned = builder.class("Point", &["y", "x"]);
        let fields = [HeapBuilder::smi(1), HeapBuilder::smi(2)];
        let a = builder.instance(page, &one, &fields);
        let b = builder.instance(page, &other, &fields);
        let c = builder.instance(page, &turned, &fields);
        let d = builder.instance(page, &one, &fields);
        let groups = groups(&builder.build());
        assert_eq!(groups[&key("Point", &["x", "y"])], [a, b, d], "{release:?}");
        assert_eq!(groups[&key("Point", &["y", "x"])], [c], "the order of properties counts");
    }
}

#[test]
fn arrays_are_told_apart_by_length() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let page = builder.page(Space::New);
        let map = builder.array_map();
        let short: Vec<u64> = (0..3).map(|_| builder.array(page, map, &[HeapBuilder::smi(1); 2])).collect();
        let long = builder.array(page, map, &[HeapBuilder::smi(1); 500]);
        // A length above 2^31 is kept as a double.
        let sparse = builder.array(page, map, &[]);
        let length = builder.heap_number(page, 4e9);
        builder.set_word(sparse, 3, length);
        let groups = groups(&builder.build());
        let array = |length| ("Array".to_owned(), Vec::new(), length);
        assert_eq!(groups[&array(2)], short, "{release:?}");
        assert_eq!(groups[&array(500)], [long]);
        assert_eq!(groups[&array(4_000_000_000)], [sparse]);
    }
}

fn dictionary_object(builder: &mut HeapBuilder, page: PageId, names: &[&str], constructor: u64) -> u64 {
    let mut draft = builder.draft(Type::JsObject);
    draft.is_dictionary = true;
    draft.constructor_or_back_pointer = constructor;
    let map = builder.map(builder.old(), draft);
    let entries: Vec<(u64, u64)> =
        names.iter().map(|name| (builder.name(name), HeapBuilder::smi(1))).collect();
    let dictionary = builder.name_dictionary(page, &entries);
    let empty = builder.roots().empty_fixed_array;
    builder.object(page, map, dictionary, empty, &[])
}

#[test]
fn dictionary_objects_are_told_apart_by_their_own_names() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let page = builder.page(Space::Old);
        let constructor = builder.function("Registry");
        let a = dictionary_object(&mut builder, page, &["left", "right"], constructor);
        let b = dictionary_object(&mut builder, page, &["right", "left"], constructor);
        let c = dictionary_object(&mut builder, page, &["left", "right"], constructor);
        let d = dictionary_object(&mut builder, page, &[], constructor);
        let groups = groups(&builder.build());
        assert_eq!(groups[&key("Registry", &["left", "right"])], [a, c], "{release:?}");
        assert_eq!(groups[&key("Registry", &["right", "left"])], [b]);
        assert_eq!(groups[&key("Registry", &[])], [d]);
    }
}

#[test]
fn derived_classes_go_by_their_own_name() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let page = builder.page(Space::New);
        let base = builder.class("Shape", &["area"]);
        let derived = builder.derived_class("Circle", &base, &["area", "radius"]);
        let a = builder.instance(page, &base, &[HeapBuilder::smi(1)]);
        let b = builder.instance(page, &derived, &[HeapBuilder::smi(1), HeapBuilder::smi(2)]);
        let groups = groups(&builder.build());
        assert_eq!(groups[&key("Shape", &["area"])], [a], "{release:?}");
        assert_eq!(groups[&key("Circle", &["area", "radius"])], [b]);
    }
}

#[test]
fn an_object_can_name_itself() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let page = builder.page(Space::Old);
        let tag = builder.roots().to_string_tag;
        let own_name = builder.string(page, "Chosen");
        let descriptors = builder.descriptors(page, &[(tag, HeapBuilder::field_details(0), 0)]);
        let mut draft = builder.draft(Type::JsObject);
        draft.instance_words = 4;
        draft.own_descriptors = 1;
        draft.descriptors = descriptors;
        draft.new_target_is_base = false;
        draft.may_have_interesting_properties = true;
        let map = builder.map(page, draft);
        let empty = builder.roots().empty_fixed_array;
        let named = builder.object(page, map, empty, empty, &[own_name]);
        let undefined = builder.roots().undefined;
        let unnamed = builder.object(page, map, empty, empty, &[undefined]);
        let groups = groups(&builder.build());
        assert_eq!(groups[&key("Chosen", &["Symbol(Symbol.toStringTag)"])], [named], "{release:?}");
        assert_eq!(groups[&key("Object", &["Symbol(Symbol.toStringTag)"])], [unnamed]);
    }
}

#[test]
fn chains_that_lead_back_to_themselves_end() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let page = builder.page(Space::New);
        let class = builder.class("Lost", &["a"]);
        // Its map is its own parent, and its prototype its own prototype.
        builder.set_word(class.map, 4, class.map);
        let prototype_map = builder.word(class.prototype, 0);
        builder.set_word(prototype_map, 3, class.prototype);
        let key_of_constructor = builder.name("no constructor");
        let descriptors =
            builder.descriptors(builder.old(), &[(key_of_constructor, HeapBuilder::field_details(0), 0)]);
        builder.set_word(prototype_map, 5, descriptors);
        let object = builder.instance(page, &class, &[HeapBuilder::smi(1)]);
        let dump = builder.build();
        let heap = Heap::open(&dump, &dump, &[]).unwrap();
        let object = heap.object(Tagged(object)).unwrap();
        assert_eq!(heap.name(heap.constructor_name(object)), "Object", "{release:?}");
    }
}
