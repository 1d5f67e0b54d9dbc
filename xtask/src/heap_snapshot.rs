//! V8's own count of a heap: the JavaScript objects of a `.heapsnapshot`, by constructor.
//!
//! The file is one JSON object. `snapshot.meta` names the fields of a node and the values of its first, `nodes` is all
//! nodes' fields in a row, `strings` comes last. (V8: `HeapSnapshotJSONSerializer` in
//! `src/profiler/heap-snapshot-generator.cc`; what a node is called: `V8HeapExplorer::AddEntry` in the same file.)
//! It is read as a stream: several gigabytes of it take the memory of a few counters.
//!
//! What counts as a JavaScript object, and under which name:
//!
//! | node type | name in the file | counted as |
//! | --- | --- | --- |
//! | `object` | constructor | that name |
//! | `object` | `system / Context` and the like | not at all: no JavaScript value |
//! | `closure` | name of the function | `Function` |
//! | `regexp` | source | `RegExp` |
//! | `hidden` | `system / JSProxy` | `Proxy` |
//! | `native` | `Node / X`, `CppgcShim` or `InternalNode` of workerd, odd id | that name: a JavaScript object that V8 calls after the C++ object tied to it |
//! | any other | | not at all |
//!
//! Ids of heap objects are odd, those of C++ objects that stand for themselves are even.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use test_support::scenarios::constructors::{Counts, TIED};

/// What a heap snapshot says of the heap.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct HeapSnapshot {
    /// JavaScript objects by constructor name.
    pub objects: Counts,
    /// Nodes of type `object` that are no JavaScript values, by name.
    pub internal: Counts,
    /// Strings of every representation.
    pub strings: u64,
    /// Numbers held in heap objects of their own.
    pub heap_numbers: u64,
    /// Symbols.
    pub symbols: u64,
    /// BigInts.
    pub bigints: u64,
    /// All nodes.
    pub nodes: u64,
}

impl HeapSnapshot {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<HeapSnapshot> {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        HeapSnapshot::parse(BufReader::with_capacity(1 << 20, file))
            .with_context(|| format!("{} is no heap snapshot", path.display()))
    }

    fn parse(source: impl Read) -> Result<HeapSnapshot> {
        let mut json = serde_json::Deserializer::from_reader(source);
        let raw = json.deserialize_map(FileVisitor)?;
        ensure!(raw.names.len() == raw.wanted.len(), "the file ends before its strings");
        Ok(raw.named())
    }

    /// Adds another isolate's heap.
    pub fn add(&mut self, other: &HeapSnapshot) {
        for (mine, others) in [(&mut self.objects, &other.objects), (&mut self.internal, &other.internal)] {
            for (name, count) in others {
                *mine.entry(name.clone()).or_default() += count;
            }
        }
        self.strings += other.strings;
        self.heap_numbers += other.heap_numbers;
        self.symbols += other.symbols;
        self.bigints += other.bigints;
        self.nodes += other.nodes;
    }
}

/// `cargo xtask truth`.
pub fn run(mut arguments: lexopt::Parser) -> Result<()> {
    while let Some(argument) = arguments.next()? {
        let lexopt::Arg::Value(path) = argument else { return Err(argument.unexpected().into()) };
        let snapshot = HeapSnapshot::read(Path::new(&path))?;
        let mut rows: Vec<_> = snapshot.objects.iter().collect();
        rows.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), *name));
        for (name, count) in rows {
            println!("{count:10} {name}");
        }
        println!("{:10} JavaScript objects", snapshot.objects.values().sum::<u64>());
        println!("{:10} strings", snapshot.strings);
        println!("{:10} heap numbers", snapshot.heap_numbers);
        println!("{:10} symbols", snapshot.symbols);
        println!("{:10} bigints", snapshot.bigints);
        println!("{:10} nodes", snapshot.nodes);
        for (name, count) in &snapshot.internal {
            println!("{count:10} {name} (not counted)");
        }
    }
    Ok(())
}

