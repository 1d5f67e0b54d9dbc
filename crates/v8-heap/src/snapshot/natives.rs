//! C++ objects of Node.js, of what they consist, and what they refer to.
//!
//! V8 asks Node.js for them, and so do we ([`crate::embedder_graph`]); V8 makes nodes and references of them by its own rules
//! (`NativeObjectsExplorer` in `src/profiler/heap-snapshot-generator.cc`):
//!
//! ```text
//!   object Zlib --internal "javascript_to_native"--> native "Node / ZlibStream" --internal "zlib_memory"--> native "Node / zlib_memory"
//!               <--internal "native_to_javascript"--
//! ```
//!
//! A C++ object that V8 collects itself is one node with the JavaScript object that stands for it: that has its name and kind, the bytes
//! of both, and its references. (`NativeObjectsExplorer::MergeNodeIntoEntry`)
//!
//! An object of Node.js whose JavaScript object is garbage is so too: V8 would have had it deleted first.
//!
//! Where Node.js cannot be asked, there are those that an object stands for, with the name and size that their class says.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use core_reader::Symbols;

use super::Extent;
use super::kinds::{EdgeKind, NodeKind};
use super::reference::{Edge, Label, Name, Target};
use crate::embedder_graph::{self, EmbedderGraph, Node, Reason, Told};
use crate::graph::ObjectSet;
use crate::heap::Heap;
use crate::index::ObjectTable;
use crate::layout::native::memory_retainer::WITHOUT_NODE;
use crate::{Monitor, Result, Tagged};

/// Those in a snapshot.
#[derive(Default)]
pub(super) struct Natives {
    all: Vec<Native>,
    /// What objects refer to among them, by the numbers of the objects.
    by_object: HashMap<u32, Vec<Edge>>,
    /// Objects that are one node with a C++ object, by their numbers.
    merged: HashMap<u32, Merged>,
    /// Places of those that are alive by themselves.
    pub roots: Vec<u32>,
    texts: Vec<String>,
    pub told: Told,
    pub lacks_collected: Option<Reason>,
}

/// What a C++ object makes of the node of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Merged {
    pub kind: NodeKind,
    pub name: Name,
    /// Bytes of the C++ object.
    pub size: u64,
}

/// A C++ object, or a part of one.
#[derive(Debug)]
pub(super) struct Native {
    pub kind: NodeKind,
    pub name: Name,
    /// In bytes.
    pub size: u64,
    pub edges: Vec<Edge>,
}

impl Natives {
    /// Those that belong to the objects that a snapshot has.
    pub fn find(
        heap: &Heap<'_>,
        symbols: &dyn Symbols,
        table: &ObjectTable,
        (extent, included): (Extent, &ObjectSet),
        monitor: &dyn Monitor,
    ) -> Result<Natives> {
        let number = |value: Tagged| {
            let id = value.object().and_then(|address| table.id_at(heap.spaces(), address))?;
            included.contains(id.0).then_some(id.0)
        };
        let graph = heap.embedder_graph(symbols, monitor)?;
        let chosen = chosen(&graph, extent, &number);
        let mut found = Natives {
            texts: graph.texts.clone(),
            told: graph.told.clone(),
            lacks_collected: graph.lacks_collected,
            ..Natives::default()
        };
        let mut places: Vec<Option<u32>> = vec![None; graph.nodes.len()];
        for (place, node) in
            places.iter_mut().zip(&graph.nodes).zip(&chosen).filter(|(_, is)| **is).map(|(both, _)| both)
        {
            let Node::Native { name, size, is_root, merged } = *node else { continue };
            let kind = if is_root { NodeKind::Synthetic } else { NodeKind::Native };
            let object = merged.and_then(|value| match graph.nodes[value as usize] {
                Node::Value(value) => Some((number(value)?, value)),
                Node::Native { .. } => None,
            });
            if let Some((id, value)) = object {
                let name = found.merged_name(heap, name, value);
                found.merged.insert(id, Merged { kind, name, size });
                continue;
            }
            let (next, name) = (found.all.len() as u32, Name::Native(name));
            found.all.push(Native { kind, name, size, edges: Vec::new() });
            if is_root && !matches!(extent, Extent::Retained(_)) {
                found.roots.push(next);
            }
            *place = Some(next);
        }
        for edge in &graph.edges {
            found.add(&graph, edge, &places, &number);
        }
        if matches!(found.told, Told::Nothing(_)) {
            found.add_by_class(heap, &number, monitor)?;
        }
        Ok(found)
    }

    /// A reference of a C++ object, or to one.
    fn add(
        &mut self,
        graph: &EmbedderGraph,
        edge: &embedder_graph::Edge,
        places: &[Option<u32>],
        number: &impl Fn(Tagged) -> Option<u32>,
    ) {
        // The value that stands for a node, if one does.
        let value_of = |node: u32| match graph.nodes[node as usize] {
            Node::Value(value) => Some(value),
            Node::Native { merged, .. } => match graph.nodes[merged? as usize] {
                Node::Value(value) => Some(value),
                Node::Native { .. } => None,
            },
        };
        let target = match (places[edge.to as usize], value_of(edge.to)) {
            (Some(place), _) => Target::Native(place),
            (None, Some(value)) if number(value).is_some() => {
                Target::Object(value.object().unwrap_or_default())
            }
            _ => return,
        };
        let edges = match (places[edge.from as usize], value_of(edge.from).and_then(number)) {
            (Some(place), _) => &mut self.all[place as usize].edges,
            (None, Some(id)) => self.by_object.entry(id).or_default(),
            _ => return,
        };
        let (kind, label) = match edge.name {
            Some(name) => (EdgeKind::Internal, Label::Name(Name::Native(name))),
            // As many as it has by then; those that an object has besides are known when it is written.
            None => (EdgeKind::Element, Label::Index(edges.len() as u32 + 1)),
        };
        edges.push(Edge { kind, label, target });
    }

