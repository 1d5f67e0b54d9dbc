//! `cargo xtask sweep`: every object of a heap printed, and held against V8's own snapshot of the same process.
//!
//! The debugger prints all JavaScript objects, one level deep, as JSON. Which node of the snapshot is which object follows from
//! structure alone: from objects whose constructor has one instance on both sides, along all references that V8 names, to
//! whatever they lead to ([`References`] finds them in the words of the heap). Then for each pair the names of properties are
//! compared as they were printed, the text of strings, and whether each reference leads to the partner of what it leads to on
//! the other side. A wrong pair would show in all of them.
//!
//! What a snapshot does not have is not compared: numbers, booleans, null and undefined; the text of a string behind
//! [`STRING_LIMIT`] code units, and that of a string that is part of another one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use core_reader::{Core, OpenOptions};
use serde_json::Value;
use v8_heap::layout::Kind;
use v8_heap::objects::context::VariableValue;
use v8_heap::objects::value::HeapObject;
use v8_heap::{PropertyValue, Tagged, Unattended};

use crate::population::Population;
use crate::scenario::Scenario;
use crate::snapshot_graph::{Edge, EdgeKind, Node, NodeKind, STRING_LIMIT, SnapshotGraph};
use crate::take_core;

pub fn run(arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let (population, mut arguments) = Population::of(arguments)?;
    let mut scenario = Scenario::find("compiler")?;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("scenario") => scenario = Scenario::find(&arguments.value()?.string()?)?,
            other => return Err(other.unexpected().into()),
        }
    }
    let releases = population.releases();
    let executable = population.debugger()?;
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

/// Scenarios whose every object the matrix looks at: programs that somebody else wrote.
pub const SCENARIOS: &[&str] = &["compiler"];

/// Percent of the objects that must be matched: what Node.js keeps to itself without a name that leads to it is all that may be
/// missing, so of a large program nearly nothing.
const LEAST_MATCHED: usize = 98;

