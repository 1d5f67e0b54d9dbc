//! The edges of a snapshot: read from the file where they are asked for, and made into the graph of what keeps what alive.
//!
//! Which of them count is what Chrome's developer tools say, so that sizes are the same:
//!
//! - Weak edges, and those from a node to itself, keep nothing alive.
//! - The value of an entry in a WeakMap is held by key and table together, and has an edge from each. It counts for the key.
//! - Shortcuts repeat what other edges say. From the root they mark the global objects: all that these reach is the program's.
//! - What is not the program's keeps nothing alive that is: so what V8 or a debugger holds besides does not hide who owns it.

use std::sync::Arc;

use super::contents::Contents;
use super::header::Header;
use super::json::damaged;
use super::nodes::Nodes;
use super::numbers::{Numbers, Reader};
use super::parts::{in_parts, share_of};
use super::strings::{IS_PAIR, Strings};
use crate::graph::{Graph, ObjectSet, Owned, Rows};
use crate::snapshot::EdgeKind;
use crate::{Error, Monitor, Result};

/// Edges between two looks at whether to stop.
const BETWEEN_LOOKS: usize = 1 << 15;
/// Takes the place of an edge that does not count.
const NOWHERE: u32 = u32::MAX;

/// An edge as it is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// How it holds.
    pub kind: EdgeKind,
    /// The number of the string that is its name, or its own number: see [`EdgeKind::is_numbered`].
    pub name: u32,
    /// Whom.
    pub to: u32,
}

/// All that is needed to read edges.
#[derive(Clone, Copy)]
pub(super) struct Edges<'a> {
    pub contents: &'a Contents,
    pub header: &'a Header,
    pub numbers: &'a Numbers,
    pub nodes: &'a Nodes,
}