/// The fields of a node that matter here, as positions in it, and what the values of its type mean.
#[derive(Default)]
struct Meta {
    width: usize,
    kind: usize,
    name: usize,
    id: usize,
    kinds: Vec<Kind>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Kind {
    Object,
    Closure,
    RegExp,
    Hidden,
    /// A native node that stands for a heap object.
    Native,
    String,
    Number,
    Symbol,
    BigInt,
    Other,
}

impl Kind {
    fn of(name: &str) -> Kind {
        match name {
            "object" => Kind::Object,
            "closure" => Kind::Closure,
            "regexp" => Kind::RegExp,
            "hidden" => Kind::Hidden,
            "native" => Kind::Native,
            "string" | "concatenated string" | "sliced string" => Kind::String,
            "number" => Kind::Number,
            "symbol" => Kind::Symbol,
            "bigint" => Kind::BigInt,
            _ => Kind::Other,
        }
    }

    /// Whether the name of such a node decides what it counts as.
    fn is_named(self) -> bool {
        matches!(self, Kind::Object | Kind::Hidden | Kind::Native)
    }
}

/// The file, with names still as indexes.
#[derive(Default)]
struct Raw {
    nodes: u64,
    /// Nodes whose name does not matter.
    unnamed: HashMap<Kind, u64>,
    /// By kind and index of the name.
    named: HashMap<(Kind, u64), u64>,
    /// Indexes of the names above.
    wanted: std::collections::BTreeSet<u64>,
    names: HashMap<u64, String>,
}

impl Raw {
    fn named(self) -> HeapSnapshot {
        let of = |kind| self.unnamed.get(&kind).copied().unwrap_or(0);
        let mut snapshot = HeapSnapshot {
            strings: of(Kind::String),
            heap_numbers: of(Kind::Number),
            symbols: of(Kind::Symbol),
            bigints: of(Kind::BigInt),
            nodes: self.nodes,
            ..HeapSnapshot::default()
        };
        let mut count = |name: &str, count: u64| {
            if count > 0 {
                *snapshot.objects.entry(name.to_owned()).or_default() += count;
            }
        };
        count("Function", of(Kind::Closure));
        count("RegExp", of(Kind::RegExp));
        for (&(kind, index), &found) in &self.named {
            let name = &self.names[&index];
            match kind {
                Kind::Object if name.starts_with("system / ") => {
                    *snapshot.internal.entry(name.clone()).or_default() += found;
                }
                Kind::Object => count(name, found),
                Kind::Hidden if name == "system / JSProxy" => count("Proxy", found),
                Kind::Native if name.starts_with("Node / ") || TIED.contains(&&**name) => count(name, found),
                _ => {}
            }
        }
        snapshot
    }
}

struct FileVisitor;

impl<'de> Visitor<'de> for FileVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the object of a heap snapshot")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut raw = Raw::default();
        let mut meta = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "snapshot" => meta = Some(meta_of(&map.next_value()?).map_err(de::Error::custom)?),
                "nodes" => {
                    let meta = meta
                        .as_ref()
                        .ok_or_else(|| de::Error::custom("nodes come before their description"))?;
                    map.next_value_seed(Nodes { meta, raw: &mut raw })?;
                }
                "strings" => map.next_value_seed(Strings { raw: &mut raw })?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(raw)
    }
}

fn meta_of(snapshot: &serde_json::Value) -> Result<Meta, String> {
    let list = |value: &serde_json::Value, what: &str| -> Result<Vec<String>, String> {
        let items = value.as_array().ok_or_else(|| format!("no {what} in the description"))?;
        Ok(items.iter().map(|item| item.as_str().unwrap_or_default().to_owned()).collect())
    };
    let meta = &snapshot["meta"];
    let fields = list(&meta["node_fields"], "node_fields")?;
    let kinds = list(&meta["node_types"][0], "node types")?;
    let position = |name: &str| {
        fields.iter().position(|field| field == name).ok_or_else(|| format!("nodes have no field `{name}`"))
    };
    Ok(Meta {
        width: fields.len(),
        kind: position("type")?,
        name: position("name")?,
        id: position("id")?,
        kinds: kinds.iter().map(|kind| Kind::of(kind)).collect(),
    })
}

