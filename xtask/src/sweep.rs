//! `cargo xtask sweep`: every object of a heap printed, and held against V8's own snapshot of the same process.
//!
//! The debugger prints all JavaScript objects, one level deep, as JSON. Which node of the snapshot is which object follows from
//! structure alone: from objects whose constructor has one instance on both sides, along properties, elements and Map entries,
//! to all they refer to; and in each page from an object that is known to its neighbours, as V8 numbers nodes in the order of
//! addresses. Then for each pair the names of properties are compared, the text of strings, and whether each reference leads to
//! the partner of what it leads to on the other side. A wrong pair would show in all of them.
//!
//! What a snapshot does not have is not compared: numbers, booleans, null and undefined; the text of a string behind
//! [`STRING_LIMIT`] code units, and that of a string that is part of another one.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::scenario::Scenario;
use crate::snapshot_graph::{EdgeKind, Node, NodeKind, STRING_LIMIT, SnapshotGraph};
use crate::{build, node_release, take_core};

pub fn run(mut arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let (mut releases, mut scenario, mut debugger) = (Vec::new(), Scenario::find("compiler")?, None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("node") => releases.push(arguments.value()?.string()?),
            Long("scenario") => scenario = Scenario::find(&arguments.value()?.string()?)?,
            Long("debugger") => debugger = Some(PathBuf::from(arguments.value()?)),
            other => return Err(other.unexpected().into()),
        }
    }
    if releases.is_empty() {
        releases = node_release::SUPPORTED.iter().map(|release| (*release).to_owned()).collect();
    }
    let executable = debugger.map_or_else(build::debugger, Ok)?;
    let mut failed = 0;
    for node in &releases {
        let directory = take_core::directory_of(scenario.name, node);
        let found = sweep(&executable, &directory)?;
        println!("node {node} {}: {}", scenario.name, found.describe());
        for difference in &found.differences {
            println!("    {difference}");
        }
        failed += usize::from(!found.passes());
    }
    ensure!(failed == 0, "{failed} heaps are not printed as V8 has them");
    Ok(())
}

/// What a sweep found.
#[derive(Debug, Default)]
pub struct Sweep {
    /// JavaScript objects that the debugger printed.
    pub objects: usize,
    /// JavaScript objects of the snapshot.
    pub nodes: usize,
    /// Objects whose node is known.
    pub matched: usize,
    /// Names of properties compared.
    pub names: u64,
    /// Strings compared.
    pub strings: u64,
    /// References to objects compared.
    pub references: u64,
    /// Objects of which something could not be read, or is not known.
    pub unknown: u64,
    /// How often each kind of difference occurs, and the first of each.
    kinds: BTreeMap<&'static str, (u64, String)>,
    /// The same as text.
    pub differences: Vec<String>,
}

impl Sweep {
    /// Whether all is as it should be.
    pub fn passes(&self) -> bool {
        self.unknown == 0
            && self.kinds.is_empty()
            && self.matched * 1000 >= self.nodes.max(self.objects) * 999
    }

    /// In one line.
    pub fn describe(&self) -> String {
        format!(
            "{} of {} objects matched with {} nodes; {} names, {} strings, {} references agree; {} differ, {} unknown",
            self.matched,
            self.objects,
            self.nodes,
            self.names,
            self.strings,
            self.references,
            self.kinds.values().map(|(count, _)| count).sum::<u64>(),
            self.unknown
        )
    }

    fn differ(&mut self, kind: &'static str, example: impl FnOnce() -> String) {
        let (count, _) = self.kinds.entry(kind).or_insert_with(|| (0, example()));
        *count += 1;
    }
}

/// Prints every object of a core and compares with the snapshot beside it.
pub fn sweep(executable: &Path, directory: &Path) -> Result<Sweep> {
    let graph = SnapshotGraph::read(&directory.join("v8.heapsnapshot"))?;
    let heap = Heap::print(executable, &directory.join("core"))?;
    let mut matching = Matching::new(&graph, &heap);
    matching.run();
    let mut sweep = Sweep {
        objects: heap.objects.len(),
        nodes: matching.js_nodes.len(),
        unknown: heap.unknown,
        ..Sweep::default()
    };
    for (index, node) in matching.node_of.iter().enumerate() {
        if let Some(node) = *node {
            sweep.matched += 1;
            compare(&graph, &heap, &matching, index, node, &mut sweep);
        }
    }
    for (kind, (count, example)) in &sweep.kinds {
        sweep.differences.push(format!("{count} x {kind}: {example}"));
    }
    Ok(sweep)
}

