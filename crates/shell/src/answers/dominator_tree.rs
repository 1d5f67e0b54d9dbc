//! The tree of dominators by constructor, as far as it matters: the heaviest branches, and how much hangs on all that is left out.
//!
//! Objects of one constructor that hang below the same objects are one node. V8's own objects belong to the JavaScript object that they
//! hang below.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use serde_json::{Value, json};
use v8_heap::Monitor;
use v8_heap::questions::OwnedGroup;

use super::source::Source;
use crate::error::DcmdError;
use crate::profile::{Profile, Stack, Unit};

/// A node of the tree. Names are not escaped, edges are.
#[derive(Debug)]
pub(crate) struct Node {
    /// Constructor of the objects; empty at the top.
    pub(crate) constructor: String,
    /// How one object above holds the one here, if each is one.
    pub(crate) edge: Option<String>,
    /// How many objects.
    pub(crate) objects: u64,
    /// What would be freed with them, in the heap and outside.
    pub(crate) retained: u64,
    pub(crate) outside: u64,
    /// The largest of them, as JSON has it.
    pub(crate) largest: Option<String>,
    /// The largest nodes below, the largest first.
    pub(crate) children: Vec<usize>,
    /// Bytes and objects of nodes below that are not among `children`.
    pub(crate) rest: (u64, u64),
    /// What hangs below was not looked at.
    pub(crate) is_closed: bool,
    depth: usize,
}

impl Node {
    /// `.list: 3 Link`
    fn title(&self) -> String {
        let edge = self.edge.as_ref().map_or(String::new(), |edge| format!("{edge}: "));
        match self.objects {
            1 => format!("{edge}{}", self.constructor),
            count => format!("{edge}{count} {}", self.constructor),
        }
    }

    /// All bytes.
    fn bytes(&self) -> u64 {
        self.retained.saturating_add(self.outside)
    }
}

/// How much of a tree is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// Nodes, about.
    pub(crate) nodes: usize,
    /// Nodes below one.
    pub(crate) children: usize,
    /// Levels.
    pub(crate) depth: usize,
}

/// The tree; its first node stands for all that lives.
#[derive(Debug)]
pub(crate) struct DominatorTree {
    pub(crate) nodes: Vec<Node>,
}

impl DominatorTree {
    /// The heaviest branches below `owners`, or of everything if there are none. The heaviest node is opened first, until there are enough.
    ///
    /// # Errors
    /// The heap cannot be read, or the user has stopped it.
    pub(crate) fn of(
        source: &dyn Source,
        owners: &[u32],
        extent: Extent,
        monitor: &dyn Monitor,
    ) -> Result<DominatorTree, DcmdError> {
        let dominators = source.dominators(monitor)?;
        let below = dominators.below();
        let tops: Vec<u32> = if owners.is_empty() { dominators.tops().collect() } else { owners.to_vec() };
        let sum = |of: &dyn Fn(u32) -> u64| tops.iter().fold(0u64, |sum, id| sum.saturating_add(of(*id)));
        let mut nodes = vec![Node {
            constructor: String::new(),
            edge: None,
            objects: tops.len() as u64,
            retained: sum(&|id| dominators.retained(id)),
            outside: sum(&|id| dominators.outside(id)),
            largest: None,
            children: Vec::new(),
            rest: (0, 0),
            is_closed: true,
            depth: 0,
        }];
        if let [owner] = owners {
            nodes[0].constructor = source.constructor_of(*owner);
            nodes[0].largest = Some(source.json(*owner));
        }
        let mut waiting = BinaryHeap::from([(nodes[0].bytes(), Reverse(0usize))]);
        let mut members: Vec<Vec<u32>> = vec![owners.to_vec()];
        while let Some((_, Reverse(index))) = waiting.pop() {
            if nodes.len() >= extent.nodes {
                break;
            }
            let owners = std::mem::take(&mut members[index]);
            let groups = source.owned_by(&owners, &below, monitor)?;
            nodes[index].is_closed = false;
            for (place, group) in groups.into_iter().enumerate() {
                let bytes = group.retained.saturating_add(group.outside);
                if place >= extent.children {
                    let rest = &mut nodes[index].rest;
                    *rest = (rest.0.saturating_add(bytes), rest.1 + group.members.len() as u64);
                    continue;
                }
                let depth = nodes[index].depth + 1;
                let id = nodes.len();
                nodes.push(Node {
                    constructor: source.name(group.constructor),
                    edge: edge(source, &owners, &group, monitor),
                    objects: group.members.len() as u64,
                    retained: group.retained,
                    outside: group.outside,
                    largest: group.members.first().map(|id| source.json(*id)),
                    children: Vec::new(),
                    rest: (0, 0),
                    is_closed: true,
                    depth,
                });
                members.push(group.members);
                nodes[index].children.push(id);
                if depth < extent.depth {
                    waiting.push((bytes, Reverse(id)));
                }
            }
        }
        Ok(DominatorTree { nodes })
    }

    /// Every node as a stack of its owners, with the bytes that are in no node below it.
    pub(crate) fn profile(&self) -> Profile {
        let mut above = vec![None; self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            for child in &node.children {
                if let Some(above) = above.get_mut(*child) {
                    *above = Some(index);
                }
            }
        }
        let mut stacks = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let mut frames = Vec::new();
            let mut at = Some(index);
            while let Some(own) = at {
                if let Some(node) = self.nodes.get(own).filter(|node| !node.constructor.is_empty()) {
                    frames.push(node.title());
                }
                at = above.get(own).copied().flatten();
            }
            frames.reverse();
            if node.rest.0 > 0 {
                let mut frames = frames.clone();
                frames.push(format!("{} others", node.rest.1));
                stacks.push(Stack { frames, weight: node.rest.0 });
            }
            let own = self.own(index);
            if own > 0 {
                if frames.is_empty() {
                    frames.push("V8".to_owned());
                }
                stacks.push(Stack { frames, weight: own });
            }
        }
        Profile { title: "what the heap hangs on".to_owned(), unit: Unit::Bytes, stacks }
    }

    /// Bytes of a node that are in no node below it: its own, and those of V8's objects below.
    fn own(&self, index: usize) -> u64 {
        let Some(node) = self.nodes.get(index) else { return 0 };
        let below = node.children.iter().map(|child| self.nodes[*child].bytes());
        node.bytes().saturating_sub(below.fold(node.rest.0, u64::saturating_add))
    }

    /// A node with all that is below it, as JSON.
    pub(crate) fn json(&self, index: usize) -> Value {
        // Children come behind their parents.
        let mut made: Vec<Option<Value>> = vec![None; self.nodes.len()];
        for (at, node) in self.nodes.iter().enumerate().rev() {
            let children: Vec<Value> =
                node.children.iter().filter_map(|child| made.get_mut(*child)?.take()).collect();
            made[at] = Some(json!({
                "constructor": node.constructor,
                "edge": node.edge,
                "objects": node.objects,
                "retained": node.retained,
                "outside": node.outside,
                "object": node.largest,
                "children": children,
                "restBytes": node.rest.0,
                "restObjects": node.rest.1,
                "closed": node.is_closed,
            }));
        }
        made.get_mut(index).and_then(Option::take).unwrap_or_default()
    }
}

/// How one object holds another, if each is one, and it does so itself.
pub(crate) fn edge(
    source: &dyn Source,
    owners: &[u32],
    group: &OwnedGroup,
    monitor: &dyn Monitor,
) -> Option<String> {
    let ([owner], [member]) = (owners, group.members.as_slice()) else { return None };
    source.manner(*owner, *member, monitor)
}