impl Edges<'_> {
    /// Whether there are as many as the nodes say.
    ///
    /// # Errors
    /// There are more or fewer.
    pub fn check(&self) -> Result<()> {
        let wanted = u64::from(self.nodes.edges.last().copied().unwrap_or(0));
        let width = self.header.edge.width as u64;
        if self.numbers.count == wanted * width {
            return Ok(());
        }
        let found =
            format!("{} numbers where {wanted} edges of {width} numbers each should be", self.numbers.count);
        Err(damaged("edges", self.numbers.end(), found))
    }

    /// The edges from a node.
    ///
    /// # Errors
    /// They are damaged.
    pub fn of(&self, node: u32) -> Result<Vec<Edge>> {
        let (first, end) = self.range(node);
        let mut reader = self.reader(first);
        (first..end).map(|_| self.next(&mut reader, node)).collect()
    }

    fn range(&self, node: u32) -> (u32, u32) {
        (self.nodes.edges[node as usize], self.nodes.edges[node as usize + 1])
    }

    fn reader(&self, edge: u32) -> Reader<'_> {
        self.numbers.from(self.contents, u64::from(edge) * self.header.edge.width as u64)
    }

    #[inline]
    fn next(&self, reader: &mut Reader<'_>, holder: u32) -> Result<Edge> {
        let fields = &self.header.edge;
        let start = reader.at();
        let (mut kind, mut name, mut to) = (0, 0, 0);
        for field in 0..fields.width {
            let number = reader.next()?;
            if field == fields.kind {
                kind = number;
            } else if field == fields.name {
                name = number;
            } else if field == fields.to {
                to = number;
            }
        }
        let wrong = |what: String| damaged("edges", start, format!("{what}, from node {holder}"));
        let kind = usize::try_from(kind).ok().and_then(|kind| self.header.edge_kinds.get(kind)).copied();
        let kind = kind.ok_or_else(|| wrong("an edge of a type that has no name".to_owned()))?;
        let width = self.header.node.width as u64;
        let target = to / width;
        if target * width != to || target >= self.nodes.len() as u64 {
            return Err(wrong(format!("an edge to {to}, where no node begins")));
        }
        Ok(Edge { kind, name: u32::try_from(name).unwrap_or(u32::MAX), to: target as u32 })
    }

    /// Hands all edges with their holders to a taker for each thread, in order there; the takers.
    ///
    /// # Errors
    /// The edges are damaged; [`Error::Interrupted`].
    pub fn for_each<T: Send>(
        &self,
        what: &str,
        monitor: &dyn Monitor,
        start: impl Fn() -> T + Sync,
        take: impl Fn(&mut T, u32, Edge) + Sync,
    ) -> Result<Vec<T>> {
        let total = self.nodes.edges.last().copied().unwrap_or(0) as usize;
        monitor.begin(what, total as u64);
        let share = share_of(total);
        let parts = (0..total).step_by(share).map(|first| (first, total.min(first + share))).collect();
        in_parts(parts, |(first, end)| {
            let mut taker = start();
            self.part(first, end, monitor, |holder, _, edge| take(&mut taker, holder, edge))?;
            Ok(taker)
        })
    }

    /// Hands edges `[first, end)` to `take`, each with its holder and how many came before.
    fn part(
        &self,
        first: usize,
        end: usize,
        monitor: &dyn Monitor,
        mut take: impl FnMut(u32, usize, Edge),
    ) -> Result<()> {
        let ends = &self.nodes.edges;
        let mut holder = ends.partition_point(|start| *start as usize <= first).saturating_sub(1);
        let mut reader = self.reader(first as u32);
        for edge in first..end {
            while ends[holder + 1] as usize <= edge {
                holder += 1;
            }
            take(holder as u32, edge - first, self.next(&mut reader, holder as u32)?);
            if edge.is_multiple_of(BETWEEN_LOOKS) {
                reader.give_back();
                monitor.advance(BETWEEN_LOOKS as u64);
                if monitor.cancelled() {
                    return Err(Error::Interrupted);
                }
            }
        }
        Ok(())
    }

    /// The graph of what keeps what alive. `root` is the node that holds all.
    ///
    /// # Errors
    /// The edges are damaged; [`Error::Interrupted`].
    pub fn graph(&self, strings: &Strings, root: u32, monitor: &dyn Monitor) -> Result<Graph> {
        let total = self.nodes.edges.last().copied().unwrap_or(0) as usize;
        monitor.begin("reading references", total as u64);
        let mut targets = vec![NOWHERE; total];
        let share = share_of(total);
        let parts: Vec<_> = targets.chunks_mut(share).enumerate().collect();
        let beside = in_parts(parts, |(part, targets)| {
            let mut beside = Beside::default();
            let first = part * share;
            self.part(first, first + targets.len(), monitor, |holder, at, edge| {
                if self.counts(strings, root, holder, edge, &mut beside) {
                    targets[at] = edge.to;
                }
            })?;
            Ok(beside)
        })?;
        let mut graph = self.packed(targets);
        let globals: Vec<u32> = beside.iter().flat_map(|beside| beside.globals.iter().copied()).collect();
        let others: Vec<(u32, u32)> = beside.into_iter().flat_map(|beside| beside.others).collect();
        if !globals.is_empty() {
            self.keep_programs(&mut graph, root, globals, others, monitor)?;
        }
        Ok(graph)
    }

    /// Whether an edge keeps alive what it leads to, as far as can be told by itself.
    #[inline]
    fn counts(&self, strings: &Strings, root: u32, holder: u32, edge: Edge, beside: &mut Beside) -> bool {
        match edge.kind {
            EdgeKind::Weak => return false,
            EdgeKind::Shortcut if holder == root => beside.globals.push(edge.to),
            EdgeKind::Shortcut => {
                beside.others.push((holder, edge.to));
                return false;
            }
            EdgeKind::Internal
                if strings.marks(edge.name) & IS_PAIR != 0
                    && strings.table_of_pair(self.contents, edge.name) == Some(self.nodes.id(holder)) =>
            {
                beside.others.push((holder, edge.to));
                return false;
            }
            _ => {}
        }
        holder != edge.to
    }

    /// Rows of the targets that count.
    fn packed(&self, mut targets: Vec<u32>) -> Graph {
        let mut starts = Vec::with_capacity(self.nodes.edges.len());
        let mut kept = 0;
        for node in 0..self.nodes.len() as u32 {
            starts.push(kept as u32);
            let (first, end) = self.range(node);
            for edge in first as usize..end as usize {
                let target = targets[edge];
                targets[kept] = target;
                kept += usize::from(target != NOWHERE);
            }
        }
        starts.push(kept as u32);
        targets.truncate(kept);
        targets.shrink_to_fit();
        let owned = self.nodes.outside.iter().map(|&(owner, bytes)| Owned { owner, address: 0, bytes });
        Graph::of_file(Rows::new(starts, targets), owned.collect(), Arc::clone(&self.nodes.sizes))
    }

    /// Drops the edges from what is not the program's to what is.
    fn keep_programs(
        &self,
        graph: &mut Graph,
        root: u32,
        globals: Vec<u32>,
        mut others: Vec<(u32, u32)>,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let programs = ObjectSet::new(graph.len());
        programs.add_reached(graph, globals, monitor)?;
        // What leads on though it does not count.
        loop {
            let (more, rest): (Vec<_>, Vec<_>) =
                others.into_iter().partition(|(holder, _)| programs.contains(*holder));
            others = rest;
            let more: Vec<u32> =
                more.into_iter().map(|(_, to)| to).filter(|to| !programs.contains(*to)).collect();
            if more.is_empty() {
                break;
            }
            programs.add_reached(graph, more, monitor)?;
        }
        graph.holds.retain(|holder, target| {
            holder == root || programs.contains(holder) || !programs.contains(target)
        });
        Ok(())
    }
}

/// What is met among the edges besides those that count.
#[derive(Default)]
struct Beside {
    /// Nodes that the root marks as global objects.
    globals: Vec<u32>,
    /// Edges that are followed to find what is the program's, though they keep nothing alive.
    others: Vec<(u32, u32)>,
}
