use super::*;
use crate::Unattended;
use crate::graph::Objects;
use proptest::prelude::*;

const NODE_TYPES: [&str; 12] = [
    "hidden",
    "array",
    "string",
    "object",
    "code",
    "closure",
    "regexp",
    "native",
    "synthetic",
    "number",
    "symbol",
    "bigint",
];
const EDGE_TYPES: [&str; 7] = ["context", "element", "property", "internal", "hidden", "shortcut", "weak"];

/// A snapshot as text: nodes as type, name, id and size, edges as holder, type, name or number, target.
#[derive(Default)]
struct Sketch {
    nodes: Vec<(&'static str, String, u64, u64)>,
    edges: Vec<(usize, &'static str, String, usize)>,
}

impl Sketch {
    fn node(&mut self, kind: &'static str, name: &str, id: u64, size: u64) -> usize {
        self.nodes.push((kind, name.to_owned(), id, size));
        self.nodes.len() - 1
    }

    fn edge(&mut self, from: usize, kind: &'static str, name: &str, to: usize) {
        self.edges.push((from, kind, name.to_owned(), to));
    }

    /// With the fields in the order of V8 11 or in another.
    fn text(&self, fields: &[&str]) -> String {
        let mut strings: Vec<String> = Vec::new();
        let mut string = |text: &str| {
            strings.iter().position(|own| own == text).unwrap_or_else(|| {
                strings.push(text.to_owned());
                strings.len() - 1
            })
        };
        let place = |all: &[&str], name: &str| all.iter().position(|own| *own == name).unwrap();
        let (mut nodes, mut edges) = (Vec::new(), Vec::new());
        for (number, (kind, name, id, size)) in self.nodes.iter().enumerate() {
            let own: Vec<_> = self.edges.iter().filter(|edge| edge.0 == number).collect();
            for field in fields {
                nodes.push(match *field {
                    "type" => place(&NODE_TYPES, kind) as u64,
                    "name" => string(name) as u64,
                    "id" => *id,
                    "self_size" => *size,
                    "edge_count" => own.len() as u64,
                    _ => 0,
                });
            }
            for (_, kind, name, to) in own {
                let name = match *kind {
                    "element" | "hidden" => name.parse().unwrap(),
                    _ => string(name),
                };
                edges.extend([place(&EDGE_TYPES, kind), name, to * fields.len()]);
            }
        }
        format!(
            r#"{{"snapshot":{{"meta":{{"node_fields":{},"node_types":[{},"string","number"],"edge_fields":["type","name_or_index","to_node"],"edge_types":[{},"string_or_number","node"]}},"node_count":{},"edge_count":{},"trace_function_count":0}},
"nodes":{},
"edges":{},
"trace_function_infos":[],
"trace_tree":[0,[1,[]]],
"samples":[],
"locations":[1,2,3,4],
"strings":{}}}
"#,
            serde_json::to_string(fields).unwrap(),
            serde_json::to_string(&NODE_TYPES).unwrap(),
            serde_json::to_string(&EDGE_TYPES).unwrap(),
            self.nodes.len(),
            self.edges.len(),
            serde_json::to_string(&nodes).unwrap(),
            serde_json::to_string(&edges).unwrap(),
            serde_json::to_string(&strings).unwrap(),
        )
    }
}

const FIELDS: [&str; 5] = ["type", "name", "id", "self_size", "edge_count"];

fn open(text: &str) -> SnapshotFile {
    assert!(SnapshotFile::is_one(text.as_bytes()));
    SnapshotFile::open(Contents::Owned(text.as_bytes().to_vec())).unwrap()
}

/// Everything that a file is asked, for what it does to the reader.
fn ask_everything(file: &SnapshotFile) -> Result<()> {
    let nodes = file.nodes(&Unattended)?;
    file.shortcomings(&Unattended)?;
    file.classes(true, &Unattended)?;
    for suspect in file.suspects(&Unattended)? {
        file.meant(suspect, &Unattended)?;
    }
    for node in 0..nodes.len().min(64) as u32 {
        nodes.edges_of(node)?.iter().for_each(|edge| drop(nodes.edge_name(edge)));
        nodes.string(node, 100)?;
        nodes.value(node)?;
        nodes.entries(node)?;
        nodes.member(node, Key::Index(0))?;
        file.ways(node, 2, node % 2 == 0, &Unattended)?;
        nodes.with_id(nodes.id(node));
    }
    nodes.holders(&[0], &Unattended)?;
    Ok(())
}

