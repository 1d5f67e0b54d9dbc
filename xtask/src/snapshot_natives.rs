//! C++ objects of Node.js in heap snapshots: those that the debugger has of a core, held against those that Node.js told V8.
//!
//! A node is told by its kind, name and size, and all its references by name and by what they lead to; so are references of JavaScript
//! objects and of the list of roots to such nodes.

use std::collections::BTreeMap;

use crate::snapshot::node_key;
use crate::snapshot_graph::{Edge, EdgeKind, Node, NodeKind, SnapshotGraph};

/// How many there are on either side.
type Counts = BTreeMap<String, (usize, usize)>;

/// Whether both have the same, which is printed.
pub fn agree(ours: &SnapshotGraph, theirs: &SnapshotGraph, shown: usize) -> bool {
    let mut counts = Counts::new();
    let mut edges = [0, 0];
    for (side, snapshot) in [ours, theirs].into_iter().enumerate() {
        let mut add = |key: String| {
            let both = counts.entry(key).or_default();
            *(if side == 0 { &mut both.0 } else { &mut both.1 }) += 1;
        };
        for node in 0..snapshot.len() as Node {
            if is_native(snapshot, node) {
                let mut parts: Vec<String> =
                    snapshot.edges(node).iter().map(|edge| reference(snapshot, edge)).collect();
                edges[side] += parts.len();
                parts.sort();
                add(format!("{} {}", described(snapshot, node), parts.join(", ")));
                continue;
            }
            let is_roots = snapshot.kind(node) == NodeKind::Synthetic;
            if snapshot.is_in_heap(node) || is_roots {
                for edge in snapshot.edges(node).iter().filter(|edge| is_native(snapshot, edge.to)) {
                    edges[side] += 1;
                    // Which number it has depends on V8's other roots.
                    let told = match is_roots {
                        true => described(snapshot, edge.to),
                        false => reference(snapshot, edge),
                    };
                    add(format!("{} -> {told}", node_key(snapshot, node)));
                }
            }
        }
    }
    let count = |snapshot: &SnapshotGraph| {
        (0..snapshot.len() as Node).filter(|node| is_native(snapshot, *node)).count()
    };
    let alike = counts.iter().filter(|(key, _)| key.starts_with(NODE));
    let alike: usize = alike.map(|(_, (one, other))| *one.min(other)).sum();
    println!(
        "    C++ objects and parts: V8 has {} with {} references, ours are {} with {}; {alike} alike in everything",
        count(theirs),
        edges[1],
        count(ours),
        edges[0],
    );
    let apart: Vec<_> = counts.iter().filter(|(_, (one, other))| one != other).collect();
    for (key, (one, other)) in apart.iter().take(shown) {
        let key: String = key.chars().take(300).collect();
        println!("        {one:6} {other:6} {key}");
    }
    apart.is_empty() && count(ours) > 0
}

/// What the key of such a node begins with.
const NODE: &str = "Node / ";

/// What V8 calls the groups of roots of the C++ objects that it collects itself.
const ROOTS: &str = "C++ ";

/// Those that Node.js takes for roots are synthetic.
fn is_native(snapshot: &SnapshotGraph, node: Node) -> bool {
    let name = snapshot.name(node);
    matches!(snapshot.kind(node), NodeKind::Native | NodeKind::Synthetic)
        && (name.starts_with(NODE) || name.starts_with(ROOTS))
        && !snapshot.is_in_heap(node)
}

fn described(snapshot: &SnapshotGraph, node: Node) -> String {
    format!("{} ({}, {} bytes)", snapshot.name(node), snapshot.type_name(node), snapshot.size(node))
}

fn reference(snapshot: &SnapshotGraph, edge: &Edge) -> String {
    let name = match edge.kind {
        EdgeKind::Element | EdgeKind::Hidden => snapshot.edge_index(edge).to_string(),
        _ => snapshot.edge_name(edge).to_owned(),
    };
    let to = match is_native(snapshot, edge.to) {
        true => described(snapshot, edge.to),
        false => node_key(snapshot, edge.to),
    };
    format!("{:?} {name}: {to}", edge.kind)
}
