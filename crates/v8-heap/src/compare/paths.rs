//! Names of objects that mean the same in another heap: the path of properties, keys, elements and captured variables that leads
//! from the global object to an object.
//!
//! A breadth-first search over the graph finds near ways, through JavaScript objects and what stores their properties, elements,
//! entries and variables, and through nothing else. Only the steps of the ways that are wanted are then given their names.
//!
//! ```text
//!   global object  .broker   .sessions   .get("session-7")   .user
//!        |            |          |               |              |
//!      JSGlobal --> Broker --> JSMap --...--> Session --...--> Object
//! ```
//!
//! Not every object has such a name. What only a Set, a WeakMap, a key that is an object, or native code leads to has none, and
//! cannot be recognised. Where the global object does not lead, a handle of native code begins the path (that of a server that
//! listens), if it is the only one that holds an object of its constructor.
//!
//! The same name in another heap is the same place, which may by now hold another object: it counts as the same if its constructor
//! is.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Side;
use crate::address_map::NumberMap;
use crate::graph::RootKind;
use crate::heap::Heap;
use crate::index::{MapOf, MapSet, ObjectId};
use crate::layout::Kind;
use crate::objects::value::Value;
use crate::questions::ReferenceKind;
use crate::{Error, Monitor, Result, Tagged};

/// Longer keys and names name nothing, in UTF-16 code units and bytes.
const LONGEST_KEY: usize = 512;

/// Objects between two looks at whether to stop.
const BETWEEN_LOOKS: usize = 1 << 12;

/// Not reached, or not found.
const NONE: u32 = u32::MAX;

/// How one object leads to the next, in the terms of the language.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// The global object, with which a path begins.
    Global,
    /// A handle or list of native code, with which a path begins, and the constructor of what it holds.
    Root(RootKind, Box<str>),
    /// A named property; a symbol as `Symbol(description)`.
    Property(Box<str>),
    /// The function that reads a property.
    Getter(Box<str>),
    /// The function that writes a property.
    Setter(Box<str>),
    /// An indexed element.
    Element(u64),
    /// The value of a Map behind this key.
    Value(Key),
    /// A variable that a function has captured.
    Variable(Box<str>),
    /// A part that objects of a class have, by the name of the language's specification.
    Slot(&'static str),
    /// One of several such parts.
    NumberedSlot(&'static str, u64),
}

/// The key of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// A string.
    Text(Box<str>),
    /// A number, by its bits.
    Number(u64),
    /// `true`, `undefined` and the like.
    Word(&'static str),
}

#[derive(Clone, Debug)]
struct Node {
    /// Number of the node before, which is less; its own of the first of a path.
    parent: u32,
    /// `None` if the way from there has no name.
    step: Option<Step>,
    /// The object, in the heap whose objects are named.
    object: u32,
    /// Every step up to here has a name.
    is_named: bool,
}

/// Names of some objects of one heap.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    nodes: Vec<Node>,
    by_object: NumberMap<u32>,
}

/// Which objects of another heap have the names of [`Paths`].
#[derive(Clone, Debug)]
pub struct Located(Vec<u32>);

impl Paths {
    /// The steps that lead to an object, if it has a name.
    pub fn of(&self, object: u32) -> Option<Vec<&Step>> {
        let mut at = *self.by_object.get(&object)?;
        self.nodes[at as usize].is_named.then_some(())?;
        let mut steps = Vec::new();
        loop {
            let node = &self.nodes[at as usize];
            steps.extend(&node.step);
            if node.parent == at {
                break;
            }
            at = node.parent;
        }
        steps.reverse();
        Some(steps)
    }

    /// Whether an object has a name.
    pub fn is_named(&self, object: u32) -> bool {
        self.by_object.get(&object).is_some_and(|node| self.nodes[*node as usize].is_named)
    }

    /// The JavaScript object before this one on its path.
    pub fn before(&self, object: u32) -> Option<u32> {
        let node = *self.by_object.get(&object)?;
        let parent = self.nodes[node as usize].parent;
        (parent != node).then(|| self.nodes[parent as usize].object)
    }

    /// The object of the other heap that has the name of this one.
    pub fn located(&self, located: &Located, object: u32) -> Option<u32> {
        let node = *self.by_object.get(&object)?;
        located.0.get(node as usize).copied().filter(|id| *id != NONE)
    }

