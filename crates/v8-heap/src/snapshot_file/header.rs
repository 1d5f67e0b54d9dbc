//! What a snapshot says of itself: the fields of nodes and edges, and what their types are called.
//!
//! Which fields there are, and in which order, has changed from version to version, and is told by the file.

use super::json::{Cursor, damaged, unescaped};
use crate::Result;
use crate::snapshot::{EdgeKind, NodeKind};

/// Most fields that a node or an edge can have; V8 writes up to seven.
const MOST_FIELDS: usize = 64;

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