/// A service with a cache, a function that holds a variable, a WeakMap, and V8's own things.
fn service() -> Sketch {
    let mut sketch = Sketch::default();
    let root = sketch.node("synthetic", "", 1, 0);
    let global = sketch.node("object", "global", 3, 100);
    let roots = sketch.node("synthetic", "(GC roots)", 5, 0);
    let cache = sketch.node("object", "Cache", 7, 40);
    let storage = sketch.node("array", "(object elements)", 9, 80);
    let one = sketch.node("object", "Entry", 11, 10);
    let two = sketch.node("object", "Entry", 13, 10);
    let shared = sketch.node("string", "shared text", 15, 30);
    let function = sketch.node("closure", "later", 17, 64);
    let context = sketch.node("object", "system / Context", 19, 24);
    let table = sketch.node("array", "table", 21, 50);
    let value = sketch.node("object", "Value", 23, 70);
    let bytes = sketch.node("native", "system / JSArrayBufferData", 25, 5_000_000_000);
    let debugger = sketch.node("hidden", "system / Debugger", 27, 8);
    let lonely = sketch.node("object", "Lonely", 29, 5);
    sketch.edge(root, "shortcut", "1", global);
    sketch.edge(root, "element", "1", roots);
    sketch.edge(roots, "internal", "debugger", debugger);
    // V8 holds what is the program's: that does not count.
    sketch.edge(debugger, "internal", "seen", two);
    sketch.edge(global, "property", "cache", cache);
    sketch.edge(global, "property", "later", function);
    sketch.edge(cache, "internal", "elements", storage);
    sketch.edge(storage, "internal", "0", one);
    sketch.edge(storage, "internal", "1", two);
    sketch.edge(one, "property", "text", shared);
    sketch.edge(two, "property", "text", shared);
    sketch.edge(two, "property", "itself", two);
    sketch.edge(function, "internal", "context", context);
    sketch.edge(context, "context", "cache", cache);
    sketch.edge(context, "weak", "3", value);
    let pair = "1 / part of key (Entry @11) -> value (Value @23) pair in WeakMap (table @21)";
    sketch.edge(cache, "internal", "weak", table);
    sketch.edge(table, "internal", pair, value);
    sketch.edge(one, "internal", pair, value);
    sketch.edge(value, "internal", "backing_store", bytes);
    sketch.edge(lonely, "weak", "1", one);
    sketch
}

#[test]
fn what_keeps_what_alive_is_what_the_rules_say() {
    for fields in [
        &FIELDS[..],
        &["type", "name", "id", "self_size", "edge_count", "trace_node_id", "detachedness"],
        &["edge_count", "id", "type", "self_size", "name", "unheard_of"],
    ] {
        let file = open(&service().text(fields));
        let nodes = file.nodes(&Unattended).unwrap();
        let dominators = file.dominators(&Unattended).unwrap();
        let name = |node: u32| nodes.name(node);
        let at = |id: u64| nodes.with_id(id).unwrap();
        let above = |id: u64| dominators.above(at(id)).map(name);
        let total = |id: u64| (dominators.retained(at(id)), dominators.outside(at(id)));
        // By hand: the cache is held by the global object and by a variable of the function.
        assert_eq!(above(7).as_deref(), Some("global"));
        // Both entries have the text; the second is also in the hands of V8, which does not count.
        assert_eq!(above(15).as_deref(), Some("(object elements)"));
        assert_eq!(above(13).as_deref(), Some("(object elements)"));
        // The value hangs below its key, and its bytes are outside of the heap.
        assert_eq!(above(23).map(|_| dominators.above(at(23))), Some(Some(at(11))));
        assert_eq!(total(11), (10 + 70, 5_000_000_000));
        assert_eq!(total(13), (10, 0));
        assert_eq!(total(9), (80 + 10 + 70 + 10 + 30, 5_000_000_000));
        assert_eq!(total(7), (40 + 200 + 50, 5_000_000_000));
        assert_eq!(total(17), (64 + 24, 0));
        assert_eq!(total(3), (100 + 290 + 88, 5_000_000_000));
        assert_eq!(total(1), (478 + 8, 5_000_000_000));
        // Nothing holds it: it hangs below nothing, and counts for nobody else.
        assert_eq!(above(29), None);
        assert_eq!(total(29), (5, 0));
    }
}

