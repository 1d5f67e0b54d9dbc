//! Heaps side by side: what has grown, and which objects are the same, whatever their addresses.
#![allow(clippy::unwrap_used)] // a test may panic

use test_support::v8_heap::{Dump, HeapBuilder, PageId, Release, Space, Type};
use v8_heap::compare::{Counted, Fingerprints, Side, Step, Texts, changes, collections, newcomers, turnover};
use v8_heap::index::ObjectId;
use v8_heap::{Error, Heap, Monitor, Unattended};

/// A service: `global.store` is a Map of sessions by name, `global.list` an array of them.
struct Service {
    builder: HeapBuilder,
    page: PageId,
}

impl Service {
    /// `padding` objects of another class come first, so that nothing is where it is in another heap.
    fn new(release: Release, padding: usize) -> Service {
        let mut builder = HeapBuilder::new(release);
        let page = builder.page(Space::New);
        let class = builder.class("Padding", &["a"]);
        for _ in 0..padding {
            builder.instance(page, &class, &[HeapBuilder::smi(1)]);
        }
        Service { builder, page }
    }

    /// Arrays of so many sessions in the Map.
    fn with_lists(mut self, lengths: &[usize]) -> Dump {
        let (builder, page) = (&mut self.builder, self.page);
        let smi = HeapBuilder::smi;
        let session = builder.class("Session", &["id"]);
        let array_map = builder.array_map();
        let mut words = vec![smi(lengths.len() as i32), smi(0), smi(2), smi(0), smi(-1)];
        for (number, length) in lengths.iter().enumerate() {
            let key = builder.string(page, &format!("host-{number}"));
            let elements: Vec<u64> =
                (0..*length).map(|_| builder.instance(page, &session, &[smi(7)])).collect();
            words.extend([key, builder.array(page, array_map, &elements), smi(-1)]);
        }
        let list = builder.array(page, array_map, &[]);
        self.built(&words, list)
    }

    /// Sessions by these names in the Map, and so many in the array.
    fn with(mut self, names: &[&str], listed: usize) -> Dump {
        let (builder, page) = (&mut self.builder, self.page);
        let smi = HeapBuilder::smi;
        let session = builder.class("Session", &["id"]);
        let mut words = vec![smi(names.len() as i32), smi(0), smi(2), smi(0), smi(-1)];
        for name in names {
            let key = builder.string(page, name);
            let value = builder.instance(page, &session, &[smi(7)]);
            words.extend([key, value, smi(-1)]);
        }
        let elements: Vec<u64> = (0..listed).map(|_| builder.instance(page, &session, &[smi(8)])).collect();
        let array_map = builder.array_map();
        let list = builder.array(page, array_map, &elements);
        self.built(&words, list)
    }

    /// With these entries in the Map.
    fn built(mut self, words: &[u64], list: u64) -> Dump {
        let (builder, page) = (&mut self.builder, self.page);
        let table = builder.array_like(page, Type::OrderedHashMap, words);
        let empty = builder.roots().empty_fixed_array;
        let map_of_maps = builder.map_of(Type::JsMap);
        let store = builder.object(page, map_of_maps, empty, empty, &[table]);
        let class = builder.class("process", &["pid"]);
        let process = builder.instance(page, &class, &[HeapBuilder::smi(1)]);
        let old = builder.old();
        let entries: Vec<(u64, u64, u64)> = ["process", "store", "list"]
            .iter()
            .zip(0..)
            .map(|(name, index)| (builder.name(name), HeapBuilder::field_details(index), 0))
            .collect();
        let descriptors = builder.descriptors(old, &entries);
        let mut draft = builder.draft(Type::JsGlobalObject);
        (draft.instance_words, draft.own_descriptors, draft.descriptors) = (6, 3, descriptors);
        let map = builder.map(old, draft);
        builder.object(page, map, empty, empty, &[process, store, list]);
        self.builder.build()
    }
}

/// Stops everything that asks.
struct Stopped;

impl Monitor for Stopped {
    fn begin(&self, _: &str, _: u64) {}
    fn advance(&self, _: u64) {}
    fn cancelled(&self) -> bool {
        true
    }
}

fn side<'a, 't>(heap: &'a Heap<'t>) -> Side<'a, 't> {
    Side { heap, monitor: &Unattended }
}