    /// Those that objects stand for and that Node.js has not told, by what their classes say.
    fn add_by_class(
        &mut self,
        heap: &Heap<'_>,
        number: &impl Fn(Tagged) -> Option<u32>,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        for native in heap.native_objects(monitor)? {
            let Some(id) = number(native.object) else { continue };
            let Some(retainer) = heap.retainer(native.address) else { continue };
            if WITHOUT_NODE.contains(&retainer.name.as_str()) {
                continue;
            }
            let Entry::Vacant(free) = self.by_object.entry(id) else { continue };
            let back = Target::Object(native.object.object().unwrap_or_default());
            let edge = |name: &'static str, target| Edge {
                kind: EdgeKind::Internal,
                label: Label::Name(Name::Static(name)),
                target,
            };
            free.insert(vec![edge("javascript_to_native", Target::Native(self.all.len() as u32))]);
            self.all.push(Native {
                kind: NodeKind::Native,
                name: Name::Native(self.texts.len() as u32),
                size: retainer.size,
                edges: vec![edge("native_to_javascript", back)],
            });
            self.texts.push(format!("Node / {}", retainer.name));
        }
        Ok(())
    }

    /// What a node is called that a C++ object has in common with an object: as the C++ object, with what the name of the object has from a
    /// slash on (`MergeNames`).
    fn merged_name(&mut self, heap: &Heap<'_>, name: u32, value: Tagged) -> Name {
        let own = heap.object(value).ok().filter(|object| object.kind().is_js_object());
        let own = own.map_or("", |object| heap.name(heap.constructor_name(object)));
        let Some(slash) = own.find('/') else { return Name::Native(name) };
        let text = format!("{} {}", self.text(name), &own[slash..]);
        self.texts.push(text);
        Name::Native(self.texts.len() as u32 - 1)
    }

    /// What a C++ object makes of the node of an object.
    pub fn merged(&self, id: u32) -> Option<Merged> {
        self.merged.get(&id).copied()
    }

    /// The text of a [`Name::Native`].
    pub fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", String::as_str)
    }

    /// In the order of their places.
    pub fn all(&self) -> &[Native] {
        &self.all
    }

    /// What an object refers to among them.
    pub fn edges_of(&self, id: u32) -> &[Edge] {
        self.by_object.get(&id).map_or(&[], Vec::as_slice)
    }
}

/// Which nodes of the graph a snapshot has: what is alive by itself, or is held by an object that the snapshot has.
fn chosen(graph: &EmbedderGraph, extent: Extent, number: &impl Fn(Tagged) -> Option<u32>) -> Vec<bool> {
    let is_native = |node: u32| matches!(graph.nodes[node as usize], Node::Native { .. });
    let mut references: HashMap<u32, Vec<u32>> = HashMap::new();
    let mut pending = Vec::new();
    // Those that stand behind an object refer to it, and it to them.
    let mut from_values: HashMap<u32, Vec<Tagged>> = HashMap::new();
    for (index, node) in (0..).zip(&graph.nodes) {
        if let Node::Native { merged: Some(value), .. } = node
            && let Node::Value(value) = graph.nodes[*value as usize]
        {
            from_values.entry(index).or_default().push(value);
        }
    }
    for edge in &graph.edges {
        match graph.nodes[edge.from as usize] {
            Node::Native { .. } if is_native(edge.to) => {
                references.entry(edge.from).or_default().push(edge.to);
            }
            Node::Value(value) if is_native(edge.to) => {
                from_values.entry(edge.to).or_default().push(value);
            }
            _ => {}
        }
    }
    let is_dead = |node: u32| {
        let holders = from_values.get(&node);
        holders.is_some_and(|holders| holders.iter().all(|holder| number(*holder).is_none()))
    };
    let mut chosen = vec![false; graph.nodes.len()];
    for (index, node) in (0..).zip(&graph.nodes) {
        let Node::Native { is_root, .. } = *node else { continue };
        let is_held = from_values.contains_key(&index) && !is_dead(index);
        if is_held || is_root && !matches!(extent, Extent::Retained(_)) {
            chosen[index as usize] = true;
            pending.push(index);
        }
    }
    let apart: HashSet<u32> = match extent {
        // What is alive by itself is not freed with an object.
        Extent::Retained(_) => {
            let roots = (0..).zip(&graph.nodes);
            roots
                .filter(|(_, node)| matches!(node, Node::Native { is_root: true, .. }))
                .map(|(index, _)| index)
                .collect()
        }
        _ => HashSet::new(),
    };
    while let Some(node) = pending.pop() {
        for &target in references.get(&node).into_iter().flatten() {
            if !chosen[target as usize] && !is_dead(target) && !apart.contains(&target) {
                chosen[target as usize] = true;
                pending.push(target);
            }
        }
    }
    chosen
}