/// What is at a place of a printed object.
#[derive(Debug, Clone)]
enum Cell {
    Object(u64),
    /// The first code units of a string, and whether that is all of it.
    Text(Box<str>),
    /// Something that has a node of its own, but no name: symbol, BigInt.
    Leaf,
    /// A number, which may have a node of its own.
    Number,
    /// Nothing that has a node.
    None,
    Accessor {
        get: bool,
        set: bool,
    },
    Native,
}

/// A printed object.
#[derive(Debug)]
struct Printed {
    address: u64,
    class: Box<str>,
    constructor: Box<str>,
    text: Box<str>,
    /// By names as the snapshot has them.
    properties: Vec<(Box<str>, Cell)>,
    elements: Vec<(u32, Cell)>,
    /// Keys and values of a Map, values of a Set, in order.
    entries: Vec<Cell>,
}

#[derive(Debug, Default)]
struct Heap {
    /// By address.
    objects: Vec<Printed>,
    index: HashMap<u64, usize>,
    unknown: u64,
}

impl Heap {
    fn print(executable: &Path, core: &Path) -> Result<Heap> {
        let mut child = Command::new(executable)
            .arg("-S")
            .arg(core)
            .args(["-e", &format!("::walk jsobject | ::jsprint -j -d 1 -N 0t{STRING_LIMIT}")])
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", executable.display()))?;
        let output = BufReader::with_capacity(1 << 20, child.stdout.take().context("no output")?);
        let mut heap = Heap::default();
        for line in output.lines() {
            let line = line?;
            let value: Value =
                serde_json::from_str(&line).with_context(|| format!("not JSON: {line:.300}"))?;
            heap.unknown += u64::from(line.contains("\"type\":\"unreadable\""));
            heap.objects.push(Printed::of(&value).with_context(|| format!("not an object: {line:.300}"))?);
        }
        ensure!(child.wait()?.success(), "the debugger could not print everything");
        heap.objects.sort_by_key(|object| object.address);
        heap.index = heap.objects.iter().enumerate().map(|(index, object)| (object.address, index)).collect();
        Ok(heap)
    }
}

fn address(value: &Value) -> Option<u64> {
    u64::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()
}

fn cell(value: &Value) -> Cell {
    match value {
        Value::String(text) => Cell::Text(text.as_str().into()),
        Value::Number(_) => Cell::Number,
        Value::Object(fields) => match fields.get("type").and_then(Value::as_str).unwrap_or_default() {
            "string" => Cell::Text(value["value"].as_str().unwrap_or_default().into()),
            "object" | "internal" => address(&value["address"]).map_or(Cell::None, Cell::Object),
            "symbol" | "bigint" => Cell::Leaf,
            "number" => Cell::Number,
            "accessor" => Cell::Accessor { get: value["get"] == true, set: value["set"] == true },
            "native accessor" => Cell::Native,
            _ => Cell::None,
        },
        _ => Cell::None,
    }
}

impl Printed {
    fn of(value: &Value) -> Option<Printed> {
        let text = |name: &str| value[name].as_str().unwrap_or_default().into();
        let mut printed = Printed {
            address: address(&value["address"])?,
            class: text("class"),
            constructor: text("constructor"),
            text: text("text"),
            properties: Vec::new(),
            elements: Vec::new(),
            entries: Vec::new(),
        };
        for (name, value) in value["properties"].as_object().into_iter().flatten() {
            match name.parse() {
                // The largest index of an element is 2^32 - 2.
                Ok(index) if index != u32::MAX && u32::to_string(&index) == *name => {
                    printed.elements.push((index, cell(value)));
                }
                _ => printed.properties.push((as_written(name).into(), cell(value))),
            }
        }
        for (name, value) in value["private"].as_object().into_iter().flatten() {
            printed.properties.push((name.as_str().into(), cell(value)));
        }
        for pair in value["symbols"].as_array().into_iter().flatten() {
            let name = match pair[0]["description"].as_str() {
                Some(description) => format!("<symbol {}>", as_written(description)),
                None => "<symbol>".to_owned(),
            };
            printed.properties.push((name.into(), cell(&pair[1])));
        }
        let mut index = 0;
        for element in value["elements"].as_array().into_iter().flatten() {
            if element["type"] == "hole" {
                index += element["count"].as_u64().unwrap_or(1) as u32;
            } else {
                printed.elements.push((index, cell(element)));
                index += 1;
            }
        }
        for entry in value["entries"].as_array().into_iter().flatten() {
            match entry.as_array() {
                Some(pair) => printed.entries.extend(pair.iter().map(cell)),
                None => printed.entries.push(cell(entry)),
            }
        }
        Some(printed)
    }

