//! The nodes of a heap snapshot as the values of expressions.
//!
//! Objects, strings and symbols go by their ids. What a name is called in the file is looked up once for each step of an expression.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use v8_heap::Monitor;
use v8_heap::snapshot::{EdgeKind, NodeKind};
use v8_heap::snapshot_file::{Edge, Key, NodeValue};

use super::SnapshotSource;
use crate::jsexpr::{JsValue, Step, StepKind, Values};

/// Characters of a string. V8 cuts them at 1024 unless it is told otherwise.
const LONGEST: usize = usize::MAX;
/// V8 cuts strings behind so many characters.
const CUT_AT: usize = 1024;
/// Objects of one constructor whose names are looked through for one that may have been meant; and constructors.
const MOST_OBJECTS: usize = 20;
const MOST_CLASSES: usize = 50;
/// What stands for the constructor of what has none.
const NONE: u32 = u32::MAX;

/// The values of a heap snapshot.
pub(crate) struct OfSnapshot<'m> {
    source: SnapshotSource,
    monitor: Box<dyn Monitor + 'm>,
}

impl<'m> OfSnapshot<'m> {
    /// The values of a snapshot; `monitor` watches what takes long.
    pub(crate) fn new(source: SnapshotSource, monitor: Box<dyn Monitor + 'm>) -> OfSnapshot<'m> {
        OfSnapshot { source, monitor }
    }

    fn node(&self, word: u64) -> v8_heap::Result<u32> {
        self.source.nodes.of_id(word)
    }

    fn of(&self, node: u32) -> v8_heap::Result<JsValue> {
        let id = self.source.nodes.id(node);
        Ok(match self.source.nodes.value(node)? {
            NodeValue::Undefined | NodeValue::Accessor => JsValue::Undefined,
            NodeValue::Null => JsValue::Null,
            NodeValue::Boolean(truth) => JsValue::Boolean(truth),
            NodeValue::Number(Some(number)) => JsValue::Number(number),
            NodeValue::Number(None) => JsValue::Untold("number"),
            NodeValue::BigInt => JsValue::Untold("bigint"),
            NodeValue::Symbol => JsValue::Symbol(id),
            NodeValue::String => JsValue::String(id),
            NodeValue::Object | NodeValue::Internal => JsValue::Object(id),
        })
    }

    /// The length of a string, if the file has all of it.
    fn length(&self, node: u32) -> v8_heap::Result<Option<JsValue>> {
        let Some(text) = self.source.nodes.string(node, LONGEST)? else { return Ok(None) };
        let length = text.text.encode_utf16().count();
        let is_whole = !text.is_cut && length < CUT_AT;
        Ok(is_whole.then_some(JsValue::Number(length as f64)))
    }
}

impl SnapshotSource {
    /// The member of a node that is called `name`, as a program or `::jsprint` calls it.
    pub(super) fn key_of(&self, name: &str) -> Option<Key> {
        if let Ok(index) = name.parse() {
            return Some(Key::Index(index));
        }
        // A symbol, or a private member, whose name is a symbol as well.
        let symbol = name.strip_prefix("Symbol(").and_then(|rest| rest.strip_suffix(')'));
        let symbol = symbol.or_else(|| name.strip_prefix('#').map(|_| name));
        let text = symbol.map_or_else(|| name.to_owned(), |symbol| format!("<symbol {symbol}>"));
        self.nodes.string_saying(&text).map(Key::Name)
    }
}

impl Values for OfSnapshot<'_> {
    fn value(&self, word: u64) -> v8_heap::Result<JsValue> {
        self.of(self.node(word)?)
    }

    fn step(&self, step: &Step, from: u64) -> v8_heap::Result<Option<JsValue>> {
        let (source, nodes) = (&self.source, &self.source.nodes);
        let node = self.node(from)?;
        let is_string = nodes.kind(node).is_string();
        let key = match step.kind() {
            StepKind::Name(name) if is_string => {
                return if name == "length" { self.length(node) } else { Ok(None) };
            }
            StepKind::Name(name) => {
                // Which objects were asked is kept for what may have been meant.
                let shape = nodes.constructor(node).map_or(NONE, |name| name.0);
                let in_all = || step.place_in(NONE, || source.key_of(name).map(place_of));
                step.place_in(shape, in_all).map(key_at)
            }
            StepKind::Index(index) => u32::try_from(*index).ok().map(Key::Index),
            StepKind::Slot(name) if name == "Prototype" => nodes.string_saying("__proto__").map(Key::Name),
            StepKind::Slot(_) => None,
        };
        let Some(key) = key else { return Ok(None) };
        nodes.member(node, key)?.map(|to| self.of(to)).transpose()
    }