/// Counts the nodes as they stream by.
struct Nodes<'a> {
    meta: &'a Meta,
    raw: &'a mut Raw,
}

impl<'de> DeserializeSeed<'de> for Nodes<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Nodes<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of node fields")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut node = Vec::with_capacity(self.meta.width);
        while let Some(field) = fields.next_element::<u64>()? {
            node.push(field);
            if node.len() < self.meta.width {
                continue;
            }
            let (kind, name, id) = (node[self.meta.kind], node[self.meta.name], node[self.meta.id]);
            node.clear();
            self.raw.nodes += 1;
            let kind = usize::try_from(kind).ok().and_then(|kind| self.meta.kinds.get(kind)).copied();
            let kind = kind.ok_or_else(|| de::Error::custom("a node has an unknown type"))?;
            // Nodes of the embedder have even ids.
            if kind == Kind::Native && id % 2 == 0 {
                continue;
            }
            if kind.is_named() {
                *self.raw.named.entry((kind, name)).or_default() += 1;
                self.raw.wanted.insert(name);
            } else {
                *self.raw.unnamed.entry(kind).or_default() += 1;
            }
        }
        if node.is_empty() { Ok(()) } else { Err(de::Error::custom("the last node is incomplete")) }
    }
}

/// Keeps the strings that are names in use.
struct Strings<'a> {
    raw: &'a mut Raw,
}

impl<'de> DeserializeSeed<'de> for Strings<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Strings<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of strings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut strings: A) -> Result<(), A::Error> {
        let mut index = 0;
        while let Some(Text(text)) = strings.next_element()? {
            if self.raw.wanted.contains(&index) {
                self.raw.names.insert(index, text);
            }
            index += 1;
        }
        Ok(())
    }
}

/// A JSON string that may hold half a surrogate pair, as JavaScript's strings do.
#[derive(Debug)]
pub struct Text(pub String);

impl<'de> de::Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Text;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Text, E> {
                Ok(Text(String::from_utf8_lossy(bytes).into_owned()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fields: type, name, id, self_size, edge_count.
    const SMALL: &str = r#"{"snapshot":{"meta":{"node_fields":["type","name","id","self_size","edge_count"],
        "node_types":[["hidden","string","object","closure","regexp","native","number"],"string","number","number","number"]},
        "node_count":9},
        "nodes":[2,0,1,0,0, 2,0,3,0,0, 2,1,5,0,0, 3,4,7,0,0, 4,4,9,0,0, 5,2,11,0,0, 5,2,12,0,0, 0,3,13,0,0, 2,5,15,0,0],
        "edges":[1,2,3],"strings":["Point","system / Context","Node / Wrap","system / JSProxy","lone \ud800","global (global*)"]}"#;

    #[test]
    fn counts_javascript_objects_by_constructor() {
        let snapshot = HeapSnapshot::parse(SMALL.as_bytes()).unwrap();
        let expected = [
            ("Function", 1),
            ("Node / Wrap", 1),
            ("Point", 2),
            ("Proxy", 1),
            ("RegExp", 1),
            ("global (global*)", 1),
        ];
        assert_eq!(snapshot.objects, expected.map(|(name, count)| (name.to_owned(), count)).into());
        assert_eq!(snapshot.internal, [("system / Context".to_owned(), 1)].into());
        assert_eq!(snapshot.nodes, 9);
    }

    #[test]
    fn a_cut_file_is_an_error() {
        for end in [10, 200, 420, SMALL.len() - 3] {
            assert!(HeapSnapshot::parse(&SMALL.as_bytes()[..end]).is_err(), "cut at {end}");
        }
    }
}
