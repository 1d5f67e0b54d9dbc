//! What a node is to the program: a value of its language, and what that holds under names that the program has for it.
//!
//! | node | value |
//! | --- | --- |
//! | `hidden`, called `true`, or `system / Oddball` with that string as its first word | `true` |
//! | `number` | a number; which one, an edge `value` to a string says, in files that were written with `exposeNumericValues` |
//! | `hidden`, called `system / AccessorPair` | functions that run on access |
//! | `object` with an edge `table` to an array | a Map or Set, whose entries are words of that array |

use super::objects::Nodes;
use crate::Result;
use crate::snapshot::{EdgeKind, NodeKind};

/// What V8 calls the values that have no type of their own, up to Node.js 22.
const ODDBALLS: [&str; 4] = ["system / Oddball", "system / Boolean", "system / Null", "system / Undefined"];
/// Bytes of a word; and words of an array of V8's in front of its elements: its map and its length.
const WORD: u64 = size_of::<u64>() as u64;
const HEADER_WORDS: u64 = 2;
/// Words of a table of entries in front of its buckets: how many entries there are, were deleted, and how many buckets.
const TABLE_HEADER: u64 = 3;
/// Entries for each bucket.
const LOAD: u64 = 2;

/// What a node is to the program, as far as the file tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NodeValue {
    /// `undefined`
    Undefined,
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A number; which one, few files tell.
    Number(Option<f64>),
    /// A big integer; which one, no file tells.
    BigInt,
    /// A symbol.
    Symbol,
    /// A string.
    String,
    /// Functions that run on access.
    Accessor,
    /// An object of any other sort.
    Object,
    /// What only V8 knows.
    Internal,
}

/// What a member of an object is asked for by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// The number of the string that is the name: see [`Nodes::string_saying`].
    Name(u32),
    /// An index.
    Index(u32),
}

/// An entry of a Map or Set; nothing where a small integer is, or nothing that lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its key; the member of a Set.
    pub key: Option<u32>,
    /// Its value; nothing in a Set.
    pub value: Option<u32>,
}

/// The entries of a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entries {
    /// It is a Set.
    pub is_set: bool,
    /// Those that the file tells.
    pub entries: Vec<Entry>,
}

impl Nodes<'_> {
    /// What a node is to the program.
    ///
    /// # Errors
    /// The edges are damaged.
    pub fn value(&self, node: u32) -> Result<NodeValue> {
        Ok(match self.kind(node) {
            kind if kind.is_string() => NodeValue::String,
            NodeKind::Number => NodeValue::Number(self.number(node)?),
            NodeKind::BigInt => NodeValue::BigInt,
            NodeKind::Symbol => NodeValue::Symbol,
            _ if self.constructor(node).is_some() => NodeValue::Object,
            NodeKind::Hidden | NodeKind::Code | NodeKind::ObjectShape => {
                let name = self.name(node);
                match &*name {
                    "system / AccessorPair" | "system / AccessorInfo" => NodeValue::Accessor,
                    own if ODDBALLS.contains(&own) => self.oddball(node)?,
                    own => named(own),
                }
            }
            _ => NodeValue::Internal,
        })
    }

    /// The first of its words that is a string says which it is.
    fn oddball(&self, node: u32) -> Result<NodeValue> {
        let edges = self.edges_of(node)?;
        let first = edges.iter().find(|edge| edge.kind == EdgeKind::Hidden && self.kind(edge.to).is_string());
        Ok(first.map_or(NodeValue::Internal, |edge| named(&self.name(edge.to))))
    }

    fn number(&self, node: u32) -> Result<Option<f64>> {
        let edges = self.edges_of(node)?;
        let is_value = |name: Option<String>| name.as_deref() == Some("value");
        let value =
            edges.iter().find(|edge| edge.kind == EdgeKind::Internal && is_value(self.edge_name(edge)));
        Ok(value.and_then(|edge| self.name(edge.to).parse().ok()))
    }

    /// Whether the file says which numbers its numbers are.
    pub fn tells_numbers(&self) -> bool {
        self.string_saying("smi number").is_some()
    }

    /// What an object has under a name or an index, or a context as a variable; nothing if the file tells of none.
    ///
    /// # Errors
    /// The edges are damaged.
    pub fn member(&self, node: u32, key: Key) -> Result<Option<u32>> {
        let edges = self.edges_of(node)?;
        let found = edges.iter().find(|edge| match (edge.kind, key) {
            (EdgeKind::Property | EdgeKind::Context, Key::Name(name)) => edge.name == name,
            (EdgeKind::Element, Key::Index(index)) => edge.name == index,
            _ => false,
        });
        Ok(found.map(|edge| edge.to))
    }

    /// The entries of a Map or Set, in the order in which they were added; nothing of any other object.
    ///
    /// # Errors
    /// The edges are damaged.
    pub fn entries(&self, node: u32) -> Result<Option<Entries>> {
        if self.kind(node) != NodeKind::Object {
            return Ok(None);
        }
        let named = |wanted: &str, name: Option<String>| name.as_deref() == Some(wanted);
        let edges = self.edges_of(node)?;
        let table = edges
            .iter()
            .find(|edge| edge.kind == EdgeKind::Internal && named("table", self.edge_name(edge)))
            .map(|edge| edge.to)
            .filter(|table| self.kind(*table) == NodeKind::Array);
        let Some(table) = table else { return Ok(None) };
        // A table has room for so many entries as is a power of two, each of a key, a value if it is a Map's, and the next of its bucket.
        let words = (self.size(table) / WORD).saturating_sub(HEADER_WORDS + TABLE_HEADER);
        let fits = |width: u64| {
            let capacity = words * LOAD / (LOAD * width + 1);
            (capacity.is_power_of_two() && capacity / LOAD + capacity * width == words)
                .then_some((width, capacity))
        };
        let Some((width, capacity)) = [3, 2].into_iter().find_map(fits) else { return Ok(None) };
        let is_set = width == 2;
        let first = TABLE_HEADER + capacity / LOAD;
        let mut words: Vec<(u64, u32)> = Vec::new();
        for edge in self.edges_of(table)? {
            let word = match edge.kind {
                EdgeKind::Internal => self.edge_name(&edge).and_then(|name| name.parse().ok()),
                EdgeKind::Element | EdgeKind::Hidden => Some(u64::from(edge.name)),
                _ => None,
            };
            words.extend(word.filter(|word| *word >= first).map(|word| (word - first, edge.to)));
        }
        words.sort_unstable();
        let mut entries: Vec<(u64, Entry)> = Vec::new();
        for (word, to) in words {
            let (at, part) = (word / width, word % width);
            if entries.last().is_none_or(|(own, _)| *own != at) {
                entries.push((at, Entry { key: None, value: None }));
            }
            let Some((_, entry)) = entries.last_mut() else { continue };
            match part {
                0 => entry.key = Some(to),
                1 if !is_set => entry.value = Some(to),
                // The next entry of the bucket, a number.
                _ => {}
            }
        }
        let entries = entries.into_iter().map(|(_, entry)| entry);
        let entries = entries.filter(|entry| entry.key.is_some() || entry.value.is_some()).collect();
        Ok(Some(Entries { is_set, entries }))
    }
}

fn named(name: &str) -> NodeValue {
    match name {
        "undefined" => NodeValue::Undefined,
        "null" => NodeValue::Null,
        "true" => NodeValue::Boolean(true),
        "false" => NodeValue::Boolean(false),
        _ => NodeValue::Internal,
    }
}