#[test]
fn objects_are_counted_by_constructor_and_shape_whatever_the_release() {
    for (old, new) in Release::ALL.into_iter().zip(Release::ALL.into_iter().rev()) {
        let old = Service::new(old, 3).with(&["a", "b"], 1);
        let new = Service::new(new, 1).with(&["a", "b", "c"], 4);
        let (old, new) = (Heap::open(&old, &old, &[]).unwrap(), Heap::open(&new, &new, &[]).unwrap());
        let inventories = [&old, &new].map(|heap| heap.inventory(Counted::All, &Unattended).unwrap());
        let changes_of =
            changes(inventories.iter().map(|inventory| inventory.constructors.clone()).collect());
        let of = |name: &str| changes_of.iter().find(|change| change.group == name).unwrap();
        let counts = |name: &str| of(name).sums.iter().map(|sum| sum.count).collect::<Vec<_>>();
        assert_eq!(counts("Session"), [3, 7]);
        assert_eq!(counts("Padding"), [3, 1]);
        assert_eq!(of("Session").growth(|sum| sum.bytes), 4 * 32);
        let is_still = |name: &str| !changes_of.iter().any(|change| change.group == name);
        assert!(is_still("Map") && is_still("Array"), "what is the same is no change");
        let shapes = [&old, &new].map(|heap| heap.shapes(Counted::All, &Unattended).unwrap());
        let shapes = changes(shapes.to_vec());
        let session = shapes.iter().find(|change| change.group.constructor == "Session").unwrap();
        assert_eq!(session.group.properties, ["id"]);
        assert_eq!(session.growth(|sum| sum.count), 4);
    }
}

#[test]
fn lists_that_grow_alike_are_their_holders() {
    for release in Release::ALL {
        let of = |lengths: &[usize]| Service::new(release, 2).with_lists(lengths);
        let old = of(&[1, 1, 2, 1, 1]);
        let old = Heap::open(&old, &old, &[]).unwrap();
        let alike = |lengths: &[usize]| {
            let new = of(lengths);
            let new = Heap::open(&new, &new, &[]).unwrap();
            let sides = [side(&old), side(&new)];
            let owners = collections(&sides, Counted::All, false).unwrap();
            let alike = owners.alike(&sides).unwrap();
            let table = new.objects(&Unattended).unwrap();
            let holder = |id: u32| {
                let holder = new.object_by_id(table, ObjectId(id)).unwrap();
                new.name(new.constructor_name(holder)).to_owned()
            };
            alike.iter().map(|it| (holder(it.holder), it.steps, it.members.len())).collect::<Vec<_>>()
        };
        assert_eq!(alike(&[3, 4, 3, 3, 5]), [("Map".to_owned(), 1, 5)]);
        assert_eq!(alike(&[3, 4, 3, 3, 1]), [("Map".to_owned(), 1, 4)], "what is still has not grown alike");
        assert_eq!(alike(&[30, 4, 3, 3, 3]), [], "one has most of it");
        assert_eq!(alike(&[3, 4, 3, 1, 1]), [], "three are told one by one");
    }
}

#[test]
fn strings_are_the_same_if_they_say_the_same_however_they_are_stored() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let page = builder.page(Space::New);
        builder.string(page, "hello, world");
        builder.string(page, "ab");
        let old = builder.build();
        let mut builder = HeapBuilder::new(release);
        let page = builder.page(Space::New);
        let (hello, world) = (builder.string(page, "hello, "), builder.string(page, "world"));
        let whole = builder.string(page, "hello, world");
        let wide: Vec<u16> = "hello, world".encode_utf16().collect();
        builder.two_byte_string(page, &wide);
        builder.cons_string(page, hello, world, 12);
        // What stands for another is none of its own.
        builder.thin_string(page, whole, 12);
        let nothing = builder.string(page, "");
        builder.cons_string(page, whole, nothing, 12);
        // The same bytes as "ab", but one character.
        builder.two_byte_string(page, &[0x6261]);
        let new = builder.build();
        let (old, new) = (Heap::open(&old, &old, &[]).unwrap(), Heap::open(&new, &new, &[]).unwrap());
        let fingerprints = Fingerprints::default();
        let texts =
            [&old, &new].map(|heap| heap.string_texts(Counted::All, &fingerprints, &Unattended).unwrap());
        let text = |heap: usize, example| [&old, &new][heap].string(example, 100).unwrap().to_text();
        let found: Vec<(String, Vec<u64>)> = Texts::changes(&texts)
            .iter()
            .map(|change| {
                let text = text(change.group.heap, change.group.example);
                (text, change.sums.iter().map(|sum| sum.count).collect())
            })
            .collect();
        let counts = |text: &str| found.iter().find(|(own, _)| own == text).map(|(_, counts)| counts.clone());
        assert_eq!(counts("hello, world"), Some(vec![1, 3]), "{release:?}: {found:?}");
        assert_eq!(counts("ab"), Some(vec![1, 0]), "{release:?}");
        assert_eq!(counts("\u{6261}"), Some(vec![0, 1]), "{release:?}");
    }
}

