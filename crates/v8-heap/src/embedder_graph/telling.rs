//! A graph that Node.js fills.

use std::collections::HashMap;

use core_reader::{Emulator, Halt, Host, Reply};

use super::{Edge, EmbedderGraph, MOST_OF_CLASS, Node, Reason, Silent};
use crate::layout::native::embedder_graph;
use crate::{Monitor, Tagged};

/// No name is longer, in bytes.
const LONGEST_NAME: usize = 1 << 10;
/// No node of the program's takes fewer bytes of its memory, nor does an edge.
const LEAST_NODE: u64 = 64;
const LEAST_EDGE: u64 = 32;
/// Different names, at most.
const MOST_NAMES: usize = 1 << 16;

/// Names, each once.
#[derive(Default)]
struct Names {
    texts: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Names {
    fn number(&mut self, text: String) -> Result<u32, Halt> {
        if let Some(number) = self.numbers.get(&text) {
            return Ok(*number);
        }
        if self.texts.len() >= MOST_NAMES {
            return Err(Halt::Room);
        }
        let number = self.texts.len() as u32;
        self.texts.push(text.clone());
        self.numbers.insert(text, number);
        Ok(number)
    }
}

/// The graph of one thread, while it is told.
pub(super) struct Telling<'a> {
    monitor: &'a dyn Monitor,
    silent: &'a [Silent],
    /// Address of what the program takes for a `v8::EmbedderGraph`.
    graph: u64,
    by_address: HashMap<u64, u32>,
    /// Addresses of the program's nodes, and what those stand for that are ours.
    nodes: Vec<(u64, Option<Tagged>)>,
    edges: Vec<Edge>,
    names: Names,
    passed_over: usize,
    /// A function that does nothing here.
    idle: Option<u64>,
    /// Nodes and edges, at most.
    most: (u64, u64),
}

