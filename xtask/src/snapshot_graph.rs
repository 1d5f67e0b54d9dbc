//! A heap snapshot as a graph: what V8 itself says of every object and of what it refers to.
//!
//! V8 numbers nodes in the order in which it walks the heap, page by page and upwards in each page, so the order of nodes in the
//! file is the order of objects in their page. (V8: `HeapObjectsMap::UpdateHeapObjectsMap` in
//! `src/profiler/heap-snapshot-generator.cc`.) The first snapshot of a process is complete in this respect; its objects stay
//! where they are until the next collection.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::heap_snapshot::Text;

/// Longest text that V8 writes of a string, in UTF-16 code units (`--heap-snapshot-string-limit`).
pub const STRING_LIMIT: usize = 1024;

/// Number of a node.
pub type Node = u32;

/// What a node stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    Object,
    Closure,
    RegExp,
    /// V8's own, or one of the few JavaScript objects that V8 does not call one: a Proxy.
    Hidden,
    Native,
    String,
    Cons,
    Sliced,
    /// A group of roots.
    Synthetic,
    Other,
}

/// How a node refers to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeKind {
    Property,
    Element,
    /// A field of V8's own, by its name; an element of an array of V8's own, by its index.
    Internal,
    /// A word of the object, by its index.
    Hidden,
    /// A variable of a context.
    Context,
    Shortcut,
    Weak,
    Other,
}

/// A reference.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    pub kind: EdgeKind,
    /// Index of an element, or number of the string that names it.
    name: u32,
    pub to: Node,
}

/// A heap snapshot.
#[derive(Debug)]
pub struct SnapshotGraph {
    /// V8's words for the kinds of nodes.
    type_names: Vec<String>,
    types: Vec<u8>,
    kinds: Vec<NodeKind>,
    /// Whether a node stands for an object of V8's heap: those of the embedder have even ids.
    in_heap: Vec<bool>,
    names: Vec<u32>,
    /// In bytes.
    sizes: Vec<u64>,
    /// Where the edges of each node begin, and where the last ones end.
    starts: Vec<u32>,
    edges: Vec<Edge>,
    strings: Vec<Text>,
}

#[derive(Deserialize)]
struct File {
    snapshot: Snapshot,
    nodes: Vec<u64>,
    edges: Vec<u32>,
    strings: Vec<Text>,
}

#[derive(Deserialize)]
struct Snapshot {
    meta: Meta,
}

#[derive(Deserialize)]
struct Meta {
    node_fields: Vec<String>,
    node_types: Vec<serde_json::Value>,
    edge_fields: Vec<String>,
    edge_types: Vec<serde_json::Value>,
}

impl SnapshotGraph {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<SnapshotGraph> {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let file: File = serde_json::from_slice(&bytes)
            .with_context(|| format!("{} is no heap snapshot", path.display()))?;
        SnapshotGraph::assemble(file).with_context(|| format!("{} is no heap snapshot", path.display()))
    }

