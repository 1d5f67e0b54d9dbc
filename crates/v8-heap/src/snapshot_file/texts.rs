//! What the strings of the program say.

use super::objects::Nodes;
use crate::Result;
use crate::snapshot::{EdgeKind, NodeKind};

/// Parts of a string of strings that are looked at.
const MOST_PARTS: usize = 1 << 12;

/// What a string says, as far as the file has it. V8 keeps the first 1024 characters of each unless it is told otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotText {
    /// The text.
    pub text: String,
    /// Not all of it was read.
    pub is_cut: bool,
}

impl Nodes<'_> {
    /// What a string says, `most` characters of it at most; nothing if the node is no string.
    ///
    /// # Errors
    /// The edges are damaged.
    pub fn string(&self, node: u32, most: usize) -> Result<Option<SnapshotText>> {
        if !self.kind(node).is_string() {
            return Ok(None);
        }
        let mut text = String::new();
        let mut length = 0;
        let mut waiting = vec![node];
        let mut parts = 0;
        while let Some(part) = waiting.pop() {
            parts += 1;
            if parts > MOST_PARTS {
                return Ok(Some(SnapshotText { text, is_cut: true }));
            }
            if self.kind(part) == NodeKind::ConsString {
                let edges = self.edges_of(part)?;
                let named = |name: &str| {
                    let edge = edges.iter().find(|edge| {
                        edge.kind == EdgeKind::Internal && self.edge_name(edge).as_deref() == Some(name)
                    });
                    edge.map(|edge| edge.to)
                };
                if let (Some(first), Some(second)) = (named("first"), named("second")) {
                    waiting.extend([second, first]);
                    continue;
                }
            }
            for letter in self.name(part).chars() {
                if length >= most {
                    return Ok(Some(SnapshotText { text, is_cut: true }));
                }
                text.push(letter);
                length += 1;
            }
        }
        Ok(Some(SnapshotText { text, is_cut: false }))
    }
}