    fn constructor(&self, object: u64) -> v8_heap::Result<Option<Rc<str>>> {
        let nodes = &self.source.nodes;
        let name = nodes.constructor(self.node(object)?);
        Ok(name.map(|name| nodes.constructor_text(name).into()))
    }

    fn is_callable(&self, object: u64) -> bool {
        let node = self.node(object);
        node.is_ok_and(|node| self.source.nodes.kind(node) == NodeKind::Closure)
    }

    /// No snapshot tells it.
    fn date(&self, _: u64) -> v8_heap::Result<f64> {
        Ok(f64::NAN)
    }

    fn text(&self, string: u64) -> v8_heap::Result<Rc<str>> {
        let text = self.source.nodes.string(self.node(string)?, LONGEST)?;
        Ok(text.map_or(String::new(), |text| text.text).into())
    }

    fn is_empty(&self, string: u64) -> v8_heap::Result<bool> {
        let text = self.source.nodes.string(self.node(string)?, 1)?;
        Ok(text.is_none_or(|text| text.text.is_empty()))
    }

    fn symbol_text(&self, symbol: u64) -> Option<String> {
        Some(self.source.symbol(self.node(symbol).ok()?))
    }

    fn label(&self, object: u64) -> String {
        match self.node(object) {
            Ok(node) => format!("{} {}", self.source.label_of(node), self.source.id(node)),
            Err(_) => format!("@{object}"),
        }
    }

    fn json(&self, object: u64) -> String {
        format!("@{object}")
    }

    fn own_size(&self, object: u64) -> u64 {
        self.node(object).map_or(0, |node| self.source.nodes.size(node))
    }

    fn retained_size(&self, object: u64) -> v8_heap::Result<u64> {
        let node = self.node(object)?;
        Ok(self.source.file.dominators(&*self.monitor)?.total(node))
    }

    fn names_beside(&self, step: &Step) -> Vec<String> {
        let nodes = &self.source.nodes;
        let shapes = step.shapes().into_iter().take(MOST_CLASSES);
        let mut left: HashMap<u32, usize> = shapes.map(|shape| (shape, MOST_OBJECTS)).collect();
        let mut names = HashSet::new();
        for node in 0..nodes.len() as u32 {
            let Some(left) = nodes.constructor(node).and_then(|name| left.get_mut(&name.0)) else { continue };
            if *left == 0 {
                continue;
            }
            *left -= 1;
            let edges = nodes.edges_of(node).unwrap_or_default();
            let properties = edges.iter().filter(|edge| edge.kind == EdgeKind::Property);
            names.extend(properties.filter_map(|edge| nodes.edge_name(edge)));
        }
        names.into_iter().collect()
    }

    fn untold(&self) -> Option<&'static str> {
        const NUMBERS: &str = "numbers are not in this snapshot: v8.writeHeapSnapshot(file, { exposeNumericValues: true }) \
                               writes them";
        (!self.source.nodes.tells_numbers()).then_some(NUMBERS)
    }
}

/// A key as the place of a property: names and indices in turn.
fn place_of(key: Key) -> usize {
    match key {
        Key::Name(name) => 2 * name as usize,
        Key::Index(index) => 2 * index as usize + 1,
    }
}

fn key_at(place: usize) -> Key {
    let number = (place / 2) as u32;
    if place.is_multiple_of(2) { Key::Name(number) } else { Key::Index(number) }
}

impl SnapshotSource {
    /// `Symbol(x)`
    pub(super) fn symbol(&self, node: u32) -> String {
        let edges = self.nodes.edges_of(node).unwrap_or_default();
        let named = |edge: &&Edge| self.nodes.edge_name(edge).as_deref() == Some("name");
        let name = edges.iter().find(named).and_then(|edge| self.nodes.string(edge.to, 256).ok().flatten());
        format!("Symbol({})", name.map_or(String::new(), |name| name.text))
    }
}