    fn assemble(file: File) -> Result<SnapshotGraph> {
        let meta = &file.snapshot.meta;
        let field = |fields: &[String], name: &str| {
            fields.iter().position(|field| field == name).with_context(|| format!("no field `{name}`"))
        };
        let names_of = |types: &serde_json::Value| -> Vec<String> {
            let names = types.as_array().into_iter().flatten();
            names.map(|name| name.as_str().unwrap_or_default().to_owned()).collect()
        };
        let width = meta.node_fields.len();
        let (kind, name) = (field(&meta.node_fields, "type")?, field(&meta.node_fields, "name")?);
        let (id, count) = (field(&meta.node_fields, "id")?, field(&meta.node_fields, "edge_count")?);
        let size = field(&meta.node_fields, "self_size")?;
        ensure!(
            meta.edge_fields == ["type", "name_or_index", "to_node"],
            "edges have fields {:?}",
            meta.edge_fields
        );
        ensure!(file.nodes.len().is_multiple_of(width), "the last node is incomplete");
        let type_names = meta.node_types.first().map(names_of).unwrap_or_default();
        let node_kinds: Vec<NodeKind> = type_names
            .iter()
            .map(|name| match name.as_str() {
                "object" => NodeKind::Object,
                "closure" => NodeKind::Closure,
                "regexp" => NodeKind::RegExp,
                "hidden" => NodeKind::Hidden,
                "native" => NodeKind::Native,
                "string" => NodeKind::String,
                "concatenated string" => NodeKind::Cons,
                "sliced string" => NodeKind::Sliced,
                "synthetic" => NodeKind::Synthetic,
                _ => NodeKind::Other,
            })
            .collect();
        let edge_kinds: Vec<EdgeKind> = meta
            .edge_types
            .first()
            .map(names_of)
            .unwrap_or_default()
            .iter()
            .map(|name| match name.as_str() {
                "property" => EdgeKind::Property,
                "element" => EdgeKind::Element,
                "internal" => EdgeKind::Internal,
                "hidden" => EdgeKind::Hidden,
                "context" => EdgeKind::Context,
                "shortcut" => EdgeKind::Shortcut,
                "weak" => EdgeKind::Weak,
                _ => EdgeKind::Other,
            })
            .collect();
        let mut graph = SnapshotGraph {
            type_names,
            types: Vec::with_capacity(file.nodes.len() / width),
            kinds: Vec::with_capacity(file.nodes.len() / width),
            in_heap: Vec::with_capacity(file.nodes.len() / width),
            names: Vec::with_capacity(file.nodes.len() / width),
            sizes: Vec::with_capacity(file.nodes.len() / width),
            starts: vec![0],
            edges: Vec::with_capacity(file.edges.len() / 3),
            strings: file.strings,
        };
        let mut end = 0;
        for node in file.nodes.chunks_exact(width) {
            graph.kinds.push(*node_kinds.get(node[kind] as usize).context("a node of an unknown type")?);
            graph.types.push(u8::try_from(node[kind])?);
            graph.in_heap.push(node[id] % 2 == 1);
            graph.names.push(u32::try_from(node[name])?);
            graph.sizes.push(node[size]);
            end += u32::try_from(node[count])?;
            graph.starts.push(end);
        }
        for edge in file.edges.chunks_exact(3) {
            let kind = *edge_kinds.get(edge[0] as usize).context("an edge of an unknown type")?;
            graph.edges.push(Edge { kind, name: edge[1], to: edge[2] / width as u32 });
        }
        ensure!(end as usize == graph.edges.len(), "{end} edges announced, {} there", graph.edges.len());
        Ok(graph)
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// What a node is.
    pub fn kind(&self, node: Node) -> NodeKind {
        self.kinds[node as usize]
    }

    /// V8's word for what a node is.
    pub fn type_name(&self, node: Node) -> &str {
        &self.type_names[usize::from(self.types[node as usize])]
    }

    /// Whether it stands for an object of V8's heap.
    pub fn is_in_heap(&self, node: Node) -> bool {
        self.in_heap[node as usize]
    }

    /// Its own size, in bytes.
    pub fn size(&self, node: Node) -> u64 {
        self.sizes[node as usize]
    }

    /// Its name.
    pub fn name(&self, node: Node) -> &str {
        self.string(self.names[node as usize])
    }

    fn string(&self, index: u32) -> &str {
        self.strings.get(index as usize).map_or("", |text| &text.0)
    }

    /// What it refers to.
    pub fn edges(&self, node: Node) -> &[Edge] {
        &self.edges[self.starts[node as usize] as usize..self.starts[node as usize + 1] as usize]
    }

    /// The numbers of a node's edges, in the order of the file.
    pub fn edge_range(&self, node: Node) -> std::ops::Range<usize> {
        self.starts[node as usize] as usize..self.starts[node as usize + 1] as usize
    }

    /// Name of an edge that is no element and no word.
    pub fn edge_name(&self, edge: &Edge) -> &str {
        self.string(edge.name)
    }

    /// Index of an element or word.
    pub fn edge_index(&self, edge: &Edge) -> u32 {
        edge.name
    }

    /// The node that an internal edge leads to.
    pub fn internal(&self, node: Node, name: &str) -> Option<Node> {
        let mut edges = self.edges(node).iter();
        let edge = edges.find(|edge| edge.kind == EdgeKind::Internal && self.edge_name(edge) == name)?;
        Some(edge.to)
    }

    /// Whether a node is a JavaScript object.
    pub fn is_js_object(&self, node: Node) -> bool {
        self.in_heap[node as usize]
            && match self.kind(node) {
                NodeKind::Object => !self.name(node).starts_with("system / "),
                NodeKind::Closure | NodeKind::RegExp => true,
                NodeKind::Hidden => self.name(node) == "system / JSProxy",
                NodeKind::Native => self.name(node).starts_with("Node / "),
                _ => false,
            }
    }

    /// Whether a node is a string.
    pub fn is_string(&self, node: Node) -> bool {
        matches!(self.kind(node), NodeKind::String | NodeKind::Cons | NodeKind::Sliced)
    }

    /// Whether a node is a symbol or BigInt.
    pub fn is_leaf(&self, node: Node) -> bool {
        matches!(self.name(node), "symbol" | "bigint") && self.kind(node) == NodeKind::Other
    }

    /// The text of a string, up to [`STRING_LIMIT`] code units; `None` for part of another string, of which the snapshot does
    /// not say where it begins.
    pub fn text(&self, node: Node) -> Option<String> {
        let mut text = String::new();
        let mut parts = vec![node];
        while let Some(part) = parts.pop() {
            match self.kind(part) {
                NodeKind::String => text.push_str(self.name(part)),
                NodeKind::Cons => {
                    parts.extend(self.internal(part, "second"));
                    parts.extend(self.internal(part, "first"));
                }
                _ => return None,
            }
            if text.len() >= 4 * STRING_LIMIT {
                break;
            }
        }
        Some(text)
    }
}