#[test]
fn constructors_are_those_of_a_core() {
    let file = open(&service().text(&FIELDS));
    let nodes = file.nodes(&Unattended).unwrap();
    let classes = file.classes(true, &Unattended).unwrap();
    let mut told: Vec<_> = classes
        .iter()
        .map(|class| {
            (nodes.constructor_text(class.name), class.count, class.bytes, class.retained.unwrap().0)
        })
        .collect();
    told.sort();
    let wanted = [
        ("Cache", 1, 40, 290),
        ("Entry", 2, 20, 90),
        ("Function", 1, 64, 88),
        ("Lonely", 1, 5, 5),
        ("Value", 1, 70, 70),
        ("global", 1, 100, 478),
    ];
    let wanted: Vec<_> =
        wanted.into_iter().map(|(name, count, bytes, all)| (name.to_owned(), count, bytes, all)).collect();
    assert_eq!(told, wanted);
    assert!(!nodes.is_js(nodes.with_id(19).unwrap()));
}

#[test]
fn ways_lead_from_what_every_program_has() {
    let file = open(&service().text(&FIELDS));
    let nodes = file.nodes(&Unattended).unwrap();
    let ways = file.ways(nodes.with_id(15).unwrap(), 9, false, &Unattended).unwrap();
    let names: Vec<Vec<String>> =
        ways.iter().map(|way| way.nodes.iter().map(|node| nodes.name(*node)).collect()).collect();
    let way = ["global", "Cache", "(object elements)", "Entry", "shared text"];
    assert_eq!(names, [way, way]);
    assert!(ways.iter().all(|way| way.root.is_none()));
    let debugger = file.ways(nodes.with_id(27).unwrap(), 1, false, &Unattended).unwrap();
    assert_eq!(debugger[0].root.map(|root| nodes.name(root)).as_deref(), Some("(GC roots)"));
}

#[test]
fn references_are_found_with_those_that_do_not_count() {
    let file = open(&service().text(&FIELDS));
    let nodes = file.nodes(&Unattended).unwrap();
    let holders = nodes.holders(&[nodes.with_id(13).unwrap()], &Unattended).unwrap();
    let told: Vec<_> =
        holders.iter().map(|held| (nodes.id(held.holder), nodes.edge_name(&held.edge))).collect();
    let name = |text: &str| Some(text.to_owned());
    assert_eq!(told, [(9, name("1")), (13, name("itself")), (27, name("seen"))]);
}

/// Every prefix of a file is answered, or refused as cut off.
#[test]
fn what_is_cut_off_is_said() {
    let text = service().text(&FIELDS);
    let end_of_edges = text.find("\"trace_function_infos\"").unwrap();
    let (mut refused, mut answered) = (0, 0);
    for length in 0..text.trim_end().len() {
        let cut = &text[..length];
        let answer = SnapshotFile::open(Contents::Owned(cut.as_bytes().to_vec())).and_then(|file| {
            assert!(!file.seems_whole() || cut.ends_with('}'));
            file.shortcomings(&Unattended)
        });
        match answer {
            Ok(said) => {
                answered += 1;
                assert!(length + 2 >= end_of_edges, "{length}");
                assert!(
                    said.iter().any(|said| said.contains("cut off")) || length + 1 == text.trim_end().len(),
                    "{length}: {said:?}"
                );
            }
            Err(Error::SnapshotCut { at, .. }) => {
                refused += 1;
                assert_eq!(at, length as u64);
            }
            Err(error) => panic!("{length}: {error}"),
        }
    }
    assert!(refused > 500 && answered > 300, "{refused} {answered}");
}