    /// Follows the names, which are of `home`, in another heap.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn locate(&self, home: &Side<'_, '_>, away: &Side<'_, '_>) -> Result<Located> {
        let (heap, monitor) = (away.heap, away.monitor);
        let table = heap.objects(monitor)?;
        let starts = heap.starts(monitor)?;
        let mut found = vec![NONE; self.nodes.len()];
        let children = self.children();
        monitor.begin("looking for objects by name", self.nodes.len() as u64);
        for (index, node) in self.nodes.iter().enumerate() {
            if index.is_multiple_of(BETWEEN_LOOKS) {
                monitor.advance(BETWEEN_LOOKS as u64);
            }
            if node.parent as usize == index
                && let Some(step) = node.step.as_ref()
                && let Some(start) = starts.get(step)
            {
                found[index] = *start;
            }
            let own = children.of(index as u32);
            let Some(object) = heap.object_by_id(table, ObjectId(found[index])).filter(|_| !own.is_empty())
            else {
                continue;
            };
            let mut wanted: HashMap<&Step, u32> = HashMap::with_capacity(own.len());
            for &child in own {
                if let Some(step) = &self.nodes[child as usize].step {
                    wanted.insert(step, child);
                }
            }
            let mut visited = 0usize;
            heap.for_each_reference(object, &mut |kind, target| {
                visited += 1;
                if let Some(id) = target.strong().and_then(|at| table.id_at(heap.spaces(), at))
                    && let Some(step) = heap.step(kind)
                    && let Some(child) = wanted.remove(&step)
                    && home.is_alike(self.nodes[child as usize].object, away, id.0)
                {
                    found[child as usize] = id.0;
                }
                !(wanted.is_empty() || visited.is_multiple_of(BETWEEN_LOOKS) && monitor.cancelled())
            });
            // What was stopped half-way is no answer.
            if monitor.cancelled() {
                return Err(Error::Interrupted);
            }
        }
        Ok(Located(found))
    }

    fn children(&self) -> crate::graph::Rows {
        let edges: Vec<(u32, u32)> = (0u32..)
            .zip(&self.nodes)
            .filter(|(index, node)| node.parent != *index)
            .map(|(index, node)| (node.parent, index))
            .collect();
        crate::graph::Rows::from_edges(self.nodes.len(), &edges)
    }
}

impl Side<'_, '_> {
    /// Whether two objects of two heaps have the same constructor, or two strings are strings.
    fn is_alike(&self, own: u32, other: &Side<'_, '_>, others: u32) -> bool {
        let name = |side: &Side<'_, '_>, id: u32| {
            let table = side.heap.objects(side.monitor).ok()?;
            let object = side.heap.object_by_id(table, ObjectId(id))?;
            let constructor = side.heap.name(side.heap.constructor_name(object)).to_owned();
            Some((object.kind().is_js_object(), constructor))
        };
        name(self, own).is_some_and(|own| Some(own) == name(other, others))
    }
}