    /// What it is called in a snapshot; nothing if that does not follow from what is printed.
    fn snapshot_name(&self) -> Option<&str> {
        match &*self.class {
            "JSFunction" | "JSBoundFunction" | "JSRegExp" | "JSProxy" => None,
            _ => Some(&self.constructor),
        }
    }
}

/// Which node is which object.
struct Matching<'a> {
    graph: &'a SnapshotGraph,
    heap: &'a Heap,
    /// Nodes that are JavaScript objects, in order.
    js_nodes: Vec<Node>,
    /// By index of the object.
    node_of: Vec<Option<Node>>,
    object_of: Vec<Option<u32>>,
    queue: Vec<(usize, Node)>,
}

impl<'a> Matching<'a> {
    fn new(graph: &'a SnapshotGraph, heap: &'a Heap) -> Matching<'a> {
        let js_nodes = (0..graph.len() as Node).filter(|node| graph.is_js_object(*node)).collect();
        Matching {
            graph,
            heap,
            js_nodes,
            node_of: vec![None; heap.objects.len()],
            object_of: vec![None; graph.len()],
            queue: Vec::new(),
        }
    }

    fn run(&mut self) {
        self.seed();
        while let Some((object, node)) = self.queue.pop() {
            self.follow(object, node);
        }
    }

    fn pair(&mut self, object: usize, node: Node) {
        if self.node_of[object].is_none()
            && self.object_of[node as usize].is_none()
            && self.is_possible(object, node)
        {
            self.node_of[object] = Some(node);
            self.object_of[node as usize] = Some(object as u32);
            self.queue.push((object, node));
        }
    }

    /// Whether an object and a node go by the same name.
    fn is_possible(&self, object: usize, node: Node) -> bool {
        let object = &self.heap.objects[object];
        match self.graph.kind(node) {
            NodeKind::Closure if &*object.class == "JSBoundFunction" => {
                self.graph.name(node) == "native_bind"
            }
            NodeKind::Closure => &*object.class == "JSFunction",
            NodeKind::RegExp => &*object.class == "JSRegExp",
            NodeKind::Hidden => &*object.class == "JSProxy",
            NodeKind::Native => true,
            _ => object.snapshot_name() == Some(self.graph.name(node)),
        }
    }

    /// Objects whose constructor has one instance on both sides.
    fn seed(&mut self) {
        let mut objects: HashMap<&str, (usize, usize)> = HashMap::new();
        for (index, object) in self.heap.objects.iter().enumerate() {
            if let Some(name) = object.snapshot_name() {
                objects.entry(name).or_insert((index, 0)).1 += 1;
            }
        }
        let mut nodes: HashMap<&str, (Node, usize)> = HashMap::new();
        for &node in &self.js_nodes {
            if self.graph.kind(node) == NodeKind::Object {
                nodes.entry(self.graph.name(node)).or_insert((node, 0)).1 += 1;
            }
        }
        for (name, (node, count)) in nodes {
            if let Some(&(object, 1)) = objects.get(name).filter(|_| count == 1) {
                self.pair(object, node);
            }
        }
    }

    /// Pairs what a pair refers to.
    fn follow(&mut self, object: usize, node: Node) {
        let (graph, printed) = (self.graph, &self.heap.objects[object]);
        for edge in graph.edges(node) {
            let cell = match edge.kind {
                EdgeKind::Property => {
                    let name = graph.edge_name(edge);
                    printed.properties.iter().find(|(own, _)| &**own == name).map(|(_, cell)| cell)
                }
                EdgeKind::Element => {
                    let index = graph.edge_index(edge);
                    let at = printed.elements.binary_search_by_key(&index, |(own, _)| *own);
                    at.ok().map(|at| &printed.elements[at].1)
                }
                _ => None,
            };
            if let Some(Cell::Object(address)) = cell
                && let Some(&target) = self.heap.index.get(address)
            {
                self.pair(target, edge.to);
            }
        }
        for (cell, node) in entries(graph, printed, node).unwrap_or_default() {
            if let Cell::Object(address) = cell
                && let Some(&target) = self.heap.index.get(address)
            {
                self.pair(target, node);
            }
        }
    }
}

