//! What was computed in one session and is read in the next: the same answers, whatever the bytes that were kept.
#![allow(clippy::unwrap_used)] // a test may panic

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex};

use core_reader::Thread;
use proptest::prelude::*;
use test_support::v8_heap::{Dump, HeapBuilder, Release, Space, StackBuilder, Type};
use v8_heap::graph::Life;
use v8_heap::index::{GroupId, ObjectId};
use v8_heap::questions::Lives;
use v8_heap::{Heap, Monitor, Store, Tagged, Unattended};

/// Parts by name, and what the heap said of each.
#[derive(Clone, Default)]
struct Shelf {
    parts: BTreeMap<String, Vec<u8>>,
    accepted: Arc<Mutex<Vec<String>>>,
    refused: Arc<Mutex<Vec<String>>>,
}

impl Store for Shelf {
    fn part(&self, name: &str, _: &dyn Monitor) -> Option<Cow<'static, [u8]>> {
        self.parts.get(name).cloned().map(Cow::Owned)
    }

    fn accept(&self, name: &str) {
        self.accepted.lock().unwrap().push(name.to_owned());
    }

    fn refuse(&self, name: &str, _: &str) {
        self.refused.lock().unwrap().push(name.to_owned());
    }
}

impl Shelf {
    fn of(heap: &Heap<'_>) -> Shelf {
        let parts =
            heap.computed_parts().into_iter().map(|part| (part.name.to_owned(), part.pieces.concat()));
        Shelf { parts: parts.collect(), ..Shelf::default() }
    }
}

/// Where a stack ends.
const STACK: u64 = 0x7fff_0000_0000;

/// A heap that one thread, which runs a function of JavaScript, holds by a register, but for `dead` objects, with enough of one class in an array to be a gathering.
fn dump(release: Release, dead: usize) -> (Dump, Thread) {
    let mut builder = HeapBuilder::new(release);
    let (old, young) = (builder.old(), builder.page(Space::New));
    let smi = HeapBuilder::smi;
    let point = builder.class("Point", &["x", "y"]);
    let circle = builder.derived_class("Circle", &point, &["x", "y", "r"]);
    let text = builder.string(young, "a text");
    let mut members = Vec::new();
    for number in 0..40 {
        let centre = builder.instance(young, &point, &[text, smi(number)]);
        members.push(builder.instance(old, &circle, &[centre, text, smi(1)]));
    }
    let array_map = builder.array_map();
    let all = builder.array(young, array_map, &members);
    let few = builder.array(young, array_map, &members[..3]);
    let (undefined, empty) = (builder.roots().undefined, builder.roots().empty_fixed_array);
    let value = builder.instance(young, &point, &[few, smi(7)]);
    let entries = [smi(1), smi(0), smi(2), members[0], value, undefined, undefined];
    let table = builder.array_like(young, Type::EphemeronHashTable, &entries);
    let map = builder.map_of(Type::JsWeakMap);
    let weak_map = builder.object(young, map, empty, empty, &[table]);
    let root = builder.array(young, array_map, &[all, weak_map]);
    // A rare map comes last: other sessions may meet it first.
    let number = builder.heap_number(young, 0.5);
    for _ in 0..dead {
        builder.instance(young, &point, &[number, smi(0)]);
    }
    let left_over = builder.instance(young, &point, &[number, smi(0)]);
    let (function, context) = (builder.function("run"), builder.context(young, undefined, undefined, &[]));
    let mut stack = StackBuilder::new(STACK);
    stack.native(&[left_over]);
    stack.entry();
    stack.function(function, context, &[]);
    let (at, bytes, thread) = stack.build(7, root);
    let mut dump = builder.build();
    dump.add(at, bytes);
    (dump, thread)
}

