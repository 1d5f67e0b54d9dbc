//! What a snapshot says of itself: the fields of nodes and edges, and what their types are called.
//!
//! Which fields there are, and in which order, has changed from version to version, and is told by the file.

use super::json::{Cursor, damaged, unescaped};
use crate::Result;

/// Most fields that a node or an edge can have; V8 writes up to seven.
const MOST_FIELDS: usize = 64;

/// What the type of a node says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NodeKind {
    /// V8's own affair.
    Hidden,
    /// Storage of elements, properties, entries.
    Array,
    /// A flat string.
    String,
    /// An object, or a context.
    Object,
    /// Code, and what describes it.
    Code,
    /// A function.
    Closure,
    /// A regular expression.
    RegExp,
    /// A number in a heap object of its own.
    Number,
    /// Of the embedder: a C++ object, or memory outside of the heap.
    Native,
    /// Made for the snapshot: roots and lists of them.
    Synthetic,
    /// A string of two others.
    ConsString,
    /// A part of another string.
    SlicedString,
    /// A symbol.
    Symbol,
    /// A BigInt.
    BigInt,
    /// A map, and what belongs to it.
    Shape,
    /// A type that is not known here.
    Other,
}

impl NodeKind {
    fn of(name: &str) -> NodeKind {
        match name {
            "hidden" => NodeKind::Hidden,
            "array" => NodeKind::Array,
            "string" => NodeKind::String,
            "object" => NodeKind::Object,
            "code" => NodeKind::Code,
            "closure" => NodeKind::Closure,
            "regexp" => NodeKind::RegExp,
            "number" => NodeKind::Number,
            "native" => NodeKind::Native,
            "synthetic" => NodeKind::Synthetic,
            "concatenated string" => NodeKind::ConsString,
            "sliced string" => NodeKind::SlicedString,
            "symbol" => NodeKind::Symbol,
            "bigint" => NodeKind::BigInt,
            "object shape" => NodeKind::Shape,
            _ => NodeKind::Other,
        }
    }

    /// Whether it is a string of any representation.
    pub fn is_string(self) -> bool {
        matches!(self, NodeKind::String | NodeKind::ConsString | NodeKind::SlicedString)
    }
}

/// How one node holds another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EdgeKind {
    /// A variable of a context.
    Context,
    /// An element.
    Element,
    /// A property.
    Property,
    /// A field of V8's that a name is known for.
    Internal,
    /// One without a name.
    Hidden,
    /// What is no reference of its own, but says something: from the root, that a node is a global object.
    Shortcut,
    /// It does not keep alive.
    Weak,
    /// A type that is not known here.
    Other,
}

impl EdgeKind {
    fn of(name: &str) -> EdgeKind {
        match name {
            "context" => EdgeKind::Context,
            "element" => EdgeKind::Element,
            "property" => EdgeKind::Property,
            "internal" => EdgeKind::Internal,
            "hidden" => EdgeKind::Hidden,
            "shortcut" => EdgeKind::Shortcut,
            "weak" => EdgeKind::Weak,
            _ => EdgeKind::Other,
        }
    }

    /// Whether it has a number and no name.
    pub fn is_numbered(self) -> bool {
        matches!(self, EdgeKind::Element | EdgeKind::Hidden)
    }
}

/// A type as the file calls it, and what that says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeType {
    /// What the file calls it.
    pub name: String,
    /// What is known by that name.
    pub kind: NodeKind,
}

/// Where the fields of a node are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NodeFields {
    pub width: usize,
    pub kind: usize,
    pub name: usize,
    pub id: usize,
    pub size: usize,
    pub edges: usize,
    /// Since V8 7.9.
    pub detachedness: Option<usize>,
}

/// Where the fields of an edge are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct EdgeFields {
    pub width: usize,
    pub kind: usize,
    pub name: usize,
    pub to: usize,
}

/// What the file says before its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    pub(super) node: NodeFields,
    pub(super) edge: EdgeFields,
    /// The types of nodes.
    pub node_types: Vec<NodeType>,
    pub(super) edge_kinds: Vec<EdgeKind>,
    /// How many nodes there are to be.
    pub node_count: Option<u64>,
    /// How many edges there are to be.
    pub edge_count: Option<u64>,
    /// Bytes outside of the heap that no node stands for; of V8 12 and later.
    pub extra_native_bytes: u64,
    /// The number of the root in the array of nodes.
    pub(super) root: u64,
}

impl Header {
    /// Reads the value of `snapshot`.
    ///
    /// # Errors
    /// It is damaged, cut off, or lacks what is needed.
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Header> {
        let start = cursor.at;
        let mut header = Header::default();
        let (mut node_fields, mut edge_fields) = (Vec::new(), Vec::new());
        let (mut node_types, mut edge_types) = (Vec::new(), Vec::new());
        cursor.members(|name, cursor| {
            match name {
                b"meta" => cursor.members(|name, cursor| {
                    match name {
                        b"node_fields" => node_fields = strings(cursor)?,
                        b"edge_fields" => edge_fields = strings(cursor)?,
                        b"node_types" => node_types = strings_of_first(cursor)?,
                        b"edge_types" => edge_types = strings_of_first(cursor)?,
                        _ => cursor.skip()?,
                    }
                    Ok(true)
                })?,
                b"node_count" => header.node_count = Some(cursor.number()?),
                b"edge_count" => header.edge_count = Some(cursor.number()?),
                b"extra_native_bytes" => header.extra_native_bytes = cursor.number()?,
                b"root_index" => header.root = cursor.number()?,
                _ => cursor.skip()?,
            }
            Ok(true)
        })?;
        let place = |fields: &[String], what: &str, name: &str| {
            let found = fields.iter().position(|field| field == name);
            found.ok_or_else(|| damaged("description", start, format!("no field `{name}` in {what}")))
        };
        let of_node = |name| place(&node_fields, "node_fields", name);
        let of_edge = |name| place(&edge_fields, "edge_fields", name);
        header.node = NodeFields {
            width: node_fields.len(),
            kind: of_node("type")?,
            name: of_node("name")?,
            id: of_node("id")?,
            size: of_node("self_size")?,
            edges: of_node("edge_count")?,
            detachedness: of_node("detachedness").ok(),
        };
        header.edge = EdgeFields {
            width: edge_fields.len(),
            kind: of_edge("type")?,
            name: of_edge("name_or_index")?,
            to: of_edge("to_node")?,
        };
        if header.node.width > MOST_FIELDS || header.edge.width > MOST_FIELDS || node_types.len() > 256 {
            return Err(damaged("description", start, "more fields or types than can be".to_owned()));
        }
        header.node_types =
            node_types.into_iter().map(|name| NodeType { kind: NodeKind::of(&name), name }).collect();
        header.edge_kinds = edge_types.iter().map(|name| EdgeKind::of(name)).collect();
        Ok(header)
    }
}

fn strings(cursor: &mut Cursor<'_>) -> Result<Vec<String>> {
    let mut found = Vec::new();
    cursor.elements(|cursor| {
        found.push(unescaped(cursor.string()?));
        Ok(())
    })?;
    Ok(found)
}

/// The first element, which is an array of strings; the others say of which type the other fields are.
fn strings_of_first(cursor: &mut Cursor<'_>) -> Result<Vec<String>> {
    let mut found = None;
    cursor.elements(|cursor| {
        match found {
            None => found = Some(strings(cursor)?),
            Some(_) => cursor.skip()?,
        }
        Ok(())
    })?;
    Ok(found.unwrap_or_default())
}
