//! What belongs to one C++ object.

use std::collections::{HashMap, HashSet};

use super::{EmbedderGraph, Node};
use crate::Tagged;

impl EmbedderGraph {
    /// The bytes of the C++ objects that objects stand for, by these: each with all of its parts that no other object stands for and
    /// that are not alive by themselves. A part of two counts for both.
    pub fn bytes_behind(&self) -> HashMap<Tagged, u64> {
        let mut natives_of: HashMap<Tagged, Vec<u32>> = HashMap::new();
        let mut parts_of: HashMap<u32, Vec<u32>> = HashMap::new();
        let mut stand_behind = HashSet::new();
        for edge in &self.edges {
            match (self.nodes[edge.from as usize], self.nodes[edge.to as usize]) {
                (Node::Value(value), Node::Native { .. }) => {
                    natives_of.entry(value).or_default().push(edge.to);
                    stand_behind.insert(edge.to);
                }
                (Node::Native { .. }, Node::Native { is_root: false, .. }) => {
                    parts_of.entry(edge.from).or_default().push(edge.to);
                }
                _ => {}
            }
        }
        for (index, node) in (0..).zip(&self.nodes) {
            if let Node::Native { merged: Some(value), .. } = node
                && let Node::Value(value) = self.nodes[*value as usize]
            {
                natives_of.entry(value).or_default().push(index);
                stand_behind.insert(index);
            }
        }
        let bytes = |first: &[u32]| {
            let mut seen: HashSet<u32> = first.iter().copied().collect();
            let mut pending = first.to_vec();
            let mut sum = 0_u64;
            while let Some(node) = pending.pop() {
                if let Node::Native { size, .. } = self.nodes[node as usize] {
                    sum = sum.saturating_add(size);
                }
                let parts = parts_of.get(&node).into_iter().flatten();
                pending.extend(parts.filter(|part| !stand_behind.contains(*part) && seen.insert(**part)));
            }
            sum
        };
        natives_of.iter().map(|(value, natives)| (*value, bytes(natives))).collect()
    }
}