#[test]
fn what_cannot_be_is_told_with_its_place() {
    let text = service().text(&FIELDS);
    for (from, to, what) in [
        ("\"nodes\":[8,", "\"nodes\":[12,", "type 12"),
        ("\"nodes\":[8,", "\"nodes\":[8,8,", "no nodes of 5"),
        ("\"edges\":[5,", "\"edges\":[7,", "type that has no name"),
        ("\"edge_count\":20", "\"edge_count\":21", ""),
        ("\"id\",", "", "no field `id`"),
        ("\"nodes\":[8,", "\"nodes\":[x,", "'x'"),
        ("\"edges\":", "\"ledges\":", "not there"),
    ] {
        let broken = text.replacen(from, to, 1);
        assert_ne!(broken, text, "{from}");
        let answer = SnapshotFile::open(Contents::Owned(broken.into_bytes()))
            .and_then(|file| ask_everything(&file).map(|()| file));
        match answer {
            Err(error) => assert!(!what.is_empty() && error.to_string().contains(what), "{what}: {error}"),
            Ok(file) => {
                assert_eq!(what, "");
                let said = file.shortcomings(&Unattended).unwrap();
                assert!(said[0].contains("21 references, and has 20"), "{said:?}");
            }
        }
    }
}

#[test]
fn other_files_are_none() {
    for (start, is_one) in [
        (&b"{\"snapshot\":{\"meta\":{"[..], true),
        (b" {\n\"snapshot\" : { \"meta\":", true),
        (b"{\"snapshot\":[", false),
        (b"{\"other\":1}", false),
        (b"\x7fELF", false),
        (b"", false),
        (b"{", false),
    ] {
        assert_eq!(SnapshotFile::is_one(start), is_one, "{}", String::from_utf8_lossy(start));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    /// Whatever bytes are changed, there is an answer or an error.
    #[test]
    fn damaged_files_do_no_harm(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = service().text(&FIELDS).into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = if byte < 128 { b"0123456789,[]\"\\{}"[byte as usize % 17] } else { byte };
        }
        if let Ok(file) = SnapshotFile::open(Contents::Owned(bytes)) {
            let _ = ask_everything(&file);
        }
    }

    /// Retained sizes against the definition: what is not reached any more when a node is gone.
    #[test]
    fn retained_sizes_are_what_the_definition_says(edges in prop::collection::vec((0..12usize, 0..12usize), 0..40)) {
        let mut sketch = Sketch::default();
        let root = sketch.node("synthetic", "", 1, 0);
        for node in 1..13u64 {
            sketch.node("object", "Thing", 1 + 2 * node, 1 << node);
        }
        sketch.edge(root, "element", "1", 1);
        for (index, (from, to)) in edges.iter().enumerate() {
            sketch.edge(from + 1, "property", &format!("p{index}"), to + 1);
        }
        let file = open(&sketch.text(&FIELDS));
        let dominators = file.dominators(&Unattended).unwrap();
        // What the root does not reach is held by the root all the same: what nothing holds, then what is left.
        let reached = |seeds: &[usize], without: usize| {
            let mut seen = [false; 13];
            let mut stack = seeds.to_vec();
            while let Some(node) = stack.pop() {
                if node != without && !std::mem::replace(&mut seen[node], true) {
                    stack.extend(edges.iter().filter(|(from, _)| from + 1 == node).map(|(_, to)| to + 1));
                }
            }
            seen
        };
        let mut seeds = vec![1];
        let is_held = |node: usize| edges.iter().any(|(from, to)| to + 1 == node && from != to);
        let first = reached(&seeds, 0);
        seeds.extend((1..13).filter(|node| !first[*node] && !is_held(*node)));
        let second = reached(&seeds, 0);
        seeds.extend((1..13).filter(|node| !second[*node]));
        for node in 1..13usize {
            let without = reached(&seeds, node);
            let retained: u64 = (1..13usize).filter(|other| !without[*other]).map(|other| 1 << other).sum();
            prop_assert_eq!(dominators.retained(node as u32), retained, "{}", node);
        }
    }
}