/// Keys and values of a Map, values of a Set, each with its node: those that have one, in the order of the table.
fn entries<'p>(graph: &SnapshotGraph, printed: &'p Printed, node: Node) -> Option<Vec<(&'p Cell, Node)>> {
    if !matches!(&*printed.class, "JSMap" | "JSSet") {
        return None;
    }
    let table = graph.internal(node, "table")?;
    let mut slots: Vec<(u32, Node)> = graph
        .edges(table)
        .iter()
        .filter_map(|edge| Some((graph.edge_name(edge).parse().ok()?, edge.to)))
        .filter(|(_, to)| graph.is_js_object(*to) || graph.is_string(*to) || graph.is_leaf(*to))
        .collect();
    slots.sort_unstable();
    let cells: Vec<&Cell> = printed
        .entries
        .iter()
        .filter(|cell| matches!(cell, Cell::Object(_) | Cell::Text(_) | Cell::Leaf))
        .collect();
    (slots.len() == cells.len()).then(|| cells.into_iter().zip(slots.into_iter().map(|(_, to)| to)).collect())
}

/// Compares an object with its node.
fn compare(
    graph: &SnapshotGraph,
    heap: &Heap,
    matching: &Matching<'_>,
    object: usize,
    node: Node,
    sweep: &mut Sweep,
) {
    let printed = &heap.objects[object];
    // It prints as the global object behind it; to a snapshot it is an object of its own, without properties.
    if &*printed.class == "JSGlobalProxy" {
        return;
    }
    let who = || format!("{:#x} {} ({})", printed.address, printed.constructor, printed.class);
    let mut seen: HashMap<&str, Node> = HashMap::new();
    let mut elements: HashMap<u32, Node> = HashMap::new();
    for edge in graph.edges(node) {
        match edge.kind {
            EdgeKind::Property => {
                seen.insert(graph.edge_name(edge), edge.to);
            }
            EdgeKind::Element => {
                elements.insert(graph.edge_index(edge), edge.to);
            }
            _ => {}
        }
    }
    // Ours among V8's.
    for (name, cell) in &printed.properties {
        let found = seen.remove(&**name);
        match cell {
            Cell::None | Cell::Native => sweep.names += 1,
            Cell::Number => {
                sweep.names += 1;
                if found.is_some_and(|found| graph.name(found) != "heap number") {
                    sweep.differ("number that V8 has as something else", || format!("{}.{name}", who()));
                }
            }
            Cell::Accessor { get, set } => {
                // Of a symbol getter and setter go by its own name.
                let of_symbol = name.starts_with("<symbol");
                for (prefix, there) in [("get", get), ("set", set)] {
                    let edge = seen.remove(&*format!("{prefix} {name}"));
                    if *there && edge.is_none() && !of_symbol {
                        sweep.differ("accessor that V8 does not have", || format!("{}.{name}", who()));
                    }
                }
                sweep.names += 1;
            }
            _ => match found {
                Some(found) => {
                    sweep.names += 1;
                    compare_cell(graph, heap, matching, cell, found, sweep, || format!("{}.{name}", who()));
                }
                // A snapshot has only one of several properties that read the same, and calls one without a name internal.
                None if name.starts_with("<symbol") || name.len() >= STRING_LIMIT || name.is_empty() => {}
                None => sweep.differ("property that V8 does not have", || format!("{}.{name}", who())),
            },
        }
    }
    // V8's that we do not have.
    for (name, to) in seen {
        let is_internal = name == "__proto__" || name.starts_with("<symbol") || name.len() >= STRING_LIMIT;
        let is_prototype = name == "prototype" && graph.kind(node) == NodeKind::Closure;
        // What objects of a class with private methods are known by: the context of the class, under a private symbol.
        let is_brand = graph.name(to) == "system / Context";
        if !is_internal && !is_prototype && !is_brand {
            sweep.differ("property that only V8 has", || {
                format!("{}.{name}: {:?} {:.40}", who(), graph.kind(to), graph.name(to))
            });
        }
    }
    // V8 leaves out the elements of arrays that are frozen, sealed or not extensible, all of them.
    let has_elements = !elements.is_empty();
    for (index, cell) in &printed.elements {
        if let Some(found) = elements.remove(index) {
            compare_cell(graph, heap, matching, cell, found, sweep, || format!("{}[{index}]", who()));
        } else if has_elements
            && &*printed.class == "JSArray"
            && matches!(cell, Cell::Object(_) | Cell::Text(_))
        {
            sweep.differ("element that V8 does not have", || format!("{}[{index}]", who()));
        }
    }
    if !elements.is_empty() {
        sweep.differ("element that only V8 has", || format!("{}: {:?}", who(), elements.keys().min()));
    }
    if matches!(&*printed.class, "JSMap" | "JSSet") {
        match entries(graph, printed, node) {
            Some(entries) => {
                for (cell, found) in entries {
                    compare_cell(graph, heap, matching, cell, found, sweep, who);
                }
            }
            None => sweep.differ("other number of entries in a collection", who),
        }
    }
    if graph.kind(node) == NodeKind::Closure && &*printed.class == "JSFunction" {
        let name = printed.text.split_once(' ').map_or("", |(_, name)| name);
        let found = graph.name(node);
        let is_renamed = printed.properties.iter().any(|(own, _)| &**own == "name");
        if !found.is_empty() && found != name && !is_renamed {
            sweep.differ("function of another name", || format!("{}: {name}, V8 has {found}", who()));
        }
    }
}

