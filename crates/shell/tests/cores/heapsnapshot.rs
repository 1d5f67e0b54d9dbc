//! `::heapsnapshot`: what is in the file, against what the programs made. `cargo xtask snapshot` holds whole files against V8's own.
#![allow(clippy::unwrap_used, reason = "a test fails where it panics")]

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use test_support::scenarios::shipped::{LINES, ShippedCore};

use crate::{all_answers, answers, only};

/// A snapshot, as its readers see it.
struct Snapshot {
    kinds: Vec<String>,
    edge_kinds: Vec<String>,
    nodes: Vec<u64>,
    edges: Vec<u64>,
    strings: Vec<String>,
    /// Number of the first edge of each node.
    starts: Vec<usize>,
}

const NODE_FIELDS: usize = 7;

impl Snapshot {
    fn read(path: &Path) -> Snapshot {
        let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let numbers = |value: &Value| value.as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
        let texts = |value: &Value| -> Vec<String> {
            value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
        };
        let meta = &file["snapshot"]["meta"];
        assert_eq!(meta["node_fields"].as_array().unwrap().len(), NODE_FIELDS);
        let mut snapshot = Snapshot {
            kinds: texts(&meta["node_types"][0]),
            edge_kinds: texts(&meta["edge_types"][0]),
            nodes: numbers(&file["nodes"]),
            edges: numbers(&file["edges"]),
            strings: texts(&file["strings"]),
            starts: vec![0],
        };
        for node in snapshot.nodes.chunks_exact(NODE_FIELDS) {
            snapshot.starts.push(snapshot.starts.last().unwrap() + node[4] as usize);
        }
        assert_eq!(file["snapshot"]["node_count"], snapshot.len() as u64);
        assert_eq!(file["snapshot"]["edge_count"], snapshot.edges.len() as u64 / 3);
        assert_eq!(*snapshot.starts.last().unwrap(), snapshot.edges.len() / 3);
        snapshot
    }

    fn len(&self) -> usize {
        self.nodes.len() / NODE_FIELDS
    }

    fn field(&self, node: usize, field: usize) -> u64 {
        self.nodes[NODE_FIELDS * node + field]
    }

    fn kind(&self, node: usize) -> &str {
        &self.kinds[self.field(node, 0) as usize]
    }

    fn name(&self, node: usize) -> &str {
        &self.strings[self.field(node, 1) as usize]
    }

    fn called<'s>(&'s self, kind: &'s str, name: &'s str) -> impl Iterator<Item = usize> + 's {
        (0..self.len()).filter(move |node| self.kind(*node) == kind && self.name(*node) == name)
    }

    /// Kind, name and target of a node's references.
    fn edges_of(&self, node: usize) -> Vec<(&str, String, usize)> {
        let edges = &self.edges[3 * self.starts[node]..3 * self.starts[node + 1]];
        edges
            .chunks_exact(3)
            .map(|edge| {
                let kind = self.edge_kinds[edge[0] as usize].as_str();
                let name = match kind {
                    "element" | "hidden" => edge[1].to_string(),
                    _ => self.strings[edge[1] as usize].clone(),
                };
                assert!(edge[2].is_multiple_of(NODE_FIELDS as u64) && (edge[2] as usize) < self.nodes.len());
                (kind, name, edge[2] as usize / NODE_FIELDS)
            })
            .collect()
    }

    /// What a node's only reference of this kind and name leads to.
    fn target(&self, node: usize, kind: &str, name: &str) -> usize {
        let edges = self.edges_of(node);
        let found: Vec<_> = edges.iter().filter(|edge| edge.0 == kind && edge.1 == name).collect();
        let [edge] = found[..] else { panic!("{kind} {name} of {}: {edges:?}", self.name(node)) };
        edge.2
    }
}

/// The snapshot that a command writes of a core, and what the debugger says of it.
fn written(core: ShippedCore, command: &str) -> (Snapshot, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.heapsnapshot");
    let [said] = answers(core, [&format!("{command} {}", path.display())]);
    assert!(said.starts_with("wrote "), "{core}: {said}");
    (Snapshot::read(&path), said)
}

fn cores(scenario: &'static str) -> impl Iterator<Item = ShippedCore> {
    LINES.into_iter().map(move |line| ShippedCore { scenario, line })
}