#[test]
fn objects_are_known_by_their_path_and_not_by_their_address() {
    for release in Release::ALL {
        let old = Service::new(release, 5).with(&["a", "b", "gone"], 2);
        let new = Service::new(release, 0).with(&["new", "b", "a", "newer"], 3);
        let (old, new) = (Heap::open(&old, &old, &[]).unwrap(), Heap::open(&new, &new, &[]).unwrap());
        let sides = [side(&old), side(&new)];
        let found = newcomers(&sides, "Session", Counted::All).unwrap();
        let last = |id: u32| found.paths.of(id).unwrap().last().copied().cloned().unwrap();
        let mut keys: Vec<String> = found.objects.iter().map(|id| format!("{:?}", last(*id))).collect();
        keys.sort();
        let expected = ["Element(2)", "Value(Text(\"new\"))", "Value(Text(\"newer\"))"];
        assert_eq!((keys.as_slice(), found.unnamed), (&expected.map(str::to_owned)[..], 0), "{release:?}");
        let path = found.paths.of(found.objects[0]).unwrap();
        assert_eq!(path[0], &Step::Global, "{release:?}: {path:?}");
        // Nothing is new in a heap beside itself.
        let same = newcomers(&[side(&new), side(&new)], "Session", Counted::All).unwrap();
        assert!(same.objects.is_empty(), "{release:?}");
    }
}

#[test]
fn of_three_heaps_what_came_last_is_not_what_stayed() {
    let release = Release::Node24;
    let dumps = [
        Service::new(release, 2).with(&["a"], 1),
        Service::new(release, 1).with(&["a", "stays", "goes"], 3),
        Service::new(release, 0).with(&["a", "stays", "late"], 2),
    ];
    let heaps = dumps.each_ref().map(|dump| Heap::open(dump, dump, &[]).unwrap());
    let sides = heaps.each_ref().map(side);
    let found = newcomers(&sides, "Session", Counted::All).unwrap();
    let steps: Vec<Step> = found
        .objects
        .iter()
        .map(|id| found.paths.of(*id).unwrap().last().copied().cloned().unwrap())
        .collect();
    assert_eq!(steps.len(), 2, "{steps:?}");
    assert!(format!("{steps:?}").contains("\"stays\"") && steps.contains(&Step::Element(1)), "{steps:?}");
    let owners = collections(&sides, Counted::All, false).unwrap();
    let name = |id: u32| format!("{:?}", owners.paths[2].as_ref().unwrap().of(id).unwrap().last().unwrap());
    let counts: Vec<(String, Vec<u64>)> = owners
        .changes
        .iter()
        .map(|change| {
            (name(change.group.objects[2].unwrap()), change.sums.iter().map(|sum| sum.count).collect())
        })
        .collect();
    assert!(counts.contains(&("Property(\"store\")".to_owned(), vec![1, 3, 3])), "{counts:?}");
    assert!(counts.contains(&("Property(\"list\")".to_owned(), vec![1, 3, 2])), "{counts:?}");
    let fingerprints = Fingerprints::default();
    for change in &owners.changes {
        let turnover = turnover(&sides, &change.group, &fingerprints).unwrap();
        let object = heaps[2]
            .object_by_id(heaps[2].objects(&Unattended).unwrap(), ObjectId(change.group.objects[2].unwrap()));
        match heaps[2].name(heaps[2].constructor_name(object.unwrap())) {
            "Array" => assert_eq!(turnover, None, "elements have no keys"),
            _ => {
                let turnover = turnover.unwrap();
                assert_eq!((turnover.added, turnover.gone, turnover.stayed), (2, 0, 1));
            }
        }
    }
}

#[test]
fn whoever_stops_it_gets_no_half_of_an_answer() {
    let dump = Service::new(Release::Node24, 0).with(&["a"], 20);
    let heap = Heap::open(&dump, &dump, &[]).unwrap();
    heap.kinds(&Unattended).unwrap();
    heap.dominators(&Unattended).unwrap();
    let sides = [side(&heap), Side { heap: &heap, monitor: &Stopped }];
    assert!(matches!(newcomers(&sides, "Session", Counted::All), Err(Error::Interrupted)));
    assert!(matches!(collections(&sides, Counted::All, true), Err(Error::Interrupted)));
    assert!(matches!(heap.inventory(Counted::All, &Stopped), Err(Error::Interrupted)));
    let fingerprints = Fingerprints::default();
    assert!(matches!(heap.string_texts(Counted::All, &fingerprints, &Stopped), Err(Error::Interrupted)));
    // The same question is answered when nobody stops it.
    assert!(newcomers(&[side(&heap), side(&heap)], "Session", Counted::All).unwrap().objects.is_empty());
}
