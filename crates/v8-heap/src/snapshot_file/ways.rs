//! Ways from the roots to a node: why it is alive.
//!
//! Searched backwards, breadth first, from the node to the nearest root, in up to four attempts, as in a core: through what a JavaScript
//! program has to a global object; the same to any root; then both through everything.

use super::objects::Nodes;
use super::{Monitor, Result, SnapshotFile};
use crate::Error;
use crate::graph::{BETWEEN_LOOKS, Objects, Passage};

/// Ways that are searched for at most.
const MOST_WAYS: usize = 1000;
/// Not reached by the search.
const UNSEEN: u32 = u32::MAX;

/// A way from a root to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The node of the snapshot that stands for the root, such as `(Global handles)`; nothing if the way begins at a global object,
    /// which every program has.
    pub root: Option<u32>,
    /// From what the root holds to the node asked about.
    pub nodes: Vec<u32>,
}

struct Search<'a> {
    nodes: Nodes<'a>,
    globals: Vec<u32>,
    next: Vec<u32>,
    banned: Vec<u32>,
    root_is_banned: bool,
}

impl SnapshotFile {
    /// Up to `most` ways on which a node is kept alive, the shortest first. No two lead through the same JavaScript object last before the
    /// node. With `everything`, V8's own objects are steps like any others.
    ///
    /// # Errors
    /// As [`SnapshotFile::nodes`].
    pub fn ways(
        &self,
        target: u32,
        most: usize,
        everything: bool,
        monitor: &dyn Monitor,
    ) -> Result<Vec<Way>> {
        let nodes = self.nodes(monitor)?;
        self.held_by(monitor)?;
        let mut search = Search {
            nodes,
            globals: nodes.globals()?,
            next: Vec::new(),
            banned: Vec::new(),
            root_is_banned: false,
        };
        let mut ways = Vec::new();
        for (through_internals, to_any_root) in [(false, false), (false, true), (true, false), (true, true)] {
            if everything && !through_internals {
                continue;
            }
            while ways.len() < most.min(MOST_WAYS) {
                let Some(way) = search.run(target, through_internals, to_any_root, monitor)? else { break };
                search.ban(&way);
                ways.push(way);
            }
            if !ways.is_empty() {
                break;
            }
        }
        Ok(ways)
    }
}

impl Search<'_> {
    fn run(
        &mut self,
        target: u32,
        through_internals: bool,
        to_any_root: bool,
        monitor: &dyn Monitor,
    ) -> Result<Option<Way>> {
        let held_by = self.nodes.file.held_by(monitor)?;
        self.next.clear();
        self.next.resize(self.nodes.len(), UNSEEN);
        for &banned in &self.banned {
            self.next[banned as usize] = banned;
        }
        if self.next[target as usize] != UNSEEN {
            return Ok(None);
        }
        monitor.begin("searching for roots", self.nodes.len() as u64);
        self.next[target as usize] = target;
        let mut queue = vec![target];
        let mut at = 0;
        while let Some(&node) = queue.get(at) {
            at += 1;
            if at.is_multiple_of(BETWEEN_LOOKS) {
                monitor.advance(BETWEEN_LOOKS as u64);
                if monitor.cancelled() {
                    return Err(Error::Interrupted);
                }
            }
            let may_end = !(node == target && self.root_is_banned);
            if may_end && self.globals.contains(&node) && !through_internals {
                return Ok(Some(self.way(None, node)));
            }
            for &holder in held_by.of(node) {
                if self.is_root(holder) {
                    if to_any_root && may_end {
                        return Ok(Some(self.way(Some(holder), node)));
                    }
                    continue;
                }
                if self.next[holder as usize] == UNSEEN
                    && (through_internals || self.nodes.passage(holder) != Passage::Internal)
                {
                    self.next[holder as usize] = node;
                    queue.push(holder);
                }
            }
            // What nothing holds is held by the root of all.
            if held_by.of(node).is_empty() && to_any_root && may_end && !self.is_root(node) {
                return Ok(Some(self.way(Some(self.nodes.file.root()), node)));
            }
        }
        Ok(None)
    }

    fn is_root(&self, node: u32) -> bool {
        self.nodes.kind(node) == crate::snapshot::NodeKind::Synthetic
    }

    fn way(&self, root: Option<u32>, first: u32) -> Way {
        let mut nodes = vec![first];
        let mut at = first;
        while self.next[at as usize] != at {
            at = self.next[at as usize];
            nodes.push(at);
        }
        Way { root, nodes }
    }

    /// Keeps later ways from being like this one.
    fn ban(&mut self, way: &Way) {
        let holders = &way.nodes[..way.nodes.len() - 1];
        match holders.iter().rev().find(|node| self.nodes.is_js(**node)).or(holders.last()) {
            Some(holder) if !self.globals.contains(holder) => self.banned.push(*holder),
            // The global object holds much; what lies between it and the node is banned.
            Some(_) => self.banned.extend(holders.last()),
            None => self.root_is_banned = true,
        }
    }
}