impl Sweep {
    /// Whether all is as it should be.
    pub fn passes(&self) -> bool {
        self.unknown == 0
            && self.kinds.is_empty()
            && self.matched * 100 >= self.nodes.max(self.objects) * LEAST_MATCHED
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
            self.different(),
            self.unknown
        )
    }

    /// How many things differ.
    pub fn different(&self) -> u64 {
        self.kinds.values().map(|(count, _)| count).sum()
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
    let options = OpenOptions {
        core: directory.join("core"),
        executable: None,
        sysroot: None,
        ..OpenOptions::default()
    };
    // One for each heap, for as long as the task runs.
    let core: &'static Core = Box::leak(Box::new(Core::open(&options)?));
    let walked = v8_heap::Heap::open(core.memory(), core.symbols(), core.threads())?;
    walked.objects(&Unattended)?;
    let mut matching = Matching::new(&graph, &heap, &walked);
    matching.run();
    let mut sweep = Sweep {
        objects: heap.objects.len(),
        nodes: (0..graph.len() as Node).filter(|node| graph.is_js_object(*node)).count(),
        unknown: heap.unknown,
        ..Sweep::default()
    };
    for object in &heap.objects {
        if let Some(&node) = matching.node_of.get(&object.address) {
            sweep.matched += 1;
            compare(&graph, object, &matching, node, &mut sweep);
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

/// All JavaScript objects as the debugger prints them.
#[derive(Debug, Default)]
struct Heap {
    /// In the order of addresses.
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
    references: References<'a>,
    /// By tagged address.
    node_of: HashMap<u64, Node>,
    is_taken: Vec<bool>,
    queue: Vec<(u64, Node)>,
}

impl<'a> Matching<'a> {
    fn new(graph: &'a SnapshotGraph, heap: &'a Heap, core: &'a v8_heap::Heap<'static>) -> Matching<'a> {
        Matching {
            graph,
            heap,
            references: References { heap: core, offsets: HashMap::new() },
            node_of: HashMap::with_capacity(graph.len()),
            is_taken: vec![false; graph.len()],
            queue: Vec::new(),
        }
    }

    fn run(&mut self) {
        self.seed();
        while let Some((address, node)) = self.queue.pop() {
            for (target, to) in self.references.of(self.graph, address, node) {
                self.pair(target, to);
            }
        }
    }

    fn pair(&mut self, address: u64, node: Node) {
        if !self.node_of.contains_key(&address)
            && !self.is_taken[node as usize]
            && self.is_possible(address, node)
        {
            self.node_of.insert(address, node);
            self.is_taken[node as usize] = true;
            self.queue.push((address, node));
        }
    }

    /// Whether an object and a node go by the same name.
    fn is_possible(&self, address: u64, node: Node) -> bool {
        let Some(&object) = self.heap.index.get(&address) else { return !self.graph.is_js_object(node) };
        let object = &self.heap.objects[object];
        self.graph.is_js_object(node)
            && match self.graph.kind(node) {
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
        let mut objects: HashMap<&str, (u64, usize)> = HashMap::new();
        for object in &self.heap.objects {
            if let Some(name) = object.snapshot_name() {
                objects.entry(name).or_insert((object.address, 0)).1 += 1;
            }
        }
        let mut nodes: HashMap<&str, (Node, usize)> = HashMap::new();
        for node in (0..self.graph.len() as Node).filter(|node| self.graph.is_js_object(*node)) {
            if self.graph.kind(node) == NodeKind::Object {
                nodes.entry(self.graph.name(node)).or_insert((node, 0)).1 += 1;
            }
        }
        for (name, (node, count)) in nodes {
            if let Some(&(address, 1)) = objects.get(name).filter(|_| count == 1) {
                self.pair(address, node);
            }
        }
    }
}

/// Finds in the heap what an edge of the snapshot stands for.
struct References<'a> {
    heap: &'a v8_heap::Heap<'static>,
    /// Number of the word of a field, by instance type and V8's name for the edge.
    offsets: HashMap<(u16, String), Option<usize>>,
}

/// Slots of contexts that have a name of their own, by number of the word.
const CONTEXT_SLOTS: &[(&str, usize)] = &[("map", 0), ("scope_info", 2), ("previous", 3), ("extension", 4)];

/// Fields to which snapshots give another name than V8's class definitions.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("properties", "properties_or_hash"),
    ("shared", "shared_function_info"),
    ("initial_map", "prototype_or_initial_map"),
    ("bindings", "bound_arguments"),
    ("bound_function", "bound_target_function"),
    ("constructor", "constructor_or_back_pointer_or_native_context"),
    ("back_pointer", "constructor_or_back_pointer_or_native_context"),
    ("descriptors", "instance_descriptors"),
];

impl References<'_> {
    /// Tagged addresses of what the object at `address` refers to, each with its node, as far as that can be told.
    fn of(&mut self, graph: &SnapshotGraph, address: u64, node: Node) -> Vec<(u64, Node)> {
        let Ok(object) = self.heap.object(Tagged(address)) else { return Vec::new() };
        let words: Vec<Option<Tagged>> = match self.heap.object_words(object) {
            Ok(words) => words.iter().map(|(word, value)| word.is_tagged().then_some(value)).collect(),
            Err(_) => Vec::new(),
        };
        let mut variables = None;
        let mut found = Vec::new();
        for edge in graph.edges(node) {
            let value = match edge.kind {
                EdgeKind::Element => self.element(object, graph.edge_index(edge)),
                EdgeKind::Internal => {
                    self.field(object, graph.edge_name(edge)).and_then(|index| *words.get(index)?)
                }
                EdgeKind::Context => {
                    let variables = variables.get_or_insert_with(|| self.variables(object));
                    variables.get(graph.edge_name(edge)).copied()
                }
                EdgeKind::Property => self.property(object, &words, graph.edge_name(edge)),
                EdgeKind::Hidden | EdgeKind::Shortcut | EdgeKind::Weak | EdgeKind::Other => None,
            };
            found.extend(value.and_then(Tagged::strong).map(|target| (Tagged::pointer(target).0, edge.to)));
        }
        // References without a name are in the order of the words, those with one left out.
        let is_hidden = |edge: &&Edge| edge.kind == EdgeKind::Hidden;
        let hidden: Vec<Node> = graph.edges(node).iter().filter(is_hidden).map(|edge| edge.to).collect();
        let named: HashSet<u64> = found.iter().map(|(target, _)| *target).collect();
        let others: Vec<u64> = words
            .iter()
            .filter_map(|word| Some(Tagged::pointer((*word)?.strong()?).0))
            .filter(|target| !named.contains(target))
            .collect();
        if hidden.len() == others.len() {
            found.extend(others.into_iter().zip(hidden));
        }
        found
    }

    fn element(&self, object: HeapObject<'_>, index: u32) -> Option<Tagged> {
        let elements = self.heap.elements(object).ok()?;
        data(self.heap.element(&elements, u64::from(index)).ok()??)
    }

    fn variables(&self, context: HeapObject<'_>) -> HashMap<String, Tagged> {
        let heap = self.heap;
        let variables = heap.context_variables(context).unwrap_or_default().into_iter();
        let named = variables.filter_map(|variable| match variable.value {
            VariableValue::Tagged(value) => Some((heap.name_text(variable.name)?, value)),
            _ => None,
        });
        named.collect()
    }

    /// Number of the word that an internal edge stands for.
    fn field(&mut self, object: HeapObject<'_>, name: &str) -> Option<usize> {
        // The elements of an array follow its map and length.
        if let Ok(index) = name.parse::<usize>() {
            return index.checked_add(2);
        }
        let heap = self.heap;
        let key = (object.map.instance_type, name.to_owned());
        *self.offsets.entry(key).or_insert_with(|| {
            if object.kind() == Kind::Context || object.kind() == Kind::NativeContext {
                return CONTEXT_SLOTS.iter().find(|(slot, _)| *slot == name).map(|(_, word)| *word);
            }
            let other = OTHER_NAMES.iter().find(|(edge, _)| *edge == name).map(|(_, field)| *field);
            let class = heap.layout().type_info(object.map.instance_type)?.class?;
            let fields = heap.classes().all_fields(class);
            let is_it = |field: &str| field == name || Some(field) == other;
            let (_, field) = fields.iter().find(|(_, field)| is_it(field.name))?;
            usize::try_from(field.offset / 8).ok()
        })
    }

    /// A property by the name that snapshots give it.
    fn property(&mut self, object: HeapObject<'_>, words: &[Option<Tagged>], name: &str) -> Option<Tagged> {
        let heap = self.heap;
        if !object.kind().is_js_object() {
            return None;
        }
        match name {
            "__proto__" => return Some(object.map.prototype),
            "prototype" if object.kind() == Kind::JsFunction => {
                let prototype = (*words.get(self.field(object, "initial_map")?)?)?;
                return match heap.object(prototype) {
                    Ok(map) if map.kind() == Kind::Map => {
                        let index = self.field(map, "prototype")?;
                        let words = heap.object_words(map).ok()?;
                        words.iter().nth(index).map(|(_, value)| value)
                    }
                    _ => Some(prototype),
                };
            }
            _ => {}
        }
        let named = |wanted: &str| {
            let description = wanted.strip_prefix("<symbol ").and_then(|rest| rest.strip_suffix('>'));
            let wanted = description.map_or_else(|| wanted.to_owned(), |of| format!("Symbol({of})"));
            heap.own_property(object, &wanted).ok()?
        };
        if let Some(value) = named(name) {
            return data(value);
        }
        for (prefix, is_getter) in [("get ", true), ("set ", false)] {
            if let Some(PropertyValue::Accessor { getter, setter }) =
                name.strip_prefix(prefix).and_then(named)
            {
                return Some(if is_getter { getter } else { setter });
            }
        }
        None
    }
}

fn data(value: PropertyValue) -> Option<Tagged> {
    match value {
        PropertyValue::Data(value) => Some(value),
        _ => None,
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
fn compare(graph: &SnapshotGraph, printed: &Printed, matching: &Matching<'_>, node: Node, sweep: &mut Sweep) {
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
                if found.is_some_and(|found| !matches!(graph.name(found), "heap number" | "number")) {
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
                    compare_cell(graph, matching, cell, found, sweep, || format!("{}.{name}", who()));
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
            compare_cell(graph, matching, cell, found, sweep, || format!("{}[{index}]", who()));
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
                    compare_cell(graph, matching, cell, found, sweep, who);
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
            sweep.references += 1;
            match matching.node_of.get(address) {
                Some(node) if *node == found => {}
                Some(&node) => sweep.differ("reference to another object", || {
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