/// All that is kept, as text; and a few questions whose answers are found with it.
fn answers(heap: &Heap<'_>) -> String {
    let table = heap.objects(&Unattended).unwrap();
    let mut text = String::new();
    for page in 0..table.page_count() {
        for (address, map) in table.page_objects(page) {
            let id = table.id_at(heap.spaces(), address).unwrap();
            assert_eq!((table.address_of(id), table.map_of(id)), (Some(address), Some(map)));
            writeln!(text, "{address:x} {:x}", heap.map(map).address).unwrap();
        }
        writeln!(text, "{:?}", table.page_usage(page)).unwrap();
    }
    let mut summary = table.summary.clone();
    summary.elapsed = std::time::Duration::ZERO;
    let graph = heap.graph(&Unattended).unwrap();
    let liveness = heap.liveness(&Unattended).unwrap();
    let held_by = heap.held_by(&Unattended).unwrap();
    let dominators = heap.dominators(&Unattended).unwrap();
    writeln!(text, "{summary:?} {:?} {:?} {}", graph.ephemerons, graph.owned, graph.follows_code).unwrap();
    for id in 0..graph.len() as u32 {
        let sizes = (graph.size(id), dominators.retained(id), dominators.outside(id));
        let above = dominators.above(id);
        let neighbours = (graph.holds.of(id), held_by.of(id));
        writeln!(text, "{id} {sizes:?} {above:?} {neighbours:?} {:?}", liveness.of(id)).unwrap();
    }
    let roots = heap.roots(&Unattended).unwrap();
    writeln!(text, "{:?} {:?} {:?}", roots.all(), roots.missing, dominators.order()).unwrap();
    writeln!(text, "{:?}", heap.all_roots(&Unattended).unwrap()).unwrap();
    let kinds = heap.kinds(&Unattended).unwrap();
    let retained = heap.retained_by_kind(kinds, &Unattended).unwrap();
    for (index, group) in kinds.groups().iter().enumerate() {
        let mut members = Vec::new();
        heap.for_each_member(kinds, GroupId(index), &Unattended, |object| {
            members.push(object.address);
            true
        })
        .unwrap();
        let figures = (group.count, group.bytes, group.properties, group.representative);
        writeln!(text, "{} {figures:?} {members:x?} {}", heap.name(group.constructor), retained[index])
            .unwrap();
    }
    writeln!(text, "{:?}", kinds.statistics).unwrap();
    for suspect in heap.leak_suspects(usize::MAX, &Unattended).unwrap() {
        let figures = (suspect.gatherer, suspect.count, suspect.retained, suspect.outside, suspect.largest);
        let way = (suspect.is_nodes, &suspect.path);
        writeln!(text, "{} {figures:?} {way:?}", heap.name(suspect.constructor)).unwrap();
    }
    for lives in [Lives::All, Lives::Living, Lives::Garbage] {
        let census = heap.census(lives, &Unattended).unwrap();
        for (id, group) in census.groups() {
            writeln!(text, "{id:?} {} {} {:?}", group.count, group.bytes, group.representative).unwrap();
        }
    }
    for id in (0..graph.len() as u32).step_by(5) {
        let paths = heap.retaining_paths(ObjectId(id), 2, true, &Unattended).unwrap();
        writeln!(text, "{paths:?}").unwrap();
    }
    let groups = heap.owned_by(&[], &dominators.below(), &Unattended).unwrap();
    let groups = groups.iter().map(|group| (heap.name(group.constructor), &group.members, group.retained));
    writeln!(text, "{:?}", groups.collect::<Vec<_>>()).unwrap();
    text
}

fn open<'d>(dump: &'d Dump, threads: &'d [Thread]) -> Heap<'d> {
    Heap::open(dump, dump, threads).unwrap()
}

const PARTS: [&str; 11] = [
    "dominators",
    "garbage",
    "gatherings",
    "graph",
    "holders",
    "kinds",
    "liveness",
    "objects",
    "reached",
    "retained by kind",
    "roots",
];

#[test]
fn the_next_session_gives_the_same_answers() {
    for release in Release::ALL {
        let (dump, thread) = dump(release, 3);
        let threads = [thread];
        let first = open(&dump, &threads);
        let expected = answers(&first);
        assert!(expected.contains("Circle (Owner("), "there is a gathering: {expected}");
        let live = (0..first.graph(&Unattended).unwrap().len() as u32)
            .filter(|id| first.liveness(&Unattended).unwrap().of(*id) == Life::Live)
            .count();
        assert!(live > 80, "{live}");
        let shelf = Shelf::of(&first);
        assert_eq!(shelf.parts.keys().collect::<Vec<_>>(), PARTS);

        let second = open(&dump, &threads);
        second.use_store(Box::new(shelf.clone()));
        assert_eq!(answers(&second), expected, "{release:?}");
        let mut accepted = shelf.accepted.lock().unwrap().clone();
        accepted.sort();
        assert_eq!(accepted, PARTS, "{release:?}: refused {:?}", shelf.refused.lock().unwrap());
        assert_eq!(Shelf::of(&second).parts.len(), PARTS.len());
    }
}