impl<'a> Telling<'a> {
    /// An empty graph in the memory of the emulator, of which there are so many bytes.
    pub fn new(
        emulator: &mut Emulator<'_>,
        bytes: u64,
        silent: &'a [Silent],
        monitor: &'a dyn Monitor,
    ) -> Result<Telling<'a>, Halt> {
        let graph = emulator.allocate(size_of::<u64>() as u64)?;
        let table = emulator.allocate(embedder_graph::FUNCTIONS * size_of::<u64>() as u64)?;
        emulator.set_word(graph, table)?;
        for place in (0..embedder_graph::FUNCTIONS).map(|number| number * size_of::<u64>() as u64) {
            let function = emulator.stand_in().ok_or(Halt::Room)?;
            emulator.set_word(table + place, function)?;
        }
        for silent in silent {
            emulator.stop_at(silent.function);
        }
        Ok(Telling {
            monitor,
            silent,
            graph,
            by_address: HashMap::new(),
            nodes: Vec::new(),
            edges: Vec::new(),
            names: Names::default(),
            passed_over: 0,
            idle: None,
            most: (bytes / LEAST_NODE, bytes / LEAST_EDGE),
        })
    }

    /// Its address.
    pub fn graph(&self) -> u64 {
        self.graph
    }

    /// From now on a function does nothing.
    pub fn pass_over(&mut self, emulator: &mut Emulator<'_>, function: u64) {
        emulator.stop_at(function);
        self.idle = Some(function);
    }

    /// How many objects were not asked.
    pub fn passed_over(&self) -> usize {
        self.passed_over
    }

    /// Asks the nodes what they are, and adds everything to what is known of other threads.
    pub fn finish(&mut self, emulator: &mut Emulator<'_>, graph: &mut EmbedderGraph) {
        let first = graph.nodes.len() as u32;
        let mut nodes = Vec::with_capacity(self.nodes.len());
        for index in 0..self.nodes.len() {
            let (address, value) = self.nodes[index];
            let node = match value {
                Some(value) => Ok(Node::Value(value)),
                None => self.native(emulator, address),
            };
            match node {
                Ok(node) => nodes.push(node),
                Err(halt) => {
                    emulator.abandon();
                    graph.lacks(Reason::Halt(halt));
                    break;
                }
            }
        }
        let known = nodes.len() as u32;
        // Texts of other threads come first.
        let texts = graph.texts.len() as u32;
        graph.nodes.extend(nodes.into_iter().map(|node| match node {
            Node::Native { name, size, is_root, merged } => {
                let merged = merged.filter(|node| *node < known).map(|node| first + node);
                Node::Native { name: texts + name, size, is_root, merged }
            }
            value => value,
        }));
        let edges = self.edges.drain(..).filter(|edge| edge.from < known && edge.to < known);
        graph.edges.extend(edges.map(|edge| Edge {
            from: first + edge.from,
            to: first + edge.to,
            name: edge.name.map(|name| texts + name),
        }));
        graph.texts.append(&mut self.names.texts);
    }

    /// What a node says of itself.
    fn native(&mut self, emulator: &mut Emulator<'_>, node: u64) -> Result<Node, Halt> {
        let table = emulator.word(node)?;
        let mut said = |place: u64| {
            let function = emulator.word(table.wrapping_add(place))?;
            emulator.call(function, &[node], self)
        };
        let (prefix, name) = (said(embedder_graph::PREFIX)?, said(embedder_graph::NAME)?);
        let size = said(embedder_graph::SIZE)?;
        let wrapper = said(embedder_graph::WRAPPER)?;
        let is_root = said(embedder_graph::IS_ROOT)? as u8 != 0;
        let merged = self.by_address.get(&wrapper).copied();
        let merged = merged.filter(|node| self.nodes[*node as usize].1.is_some());
        let mut text = String::new();
        if prefix != 0 {
            text = text_at(emulator, prefix)? + " ";
        }
        text += &text_at(emulator, name)?;
        Ok(Node::Native { name: self.names.number(text)?, size, is_root, merged })
    }

    fn add(&mut self, address: u64, value: Option<Tagged>) -> Result<(), Halt> {
        if self.nodes.len() as u64 >= self.most.0 {
            return Err(Halt::Room);
        }
        self.by_address.insert(address, self.nodes.len() as u32);
        self.nodes.push((address, value));
        Ok(())
    }

    /// A function of the graph: which one is told by what it is called with, as their order is not the same in all versions.
    fn told(&mut self, emulator: &mut Emulator<'_>) -> Result<u64, Halt> {
        let [one, other, name] = [1, 2, 3].map(|number| emulator.argument(number));
        let known = |address: u64| self.by_address.get(&address).copied();
        if let (Some(from), Some(to)) = (known(one), known(other)) {
            if self.edges.len() as u64 >= self.most.1 {
                return Err(Halt::Room);
            }
            let name = match name {
                0 => None,
                at => Some(self.names.number(text_at(emulator, at)?)?),
            };
            self.edges.push(Edge { from, to, name });
            return Ok(0);
        }
        // `V8Node` of a handle, or `AddNode` of a pointer that owns the node; else a number of bytes (`AddNativeSize`).
        let Ok(first) = emulator.word(one) else { return Ok(0) };
        let value = Tagged(first);
        let content = if value.object().is_some() { first } else { emulator.word(first)? };
        let is_value = Tagged(content).object().is_some() || emulator.word(content).is_err();
        if is_value {
            let node = emulator.allocate(size_of::<u64>() as u64)?;
            self.add(node, Some(Tagged(content)))?;
            return Ok(node);
        }
        // It is the graph's from now on.
        emulator.set_word(one, 0)?;
        self.add(first, None)?;
        Ok(first)
    }
}

impl Host for Telling<'_> {
    fn called(&mut self, emulator: &mut Emulator<'_>, at: u64) -> Result<Reply, Halt> {
        let object = emulator.argument(0);
        if object == self.graph {
            return self.told(emulator).map(Reply::Value);
        }
        if self.idle == Some(at) {
            return Ok(Reply::Value(0));
        }
        let of_class = self.silent.iter().filter(|silent| silent.function == at);
        if of_class.clone().count() >= MOST_OF_CLASS || of_class.clone().any(|silent| silent.object == object)
        {
            self.passed_over += 1;
            return Ok(Reply::Value(0));
        }
        Ok(Reply::Follow)
    }

    fn goes_on(&mut self, _steps: u64) -> bool {
        !self.monitor.cancelled()
    }
}

fn text_at(emulator: &mut Emulator<'_>, at: u64) -> Result<String, Halt> {
    Ok(String::from_utf8_lossy(&emulator.text(at, LONGEST_NAME)?).into_owned())
}