/// Values as V8 writes them: from 13 on oddballs have names of their own, before they are told by the first of their words. A table of a Map
/// has 3 words of counts, a bucket for every two entries, and 3 words for each entry; that of a Set 2.
#[test]
fn nodes_are_the_values_of_the_program() {
    let mut sketch = Sketch::default();
    let root = sketch.node("synthetic", "", 1, 0);
    let object = sketch.node("object", "Thing", 3, 48);
    sketch.edge(root, "property", "thing", object);
    let text = sketch.node("string", "true", 5, 24);
    let other = sketch.node("string", "boolean", 7, 24);
    let old = sketch.node("hidden", "system / Oddball", 9, 48);
    sketch.edge(old, "hidden", "0", text);
    sketch.edge(old, "hidden", "1", other);
    let new = sketch.node("hidden", "null", 11, 0);
    let half = sketch.node("number", "heap number", 13, 16);
    let says = sketch.node("string", "0.5", 15, 0);
    sketch.edge(half, "internal", "value", says);
    let small = sketch.node("number", "smi number", 17, 0);
    let says = sketch.node("string", "-7", 19, 0);
    sketch.edge(small, "internal", "value", says);
    let untold = sketch.node("number", "heap number", 21, 16);
    let accessor = sketch.node("hidden", "system / AccessorPair", 23, 24);
    let big = sketch.node("bigint", "bigint", 25, 24);
    for (name, node) in [
        ("old", old),
        ("new", new),
        ("half", half),
        ("small", small),
        ("untold", untold),
        ("get", accessor),
        ("big", big),
        ("gr\u{f6}\u{df}e", text),
    ] {
        sketch.edge(object, "property", name, node);
    }
    sketch.edge(object, "element", "3", half);
    let map = sketch.node("object", "Map", 27, 32);
    let table = sketch.node("array", "", 29, 16 + 8 * (3 + 2 + 4 * 3));
    sketch.edge(map, "internal", "table", table);
    // Entry 0 has a key and a value, entry 1 was deleted, entry 2 has a small integer as its key, entry 3 as its value.
    for (word, node) in [("5", text), ("6", object), ("12", map), ("14", other)] {
        sketch.edge(table, "internal", word, node);
    }
    let set = sketch.node("object", "Set", 31, 32);
    let table = sketch.node("array", "", 33, 16 + 8 * (3 + 2 + 4 * 2));
    sketch.edge(set, "internal", "table", table);
    for (word, node) in [("9", object), ("5", text)] {
        sketch.edge(table, "internal", word, node);
    }
    let file = SnapshotFile::open(Contents::Owned(sketch.text(&FIELDS).into_bytes())).unwrap();
    let nodes = file.nodes(&Unattended).unwrap();
    let member = |name: &str| {
        let key = Key::Name(nodes.string_saying(name)?);
        nodes.member(object as u32, key).unwrap()
    };
    let value = |name: &str| nodes.value(member(name).unwrap()).unwrap();
    assert_eq!(value("old"), NodeValue::Boolean(true));
    assert_eq!(value("new"), NodeValue::Null);
    assert_eq!(value("half"), NodeValue::Number(Some(0.5)));
    assert_eq!(value("small"), NodeValue::Number(Some(-7.0)));
    assert_eq!(value("untold"), NodeValue::Number(None));
    assert_eq!(value("get"), NodeValue::Accessor);
    assert_eq!(value("big"), NodeValue::BigInt);
    assert_eq!(value("gr\u{f6}\u{df}e"), NodeValue::String);
    assert_eq!(member("nothing"), None);
    assert_eq!(nodes.member(object as u32, Key::Index(3)).unwrap(), Some(half as u32));
    assert_eq!(nodes.value(object as u32).unwrap(), NodeValue::Object);
    assert!(nodes.tells_numbers());
    let entry = |key: Option<usize>, value: Option<usize>| Entry {
        key: key.map(|key| key as u32),
        value: value.map(|value| value as u32),
    };
    let entries = vec![entry(Some(text), Some(object)), entry(None, Some(map)), entry(Some(other), None)];
    assert_eq!(nodes.entries(map as u32).unwrap(), Some(Entries { is_set: false, entries }));
    let entries = vec![entry(Some(text), None), entry(Some(object), None)];
    assert_eq!(nodes.entries(set as u32).unwrap(), Some(Entries { is_set: true, entries }));
    assert_eq!(nodes.entries(object as u32).unwrap(), None);
}