#[test]
fn objects_are_there_with_what_they_refer_to() {
    for core in cores("leak") {
        let (snapshot, said) = written(core, "::heapsnapshot");
        assert!(said.contains(&format!(
            " {} nodes, {} references",
            snapshot.len(),
            snapshot.edges.len() / 3
        )));
        for (name, count) in
            [("Gateway", 1), ("UpstreamConnection", 800), ("IncomingRequest", 800), ("Chunk", 2400)]
        {
            // A class has a prototype of its own name, and the constructor is a closure.
            let found = snapshot
                .called("object", name)
                .filter(|node| snapshot.edges_of(*node).iter().all(|edge| edge.1 != "constructor"));
            assert_eq!(found.count(), count, "{core}: {name}");
        }
        for connection in snapshot.called("object", "UpstreamConnection") {
            if snapshot.edges_of(connection).iter().any(|edge| edge.1 == "constructor") {
                continue;
            }
            let request = snapshot.target(connection, "property", "request");
            assert_eq!((snapshot.kind(request), snapshot.name(request)), ("object", "IncomingRequest"));
            let url = snapshot.target(request, "property", "url");
            assert!(matches!(snapshot.kind(url), "concatenated string" | "string"), "{core}");
            let pending = snapshot.target(connection, "property", "pending");
            assert_eq!(snapshot.name(pending), "Array");
            for index in ["0", "1", "2"] {
                assert_eq!(snapshot.name(snapshot.target(pending, "element", index)), "Chunk", "{core}");
            }
            let resume = snapshot.target(connection, "property", "resume");
            // V8 does not give it the name of the property that it was assigned to.
            assert_eq!((snapshot.kind(resume), snapshot.name(resume)), ("closure", ""), "{core}");
            let context = snapshot.target(resume, "internal", "context");
            assert_eq!(snapshot.name(context), "system / Context");
            assert_eq!(snapshot.target(context, "context", "this"), connection, "{core}");
            let map = snapshot.target(connection, "internal", "map");
            assert_eq!(snapshot.kind(map), "object shape", "{core}");
        }
        // The first node is the root; what is below it are groups and global objects.
        assert_eq!((snapshot.kind(0), snapshot.name(0)), ("synthetic", ""));
        let shortcuts = snapshot.edges_of(0).into_iter().filter(|edge| edge.0 == "shortcut");
        let globals: Vec<&str> = shortcuts.map(|edge| snapshot.name(edge.2)).collect();
        assert!(
            !globals.is_empty()
                && globals.iter().all(|name| matches!(
                    *name,
                    "global" | "Object" | "global (global*)" | "Object (global*)"
                )),
            "{core}: {globals:?}"
        );
    }
}

#[test]
fn values_of_a_weak_map_belong_to_their_keys() {
    for core in cores("retained") {
        let (snapshot, _) = written(core, "::heapsnapshot");
        let keys = snapshot.called("object", "Key");
        let secrets: Vec<usize> = keys
            .flat_map(|key| {
                let edges = snapshot.edges_of(key).into_iter();
                edges.filter(|edge| edge.1.contains(" / part of key (Key @")).map(|edge| edge.2)
            })
            .collect();
        assert_eq!(secrets.len(), 50, "{core}");
        assert!(secrets.iter().all(|secret| snapshot.name(*secret) == "Secret"), "{core}");
        let (key, table) = (snapshot.called("object", "Key").next().unwrap(), secrets[0]);
        let ids: BTreeMap<u64, usize> =
            (0..snapshot.len()).map(|node| (snapshot.field(node, 2), node)).collect();
        assert_eq!(ids.len(), snapshot.len(), "{core}: ids are unique");
        // As readers take the name apart.
        let name = snapshot.edges_of(key).into_iter().find(|edge| edge.2 == table).map(|edge| edge.1);
        if let Some(name) = name {
            let table = name.split("(table @").nth(1).unwrap().trim_end_matches(')').parse::<u64>().unwrap();
            assert_eq!(snapshot.name(ids[&table]), "", "{core}: an array without a name of its own");
        }
    }
}

#[test]
fn one_object_comes_with_what_it_retains() {
    for core in cores("leak") {
        let gateway = only(core, "-c Gateway");
        let (snapshot, _) = written(core, &format!("{gateway}::heapsnapshot"));
        let [text] = answers(core, [&format!("{gateway}::jsretained")]);
        let cells: Vec<u64> = text
            .lines()
            .nth(1)
            .unwrap()
            .split_whitespace()
            .skip(2)
            .take(2)
            .map(|n| n.parse().unwrap())
            .collect();
        let sum: u64 = (0..snapshot.len()).map(|node| snapshot.field(node, 3)).sum();
        assert_eq!(sum, cells[0] + cells[1], "{core}");
        assert_eq!(snapshot.called("object", "UpstreamConnection").count(), 800, "{core}");
        let own = snapshot.target(0, "shortcut", "1");
        assert_eq!(snapshot.name(own), "Gateway", "{core}");
        // Its id leads back.
        let [address] = answers(core, [&format!("::snapshotnode @{}", snapshot.field(own, 2))]);
        assert_eq!(address.trim(), gateway, "{core}");
    }
}

#[test]
fn garbage_is_there_only_when_asked_for() {
    let core = ShippedCore { scenario: "leak", line: 24 };
    let (living, _) = written(core, "::heapsnapshot");
    let (all, _) = written(core, "::heapsnapshot -a");
    assert!(living.called("synthetic", "(Garbage)").all(|group| living.edges_of(group).is_empty()));
    let group = all.called("synthetic", "(Garbage)").next().unwrap();
    let garbage = all.edges_of(group).len();
    let [count] = answers(core, ["::walk v8object | ::count"]);
    let objects = (0..all.len()).filter(|node| all.field(*node, 2) % 2 == 1).count();
    assert_eq!(count.trim().parse::<usize>().unwrap(), objects);
    assert!(garbage > 0 && living.len() + garbage <= all.len());
}

#[test]
fn what_cannot_be_written_is_an_error() {
    let core = ShippedCore { scenario: "leak", line: 24 };
    let lines = [
        "::heapsnapshot /nowhere/x.heapsnapshot",
        "::heapsnapshot /dev/null",
        "::snapshotnode 2",
        "::snapshotnode x",
    ];
    let said = all_answers(core, &lines.map(str::to_owned));
    assert!(said.iter().all(|text| text.is_empty()), "{said:?}");
}