fn compare_cell(
    graph: &SnapshotGraph,
    heap: &Heap,
    matching: &Matching<'_>,
    cell: &Cell,
    found: Node,
    sweep: &mut Sweep,
    place: impl Fn() -> String,
) {
    match cell {
        Cell::Text(text) => {
            if !graph.is_string(found) {
                sweep.differ("string that V8 has as something else", || {
                    format!("{}: {:.40}", place(), graph.name(found))
                });
                return;
            }
            let Some(other) = graph.text(found) else { return };
            // Half a surrogate pair is three question marks there.
            if text.contains(char::REPLACEMENT_CHARACTER) {
                return;
            }
            sweep.strings += 1;
            if as_written(text) != as_written(&other) {
                sweep.differ("string of another text", || {
                    format!("{}: {:?}, V8 has {:?}", place(), as_written(text), as_written(&other))
                });
            }
        }
        Cell::Object(address) => {
            let Some(&target) = heap.index.get(address) else { return };
            sweep.references += 1;
            match matching.node_of[target] {
                Some(node) if node == found => {}
                Some(node) => sweep.differ("reference to another object", || {
                    format!(
                        "{}: {:#x}, which is {} {:.40} and not {} {:.40}",
                        place(),
                        address,
                        node,
                        graph.name(node),
                        found,
                        graph.name(found)
                    )
                }),
                None => sweep.differ("reference to an object without a node", || {
                    format!("{}: {:#x}, V8 has {:.40}", place(), address, graph.name(found))
                }),
            }
        }
        _ => {}
    }
}

/// A text as V8 writes it: the first code units, a blank for NUL, and of a character beyond U+FFFF only the low 16 bits
/// (`String::ToCString`, `HeapSnapshotJSONSerializer::SerializeString`).
fn as_written(text: &str) -> String {
    let units: Vec<u16> = text.encode_utf16().take(STRING_LIMIT).collect();
    let written = |c: char| match c {
        '\0' => ' ',
        c => char::from_u32(u32::from(c) & 0xffff).unwrap_or(char::REPLACEMENT_CHARACTER),
    };
    String::from_utf16_lossy(&units).chars().map(written).collect()
}