#[test]
fn maps_may_be_met_in_another_order() {
    for release in Release::ALL {
        let (dump, thread) = dump(release, 3);
        let threads = [thread];
        let first = open(&dump, &threads);
        let expected = answers(&first);
        let shelf = Shelf::of(&first);
        let table = first.objects(&Unattended).unwrap();

        let second = open(&dump, &threads);
        second.use_store(Box::new(shelf.clone()));
        // From the last object to the first.
        for id in (0..table.len() as u32).rev() {
            second.map_at(table.address_of(ObjectId(id)).unwrap()).unwrap();
        }
        assert_ne!(second.map(v8_heap::MapId(0)).address, first.map(v8_heap::MapId(0)).address);
        assert_eq!(answers(&second), expected, "{release:?}");
        assert!(shelf.refused.lock().unwrap().is_empty());
    }
}

/// The same pages with other objects in them.
#[test]
fn what_was_kept_of_another_heap_is_refused() {
    for release in Release::ALL {
        for (kept, opened) in [(3, 4), (4, 3), (0, 1)] {
            let (other, thread) = dump(release, kept);
            let threads = [thread];
            let other = open(&other, &threads);
            answers(&other);
            let shelf = Shelf::of(&other);
            let (dump, thread) = dump(release, opened);
            let threads = [thread];
            let expected = answers(&open(&dump, &threads));
            let heap = open(&dump, &threads);
            heap.use_store(Box::new(shelf.clone()));
            assert_eq!(answers(&heap), expected, "{release:?}: {kept}, {opened}");
            assert!(shelf.refused.lock().unwrap().contains(&"objects".to_owned()));
        }
    }
}

/// Damage to a part: bytes replaced, or its end cut off.
#[derive(Clone, Debug)]
struct Damage {
    part: usize,
    at: usize,
    word: u32,
    cut: bool,
}

fn damage() -> impl Strategy<Value = Damage> {
    let word = prop_oneof![Just(0), Just(1), Just(u32::MAX), Just(0x7fff_ffff), 0..200u32, any::<u32>()];
    (0..PARTS.len(), any::<usize>(), word, prop::bool::weighted(0.1))
        .prop_map(|(part, at, word, cut)| Damage { part, at, word, cut })
}

/// Asks what goes along the parts without knowing what is right.
fn ask(heap: &Heap<'_>) {
    let table = heap.objects(&Unattended).unwrap();
    let _ = heap.self_check(&Unattended);
    let graph = heap.graph(&Unattended).unwrap();
    let dominators = heap.dominators(&Unattended).unwrap();
    let roots = heap.roots(&Unattended).unwrap().all();
    let some: Vec<u32> = (0..graph.len() as u32).step_by(7).collect();
    dominators
        .retained_together(graph, roots.iter().map(|root| root.target).collect(), &some, &Unattended)
        .unwrap();
    for id in some {
        for everything in [false, true] {
            let _ = heap.retaining_paths(ObjectId(id), 2, everything, &Unattended).unwrap();
        }
        if let Some(object) = heap.object_by_id(table, ObjectId(id)) {
            let _ = heap.hold(object, Tagged::pointer(object.address));
            let _ = heap.own_properties(object);
        }
    }
    let kinds = heap.kinds(&Unattended).unwrap();
    let _ = heap.census(Lives::Garbage, &Unattended).unwrap().groups();
    let _ = heap.lacks_for_census(&Unattended).unwrap();
    let _ = heap.retained_by_kind(kinds, &Unattended).unwrap();
    for group in kinds.groups() {
        let _ = heap.group_property_names(table, group);
    }
    let _ = heap.owned_by(&[], &dominators.below(), &Unattended).unwrap();
    let _ = heap.leak_suspects(usize::MAX, &Unattended).unwrap();
    let _ = heap.computed_parts();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whoever makes the bytes knows the checksums too: then all that stands between them and a panic are the checks of the parts.
    #[test]
    fn no_bytes_make_it_panic(
        release in prop::sample::select(Release::ALL.to_vec()),
        damages in prop::collection::vec(damage(), 1..4),
    ) {
        let (dump, thread) = dump(release, 3);
        let threads = [thread];
        let first = open(&dump, &threads);
        ask(&first);
        let mut shelf = Shelf::of(&first);
        for Damage { part, at, word, cut } in damages {
            let bytes = shelf.parts.get_mut(PARTS[part]).unwrap();
            let at = at % (bytes.len() / 4).max(1) * 4;
            match bytes.get_mut(at..at + 4) {
                _ if cut => bytes.truncate(at),
                Some(place) => place.copy_from_slice(&word.to_le_bytes()),
                None => {}
            }
        }
        let second = open(&dump, &threads);
        second.use_store(Box::new(shelf));
        ask(&second);
    }
}