impl Heap<'_> {
    /// Names of the objects that are wanted.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn paths(&self, wanted: &[u32], monitor: &dyn Monitor) -> Result<Paths> {
        let table = self.objects(monitor)?;
        let starts: BTreeMap<Step, u32> = self.starts(monitor)?;
        let sources: Vec<u32> = starts.values().copied().collect();
        let before = self.nearest_ways(&sources, monitor)?;
        let step_of_start: HashMap<u32, &Step> = starts.iter().map(|(step, id)| (*id, step)).collect();
        let is_js = |id: u32| table.map_of(ObjectId(id)).is_some_and(|map| self.map(map).kind.is_js_object());
        let mut paths = Paths::default();
        // Objects that are still to be named, by the JavaScript object that leads to them.
        let mut way = Vec::new();
        for (index, &id) in wanted.iter().enumerate() {
            if index.is_multiple_of(BETWEEN_LOOKS) && monitor.cancelled() {
                return Err(Error::Interrupted);
            }
            if before.get(id as usize).is_none_or(|before| *before == NONE) {
                continue;
            }
            way.clear();
            let mut at = id;
            while !paths.by_object.contains_key(&at) {
                if at == id || is_js(at) {
                    way.push(at);
                }
                if before[at as usize] == at {
                    break;
                }
                at = before[at as usize];
            }
            let mut parent = paths.by_object.get(&at).copied();
            for &object in way.iter().rev() {
                let node = paths.nodes.len() as u32;
                let step = if parent.is_none() {
                    step_of_start.get(&object).map(|step| (*step).clone())
                } else {
                    None
                };
                paths.nodes.push(Node {
                    parent: parent.unwrap_or(node),
                    is_named: step.is_some(),
                    step,
                    object,
                });
                paths.by_object.insert(object, node);
                parent = Some(node);
            }
        }
        self.name_steps(&mut paths, monitor)?;
        Ok(paths)
    }

    /// Gives their names to the steps of paths.
    fn name_steps(&self, paths: &mut Paths, monitor: &dyn Monitor) -> Result<()> {
        let table = self.objects(monitor)?;
        let children = paths.children();
        monitor.begin("naming objects", paths.nodes.len() as u64);
        for index in 0..paths.nodes.len() as u32 {
            if (index as usize).is_multiple_of(BETWEEN_LOOKS) {
                monitor.advance(BETWEEN_LOOKS as u64);
            }
            let own = children.of(index);
            let node = &paths.nodes[index as usize];
            if own.is_empty() || !node.is_named {
                continue;
            }
            let Some(object) = self.object_by_id(table, ObjectId(node.object)) else { continue };
            let mut unnamed: NumberMap<u32> =
                own.iter().map(|child| (paths.nodes[*child as usize].object, *child)).collect();
            // Of two equal names the first is meant, as when it is looked for.
            let mut taken: HashSet<Step> = HashSet::new();
            let mut visited = 0usize;
            self.for_each_reference(object, &mut |kind, target| {
                visited += 1;
                let id = target.strong().and_then(|at| table.id_at(self.spaces(), at));
                let child = id.and_then(|id| unnamed.get(&id.0).copied());
                if (is_ambiguous(kind) || child.is_some())
                    && let Some(step) = self.step(kind)
                    && (!is_ambiguous(kind) || taken.insert(step.clone()))
                    && let Some(child) = child
                {
                    unnamed.remove(&paths.nodes[child as usize].object);
                    let node = &mut paths.nodes[child as usize];
                    node.step = Some(step);
                    node.is_named = true;
                }
                !(unnamed.is_empty() || visited.is_multiple_of(BETWEEN_LOOKS) && monitor.cancelled())
            });
            if monitor.cancelled() {
                return Err(Error::Interrupted);
            }
        }
        Ok(())
    }

    /// Where paths begin: the global object of Node.js's main context, and what certain roots hold, where the name says which.
    fn starts(&self, monitor: &dyn Monitor) -> Result<BTreeMap<Step, u32>> {
        let table = self.objects(monitor)?;
        let mut starts = BTreeMap::new();
        if let Some(global) = self.main_global(monitor)? {
            starts.insert(Step::Global, global);
        }
        let mut held: BTreeMap<Step, Option<u32>> = BTreeMap::new();
        for root in self.roots(monitor)?.all() {
            let object = self.object_by_id(table, ObjectId(root.target));
            if let Some(object) =
                object.filter(|object| root.kind.is_listed() && object.kind().is_js_object())
            {
                let constructor = self.name(self.constructor_name(object)).into();
                let one = held.entry(Step::Root(root.kind, constructor)).or_insert(Some(root.target));
                // Two of a kind cannot be told apart.
                if *one != Some(root.target) {
                    *one = None;
                }
            }
        }
        starts.extend(held.into_iter().filter_map(|(step, id)| Some((step, id?))));
        Ok(starts)
    }

    /// The global object that has a `process`, in the largest heap that has one.
    fn main_global(&self, monitor: &dyn Monitor) -> Result<Option<u32>> {
        let table = self.objects(monitor)?;
        let isolates = self.spaces().isolates();
        let mut best: Option<(usize, u32)> = None;
        let globals = MapSet::of_kind(self, Kind::JsGlobalObject);
        for page in 0..table.page_count() {
            let heap = self.spaces().pages()[page].heap;
            for (id, global) in globals.on_page(self, table, page) {
                let rank = isolates.iter().position(|isolate| isolate.heap == heap).unwrap_or(usize::MAX);
                if best.is_none_or(|(known, _)| rank < known)
                    && matches!(self.own_property(global, "process"), Ok(Some(_)))
                {
                    best = Some((rank, id.0));
                }
            }
        }
        Ok(best.map(|(_, id)| id))
    }

    /// For each object the one before it on a near way from a source; the earlier sources first.
    fn nearest_ways(&self, sources: &[u32], monitor: &dyn Monitor) -> Result<Vec<u32>> {
        let table = self.objects(monitor)?;
        let graph = self.graph(monitor)?;
        let map_of = MapOf::new(self, table);
        let is_passage = |id: u32| {
            let kind = map_of.kind(id);
            kind.is_js_object() || is_storage(kind)
        };
        monitor.begin("looking for ways", graph.len() as u64);
        let mut before = vec![NONE; graph.len()];
        let mut queue = Vec::new();
        for &source in sources {
            if before[source as usize] != NONE {
                continue;
            }
            before[source as usize] = source;
            queue.clear();
            queue.push(source);
            let mut at = 0;
            while let Some(&id) = queue.get(at) {
                at += 1;
                if at.is_multiple_of(1 << 16) {
                    monitor.advance(1 << 16);
                    if monitor.cancelled() {
                        return Err(Error::Interrupted);
                    }
                }
                if !is_passage(id) {
                    continue;
                }
                for &next in graph.holds.of(id) {
                    if before[next as usize] == NONE {
                        before[next as usize] = id;
                        queue.push(next);
                    }
                }
            }
        }
        Ok(before)
    }

    /// A reference as a step; `None` if it has no name that another heap would know.
    pub(super) fn step(&self, kind: ReferenceKind) -> Option<Step> {
        let name = |name: Tagged| {
            let text = self.name_text(name).filter(|text| text.len() <= LONGEST_KEY)?;
            Some(text.into_boxed_str())
        };
        Some(match kind {
            ReferenceKind::Property(property) => Step::Property(name(property)?),
            ReferenceKind::Getter(property) => Step::Getter(name(property)?),
            ReferenceKind::Setter(property) => Step::Setter(name(property)?),
            ReferenceKind::Variable(variable) => Step::Variable(name(variable)?),
            ReferenceKind::Element(index) => Step::Element(index),
            ReferenceKind::MapValue(key) => Step::Value(self.key(key)?),
            ReferenceKind::BoundTarget => Step::Slot("BoundTargetFunction"),
            ReferenceKind::BoundThis => Step::Slot("BoundThis"),
            ReferenceKind::BoundArgument(index) => Step::NumberedSlot("BoundArguments", index),
            ReferenceKind::PromiseResult => Step::Slot("PromiseResult"),
            ReferenceKind::ProxyTarget => Step::Slot("ProxyTarget"),
            ReferenceKind::ProxyHandler => Step::Slot("ProxyHandler"),
            ReferenceKind::WrappedValue => Step::Slot("PrimitiveValue"),
            ReferenceKind::GeneratorFunction => Step::Slot("GeneratorFunction"),
            ReferenceKind::GeneratorReceiver => Step::Slot("GeneratorReceiver"),
            ReferenceKind::GeneratorLocal(register) => Step::NumberedSlot("GeneratorLocal", register),
            ReferenceKind::Iterated => Step::Slot("IteratedObject"),
            ReferenceKind::WithObject => Step::Slot("WithObject"),
            ReferenceKind::MapKey
            | ReferenceKind::SetEntry
            | ReferenceKind::WeakRefTarget
            | ReferenceKind::ScriptVariable(_)
            | ReferenceKind::StackReceiver(_)
            | ReferenceKind::StackFunction(_)
            | ReferenceKind::HeldValue
            | ReferenceKind::WatchedTarget => return None,
        })
    }

    /// The key of an entry; `None` if it is an object, a symbol or the like.
    pub(super) fn key(&self, key: Tagged) -> Option<Key> {
        Some(match self.value(key).ok()? {
            Value::Smi(smi) => Key::Number(f64::from(smi).to_bits()),
            Value::Double(number) => Key::Number(number.to_bits()),
            Value::Undefined => Key::Word("undefined"),
            Value::Null => Key::Word("null"),
            Value::Boolean(true) => Key::Word("true"),
            Value::Boolean(false) => Key::Word("false"),
            Value::String(_) => {
                let text = self.string(key, LONGEST_KEY).ok().filter(|text| !text.is_cut())?;
                Key::Text(text.to_text().into_boxed_str())
            }
            _ => return None,
        })
    }
}

/// Whether an object can have two references of the same name: symbols with one description, variables of nested scopes.
fn is_ambiguous(kind: ReferenceKind) -> bool {
    matches!(kind, ReferenceKind::Property(_) | ReferenceKind::Variable(_))
}

/// Whether objects of a kind store properties, elements, entries or variables, so that what they hold has a name.
fn is_storage(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::FixedArray
            | Kind::PropertyArray
            | Kind::NameDictionary
            | Kind::NumberDictionary
            | Kind::GlobalDictionary
            | Kind::PropertyCell
            | Kind::OrderedHashMap
            | Kind::SloppyArgumentsElements
            | Kind::AccessorPair
            | Kind::Context
            | Kind::ContextCell
            | Kind::Cell
    )
}
